/** Numbers that are no facts: in digits of any script, in words, or made of facts and what stands beside them. Pure. */
import type { Fact } from '../../../../store/agent-records.ts';
import type { FactBook } from '../facts.ts';

// Names with digits in them that say nothing about amounts: quarters, halves of a year, weeks, and codes like SKU-9.
const PERIODS = /\b(?:Q[1-4]|H[12]|W(?:[1-9]|[1-4]\d|5[0-3])|B2B|B2C|D2C|3D|2D|24\/7)\b/g;
const CODES = /\b([A-Z]{2,12})[-_]\d{1,12}\b/g;
const CURRENCIES = new Set(Intl.supportedValuesOf('currency'));
// Words and signs that stand for a number where nobody sees a digit: `lO%`, `$l8`, 三十%.
const DISGUISED = /\p{L}\s?[%‰٪]|\p{Sc}\p{L}/u;
const SMALL = 'one|two|three|four|five|six|seven|eight|nine|ten';
const TEENS = 'eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen';
const TENS = 'twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety';
const NUMBER = `(?:${TENS})(?:[ -](?:${SMALL}))?|${SMALL}|${TEENS}|(?:a )?hundred|(?:a )?thousand|(?:a )?million|dozens?`;
const AMOUNT =
  'per ?cent|percentage points?|hundred|thousand|million|billion|dollars?|euros?|pounds?|cents|bucks|units|pieces|items|orders|returns|refunds|customers|buyers|visitors|times (?:as|more|the)|sales(?![ -](?:channels?|campaigns?|teams?|reps?|regions?|events?|days?))';
const NUMBER_WORDS = new RegExp(
  [
    String.raw`\b(?:${NUMBER})[ -]+(?:${AMOUNT})\b`,
    // Nobody says these but of amounts.
    String.raw`\b(?:${TEENS}|${TENS}|(?:thousands|millions|billions) of)\b`,
    String.raw`\b(?:doubled|doubling|tripled|tripling|quadrupled|halved|halving|(?:two|three|four|five|ten)[ -]?fold)\b`,
    String.raw`\b(?:half|two[ -]thirds|three[ -]quarters|a (?:third|quarter)) of\b`,
  ].join('|'),
  'iu',
);
// Before a placeholder they make another figure of it; so do a sign, and words of size behind it.
const TIMES_BEFORE = new RegExp(String.raw`\b(?:twice|thrice|half|double|triple|${NUMBER})(?: times)?\s*$`, 'iu');
const SIGN_BEFORE = /(?:^|[\s(])[-−+]$/;
const SIZE_BEHIND = /^ ?(?:k|m|mn|mio|bn|hundreds?|thousands?|millions?|billions?)\b/iu;
const AMOUNT_TITLE =
  /[%\p{Sc}]|\p{N}\s*(?:per ?cent|percentage|dollars?|euros?|pounds?|cents|units|orders|sales|pp)\b|^[\p{N}\p{P}\p{S}\s]*$/iu;

/** A number in words. */
export function numberWord(words: string): string | undefined {
  return NUMBER_WORDS.exec(words)?.[0];
}

/** Whether a title may be taken for an amount: `Up 40% today`, `Two pieces set`. */
export function readsAsAmount(title: string): boolean {
  return AMOUNT_TITLE.test(title.normalize('NFKC')) || NUMBER_WORDS.test(title);
}

/** The first number that is written out; names of known targets may have some, when they do not read as an amount. */
export function bareNumber(words: string, book: FactBook): string | undefined {
  const hidden = DISGUISED.exec(words)?.[0];
  if (hidden !== undefined || !/\p{N}/u.test(words)) return hidden;
  let rest = words
    .replace(PERIODS, ' ')
    .replace(CODES, (code, letters: string) => (CURRENCIES.has(letters) ? code : ' '));
  if (!/\p{N}/u.test(rest)) return undefined;
  for (const name of numberedNames(book)) rest = rest.replaceAll(name, ' ');
  return /\S*\p{N}\S*/u.exec(rest)?.[0];
}

/** Longest first, so that no name hides a part of a longer one. */
function numberedNames(book: FactBook): string[] {
  const names = new Set<string>();
  const add = (name: string): void => {
    const plain = name.normalize('NFKC');
    if (/\p{N}/u.test(plain) && !AMOUNT_TITLE.test(plain)) names.add(plain);
  };
  for (const { id, title } of book.targets()) {
    add(title);
    // Ids of shops are long; a short one would be a way to write any number.
    if (/^\d{9,}$/.test(id)) names.add(id);
    else add(id);
  }
  for (const { unit, value } of book.all()) if (unit === 'text' && typeof value === 'string') add(value);
  return [...names].sort((a, b) => b.length - a.length);
}

const UNIT_BEHIND: Readonly<Partial<Record<Fact['unit'], RegExp>>> = {
  money: /^ ?(?:%|\p{Sc}|per ?cent\b|dollars?\b|euros?\b|pounds?\b|[A-Z]{3}\b)/u,
  percent: /^ ?(?:%|\p{Sc}|per ?cent)/iu,
  percentage_point: /^ ?(?:%|pp\b|percentage|points?\b)/iu,
  days: /^ ?(?:%|\p{Sc})|^ days?\b/iu,
  hours: /^ ?(?:%|\p{Sc})|^ hours?\b/iu,
  count: /^ ?(?:%|\p{Sc}|per ?cent|dollars?\b|euros?\b|pounds?\b)/iu,
  ratio: /^ ?(?:%|\p{Sc}|per ?cent|dollars?\b|euros?\b|pounds?\b)/iu,
};

/** `$$18,235`, `3 days days`, `284%` of a count: what is filled in has its unit. */
export function hasUnitBeside({ unit }: Pick<Fact, 'unit'>, before: string, behind: string): boolean {
  if (unit === 'text' || unit === 'date') return false;
  return /\p{Sc} ?$/u.test(before) || UNIT_BEHIND[unit]?.test(behind) === true;
}

/** What makes another figure of a fact: a number, a sign or a digit group before it, a size behind it. */
export function remade({ unit }: Pick<Fact, 'unit'>, before: string, behind: string): string | undefined {
  if (unit === 'text' || unit === 'date') return undefined;
  const close = before.slice(-40);
  const times = TIMES_BEFORE.exec(close)?.[0] ?? SIGN_BEFORE.exec(close)?.[0] ?? /\}\}[.,'’]?$/.exec(close)?.[0];
  return times ?? SIZE_BEHIND.exec(behind.slice(0, 20))?.[0];
}
