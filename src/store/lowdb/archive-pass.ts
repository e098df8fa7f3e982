/**
 * Brings old runs to the archive, and takes deleted ones out of it: a bounded part at every sweep.
 *
 * The order is what a crash rests on. A member is appended and synced with its name, then the record goes, surely, and only then the
 * deliveries: with a record alone everything would be sent again. Whatever is cut off leaves a run in both places, where its file counts;
 * the next walk finds the folder of its day, sees that the archive has the same, and takes the files away.
 */
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../clock.ts';
import { isFinal } from '../records.ts';
import { isOpen, mergeDeliveries } from '../delivery-transitions.ts';
import type { RunIndex } from '../run-index.ts';
import type { ArchivedRun } from './archive-member.ts';
import { beginRewrite } from './archive-rewrite.ts';
import type { Rewrite } from './archive-rewrite.ts';
import { walkDays } from './archive-walk.ts';
import type { Found } from './archive-walk.ts';
import type { Archive } from './archive.ts';
import type { Month } from './archive-month.ts';
import type { Checkpointer } from './checkpoint.ts';
import { isTombstone, runOf } from './forms.ts';
import { inParallel, readOwnDeliveries, readOwnRecord } from './load.ts';
import type { LoadDeps } from './load.ts';
import type { Space } from './space.ts';

export interface ArchivePass {
  /** Does a part of the work; never throws. */
  run(): Promise<void>;
  /** Lets go of what is half done. */
  close(): Promise<void>;
}

interface PassDeps {
  load: LoadDeps;
  archive: Archive;
  index: RunIndex;
  held: Checkpointer['held'];
  space: Space;
  clock: Clock;
}

export interface PassTerms {
  /** How long after its end a run is packed, in milliseconds; Infinity: never. */
  afterMs: number;
}

const DAY_MS = 86_400_000;
const BATCH = 256;
/** A sweep takes about so many runs, looks at so many days, and takes so many steps of writing a month anew. */
const MAX_RUNS = 1024;
const MAX_DAYS = 32;
const MAX_STEPS = 16;
/** Between two walks. Days become due at midnight; what was not ready then is found by a later one. */
const WALK_MS = 3_600_000;
/** Between two rewrites of a month: retention deletes some runs at every sweep. */
const REWRITE_MS = 600_000;
/** With less than this free, nothing is begun: the room belongs to the journal and to removals. */
const MIN_FREE = 32 * 1024 * 1024;
const LANES = 2;

