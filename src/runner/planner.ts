/**
 * Turns due times into runs. Every slot of a schedule ends in exactly one of a run or a skip with its reason: what a tick decides about a
 * schedule is one commit that compares where the schedule stood, so neither a crash nor a second planner makes it two or none. A tick is
 * idempotent; when it comes late, or twice, or after the clock was stepped, the stored watermarks say what is left to do.
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Destination } from '../store/destinations.ts';
import type { Store } from '../store/store.ts';
import { createAbsences } from './absence.ts';
import { createBell } from './bell.ts';
import type { Minute } from './bell.ts';
import { isCapped } from './caps.ts';
import { createDecide } from './decide.ts';
import type { Decided } from './decide.ts';
import { createDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import type { FileSchedules } from './file-schedules.ts';
import type { GuardCheck } from './guards.ts';
import type { LoadedJob } from './jobs.ts';
import { planSchedule } from './plan.ts';
import type { Registry } from './registry.ts';
import type { Entry, ScheduleBook } from './schedule-book.ts';
import type { Absence } from './stretches.ts';
import { createTurns } from './turns.ts';
import type { Turns } from './turns.ts';

export interface TickReport {
  planned: number;
  started: number;
  skipped: number;
  tookMs: number;
}

export interface Planner {
  /** Does what is due now; a call during a tick makes one more after it. */
  tick(): Promise<TickReport>;
  /** Milliseconds since a tick last came to its end; undefined before the first. */
  sinceTickMs(): number | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface PlannerDeps {
  store: Store;
  book: ScheduleBook;
  files: FileSchedules;
  registry: Registry;
  guards: GuardCheck;
  clock: Clock;
  ids: Ids;
  log: Log;
  digest?: Digest;
  /** Where notices go for schedules that name nobody. */
  alertsTo?: readonly Destination[];
  /** For tests: another minute bell than node-cron's. */
  minute?: Minute;
}

/** Runs that one tick starts; the rest waits for the next, a few seconds later. */
const MAX_STARTS = 2000;
/** As many commits share a write of the journal; more would hold the event loop for longer at a time (bench schedules). */
const AT_ONCE = 16;
/** Steps of one schedule in one tick: a step covers a bounded number of slots. */
const MAX_STEPS = 20;
const NOTHING: Omit<TickReport, 'tookMs'> = { planned: 0, started: 0, skipped: 0 };

interface Tick {
  now: number;
  absence: Absence | undefined;
  startsLeft: number;
  /** Runs that this tick started, by job. */
  startsOf: Map<string, number>;
  turns: Turns;
  done: Omit<TickReport, 'tookMs'>;
}

