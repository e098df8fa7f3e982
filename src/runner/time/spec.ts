/** When a schedule is due, read from what a person typed. */
import { cronText, parseCron, unreadable } from './cron.ts';
import type { Unreadable } from './cron.ts';
import { describe } from './describe.ts';
import { readWords } from './words.ts';

export const MAX_WHEN = 120;

const MACROS: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
};

export interface When {
  /** Five canonical fields. */
  cron: string;
  /** "every Monday at 09:00" */
  words: string;
}

/**
 * Reads five cron fields or words ("every monday 9:00"). Total and quick for any text: length, characters and each number are bounded
 * before anything is expanded (node-cron's validate took 96 s for `1-99999999`).
 */
export function readWhen(text: string): { ok: true; when: When } | Unreadable {
  if (text.length > MAX_WHEN)
    return unreadable(`it is longer than ${MAX_WHEN} characters`, 'Make several schedules of it.');
  const strange = /[^0-9A-Za-z*/,\-:@ \t]/u.exec(text)?.[0];
  if (strange !== undefined)
    return unreadable(`“${strange}” is not understood`, 'Use letters, digits, and the signs `* / , - :`.');
  const long = /\d{5,}/.exec(text)?.[0];
  if (long !== undefined) return unreadable(`the number ${long.slice(0, 12)} is too large`, 'No field goes beyond 59.');
  const line = text.trim().replaceAll(/\s+/g, ' ').toLowerCase();
  if (line === '') return unreadable('it is empty', 'Write `mon 09:00`, `every 15 minutes`, or five cron fields.');
  const cron = cronOf(line);
  if (!cron.ok) return cron;
  const parsed = parseCron(cron.cron);
  if (!parsed.ok) return parsed;
  return { ok: true, when: { cron: cronText(parsed.fields), words: describe(parsed.fields) } };
}

function cronOf(line: string): { ok: true; cron: string } | Unreadable {
  if (line.startsWith('@')) {
    const cron = Object.hasOwn(MACROS, line) ? MACROS[line] : undefined;
    if (cron !== undefined) return { ok: true, cron };
    return unreadable(`“${line}” is not known`, `There are ${Object.keys(MACROS).join(', ')}.`);
  }
  const first = line.split(' ', 1)[0] ?? '';
  // `9` begins both "9 * * * *" and nothing in words; `9:00` and `1st` begin words only.
  return /^[\d*,/-]+$/.test(first) ? { ok: true, cron: line } : readWords(line);
}
