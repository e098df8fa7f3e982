/** From how an attempt ended to what is committed: outcome, report and plan of deliveries in one settlement. */
import { backoffMs } from '../backoff.ts';
import { iso, type Clock } from '../clock.ts';
import { BellhopError, RunError, messageOf } from '../errors.ts';
import { scrubJson, scrubNames, type Scrub } from '../scrub.ts';
import { Report } from '../store/report.ts';
import { outputText } from '../output.ts';
import { clip, codeBlock, normalise } from './normalise.ts';
import { planReport } from './deliveries.ts';
import { lateSentence } from './late.ts';
import type { Ids } from '../ids.ts';
import type { Failure, Lease, Output, Progress, Run } from '../store/records.ts';
import type { Json, Settlement } from '../store/store.ts';
import type { LoadedJob } from './jobs.ts';
import type { Yield } from './kinds/end.ts';

/** The run that is to be settled, and the job as it is now (undefined when it is gone). */
export interface Claimed {
  run: Run;
  lease: Lease;
  job: LoadedJob | undefined;
}

/** Everything that can become of an attempt that is to be settled; cancelled, drained and lost attempts are not. */
export type Ending = (
  { how: 'completed'; output: Yield } | { how: 'failed' | 'timed_out' | 'lease_expired'; error: unknown }
) & {
  stderr?: Output;
  progress?: Progress;
  /** All that a plugin answered. */
  response?: Json;
};

export interface SettlementDeps {
  clock: Clock;
  ids: Ids;
  scrub: Scrub;
  /** Between 0 and 1, for the jitter; default Math.random. */
  random?: () => number;
}

const MAX_WAIT_MS = 24 * 3_600_000;
const MAX_MESSAGE = 2000;

/** Makes the one function that turns an ending into a settlement. */
export function createSettler(deps: SettlementDeps): (claimed: Claimed, ending: Ending) => Settlement {
  const { clock, ids, scrub, random } = deps;

  function final(claimed: Claimed, report: Report): Pick<Settlement, 'report' | 'deliveries'> {
    const plan = planReport(ids, claimed.run, claimed.job);
    const late = lateSentence(claimed.run);
    const warnings = [...(late === undefined ? [] : [late]), ...report.warnings, ...plan.warnings];
    const warned = { ...report, warnings: warnings.slice(0, 20) };
    const clean = scrubReport({ generatedAt: iso(clock.now()), ...warned }, scrub);
    return { report: clean, deliveries: plan.deliveries };
  }

  function kept(ending: Ending): Pick<Settlement, 'stderr' | 'progress' | 'response'> {
    return {
      ...(ending.stderr !== undefined && { stderr: scrubJson(ending.stderr, scrub) }),
      ...(ending.progress !== undefined && { progress: ending.progress }),
      ...(ending.response !== undefined && { response: scrubNames(ending.response, scrub) }),
    };
  }

  function failed(claimed: Claimed, ending: Ending & { error: unknown }): Settlement {
    const { run, lease } = claimed;
    const error = failureOf(ending.error, scrub);
    const end = ending.how === 'completed' ? 'failed' : ending.how;
    const base = { lease, end, error, ...kept(ending) };
    const wait = retryWait(run, ending, random);
    if (wait !== undefined) return { ...base, retryAt: iso(clock.now() + wait) };
    return { ...base, ...final(claimed, failureReport(run, error, base.stderr)) };
  }

  return (claimed, ending) => {
    if (ending.how !== 'completed') return failed(claimed, ending);
    const read = normalise(claimed.run.job, ending.output);
    if (read.ok) {
      const given = read.result ?? resultIn(ending.response);
      const result = given === undefined ? {} : { result: scrubNames(given, scrub) };
      return { lease: claimed.lease, end: 'completed', ...result, ...kept(ending), ...final(claimed, read.report) };
    }
    const error = new RunError(`what ${claimed.run.job} returned cannot be kept: ${read.reason}`, {
      code: 'RESULT_INVALID',
      permanent: true,
      hint: 'return a report, markdown, or plain JSON',
    });
    return failed(claimed, { ...ending, how: 'failed', error });
  };
}

/** Who calls a plugin gets what it answered, also where that is a text or a report. */
function resultIn(response: Json | undefined): Json | undefined {
  if (typeof response !== 'object' || response === null || Array.isArray(response)) return undefined;
  return response['result'] ?? undefined;
}

/** Milliseconds until the next attempt; undefined when there is none. A claim counts its attempt already. */
function retryWait(run: Run, ending: Ending & { error: unknown }, random?: () => number): number | undefined {
  if (ending.how === 'lease_expired' || run.attemptsUsed >= run.policy.maxAttempts) return undefined;
  const { error } = ending;
  if (error instanceof RunError && error.permanent) return undefined;
  const asked = error instanceof RunError ? error.retryAfterMs : undefined;
  if (asked !== undefined && Number.isFinite(asked)) return Math.min(Math.max(0, Math.round(asked)), MAX_WAIT_MS);
  return backoffMs(run.attemptsUsed, run.policy.backoff, random);
}

function failureOf(error: unknown, scrub: Scrub): Failure {
  // Scrubbed before it is cut: half a secret would not be known for one.
  const message = clip(scrub(messageOf(error)).trim(), MAX_MESSAGE) || 'it failed without a message';
  if (!(error instanceof BellhopError)) return { code: 'JOB_FAILED', message };
  return { code: error.code, message, ...(error.hint !== undefined && { hint: clip(scrub(error.hint), 500) }) };
}

/** People are told of a failure as of a success. */
function failureReport(run: Run, error: Failure, stderr: Output | undefined): Report {
  const attempts = `${run.attemptsUsed} of ${run.policy.maxAttempts}`;
  const lines = [`Code \`${error.code}\`, attempt ${attempts}, run \`${run.id}\`.`];
  if (error.hint !== undefined) lines.push(`What to do: ${error.hint}`);
  const printed =
    stderr === undefined ? '' : outputText(stderr).trimEnd().split('\n').slice(-40).join('\n').slice(-4000);
  const output = {
    kind: 'markdown' as const,
    title: 'Last output',
    priority: 'detail' as const,
    markdown: codeBlock(printed),
  };
  return Report.parse({
    title: `${run.job} failed`,
    summary: clip(error.message, 600),
    status: 'failed',
    sections: [{ kind: 'markdown', markdown: lines.join('\n\n') }, ...(printed.trim() === '' ? [] : [output])],
  });
}

/** A mask may be longer than the secret that it covers; a report that no longer fits its limits is replaced by one that says so. */
function scrubReport(report: Report, scrub: Scrub): Report {
  const clean = scrubJson(report, scrub);
  const parsed = Report.safeParse({ ...clean, title: clip(clean.title, 150), summary: clip(clean.summary, 600) });
  if (parsed.success) return parsed.data;
  return Report.parse({
    title: clip(clean.title, 150),
    summary: clip(clean.summary, 600),
    status: clean.status,
    warnings: ['The sections were left out: with its secrets masked the report no longer fits its limits.'],
  });
}
