/** What the model answers: its schema on the wire, and how an answer is read, linted and repaired. */
import { z } from 'zod';
import type { MemoryEntry } from '../../../../store/memory-records.ts';
import { standings } from '../../../advice.ts';
import type { LoadedAgent } from '../../../jobs.ts';
import { leaksCanary } from './canary.ts';
import type { FactBook } from '../facts.ts';
import { lintAdvice, lintFinding, lintText, noteOf, problemText } from './lint.ts';
import type { AdviceSetting, Problem } from './lint.ts';
import type { ReadAnswer } from '../conversation/loop.ts';
import { namedAnswer } from './names.ts';
import { withoutMarks } from '../harmless-text.ts';
import { wireSchema } from './wire-schema.ts';

const Confidence = z.enum(['high', 'medium', 'low']);
const Finding = z.object({
  text: z.string(),
  confidence: Confidence,
  targetType: z.string().nullable(),
  targetId: z.string().nullable(),
});
const Recommendation = z.object({
  action: z.string(),
  targetId: z.string(),
  title: z.string(),
  why: z.string(),
  impact: z.string().nullable(),
  confidence: Confidence,
  repeatReason: z.string().nullable(),
});
export const HouseAnswer = z.object({
  headline: z.string(),
  summary: z.string(),
  findings: z.array(Finding),
  recommendations: z.array(Recommendation),
});
export type HouseAnswer = z.infer<typeof HouseAnswer>;

export const MAX_CLAIMS = 5;
/** Characters: more than any answer of the largest `outputTokens`. */
const MAX_ANSWER = 1_000_000;
const MAX_PROBLEMS = 20;
const MAX_NOTES = 40;
const MAX_LEAVES = 5_000;

/** The JSON schema without limits: what the service does not hold would only be lost. */
export function answerSchema(job: LoadedAgent): Record<string, unknown> {
  if (job.output !== undefined) return wireSchema(job.output.schema, `output.schema of ${job.name}`);
  const [first, ...rest] = Object.keys(job.actions);
  if (first === undefined) return wireSchema(HouseAnswer.omit({ recommendations: true }), 'the answer');
  const recommendation = Recommendation.extend({ action: z.enum([first, ...rest]) });
  return wireSchema(HouseAnswer.extend({ recommendations: z.array(recommendation) }), 'the answer');
}

export interface ReaderDeps {
  job: LoadedAgent;
  book: FactBook;
  memory: readonly MemoryEntry[];
  now: number;
  canary: string;
}

/** Reads an answer of the house or of the job's own schema (then a plain object). */
export function createReader(deps: ReaderDeps): ReadAnswer<Record<string, unknown>> {
  const read = deps.job.output === undefined ? readHouse : readOwn;
  return (text, final) => {
    const json = parse(text);
    if (!json.ok) return { ok: false, problems: [json.problem] };
    return read(json.value, final, deps);
  };
}

type Read = ReturnType<ReadAnswer<Record<string, unknown>>>;

/** A schema of the job's own has no parts that could be left out: it is right, or it is no answer. */
function readOwn(json: unknown, _final: boolean, deps: ReaderDeps): Read {
  const parsed = deps.job.output?.schema.safeParse(json);
  if (parsed === undefined || !parsed.success) return { ok: false, problems: shapeProblems(parsed?.error) };
  const value: Record<string, unknown> = parsed.data;
  const { book, canary } = deps;
  const leaves = textsOf(value, 'answer');
  if (leaves.length > MAX_LEAVES) return { ok: false, problems: [`answer: more than ${MAX_LEAVES} texts; say less`] };
  const problems = leaves.flatMap(({ where, text }) => lintText(text, where, { book, canary, by: 'model' }));
  const isLeaked = problems.some(({ rule }) => rule === 'canary');
  if (!isLeaked && leaksCanary(leaves.map(({ text }) => text).join(' '), canary))
    problems.push({ rule: 'canary', where: 'answer' });
  return problems.length === 0 ? { ok: true, value, lint: [] } : { ok: false, problems: told(problems) };
}

