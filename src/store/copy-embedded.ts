/** The two ends of a copy over a backing: what every embedded store is copied from and to. */
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import { codeOf, DependencyError } from '../errors.ts';
import type { Backing, Change, Loaded } from './backing.ts';
import { CopyMark, idOf } from './copy.ts';
import type { CopyItem, CopySource, CopyTarget, Section } from './copy.ts';
import type { StoreOptions } from './core.ts';
import { COPY } from './doc-table.ts';
import type { Doc, StoreEvent } from './records.ts';

/** An embedded store that somebody opened, and how it is let go. */
export interface Opened {
  name: string;
  backing: Backing;
  loaded: Loaded;
  close: () => Promise<void>;
}

const MARK = { kind: COPY, key: 'progress' };
/** Runs that are read at once. */
const READS = 32;
/** No shelf gives out more. */
const MAX_BLOB_BYTES = 1024 * 1024 * 1024;

/** What the documents say of a copy that is under way; undefined: there is none. */
export function markIn(docs: readonly Doc[]): { mark: CopyMark; doc: Doc } | undefined {
  const doc = docs.find(isMark);
  return doc === undefined ? undefined : { mark: CopyMark.parse(doc.value), doc };
}

/** Whether it is the document that says how far a copy is. */
export function isMark({ kind, key }: Pick<Doc, 'kind' | 'key'>): boolean {
  return kind === MARK.kind && key === MARK.key;
}

/** Makes a source of an opened store. Rejects with STORE_CORRUPT when something in it cannot be read: a copy must not lose it silently. */
export function embeddedSource(opened: Opened, options: Pick<StoreOptions, 'eventsKept' | 'eventsKeepMs'>): CopySource {
  const { name, backing, loaded } = opened;
  refuseDamage(opened);

  async function* runs(after: string): AsyncGenerator<CopyItem> {
    // One step is read while the one before is being worked on.
    let next = readStep(opened, after);
    for (let step = await next; step.length > 0; step = await next) {
      const last = step.at(-1);
      next = readStep(opened, last === undefined ? '' : idOf(last));
      // Whoever stops listening has a reason of his own.
      next.catch(() => undefined);
      yield* step;
    }
  }
  async function keys(now: number): Promise<CopyItem[]> {
    const all = await whole(opened, 'what is left of a removed run', () => backing.readKeys());
    const entries = all.filter((entry) => entry.until > now);
    return inOrder(entries.map((entry): CopyItem => ({ kind: 'key', entry })));
  }
  function docs(): CopyItem[] {
    return inOrder(loaded.docs.filter((doc) => !isMark(doc)).map((doc): CopyItem => ({ kind: 'doc', doc })));
  }
  async function* audit(): AsyncGenerator<CopyItem> {
    for await (const entry of backing.readAudit()) yield { kind: 'audit', entry };
  }
  async function events(now: number): Promise<CopyItem[]> {
    const from = iso(now - options.eventsKeepMs);
    const kept = (await allEvents(loaded)).filter((event) => event.at >= from).slice(-options.eventsKept);
    return kept.map((event) => ({ kind: 'event', event }));
  }
  async function* items(section: Section, { after, now }: { after: string; now: number }): AsyncGenerator<CopyItem> {
    if (section === 'runs') return yield* runs(after);
    const all = { keys, docs, audit, events }[section];
    for await (const item of await all(now)) if (idOf(item) > after) yield item;
  }

  return {
    name,
    mark: backing.mark(),
    unfinished: markIn(loaded.docs)?.mark,
    runs: backing.index.size(),
    items,
    blob: (sha256) => backing.blobs.open(sha256),
    close: opened.close,
  };
}

