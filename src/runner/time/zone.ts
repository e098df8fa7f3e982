/** Time zones: their names as people type them, and their timeline as stretches of one offset (Temporal, ADR 0010). */
import { Temporal } from 'temporal-polyfill';
import { UsageError } from '../../errors.ts';
import { suggest } from '../../suggest.ts';
import { unreadable } from './cron.ts';
import type { Unreadable } from './cron.ts';

/** From `start` until just before `end` a wall clock shows the instant plus `offset`; all in ms. */
export interface Segment {
  start: number;
  end: number;
  offset: number;
}

export interface Zone {
  /** The segments that touch `from` to `to`, and at least 30 days before; the first may have begun earlier than it says. */
  segments(from: number, to: number): readonly Segment[];
}

const AREAS = /^(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)\//;
/** Beyond America/Argentina/ComodRivadavia no name is near, and the search for one is slow. */
const LONGEST_NAME = 36;
const DAY_MS = 86_400_000;
/** Before a question, so that what the segment before it did to its wall clock is known. */
const LEAD_MS = 30 * DAY_MS;
/** Nothing is known of zones so far from now, and Temporal ends somewhere. */
const EARLIEST = Date.UTC(1900, 0, 1);
const LATEST = Date.UTC(2300, 0, 1);
const REACH_MS = 12 * 366 * DAY_MS;

const ABBREVIATIONS: Readonly<Record<string, string>> = {
  EST: 'America/New_York',
  EDT: 'America/New_York',
  ET: 'America/New_York',
  CST: 'America/Chicago',
  CDT: 'America/Chicago',
  MST: 'America/Denver',
  MDT: 'America/Denver',
  PST: 'America/Los_Angeles',
  PDT: 'America/Los_Angeles',
  PT: 'America/Los_Angeles',
  HST: 'Pacific/Honolulu',
  CET: 'Europe/Berlin',
  CEST: 'Europe/Berlin',
  MET: 'Europe/Berlin',
  EET: 'Europe/Athens',
  EEST: 'Europe/Athens',
  WET: 'Europe/Lisbon',
  BST: 'Europe/London',
  IST: 'Asia/Kolkata',
  JST: 'Asia/Tokyo',
  AEST: 'Australia/Sydney',
  AEDT: 'Australia/Sydney',
  NZST: 'Pacific/Auckland',
  Z: 'UTC',
  ZULU: 'UTC',
  GMT: 'UTC',
};

/** Reads the name of a zone. An abbreviation or a fixed offset is refused: it does not say when clocks change. */
export function checkZone(text: string): { ok: true; zone: string } | Unreadable {
  const typed = text.trim().replaceAll(' ', '_');
  if (typed.length > 64 || !/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(typed)) {
    const offset = /^[+-]?\d/.test(typed);
    return offset ? refuseOffset(typed.slice(0, 20)) : unknown(typed.slice(0, 64));
  }
  if (/^(?:utc|etc\/utc)$/i.test(typed)) return { ok: true, zone: 'UTC' };
  if (/^(?:etc\/|(?:utc|gmt)[+-])/i.test(typed)) return refuseOffset(typed);
  const meant = ABBREVIATIONS[typed.toUpperCase()];
  if (meant !== undefined)
    return unreadable(`“${typed}” is an abbreviation and not a time zone`, `Did you mean ${meant}?`);
  const name = resolve(typed);
  if (name === undefined) return unknown(typed);
  if (name.includes('/')) return { ok: true, zone: name };
  return unreadable(`“${typed}” is not the name of a place`, 'Write it like Europe/Berlin, or UTC.');
}

const zones = new Map<string, Zone>();

/** The zone of a name that `checkZone` gave; each is made once, so the names of the zone database bound them. */
export function zoneOf(name: string): Zone {
  const known = zones.get(name);
  if (known !== undefined) return known;
  if (resolve(name) === undefined)
    throw new UsageError(`There is no time zone ${name.slice(0, 64)}.`, {
      code: 'INPUT_INVALID',
      hint: 'Choose an IANA name such as Europe/Berlin.',
    });
  const zone = createZone(name);
  zones.set(name, zone);
  return zone;
}

function createZone(name: string): Zone {
  let known: Segment[] = [];

  function covers(from: number, to: number): boolean {
    const first = known[0];
    const last = known.at(-1);
    return first !== undefined && last !== undefined && first.start <= from && from - last.end < REACH_MS && to >= from;
  }

  function segments(from: number, to: number): readonly Segment[] {
    const begin = clamp(from - LEAD_MS);
    const end = clamp(to);
    // Transitions are looked for forwards only: backwards, a zone that never changed is searched down to the year 1900.
    if (!covers(begin, end)) known = [segmentFrom(name, begin)];
    for (let last = known.at(-1); last !== undefined && last.end <= end; last = known.at(-1))
      known.push(segmentFrom(name, last.end));
    return known.slice(firstAt(known, begin), known.findLastIndex((segment) => segment.start <= end) + 1);
  }

  return { segments };
}

function firstAt(known: readonly Segment[], at: number): number {
  return Math.max(
    0,
    known.findLastIndex((segment) => segment.start <= at),
  );
}

function segmentFrom(name: string, start: number): Segment {
  const here = Temporal.Instant.fromEpochMilliseconds(start).toZonedDateTimeISO(name);
  const next = here.getTimeZoneTransition('next');
  const offset = Math.round(here.offsetNanoseconds / 1e6);
  return { start, end: next === null ? Infinity : next.epochMilliseconds, offset };
}

function clamp(at: number): number {
  return Math.min(LATEST, Math.max(EARLIEST, at));
}

/** The name with its capitals as the zone database has it; older names of countries become the place that stands for them. */
function resolve(typed: string): string | undefined {
  try {
    const name = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(typed).timeZoneId;
    if (AREAS.test(name)) return name;
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined; // RangeError: the zone database does not have it.
  }
}

function refuseOffset(typed: string): Unreadable {
  return unreadable(
    `“${typed}” is an offset and not a time zone`,
    'An offset does not follow summer time; write a place like Europe/Berlin, or UTC.',
  );
}

function unknown(typed: string): Unreadable {
  const near = typed.length > LONGEST_NAME ? [] : nearestNames(typed);
  const hint = near.length === 0 ? 'Write it like Europe/Berlin, or UTC.' : `Did you mean ${near.join(' or ')}?`;
  return unreadable(`there is no time zone “${typed}”`, hint);
}

/** By the whole name, else by the city. */
function nearestNames(typed: string): string[] {
  const names = Intl.supportedValuesOf('timeZone');
  const near = suggest(typed, names);
  if (near.length > 0) return near;
  const cities = new Map(names.map((name) => [name.slice(name.lastIndexOf('/') + 1), name]));
  return suggest(typed, [...cities.keys()]).map((city) => cities.get(city) ?? city);
}
