/** Days of a shop's own zone, and the windows that are made of them. */
import { Temporal } from 'temporal-polyfill';
import type { FactWindow } from '../../../../../store/agent-records.ts';
import type { Days } from './rows.ts';

/** The days asked about, and as many before them. */
export interface Windows {
  current: Days;
  previous: Days;
  days: number;
}

/** Tells the day of an instant in a zone; made once for many instants, for the formatter is the slow part. */
export function dayTeller(timeZone: string): (instant: string | number) => string {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return (instant) => format.format(typeof instant === 'number' ? instant : Date.parse(instant));
}

export function addDays(day: string, days: number): string {
  return Temporal.PlainDate.from(day).add({ days }).toString();
}

/** How many days `to` is after `from`. */
export function daysBetween(from: string, to: string): number {
  return Temporal.PlainDate.from(from).until(Temporal.PlainDate.from(to)).days;
}

export function listDays({ from, to }: Days): string[] {
  const count = daysBetween(from, to) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, at) => addDays(from, at));
}

/** The last day that is over: yesterday, on the shop's calendar. */
export function lastDay(now: number, timeZone: string): string {
  return addDays(dayTeller(timeZone)(now), -1);
}

/** The last `days` whole days, and as many before them. */
export function windowsOf(now: number, timeZone: string, days: number): Windows {
  const to = lastDay(now, timeZone);
  const current = { from: addDays(to, 1 - days), to };
  return { current, previous: { from: addDays(current.from, -days), to: addDays(current.from, -1) }, days };
}

export function within({ from, to }: Days, day: string): boolean {
  return from <= day && day <= to;
}

/** From the first instant of the first day until just before the first one after the last: days have 23 to 25 hours. */
export function instantsOf({ from, to }: Days, timeZone: string): { from: number; before: number } {
  const start = (day: string): number =>
    Temporal.PlainDate.from(day).toZonedDateTime({ timeZone }).toInstant().epochMilliseconds;
  return { from: start(from), before: start(addDays(to, 1)) };
}

export function factWindow(days: Days, label: string): FactWindow {
  return { from: days.from, to: days.to, label };
}
