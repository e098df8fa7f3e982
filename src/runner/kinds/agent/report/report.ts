/** From the answer, or the figures alone, to what the attempt hands over: a report that is one, and its result. */
import { RunError } from '../../../../errors.ts';
import type { AgentWhy } from '../../../../store/agent-records.ts';
import type { MemoryEntry } from '../../../../store/memory-records.ts';
import type { Run } from '../../../../store/records.ts';
import type { Analysis, Evidence } from '../../../agent-job.ts';
import type { LoadedAgent } from '../../../jobs.ts';
import { normalise } from '../../../normalise.ts';
import type { ReportInput } from '../../../report-input.ts';
import { spentByRun, type Tally } from '../account.ts';
import { compose } from './compose.ts';
import type { Gathering } from '../evidence.ts';

export interface ReportParts {
  job: LoadedAgent;
  run: Pick<Run, 'id'>;
  input: Readonly<Record<string, unknown>>;
  tally: Tally;
  gathering: Gathering;
  evidence: Evidence;
  analysis: Analysis | undefined;
  answer: Record<string, unknown> | undefined;
  timeZone: string;
  ms: number;
}
interface MadeReport {
  value: { report: ReportInput; result: unknown };
  entry: MemoryEntry;
  changed: readonly MemoryEntry[];
}

/** Throws a RunError when what was made is no report that can be kept. */
export function makeReport(parts: ReportParts): MadeReport {
  const { job, run, tally, gathering, evidence, analysis, answer, timeZone, ms } = parts;
  const why = tally.why ?? 'done';
  const account = {
    mode: tally.mode,
    why,
    cutShort: tally.loop?.cutShort ?? false,
    ...(tally.asked && { model: job.model }),
    microUsd: spentByRun(tally),
    ms,
  };
  const { book } = gathering;
  const made = compose({
    job,
    runId: run.id,
    evidence,
    book,
    analysis,
    answer,
    account,
    gaps: gathering.gaps(),
    locale: localeOf(parts.input),
    lint: tally.loop?.lint ?? [],
  });
  tally.lint.push(...made.lint);
  const report = { timeZone, ...withoutModel(made.report, account) };
  const { entry, changed } = made;
  const result = job.output === undefined ? resultOf(tally, entry) : (answer ?? null);
  const value = { report, result };
  const { attachments: _, ...plain } = report;
  const read = normalise(job.name, { form: 'value', value: { report: plain, result } });
  if (!read.ok) {
    if (answer !== undefined) tally.why = 'bad_output';
    throw new RunError(`what ${job.name} made of its findings is no report: ${read.reason}`, {
      code: answer === undefined ? 'RESULT_INVALID' : 'AGENT_ANSWER',
      permanent: true,
      hint: 'look at the sections of analyse or output.report in the job file',
    });
  }
  return { value, entry, changed };
}

/** What other programs read of the run; the figures stand in its account. */
function resultOf({ mode, why }: Tally, { headline, kpis, advice }: MemoryEntry): Record<string, unknown> {
  const kept = advice.map(({ key, action, targetType, targetId, title }) => ({
    key,
    action,
    targetType,
    targetId,
    title,
  }));
  return { mode, why, headline, figures: kpis, advice: kept };
}

/** Why a report that was to have a model has none. The words of an error are not shown: they may quote what the model wrote. */
const WITHOUT_MODEL: Readonly<Partial<Record<AgentWhy, string>>> = {
  max_turns: 'it used up its turns before it had a report',
  tool_calls: 'it used up its tool calls before it had a report',
  budget_usd: 'a cap on money did not allow it, or was used up before there was a report',
  budget_tokens: 'it used up its tokens before it had a report',
  deadline: 'it did not answer in time',
  refusal: 'it refused',
  truncated: 'its answer was cut off',
  context: 'the conversation grew longer than it can read',
  bad_output: 'its answer did not pass the checks',
  price_unknown: 'nobody knows the price of its model (the model of the job may be misspelt)',
  spend_limit: 'the spend limit of the account is reached',
  api_error: 'the Claude API could not be used (`bellhop doctor` says why)',
  error: 'an error beside it broke the conversation off',
};

/** A report that was to have a model and has none is partial, whatever stands in it. */
function withoutModel(report: ReportInput, { mode, why }: { mode: Tally['mode']; why: AgentWhy }): ReportInput {
  if (mode === 'model' || why === 'figures' || why === 'quiet') return report;
  const warning = `Figures only, without the words of the model: ${WITHOUT_MODEL[why] ?? 'it could not be asked'}.`;
  return { ...report, status: 'partial', warnings: [warning, ...(report.warnings ?? [])].slice(0, 20) };
}

function localeOf({ locale }: Readonly<Record<string, unknown>>): string {
  if (typeof locale !== 'string') return DEFAULT_LOCALE;
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? DEFAULT_LOCALE;
  } catch {
    return DEFAULT_LOCALE;
  }
}
const DEFAULT_LOCALE = 'en-US';
