/** The book of facts of one attempt: ids in the order in which they are found. */
import { RunError } from '../../../errors.ts';
import { Fact, MAX_FACTS } from '../../../store/agent-records.ts';
import type { FactWindow } from '../../../store/agent-records.ts';
import type { KnownTarget, NewFact } from '../../agent-job.ts';
import { clip } from '../../normalise.ts';
import { cutLine, escapeMarkdown, foreignText, plainLine } from './harmless-text.ts';

export interface FactBook {
  /** Throws a RunError when a fact is none, or there are too many; then none of them is taken. */
  add(facts: readonly NewFact[], source: { tool: string; query: string; window?: FactWindow }): Fact[];
  know(targets: readonly KnownTarget[]): void;
  all(): readonly Fact[];
  /**
   * By id (`F7`) or key (`sales.revenue`). A key is that of the query which found it first, as it answered last: what a model asks later,
   * of other days, has ids of its own and bends no sentence that code wrote.
   */
  find(name: string): Fact | undefined;
  /** Whether another query found another fact of this key: then the key alone does not say which is meant. */
  isAmbiguous(key: string): boolean;
  targets(): readonly KnownTarget[];
  target(type: string, id: string): KnownTarget | undefined;
}

const MAX_TARGETS = 5000;
const MAX_TEXT = 80;
/** A title within a sentence; tables have all of it. */
const MAX_NAME = 60;
const NOT_KNOWN = 'n/a';

/** What `{{F7}}` and `{{sales.revenue}}` look like. */
export const PLACEHOLDER = /\{\{\s*([A-Za-z][\w.-]{0,159})\s*\}\}/g;

export function createFactBook(): FactBook {
  const facts: Fact[] = [];
  const byName = new Map<string, Fact>();
  const ambiguous = new Set<string>();
  const targets = new Map<string, KnownTarget>();
  return {
    add(found, source) {
      const { made, fresh } = numbered(found, source, facts);
      facts.push(...fresh);
      for (const fact of made) {
        byName.set(fact.id, fact);
        const first = byName.get(fact.key);
        if (first === undefined || isOfOneQuery(first, fact)) byName.set(fact.key, fact);
        else if (first.value !== fact.value) ambiguous.add(fact.key);
      }
      return made;
    },
    know(found) {
      for (const { type, id, title } of found) {
        const name = `${type}\n${id}`;
        if (!/^[a-z][a-z0-9_]{0,39}$/.test(type) || id === '' || id.length > 200)
          throw broken(
            `a target of type ${JSON.stringify(cutLine(type, 40))} and id ${JSON.stringify(cutLine(id, 40))}`,
          );
        if (!targets.has(name) && targets.size >= MAX_TARGETS) throw tooMany('targets', MAX_TARGETS);
        targets.set(name, { type, id, title: foreignText(title, 120) || id });
      }
    },
    all: () => facts,
    find: (name) => byName.get(name),
    isAmbiguous: (key) => ambiguous.has(key),
    targets: () => [...targets.values()],
    target: (type, id) => targets.get(`${type}\n${id}`),
  };
}

function isOfOneQuery({ source: one }: Fact, { source: other }: Fact): boolean {
  return one.tool === other.tool && one.query === other.query;
}

/** The same fact of the same query is one fact; one that changed meanwhile is a new one. */
function numbered(
  found: readonly NewFact[],
  source: { tool: string; query: string; window?: FactWindow },
  before: readonly Fact[],
): { made: Fact[]; fresh: Fact[] } {
  const query = clip(source.query, 500);
  const same = new Map(
    before
      .filter((fact) => fact.source.tool === source.tool && fact.source.query === query)
      .map((fact) => [fact.key, fact]),
  );
  const made: Fact[] = [];
  const fresh: Fact[] = [];
  for (const { window = source.window, ...fact } of found) {
    const known = same.get(fact.key);
    const text = typeof fact.value === 'string' ? cutLine(fact.value, 200) : fact.value;
    if (known !== undefined && known.value === text) {
      made.push(known);
      continue;
    }
    const at = before.length + fresh.length + 1;
    if (at > MAX_FACTS) throw tooMany('facts', MAX_FACTS);
    const read = Fact.safeParse({
      ...fact,
      id: `F${at}`,
      // Names of products are in both, and a long one is no fault of the tool.
      label: typeof fact.label === 'string' ? foreignText(fact.label, 160) : fact.label,
      value: text,
      source: { tool: source.tool, query, ...(window !== undefined && { window }) },
    });
    if (!read.success) throw broken(describe(fact.key, read.error.issues[0]));
    same.set(fact.key, read.data);
    made.push(read.data);
    fresh.push(read.data);
  }
  return { made, fresh };
}

