/** From what was found, judged and worded to the report, and to what the job remembers of it. Pure. */
import { iso } from '../../../../clock.ts';
import type { MemoryEntry } from '../../../../store/memory-records.ts';
import { RunId } from '../../../../store/records.ts';
import { Report } from '../../../../store/report.ts';
import type { Analysis, Evidence } from '../../../agent-job.ts';
import type { LoadedAgent } from '../../../jobs.ts';
import type { ActionInput, ReportInput, SectionInput } from '../../../report-input.ts';
import { HouseAnswer } from '../answer/answer.ts';
import { figuresOf, kpisOf, remembered, sinceLast } from './changes.ts';
import type { Kpi } from './changes.ts';
import { claimsOf } from './claims.ts';
import type { Claims, ShownAdvice, ShownFinding } from './claims.ts';
import { dateText, formatFact } from '../fact-text.ts';
import type { FactBook } from '../facts.ts';
import { earlierAdvice, follow } from './follow.ts';
import type { Followed } from './follow.ts';
import { lintText, noteOf } from '../answer/lint.ts';
import { isPartial, methodText, sourcesOf, warningsOf } from './method.ts';
import type { ShownAccount } from './method.ts';
import { namedAnalysis } from '../answer/names.ts';
import { ownSections } from './own-sections.ts';
import { bullets, counted, createPen } from './pen.ts';
import type { Pen } from './pen.ts';
import { cutLine, escapeMarkdown, foreignText } from '../harmless-text.ts';

export interface Composed {
  report: ReportInput;
  entry: MemoryEntry;
  /** Earlier entries with rows that code has seen done. */
  changed: MemoryEntry[];
  /** What was left out, and why. */
  lint: string[];
}

export interface ComposeParts {
  job: LoadedAgent;
  runId: string;
  evidence: Evidence;
  book: FactBook;
  analysis: Analysis | undefined;
  /** What the model answered, read; undefined: figures only. */
  answer: Record<string, unknown> | undefined;
  /** Why it is as it is, and what it cost so far. */
  account: ShownAccount;
  gaps: readonly string[];
  locale: string;
  /** What the reader of the answer left out: shown beside what is left out here. */
  lint?: readonly string[];
}

/** Of the job's own; the house adds at most six, and a report has at most 40. */
const MAX_OWN_SECTIONS = 30;
const MAX_FACT_ROWS = 50;

export function compose(given: ComposeParts): Composed {
  const { job, evidence, book } = given;
  const analysis = given.analysis && namedAnalysis(given.analysis, book);
  const parts = { ...given, analysis };
  const pen = createPen(book, parts.locale);
  const followed = follow(job, evidence, pen);
  const own = job.output !== undefined && parts.answer !== undefined;
  const answer = own || parts.answer === undefined ? undefined : HouseAnswer.safeParse(parts.answer).data;
  const isQuiet = parts.account.why === 'quiet';
  const claims =
    own || isQuiet ? NO_CLAIMS : claimsOf({ job, evidence, book, analysis, answer, standings: followed.standings });
  const made: Made = { parts, pen, followed, claims, kpis: kpisOf(analysis?.figures ?? [], pen), isQuiet };
  const body = own ? ownBody(made) : houseBody(made, answer);
  const lint = [...new Set([...followed.lint, ...claims.lint, ...body.lint])].map((note) => cutLine(note, 300));
  return {
    report: finish(made, body, [...(parts.lint ?? []), ...lint]),
    entry: remember(made, body),
    changed: job.memory === undefined ? [] : followed.changed,
    lint: lint.slice(0, 50),
  };
}

const NO_CLAIMS: Claims = { findings: [], advice: [], lint: [], notRepeated: 0 };

interface Made {
  parts: ComposeParts;
  pen: Pen;
  followed: Followed;
  claims: Claims;
  kpis: Kpi[];
  isQuiet: boolean;
}

/** A report before what the house says of every one. */
interface Body {
  title: string;
  summary: string;
  headline: string;
  sections: SectionInput[];
  lint: string[];
  rest?: Partial<ReportInput>;
}

