/**
 * Holds a store against the due times as another program reads them (test/support/time-oracle.ts): each must be one run or in one skip.
 * A schedule keeps its newest skips only, so the judge looks between two lives and remembers what it saw.
 */
import { systemClock } from '../src/clock.ts';
import { createIds } from '../src/ids.ts';
import { silentLog } from '../src/log.ts';
import { openStore } from '../src/store/open.ts';
import { Schedule } from '../src/store/schedule-records.ts';
import type { Skip } from '../src/store/schedule-records.ts';
import type { Store } from '../src/store/store.ts';
import { dueIn, walk } from '../test/support/time-oracle.ts';
import type { Minute } from '../test/support/time-oracle.ts';
import type { TortureSchedule } from './time-spec.ts';

/** Each entry names a schedule and a slot. */
export interface TimeFindings {
  /** Neither a run nor a skip. */
  lost: string[];
  /** Two runs, two skips, or a run and a skip. */
  twice: string[];
  /** A run or a skip of what was never due, or a skip that counts wrongly. */
  invented: string[];
  /** A watermark that fell. */
  fell: string[];
}

export interface Verdict {
  findings: TimeFindings;
  slots: number;
  runs: number;
  skipped: number;
}

export interface TimeJudge {
  /** Notes what the store holds while nobody else does. */
  look(dataDir: string): Promise<void>;
  /** The verdict over every slot from the first sight of each schedule until `until`. */
  judge(dataDir: string, until: number): Promise<Verdict>;
}

interface Seen {
  from: number;
  watermark: number;
  skips: Map<string, Skip>;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export function createTimeJudge(schedules: readonly TortureSchedule[]): TimeJudge {
  const seen = new Map<string, Seen>();
  const fell: string[] = [];

  async function note(store: Store): Promise<void> {
    for (const { name } of schedules) {
      const doc = await store.getDoc('schedule', name);
      if (doc === undefined) throw new Error(`the schedule ${name} is not there`);
      const { watermark, skips = [] } = Schedule.parse(doc.value);
      if (watermark === undefined) throw new Error(`the schedule ${name} was never planned`);
      const at = Date.parse(watermark);
      const known = seen.get(name) ?? { from: at, watermark: at, skips: new Map<string, Skip>() };
      if (at < known.watermark) fell.push(`${name}: ${watermark}`);
      known.watermark = at;
      // One that is lengthened keeps its beginning.
      for (const skip of skips) known.skips.set(skip.from, skip);
      seen.set(name, known);
    }
  }

  return {
    look: (dataDir) => withStore(dataDir, note),
    judge: (dataDir, until) =>
      withStore(dataDir, async (store) => {
        await note(store);
        const runs = await runsOf(store);
        const findings: TimeFindings = { lost: [], twice: [], invented: [], fell };
        const sum = { slots: 0, runs: 0, skipped: 0 };
        const walks = new Map<string, Minute[]>();
        for (const schedule of schedules) {
          const known = seen.get(schedule.name);
          if (known === undefined) {
            findings.lost.push(`${schedule.name}: never seen`);
            continue;
          }
          // A day earlier, so that a change of the clocks just before is known.
          const minutes = walks.get(schedule.zone) ?? walk(schedule.zone, floor(known.from) - DAY_MS, until);
          walks.set(schedule.zone, minutes);
          const due = dueIn(minutes, schedule.cron).map(({ at }) => at);
          const slots = due.filter((at) => at > known.from && at <= until);
          const held = { name: schedule.name, slots, from: known.from, until, skips: [...known.skips.values()] };
          const counted = compare(held, { runs: runs.get(schedule.name) ?? [], findings });
          sum.slots += slots.length;
          sum.runs += counted.runs;
          sum.skipped += counted.skipped;
        }
        return { findings, ...sum };
      }),
  };
}

function compare(
  held: { name: string; slots: readonly number[]; from: number; until: number; skips: readonly Skip[] },
  found: { runs: readonly number[]; findings: TimeFindings },
): { runs: number; skipped: number } {
  const { name, slots, from: begin, until } = held;
  const isWithin = (at: number): boolean => at > begin && at <= until;
  const { findings } = found;
  const times = new Map(slots.map((at) => [at, 0]));
  const text = (at: number): string => `${name}: ${new Date(at).toISOString()}`;
  const add = (at: number): void => void times.set(at, (times.get(at) ?? 0) + 1);
  const runs = found.runs.filter(isWithin);
  for (const at of runs) {
    if (times.has(at)) add(at);
    else findings.invented.push(`${text(at)} was run`);
  }
  let skipped = 0;
  for (const { from, to, count } of held.skips.filter((skip) => isWithin(Date.parse(skip.to)))) {
    const inside = slots.filter((at) => at >= Date.parse(from) && at <= Date.parse(to));
    inside.forEach(add);
    skipped += inside.length;
    if (inside.length !== count) findings.invented.push(`${name}: ${from} to ${to} says ${count}, is ${inside.length}`);
  }
  for (const [at, count] of times) {
    if (count === 0) findings.lost.push(text(at));
    if (count > 1) findings.twice.push(text(at));
  }
  return { runs: runs.length, skipped };
}

/** The slots of all runs, by schedule. */
async function runsOf(store: Store): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>();
  let after: string | undefined;
  do {
    const page = await store.list({ limit: 200, ...(after === undefined ? {} : { after }) });
    for (const { schedule } of page.items) {
      if (schedule === undefined) continue;
      found.set(schedule.name, [...(found.get(schedule.name) ?? []), Date.parse(schedule.slot)]);
    }
    after = page.next;
  } while (after !== undefined);
  return found;
}

async function withStore<T>(dir: string, work: (store: Store) => Promise<T>): Promise<T> {
  const ids = createIds(systemClock);
  const deps = { clock: systemClock, ids, log: silentLog, version: '0.0.0-torture' };
  const { store } = await openStore({ backend: 'lowdb', dir }, deps);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

const floor = (at: number): number => at - (at % MINUTE_MS);
