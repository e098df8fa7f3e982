/** The product over a data folder with a thousand schedules, and a clock of which a minute can be left out. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import type { Clock } from '../src/clock.ts';
import { loadConfig } from '../src/config.ts';
import { openBellhop } from '../src/main.ts';
import type { Bellhop, Seams } from '../src/main.ts';
import type { NewRun } from '../src/store/store.ts';

/** A definition has at most 20 schedules. */
const PER_JOB = 20;
const BATCH = 200;
const HAND = { kinds: ['command'], limit: BATCH, workerId: 'hand', leaseMs: 600_000 } as const;

export interface SkippingClock extends Clock {
  /** Time goes on by so much at once, for both clocks, as after a sleep; timers do not notice. */
  skip(ms: number): void;
}

/** A clock that shows `startMs` now. */
export function skippingClock(startMs: number): SkippingClock {
  let ahead = 0;
  const shift = startMs - systemClock.now();
  return {
    ...systemClock,
    now: () => systemClock.now() + shift + ahead,
    monotonic: () => systemClock.monotonic() + ahead,
    skip(ms) {
      ahead += ms;
    },
  };
}

/** Writes jobs with `schedules` schedules in all, each due at every full minute; their names. */
export async function writeDueJobs(dir: string, schedules: number): Promise<string[]> {
  await mkdir(dir, { recursive: true });
  const names = Array.from({ length: Math.ceil(schedules / PER_JOB) }, (_, n) => `due-${n}`);
  for (const [index, name] of names.entries()) {
    const count = Math.min(PER_JOB, schedules - index * PER_JOB);
    const due = Array.from({ length: count }, (_, n) => ({
      name: `n${n}`,
      when: '* * * * *',
      zone: 'Europe/Berlin',
      destinations: ['file:bench'],
    }));
    const job = { name, description: 'Is due each minute', command: ['true'], overlap: 'queue', schedules: due };
    await writeFile(join(dir, `${name}.yml`), JSON.stringify(job));
  }
  return names;
}

/** Opens the product; nothing runs in it but the scheduler, once that is started. */
export async function openHouse(home: string, seams: Seams & { clock: Clock }): Promise<Bellhop> {
  const env = { BELLHOP_DATA_DIR: join(home, 'data'), BELLHOP_JOBS_DIR: join(home, 'jobs'), LOG_LEVEL: 'error' };
  const bellhop = await openBellhop(loadConfig(env, home), seams);
  await bellhop.loadJobs();
  return bellhop;
}

/** A history of ended runs, all of schedules. */
export async function fill({ store, clock }: Bellhop, at: { jobs: readonly string[]; runs: number }): Promise<void> {
  const actor = { kind: 'schedule', id: 'history' } as const;
  for (let made = 0; made < at.runs; made += BATCH) {
    const runs = Array.from({ length: Math.min(BATCH, at.runs - made) }, (_, n): NewRun => {
      const job = at.jobs[(made + n) % at.jobs.length] ?? 'due-0';
      const slot = new Date(clock.now() - (made + n + 1) * 60_000).toISOString();
      const policy = { maxAttempts: 1, timeoutMs: 60_000, backoff: { baseMs: 1_000, maxMs: 60_000 } };
      const schedule = { name: `${job}.n0`, slot, zone: 'Europe/Berlin' };
      return { job, kind: 'command', queue: job, trigger: 'schedule', actor, input: {}, policy, schedule };
    });
    await store.submit(runs);
    await settleAll({ store }, at.jobs);
  }
}

/** Ends what is queued. */
export async function settleAll({ store }: Pick<Bellhop, 'store'>, jobs: readonly string[]): Promise<void> {
  const queues = jobs.map((name) => ({ name, limit: BATCH }));
  for (;;) {
    const claimed = await store.claim({ ...HAND, queues });
    if (claimed.length === 0) return;
    await store.settle(claimed.map(({ lease }) => ({ lease, end: 'completed' })));
  }
}
