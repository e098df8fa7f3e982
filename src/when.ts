/** An instant as people in a time zone read it, for the short lines that several rooms write. */

/** `Mon 23 Nov 09:00 (Europe/Berlin)`; a zone that this Node does not know is read, and named, as UTC. */
export function dayAndTime(instant: string, zone: string): string {
  const { day, time, zone: named } = partsOf(instant, zone);
  return `${day} ${time} (${named})`;
}

/** `22:45` when `beside` is on the same day of the zone, else `Tue 24 Nov 08:01`. */
export function timeBeside(instant: string, beside: string, zone: string): string {
  const [{ day, time }, other] = [partsOf(instant, zone), partsOf(beside, zone)];
  const sameDay = day === other.day && Math.abs(Date.parse(instant) - Date.parse(beside)) <= DAY_MS;
  return sameDay ? time : `${day} ${time}`;
}

// A day of 25 hours is the longest; two instants further apart may share its name a week or a year later.
const DAY_MS = 25 * 3_600_000;
const MAX_FORMATTERS = 100;
const formatters = new Map<string, Intl.DateTimeFormat | undefined>();

function partsOf(instant: string, zone: string): { day: string; time: string; zone: string } {
  const own = formatterOf(zone);
  const parts = new Map((own ?? utc).formatToParts(new Date(instant)).map(({ type, value }) => [type, value]));
  const of = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  return {
    day: `${of('weekday')} ${of('day')} ${of('month')}`,
    time: `${of('hour')}:${of('minute')}`,
    zone: own === undefined ? 'UTC' : zone,
  };
}

const utc = makeFormatter('UTC');

/** Making one costs a hundred times what using it does. */
function formatterOf(zone: string): Intl.DateTimeFormat | undefined {
  if (formatters.has(zone)) return formatters.get(zone);
  if (formatters.size >= MAX_FORMATTERS) formatters.clear();
  let made: Intl.DateTimeFormat | undefined;
  try {
    made = makeFormatter(zone);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  formatters.set(zone, made);
  return made;
}

function makeFormatter(timeZone: string): Intl.DateTimeFormat {
  const day = { weekday: 'short', day: 'numeric', month: 'short' } as const;
  const time = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  return new Intl.DateTimeFormat('en-US', { ...day, ...time, timeZone });
}
