/** What was said between code and model, kept apart from the run and for a time only. */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { iso } from '../../../../clock.ts';
import { scrubNames } from '../../../../scrub.ts';
import type { Scrub } from '../../../../scrub.ts';
import type { TranscriptEntry } from './loop.ts';
import { redact } from './redact.ts';

export interface Transcript {
  note(entry: TranscriptEntry): void;
  /** JSON lines, gzipped, bounded; what was left out is said. */
  bytes(): Promise<Uint8Array>;
}

const MAX_ENTRY = 100_000;
/** The beginning and the end of a conversation say most: the middle of a very long one is left out. */
const MAX_HEAD = 3_500_000;
const MAX_TAIL = 1_500_000;
const MAX_BYTES = MAX_HEAD + MAX_TAIL;

const zip = promisify(gzip);
const unzip = promisify(gunzip);

export function createTranscript({ scrub, now }: { scrub: Scrub; now: () => number }): Transcript {
  const head: string[] = [];
  const tail: string[] = [];
  let headBytes = 0;
  let tailBytes = 0;
  const left = { entries: 0, bytes: 0 };
  const clean: Scrub = (text) => redact(scrub(text));
  return {
    note(entry) {
      // Written down at once: the lists of a conversation grow on.
      const line = lineOf({ at: iso(now()), ...entry }, clean);
      const bytes = Buffer.byteLength(line) + 1;
      if (left.entries === 0 && tail.length === 0 && headBytes + bytes <= MAX_HEAD) {
        head.push(line);
        headBytes += bytes;
        return;
      }
      tail.push(line);
      tailBytes += bytes;
      while (tailBytes > MAX_TAIL) {
        const first = Buffer.byteLength(tail.shift() ?? '') + 1;
        tailBytes -= first;
        left.entries += 1;
        left.bytes += first;
      }
    },
    async bytes() {
      const text = `${left.entries} entries with ${left.bytes} bytes were left out here: a transcript has at most ${MAX_BYTES} bytes.`;
      const gap = left.entries === 0 ? [] : [JSON.stringify({ at: iso(now()), kind: 'note', text })];
      return zip([...head, ...gap, ...tail].map((line) => `${line}\n`).join(''));
    },
  };
}

/** Secrets go first, so that no cut leaves half of one that nobody knows any more. */
function lineOf(entry: TranscriptEntry & { at: string }, clean: Scrub): string {
  const { kind, at } = entry;
  let json: unknown;
  try {
    json = scrubNames(JSON.parse(JSON.stringify(entry)), clean);
  } catch {
    return JSON.stringify({ kind, at, text: 'an entry that is no JSON was left out' });
  }
  const whole = JSON.stringify(json);
  const bytes = Buffer.byteLength(whole);
  if (bytes <= MAX_ENTRY) return whole;
  for (const limit of [20_000, 4_000, 500, 60]) {
    const line = JSON.stringify({ ...asObject(shortened(json, limit)), cutFrom: bytes });
    if (Buffer.byteLength(line) <= MAX_ENTRY) return line;
  }
  return JSON.stringify({ kind, at, cutFrom: bytes, text: `an entry of ${bytes} bytes was left out` });
}

/** Long texts cut, each with what is missing. */
function shortened(value: unknown, limit: number): unknown {
  if (typeof value === 'string') {
    if (value.length <= limit) return value;
    return `${value.slice(0, limit).toWellFormed()} [${value.length - limit} characters left out]`;
  }
  if (Array.isArray(value)) return value.map((one: unknown) => shortened(one, limit));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shortened(one, limit)]));
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

const Line = z.looseObject({ kind: z.enum(['request', 'answer', 'tool', 'note']) });

/** The lines of a kept transcript; one that cannot be read is said to be so. */
export async function readTranscript(bytes: Uint8Array): Promise<TranscriptEntry[]> {
  // Twice what is ever written: a file that unpacks to more is none of ours.
  const text = (await unzip(bytes, { maxOutputLength: 2 * MAX_BYTES })).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => readLine(line));
}

function readLine(line: string): TranscriptEntry {
  try {
    return Line.parse(JSON.parse(line));
  } catch {
    return { kind: 'note', text: 'a line that cannot be read' };
  }
}

const NAMES: Readonly<Record<TranscriptEntry['kind'], string>> = {
  request: 'to the model',
  answer: 'from the model',
  tool: 'tool',
  note: 'note',
};

/** As lines for a terminal: a heading an entry, its members below; nothing in it steers the terminal. */
export function renderTranscript(entries: readonly TranscriptEntry[]): string[] {
  return entries.flatMap(({ kind, at, ...members }, index) => [
    ...(index === 0 ? [] : ['']),
    `${index + 1}. ${NAMES[kind]}${typeof at === 'string' ? ` · ${visible(at)}` : ''}`,
    ...Object.entries(members).flatMap(([name, value]) => memberLines(visible(name), value, '   ')),
  ]);
}

const MAX_DEPTH = 6;

function memberLines(name: string, value: unknown, indent: string): string[] {
  if (value === null || typeof value !== 'object') {
    const lines = String(value).split(/\r?\n/).map(visible);
    if (lines.length === 1) return [`${indent}${name}: ${lines[0] ?? ''}`];
    return [`${indent}${name}:`, ...lines.map((line) => `${indent}  ${line}`)];
  }
  const members = Array.isArray(value)
    ? value.map((one: unknown, at): [string, unknown] => [String(at + 1), one])
    : Object.entries(value);
  if (members.length === 0) return [`${indent}${name}: none`];
  if (indent.length > 2 * MAX_DEPTH) return [`${indent}${name}: ${visible(JSON.stringify(value))}`];
  return [`${indent}${name}:`, ...members.flatMap(([key, one]) => memberLines(visible(key), one, `${indent}  `))];
}

/** Without what a terminal acts on: control characters become visible signs, bidi overrides go. */
function visible(text: string): string {
  return text
    .toWellFormed()
    .replace(/\t/g, '  ')
    .replace(/\p{Cc}/gu, (sign) => {
      const code = sign.codePointAt(0) ?? 0;
      return code < 0x20 ? String.fromCodePoint(0x2400 + code) : '\u2421';
    })
    .replace(/[\u202a-\u202e\u2066-\u2069\ufeff]/g, '');
}
