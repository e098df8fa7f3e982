/**
 * Looks once a minute for what should have happened and did not: a run of a slot that is not over long after its time, a slot that nobody
 * planned. Each is told once.
 */
import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { isFinal } from '../store/records.ts';
import type { Destination } from '../store/destinations.ts';
import type { Run } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { alertRoute, placesOf } from './alert-route.ts';
import { noticeReport } from './notice-report.ts';
import type { Registry } from './registry.ts';
import type { Entry, ScheduleBook } from './schedule-book.ts';

const LOOK_MS = 60_000;
/**
 * A slot is planned within seconds; after this time something is wrong with the planner itself. Counted from when it was first seen due, by
 * the clock that cannot be stepped: after a sleep, or a step, the planner needs a moment.
 */
const UNPLANNED_MS = 5 * 60_000;

export interface Lateness {
  start(): void;
  stop(): void;
  look(): Promise<void>;
}

/** Makes the watch. */
export function createLateness(deps: {
  store: Store;
  book: ScheduleBook;
  clock: Clock;
  log: Log;
  registry: Pick<Registry, 'get'>;
  alertsTo: readonly Destination[];
}): Lateness {
  const { store, book, clock, log, registry } = deps;
  /** Slots that need no second look. */
  const done = new Map<string, string>();
  const overdue = new Map<string, { slot: string; since: number }>();
  let timer: Timer | undefined;

  async function look(): Promise<void> {
    const entries = await book.all();
    for (const entry of entries) {
      try {
        await lateRun(entry);
        await unplanned(entry);
      } catch (error) {
        log.warn('a schedule could not be looked at', { schedule: entry.name, error: messageOf(error) });
      }
    }
    const names = new Set(entries.map((entry) => entry.name));
    for (const known of [done, overdue]) for (const name of known.keys()) if (!names.has(name)) known.delete(name);
  }
  async function lateRun(entry: Entry): Promise<void> {
    const { last, spec } = entry.schedule;
    if (last === undefined || done.get(entry.name) === last.slot) return;
    const run = await store.get(last.runId);
    if (run === undefined || isFinal(run.state)) {
      done.set(entry.name, last.slot);
      return;
    }
    // A run that was made up for began late; it has its time from then on.
    const from = Math.max(Date.parse(last.slot), Date.parse(run.createdAt));
    if (clock.now() - from < spec.lateAfterMs) return;
    await tell(entry, `late.${entry.name}.${last.slot}`, lateText(entry, run, clock.now() - from));
    done.set(entry.name, last.slot);
  }
  async function unplanned(entry: Entry): Promise<void> {
    const { nextSlot, paused, gone } = entry.schedule;
    const rests = nextSlot === undefined || nextSlot === null || paused !== undefined || gone === true;
    if (rests || Date.parse(nextSlot) > clock.now()) {
      overdue.delete(entry.name);
      return;
    }
    const seen = overdue.get(entry.name);
    if (seen?.slot !== nextSlot) overdue.set(entry.name, { slot: nextSlot, since: clock.monotonic() });
    if (seen?.slot !== nextSlot || clock.monotonic() - seen.since < UNPLANNED_MS) return;
    log.error('a slot was not planned', { schedule: entry.name, slot: nextSlot });
    await tell(entry, `unplanned.${entry.name}.${nextSlot}`, {
      title: `${entry.name} was not planned`,
      summary: `It was due ${nextSlot}, and nothing happened.`,
      status: 'failed',
      lines: ['It is planned as soon as that is possible; the log of the server says what is in the way.'],
    });
  }
  async function tell(entry: Entry, key: string, what: Parameters<typeof noticeReport>[0]): Promise<void> {
    const { tell: asked, destinations: own, job: name } = entry.schedule.spec;
    const reports = own ?? placesOf(registry.get(name));
    const destinations = alertRoute({ tell: asked, alertsTo: deps.alertsTo, reports });
    if (destinations.length === 0) {
      log.warn(what.title, { schedule: entry.name, summary: what.summary });
      return;
    }
    const { job } = entry.schedule.spec;
    await store.addNotice({ key, kind: 'late', schedule: entry.name, job, report: noticeReport(what), destinations });
  }

  return {
    look,
    start() {
      timer ??= clock.every(LOOK_MS, () => {
        look().catch((error: unknown) => log.warn('late runs could not be looked for', { error: messageOf(error) }));
      });
    },
    stop: () => timer?.cancel(),
  };
}

function lateText(entry: Entry, run: Run, ms: number): Parameters<typeof noticeReport>[0] {
  const minutes = Math.round(ms / 60_000);
  const began = run.startedAt === undefined ? 'has not begun' : `began ${run.startedAt}`;
  return {
    title: `${entry.name} is late`,
    summary: `Its run was due ${entry.schedule.last?.slot ?? ''} and is still ${run.state} ${minutes} minutes later.`,
    status: 'ok',
    lines: [`Run \`${run.id}\` ${began}. \`/jobs show ${run.id.slice(-6)}\` shows how far it is.`],
  };
}
