/** kill -9 around the commit of a plan and at any moment, and rivals for one folder: every slot is one run or one skip, whoever lived. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { createTimeJudge } from './time-judge.ts';
import type { TimeJudge, Verdict } from './time-judge.ts';
import { SCHEDULES, writeJobs } from './time-spec.ts';

const PLANNER = join(import.meta.dirname, 'time-planner.main.ts');
const GUARD_MS = 60_000;
/** An hour before the clocks of Europe change: the lives go through it. */
const START_MS = Date.UTC(2026, 2, 29, 0);
/** Five minutes in a second: a slot every 200 ms. */
const SPEED = 300;
const POINTS = ['before', 'during', 'after'] as const;

export interface KillFigures extends Verdict {
  kills: Record<string, number>;
  /** Two that hold one folder at once, or a second that was not refused. */
  rivals: string[];
  takeovers: number;
  fakedHours: number;
}

interface Field {
  home: string;
  originMs: number;
  judge: TimeJudge;
}

type Orders = { die?: { point: string; nth: number }; standby?: boolean };

export async function tortureKills(options: { each: number; takeovers: number }): Promise<KillFigures> {
  const home = await mkdtemp(join(tmpdir(), 'bellhop-torture-'));
  try {
    await writeJobs(join(home, 'jobs'), ['true']);
    const field: Field = { home, originMs: systemClock.now(), judge: createTimeJudge(SCHEDULES) };
    // The first life sees every schedule, and leaves by itself: from here on each slot counts.
    await leave(await begin(field, {}));
    await field.judge.look(join(home, 'data'));
    const kills: Record<string, number> = { before: 0, during: 0, after: 0, anywhere: 0 };
    for (let trial = 0; trial < options.each; trial++) {
      for (const point of [...POINTS, undefined]) {
        await liveAndDie(field, point);
        kills[point ?? 'anywhere'] = (kills[point ?? 'anywhere'] ?? 0) + 1;
        // Now and then what one kill left is met by the next.
        if (trial % 3 !== 2) await field.judge.look(join(home, 'data'));
      }
    }
    const rivals = await compete(field, options.takeovers);
    const until = await leave(await begin(field, {}));
    const verdict = await field.judge.judge(join(home, 'data'), until);
    return { ...verdict, kills, rivals, takeovers: options.takeovers, fakedHours: (until - START_MS) / 3_600_000 };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** One life, killed at a step of the plan, or at any moment between its first breath and its busy time. */
async function liveAndDie(field: Field, point: (typeof POINTS)[number] | undefined): Promise<void> {
  const nth = 1 + Math.floor(Math.random() * 2 * SCHEDULES.length);
  const life = live(field, point === undefined ? {} : { die: { point, nth } });
  if (point === undefined) {
    const early = Math.random() < 0.2;
    if (!early) await life.holding;
    await systemClock.sleep(Math.random() * (early ? 400 : 600));
    life.kill();
  }
  const { signal } = await life.exited;
  if (signal !== 'SIGKILL') throw new Error(`a life ended by itself: ${life.said()}`);
}

/** While one holds the folder a second is refused at once; when it is killed, one of two that wait takes over, and the other waits on. */
async function compete(field: Field, takeovers: number): Promise<string[]> {
  const found: string[] = [];
  let holder = await begin(field, {});
  const waiting = new Set([live(field, { standby: true }), live(field, { standby: true })]);
  for (let turn = 0; turn < takeovers; turn++) {
    const second = live(field, {});
    await Promise.race([second.exited, second.holding]);
    second.kill();
    if (!second.said().includes('refused STORE_LOCKED')) found.push(`turn ${turn}: a second was not refused`);
    await systemClock.sleep(300);
    holder.kill();
    await holder.exited;
    holder = await Promise.race([...waiting].map((life) => life.holding.then(() => life)));
    waiting.delete(holder);
    await systemClock.sleep(200);
    if ([...waiting].some((life) => life.said() !== '')) found.push(`turn ${turn}: two hold the folder`);
    waiting.add(live(field, { standby: true }));
  }
  for (const life of waiting) life.kill();
  holder.kill();
  await Promise.all([...waiting, holder].map((life) => life.exited));
  return found;
}

interface Life {
  holding: Promise<void>;
  exited: Promise<{ signal: NodeJS.Signals | null }>;
  said: () => string;
  kill: () => void;
  end: () => void;
}

async function begin(field: Field, orders: Orders): Promise<Life> {
  const life = live(field, orders);
  await life.holding;
  return life;
}

/** Ends a life in peace; gives the instant until which it planned. */
async function leave(life: Life): Promise<number> {
  life.end();
  await life.exited;
  const until = Number(/ended (\d+)/.exec(life.said())?.[1]);
  if (!Number.isFinite(until)) throw new Error(`a life did not leave in peace: ${life.said()}`);
  return until;
}

function live({ home, originMs }: Field, orders: Orders): Life {
  const text = JSON.stringify({ home, originMs, startMs: START_MS, speed: SPEED, ...orders });
  const child = spawn(process.execPath, [PLANNER, text], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  let hold: () => void = () => undefined;
  const holding = new Promise<void>((resolve) => (hold = resolve));
  const hear = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-20_000);
    if (said.includes('holding')) hold();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  // A hang guard: what hangs is killed, and then found to have said nothing.
  const guard = orders.standby === true ? undefined : systemClock.after(GUARD_MS, hang);
  function hang(): void {
    said += `hung for ${GUARD_MS} ms`;
    child.kill('SIGTERM');
  }
  const exited = new Promise<{ signal: NodeJS.Signals | null }>((resolve) =>
    child.once('close', (_code, signal) => {
      guard?.cancel();
      hold();
      resolve({ signal });
    }),
  );
  return { holding, exited, said: () => said, kill: () => child.kill('SIGKILL'), end: () => child.kill('SIGTERM') };
}
