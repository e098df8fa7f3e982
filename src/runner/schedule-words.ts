/** What surfaces say of schedules, as plain text: each of them escapes it for its own place. */
import { dayAndTime, timeBeside } from '../when.ts';
import type { Skip } from '../store/schedule-records.ts';
import type { NextTime, ScheduleView } from './schedule-views.ts';
import type { Refused } from './schedules.ts';

/** How a surface calls the lists of jobs and of schedules: `/jobs list`, `bellhop jobs`. */
export interface Ways {
  jobs: string;
  schedules: string;
}

const FIELDS = {
  when: 'The time cannot be used',
  zone: 'The time zone cannot be used',
  input: 'The input does not fit',
  name: 'The name cannot be used',
  until: 'That cannot be done',
  destinations: 'Nobody would get the report',
} as const;

/** Why nothing was done, and the way out. May repeat what was typed. */
export function describeRefusal(refused: Refused, ways: Ways): { problem: string; hint: string } {
  switch (refused.outcome) {
    case 'unknown_job':
      return {
        problem: `There is no job “${clip(refused.name)}”.`,
        hint: near(refused.suggestions, ways.jobs, 'jobs'),
      };
    case 'not_found':
      return {
        problem: `There is no schedule “${clip(refused.ref)}”.`,
        hint: near(refused.suggestions, ways.schedules, 'schedules'),
      };
    case 'ambiguous':
      return {
        problem: `“${clip(refused.ref)}” has more than one schedule.`,
        hint: `Name one of them: ${refused.names.join(', ')}.`,
      };
    case 'invalid':
      return { problem: sentence(`${FIELDS[refused.field]}: ${refused.problem}`), hint: refused.hint };
    case 'file_owned':
      return {
        problem: `“${refused.name}” is written in the file of its job${refused.file === undefined ? '' : `, ${refused.file}`}.`,
        hint: 'Change or remove it there, or pause it here.',
      };
    case 'limit':
      return {
        problem: `There are ${refused.limit} schedules already, and no more are taken.`,
        hint: 'Remove one first.',
      };
  }
}

/** `Mon 23 Nov 09:00 (Europe/Berlin)`, and what daylight saving time does to it. */
export function describeNext({ at, note }: NextTime, zone: string): string {
  const when = dayAndTime(at, zone);
  return note === undefined ? when : `${when} – ${NOTES[note]}`;
}

const NOTES = {
  absent: 'clocks go forward and its time does not exist that day, so it runs right after the gap',
  repeated: 'clocks go back and its time comes twice that day, so it runs the first time only',
} as const;

/** Why it does not simply run: `paused by ana since Mon 23 Nov 09:00 (UTC): stocktaking`; undefined when it does. */
export function describeState(view: ScheduleView): string | undefined {
  const { state, paused, snoozed, skipNext, zone } = view;
  if (paused !== undefined && state !== 'gone') {
    const why = paused.reason === undefined ? '' : `: ${paused.reason}`;
    return `paused by ${paused.by.name ?? paused.by.id} since ${dayAndTime(paused.since, zone)}${why}`;
  }
  if (state === 'gone') return 'rests: the file of its job no longer has it';
  if (state === 'job_missing') return `cannot run: there is no job ${view.job}, or its file is broken`;
  if (snoozed !== undefined)
    return `snoozed by ${snoozed.by.name ?? snoozed.by.id} until ${dayAndTime(snoozed.until, zone)}`;
  return skipNext === undefined ? undefined : `leaves out ${dayAndTime(skipNext, zone)}`;
}

/** `not run 3 times, Mon 23 Nov 09:00 to Wed 25 Nov 09:00 (UTC): Bellhop was down`. */
export function describeSkip({ from, to, count, reason }: Skip, zone: string): string {
  const span =
    count === 1 ? dayAndTime(from, zone) : `${count} times, ${dayAndTime(from, zone)} to ${timeBeside(to, from, zone)}`;
  return `not run ${span}: ${reason}`;
}

function near(suggestions: readonly string[], way: string, what: string): string {
  return suggestions.length === 0 ? `${way} lists the ${what}.` : `Did you mean ${suggestions.join(', ')}?`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Leaves room for the way out. */
function clip(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length <= 80 ? line : `${line.slice(0, 79).replace(/[\ud800-\udbff]$/, '')}…`;
}
