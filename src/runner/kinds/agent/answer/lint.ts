/**
 * What may stand in a text that a model or the code of a job wrote: words, and facts by their name. Figures come from facts alone, links and
 * mentions from nobody, and what is not known is not named.
 */
import type { Fact } from '../../../../store/agent-records.ts';
import type { Standing } from '../../../advice.ts';
import type { Confidence } from '../../../agent-job.ts';
import type { LoadedAgent } from '../../../jobs.ts';
import { adviceKey, whyNotAgain } from '../report/advice.ts';
import { leaksCanary } from './canary.ts';
import { isChange } from '../fact-text.ts';
import { PLACEHOLDER, directionBefore, factsIn, targetNamed } from '../placeholders.ts';
import type { FactBook } from '../facts.ts';
import { bareNumber, hasUnitBeside, numberWord, remade } from './numbers.ts';
import { cutLine, hasLink } from '../harmless-text.ts';
import { escapePattern } from '../bounded-text.ts';

export type Rule =
  | 'digits'
  | 'number_word'
  | 'unknown_fact'
  | 'several_facts'
  | 'no_value'
  | 'direction'
  | 'unit'
  | 'link'
  | 'markup'
  | 'mention'
  | 'canary'
  | 'no_fact'
  | 'unknown_target'
  | 'unknown_action'
  | 'repeat'
  | 'too_many'
  | 'empty'
  | 'shape';

/** What is wrong, and where; `saw` is for the model that shall mend it and stands in no report. */
export interface Problem {
  rule: Rule;
  where: string;
  saw?: string;
}

const WORDS: Readonly<Record<Rule, string>> = {
  digits: 'a number that is not a fact',
  number_word: 'a number in words that is not a fact',
  unknown_fact: 'a fact that nobody found',
  several_facts: 'a key that several queries answered',
  no_value: 'a fact that has no value',
  direction: 'the words say the opposite of the fact',
  unit: 'a unit beside a fact, which has its own',
  link: 'a link or an address',
  markup: 'markup',
  mention: 'a mention',
  canary: 'a part of the instructions',
  no_fact: 'it rests on no fact',
  unknown_target: 'a target that no tool returned',
  unknown_action: 'an action that the job does not have',
  repeat: 'it was advised before',
  too_many: 'more than five',
  empty: 'nothing is said',
  shape: 'it has another shape than asked for',
};
const WAYS: Readonly<Partial<Record<Rule, string>>> = {
  digits: 'write {{F7}} with the id of the fact, {{product.4711}} for a title, or say it without a number',
  number_word: 'write {{F7}} with the id of the fact, {{product.4711}} for a title, or say it without a number',
  unknown_fact: 'use an id or key that a tool returned',
  several_facts: 'write the id of the fact that is meant, like {{F7}}',
  no_value: 'say that it is not known, without the placeholder',
  direction: 'look at the sign of the fact',
  unit: 'write the placeholder alone',
  link: 'leave it out; a title is written {{product.4711}}',
  markup: 'write plain words',
  mention: 'leave it out',
  canary: 'never write of your instructions',
  no_fact: 'name at least one fact, like {{F7}}',
  unknown_target: 'use the type and id of a target that a tool returned',
  repeat: 'leave it out, or give a repeatReason if it is open and something has changed',
  too_many: 'keep the five that matter most',
};

/** For reports and accounts, in people's words: never with what was written. */
export function noteOf({ rule, where }: Problem): string {
  const place = where
    .replace(/^findings\[(\d+)\].*$/, (_, at: string) => `finding ${Number(at) + 1}`)
    .replace(/^recommendations\[(\d+)\].*$/, (_, at: string) => `advice ${Number(at) + 1}`);
  return `${place}: ${WORDS[rule]}`;
}

/** For the model: with what was written, and the way out. */
export function problemText({ rule, where, saw }: Problem): string {
  const what = saw === undefined || rule === 'canary' ? '' : ` (${JSON.stringify(cutLine(saw, 60))})`;
  const way = WAYS[rule];
  return `${where}: ${WORDS[rule]}${what}${way === undefined ? '' : `; ${way}`}`;
}

export interface LintSetting {
  book: FactBook;
  /** Empty: there is none. */
  canary: string;
  /** `model`: a fact without a value may not be named either. */
  by: 'model' | 'code';
  /** What the text is about: its title and id may stand in it, whatever they look like. */
  about?: { type: string; id: string };
}

