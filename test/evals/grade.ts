/** One case through the tools and the code of the job, and what a report of it is worth: every grade is counted by code. */
import job from '../../jobs/weekly-merchandising.ts';
import type { Analysis } from '../../src/runner/agent-job.ts';
import { factsIn } from '../../src/runner/kinds/agent/placeholders.ts';
import { lintAdvice, lintFinding, lintText, noteOf } from '../../src/runner/kinds/agent/answer/lint.ts';
import { shopifyTools } from '../../src/runner/kinds/agent/tools/shopify/tools.ts';
import type { MemoryEntry } from '../../src/store/memory-records.ts';
import { gather, type Gathered } from './gather.ts';
import { recompute, recomputeStock } from './recompute.ts';
import type { EvalCase } from './cases.ts';

const INPUT = { days: 7 };

export interface Examined extends Gathered {
  one: EvalCase;
  analysis: Analysis;
}

export async function examine(one: EvalCase, memory: readonly MemoryEntry[] = []): Promise<Examined> {
  const tools = shopifyTools({ source: () => one.source });
  const calls = job.baseline?.(INPUT) ?? [];
  const gathered = await gather({ tools, calls, input: INPUT, now: one.built.now, memory });
  const analysis = job.analyse?.(gathered.evidence);
  if (analysis === undefined) throw new Error('the job does not analyse');
  return { one, analysis, ...gathered };
}

export interface Grades {
  name: string;
  /** Planted findings and advice that were not made. */
  missed: string[];
  /** Findings and advice that nothing was planted for. */
  alarms: string[];
  /** What the linter says of the words. */
  lint: string[];
  /** Findings that rest on no fact. */
  bare: string[];
  /** Facts that are not what the rows say. */
  wrong: string[];
  checked: number;
  quiet: boolean;
}

const named = ({ action, target }: Analysis['advice'][number]): string => `${action} ${target.type} ${target.id}`;

export function grade({ one, analysis, book, evidence }: Examined): Grades {
  const { truth } = one;
  const keys = analysis.findings.map(({ key }) => key);
  const advice = analysis.advice.map(named);
  const { wrong, checked } = figures(one, evidence);
  return {
    name: one.name,
    missed: [
      ...truth.findings.filter((key) => !keys.includes(key)),
      ...truth.advice.filter((key) => !advice.includes(key)),
    ],
    alarms: [
      ...keys.filter((key) => !truth.findings.includes(key) && !(truth.alright ?? []).includes(key)),
      ...advice.filter((key) => !truth.advice.includes(key)),
    ],
    lint: lintOf({ analysis, book, evidence }),
    bare: analysis.findings.filter(({ text }) => factsIn(text, book).length === 0).map(({ key }) => key),
    wrong,
    checked,
    quiet: analysis.quiet === true,
  };
}

function lintOf({ analysis, book, evidence }: Pick<Examined, 'analysis' | 'book' | 'evidence'>): string[] {
  // As strict as with a model: code may not name a fact without a value either.
  const setting = { book, canary: '', by: 'model' as const };
  const advising = { ...setting, actions: job.actions ?? {}, standings: new Map(), now: evidence.now };
  return [
    ...lintText(analysis.headline, 'headline', setting),
    ...lintText(analysis.summary, 'summary', setting),
    ...analysis.findings.flatMap((finding) => lintFinding(finding, finding.key, setting)),
    ...analysis.advice.flatMap((one) => lintAdvice(one, named(one), advising)),
  ].map(noteOf);
}

/** Every figure that the second reckoning has must be a fact, and the same to half of what is rounded away. */
function figures({ built }: EvalCase, evidence: Examined['evidence']): { wrong: string[]; checked: number } {
  const wrong: string[] = [];
  let checked = 0;
  const compare = (key: string, value: number | null): void => {
    const fact = evidence.fact(key);
    if (fact === undefined) return;
    checked++;
    const found = typeof fact.value === 'number' ? fact.value : null;
    const near = found !== null && value !== null && Math.abs(found - value) <= (fact.unit === 'days' ? 0.051 : 0.0051);
    if (found !== value && !near) wrong.push(`${key}: ${String(found)}, not ${String(value)}`);
  };
  if (evidence.output('sales_summary') !== undefined)
    for (const [key, value] of recompute(built, INPUT.days)) {
      if (key.startsWith('sales.') && evidence.fact(key) === undefined) wrong.push(`${key}: there is no such fact`);
      compare(key, value);
    }
  for (const [key, value] of recomputeStock(built)) compare(key, value);
  return { wrong, checked };
}