function houseBody(made: Made, answer: HouseAnswer | undefined): Body {
  const { parts, pen, isQuiet, claims, followed, kpis } = made;
  const { evidence, analysis, job } = parts;
  const lint: string[] = [];
  const words = wording(made, answer, lint);
  const strip = analysis?.figures ?? [];
  const figures = figuresOf(strip, pen);
  const said = new Set(claims.advice.map(({ key }) => key));
  const about = { evidence, pen, openOnly: isQuiet, said };
  const since =
    job.memory === undefined || isQuiet
      ? undefined
      : sinceLast(kpis, evidence.memory, { pen, timeZone: evidence.timeZone, strip });
  const earlier = job.memory === undefined ? undefined : earlierAdvice(followed, about);
  const own = isQuiet
    ? undefined
    : ownSections(analysis?.sections ?? [], { pen, most: MAX_OWN_SECTIONS, cells: false });
  const sections: SectionInput[] = [
    ...(figures.length > 0 ? [{ kind: 'figures' as const, figures }] : []),
    ...(since === undefined ? [] : [{ kind: 'markdown' as const, ...since }]),
    ...(earlier === undefined ? [] : [markdown('What became of earlier advice', earlier)]),
    ...(claims.findings.length === 0
      ? []
      : [markdown('What we found', bullets(claims.findings.map((one) => findingLine(one, pen))))]),
    ...(claims.advice.length === 0
      ? []
      : [{ kind: 'actions' as const, title: 'What to do', items: claims.advice.map((one) => actionOf(one, made)) }]),
    ...(own?.sections ?? []),
    ...(analysis === undefined ? factTable(made, answer === undefined ? 'summary' : 'detail') : []),
  ];
  return { title: titleOf(made), ...words, sections, lint: [...lint, ...(own?.lint ?? [])] };
}

function markdown(title: string, text: string): SectionInput {
  return { kind: 'markdown', title, markdown: text };
}

/** The words of the model where they hold, else those of the code, else what can be said of any report. */
function wording(made: Made, answer: HouseAnswer | undefined, lint: string[]): { headline: string; summary: string } {
  const { parts, pen } = made;
  const { book, analysis } = parts;
  const ofCode = (name: 'headline' | 'summary'): string => {
    const text = analysis?.[name] ?? '';
    const problems = lintText(text, name, { book, canary: '', by: 'code' });
    lint.push(...problems.map(noteOf));
    return problems.length === 0 ? text : '';
  };
  const pick = (name: 'headline' | 'summary'): string => (answer?.[name] ?? '').trim() || ofCode(name);
  const headline = pen.line(pick('headline'), 200) || plainHeadline(made);
  const more = pen.line(pick('summary'), 390);
  const first = ended(headline);
  return { headline, summary: more === '' || more === headline ? first : `${first} ${more}` };
}

function plainHeadline({ parts: { evidence } }: Made): string {
  const known = evidence.facts.filter(({ value }) => value !== null && value !== 0);
  if (known.length === 0) return 'There is nothing to report yet: the tools found no figures for this period.';
  return `${counted(known.length, 'figure')} found; nobody has judged them.`;
}

function findingLine({ text, confidence, because }: ShownFinding, pen: Pen): string {
  // Five times the same words are noise: the method says once that what has no mark is sure.
  if (confidence === 'high') return pen.item(text, 600);
  const why = because === undefined ? '' : `: ${because}`;
  return `${pen.item(text, 600)} *(${confidence} confidence${escapeMarkdown(why)})*`;
}

function actionOf(advice: ShownAdvice, { parts, pen }: Made): ActionInput {
  const { job, runId } = parts;
  const title = pen.line(advice.title, 200);
  const again = (advice.repeatReason ?? '').trim();
  const because = advice.because === undefined ? '' : `: ${advice.because}`;
  const sure = advice.confidence === 'high' ? '' : ` Confidence: ${advice.confidence}${because}.`;
  const why =
    `${ended(pen.line(advice.why, 600))}${again === '' ? '' : ` Again, because: ${ended(pen.line(again, 200))}`}${sure}`.trim();
  const impact = advice.impact === undefined ? '' : pen.line(advice.impact, 80);
  const isKept = job.memory !== undefined && RunId.safeParse(runId).success;
  return {
    title: title || '–',
    ...(why !== '' && { why }),
    ...(impact !== '' && { impact }),
    ...(isKept && { advice: { runId, key: advice.key } }),
  };
}

