/** Five fields in the words of people, as they are shown before somebody agrees to a schedule. */
import { MONTHS, WEEKDAYS, cronText } from './cron.ts';
import type { Fields } from './cron.ts';

const MAX_TIMES = 6;

/** "every Monday at 09:00", "every 15 minutes"; what has no short sentence is shown as its five fields. */
export function describe(fields: Fields): string {
  const days = daysOf(fields);
  if (days === undefined) return cronText(fields);
  const { minutes, hours } = fields;
  if (hours.length < 24) {
    const interval = days.text === EVERY_DAY ? intervalOf(hours, 24) : undefined;
    const [minute = 0] = minutes;
    if (minutes.length === 1 && interval !== undefined && interval < 24)
      return minute === 0 ? `every ${interval} hours` : `every ${interval} hours at :${two(minute)}`;
    if (minutes.length * hours.length > MAX_TIMES) return cronText(fields);
    return `${days.text} at ${list(hours.flatMap((hour) => minutes.map((each) => `${two(hour)}:${two(each)}`)))}`;
  }
  const often = oftenIn(minutes);
  if (often === undefined) return cronText(fields);
  return days.text === EVERY_DAY ? often : `${often} ${days.within}`;
}

/** The ordinal of a day of a month. */
function ordinal(day: number): string {
  const ending = day % 100 >= 11 && day % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][day % 10] ?? 'th');
  return `${day}${ending}`;
}

const EVERY_DAY = 'every day';

/** Before "at 09:00", and behind "every 15 minutes". */
function daysOf({ monthDays, months, weekDays }: Fields): { text: string; within: string } | undefined {
  const inMonths = months.length === 12 ? undefined : list(months.map((month) => MONTHS[month - 1] ?? ''));
  if (weekDays.length < 7) {
    const week = weekOf(weekDays);
    return inMonths === undefined
      ? week
      : { text: `${week.text} in ${inMonths}`, within: `${week.within} in ${inMonths}` };
  }
  if (monthDays.length === 31) {
    if (inMonths === undefined) return { text: EVERY_DAY, within: '' };
    return { text: `every day in ${inMonths}`, within: `in ${inMonths}` };
  }
  if (monthDays.length > MAX_TIMES) return undefined;
  const [last = 0] = monthDays.slice(-1);
  // Nobody should learn in February that there is no 31st.
  const each = last > 28 ? 'of every month that has it' : 'of every month';
  const text = `on the ${list(monthDays.map(ordinal))} ${inMonths === undefined ? each : `of ${inMonths}`}`;
  return { text, within: text };
}

function weekOf(weekDays: readonly number[]): { text: string; within: string } {
  const key = weekDays.join();
  if (key === '1,2,3,4,5') return { text: 'on weekdays', within: 'on weekdays' };
  if (key === '0,6') return { text: 'on weekends', within: 'on weekends' };
  // A week begins on Monday here.
  const names = weekDays.toSorted((a, b) => ((a + 6) % 7) - ((b + 6) % 7)).map((day) => WEEKDAYS[day] ?? '');
  return { text: `every ${list(names)}`, within: `on ${list(names)}` };
}

function oftenIn(minutes: readonly number[]): string | undefined {
  if (minutes.length === 60) return 'every minute';
  const interval = intervalOf(minutes, 60);
  if (interval !== undefined && interval < 60) return `every ${interval} minutes`;
  if (minutes.length > MAX_TIMES) return undefined;
  return minutes.join() === '0' ? 'every hour' : `every hour at ${list(minutes.map((minute) => `:${two(minute)}`))}`;
}

/** The distance of values that divide a whole evenly from 0. */
function intervalOf(values: readonly number[], whole: number): number | undefined {
  const step = whole / values.length;
  return values.every((value, index) => value === index * step) ? step : undefined;
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
