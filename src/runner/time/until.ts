import { parseDuration } from '../duration.ts';
import { createTimetable } from './slots.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;
const HINT = 'Write 3h, 2d, a date like 2026-12-24, or an instant like 2026-12-24T08:00:00Z.';

export type Until = { ok: true; at: number } | { ok: false; problem: string; hint: string };

/** Reads until when something rests: a duration from now, a date (its first instant in the zone), or an instant; within a year. */
export function readUntil(text: string, terms: { now: number; zone: string }): Until {
  const typed = text.trim();
  const at = instantOf(typed, terms);
  if (at === undefined || !Number.isFinite(at))
    return { ok: false, problem: `“${typed.slice(0, 40)}” is no time.`, hint: HINT };
  if (at <= terms.now) return { ok: false, problem: `${typed.slice(0, 40)} is in the past.`, hint: HINT };
  if (at - terms.now > YEAR_MS)
    return { ok: false, problem: 'That is more than a year ahead.', hint: 'Pause it instead.' };
  return { ok: true, at };
}

function instantOf(typed: string, { now, zone }: { now: number; zone: string }): number | undefined {
  const span = parseDuration(typed.toLowerCase());
  if (span !== undefined) return now + span;
  if (/^\d{4}-\d{2}-\d{2}$/.test(typed)) return midnight(typed, zone);
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/.test(typed)) return Date.parse(typed);
  return undefined;
}

/** The first instant of a date in a zone; where midnight does not exist, the one after the gap. */
function midnight(date: string, zone: string): number | undefined {
  const utc = Date.parse(`${date}T00:00:00Z`);
  if (!Number.isFinite(utc)) return undefined;
  const local = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
  const days = createTimetable({ cron: '0 0 * * *', zone }).next(utc - 2 * DAY_MS, 5);
  return days.find(({ at }) => local.format(new Date(at)) === date)?.at;
}
