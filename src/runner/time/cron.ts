/**
 * Five cron fields as sets of numbers. Ours and not a library's, because text of people comes in here: every number is bounded before
 * anything is expanded, and crons disagree on the rest of the syntax (ADR 0010).
 */
export interface Fields {
  minutes: readonly number[];
  hours: readonly number[];
  monthDays: readonly number[];
  months: readonly number[];
  /** 0 is Sunday. */
  weekDays: readonly number[];
}

/** Why a text cannot be read, and the way out. */
export interface Unreadable {
  ok: false;
  problem: string;
  hint: string;
}

interface Kind {
  name: string;
  min: number;
  max: number;
  names: readonly string[];
}

export const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
export const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;
const MONTH_LENGTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

const MINUTE: Kind = { name: 'a minute', min: 0, max: 59, names: [] };
const HOUR: Kind = { name: 'an hour', min: 0, max: 23, names: [] };
const MONTH_DAY: Kind = { name: 'a day of the month', min: 1, max: 31, names: [] };
const MONTH: Kind = { name: 'a month', min: 1, max: 12, names: ['', ...MONTHS.map((name) => name.toLowerCase())] };
const WEEKDAY: Kind = { name: 'a weekday', min: 0, max: 7, names: WEEKDAYS.map((name) => name.toLowerCase()) };

const ITEM = /^(\*|[a-z]{1,9}|\d{1,4})(?:-([a-z]{1,9}|\d{1,4}))?(?:\/(\d{1,4}))?$/;

/** Reads five fields: lists, ranges, steps over `*` or a range, names of months and weekdays; 0 and 7 are Sunday. */
export function parseCron(text: string): { ok: true; fields: Fields } | Unreadable {
  const [minute = '', hour = '', monthDay = '', month = '', weekDay = '', ...rest] = text.trim().split(/\s+/);
  if (weekDay === '' || rest.length > 0)
    return unreadable(
      `“${text.trim()}” does not have five fields`,
      'The fields are minute, hour, day of the month, month, weekday: `0 9 * * mon`; seconds are not supported.',
    );
  const minutes = parseField(minute, MINUTE);
  if (!minutes.ok) return minutes;
  const hours = parseField(hour, HOUR);
  if (!hours.ok) return hours;
  const monthDays = parseField(monthDay, MONTH_DAY);
  if (!monthDays.ok) return monthDays;
  const months = parseField(month, MONTH);
  if (!months.ok) return months;
  const weekDays = parseField(weekDay, WEEKDAY);
  if (!weekDays.ok) return weekDays;
  return checkDays({
    minutes: minutes.values,
    hours: hours.values,
    monthDays: monthDays.values,
    months: months.values,
    weekDays: [...new Set(weekDays.values.map((day) => day % 7))].sort((a, b) => a - b),
  });
}

/** The fields in one way of writing: two texts that mean the same are the same. */
export function cronText(fields: Fields): string {
  return [
    fieldText(fields.minutes, MINUTE),
    fieldText(fields.hours, HOUR),
    fieldText(fields.monthDays, MONTH_DAY),
    fieldText(fields.months, MONTH),
    fieldText(fields.weekDays, { ...WEEKDAY, max: 6 }),
  ].join(' ');
}

export function unreadable(problem: string, hint: string): Unreadable {
  return { ok: false, problem, hint };
}

/** Crons disagree whether both must fit or one of them; and a date that no year has would wait for ever. */
function checkDays(fields: Fields): { ok: true; fields: Fields } | Unreadable {
  const { monthDays, months, weekDays } = fields;
  if (monthDays.length < 31 && weekDays.length < 7)
    return unreadable(
      'a day of the month together with a weekday means different things to different crons',
      'Make two schedules, one by the day of the month and one by the weekday.',
    );
  const first = monthDays[0] ?? 1;
  if (months.some((month) => first <= (MONTH_LENGTHS[month - 1] ?? 0))) return { ok: true, fields };
  return unreadable(
    `there is no day ${first} in ${months.map((month) => MONTHS[month - 1]).join(', ')}`,
    'Choose a day that the month has; 28 is in every month.',
  );
}

