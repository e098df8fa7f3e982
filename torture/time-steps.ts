/** The wall clock is stepped under the real server, and the server is made to stand still: every slot is still one run or one skip. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { createRemoteGateway } from '../src/cli/remote.ts';
import { createFakeTime, faketimeLibrary } from '../test/support/faketime.ts';
import type { FakeTime } from '../test/support/faketime.ts';
import { startPeerServer } from '../test/support/peer-server.ts';
import type { PeerServer } from '../test/support/peer-server.ts';
import { waitFor } from '../test/support/peer-wait.ts';
import { createTimeJudge } from './time-judge.ts';
import type { Verdict } from './time-judge.ts';
import { SCHEDULES, writeJobs } from './time-spec.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Twice what the watch of the bell needs, and half a minute for a busy machine. */
const NOTICED_GUARD_MS = 40_000;
/** The watch looks every five seconds. */
const WATCHED_MS = 6_000;
/** Half a minute before a full one, on the Saturday before the clocks of Europe change. */
const START_MS = Date.UTC(2026, 2, 28, 20, 0, 30);

export interface Step {
  name: string;
  /** Until the server said that it noticed. */
  noticedMs: number;
  /** New runs of slots. */
  runs: number;
  /** The slowest answer of /healthz meanwhile: how long the event loop stood still. */
  slowestMs: number;
}

export interface StepFigures extends Verdict {
  steps: Step[];
  /** What the server did that it must not: runs while the clock stood before what was planned. */
  wrong: string[];
}

interface Scene {
  server: PeerServer;
  time: FakeTime;
  steps: Step[];
  wrong: string[];
}

/** Undefined where libfaketime is not installed. */
export async function tortureSteps({ quick }: { quick: boolean }): Promise<StepFigures | undefined> {
  const library = faketimeLibrary();
  if (library === undefined) return undefined;
  const home = await mkdtemp(join(tmpdir(), 'bellhop-torture-'));
  try {
    await writeJobs(join(home, 'jobs'), ['true']);
    const time = await createFakeTime({ library, file: join(home, 'time'), startMs: START_MS });
    const judge = createTimeJudge(SCHEDULES);
    const dataDir = join(home, 'data');
    const start = (): Promise<PeerServer> =>
      startPeerServer({
        dataDir,
        jobsDir: join(home, 'jobs'),
        readyGuardMs: 60_000,
        env: { ...time.env, BELLHOP_SHUTDOWN_MS: '2000' },
      });
    await (await start()).stop();
    await judge.look(dataDir);
    const scene: Scene = { server: await start(), time, steps: [], wrong: [] };
    await play(scene, quick);
    const until = time.now();
    await time.step(2 * MINUTE_MS);
    await ranAfter(scene, until);
    await calm(scene);
    await scene.server.stop();
    const verdict = await judge.judge(dataDir, until);
    return { ...verdict, steps: scene.steps, wrong: scene.wrong };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function play(scene: Scene, quick: boolean): Promise<void> {
  await forward(scene, '+5 s', 5_000);
  await forward(scene, '+8 h', 8 * HOUR_MS);
  await forward(scene, '+30 d', 30 * DAY_MS);
  await backward(scene);
  await forward(scene, '+1 d 1 h', DAY_MS + HOUR_MS + 2 * MINUTE_MS);
  await stopped(scene, quick ? { realMs: 4_000, stepMs: 3 * MINUTE_MS } : { realMs: 3 * MINUTE_MS, stepMs: 0 });
}

async function forward(scene: Scene, name: string, ms: number): Promise<void> {
  const before = scene.time.now();
  await observed(scene, name, async () => {
    await scene.time.step(ms);
    const noticed = await noticedAfter(scene);
    // Only a step across a minute makes something due.
    if (ms >= MINUTE_MS) await ranAfter(scene, before);
    await calm(scene);
    return noticed;
  });
}

/** Back in two steps; until the clock has passed what was planned, nothing is due. */
async function backward(scene: Scene): Promise<void> {
  const known = (await slots(scene.server)).length;
  for (const [name, ms] of [
    ['-1 h', HOUR_MS],
    ['-1 d', DAY_MS],
  ] as const) {
    await observed(scene, name, async () => {
      await scene.time.step(-ms);
      return noticedAfter(scene);
    });
  }
  // One more look of the watch, at which nothing may be due.
  await systemClock.sleep(WATCHED_MS);
  const runs = (await slots(scene.server)).length - known;
  if (runs > 0) scene.wrong.push(`${runs} runs while the clock stood before what was planned`);
}

async function stopped(scene: Scene, { realMs, stepMs }: { realMs: number; stepMs: number }): Promise<void> {
  const { server, time, steps } = scene;
  const before = time.now();
  const [began, known] = [performance.now(), (await slots(server)).length];
  server.signal('SIGSTOP');
  await systemClock.sleep(realMs);
  if (stepMs > 0) await time.step(stepMs);
  server.signal('SIGCONT');
  const woke = performance.now();
  await ranAfter(scene, before);
  const wokeMs = performance.now() - woke;
  await calm(scene);
  const runs = (await slots(server)).length - known;
  const name = stepMs > 0 ? `SIGSTOP ${realMs / 1_000} s, +3 min` : `SIGSTOP ${Math.round((woke - began) / 1_000)} s`;
  steps.push({ name, noticedMs: wokeMs, runs, slowestMs: Number.NaN });
}

async function observed(scene: Scene, name: string, act: () => Promise<number>): Promise<void> {
  const { server, steps } = scene;
  const known = (await slots(server)).length;
  const watch = new AbortController();
  const slowest = slowestAnswer(server, watch.signal);
  const noticedMs = await act();
  watch.abort();
  steps.push({ name, noticedMs, runs: (await slots(server)).length - known, slowestMs: await slowest });
}

async function slowestAnswer(server: PeerServer, signal: AbortSignal): Promise<number> {
  let slowest = 0;
  while (!signal.aborted) {
    const began = performance.now();
    await (await fetch(`${server.url}/healthz`)).text();
    slowest = Math.max(slowest, performance.now() - began);
    await systemClock.sleep(50, signal);
  }
  return slowest;
}

/** Until the server says once more that the clock was stepped. */
async function noticedAfter({ server }: Scene): Promise<number> {
  const began = performance.now();
  const said = (): number => server.logs.filter(({ message }) => message === 'the clock was stepped').length;
  const known = said();
  await waitFor('the server to notice the step', () => said() > known, NOTICED_GUARD_MS);
  return performance.now() - began;
}

/** Until the schedule of every minute has a run of a slot after an instant. */
async function ranAfter({ server }: Scene, instant: number): Promise<void> {
  await waitFor(
    `a run of a slot after ${new Date(instant).toISOString()}`,
    async () => (await slots(server)).some((at) => at > instant),
    2 * NOTICED_GUARD_MS,
  );
}

/** Until a second passes without a new run: what is made up for is started one after the other. */
async function calm({ server }: Scene): Promise<void> {
  let known = -1;
  let since = 0;
  await waitFor('an end of what is made up for', async () => {
    const count = (await slots(server)).length;
    if (count !== known) [known, since] = [count, performance.now()];
    return performance.now() - since > 1_000;
  });
}

/** The newest slots that were run. */
async function slots(server: PeerServer): Promise<number[]> {
  await using gateway = createRemoteGateway(join(server.dataDir, 'bellhop.sock'));
  const { items } = await gateway.list({ limit: 200 });
  return items.flatMap(({ schedule }) => (schedule === undefined ? [] : [Date.parse(schedule.slot)]));
}
