/** Titles that somebody wrote out, as the placeholders that they should have been: then they are shown as names, not as figures. Pure. */
import type { Analysis, KnownTarget } from '../../../agent-job.ts';
import type { HouseAnswer } from './answer.ts';
import { PLACEHOLDER, targetNamed } from '../placeholders.ts';
import type { FactBook } from '../facts.ts';
import { readsAsAmount } from './numbers.ts';
import { escapePattern } from '../bounded-text.ts';

type About = { type: string; id: string } | undefined;
/** `about`: what the text is about; its title is its name, whatever it looks like. */
type Name = (text: string, about?: About) => string;

export function createNames(book: FactBook): Name {
  const titles = book
    .targets()
    .filter((target) => hasNumber(target.title) && targetNamed(`${target.type}.${target.id}`, book) !== undefined)
    .filter(({ type, id }) => `{{${type}.${id}}}`.replace(PLACEHOLDER, '') === '')
    .sort((a, b) => b.title.length - a.title.length);
  const common = titles.filter(({ title }) => !readsAsAmount(title) || isCapitalised(title));
  return (text, about) => {
    const own = titles.filter(({ type, id }) => type === about?.type && id === about.id);
    return [...own, ...common].reduce(written, text);
  };
}

/** One that no number rule looks at may stand as it is; one without a word would be a way to write any number. */
function hasNumber(title: string): boolean {
  return /\p{L}{3}/u.test(title) && (/\p{N}/u.test(title.normalize('NFKC')) || readsAsAmount(title));
}

/** `100% Cotton Tee` is a name where `made 300 sales` is a sentence. */
function isCapitalised(title: string): boolean {
  return (title.match(/\p{L}{4,}/gu) ?? []).every((word) => !/^\p{Ll}/u.test(word));
}

function written(text: string, { type, id, title }: KnownTarget): string {
  if (!text.includes(title)) return text;
  const whole = new RegExp(`(?<![\\p{L}\\p{N}])${escapePattern(title)}(?![\\p{L}\\p{N}])`, 'gu');
  return text
    .split(/(\{\{[^{}]{0,200}\}\})/)
    .map((part, at) => (at % 2 === 1 ? part : part.replace(whole, () => `{{${type}.${id}}}`)))
    .join('');
}

export function namedAnalysis(analysis: Analysis, book: FactBook): Analysis {
  const name = createNames(book);
  return {
    ...analysis,
    headline: name(analysis.headline),
    summary: name(analysis.summary),
    findings: analysis.findings.map((one) => ({ ...one, text: name(one.text, one.target) })),
    advice: analysis.advice.map((one) => ({
      ...one,
      title: name(one.title, one.target),
      why: name(one.why, one.target),
      ...(one.impact !== undefined && { impact: name(one.impact, one.target) }),
    })),
  };
}

/** `typeOf`: the type of the target of an action. */
export function namedAnswer(answer: HouseAnswer, book: FactBook, typeOf: (action: string) => string): HouseAnswer {
  const name = createNames(book);
  return {
    headline: name(answer.headline),
    summary: name(answer.summary),
    findings: answer.findings.map((one) => ({
      ...one,
      text: name(one.text, one.targetType === null ? undefined : { type: one.targetType, id: one.targetId ?? '' }),
    })),
    recommendations: answer.recommendations.map((one) => {
      const about = { type: typeOf(one.action), id: one.targetId };
      return {
        ...one,
        title: name(one.title, about),
        why: name(one.why, about),
        impact: one.impact === null ? null : name(one.impact, about),
        repeatReason: one.repeatReason === null ? null : name(one.repeatReason, about),
      };
    }),
  };
}
