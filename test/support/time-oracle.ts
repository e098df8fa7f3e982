/**
 * A second opinion on due times, slow and naive on purpose: it walks real minutes, asks Intl what a wall clock shows at each, and reads
 * the fields by itself. Nothing of src/runner/time is used.
 *
 * Its own words for the rule. Somebody watches the wall clock. If the schedule names its hours, they tick off each minute of the calendar
 * when they first see it: minutes that the clock jumps over are ticked off the moment it lands, minutes that it shows a second time were
 * ticked off before. If every hour will do, they look at the clock each minute and nothing else.
 */
export interface OracleSlot {
  at: number;
  note?: 'absent' | 'repeated';
}

export interface Minute {
  at: number;
  /** What the wall clock shows, as if it were UTC. */
  wall: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const clocks = new Map<string, Intl.DateTimeFormat>();

/** What a wall clock in the zone shows, as ms as if it were UTC. */
function wallAt(zone: string, at: number): number {
  const clock =
    clocks.get(zone) ??
    new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
  clocks.set(zone, clock);
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = (clock.format(at).match(/\d+/g) ?? []).map(
    Number,
  );
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** The instants, to the minute, at which the offset of a zone changes; no zone changes there and back within six hours. */
export function transitions(zone: string, from: number, to: number): number[] {
  const offset = (at: number): number => wallAt(zone, at) - at;
  const found: number[] = [];
  for (let at = from, before = offset(from); at < to; at += 6 * HOUR_MS) {
    const after = offset(at + 6 * HOUR_MS);
    if (after === before) continue;
    let minute = at;
    while (offset(minute) === before) minute += MINUTE_MS;
    found.push(minute);
    before = after;
  }
  return found;
}

/** Each real minute of a stretch of time with its wall time; `from` is a whole minute. Within an hour of one offset Intl is asked twice. */
export function walk(zone: string, from: number, to: number): Minute[] {
  const minutes: Minute[] = [];
  for (let hour = from; hour <= to; hour += HOUR_MS) {
    const wall = wallAt(zone, hour);
    const steady = wallAt(zone, hour + HOUR_MS) === wall + HOUR_MS;
    for (let passed = 0; passed < HOUR_MS && hour + passed <= to; passed += MINUTE_MS)
      minutes.push({ at: hour + passed, wall: steady ? wall + passed : wallAt(zone, hour + passed) });
  }
  return minutes;
}

/** The due times among walked minutes. What the clock showed before the walk counts as unseen. */
export function dueIn(minutes: readonly Minute[], cron: string): OracleSlot[] {
  const due: OracleSlot[] = [];
  const fits = reader(cron);
  const everyHour = cron.split(' ')[1] === '*';
  let seenUntil = (minutes[0]?.wall ?? 0) - MINUTE_MS;
  for (const [index, { at, wall }] of minutes.entries()) {
    if (everyHour) {
      if (fits(wall)) due.push({ at });
      continue;
    }
    let jumpedOver = false;
    for (let minute = seenUntil + MINUTE_MS; minute < wall; minute += MINUTE_MS) jumpedOver ||= fits(minute);
    const isNew = wall > seenUntil;
    seenUntil = Math.max(seenUntil, wall);
    if (isNew && fits(wall)) {
      // No offset has ever gone back by more than a day.
      const again = minutes.slice(index + 1, index + 1 + 26 * 60).some((later) => later.wall === wall);
      due.push({ at, ...(again && { note: 'repeated' as const }) });
    } else if (jumpedOver) due.push({ at, note: 'absent' });
  }
  return due;
}

function reader(cron: string): (wall: number) => boolean {
  const [minute, hour, monthDay, month, weekDay] = cron.split(' ').map((field) => field.split(',').map(itemOf));
  return (wall) => {
    const date = new Date(wall);
    return (
      takes(minute, date.getUTCMinutes(), 0) &&
      takes(hour, date.getUTCHours(), 0) &&
      takes(monthDay, date.getUTCDate(), 1) &&
      takes(month, date.getUTCMonth() + 1, 1) &&
      takes(weekDay, date.getUTCDay(), 0)
    );
  };
}

interface Item {
  from: number | undefined;
  to: number;
  step: number;
}

function itemOf(item: string): Item {
  const [range = '', step = '1'] = item.split('/');
  if (range === '*') return { from: undefined, to: 99, step: Number(step) };
  const [from = 0, to = from] = range.split('-').map(Number);
  return { from, to, step: Number(step) };
}

function takes(items: readonly Item[] | undefined, value: number, first: number): boolean {
  if (items === undefined) return false;
  return items.some(({ from = first, to, step }) => value >= from && value <= to && (value - from) % step === 0);
}
