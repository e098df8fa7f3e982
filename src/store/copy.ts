/**
 * Bringing everything that one store keeps into another, whatever the two are made of. A backend takes part by being a `CopySource`, a
 * `CopyTarget`, or both; nothing here knows what is behind them. Ids, revs, instants, fences and event numbers stay as they are.
 *
 * A batch and the mark that says how far the copy is are one commit of the target. So a crash at any moment costs at most the batch that
 * was under way, and leaves a target that says of itself that it is not finished: no server opens it (see `openStore`).
 */
import { z } from 'zod';
import { DependencyError, UsageError } from '../errors.ts';
import type { KeyEntry, StoreMark } from './backing.ts';
import { keptBlobs } from './blobs.ts';
import type { AuditEntry, Delivery, Doc, Run, StoreEvent } from './records.ts';

/** What is copied after what. Inside a section things are in the order of `idOf`. */
export const SECTIONS = ['runs', 'keys', 'docs', 'audit', 'events'] as const;
export type Section = (typeof SECTIONS)[number];

/** One thing that is kept. `deliveries` is what is stored of them; undefined when nothing has happened to any. */
export type CopyItem =
  | { kind: 'run'; run: Run; deliveries: readonly Delivery[] | undefined }
  | { kind: 'key'; entry: KeyEntry }
  | { kind: 'doc'; doc: Doc }
  | { kind: 'audit'; entry: AuditEntry }
  | { kind: 'event'; event: StoreEvent };

/** How far a copy is: everything up to `after` in `section`, and all sections before. Kept in the target. */
export const CopyMark = z.object({
  v: z.literal(1),
  /** `name` is how people spelled it; `commits` changes when the source does. */
  from: z.object({ storeId: z.string(), commits: z.number().int().nonnegative(), name: z.string() }),
  section: z.enum([...SECTIONS, 'done']),
  after: z.string(),
  /** Things copied so far. */
  copied: z.number().int().nonnegative(),
});
export type CopyMark = z.infer<typeof CopyMark>;