/** Makes the pass over a folder. */
export function createArchivePass(deps: PassDeps, terms: PassTerms): ArchivePass {
  const { load, archive, space, clock, held } = deps;
  const { disk, layout, log, dirty } = load;
  /** Months that this life has not looked at yet. */
  const unseen = new Set(archive.months());
  /** Months whose copy of the index is behind. */
  const touched = new Set<Month>();
  const rewritten = new Map<Month, number>();
  let rewrite: Rewrite | undefined;
  let walk: { found: AsyncGenerator<Found, void, undefined>; cutoff: number } | undefined;
  let nextWalk = clock.now();
  let nextTry = clock.now();

  /** A file system that does not say how much is free has to be tried. */
  const free = (): Promise<number> => disk.files.free(layout.root).catch(() => Number.POSITIVE_INFINITY);

  async function takeOrPass(runId: string, cutoff: number): ReturnType<typeof take> {
    try {
      return await take(runId, cutoff);
    } catch (error) {
      log.warn('a run could not be read and stays out of the archive', { runId, error });
      return undefined;
    }
  }
  /** What of a run is to go, and whether the archive has it already; undefined when it has to stay as it is. */
  async function take(runId: string, cutoff: number): Promise<{ entry: ArchivedRun; packed: boolean } | undefined> {
    // What is not in its file yet is waited for.
    if (dirty.record(runId) !== undefined || dirty.deliveriesOf(runId) !== undefined) return undefined;
    const record = await readOwnRecord(load, runId);
    const known = await readOwnDeliveries(load, runId);
    if ((record === undefined && known === undefined) || (record !== undefined && isTombstone(record)))
      return undefined;
    const there = await archive.read(runId);
    const run = record === undefined ? there?.run : runOf(record);
    if (run === undefined || !isFinal(run.state) || Date.parse(run.finishedAt ?? '') >= cutoff) return undefined;
    const deliveries = known ?? there?.deliveries;
    if (mergeDeliveries(run, deliveries).some(isOpen)) return undefined;
    const entry: ArchivedRun = { id: runId, run, ...(deliveries === undefined ? {} : { deliveries }) };
    return { entry, packed: there !== undefined && isDeepStrictEqual(there, entry) };
  }
  /** While nobody else writes. Answers how many runs were packed. */
  async function pack({ ids }: Found, cutoff: number): Promise<number> {
    const taken = new Map<string, { entry: ArchivedRun; packed: boolean }>();
    await inParallel(
      ids,
      async (id) => {
        const one = await takeOrPass(id, cutoff);
        if (one !== undefined) taken.set(id, one);
      },
      LANES,
    );
    const ready = ids.flatMap((id) => taken.get(id) ?? []);
    if (ready.length === 0) return 0;
    const fresh = ready.filter(({ packed }) => !packed).map(({ entry }) => entry);
    if (fresh.length > 0) touched.add(await archive.append(fresh));
    for (const pathOf of [layout.record, layout.deliveriesOf]) {
      const paths = ready.map(({ entry }) => pathOf(entry.id));
      await inParallel(paths, async (path) => void (await disk.drop(path)), LANES);
      // A removal later on rests on it that the file cannot come back.
      for (const folder of new Set(paths.map((path) => dirname(path)))) await disk.settleFolder(folder);
    }
    return fresh.length;
  }
  /** Takes the folders of a day away when nothing is left in them. */
  async function clear(day: string): Promise<void> {
    for (const root of [layout.deliveries, layout.records]) {
      for (const part of [day, day.slice(0, 7), day.slice(0, 4)])
        if (!(await disk.dropFolder(`${root}/${part}`))) break;
    }
  }
  async function packSome(): Promise<void> {
    if (walk === undefined && clock.now() < nextWalk) return;
    // Whole days: else a quiet server would pack its runs one by one.
    const cutoff = Math.floor((clock.now() - terms.afterMs) / DAY_MS) * DAY_MS;
    walk ??= { cutoff, found: walkDays({ disk, layout, index: deps.index }, { cutoff, batch: BATCH }) };
    const { found, cutoff: before } = walk;
    let packed = 0;
    for (let runs = 0, days = 0; runs < MAX_RUNS && days < MAX_DAYS;) {
      const { value } = await found.next();
      if (value === undefined) {
        walk = undefined;
        nextWalk = clock.now() + WALK_MS;
        break;
      }
      if (value.last) {
        days++;
        await held(() => clear(value.day));
      } else {
        runs += value.ids.length;
        packed += await held(() => pack(value, before));
      }
    }
    if (packed === 0) return;
    log.info('runs were brought to the archive', { runs: packed });
    for (const month of touched) await month.note();
    touched.clear();
  }

  /** Looks at a month once a life: what a crash left at its end goes. */
  async function lookAt(month: Month): Promise<void> {
    await held(() => month.mend());
    await month.note();
    unseen.delete(month);
  }
  async function monthToClean(): Promise<Month | undefined> {
    for (const month of archive.months()) {
      if (unseen.has(month) || (await month.buried()) === 0) continue;
      if ((rewritten.get(month) ?? 0) > clock.now()) continue;
      const { size } = await month.index();
      if ((await free()) > size + MIN_FREE) return month;
    }
    return undefined;
  }
  async function cleanSome(): Promise<void> {
    const month = rewrite?.month ?? (await monthToClean());
    if (month === undefined) return;
    rewrite ??= await beginRewrite({ disk, layout }, month);
    const mine = rewrite;
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      if (!(await held(() => mine.step()))) continue;
      rewrite = undefined;
      rewritten.set(month, clock.now() + REWRITE_MS);
      await month.note();
      return;
    }
  }
  /** Everything that was begun begins anew later. */
  async function giveUp(reason: unknown): Promise<void> {
    log.warn('the archive could not be written; it is tried again in ten minutes', { error: reason });
    nextTry = clock.now() + REWRITE_MS;
    walk = undefined;
    const half = rewrite;
    rewrite = undefined;
    await half?.drop().catch(() => undefined);
  }
  return {
    async run() {
      if (clock.now() < nextTry || space.reason() !== undefined || disk.stopped() !== undefined) return;
      const archiving = Number.isFinite(terms.afterMs);
      if (!archiving && archive.months().length === 0) return;
      try {
        if ((await free()) < MIN_FREE) return;
        const [month] = unseen;
        if (month !== undefined) await lookAt(month);
        await cleanSome();
        if (archiving) await packSome();
      } catch (error) {
        await giveUp(error);
      }
    },
    async close() {
      await rewrite?.drop().catch(() => undefined);
      rewrite = undefined;
    },
  };
}
