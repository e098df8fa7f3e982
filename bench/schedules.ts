/**
 * A thousand schedules that are due in the same minute: how late the last run is stored, beside a thousand bare timers of node-cron in the
 * same run; whether anything else gets a turn meanwhile; and whether a long history makes planning dearer.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createTask } from 'node-cron';
import { systemClock } from '../src/clock.ts';
import type { Bellhop } from '../src/main.ts';
import type { Store } from '../src/store/store.ts';
import { waitFor } from '../test/support/peer-wait.ts';
import type { BenchResult } from './result.ts';
import { printTable, quantile, round } from './result.ts';
import { fill, openHouse, settleAll, skippingClock, writeDueJobs } from './schedules-house.ts';
import type { SkippingClock } from './schedules-house.ts';

const DUE = 1_000;
/** Schedules of the part about history: fewer, so that more minutes are measured. */
const DUE_WITH_HISTORY = 100;
const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 10, 23, 9);
const GOALS = { loopP99Ms: 50, planningByHistory: 1.2 } as const;
const SIZES = {
  quick: { rounds: 3, minutes: 11, histories: [0, 5_000] },
  full: { rounds: 8, minutes: 41, histories: [0, 10_000, 100_000] },
} as const;

export async function benchSchedules(options: { quick: boolean }): Promise<BenchResult> {
  const size = SIZES[options.quick ? 'quick' : 'full'];
  const home = await mkdtemp(join(tmpdir(), 'bellhop-bench-'));
  try {
    const minute = await measureMinute(join(home, 'due'), size.rounds);
    const costs = await measureHistory(home, size);
    return report(minute, costs);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

interface Minute {
  /** Milliseconds from the due time to the stored run. */
  stored: number[];
  /** Milliseconds from the due time to the call of the timer. */
  bare: number[];
  /** Delays of the event loop while it plans. */
  loop: { p99: number[]; max: number[] };
  /** The same while node-cron calls its thousand. */
  bareLoop: { p99: number[]; max: number[] };
}

/** Alternating rounds, so that what else the machine does falls on both. */
async function measureMinute(home: string, rounds: number): Promise<Minute> {
  const clock = skippingClock(START_MS);
  const found: Minute = { stored: [], bare: [], loop: { p99: [], max: [] }, bareLoop: { p99: [], max: [] } };
  await writeDueJobs(join(home, 'jobs'), DUE);
  let ring: () => void = () => undefined;
  const bellhop = await openHouse(home, {
    clock,
    wrapStore: (store) => timed(store, clock, found.stored),
    minute: (call) => {
      ring = call;
      return Promise.resolve(() => Promise.resolve());
    },
  });
  await bellhop.scheduler.start();
  const jobs = bellhop.runner.jobs().map(({ name }) => name);
  try {
    // The first minute compiles.
    for (let turn = -1; turn < rounds; turn++) {
      await settleAll(bellhop, jobs);
      if (turn === -1) await planned({ clock, found, ring: () => ring() });
      const turns = [() => planned({ clock, found, ring: () => ring() }), () => bareTimers(found)];
      for (const one of turn % 2 === 0 ? turns : turns.toReversed()) if (turn >= 0) await one();
      if (turn === -1) for (const list of [found.stored, found.loop.p99, found.loop.max]) list.length = 0;
    }
  } finally {
    await bellhop.stop({ graceMs: 0 });
  }
  return found;
}

function timed(store: Store, clock: SkippingClock, stored: number[]): Store {
  return {
    ...store,
    async advance(step) {
      const outcome = await store.advance(step);
      if (outcome.outcome === 'advanced')
        for (const { schedule } of step.runs)
          if (schedule !== undefined) stored.push(clock.now() - Date.parse(schedule.slot));
      return outcome;
    },
  };
}

/** One minute of the planner, rung by node-cron at a full second of the machine where the clock of the product shows a full minute. */
async function planned(at: { clock: SkippingClock; found: Minute; ring: () => void }): Promise<void> {
  const { clock, found, ring } = at;
  const target = nextSecond();
  const ahead = clock.now() + (target - Date.now());
  clock.skip(Math.ceil(ahead / MINUTE_MS) * MINUTE_MS - ahead);
  const before = found.stored.length;
  const task = await startTimer(target, ring);
  const loop = await watchLoop(target, () => found.stored.length >= before + DUE);
  found.loop.p99.push(loop.p99);
  found.loop.max.push(loop.max);
  await task.destroy();
}

/** A thousand tasks of node-cron that do nothing, at the same second. */
async function bareTimers(found: Minute): Promise<void> {
  const target = nextSecond();
  const late: number[] = [];
  const tasks = await Promise.all(
    Array.from({ length: DUE }, () => startTimer(target, () => void late.push(Date.now() - target))),
  );
  const loop = await watchLoop(target, () => late.length >= DUE);
  found.bare.push(...late);
  found.bareLoop.p99.push(loop.p99);
  found.bareLoop.max.push(loop.max);
  for (const task of tasks) await task.destroy();
}

/** A full second, far enough away to start a thousand tasks. */
function nextSecond(): number {
  return Math.ceil((Date.now() + 1_500) / 1_000) * 1_000;
}

async function startTimer(target: number, call: () => void): Promise<ReturnType<typeof createTask>> {
  const task = createTask(`${new Date(target).getUTCSeconds()} * * * * *`, call, {
    timezone: 'UTC',
    suppressMissedWarning: true,
    unref: true,
  });
  await task.start();
  return task;
}

/** Delays of the event loop from just before an instant of the machine's clock until `done`. */
async function watchLoop(target: number, done: () => boolean): Promise<{ p99: number; max: number }> {
  await systemClock.sleep(target - Date.now() - 5);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  await waitFor('all that is due', done);
  // The delay that is still under way is noted when it ends.
  await systemClock.sleep(10);
  loop.disable();
  return { p99: loop.percentile(99) / 1e6, max: loop.max / 1e6 };
}

interface Cost {
  runs: number;
  /** CPU milliseconds of a minute's planning, over all threads. */
  cpu: number[];
  wall: number[];
}

/** The same minutes over histories of different length, in turn. */
async function measureHistory(home: string, size: (typeof SIZES)['quick' | 'full']): Promise<Cost[]> {
  await using stack = new AsyncDisposableStack();
  const houses: { bellhop: Bellhop; clock: SkippingClock; jobs: string[]; cost: Cost }[] = [];
  for (const runs of size.histories) {
    const folder = join(home, `history-${runs}`);
    const clock = skippingClock(START_MS);
    const jobs = await writeDueJobs(join(folder, 'jobs'), DUE_WITH_HISTORY);
    const bellhop = await openHouse(folder, { clock });
    stack.defer(() => bellhop.stop({ graceMs: 0 }));
    await fill(bellhop, { jobs, runs });
    houses.push({ bellhop, clock, jobs, cost: { runs, cpu: [], wall: [] } });
  }
  // The first minutes see the schedules for the first time, and compile.
  for (let minute = -3; minute < size.minutes; minute++) {
    for (const { bellhop, clock, jobs, cost } of minute % 2 === 0 ? houses : houses.toReversed()) {
      clock.skip(MINUTE_MS);
      const [cpu, wall] = [process.cpuUsage(), performance.now()];
      const { started } = await bellhop.scheduler.tick();
      const { user, system } = process.cpuUsage(cpu);
      const tookMs = performance.now() - wall;
      await settleAll(bellhop, jobs);
      if (minute < 0) continue;
      if (started !== DUE_WITH_HISTORY) throw new Error(`a minute started ${started} of ${DUE_WITH_HISTORY}`);
      cost.cpu.push((user + system) / 1_000);
      cost.wall.push(tookMs);
    }
  }
  return houses.map(({ cost }) => cost);
}

function report(minute: Minute, costs: readonly Cost[]): BenchResult {
  const row = (name: string, late: readonly number[], loop: Minute['loop']): string[] => [
    name,
    String(late.length),
    ...[0.5, 0.99, 1].map((share) => quantile(late, share).toFixed(1)),
    ...[quantile(loop.p99, 0.5), quantile(loop.max, 1)].map((ms) => ms.toFixed(1)),
  ];
  printTable([
    [`${DUE} due in one minute`, 'done', 'late p50 ms', 'p99 ms', 'max ms', 'loop p99 ms', 'loop max ms'],
    row('node-cron, which does nothing', minute.bare, minute.bareLoop),
    row('a run stored', minute.stored, minute.loop),
  ]);
  printTable([
    [`planning a minute of ${DUE_WITH_HISTORY}`, 'CPU ms p50', 'wall ms p50', 'wall ms p99'],
    ...costs.map(({ runs, cpu, wall }) => [
      `with ${runs} runs of history`,
      quantile(cpu, 0.5).toFixed(1),
      quantile(wall, 0.5).toFixed(1),
      quantile(wall, 0.99).toFixed(1),
    ]),
  ]);
  const [none, long] = [costs[0]?.cpu ?? [], costs.at(-1)?.cpu ?? []];
  const loopP99Ms = round(quantile(minute.loop.p99, 0.5), 1);
  const ratios = {
    latenessP50: round(quantile(minute.stored, 0.5) / quantile(minute.bare, 0.5)),
    latenessP99: round(quantile(minute.stored, 0.99) / quantile(minute.bare, 0.99)),
    planningByHistory: round(quantile(long, 0.5) / quantile(none, 0.5)),
  };
  const short: string[] = [];
  if (!(loopP99Ms < GOALS.loopP99Ms)) short.push('loopP99Ms');
  if (!(ratios.planningByHistory <= GOALS.planningByHistory)) short.push('planningByHistory');
  return {
    bench: 'schedules',
    ratios,
    goals: { ...GOALS },
    short,
    figures: {
      loopP99Ms,
      loopMaxMs: round(quantile(minute.loop.max, 1), 1),
      storedP50Ms: round(quantile(minute.stored, 0.5), 1),
      storedP99Ms: round(quantile(minute.stored, 0.99), 1),
      bareP50Ms: round(quantile(minute.bare, 0.5), 1),
      bareP99Ms: round(quantile(minute.bare, 0.99), 1),
      history: costs.at(-1)?.runs ?? 0,
    },
  };
}
