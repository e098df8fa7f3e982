/** Where five fields fit on a wall clock that never changes: wall time is ms since 1970-01-01 00:00 on that wall. Pure arithmetic. */
import type { Fields } from './cron.ts';

export interface Wall {
  /** The times that fit from `from` until just before `to`, ascending. */
  times(from: number, to: number): Generator<number>;
  first(from: number, to: number): number | undefined;
  count(from: number, to: number): { count: number; first?: number; last?: number };
}

const DAY_MS = 86_400_000;

export function createWall(fields: Fields): Wall {
  const times = fields.hours.flatMap((hour) => fields.minutes.map((minute) => (hour * 60 + minute) * 60_000));
  const months = new Set(fields.months);
  const monthDays = new Set(fields.monthDays);
  const weekDays = new Set(fields.weekDays);
  const everyDay = months.size === 12 && monthDays.size === 31 && weekDays.size === 7;

  /** 1970-01-01 was a Thursday. */
  function fits(day: number): boolean {
    if (everyDay) return true;
    if (!weekDays.has((((day + 4) % 7) + 7) % 7)) return false;
    if (months.size === 12 && monthDays.size === 31) return true;
    const date = new Date(day * DAY_MS);
    return months.has(date.getUTCMonth() + 1) && monthDays.has(date.getUTCDate());
  }

  /** The index of the first time of day that is not before. */
  function indexOf(timeOfDay: number): number {
    let low = 0;
    let high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((times[middle] ?? 0) < timeOfDay) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** For each day that fits: its start, and the half-open range of indexes into `times`. */
  function* days(from: number, to: number): Generator<{ start: number; low: number; high: number }> {
    for (let day = Math.floor(from / DAY_MS); day * DAY_MS < to; day++) {
      if (!fits(day)) continue;
      const start = day * DAY_MS;
      const low = start >= from ? 0 : indexOf(from - start);
      const high = start + DAY_MS <= to ? times.length : indexOf(to - start);
      if (low < high) yield { start, low, high };
    }
  }

  function* all(from: number, to: number): Generator<number> {
    for (const { start, low, high } of days(from, to))
      for (let index = low; index < high; index++) yield start + (times[index] ?? 0);
  }

  function count(from: number, to: number): { count: number; first?: number; last?: number } {
    const found: { count: number; first?: number; last?: number } = { count: 0 };
    for (const { start, low, high } of days(from, to)) {
      found.count += high - low;
      found.first ??= start + (times[low] ?? 0);
      found.last = start + (times[high - 1] ?? 0);
    }
    return found;
  }

  function first(from: number, to: number): number | undefined {
    for (const time of all(from, to)) return time;
    return undefined;
  }

  return { times: all, count, first };
}
