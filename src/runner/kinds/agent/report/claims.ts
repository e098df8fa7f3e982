/** What is shown of what was found and advised: by the model and by code, checked, capped and merged. Pure. */
import type { Fact } from '../../../../store/agent-records.ts';
import type { Standing } from '../../../advice.ts';
import type { Analysis, Confidence, Evidence, NewFinding } from '../../../agent-job.ts';
import type { LoadedAgent } from '../../../jobs.ts';
import { adviceKey } from './advice.ts';
import { MAX_CLAIMS, asAdvice } from '../answer/answer.ts';
import type { HouseAnswer } from '../answer/answer.ts';
import { factsIn } from '../placeholders.ts';
import type { FactBook } from '../facts.ts';
import { lintAdvice, lintFinding, noteOf } from '../answer/lint.ts';
import type { Advice, Claim } from '../answer/lint.ts';

/** With fewer orders than this a share or a change says little. */
const FEW_ORDERS = 10;
/** What code is sure of and the model left out is added, at most so much of it. */
const MAX_ADDED = 3;
const ORDER: Readonly<Record<Confidence, number>> = { low: 0, medium: 1, high: 2 };

export interface ShownFinding extends Claim {
  /** Why it is not surer. */
  because?: string;
}
export interface ShownAdvice extends Advice {
  key: string;
  confidence: Confidence;
  because?: string;
  /** The facts it rests on. */
  facts: Fact[];
}
export interface Claims {
  findings: ShownFinding[];
  advice: ShownAdvice[];
  lint: string[];
  /** Advice of code that stands in an earlier report and was not said again. */
  notRepeated: number;
}

export interface ClaimParts {
  job: Pick<LoadedAgent, 'actions'>;
  evidence: Evidence;
  book: FactBook;
  analysis: Analysis | undefined;
  answer: HouseAnswer | undefined;
  standings: readonly Standing[];
}

export function claimsOf(parts: ClaimParts): Claims {
  const lint: string[] = [];
  const advice = adviceOf(parts, lint);
  const findings = findingsOf(parts, lint).map((finding) => {
    const cap = capOf(factsIn(finding.text, parts.book), parts.evidence);
    return { ...finding, ...capped(finding.confidence, cap) };
  });
  return { findings, ...advice, lint };
}

function findingsOf({ analysis, answer, book }: ClaimParts, lint: string[]): Claim[] {
  const setting = { book, canary: '', by: 'code' as const };
  const byCode = (analysis?.findings ?? []).filter((finding) => {
    const problems = lintFinding(finding, `finding ${finding.key}`, setting);
    lint.push(...problems.map(noteOf));
    return problems.length === 0;
  });
  if (answer === undefined) return byCode.slice(0, MAX_CLAIMS);
  const byModel = answer.findings.map(({ text, confidence, targetType, targetId }): Claim => ({
    text,
    confidence,
    ...(targetType !== null && targetId !== null && { target: { type: targetType, id: targetId } }),
  }));
  const isSaid = (finding: NewFinding): boolean => byModel.some((claim) => isSameMatter(claim, finding, book));
  const left = byCode.filter((finding) => finding.confidence === 'high' && !isSaid(finding)).slice(0, MAX_ADDED);
  return [...byModel.slice(0, MAX_CLAIMS - left.length), ...left];
}

/** They are about one target, or rest on one fact of it; findings without a target on any fact. */
function isSameMatter(claim: Claim, finding: NewFinding, book: FactBook): boolean {
  const { target } = finding;
  if (target !== undefined && claim.target?.type === target.type && claim.target.id === target.id) return true;
  const ofTarget = target === undefined ? '' : `${target.type}.${target.id}.`;
  const keys = new Set(factsIn(finding.text, book).map(({ key }) => key));
  return factsIn(claim.text, book).some(({ key }) => keys.has(key) && key.startsWith(ofTarget));
}

function adviceOf(parts: ClaimParts, lint: string[]): Pick<Claims, 'advice' | 'notRepeated'> {
  const { job, book, evidence, answer, analysis } = parts;
  const earlier = new Map(parts.standings.map((standing) => [standing.row.key, standing]));
  const common = { book, canary: '', actions: job.actions, standings: earlier, now: evidence.now };
  const old: string[] = [];
  const byModel = (answer?.recommendations ?? [])
    .map((one) => asAdvice(one, job))
    // What code has seen done meanwhile is not advised, whoever asked for it.
    .filter((one) => {
      const problems = lintAdvice(one, `advice ${nameOf(one)}`, { ...common, by: 'model' });
      lint.push(...problems.map(noteOf));
      return problems.length === 0;
    });
  const byCode = (analysis?.advice ?? []).filter((one) => {
    const problems = lintAdvice(one, `advice ${nameOf(one)}`, { ...common, by: 'code' });
    const isOld = problems.length > 0 && problems.every(({ rule }) => rule === 'repeat');
    if (isOld) old.push(keyOf(one));
    else lint.push(...problems.map(noteOf));
    return problems.length === 0;
  });
  const model = new Set(byModel.map(keyOf));
  const left = byCode.filter((one) => one.confidence === 'high' && !model.has(keyOf(one))).slice(0, MAX_ADDED);
  const chosen = answer === undefined ? byCode : [...byModel.slice(0, MAX_CLAIMS - left.length), ...left];
  // The same advice twice in one report would have one key.
  const unique = [...new Map<string, Advice>(chosen.map((one) => [keyOf(one), one])).values()].slice(0, MAX_CLAIMS);
  const said = new Set(unique.map(keyOf));
  return {
    advice: unique.map((one) => shown(one, parts)),
    notRepeated: old.filter((key) => !said.has(key)).length,
  };
}

function shown(one: Advice, { book, evidence }: ClaimParts): ShownAdvice {
  const facts = factsIn(`${one.title} ${one.why} ${one.impact ?? ''}`, book);
  return { ...one, key: keyOf(one), facts, ...capped(one.confidence ?? 'medium', capOf(facts, evidence)) };
}

function keyOf({ action, target }: Advice): string {
  return adviceKey(action, target.type, target.id);
}

function nameOf({ action, target }: Advice): string {
  return `${action} ${target.type}`.slice(0, 80);
}

type Cap = { confidence: Confidence; because: string };

/** How sure anybody can be of what rests on these facts, as far as code can tell. */
function capOf(facts: readonly Fact[], evidence: Evidence): Cap | undefined {
  if (facts.some((fact) => restsOnFewOrders(fact, evidence)))
    return { confidence: 'low', because: `fewer than ${FEW_ORDERS} orders` };
  const tools = new Set(facts.map(({ source }) => source.tool));
  for (const tool of tools) {
    const isGappy = (evidence.output(tool)?.gaps ?? []).length > 0;
    const isBroken = evidence.calls.findLast(({ name }) => name === tool)?.state === 'failed';
    if (isGappy || isBroken) return { confidence: 'medium', because: 'some of the data is missing' };
  }
  return undefined;
}

/** The orders of the same days are too few; how many they are is sure all the same. */
function restsOnFewOrders({ key, source }: Fact, { facts }: Evidence): boolean {
  const days = source.window;
  if (days === undefined || key === 'sales.orders') return false;
  const orders = facts.findLast(
    (fact) =>
      fact.key === 'sales.orders' && fact.source.window?.from === days.from && fact.source.window.to === days.to,
  );
  return typeof orders?.value === 'number' && orders.value < FEW_ORDERS;
}

function capped(confidence: Confidence, cap: Cap | undefined): { confidence: Confidence; because?: string } {
  return cap !== undefined && ORDER[cap.confidence] < ORDER[confidence] ? cap : { confidence };
}
