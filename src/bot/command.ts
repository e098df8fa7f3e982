import { cutText } from '../render/format.ts';
import { suggest } from '../suggest.ts';

/**
 * The grammar of `/jobs`: a verb, then words and `key=value` pairs; quotes of any kind (phones write curly ones) hold words together.
 * Parsing never fails: what cannot be understood becomes a problem that is shown with the way out.
 */
export const VERBS = [
  'help',
  'list',
  'run',
  'show',
  'cancel',
  'retry',
  'delete',
  'schedule',
  'schedules',
  'next',
  'pause',
  'resume',
  'snooze',
  'skip',
  'unschedule',
  'memory',
  'approve',
  'deny',
] as const;
export type Verb = (typeof VERBS)[number];

export interface Command {
  verb: Verb;
  /** Plain words after the verb. */
  words: string[];
  /** `key=value` pairs in the order they were typed. */
  pairs: Record<string, string>;
}

export type Parsed = { outcome: 'command'; command: Command } | { outcome: 'problem'; problem: string; hint: string };

const ALIASES: Record<string, Verb> = {
  ls: 'list',
  start: 'run',
  status: 'show',
  stop: 'cancel',
  rm: 'delete',
  remove: 'delete',
  cron: 'schedule',
  upcoming: 'next',
  hold: 'pause',
  unpause: 'resume',
  advice: 'memory',
  ok: 'approve',
  reject: 'deny',
};
const MAX_LENGTH = 8_000;
const MAX_TOKENS = 200;

export function parseCommand(text: string): Parsed {
  if (text.length > MAX_LENGTH) {
    return problem(
      `The command is longer than ${MAX_LENGTH} characters.`,
      'Put long input into a file that the job reads.',
    );
  }
  const tokens = tokenize(text);
  if (tokens === undefined) return problem('A quote is opened and never closed.', 'Close it, or leave it out.');
  if (tokens.length > MAX_TOKENS) return problem(`The command has more than ${MAX_TOKENS} words.`, 'Use fewer.');
  const [first, ...rest] = tokens;
  if (first === undefined) return { outcome: 'command', command: { verb: 'help', words: [], pairs: {} } };
  const typed = first.text.toLowerCase();
  const verb = VERBS.find((known) => known === typed) ?? (Object.hasOwn(ALIASES, typed) ? ALIASES[typed] : undefined);
  if (verb === undefined) {
    const [nearest] = suggest(typed, VERBS, 1);
    const meant = nearest === undefined ? 'Try `help`.' : `Did you mean \`${nearest}\`?`;
    return problem(`There is no verb “${clip(first.text)}”.`, meant);
  }
  return readArguments(verb, rest);
}

function readArguments(verb: Verb, tokens: Token[]): Parsed {
  const words: string[] = [];
  const pairs: Record<string, string> = {};
  for (const token of tokens) {
    const equals = token.equalsAt;
    if (equals === undefined || equals === 0) {
      words.push(plain(token.text));
      continue;
    }
    const key = token.text.slice(0, equals);
    if (!/^[A-Za-z][\w-]{0,63}$/.test(key)) {
      return problem(
        `“${clip(key)}” is no name for an input.`,
        'Names are letters, digits, _ and -; quote the word if it is none.',
      );
    }
    if (Object.hasOwn(pairs, key)) return problem(`“${key}” is given twice.`, 'Give it once.');
    Object.defineProperty(pairs, key, { value: plain(token.text.slice(equals + 1)), enumerable: true });
  }
  return { outcome: 'command', command: { verb, words, pairs } };
}

interface Token {
  text: string;
  /** Where the first `=` outside quotes stands. */
  equalsAt: number | undefined;
}

const CLOSING: Record<string, string> = { '"': '"', "'": "'", '“': '”', '„': '“', '‘': '’', '«': '»' };

function tokenize(text: string): Token[] | undefined {
  const tokens: Token[] = [];
  let current: Token | undefined;
  let closing: string | undefined;
  for (const char of text) {
    if (closing !== undefined) {
      if (char === closing || (closing === '”' && (char === '“' || char === '"'))) closing = undefined;
      else if (current !== undefined) current.text += char;
      continue;
    }
    if (/\s/.test(char)) {
      if (current !== undefined) tokens.push(current);
      current = undefined;
      continue;
    }
    current ??= { text: '', equalsAt: undefined };
    // A quote opens only at the start of a word or value, so that "it's" stays one word.
    const atStart = current.text === '' || current.equalsAt === current.text.length - 1;
    const opens = atStart && Object.hasOwn(CLOSING, char) ? CLOSING[char] : undefined;
    if (opens !== undefined) {
      closing = opens;
      continue;
    }
    if (char === '=' && current.equalsAt === undefined) current.equalsAt = current.text.length;
    current.text += char;
  }
  if (closing !== undefined) return undefined;
  if (current !== undefined) tokens.push(current);
  return tokens;
}

/**
 * Slack's escaping of what people type, undone for use as input: `&amp;` and friends become characters, `<@U1|ana>` and `<#C1|ops>`
 * become ids, `<https://x|label>` and `<mailto:a@b|a@b>` become what was typed. Never shown unescaped (render escapes all text).
 */
export function plain(text: string): string {
  return text
    .replace(/<([@#])([A-Z0-9]+)(?:\|[^<>]*)?>/g, '$2')
    .replace(/<mailto:([^<>|]+)(?:\|[^<>]*)?>/g, '$1')
    .replace(/<(https?:\/\/[^<>|]+)(?:\|[^<>]*)?>/g, '$1')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

function clip(text: string): string {
  return cutText(plain(text), 40);
}

function problem(text: string, hint: string): Parsed {
  return { outcome: 'problem', problem: text, hint };
}