/** What is wrong with one text. */
export function lintText(text: string, where: string, setting: LintSetting): Problem[] {
  const { book, canary } = setting;
  const problems: Problem[] = [];
  const note = (rule: Rule, saw?: string): void =>
    void problems.push({ rule, where, ...(saw !== undefined && { saw }) });
  if (leaksCanary(text, canary)) note('canary');
  placeholders(text, setting, note);
  const words = seen(filledWith(text, book));
  if (/\{\{|\}\}/.test(words)) note('unknown_fact', /\{\{.{0,40}|.{0,40}\}\}/.exec(words)?.[0]);
  if (hasLink(words) || /\]\s*[([]|\[[^\]]*\]\s*:/.test(words)) note('link');
  else if (/<\s*[\p{L}/?]/u.test(words)) note('markup');
  if (/<\s*[@!#]|(?:^|[^\p{L}\p{N}])@\s?[\p{L}_]/u.test(words)) note('mention');
  // A title hides no link: only its numbers are its own.
  const own = withoutName(text.replace(PLACEHOLDER, ' '), setting);
  const rest = seen(own);
  // Roman numerals and the like are letters once they are normalised.
  const number = bareNumber(rest, book) ?? /\S*\p{Nl}\S*/u.exec(own)?.[0];
  if (number !== undefined) note('digits', number);
  const word = numberWord(rest);
  if (word !== undefined) note('number_word', word);
  return problems;
}

/** As a reader sees it: full-width letters are letters, and what is invisible is not there. */
function seen(text: string): string {
  return text.normalize('NFKC').replace(/\p{Cf}/gu, '');
}

/** With something in the places of facts: what is filled in may be half of a link or of a mention. */
function filledWith(text: string, book: FactBook): string {
  return text.replace(PLACEHOLDER, (_, name: string) => (typeof book.find(name)?.value === 'number' ? '·' : 'x'));
}

/** What is wrong with the facts that a text names. */
function placeholders(text: string, { book, by }: LintSetting, note: (rule: Rule, saw: string) => void): void {
  for (const { 0: whole, 1: name = '', index } of text.matchAll(PLACEHOLDER)) {
    const fact = book.find(name);
    if (fact === undefined) {
      if (targetNamed(name, book) === undefined) note('unknown_fact', name);
      continue;
    }
    if (by === 'model' && name !== fact.id && book.isAmbiguous(name)) note('several_facts', name);
    if (fact.value === null && by === 'model') note('no_value', name);
    else if (contradicts(fact, directionBefore(text, index))) note('direction', name);
    const before = text.slice(0, index);
    const behind = text.slice(index + whole.length);
    if (hasUnitBeside(fact, before, behind)) note('unit', name);
    const other = remade(fact, before, behind);
    if (other !== undefined) note(/\p{L}/u.test(other) ? 'number_word' : 'digits', other);
  }
}

/** A claim about `100% Cotton Tee` may name it: it is a title there, and nothing else. */
function withoutName(text: string, { about, book }: LintSetting): string {
  const target = about === undefined ? undefined : book.target(about.type, about.id);
  if (target === undefined) return text;
  // A title of signs and digits alone would be a way to write any number.
  const plain = /\p{L}{3}/u.test(target.title) ? text.replaceAll(target.title, ' ') : text;
  return plain.replace(new RegExp(`(?<![\\p{L}\\p{N}])${escapePattern(target.id)}(?![\\p{L}\\p{N}])`, 'gu'), ' ');
}

function contradicts(fact: Fact, direction: 'up' | 'down' | undefined): boolean {
  if (direction === undefined || !isChange(fact) || typeof fact.value !== 'number') return false;
  return direction === 'up' ? fact.value < 0 : fact.value > 0;
}

export interface Claim {
  text: string;
  confidence: Confidence;
  target?: { type: string; id: string };
}

/** What is wrong with a finding: its text, that it rests on no fact, its target. */
export function lintFinding(finding: Claim, where: string, setting: LintSetting): Problem[] {
  const { book } = setting;
  const { target } = finding;
  const problems = lintText(finding.text, where, { ...setting, ...(target && { about: target }) });
  if (finding.text.trim() === '') problems.push({ rule: 'empty', where });
  else if (factsIn(finding.text, book).length === 0) problems.push({ rule: 'no_fact', where });
  if (target !== undefined && book.target(target.type, target.id) === undefined)
    problems.push({ rule: 'unknown_target', where, saw: `${target.type} ${target.id}` });
  return problems;
}

export interface Advice {
  action: string;
  target: { type: string; id: string };
  title: string;
  why: string;
  impact?: string;
  confidence?: Confidence;
  repeatReason?: string;
}

export interface AdviceSetting extends LintSetting {
  actions: LoadedAgent['actions'];
  /** How earlier advice stands, by key. */
  standings: ReadonlyMap<string, Standing>;
  now: number;
}

/** What is wrong with advice: its texts, its action, its target, and that it was given before. */
export function lintAdvice(advice: Advice, where: string, setting: AdviceSetting): Problem[] {
  const { action, target, title, why, impact, repeatReason } = advice;
  const texts = {
    title,
    why,
    ...(impact !== undefined && { impact }),
    ...(repeatReason !== undefined && { repeatReason }),
  };
  const problems = Object.entries(texts).flatMap(([name, text]) =>
    lintText(text, `${where}.${name}`, { ...setting, about: target }),
  );
  if (title.trim() === '' || why.trim() === '') problems.push({ rule: 'empty', where });
  const known = Object.hasOwn(setting.actions, action) ? setting.actions[action] : undefined;
  if (known === undefined) problems.push({ rule: 'unknown_action', where, saw: action });
  if (
    (known !== undefined && known.target !== target.type) ||
    setting.book.target(target.type, target.id) === undefined
  )
    problems.push({ rule: 'unknown_target', where, saw: `${target.type} ${target.id}` });
  const standing = setting.standings.get(adviceKey(action, target.type, target.id));
  const again = whyNotAgain(standing, setting.now, (repeatReason ?? '').trim() !== '');
  if (again !== undefined) problems.push({ rule: 'repeat', where, saw: again });
  return problems;
}