function parseField(text: string, kind: Kind): { ok: true; values: number[] } | Unreadable {
  const values = new Set<number>();
  for (const item of text.split(',')) {
    const problem = addItem(values, item, kind);
    if (problem !== undefined) return problem;
  }
  return { ok: true, values: [...values].sort((a, b) => a - b) };
}

function addItem(values: Set<number>, item: string, kind: Kind): Unreadable | undefined {
  const parts = ITEM.exec(item);
  if (parts === null) return unreadable(`“${item}” is not ${kind.name}`, boundsOf(kind));
  const [, first = '', last, stepText] = parts;
  const range = first === '*' ? wholeOf(last, kind) : rangeOf(first, last, kind);
  if (range === undefined) return unreadable(`“${item}” is not ${kind.name}`, boundsOf(kind));
  if (range.from > range.to)
    return unreadable(`the range “${item}” runs backwards`, `Write two: \`${first}-${kind.max},${kind.min}-${last}\`.`);
  if (stepText !== undefined && first !== '*' && last === undefined)
    return unreadable(`“${item}” has a step but no range`, `Write \`${first}-${kind.max}/${stepText}\`.`);
  const step = Number(stepText ?? 1);
  if (step < 1 || step > kind.max)
    return unreadable(`“${item}” has a step that does not fit`, `A step goes from 1 to ${kind.max}.`);
  for (let value = range.from; value <= range.to; value += step) values.add(value);
  return undefined;
}

function boundsOf(kind: Kind): string {
  return `It goes from ${kind.min} to ${kind.max}; \`*\`, \`1-5\`, \`1,3\` and \`*/2\` are possible.`;
}

/** `*` of the weekdays ends on Saturday: a step of 7 would take Sunday at both ends. */
function wholeOf(last: string | undefined, kind: Kind): { from: number; to: number } | undefined {
  return last === undefined ? { from: kind.min, to: kind === WEEKDAY ? 6 : kind.max } : undefined;
}

function rangeOf(first: string, last: string | undefined, kind: Kind): { from: number; to: number } | undefined {
  const from = numberOf(first, kind);
  const named = last === undefined ? from : numberOf(last, kind);
  // sat-sun and fri-sun are what people write; as a number, Sunday ends a week as 7.
  const endsWeek = kind === WEEKDAY && named === 0 && last !== undefined && !/^\d/.test(last) && from > 0;
  const to = endsWeek ? 7 : named;
  return from >= kind.min && from <= kind.max && to >= kind.min && to <= kind.max ? { from, to } : undefined;
}

/** NaN for what is no value of the field, so that each comparison with it fails. */
function numberOf(text: string, kind: Kind): number {
  if (/^\d/.test(text)) return Number(text);
  const index = text === '' ? -1 : kind.names.findIndex((name) => name === text || name.slice(0, 3) === text);
  return index === -1 ? Number.NaN : index;
}

function fieldText(values: readonly number[], kind: Kind): string {
  const size = kind.max - kind.min + 1;
  if (values.length === size) return '*';
  const whole = runAt(values, 0);
  // In months, 1,7 is easier to read than */6.
  const isEven = whole.length === values.length && values[0] === kind.min && whole.length * whole.step === size;
  if (isEven && (whole.length > 2 || kind.min === 0)) return `*/${whole.step}`;
  const texts: string[] = [];
  for (let at = 0; at < values.length;) {
    const { length, step } = runAt(values, at);
    const range = `${values[at]}-${values[at + length - 1]}`;
    // 1,3,5 is easier to read than 1-5/2.
    const isRange = length >= (step === 1 ? 3 : 4);
    texts.push(isRange ? (step === 1 ? range : `${range}/${step}`) : `${values[at]}`);
    at += isRange ? length : 1;
  }
  return texts.join(',');
}

/** The longest evenly spaced run of values that begins at an index. */
function runAt(values: readonly number[], at: number): { length: number; step: number } {
  const first = values[at] ?? 0;
  const step = (values[at + 1] ?? first) - first;
  if (step === 0) return { length: 1, step };
  let length = 1;
  while (values[at + length] === first + length * step) length += 1;
  return { length, step };
}
