/** What the file of an agent says: its model, its tools, the code that finds and judges, and its limits. */
import type { z } from 'zod';
import type { Fact, FactWindow, ToolCall } from '../store/agent-records.ts';
import type { AdviceRow, MemoryEntry } from '../store/memory-records.ts';
import type { JobBase } from './jobs.ts';
import type { Duration } from './jobs.ts';
import type { ReportInput, SectionInput } from './report-input.ts';

/** What a running tool may use. It has no way out but its own clients: it can neither post nor mail. */
export interface ToolContext {
  readonly runId: string;
  readonly signal: AbortSignal;
  /** The variables that the job names in `env`, and no others. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds since 1970: the same for all tools of an attempt, so that their windows fit together. */
  readonly now: number;
  /** IANA name: BELLHOP_TIME_ZONE, or the `timeZone` of the input. */
  readonly timeZone: string;
  /** The input of the run: what people chose, and a model does not. */
  readonly input?: Readonly<Record<string, unknown>>;
  /** Keeps a line with the attempt; secrets are masked. */
  log(line: string): void;
}

/** A fact before it has its id and its source. */
export type NewFact = Omit<Fact, 'id' | 'source'> & { window?: FactWindow };

/** Something that advice may be about: an id that a tool returned. */
export interface KnownTarget {
  type: string;
  id: string;
  /** For people; whoever writes the data may have written it. */
  title: string;
}

/** What a tool found. */
export interface ToolOutput {
  facts?: readonly NewFact[];
  targets?: readonly KnownTarget[];
  /** More for the model and for `analyse`, as JSON: rows of a table, texts. Numbers in it cannot be cited. */
  data?: unknown;
  window?: FactWindow;
  /** What is missing, in words that the report shows: `only the newest 2,000 orders were read`. */
  gaps?: readonly string[];
}

export interface AgentTool<S extends z.ZodObject = z.ZodObject> {
  /** a-z, 0-9 and _; at most 64. */
  name: string;
  description: string;
  /** Enums, dates, whole numbers and known ids: no free query, no address. */
  input: S;
  /** `write` needs `allowWrites` of the job, and an approval. */
  risk: 'read' | 'write';
  /** Of one call; default 15s. */
  timeout?: Duration;
  /** Characters of a result that the model sees; default 20,000. */
  maxResultChars?: number;
  run(input: z.infer<S>, ctx: ToolContext): Promise<ToolOutput>;
}

/** Defines a tool of an agent. */
export function defineTool<S extends z.ZodObject>(tool: AgentTool<S>): AgentTool<S> {
  return tool;
}

/** What the code of the job knows when it judges. */
export interface Evidence {
  facts: readonly Fact[];
  /** The fact of this key, of the query that found it first: the baseline's, whatever a model asked of other days. */
  fact(key: string): Fact | undefined;
  targets: readonly KnownTarget[];
  calls: readonly ToolCall[];
  /** The newest good output of a tool that code called, else that a model called; undefined when it was not called or failed. */
  output(tool: string): ToolOutput | undefined;
  /** Earlier reports of the job, newest first. */
  memory: readonly MemoryEntry[];
  /** Whether advice may be given: it is not open, nor done not long ago, and nobody dismissed it. The house leaves out what may not. */
  mayAdvise(action: string, target: { type: string; id: string }): boolean;
  input: Readonly<Record<string, unknown>>;
  now: number;
  timeZone: string;
}

export type Confidence = 'high' | 'medium' | 'low';

/** Something that was found. `{{F7}}` in a text is the fact of that id, `{{sales.revenue}}` the one of that key. */
export interface NewFinding {
  /** Its name from run to run: `stockout.product.4711`. */
  key: string;
  text: string;
  confidence: Confidence;
  target?: { type: string; id: string };
}

