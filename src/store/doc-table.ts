/**
 * The small documents, all of them in memory, in the shape that several verbs share: a verb locks the documents it changes, stages
 * what they will be, commits them with whatever else it does, and then keeps them.
 */
import { iso } from '../clock.ts';
import { DependencyError, UsageError } from '../errors.ts';
import type { Core } from './core.ts';
import { checked, frozen, jsonBytes } from './json.ts';
import { Doc } from './records.ts';
import type { NewDoc } from './store.ts';

export type DocName = Pick<Doc, 'kind' | 'key'>;

type Unchecked = Pick<NewDoc, 'kind' | 'key' | 'expiresAt' | 'runId'> & { value: unknown };

/** Kinds that the store keeps itself: only its own verbs write them. */
export const LEDGER = 'ledger';
export const QUEUES = 'queues';
export const COPY = 'copy';
export const NOTICE = 'notice';
/** Documents that are removed with one run: they go in one commit. */
const MAX_OF_RUN = 100;
const KEPT_BY_STORE: readonly string[] = [LEDGER, QUEUES, COPY, NOTICE];

export interface DocTable {
  /** The document; undefined when there is none or it has expired. */
  present(name: DocName): Doc | undefined;
  /** Documents of a kind whose key is greater than `after`, in the order of their keys; expired ones are left out. */
  ofKind(kind: string, after: string): Iterable<Doc>;
  expired(limit: number): Doc[];
  /** What the document will be: checked, measured, its number raised. Call it under the lock of the document. */
  stage(wanted: Unchecked): Doc;
  /** The present number when it is not the wanted one; undefined when `wanted` may be written. */
  conflict(wanted: NewDoc): number | undefined;
  /** Shows a document whose commit resolved. */
  keep(doc: Doc): void;
  drop(doc: DocName): void;
  /** Whether it is there, expired or not. */
  has(name: DocName): boolean;
  /** Whether exactly this version is still the present one. */
  holds(doc: Doc): boolean;
  /** Those that are removed with the run, expired ones too. */
  ofRun(runId: string): DocName[];
  locked<T>(names: readonly DocName[], work: () => Promise<T>): Promise<T>;
}

