/** Puts together what belongs to schedules: the book of them, the verbs for people, and the planner. */
import type { Destination } from '../store/destinations.ts';
import type { Clock } from '../clock.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/store.ts';
import type { Scrub } from '../scrub.ts';
import type { Minute } from './bell.ts';
import { createDigest } from './digest.ts';
import { createFileSchedules } from './file-schedules.ts';
import { createFollowers } from './followers.ts';
import type { GuardCheck } from './guards.ts';
import { createIncidents } from './incidents.ts';
import { createLateness } from './lateness.ts';
import { createPings } from './pings.ts';
import { createPlanner } from './planner.ts';
import type { TickReport } from './planner.ts';
import type { Registry } from './registry.ts';
import type { Runner } from './runner.ts';
import { createScheduleBook } from './schedule-book.ts';
import { createSchedules } from './schedules.ts';
import type { Schedules } from './schedules.ts';
import { createStatus } from './status.ts';

export interface SchedulerDeps {
  scrub: Scrub;
  /** Of the pings. */
  fetch?: typeof globalThis.fetch;
  store: Store;
  registry: Registry;
  runner: Pick<Runner, 'submit'>;
  guards: GuardCheck;
  clock: Clock;
  ids: Ids;
  log: Log;
  minute?: Minute;
}

export interface SchedulerOptions {
  /** The zone of schedules that name none: an IANA name. */
  zone: string;
  /** Where notices go for schedules that name nobody. */
  alertsTo: readonly Destination[];
  /** Names this machine in the status documents. */
  host: string;
  /** Where to ping, by the name of the variable without HC_. */
  pings: Readonly<Record<string, string>>;
}

export interface Scheduler {
  schedules: Schedules;
  /** Milliseconds since everything due was last planned; undefined before that. */
  sinceTickMs(): number | undefined;
  /** Plans what is due now; the server needs no call. */
  tick(): Promise<TickReport>;
  /** Begins to plan, and to draw conclusions from what happens. */
  start(): Promise<void>;
  /** Stops both, and leaves a mark of when that was; idempotent. */
  stop(): Promise<void>;
}

/** Makes the scheduler; nothing is planned before `start`. */
export function createScheduler(deps: SchedulerDeps, options: SchedulerOptions): Scheduler {
  const book = createScheduleBook(deps);
  const { zone, alertsTo } = options;
  const files = createFileSchedules({ ...deps, book, zone });
  const digest = createDigest({ ...deps, book, alertsTo });
  const schedules = createSchedules({ ...deps, book, zone });
  const planner = createPlanner({ ...deps, book, files, digest, alertsTo });
  const lateness = createLateness({ ...deps, book, alertsTo });
  const followers = createFollowers({
    ...deps,
    followers: [
      createIncidents({
        ...deps,
        book,
        alertsTo,
        pause: (name, actor, reason) => schedules.pause(name, actor, reason),
      }),
      createStatus({ ...deps, book, host: options.host }),
      createPings({ ...deps, urls: options.pings }),
    ],
  });
  return {
    schedules,
    sinceTickMs: () => planner.sinceTickMs(),
    tick: () => planner.tick(),
    async start() {
      await followers.start();
      await planner.start();
      lateness.start();
    },
    async stop() {
      lateness.stop();
      await planner.stop();
      await followers.stop();
    },
  };
}