/** Makes the planner; it plans nothing before `start` or `tick`. */
export function createPlanner(deps: PlannerDeps): Planner {
  const { store, book, files, registry, clock, log } = deps;
  const decide = createDecide(deps);
  const absences = createAbsences({ store, clock, log });
  const digest = deps.digest ?? createDigest({ store, book, log, alertsTo: [] });
  const bell = createBell({ clock, log, ring: () => void ring(), ...(deps.minute && { minute: deps.minute }) });
  let ticking: Promise<TickReport> | undefined;
  let again: Promise<TickReport> | undefined;
  let tickedAt: number | undefined;
  const stopping = new AbortController();

  async function ring(): Promise<void> {
    if (stopping.signal.aborted || again !== undefined) return;
    await tick().catch((error: unknown) =>
      log.error('the schedules could not be planned', { error: messageOf(error) }),
    );
  }
  function tick(): Promise<TickReport> {
    if (ticking === undefined) return (ticking = attempt().finally(() => (ticking = undefined)));
    again ??= ticking
      .catch(() => undefined)
      .then(() => {
        again = undefined;
        return tick();
      });
    return again;
  }
  async function attempt(): Promise<TickReport> {
    const begun = clock.monotonic();
    const absence = await absences.look();
    await files.sync(await book.all());
    const now = clock.now();
    const run: Tick = {
      now,
      absence,
      startsLeft: MAX_STARTS,
      startsOf: new Map(),
      turns: createTurns(),
      done: { ...NOTHING },
    };
    const due = (await book.all()).filter((entry) => isDue(entry, now));
    let failed = 0;
    const waiting = due.values();
    const planSome = async (): Promise<void> => {
      for (const entry of waiting) {
        if (stopping.signal.aborted) return;
        try {
          await inTurn(run, entry);
        } catch (error) {
          failed++;
          log.error('a schedule could not be planned; it is tried again', {
            schedule: entry.name,
            error: messageOf(error),
          });
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, planSome));
    if (failed > 0 && failed === due.length) throw new Error(`none of ${failed} due schedules could be planned`);
    // An absence is over when all of it was planned and everybody was told: a crash or a stop before that finds it again.
    const whole = failed === 0 && !stopping.signal.aborted;
    if (absence !== undefined && whole) await digest.tell(absence);
    if (whole) await absences.seen(now);
    tickedAt = clock.monotonic();
    return { ...run.done, tookMs: clock.monotonic() - begun };
  }

  /** Schedules of one job that has caps are planned one after the other, so that each sees what the one before it started. */
  function inTurn(run: Tick, entry: Entry): Promise<void> {
    const job = registry.get(entry.schedule.spec.job);
    return job !== undefined && isCapped(job) ? run.turns(job.name, () => planOne(run, entry)) : planOne(run, entry);
  }
  async function planOne(run: Tick, first: Entry): Promise<void> {
    let entry: Entry | undefined = first;
    for (let steps = 0; entry !== undefined && steps < MAX_STEPS && !stopping.signal.aborted; steps++) {
      const job = registry.get(entry.schedule.spec.job);
      const schedule = frugal(entry.schedule, job);
      const { now, absence } = run;
      const step = planSchedule({ schedule, now, maxStarts: run.startsLeft, ...(absence && { absence }) });
      if (step === undefined) return;
      const started = run.startsOf.get(entry.schedule.spec.job) ?? 0;
      const decided = await decide({ entry, job, step, started });
      const outcome = await store.advance({
        schedule: entry.name,
        expectedWatermark: entry.schedule.watermark ?? null,
        watermark: step.watermark,
        nextSlot: step.nextSlot,
        ...decided,
      });
      if (outcome.outcome === 'queue_full' || outcome.outcome === 'too_large') {
        // The slot stays due: it is run, or skipped by its catch-up rule, when there is room again.
        log.warn('a slot cannot be accepted now and waits', { schedule: entry.name, outcome: outcome.outcome });
        return;
      }
      if (outcome.outcome === 'advanced') {
        note(run, { entry, decided });
        if (!step.more || run.startsLeft <= 0) return;
      }
      entry = await book.get(entry.name);
    }
  }

  return {
    tick,
    sinceTickMs: () => (tickedAt === undefined ? undefined : clock.monotonic() - tickedAt),
    async start() {
      await bell.start();
      await ring();
    },
    async stop() {
      if (stopping.signal.aborted) return;
      stopping.abort();
      await bell.stop();
      await ticking?.catch(() => undefined);
      await absences.leave().catch((error: unknown) => log.warn('the time of leaving was not stored', { error }));
    },
  };
}

function note(run: Tick, { entry, decided }: { entry: Entry; decided: Decided }): void {
  const { job } = entry.schedule.spec;
  const started = decided.runs.length;
  run.startsLeft -= started;
  run.startsOf.set(job, (run.startsOf.get(job) ?? 0) + started);
  run.done.planned++;
  run.done.started += started;
  run.done.skipped += decided.skips.reduce((sum, skip) => sum + skip.count, 0);
}

function isDue({ schedule }: Entry, now: number): boolean {
  if (schedule.paused !== undefined || schedule.gone === true) return false;
  const { watermark, nextSlot } = schedule;
  if (watermark === undefined || nextSlot === undefined) return true;
  return nextSlot !== null && Date.parse(nextSlot) <= now;
}

/** Missed runs that cost money are never made up for in a burst. */
function frugal(schedule: Entry['schedule'], job: LoadedJob | undefined): Entry['schedule'] {
  const { spec } = schedule;
  if (job?.expensive !== true || spec.catchUp.policy !== 'all') return schedule;
  return { ...schedule, spec: { ...spec, catchUp: { ...spec.catchUp, policy: 'latest' } } };
}