/** Makes a target of an opened store. */
export function embeddedTarget(opened: Opened, clock: Pick<Clock, 'now'>): CopyTarget {
  const { name, backing, loaded } = opened;
  const { blobs } = backing;
  const found = markIn(loaded.docs);
  let rev = found?.doc.rev ?? 0;

  async function putNew(sha256: string, bytes: AsyncIterable<Uint8Array>): Promise<boolean> {
    // The last part of a blob comes when all are checked: one that is not what its name says arrives nowhere.
    const staged = await blobs.stage(bytes, MAX_BLOB_BYTES).catch((error: unknown) => {
      if (codeOf(error) === 'STORE_CORRUPT') return undefined;
      throw error;
    });
    if (staged?.sha256 === sha256) await staged.keep();
    else await staged?.discard();
    return staged?.sha256 === sha256;
  }
  return {
    name,
    mark: backing.mark(),
    async standing() {
      if (found !== undefined) return { state: 'copying', mark: found.mark };
      const holds = await whatItHolds(opened);
      return holds === undefined ? { state: 'empty' } : { state: 'used', holds };
    },
    async putBlob({ sha256, runId }, bytes) {
      if (!(await blobs.has(sha256))) {
        const source = await bytes();
        if (source === undefined || !(await putNew(sha256, source))) return false;
      }
      await blobs.name(sha256, runId);
      return true;
    },
    async write(items, mark) {
      const doc: Doc = { v: 1, ...MARK, rev: ++rev, updatedAt: iso(clock.now()), value: mark };
      await backing.commit([...changesOf(items), { kind: 'doc', doc }]);
    },
    finish: () => backing.commit([{ kind: 'doc-removal', docKind: MARK.kind, key: MARK.key }]),
    close: opened.close,
  };
}

async function readStep(opened: Opened, after: string): Promise<CopyItem[]> {
  const { name, backing } = opened;
  const ids = await backing.index.idsAfter(after, READS);
  const readOne = async (id: string): Promise<CopyItem> => {
    const run = await backing.readRun(id);
    if (run === undefined) throw damaged(name, `the run ${id}`);
    return { kind: 'run', run, deliveries: await backing.readDeliveries(id) };
  };
  const what = `the deliveries of one of the runs ${ids[0]} to ${ids.at(-1)}`;
  return whole(opened, what, () => Promise.all(ids.map(readOne)));
}

/** A backing sets aside what it cannot read and answers as if it were not there: deliveries would be sent again by the copy. */
async function whole<T>({ name, backing }: Opened, what: string, read: () => Promise<T>): Promise<T> {
  const before = backing.health().quarantined;
  const answer = await read();
  if (backing.health().quarantined > before) throw damaged(name, what);
  return answer;
}

/** What was set aside while it was opened, or while it was read. */
function refuseDamage({ name, loaded }: Opened): void {
  const [first, ...others] = loaded.quarantined;
  if (first === undefined) return;
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  throw damaged(name, `${first.path} (${first.reason})${more}`);
}

function damaged(name: string, what: string): DependencyError {
  return new DependencyError(`${name} holds what cannot be read: ${what}.`, {
    code: 'STORE_CORRUPT',
    hint: `Nothing was changed. bellhop store doctor ${name} --fix sets aside what cannot be read; then copy again.`,
  });
}

async function whatItHolds({ backing, loaded }: Opened): Promise<string | undefined> {
  const runs = backing.index.size();
  if (runs > 0) return `${runs} ${runs === 1 ? 'run' : 'runs'}`;
  if (loaded.docs.length > 0) return `${loaded.docs.length} ${loaded.docs.length === 1 ? 'document' : 'documents'}`;
  if ((loaded.events?.events.length ?? 0) > 0) return 'events of former runs';
  if ((await backing.readKeys()).length > 0) return 'keys of former runs';
  for await (const _entry of backing.readAudit()) return 'acts of actors';
  return backing.health().quarantined > 0 ? 'records that were set aside' : undefined;
}

function changesOf(items: readonly CopyItem[]): Change[] {
  const events: StoreEvent[] = [];
  const changes = items.flatMap((item): Change[] => {
    switch (item.kind) {
      case 'run': {
        const { run, deliveries } = item;
        const own: Change = { kind: 'run', run };
        return deliveries === undefined ? [own] : [own, { kind: 'deliveries', runId: run.id, deliveries }];
      }
      case 'event':
        events.push(item.event);
        return [];
      case 'key':
      case 'doc':
      case 'audit':
        return [item];
      default:
        return item satisfies never;
    }
  });
  return events.length === 0 ? changes : [...changes, { kind: 'events', events }];
}

async function allEvents({ events: past }: Loaded): Promise<readonly StoreEvent[]> {
  if (past?.older === undefined) return past?.events ?? [];
  const before = await past.older.load();
  return [...before.events.filter((event) => event.seq <= past.floor), ...past.events];
}

function inOrder(items: CopyItem[]): CopyItem[] {
  return items.sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
}
