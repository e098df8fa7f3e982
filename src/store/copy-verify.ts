/**
 * Whether two stores hold the same. Both are read from the beginning, side by side: every record is hashed as canonical JSON, and the
 * hashes of a kind are folded into one digest, in the order of the records.
 */
import { createHash } from 'node:crypto';
import { codeOf } from '../errors.ts';
import type { Hash } from 'node:crypto';
import { keptBlobs } from './blobs.ts';
import { idOf, SECTIONS } from './copy.ts';
import type { CopyItem, CopySource, Section } from './copy.ts';

const KINDS = ['runs', 'deliveries', 'blobs', 'keys', 'documents', 'audit', 'events'] as const;
type VerifiedKind = (typeof KINDS)[number];

interface Side {
  count: number;
  /** SHA-256 over the ids and hashes of the records, in hex. */
  digest: string;
}
interface Difference {
  id: string;
  how: 'differs' | 'only in the source' | 'only in the target';
}
export interface Verdict {
  kind: VerifiedKind;
  source: Side;
  target: Side;
  same: boolean;
  /** The first few. */
  differences: Difference[];
}

interface Fact {
  kind: VerifiedKind;
  id: string;
  hash: string;
}
interface Fold {
  count: number;
  hash: Hash;
}
interface Tally {
  source: Fold;
  target: Fold;
  differences: Difference[];
}

const DIFFERENCES_NAMED = 5;

export interface VerifyDeps {
  /** Later than both were opened: keys and events that are over by then are left out on both sides. Milliseconds. */
  now: number;
  signal: AbortSignal;
  /** Told after every thing, with how many there were. */
  progress: (section: Section, compared: number) => void;
}

/** Compares the two, a record at a time; undefined when the signal aborted. Blobs are read whole and checked against their names. */
export async function verifyCopy(
  ends: { source: CopySource; target: CopySource },
  deps: VerifyDeps,
): Promise<Verdict[] | undefined> {
  const tallies = new Map(KINDS.map((kind) => [kind, newTally()]));
  let compared = 0;
  for (const section of SECTIONS) {
    for await (const [left, right] of sideBySide(ends, section, deps.now)) {
      if (deps.signal.aborted) return undefined;
      const inSource = left === undefined ? [] : await factsOf(left, ends.source, deps.now);
      const inTarget = right === undefined ? [] : await factsOf(right, ends.target, deps.now);
      note(tallies, inSource, inTarget);
      deps.progress(section, ++compared);
    }
  }
  return KINDS.map((kind) => verdictOf(kind, tallies.get(kind) ?? newTally()));
}

/** The things of both in one order; a thing that only one has stands alone. */
async function* sideBySide(
  { source, target }: { source: CopySource; target: CopySource },
  section: Section,
  now: number,
): AsyncGenerator<[CopyItem | undefined, CopyItem | undefined]> {
  const lefts = source.items(section, { after: '', now })[Symbol.asyncIterator]();
  const rights = target.items(section, { after: '', now })[Symbol.asyncIterator]();
  const next = async (from: AsyncIterator<CopyItem>): Promise<CopyItem | undefined> => {
    const step = await from.next();
    return step.done === true ? undefined : step.value;
  };
  let [left, right] = await Promise.all([next(lefts), next(rights)]);
  while (left !== undefined || right !== undefined) {
    const order = compare(left, right);
    yield [order <= 0 ? left : undefined, order >= 0 ? right : undefined];
    const moved = await Promise.all([order <= 0 ? next(lefts) : left, order >= 0 ? next(rights) : right]);
    [left, right] = moved;
  }
}

function compare(left: CopyItem | undefined, right: CopyItem | undefined): number {
  if (left === undefined || right === undefined) return left === undefined ? 1 : -1;
  const [a, b] = [idOf(left), idOf(right)];
  return a === b ? 0 : a < b ? -1 : 1;
}

async function factsOf(item: CopyItem, side: CopySource, now: number): Promise<Fact[]> {
  switch (item.kind) {
    case 'run': {
      const { run, deliveries = [] } = item;
      const blobs: Fact[] = [];
      for (const { sha256 } of keptBlobs(run, now)) {
        const bytes = await sizeOf(await side.blob(sha256));
        blobs.push({ kind: 'blobs', id: `${sha256} of ${run.id}`, hash: hashOf({ sha256, bytes }) });
      }
      return [
        { kind: 'runs', id: run.id, hash: hashOf(run) },
        ...deliveries.map((one): Fact => ({ kind: 'deliveries', id: `${one.id} of ${run.id}`, hash: hashOf(one) })),
        ...blobs,
      ];
    }
    case 'key':
      return [{ kind: 'keys', id: `${item.entry.key} of ${item.entry.runId}`, hash: hashOf(item.entry) }];
    case 'doc':
      return [{ kind: 'documents', id: idOf(item), hash: hashOf(item.doc) }];
    case 'audit':
      return [{ kind: 'audit', id: item.entry.id, hash: hashOf(item.entry) }];
    case 'event':
      return [{ kind: 'events', id: String(item.event.seq), hash: hashOf(item.event) }];
    default:
      return item satisfies never;
  }
}

/** Null: it is not there. */
async function sizeOf(bytes: AsyncIterable<Uint8Array> | undefined): Promise<number | null> {
  if (bytes === undefined) return null;
  let size = 0;
  try {
    for await (const chunk of bytes) size += chunk.length;
  } catch (error) {
    // What is not the bytes of its name is as good as gone.
    if (codeOf(error) === 'STORE_CORRUPT') return null;
    throw error;
  }
  return size;
}

function note(tallies: ReadonlyMap<VerifiedKind, Tally>, inSource: readonly Fact[], inTarget: readonly Fact[]): void {
  for (const fact of inSource) {
    fold(tallies.get(fact.kind)?.source, fact);
    const twin = inTarget.find((one) => one.kind === fact.kind && one.id === fact.id);
    if (twin?.hash === fact.hash) continue;
    differ(tallies.get(fact.kind), { id: fact.id, how: twin === undefined ? 'only in the source' : 'differs' });
  }
  for (const fact of inTarget) {
    fold(tallies.get(fact.kind)?.target, fact);
    if (inSource.some((one) => one.kind === fact.kind && one.id === fact.id)) continue;
    differ(tallies.get(fact.kind), { id: fact.id, how: 'only in the target' });
  }
}

function fold(into: Fold | undefined, { id, hash }: Fact): void {
  if (into === undefined) return;
  into.count++;
  into.hash.update(`${id}\n${hash}\n`);
}

function differ(tally: Tally | undefined, difference: Difference): void {
  if (tally !== undefined && tally.differences.length < DIFFERENCES_NAMED) tally.differences.push(difference);
}

function newTally(): Tally {
  const empty = (): Fold => ({ count: 0, hash: createHash('sha256') });
  return { source: empty(), target: empty(), differences: [] };
}

function verdictOf(kind: VerifiedKind, tally: Tally): Verdict {
  const [source, target] = [tally.source, tally.target].map(({ count, hash }) => ({
    count,
    digest: hash.digest('hex'),
  }));
  if (source === undefined || target === undefined) throw new TypeError('a tally has two sides');
  const same = source.count === target.count && source.digest === target.digest;
  return { kind, source, target, same, differences: tally.differences };
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}

/** JSON whose keys are sorted at every depth: equal contents are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