function readHouse(json: unknown, final: boolean, deps: ReaderDeps): Read {
  const given: unknown =
    isObject(json) && Object.keys(deps.job.actions).length === 0 ? { recommendations: [], ...json } : json;
  const parsed = HouseAnswer.safeParse(given);
  if (!parsed.success && !final) return { ok: false, problems: shapeProblems(parsed.error) };
  const shaped = parsed.success ? { answer: parsed.data, problems: [] } : salvage(given);
  if (shaped === undefined) return { ok: false, problems: shapeProblems(parsed.error) };
  const { job, book } = deps;
  // Before the marks go: a title may have some.
  const named = namedAnswer(shaped.answer, book, (action) => targetOf(action, job));
  const checked = check(tidy(named), deps);
  const problems = [...shaped.problems, ...checked.problems];
  if (problems.length > 0 && !final) return { ok: false, problems: told(problems) };
  const kept = leaksOver(checked.kept, deps.canary)
    ? { headline: '', summary: '', findings: [], recommendations: [] }
    : checked.kept;
  return { ok: true, value: kept, lint: [...new Set(problems.map(noteOf))].slice(0, MAX_NOTES) };
}

/** On the last chance: the parts that have their shape. Undefined when it is no object at all. */
function salvage(json: unknown): { answer: HouseAnswer; problems: Problem[] } | undefined {
  if (!isObject(json)) return undefined;
  const problems: Problem[] = [];
  const fitting = <T>(schema: z.ZodType<T>, name: string): T[] => {
    const list = json[name];
    if (!Array.isArray(list)) problems.push({ rule: 'shape', where: name });
    return (Array.isArray(list) ? list : []).flatMap((one: unknown, at) => {
      const read = schema.safeParse(one);
      if (!read.success) problems.push({ rule: 'shape', where: `${name}[${at}]` });
      return read.success ? [read.data] : [];
    });
  };
  const text = (name: string): string => {
    const value = json[name];
    if (typeof value === 'string') return value;
    problems.push({ rule: 'shape', where: name });
    return '';
  };
  const answer = {
    headline: text('headline'),
    summary: text('summary'),
    findings: fitting(Finding, 'findings'),
    recommendations: fitting(Recommendation, 'recommendations'),
  };
  return { answer, problems };
}

/** Marks of markdown are taken out: what the model writes is shown as plain words. */
function tidy(answer: HouseAnswer): HouseAnswer {
  const plain = (text: string | null): string | null => (text === null ? null : withoutMarks(text));
  return {
    headline: withoutMarks(answer.headline),
    summary: withoutMarks(answer.summary),
    findings: answer.findings.map((finding) => ({ ...finding, text: withoutMarks(finding.text) })),
    recommendations: answer.recommendations.map((one) => ({
      ...one,
      title: withoutMarks(one.title),
      why: withoutMarks(one.why),
      impact: plain(one.impact),
      repeatReason: plain(one.repeatReason),
    })),
  };
}

