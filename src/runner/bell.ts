/**
 * Rings when it is time to look at the schedules: node-cron at every full minute, and a watch every five seconds beside it. What is due is
 * decided elsewhere from stored watermarks, so a ring too many costs nothing and a ring that is missed is made up by the next.
 *
 * node-cron 4.6 drops a minute that it wakes up late for, stands still after the clock stepped back, and after a step forward counts up
 * every minute in between before it does anything else (ADR 0010). So nothing that a person wrote ever reaches it, and the watch notices
 * a step and starts its task anew.
 */
import type { ScheduledTask } from 'node-cron';
import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

export interface Bell {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts something that calls `ring` at every full minute; answers how to end it. */
export type Minute = (ring: () => void, log: Log) => Promise<() => Promise<void>>;

const WATCH_MS = 5000;
const JUMP_MS = 2000;

/** Makes a bell that is silent until it is started. */
export function createBell(deps: { clock: Clock; log: Log; ring: () => void; minute?: Minute }): Bell {
  const { clock, log, ring, minute = nodeCronMinute } = deps;
  let endMinute: (() => Promise<void>) | undefined;
  let watch: Timer | undefined;
  let drift = 0;
  let restarting: Promise<void> = Promise.resolve();
  let state: 'new' | 'started' | 'stopped' = 'new';

  const driftNow = (): number => clock.now() - clock.monotonic();

  async function beginMinute(): Promise<void> {
    await endMinute?.();
    endMinute = undefined;
    if (state === 'started') endMinute = await minute(ring, log);
  }
  function restart(): void {
    restarting = restarting.then(beginMinute).catch((error: unknown) => {
      // The watch rings on.
      log.error('the minute bell could not be started', { error: messageOf(error) });
    });
  }
  function look(): void {
    const moved = driftNow() - drift;
    if (Math.abs(moved) > JUMP_MS) {
      drift += moved;
      log.warn('the clock was stepped', { byMs: moved });
      restart();
    }
    ring();
  }

  return {
    async start() {
      if (state !== 'new') return;
      state = 'started';
      drift = driftNow();
      watch = clock.every(WATCH_MS, look);
      restart();
      await restarting;
    },
    async stop() {
      state = 'stopped';
      watch?.cancel();
      restart();
      await restarting;
    },
  };
}

const silent = (): void => undefined;

const nodeCronMinute: Minute = async (ring, log) => {
  const { createTask } = await import('node-cron');
  const say = (message: string | Error): void => log.debug('node-cron', { said: messageOf(message) });
  const task: ScheduledTask = createTask('* * * * *', ring, {
    timezone: 'UTC',
    suppressMissedWarning: true,
    unref: true,
    logger: { info: silent, warn: say, error: say, debug: silent },
  });
  await task.start();
  return async () => {
    await task.destroy();
  };
};