/** Makes the table of what was loaded. */
export function createDocTable(core: Core, loaded: readonly Doc[]): DocTable {
  const docs = new Map<string, Map<string, Doc>>();
  /** Keys of a kind in order; made when asked for. */
  const sorted = new Map<string, string[]>();
  /** The names of what belongs to a run. */
  const owned = new Map<string, Map<string, DocName>>();
  let total = 0;
  for (const doc of loaded) keep(frozen(doc));

  function keep(doc: Doc): void {
    let known = docs.get(doc.kind);
    if (known === undefined) docs.set(doc.kind, (known = new Map()));
    if (!known.has(doc.key)) {
      total++;
      sorted.delete(doc.kind);
    }
    disown(known.get(doc.key));
    known.set(doc.key, doc);
    if (doc.runId === undefined) return;
    let names = owned.get(doc.runId);
    if (names === undefined) owned.set(doc.runId, (names = new Map()));
    names.set(textOf(doc), { kind: doc.kind, key: doc.key });
  }
  function disown(doc: Doc | undefined): void {
    if (doc?.runId === undefined) return;
    const names = owned.get(doc.runId);
    names?.delete(textOf(doc));
    if (names?.size === 0) owned.delete(doc.runId);
  }
  function drop({ kind, key }: DocName): void {
    const known = docs.get(kind);
    disown(known?.get(key));
    if (known?.delete(key) !== true) return;
    total--;
    sorted.delete(kind);
  }
  function present({ kind, key }: DocName): Doc | undefined {
    const doc = docs.get(kind)?.get(key);
    return doc === undefined || isExpired(doc, iso(core.clock.now())) ? undefined : doc;
  }
  function stage(wanted: Unchecked): Doc {
    // An expired document that is still there passes its number on: a holder of the old rev stays in the past.
    const rev = (docs.get(wanted.kind)?.get(wanted.key)?.rev ?? 0) + 1;
    const before = present(wanted);
    // Who rewrites a document need not know whose it is.
    const runId = wanted.runId ?? before?.runId;
    const whole = { ...wanted, ...(runId === undefined ? {} : { runId }) };
    const doc = checked(Doc, newDoc(whole, rev, core.clock.now()), `The document ${wanted.kind}/${wanted.key}`);
    checkRoom(doc, before === undefined);
    if (runId !== undefined && before?.runId !== runId) checkOwner(doc, runId);
    return doc;
  }
  function checkRoom(doc: Doc, isNew: boolean): void {
    const bytes = jsonBytes(doc, doc.key);
    const { maxDocs } = core.options;
    // A notice holds what a run and its deliveries hold in two files: frozen messages for up to 20 places.
    const maxDocBytes = doc.kind === NOTICE ? core.options.maxRunBytes : core.options.maxDocBytes;
    if (bytes > maxDocBytes) {
      const message = `The document ${doc.kind}/${doc.key} has ${bytes} bytes; at most ${maxDocBytes} are kept.`;
      throw new UsageError(message, { code: 'TOO_LARGE' });
    }
    if (isNew && total >= maxDocs) {
      throw new DependencyError(`The store holds ${total} documents and takes no more.`, {
        code: 'STORE_FULL',
        retryable: true,
        hint: 'Expired documents are removed within seconds; try again.',
      });
    }
  }
  function checkOwner(doc: Doc, runId: string): void {
    if ((owned.get(runId)?.size ?? 0) < MAX_OF_RUN) return;
    throw new UsageError(`The run ${runId} has ${MAX_OF_RUN} documents; ${doc.kind}/${doc.key} is one too many.`, {
      code: 'TOO_LARGE',
      hint: 'Keep what belongs together in one document.',
    });
  }
  function* ofKind(kind: string, after: string): Iterable<Doc> {
    const known = docs.get(kind);
    if (known === undefined) return;
    let keys = sorted.get(kind);
    if (keys === undefined) sorted.set(kind, (keys = [...known.keys()].sort()));
    for (const key of keys) {
      const doc = key > after ? present({ kind, key }) : undefined;
      if (doc !== undefined) yield doc;
    }
  }
  return {
    present,
    ofKind,
    expired(limit) {
      const nowIso = iso(core.clock.now());
      const found: Doc[] = [];
      for (const known of docs.values()) {
        for (const doc of known.values()) if (found.length < limit && isExpired(doc, nowIso)) found.push(doc);
      }
      return found;
    },
    stage,
    conflict(wanted) {
      const rev = present(wanted)?.rev ?? 0;
      return wanted.rev === undefined || wanted.rev === rev ? undefined : rev;
    },
    keep,
    drop,
    has: ({ kind, key }) => docs.get(kind)?.has(key) === true,
    ofRun: (runId) => [...(owned.get(runId)?.values() ?? [])],
    holds: (doc) => docs.get(doc.kind)?.get(doc.key) === doc,
    locked: (names, work) =>
      core.locks.runAll(
        names.map(({ kind, key }) => `doc ${kind}/${key}`),
        work,
      ),
  };
}

/** Refuses a document that only the store itself may write. */
export function checkFree({ kind, key }: DocName): void {
  if (!KEPT_BY_STORE.includes(kind)) return;
  throw new UsageError(`The document ${kind}/${key} is kept by the store and written by its own verbs.`, {
    code: 'INPUT_INVALID',
    hint: 'Choose another kind.',
  });
}

function newDoc(wanted: Unchecked, rev: number, now: number): Unchecked & Pick<Doc, 'v' | 'rev' | 'updatedAt'> {
  return {
    v: 1,
    kind: wanted.kind,
    key: wanted.key,
    rev,
    updatedAt: iso(now),
    ...(wanted.expiresAt === undefined ? {} : { expiresAt: iso(Date.parse(wanted.expiresAt)) }),
    ...(wanted.runId === undefined ? {} : { runId: wanted.runId }),
    value: wanted.value,
  };
}

function textOf({ kind, key }: DocName): string {
  return `${kind}/${key}`;
}

function isExpired(doc: Doc, nowIso: string): boolean {
  return doc.expiresAt !== undefined && doc.expiresAt <= nowIso;
}
