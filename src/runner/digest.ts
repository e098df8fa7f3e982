/**
 * One notice a route after an absence: what was missed, what ran late, what was skipped. It is read from the schedules as they stand
 * after planning, and its key is the absence itself, so that a crash before it is stored only makes it again.
 */
import { createHash } from 'node:crypto';
import { iso } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Destination } from '../store/destinations.ts';
import type { Report } from '../store/report.ts';
import type { Skip } from '../store/schedule-records.ts';
import type { Store } from '../store/store.ts';
import { noticeReport } from './notice-report.ts';
import { ON_TIME_MS } from './stretches.ts';
import type { Absence } from './stretches.ts';
import type { Entry, ScheduleBook } from './schedule-book.ts';
import { destinationKey } from './targets.ts';
import { createTimetable } from './time/slots.ts';

export interface Digest {
  /** Tells everybody whose schedules missed something; never throws. */
  tell(absence: Absence): Promise<void>;
}

interface Deps {
  store: Pick<Store, 'addNotice'>;
  book: ScheduleBook;
  log: Log;
  /** Where notices go for schedules that name nobody. */
  alertsTo: readonly Destination[];
}

interface Missed {
  entry: Entry;
  missed: number;
  skipped: number;
  /** Of the runs that were started late, the newest. */
  runId: string | undefined;
}

const LINES = 30;

/** Makes the digest. */
export function createDigest(deps: Deps): Digest {
  const { store, book, log, alertsTo } = deps;

  async function tellAll(absence: Absence): Promise<void> {
    const missed = (await book.all()).flatMap((entry) => missedBy(entry, absence) ?? []);
    if (missed.length === 0) return;
    log.warn('slots were missed', { from: iso(absence.from), to: iso(absence.to), schedules: missed.length });
    const routes = new Map<string, { to: readonly Destination[]; missed: Missed[] }>();
    for (const one of missed) {
      const to = one.entry.schedule.spec.tell ?? alertsTo;
      if (to.length === 0) continue;
      const key = to.map(destinationKey).sort().join(' ');
      const route = routes.get(key) ?? { to, missed: [] };
      route.missed.push(one);
      routes.set(key, route);
    }
    for (const [key, route] of routes) {
      const hash = createHash('sha256').update(key).digest('hex').slice(0, 12);
      await store.addNotice({
        key: `digest.${absence.from}.${hash}`,
        kind: 'digest',
        report: reportOf(absence, route.missed),
        destinations: route.to,
      });
    }
  }

  return {
    async tell(absence) {
      // What is planned is planned: a notice that cannot be written must not hold up the next minute.
      await tellAll(absence).catch((error: unknown) =>
        log.error('the digest of an absence could not be stored', { error: messageOf(error) }),
      );
    },
  };
}

/** What a schedule missed while nobody planned; undefined when nothing. */
function missedBy(entry: Entry, { from, to }: Absence): Missed | undefined {
  const { schedule } = entry;
  if (schedule.paused !== undefined || schedule.gone === true) return undefined;
  const began = Math.max(from, Date.parse(schedule.createdAt));
  // What came due within the last minute and a half was planned on time.
  const missed = createTimetable(schedule.spec).count(began, to - ON_TIME_MS).count;
  if (missed === 0) return undefined;
  const inside = (skip: Skip): boolean => Date.parse(skip.to) > from && Date.parse(skip.from) <= to;
  const skipped = (schedule.skips ?? []).filter(inside).reduce((sum, skip) => sum + skip.count, 0);
  const { last } = schedule;
  const ran = last !== undefined && Date.parse(last.slot) > from && Date.parse(last.slot) <= to;
  return { entry, missed, skipped: Math.min(skipped, missed), runId: ran ? last.runId : undefined };
}

function reportOf(absence: Absence, all: readonly Missed[]): Report {
  const slots = all.reduce((sum, one) => sum + one.missed, 0);
  const ran = all.reduce((sum, one) => sum + (one.missed - one.skipped), 0);
  const more = all.length - LINES;
  const why = absence.why ?? 'down';
  return noticeReport({
    title: `Missed while ${WHILE[why]}`,
    summary:
      `${capital(WAS[why])} ${span(absence)}: ${slots} missed, ` +
      `${ran === 0 ? 'none of them run' : `${ran} run late`}, ${slots - ran} skipped.`,
    status: 'ok',
    lines: [
      ...all.slice(0, LINES).map(lineOf),
      ...(more > 0 ? [`- and ${more} more; \`/jobs schedules\` shows them`] : []),
    ],
  });
}

const WHILE = { down: 'Bellhop was down', asleep: 'Bellhop was asleep', clock: 'the clock was wrong' } as const;
const WAS = { down: 'down', asleep: 'asleep', clock: 'the clock was stepped' } as const;

function lineOf({ entry, missed, skipped, runId }: Missed): string {
  const ran = missed - skipped;
  const latest = runId === undefined || ran === 0 ? '' : `, the latest as \`${runId}\``;
  return `- \`${entry.name}\`: ${missed} missed, ran ${ran}${latest}`;
}

function span({ from, to }: Absence): string {
  const [a, b] = [iso(from), iso(to)];
  const time = (instant: string): string => instant.slice(11, 16);
  const day = (instant: string): string => instant.slice(0, 10);
  return day(a) === day(b) ? `${day(a)} ${time(a)}-${time(b)} UTC` : `${day(a)} ${time(a)} to ${day(b)} ${time(b)} UTC`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
