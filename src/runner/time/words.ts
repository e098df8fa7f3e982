/** "every monday and thursday at 9am" as five fields. */
import { WEEKDAYS, unreadable } from './cron.ts';
import type { Unreadable } from './cron.ts';

const FILLER = new Set(['every', 'each', 'on', 'the', 'of', 'at', 'and', 'month', 'weekly', 'daily', 'monthly', 'day']);
const DAY_WORDS: Readonly<Record<string, string>> = {
  weekday: '1-5',
  weekdays: '1-5',
  workdays: '1-5',
  weekend: '0,6',
  weekends: '0,6',
};
const TIME_WORDS: Readonly<Record<string, string>> = { noon: '12:00', midnight: '0:00' };
const EXAMPLES =
  'Write `mon 09:00`, `weekdays 08:30`, `every day at 7`, `every hour at :15`, `every 15 minutes`, `1st 09:00`, or five cron fields.';

type Cron = { ok: true; cron: string } | Unreadable;

/** Reads words that are bounded and in lower case already. */
export function readWords(text: string): Cron {
  return readInterval(text) ?? readDays(text);
}

function readInterval(text: string): Cron | undefined {
  const parts =
    /^(?:hourly|every (?:(\d{1,4}) )?(minute|minutes|min|mins|hour|hours))(?: at (?:minute )?:?(\d{1,2}))?$/.exec(text);
  if (parts === null) return undefined;
  const [, countText, unit = 'hour', minuteText] = parts;
  const count = countText === undefined ? 1 : Number(countText);
  const inMinutes = unit.startsWith('min');
  const whole = inMinutes ? 60 : 24;
  if (count < 1 || count >= whole || whole % count !== 0)
    return unreadable(
      `every ${count} ${inMinutes ? 'minutes' : 'hours'} does not divide ${inMinutes ? 'an hour' : 'a day'} evenly`,
      inMinutes
        ? 'Use 1, 2, 3, 4, 5, 6, 10, 12, 15, 20 or 30 minutes.'
        : 'Use 1, 2, 3, 4, 6, 8 or 12 hours, or `daily 07:00`.',
    );
  if (inMinutes)
    return minuteText === undefined
      ? { ok: true, cron: `*/${count} * * * *` }
      : unreadable(`“at :${minuteText}” does not go with minutes`, EXAMPLES);
  return { ok: true, cron: `${Number(minuteText ?? 0)} */${count} * * *` };
}

interface Found {
  times: Set<string>;
  weekDays: string[];
  monthDays: string[];
}

/** A bag of words: days and times in any order; a word that is not known is refused, never passed over. */
function readDays(text: string): Cron {
  const words = text
    .replaceAll(/(\d)\s+(am|pm)\b/g, '$1$2')
    .split(/[\s,]+/)
    .filter((word) => word !== '');
  const found: Found = { times: new Set(), weekDays: [], monthDays: [] };
  for (const [index, word] of words.entries()) {
    if (FILLER.has(word)) continue;
    const behindAt = words.slice(0, index).includes('at');
    const problem = take(found, word, behindAt);
    if (problem !== undefined) return problem;
  }
  return cronOf(found, words);
}

function take(found: Found, word: string, behindAt: boolean): Unreadable | undefined {
  const monthDay = /^(\d{1,2})(?:st|nd|rd|th)$/.exec(word)?.[1];
  if (monthDay !== undefined) {
    found.monthDays.push(monthDay);
    return undefined;
  }
  const days = daysOf(word);
  if (days !== undefined) {
    found.weekDays.push(days);
    return undefined;
  }
  const time = timeOf(TIME_WORDS[word] ?? word, behindAt);
  if (time === undefined) return unreadable(`“${word}” is not understood`, hintFor(word));
  found.times.add(time);
  return undefined;
}

function cronOf(found: Found, words: readonly string[]): Cron {
  const named = found.weekDays.length + found.monthDays.length > 0;
  if (!named && !words.some((word) => word === 'day' || word === 'daily'))
    return unreadable(words.includes('monthly') ? 'the day of the month is missing' : 'the day is missing', EXAMPLES);
  const [first] = found.times;
  if (first === undefined) return unreadable('the time is missing', EXAMPLES);
  const times = [...found.times].map((time) => time.split(' '));
  const minutes = new Set(times.map(([minute]) => minute));
  if (minutes.size > 1)
    return unreadable(
      'the times differ in their minutes',
      'Make a schedule for each time; 09:00 and 17:00 may share one.',
    );
  const hours = times.map(([, hour]) => hour).join();
  const days = `${found.monthDays.join() || '*'} * ${found.weekDays.join() || '*'}`;
  return { ok: true, cron: `${[...minutes].join()} ${hours} ${days}` };
}

/** A weekday, its plural, or a range of them. */
function daysOf(word: string): string | undefined {
  if (Object.hasOwn(DAY_WORDS, word)) return DAY_WORDS[word];
  const [first = '', last, more] = word.split('-');
  if (more !== undefined) return undefined;
  const from = dayOf(first);
  const to = last === undefined ? undefined : dayOf(last);
  if (from === undefined || (last !== undefined && to === undefined)) return undefined;
  return to === undefined ? from : `${from}-${to}`;
}

function dayOf(word: string): string | undefined {
  const day = WEEKDAYS.find((name) => {
    const whole = name.toLowerCase();
    return word === whole || word === `${whole}s` || word === whole.slice(0, 3);
  });
  return day?.slice(0, 3).toLowerCase();
}

/** "minute hour" of `9:00`, `9am`, `9:30pm`, and behind "at" also of `9`. */
function timeOf(word: string, behindAt: boolean): string | undefined {
  const parts = /^(\d{1,2})(?::(\d{2}))?(am|pm)?$/.exec(word);
  if (parts === null) return undefined;
  const [, hourText = '', minuteText, half] = parts;
  if (minuteText === undefined && half === undefined && !behindAt) return undefined;
  const hour = Number(hourText);
  const minute = Number(minuteText ?? 0);
  if (minute > 59 || hour > 23) return undefined;
  if (half === undefined) return `${minute} ${hour}`;
  if (hour < 1 || hour > 12) return undefined;
  return `${minute} ${(hour % 12) + (half === 'pm' ? 12 : 0)}`;
}

function hintFor(word: string): string {
  if (/^(?:days|weeks|week|months|other|fortnight|first|second|third|last|year|yearly)$/.test(word))
    return `Cron cannot say that: a schedule repeats by minutes, hours, weekdays or days of the month. ${EXAMPLES}`;
  return EXAMPLES;
}
