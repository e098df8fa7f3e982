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
import { createPreflights } from './preflights.ts';
import type { Examine, Preflights } from './preflights.ts';
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
  /** Looks at the places of reports before they are due; default: nobody does. */
  examine?: Examine;
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
  /** How long before a report is due its places are looked at, in milliseconds; default 0: never by itself. */
  preflightMs?: number;
}

export interface Scheduler {
  schedules: Schedules;
  preflights: Preflights;
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
  const { examine = unseen, scrub } = deps;
  const preflights = createPreflights({ ...deps, book, examine, scrub, alertsTo, aheadMs: options.preflightMs ?? 0 });
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
    preflights,
    sinceTickMs: () => planner.sinceTickMs(),
    tick: () => planner.tick(),
    async start() {
      await followers.start();
      await planner.start();
      lateness.start();
      preflights.start();
    },
    async stop() {
      lateness.stop();
      await preflights.stop();
      await planner.stop();
      await followers.stop();
    },
  };
}

/** Where nobody can look, nothing is said to be well. */
const unseen: Examine = ({ destinations }) => {
  const problem = { code: 'CANNOT_LOOK', message: 'Nobody looks at it here', hint: '', severity: 'unknown' } as const;
  return Promise.resolve(destinations.map((destination) => ({ destination, problems: [problem] })));
};
