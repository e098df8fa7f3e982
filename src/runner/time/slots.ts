/**
 * The due times of five cron fields in a zone. The rule for people (ADR 0010): a schedule that names its hours follows the wall clock: a
 * time that does not exist that day runs once, at the first valid instant after the gap; a time that comes twice runs once, the first
 * time. A schedule of every hour follows real time: it runs at every real minute whose wall clock fits.
 *
 * Within a segment of the zone's timeline the wall clock is the instant plus a constant, so all there is to do is done on wall time in
 * ms, as if it were UTC; only the ends of segments are special.
 */
import { UsageError } from '../../errors.ts';
import { parseCron } from './cron.ts';
import { createWall } from './wall.ts';
import { zoneOf } from './zone.ts';

export interface Slot {
  /** Milliseconds since the epoch. */
  at: number;
  /** `absent`: the wall time does not exist that day, so it is due after the gap. `repeated`: it comes twice, and this is the first. */
  note?: 'absent' | 'repeated';
}

export interface Timetable {
  /** The due times after `after`, up to and with `until`, oldest first. */
  between(after: number, until: number, limit: number): { slots: Slot[]; more: boolean };
  /** How many there are, without naming each: a year of minutes takes well below a millisecond. */
  count(after: number, until: number): { count: number; first?: number; last?: number };
  /** The next `n` (at most 1,000) after an instant, within nine years: 29 February stays away for eight around 2100. */
  next(after: number, n: number): Slot[];
}

const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;
const MAX_SPAN_MS = 100 * YEAR_MS;
const AHEAD_MS = 9 * YEAR_MS;
const MAX_NEXT = 1_000;

/** Wall time from `from` until just before `to`, all with one offset; `moved` is the instant to which the times of a gap moved. */
interface Piece {
  moved?: number;
  from: number;
  to: number;
  offset: number;
  /** From here on, the wall time comes again in the next segment. */
  repeatsFrom: number;
}

const MAX_KEPT = 2_000;
const kept = new Map<string, Timetable>();

/**
 * The timetable of fields and a zone; a pure thing, so that equal ones are one, of at most 2,000 at a time. Throws INPUT_INVALID for what
 * `readWhen` and `checkZone` did not give.
 */
export function createTimetable(spec: { cron: string; zone: string }): Timetable {
  const key = `${spec.cron}|${spec.zone}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  const timetable = makeTimetable(spec);
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(key, timetable);
  return timetable;
}

function makeTimetable({ cron, zone: zoneName }: { cron: string; zone: string }): Timetable {
  const parsed = parseCron(cron);
  if (!parsed.ok)
    throw new UsageError(`The due times “${cron.slice(0, 120)}” cannot be read: ${parsed.problem}.`, {
      code: 'INPUT_INVALID',
      hint: parsed.hint,
    });
  const { fields } = parsed;
  const wall = createWall(fields);
  const zone = zoneOf(zoneName);
  const namesHours = fields.hours.length < 24;

  function* pieces(after: number, until: number): Generator<Piece> {
    const segments = zone.segments(after, until + 2 * DAY_MS);
    for (const [index, { start, end, offset }] of segments.entries()) {
      if (end <= after || start > until) continue;
      const earlier = index === 0 ? offset : (segments[index - 1]?.offset ?? offset);
      const later = segments[index + 1]?.offset ?? offset;
      const seen = namesHours && earlier > offset ? start + earlier : -Infinity;
      const from = Math.max(start, after + 1) + offset;
      const gap = namesHours && earlier < offset && start > after && isMoved(start + earlier, start + offset);
      yield {
        ...(gap && { moved: start }),
        from: Math.max(from, seen),
        to: Math.min(end, until + 1) + offset,
        offset,
        repeatsFrom: namesHours && later < offset ? end + later : Infinity,
      };
    }
  }

  /** Whether a gap holds due times; when its end is due by itself, the two are one. */
  function isMoved(from: number, to: number): boolean {
    return wall.first(from, to) !== undefined && wall.first(to, to + 1) === undefined;
  }

  function between(after: number, until: number, limit: number): { slots: Slot[]; more: boolean } {
    const slots: Slot[] = [];
    const span = spanOf(after, until);
    if (span === undefined) return { slots, more: false };
    for (const piece of pieces(span.after, span.until)) {
      if (piece.moved !== undefined) {
        if (!(slots.length < limit)) return { slots, more: true };
        slots.push({ at: piece.moved, note: 'absent' });
      }
      for (const time of wall.times(piece.from, piece.to)) {
        if (!(slots.length < limit)) return { slots, more: true };
        slots.push({ at: time - piece.offset, ...(time >= piece.repeatsFrom && { note: 'repeated' as const }) });
      }
    }
    return { slots, more: false };
  }

  function count(after: number, until: number): { count: number; first?: number; last?: number } {
    const span = spanOf(after, until);
    let total = 0;
    let first: number | undefined;
    let last: number | undefined;
    for (const piece of span === undefined ? [] : pieces(span.after, span.until)) {
      const found = wall.count(piece.from, piece.to);
      if (piece.moved !== undefined) {
        total += 1;
        first ??= piece.moved;
        last = piece.moved;
      }
      if (found.first === undefined || found.last === undefined) continue;
      total += found.count;
      first ??= found.first - piece.offset;
      last = found.last - piece.offset;
    }
    return { count: total, ...(first !== undefined && { first }), ...(last !== undefined && { last }) };
  }

  return {
    between,
    count,
    next: (after, n) => between(after, after + AHEAD_MS, Math.min(n, MAX_NEXT)).slots,
  };
}

/** Whole milliseconds, at most a hundred years; nothing for what is no span of time. */
function spanOf(after: number, until: number): { after: number; until: number } | undefined {
  if (!(after < until)) return undefined;
  const end = Math.floor(Math.min(until, Date.UTC(2300, 0, 1)));
  return { after: Math.floor(Math.max(after, end - MAX_SPAN_MS, Date.UTC(1900, 0, 1))), until: end };
}