function describe(key: unknown, issue: { path: PropertyKey[]; message: string } | undefined): string {
  const where = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.map(String).join('.')})`;
  return `the fact ${JSON.stringify(cutLine(String(key), 80))}${where}: ${issue?.message ?? 'it is not valid'}`;
}

function broken(what: string): RunError {
  return new RunError(`A tool answered what cannot be kept: ${what}.`, {
    code: 'AGENT_TOOLS',
    permanent: true,
    hint: 'Mend the tool: a fact has a key like sales.revenue, a label, a finite value or null, and a unit.',
  });
}

function tooMany(what: string, limit: number): RunError {
  return new RunError(`The tools found more than ${limit} ${what}.`, {
    code: 'AGENT_TOOLS',
    permanent: true,
    hint: 'Ask for fewer rows: a tool answers the ones that matter.',
  });
}

/** As people read it: `$18,235`, `-12.3%`, `3 days`. A text is harmless as plain text; markdown needs escaping. */
export function formatFact(fact: Pick<Fact, 'key' | 'value' | 'unit' | 'currency' | 'digits'>, locale: string): string {
  const { value, unit } = fact;
  if (value === null || value === '') return NOT_KNOWN;
  if (typeof value === 'string')
    return unit === 'date' ? day(value, locale) : foreignText(value, MAX_TEXT) || NOT_KNOWN;
  if (!Number.isFinite(value)) return NOT_KNOWN;
  return measured(value, fact, locale);
}

function measured(value: number, fact: Pick<Fact, 'key' | 'unit' | 'currency' | 'digits'>, locale: string): string {
  const { digits, unit, currency } = fact;
  const write = (most: number, shape: Intl.NumberFormatOptions = {}): string =>
    number(value, locale, { ...decimals(digits, most), ...huge(value), signDisplay: 'negative', ...shape });
  switch (unit) {
    case 'money': {
      // Cents say something below a hundred, and nothing from a thousand on; else the currency says how many there are.
      const whole = Math.abs(value) >= 100 || Number.isInteger(value);
      const cents =
        Math.abs(value) >= 1_000
          ? decimals(0, 0)
          : digits !== undefined
            ? decimals(digits, digits)
            : whole
              ? decimals(0, 0)
              : {};
      const style =
        currency === undefined
          ? decimals(Math.abs(value) >= 1_000 ? 0 : digits, whole ? 0 : 2)
          : { style: 'currency' as const, currency };
      return number(value, locale, {
        signDisplay: 'negative',
        ...huge(value),
        ...style,
        ...(currency !== undefined && cents),
      });
    }
    case 'percent':
      return `${write(1, isChange(fact) ? { signDisplay: 'exceptZero' } : {})}%`;
    case 'percentage_point':
      return `${write(1, isSize(fact) ? {} : { signDisplay: 'exceptZero' })} pp`;
    case 'days':
      return write(1, { style: 'unit', unit: 'day', unitDisplay: 'long' });
    case 'hours':
      return write(1, { style: 'unit', unit: 'hour', unitDisplay: 'long' });
    case 'date':
    case 'text':
      return String(value);
    case 'count':
    case 'ratio':
      return write(2);
    default:
      return unit satisfies never;
  }
}

/** The key of a change whose direction is said in words. */
const SIZE = 'size';
function isSize({ key }: Pick<Fact, 'key'>): boolean {
  return key === SIZE;
}

/** Whether a fact is a change against an earlier one, so that its sign is part of what it says. */
export function isChange({ key, unit }: Pick<Fact, 'key' | 'unit'>): boolean {
  return unit === 'percentage_point' || /\.change(?:[._]|$)/.test(key);
}

function decimals(digits: number | undefined, most: number): Intl.NumberFormatOptions {
  return { minimumFractionDigits: digits ?? 0, maximumFractionDigits: digits ?? most };
}

/** Three hundred digits help nobody. */
function huge(value: number): Intl.NumberFormatOptions {
  return Math.abs(value) < 1e15 ? {} : { notation: 'scientific' };
}

function day(text: string, locale: string): string {
  const at = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(at)) return foreignText(text, MAX_TEXT) || NOT_KNOWN;
  return dateText(at, locale, 'UTC');
}

/** `Nov 16, 2026` in a locale and zone; unknown ones are en-US and UTC. */
export function dateText(at: number, locale: string, timeZone: string): string {
  const shape = { day: 'numeric', month: 'short', year: 'numeric' } as const;
  return firstOf(
    () => new Intl.DateTimeFormat(locale, { ...shape, timeZone }),
    () => new Intl.DateTimeFormat('en-US', { ...shape, timeZone: 'UTC' }),
  ).format(at);
}

/** How numbers are written; making a formatter costs a hundred times what using it does. */
const KEPT = new Map<string, Intl.NumberFormat>();
const MAX_KEPT = 100;

function number(value: number, locale: string, shape: Intl.NumberFormatOptions): string {
  const name = `${locale}\n${JSON.stringify(shape)}`;
  let format = KEPT.get(name);
  if (format === undefined) {
    format = firstOf(
      () => new Intl.NumberFormat(locale, shape),
      () => new Intl.NumberFormat('en-US', shape),
    );
    if (KEPT.size >= MAX_KEPT) KEPT.clear();
    KEPT.set(name, format);
  }
  return format.format(value);
}

/** A locale that is none is written as en-US: a report is worth more than its commas. */
function firstOf<T>(make: () => T, other: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) return other();
    throw error;
  }
}

/** What a placeholder may name: a fact, or a target by its type and id. */
export type Names = Pick<FactBook, 'find' | 'target'>;

export interface Filled {
  text: string;
  used: Fact[];
  unknown: string[];
}

/** A text with its `{{F7}}`, `{{sales.revenue}}` and `{{product.4711}}` (its title) filled in; `unknown` names the others. */
export function fillIn(text: string, book: Names, locale: string): Filled {
  return fill(text, book, { locale, write: (words) => words });
}

/** The same for a text that is markdown: what comes in from a shop stays text. */
export function fillMarkdown(text: string, book: Names, locale: string): Filled {
  return fill(text, book, { locale, write: escapeMarkdown });
}

function fill(text: string, book: Names, how: { locale: string; write: (words: string) => string }): Filled {
  const used = new Map<string, Fact>();
  const unknown: string[] = [];
  const filled = text.replace(PLACEHOLDER, (_, name: string, at: number) => {
    const fact = book.find(name);
    if (fact !== undefined) {
      used.set(fact.id, fact);
      return how.write(formatFact(unsigned(fact, directionBefore(text, at)), how.locale));
    }
    const target = targetNamed(name, book);
    if (target === undefined) unknown.push(name);
    return target === undefined ? NOT_KNOWN : how.write(called(target, isQuoted(text, at)));
  });
  return { text: filled, used: [...used.values()], unknown };
}

/**
 * A title between quotes, so that it reads as the name that it is, whatever it says: “Revenue rose by half” is a product here. Quotes in
 * it cannot end them, and nothing in it calls anybody; one without letters would read as a figure all the same.
 */
function called({ type, id, title }: KnownTarget, quoted: boolean): string {
  const plain = title.replace(/[“”„‟«»]/g, "'").replace(/[<>]|(?<![\p{L}\p{N}])[@＠](?=[\p{L}_])/gu, '');
  const name = clip(plainLine(plain), MAX_NAME);
  if (!/\p{L}/u.test(name)) return `${type} ${id}`;
  return quoted ? name : `“${name}”`;
}

function isQuoted(text: string, at: number): boolean {
  return /["“„«]$/.test(text.slice(Math.max(0, at - 1), at)) && /^[^{}]*\}\}["”“»]/.test(text.slice(at + 2, at + 200));
}

/** `product.4711`: the target of that type and id. */
export function targetNamed(name: string, book: Names): KnownTarget | undefined {
  const dot = name.indexOf('.');
  return dot < 0 ? undefined : book.target(name.slice(0, dot), name.slice(dot + 1));
}

const FELL = /\b(?:fell|dropped|declined|decreased|shrank|slipped|sank|lost|down|lower)(?: again)?(?: by)?[ (]*$/i;
const ROSE = /\b(?:rose|grew|increased|gained|climbed|jumped|up|higher)(?: again)?(?: by)?[ (]*$/i;

/** Which way the words before a placeholder say that it went: `fell by {{F7}}`. */
export function directionBefore(text: string, at: number): 'up' | 'down' | undefined {
  const before = text.slice(Math.max(0, at - 40), at);
  return FELL.test(before) ? 'down' : ROSE.test(before) ? 'up' : undefined;
}

/** Nothing falls by minus three percent: where the words have the direction, the figure has no sign. */
function unsigned(fact: Fact, direction: 'up' | 'down' | undefined): Fact {
  if (direction === undefined || typeof fact.value !== 'number' || !isChange(fact)) return fact;
  return { ...fact, value: Math.abs(fact.value), key: SIZE };
}

/** The facts that a text names. */
export function factsIn(text: string, book: Names): Fact[] {
  return fillIn(text, book, 'en-US').used;
}