/** What is wrong, and what is left without it. */
function check(answer: HouseAnswer, deps: ReaderDeps): { kept: HouseAnswer; problems: Problem[] } {
  const { job, book, canary, memory, now } = deps;
  const earlier = new Map(standings(memory, now).map((standing) => [standing.row.key, standing]));
  const setting: AdviceSetting = { book, canary, by: 'model', actions: job.actions, standings: earlier, now };
  const problems: Problem[] = [];
  const holds = (found: readonly Problem[]): boolean => {
    problems.push(...found);
    return found.length === 0;
  };
  const words = (name: 'headline' | 'summary'): string =>
    holds(lintText(answer[name], name, setting)) ? answer[name] : '';
  const findings = answer.findings.flatMap((finding, at) => {
    const { targetType, targetId, text, confidence } = finding;
    const target = targetType !== null && targetId !== null ? { type: targetType, id: targetId } : undefined;
    const found = lintFinding({ text, confidence, ...(target && { target }) }, `findings[${at}]`, setting);
    // A wrong target says nothing against the words: they stand without it.
    if (holds(found)) return [finding];
    return found.every(({ rule }) => rule === 'unknown_target')
      ? [{ ...finding, targetType: null, targetId: null }]
      : [];
  });
  const recommendations = answer.recommendations.filter((one, at) =>
    holds(lintAdvice(asAdvice(one, job), `recommendations[${at}]`, setting)),
  );
  const clipped = <T>(list: readonly T[], where: string): T[] => {
    if (list.length > MAX_CLAIMS) problems.push({ rule: 'too_many', where });
    return list.slice(0, MAX_CLAIMS);
  };
  const kept: HouseAnswer = {
    headline: words('headline'),
    summary: words('summary'),
    findings: clipped(findings, 'findings'),
    recommendations: clipped(recommendations, 'recommendations'),
  };
  const isLeaked = problems.some(({ rule }) => rule === 'canary');
  if (!isLeaked && leaksOver(answer, canary)) problems.push({ rule: 'canary', where: 'answer' });
  return { kept, problems };
}

/** A recommendation of the model as the advice that it is; the type of its target follows from its action. */
export function asAdvice(
  one: HouseAnswer['recommendations'][number],
  job: Pick<LoadedAgent, 'actions'>,
): Parameters<typeof lintAdvice>[0] {
  const type = targetOf(one.action, job);
  const { action, targetId, title, why, impact, confidence, repeatReason } = one;
  return {
    action,
    target: { type, id: targetId },
    title,
    why,
    confidence,
    ...(impact !== null && impact.trim() !== '' && { impact }),
    ...(repeatReason !== null && { repeatReason }),
  };
}

function targetOf(action: string, { actions }: Pick<LoadedAgent, 'actions'>): string {
  return Object.hasOwn(actions, action) ? (actions[action]?.target ?? '') : '';
}

/** Whether the canary is in the texts together, where it is in none of them. */
function leaksOver(answer: HouseAnswer, canary: string): boolean {
  return leaksCanary(
    textsOf(answer, '')
      .map(({ text }) => text)
      .join(' '),
    canary,
  );
}

function textsOf(value: unknown, where: string): { where: string; text: string }[] {
  if (typeof value === 'string') return [{ where, text: value }];
  if (Array.isArray(value)) return value.flatMap((one: unknown, at) => textsOf(one, `${where}[${at}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, one]) => textsOf(one, where === '' ? name : `${where}.${name}`));
}

function told(problems: readonly Problem[]): string[] {
  const texts = [...new Set(problems.map(problemText))];
  if (texts.length <= MAX_PROBLEMS) return texts;
  return [...texts.slice(0, MAX_PROBLEMS), `and ${texts.length - MAX_PROBLEMS} more of the same kinds`];
}

function shapeProblems(error: z.ZodError | undefined): string[] {
  const issues = error?.issues ?? [];
  return issues.length === 0
    ? ['the answer is not an object of the schema']
    : issues.slice(0, MAX_PROBLEMS).map(({ path, message }) => `${path.map(String).join('.') || 'answer'}: ${message}`);
}

/** JSON, also in a fence or with words around it. */
function parse(text: string): { ok: true; value: unknown } | { ok: false; problem: string } {
  if (text.length > MAX_ANSWER) return { ok: false, problem: `the answer has more than ${MAX_ANSWER} characters` };
  const body = text.replace(/^\ufeff/, '').trim();
  const fenced = /^```(?:json)?\s*\n([\s\S]*?)\n?```\s*$/i.exec(body)?.[1];
  const braced = body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1);
  for (const one of [fenced ?? body, braced]) {
    try {
      return { ok: true, value: JSON.parse(one) };
    } catch {
      // The next reading is tried.
    }
  }
  return { ok: false, problem: 'the answer is not JSON; answer one JSON object of the schema and nothing else' };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
