/** The counters that a run's money is counted under: of its job's day, of the workspace's day and of its month. */
import { Temporal } from 'temporal-polyfill';
import { iso } from '../clock.ts';
import type { LoadedAgent } from './jobs.ts';

/** A cap and where it stands, in micro-dollars. */
export interface Standing {
  scope: 'job' | 'day' | 'month';
  /** Of scope job. */
  job?: string;
  /** `2026-11-22`, `2026-11`. */
  window: string;
  used: number;
  held: number;
  /** Null: no cap. */
  cap: number | null;
  /** Of scope job: what it used in the month up to now. */
  monthUsed?: number;
  /** When the window is over. */
  until: string;
}

/** The day and the month, in the workspace's zone, in which the first attempt of a run began. */
export interface MoneyWindow {
  day: string;
  month: string;
}

export interface MoneyCounter extends Pick<Standing, 'scope' | 'job' | 'window' | 'cap'> {
  key: string;
  expiresAt: string;
}

export interface WorkspaceCaps {
  dayMicroUsd?: number;
  monthMicroUsd?: number;
}

export interface MoneyWindows {
  at(ms: number): MoneyWindow;
  /** Where the money of a run of the job is counted; the narrowest first, for that is the cap that is named. */
  counters(job: Pick<LoadedAgent, 'name' | 'budget'>, window: MoneyWindow): MoneyCounter[];
  ofWorkspace(window: MoneyWindow): MoneyCounter[];
  ofJob(job: Pick<LoadedAgent, 'name' | 'budget'>, day: string): MoneyCounter;
  /** The instant at which a window of the scope is over: midnight of the zone, whatever its clocks did. */
  endOf(scope: Standing['scope'], window: string): string;
}

const DAY_MS = 86_400_000;
const KEEP_DAY_MS = 40 * DAY_MS;
const KEEP_MONTH_MS = 400 * DAY_MS;

/** Makes the windows of `zone`, an IANA name. */
export function createMoneyWindows(zone: string, caps: WorkspaceCaps): MoneyWindows {
  const startOf = (day: string): Temporal.ZonedDateTime => Temporal.PlainDate.from(day).toZonedDateTime(zone);
  const after = (day: string, keepMs: number): string => iso(startOf(day).epochMilliseconds + keepMs);
  const ofJob: MoneyWindows['ofJob'] = ({ name, budget }, day) => ({
    scope: 'job',
    job: name,
    window: day,
    cap: budget.dayMicroUsd,
    key: `usd.job.${name}.${day}`,
    expiresAt: after(day, KEEP_DAY_MS),
  });
  const ofWorkspace: MoneyWindows['ofWorkspace'] = ({ day, month }) => [
    {
      scope: 'day',
      window: day,
      cap: caps.dayMicroUsd ?? null,
      key: `usd.day.${day}`,
      expiresAt: after(day, KEEP_DAY_MS),
    },
    {
      scope: 'month',
      window: month,
      cap: caps.monthMicroUsd ?? null,
      key: `usd.month.${month}`,
      expiresAt: after(`${month}-01`, KEEP_MONTH_MS),
    },
  ];
  return {
    at(ms) {
      const day = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone).toPlainDate().toString();
      return { day, month: day.slice(0, 7) };
    },
    counters: (job, window) => [ofJob(job, window.day), ...ofWorkspace(window)],
    ofWorkspace,
    ofJob,
    endOf(scope, window) {
      const first = Temporal.PlainDate.from(scope === 'month' ? `${window}-01` : window);
      const next = first.add(scope === 'month' ? { months: 1 } : { days: 1 });
      return iso(next.toZonedDateTime(zone).epochMilliseconds);
    },
  };
}

/** The days of a month up to and including `day`. */
export function daysUpTo(day: string): string[] {
  const last = Number(day.slice(8, 10));
  return Array.from({ length: last }, (_, index) => `${day.slice(0, 8)}${String(index + 1).padStart(2, '0')}`);
}