/** A store that is read and in no way changed; nobody else opens it until `close`. */
export interface CopySource {
  /** As people spell it. */
  name: string;
  mark: StoreMark;
  /** Set when it is itself a copy that was not finished. */
  unfinished: CopyMark | undefined;
  /** How many runs there are, for people who wait. */
  runs: number;
  /** Greater than `after` in the order of `idOf`; what is over by `now` (milliseconds) and may go at any time is left out. */
  items(section: Section, from: { after: string; now: number }): AsyncIterable<CopyItem>;
  /** The bytes of a blob, checked against their name; undefined when they are not there or damaged. */
  blob(sha256: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  close(): Promise<void>;
}

/** `used`: it holds something that is not from a copy, and says what. */
export type Standing = { state: 'empty' } | { state: 'copying'; mark: CopyMark } | { state: 'used'; holds: string };

/** A store that is being made; nobody else opens it until `close`. */
export interface CopyTarget {
  name: string;
  mark: StoreMark;
  standing(): Promise<Standing>;
  /** Puts a blob, and notes that the run names it; both durable when it resolves. False when `bytes` gives none, or not these. */
  putBlob(
    ref: { sha256: string; runId: string },
    bytes: () => Promise<AsyncIterable<Uint8Array> | undefined>,
  ): Promise<boolean>;
  /** Writes the things and the mark as one commit, durable when it resolves. */
  write(items: readonly CopyItem[], mark: CopyMark): Promise<void>;
  /** Takes the mark away: from now on it is a store like any other. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export interface CopyDeps {
  now: number;
  signal: AbortSignal;
  /** Told after every batch. */
  progress: (mark: CopyMark) => void;
}

/** Bounds of a batch; one thing that is larger goes alone. */
export interface BatchTerms {
  items: number;
  bytes: number;
}
const BATCH: BatchTerms = { items: 256, bytes: 1024 * 1024 };
/** Blobs that are named and not there are counted; so many are named. */
const LOST_NAMED = 20;

export interface Copied {
  outcome: 'copied' | 'interrupted';
  mark: CopyMark;
  /** Blobs that runs of the source name and that it does not have. */
  lostBlobs: { count: number; first: string[] };
}

/**
 * Copies what is missing. When the signal aborts it ends after the batch under way, and the next call goes on. Rejects with
 * INPUT_INVALID when the two are no pair, and with whatever the ends throw.
 */
export async function copyStore(
  ends: { source: CopySource; target: CopyTarget },
  deps: CopyDeps,
  terms: BatchTerms = BATCH,
): Promise<Copied> {
  const { source, target } = ends;
  let mark = await begin(ends);
  const lostBlobs: Copied['lostBlobs'] = { count: 0, first: [] };
  for (const section of SECTIONS) {
    if (!isAhead(section, mark)) continue;
    const after = mark.section === section ? mark.after : '';
    for await (const items of batches(source.items(section, { after, now: deps.now }), terms)) {
      if (deps.signal.aborted) return { outcome: 'interrupted', mark, lostBlobs };
      await bringBlobs(ends, items, { lost: lostBlobs, now: deps.now });
      const last = items.at(-1);
      const next = { section, after: last === undefined ? after : idOf(last), copied: mark.copied + items.length };
      mark = { ...mark, ...next };
      await target.write(items, mark);
      deps.progress(mark);
    }
  }
  mark = { ...mark, section: 'done', after: '' };
  await target.write([], mark);
  return { outcome: 'copied', mark, lostBlobs };
}

/** What a thing is called inside its section: its place in the order, and the cursor. Compared by UTF-16 code units, as `<` does. */
export function idOf(item: CopyItem): string {
  switch (item.kind) {
    case 'run':
      return item.run.id;
    case 'key':
      return item.entry.key;
    case 'doc':
      return `${item.doc.kind}/${item.doc.key}`;
    case 'audit':
      return `${item.entry.at.slice(0, 7)}/${item.entry.id}`;
    case 'event':
      return String(item.event.seq).padStart(16, '0');
    default:
      return item satisfies never;
  }
}

/** Why a store that was opened to work with cannot be: it is a copy that was not finished. */
export function unfinishedError(name: string, mark: CopyMark): DependencyError {
  return new DependencyError(`${name} is a copy of ${mark.from.name} that was not finished.`, {
    code: 'STORE_UNFINISHED',
    hint: `bellhop store copy --from ${mark.from.name} --to ${name} goes on with it; or delete it.`,
  });
}

function isAhead(section: Section, mark: CopyMark): boolean {
  return mark.section !== 'done' && SECTIONS.indexOf(section) >= SECTIONS.indexOf(mark.section);
}

/** Where to go on. A new target is marked before anything else reaches it. */
async function begin({ source, target }: { source: CopySource; target: CopyTarget }): Promise<CopyMark> {
  const refuse = (why: string, hint: string): UsageError => new UsageError(why, { code: 'INPUT_INVALID', hint });
  if (source.unfinished !== undefined) throw unfinishedError(source.name, source.unfinished);
  const standing = await target.standing();
  const { storeId, commits } = source.mark;
  if (standing.state === 'used') {
    const hint = 'Name a target that does not exist yet. If it is a finished copy: --verify compares the two.';
    throw refuse(`${target.name} is not empty: it holds ${standing.holds}.`, hint);
  }
  if (standing.state === 'copying') {
    const { from } = standing.mark;
    const anew = `Delete ${target.name}, or name another target.`;
    if (from.storeId !== storeId) {
      throw refuse(`${target.name} is an unfinished copy of another store: ${from.name}.`, anew);
    }
    if (from.commits === commits) return standing.mark;
    throw refuse(`${source.name} has changed since the copy in ${target.name} was begun.`, anew);
  }
  const mark: CopyMark = {
    v: 1,
    from: { storeId, commits, name: source.name },
    section: SECTIONS[0],
    after: '',
    copied: 0,
  };
  await target.write([], mark);
  return mark;
}

async function* batches(items: AsyncIterable<CopyItem>, terms: BatchTerms): AsyncGenerator<CopyItem[]> {
  let batch: CopyItem[] = [];
  let held = 0;
  for await (const item of items) {
    const bytes = JSON.stringify(item).length;
    if (batch.length > 0 && (batch.length >= terms.items || held + bytes > terms.bytes)) {
      yield batch;
      batch = [];
      held = 0;
    }
    batch.push(item);
    held += bytes;
  }
  if (batch.length > 0) yield batch;
}

/** A blob is durable before the run that names it. One that is not kept any longer is not missed. */
async function bringBlobs(
  { source, target }: { source: CopySource; target: CopyTarget },
  items: readonly CopyItem[],
  { lost, now }: { lost: Copied['lostBlobs']; now: number },
): Promise<void> {
  for (const item of items) {
    if (item.kind !== 'run') continue;
    for (const { sha256 } of keptBlobs(item.run, now)) {
      if (await target.putBlob({ sha256, runId: item.run.id }, () => source.blob(sha256))) continue;
      lost.count++;
      if (lost.first.length < LOST_NAMED) lost.first.push(`${sha256} of ${item.run.id}`);
    }
  }
}
