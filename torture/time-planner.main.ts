/**
 * Plans on a data folder with a clock that runs fast, until it is killed: `node time-planner.main.ts ORDERS` (JSON). It prints `holding`
 * when it plans, or `refused CODE`; at SIGTERM it plans once more and prints `ended NOW`, the instant until which all was due by then.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { z } from 'zod';
import { systemClock } from '../src/clock.ts';
import type { Clock } from '../src/clock.ts';
import { loadConfig } from '../src/config.ts';
import { codeOf } from '../src/errors.ts';
import { openBellhop } from '../src/main.ts';
import type { Bellhop } from '../src/main.ts';
import type { Store } from '../src/store/store.ts';
import { SCHEDULES } from './time-spec.ts';

const Orders = z.object({
  home: z.string(),
  /** The real instant at which the fast clock shows `startMs`: the same in every life, so that time goes on while nobody lives. */
  originMs: z.number(),
  startMs: z.number(),
  speed: z.number(),
  /** Where to die, at the how-manieth step. */
  die: z.object({ point: z.enum(['before', 'during', 'after']), nth: z.number() }).optional(),
  /** Waits until the folder is free instead of being refused. */
  standby: z.boolean().default(false),
});
type Orders = z.infer<typeof Orders>;

// Nobody plans on when the torture is gone.
process.stdin.once('end', () => process.exit(1)).resume();
const orders = Orders.parse(JSON.parse(process.argv[2] ?? ''));
const clock = fastClock(orders);
const bellhop = await open();
await bellhop.loadJobs();
await bellhop.scheduler.start();
process.once('SIGTERM', () => void end(bellhop));
say('holding');
await work(bellhop.store);

function fastClock({ originMs, startMs, speed }: Orders): Clock {
  const real = systemClock;
  return {
    now: () => Math.floor(startMs + (real.now() - originMs) * speed),
    monotonic: () => real.monotonic() * speed,
    after: (ms, fn) => real.after(ms / speed, fn),
    every: (ms, fn) => real.every(ms / speed, fn),
    sleep: (ms, signal) => real.sleep(ms / speed, signal),
  };
}

async function open(): Promise<Bellhop> {
  const data = `${orders.home}/data`;
  const env = { BELLHOP_DATA_DIR: data, BELLHOP_JOBS_DIR: `${orders.home}/jobs`, LOG_LEVEL: 'error' };
  const silent = (): Promise<() => Promise<void>> => Promise.resolve(() => Promise.resolve());
  for (;;) {
    try {
      // The watch of the bell rings; node-cron knows no clock but the machine's.
      return await openBellhop(loadConfig(env, orders.home), { clock, wrapStore: mined, minute: silent });
    } catch (error) {
      const code = codeOf(error) ?? 'failed';
      if (code !== 'STORE_LOCKED') throw error;
      if (!orders.standby) {
        say(`refused ${code}`);
        process.exit(0);
      }
      await systemClock.sleep(20);
    }
  }
}

function mined(store: Store): Store {
  let steps = 0;
  const isAt = (point: 'before' | 'during' | 'after', step: number): boolean =>
    orders.die?.point === point && step === orders.die.nth;
  return {
    ...store,
    async advance(change) {
      const step = ++steps;
      if (isAt('before', step)) die();
      const commit = store.advance(change);
      if (isAt('during', step)) {
        for (let turns = Math.floor(Math.random() * 6); turns > 0; turns--) await turn();
        die();
      }
      const outcome = await commit;
      if (isAt('after', step)) die();
      return outcome;
    },
  };
}

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;); // nothing may happen between the signal and the end
}

/** Ends what is queued, so that the overlap rule has something to decide and the queue stays short. */
async function work(store: Store): Promise<void> {
  const queues = SCHEDULES.map(({ name }) => ({ name, limit: 4 }));
  for (;;) {
    const claimed = await store.claim({ queues, kinds: ['command'], limit: 48, workerId: 'hand', leaseMs: 3_600_000 });
    await store.settle(claimed.map(({ lease }) => ({ lease, end: 'completed' })));
    await systemClock.sleep(20);
  }
}

async function end({ scheduler }: Bellhop): Promise<void> {
  const now = clock.now();
  await scheduler.tick();
  await scheduler.stop();
  say(`ended ${now}`);
  // The hand that settles runs may be in the middle of it: what is stored is stored.
  process.exit(0);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
