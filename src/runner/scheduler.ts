/** Puts together what belongs to schedules: the book of them, the verbs for people, and the planner. */
import type { Destination } from '../store/records.ts';
import type { Clock } from '../clock.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Store } from '../store/store.ts';
import type { Minute } from './bell.ts';
import { createDigest } from './digest.ts';
import { createFileSchedules } from './file-schedules.ts';
import type { GuardCheck } from './guards.ts';
import { createPlanner } from './planner.ts';
import type { Planner } from './planner.ts';
import type { Registry } from './registry.ts';
import type { Runner } from './runner.ts';
import { createScheduleBook } from './schedule-book.ts';
import { createSchedules } from './schedules.ts';
import type { Schedules } from './schedules.ts';

export interface SchedulerDeps {
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
}

export interface Scheduler {
  schedules: Schedules;
  planner: Planner;
}

/** Makes the scheduler; nothing is planned before `planner.start`. */
export function createScheduler(deps: SchedulerDeps, options: SchedulerOptions): Scheduler {
  const book = createScheduleBook(deps);
  const files = createFileSchedules({ ...deps, book, zone: options.zone });
  const digest = createDigest({ ...deps, book, alertsTo: options.alertsTo });
  return {
    schedules: createSchedules({ ...deps, book, zone: options.zone }),
    planner: createPlanner({ ...deps, book, files, digest }),
  };
}