function ended(text: string): string {
  return text === '' || /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Where no code judges, the figures themselves are the report. */
function factTable({ parts, pen }: Made, priority: 'summary' | 'detail'): SectionInput[] {
  const facts = parts.evidence.facts.filter(({ value }) => value !== null).slice(0, MAX_FACT_ROWS);
  if (facts.length === 0) return [];
  pen.cite(facts);
  const left = parts.evidence.facts.length - facts.length;
  return [
    {
      kind: 'table',
      priority,
      title: 'Figures',
      caption: `What the tools found${left > 0 ? `; ${left} more are kept with the run` : ''}`,
      columns: [
        { key: 'label', label: 'Figure' },
        { key: 'value', label: 'Value', align: 'right' },
      ],
      rows: facts.map((fact) => ({ label: fact.label, value: formatFact(fact, pen.locale) })),
    },
  ];
}

/** The job's own report of the model's answer, with facts filled in. */
function ownBody(made: Made): Body {
  const { parts, pen } = made;
  const given = parts.job.output?.report(parts.answer ?? {}, parts.evidence);
  if (given === undefined) throw new TypeError(`The job ${parts.job.name} has no report of its own.`);
  const { title, summary, sections, warnings, sources, ...rest } = given;
  const own = ownSections(sections ?? [], { pen, most: MAX_OWN_SECTIONS, cells: true });
  const headline = pen.line(title, 150) || titleOf(made);
  return {
    title: headline,
    headline,
    summary: pen.line(summary, 600) || headline,
    sections: own.sections,
    lint: own.lint,
    rest: {
      ...rest,
      warnings: (warnings ?? []).map((text) => pen.line(text, 500)).filter((text) => text !== ''),
      sources: sources ?? [],
    },
  };
}

/** `Weekly merchandising · 16–22 Nov 2026`. */
function titleOf(made: Made): string {
  const { job, evidence, locale } = made.parts;
  const name = job.name.replaceAll('-', ' ');
  const day = dateText(evidence.now, locale, evidence.timeZone);
  return cutLine(`${name.charAt(0).toUpperCase()}${name.slice(1)} · ${periodOf(made)?.label ?? day}`, 150);
}

/** As the code of the job says; else the days that most facts speak of. */
function periodOf({ parts }: Made): ReportInput['period'] {
  const { analysis, evidence } = parts;
  const counts = new Map<string, number>();
  for (const { source } of evidence.facts) {
    const name = source.window === undefined ? undefined : JSON.stringify(source.window);
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  const given: unknown = analysis?.period ?? (most === undefined ? undefined : JSON.parse(most[0]));
  const read = Report.shape.period.safeParse(given);
  // A tool may have taken its name from what others wrote.
  return read.success ? { ...read.data, label: foreignText(read.data.label, 80) || 'this period' } : undefined;
}

/** What the house says of every report: its state, warnings, sources, method and cost. */
function finish(made: Made, body: Body, lint: readonly string[]): ReportInput {
  const { parts, pen, claims } = made;
  const { evidence, account, gaps } = parts;
  const { warnings = [], sources = [], ...rest } = body.rest ?? {};
  const period = rest.period ?? periodOf(made);
  const judged = claims.findings.length + claims.advice.length > 0;
  const common = { evidence, account, gaps, lint, judged, notRepeated: claims.notRepeated };
  const method = methodText({ ...common, period: period?.label, cited: pen.cited() });
  return {
    ...rest,
    title: body.title,
    summary: body.summary,
    status: rest.status === 'failed' ? 'failed' : isPartial(evidence, account) ? 'partial' : (rest.status ?? 'ok'),
    ...(period !== undefined && { period }),
    sections: [...body.sections, { ...markdown('How this was made', method), priority: 'detail' }],
    warnings: [...toldBy(parts.analysis), ...warningsOf(evidence, account), ...warnings].slice(0, 20),
    sources: [...sources, ...sourcesOf(evidence)].slice(0, 20),
    cost: costOf(account),
    locale: cutLine(parts.locale, 35),
    timeZone: cutLine(evidence.timeZone, 60),
    generatedAt: iso(evidence.now),
  };
}

function toldBy(analysis: Analysis | undefined): string[] {
  return (analysis?.warnings ?? []).map((text) => cutLine(text, 500)).filter((text) => text !== '');
}

/** What was not asked cost nothing, and nothing is no price; an unknown price is none either. */
function costOf({ mode, model, microUsd, ms }: ShownAccount): NonNullable<ReportInput['cost']> {
  return {
    ...(mode === 'model' && model !== undefined && { model }),
    ...(microUsd !== null && (mode === 'model' || microUsd > 0) && { microUsd }),
    ms,
  };
}

function remember({ parts, pen, claims, kpis }: Made, body: Body): MemoryEntry {
  const advice = claims.advice.map((one): MemoryEntry['advice'][number] => ({
    key: one.key,
    action: one.action,
    targetType: one.target.type,
    targetId: one.target.id,
    title: pen.line(one.title, 120) || '–',
    status: 'open',
    // oxlint-disable-next-line unicorn/no-thenable -- a list, which nothing can call
    then: one.facts.slice(0, 6).map(remembered),
  }));
  const { job, runId, evidence } = parts;
  return { job: job.name, runId, at: iso(evidence.now), headline: cutLine(body.headline, 200) || '–', kpis, advice };
}
