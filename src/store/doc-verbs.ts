import { iso } from '../clock.ts';
import { DependencyError, UsageError } from '../errors.ts';
import type { Core } from './core.ts';
import { checked, frozen, jsonBytes } from './json.ts';
import { Doc } from './records.ts';
import type { Page } from './reader.ts';
import { clampLimit } from './run-index.ts';
import { every } from './run-verbs.ts';
import type { Store } from './store.ts';

type DocVerbs = Pick<Store, 'putDoc' | 'removeDoc' | 'getDoc' | 'listDocs'> & {
  /** Removes documents past their `expiresAt`; at most `limit` a call. */
  expire(limit: number): Promise<number>;
};
type Wanted = Parameters<Store['putDoc']>[0];

/** Makes the verbs of the small documents; all of them are held in memory. */
export function createDocVerbs(core: Core, loaded: readonly Doc[]): DocVerbs {
  const docs = new Map<string, Map<string, Doc>>();
  /** Keys of a kind in order; made when asked for. */
  const sorted = new Map<string, string[]>();
  let total = 0;
  for (const doc of loaded) keep(frozen(doc));

  function keep(doc: Doc): void {
    let ofKind = docs.get(doc.kind);
    if (ofKind === undefined) docs.set(doc.kind, (ofKind = new Map()));
    if (!ofKind.has(doc.key)) {
      total++;
      sorted.delete(doc.kind);
    }
    ofKind.set(doc.key, doc);
  }
  function drop(kind: string, key: string): void {
    if (docs.get(kind)?.delete(key) !== true) return;
    total--;
    sorted.delete(kind);
  }
  function present(kind: string, key: string): Doc | undefined {
    const doc = docs.get(kind)?.get(key);
    return doc === undefined || isExpired(doc, iso(core.clock.now())) ? undefined : doc;
  }

  async function put(wanted: Wanted): ReturnType<Store['putDoc']> {
    const before = present(wanted.kind, wanted.key);
    if ((before?.rev ?? 0) !== wanted.rev) return { outcome: 'conflict', rev: before?.rev ?? 0 };
    // An expired document that is still there passes its number on: a holder of the old rev stays in the past.
    const rev = (docs.get(wanted.kind)?.get(wanted.key)?.rev ?? 0) + 1;
    const doc = checked(Doc, newDoc(wanted, rev, core.clock.now()), `The document ${wanted.kind}/${wanted.key}`);
    checkRoom(doc, before === undefined);
    await core.backing.commit([{ kind: 'doc', doc }]);
    keep(doc);
    return { outcome: 'stored', doc };
  }
  function checkRoom(doc: Doc, isNew: boolean): void {
    const bytes = jsonBytes(doc, doc.key);
    if (bytes > core.options.maxDocBytes) {
      throw new UsageError(
        `The document ${doc.kind}/${doc.key} has ${bytes} bytes; at most ${core.options.maxDocBytes} are kept.`,
        {
          code: 'TOO_LARGE',
        },
      );
    }
    if (isNew && total >= core.options.maxDocs) {
      throw new DependencyError(`The store holds ${total} documents and takes no more.`, {
        code: 'STORE_FULL',
        retryable: true,
        hint: 'Expired documents are removed within seconds; try again.',
      });
    }
  }
  async function removeOne(kind: string, key: string): Promise<void> {
    if (docs.get(kind)?.has(key) !== true) return;
    await core.backing.commit([{ kind: 'doc-removal', docKind: kind, key }]);
    drop(kind, key);
  }
  function list(kind: string, query: { limit?: number; after?: string }): Page<Doc> {
    const ofKind = docs.get(kind);
    if (ofKind === undefined) return { items: [] };
    let keys = sorted.get(kind);
    if (keys === undefined) sorted.set(kind, (keys = [...ofKind.keys()].sort()));
    const after = query.after === undefined ? '' : Buffer.from(query.after.slice(0, 200), 'base64url').toString();
    const limit = clampLimit(query.limit);
    const items: Doc[] = [];
    for (const key of keys) {
      const doc = key > after ? present(kind, key) : undefined;
      if (doc === undefined) continue;
      if (items.length === limit) return { items, next: Buffer.from(items.at(-1)?.key ?? '').toString('base64url') };
      items.push(doc);
    }
    return { items };
  }

  const locked = <T>(kind: string, key: string, work: () => Promise<T>): Promise<T> =>
    core.locks.run(`doc ${kind}/${key}`, work);
  return {
    putDoc: (doc) => locked(doc.kind, doc.key, () => put(doc)),
    removeDoc: (kind, key) => locked(kind, key, () => removeOne(kind, key)),
    getDoc: async (kind, key) => present(kind, key),
    listDocs: async (kind, query) => list(kind, query),
    async expire(limit) {
      const nowIso = iso(core.clock.now());
      const expired: Doc[] = [];
      for (const ofKind of docs.values()) {
        for (const doc of ofKind.values()) if (expired.length < limit && isExpired(doc, nowIso)) expired.push(doc);
      }
      await every(
        expired.map((doc) =>
          locked(doc.kind, doc.key, async () => {
            if (docs.get(doc.kind)?.get(doc.key) === doc) await removeOne(doc.kind, doc.key);
          }),
        ),
      );
      return expired.length;
    },
  };
}

function newDoc(wanted: Wanted, rev: number, now: number): Doc {
  return {
    v: 1,
    kind: wanted.kind,
    key: wanted.key,
    rev,
    updatedAt: iso(now),
    ...(wanted.expiresAt === undefined ? {} : { expiresAt: iso(Date.parse(wanted.expiresAt)) }),
    value: wanted.value,
  };
}

function isExpired(doc: Doc, nowIso: string): boolean {
  return doc.expiresAt !== undefined && doc.expiresAt <= nowIso;
}