/** Something to do. */
export interface NewAdvice {
  /** One of the job's `actions`. */
  action: string;
  target: { type: string; id: string };
  /** Texts with facts in them, as in a finding. */
  title: string;
  why: string;
  impact?: string;
  confidence?: Confidence;
}

/** What code makes of the evidence: the whole report when no model is asked. */
export interface Analysis {
  /** Texts with facts in them. */
  headline: string;
  summary: string;
  /** The strip of figures, in order: a fact each, and the fact it is compared with. At most 12. */
  figures: readonly { fact: string; versus?: { fact: string; label: string }; spark?: readonly number[] }[];
  findings: readonly NewFinding[];
  advice: readonly NewAdvice[];
  /** Tables and charts, made by code of the tools' data. */
  sections?: readonly SectionInput[];
  period?: ReportInput['period'];
  /** What a reader must know before believing the rest. */
  warnings?: readonly string[];
  /** Nothing material has changed: the model is not asked, and the report is short. */
  quiet?: boolean;
}

export interface AgentBudget {
  /** US dollars of one run with all its attempts; default 0.25. */
  usd?: number;
  /** Of the job in a day of BELLHOP_TIME_ZONE; default: ten runs' worth. */
  usdPerDay?: number;
  /** Default 8. */
  turns?: number;
  /** Default 24. */
  toolCalls?: number;
  /** All tokens together; default 200,000. */
  tokens?: number;
  /** Tokens of one answer; default 16,000. */
  outputTokens?: number;
}

/**
 * A job that is an agent: code calls the tools of `baseline`, `analyse` judges, a model (where a key is set) words and weighs, and code
 * fills in the numbers, checks every word and keeps what was advised.
 */
export interface AgentJob<S extends z.ZodObject = z.ZodObject> extends JobBase<S> {
  kind: 'agent';
  /** Default claude-sonnet-5-5. */
  model?: string;
  /** Default medium. */
  effort?: 'low' | 'medium' | 'high' | 'xhigh' | 'max';
  /** A text file beside the job file, `./_merchandising/prompt.md`: its sha256 stands in each run. */
  prompt: string;
  tools: readonly AgentTool[];
  /** The calls that code makes before the model is asked. */
  baseline?: (input: z.infer<S>) => readonly { tool: string; input: Record<string, unknown> }[];
  /** Tools of which one call must succeed; default none. With tools at all, one good call is needed in any case. */
  requires?: readonly string[];
  /** What may be advised, and the type of target it is about: `{ restock: 'product' }`. */
  actions?: Readonly<Record<string, { target: string; label: string }>>;
  analyse?: (evidence: Evidence) => Analysis;
  /** What became of earlier advice, by the facts of today; undefined: nothing is known. The note may have facts in it. */
  followUp?: (advice: AdviceRow, evidence: Evidence) => { status: 'open' | 'done'; note: string } | undefined;
  /** What the model answers, and the report of it, instead of the house's findings and advice. Every text in it is checked as well. */
  output?: { schema: z.ZodObject; report: (value: Record<string, unknown>, evidence: Evidence) => ReportInput };
  /** False: every report is the first. Default 12 weeks of advice and 4 headlines. */
  memory?: false | { weeks?: number; reports?: number };
  budget?: AgentBudget;
  /** `unknown`: also with a model that the price table does not have; then only the caps on tokens hold. */
  price?: 'known' | 'unknown';
  /** What becomes of a run whose model fails for good: `figures` delivers the report that code makes, partial and with a warning. Default fail. */
  whenModelFails?: 'fail' | 'figures';
  /** Tools of risk `write` may be given; each run then waits for an approval. */
  allowWrites?: boolean;
}

/** Defines an agent: export it as the default of a file in the jobs folder. It is checked when the file is loaded. */
export function agentJob<S extends z.ZodObject = z.ZodObject<Record<string, never>>>(
  definition: Omit<AgentJob<S>, 'kind'>,
): AgentJob<S> {
  return { ...definition, kind: 'agent' };
}
