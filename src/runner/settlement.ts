/** From how an attempt ended to what is committed: outcome, report and plan of deliveries in one settlement. */
import { backoffMs } from '../backoff.ts';
import { iso, type Clock } from '../clock.ts';
import { BellhopError, RunError, messageOf } from '../errors.ts';
import { scrubAround, scrubJson, scrubNames, type Scrub } from '../scrub.ts';
import type { Section } from '../store/report-sections.ts';
import { Report } from '../store/report.ts';
import { outputText } from '../output.ts';
import { clip, codeBlock, normalise } from './normalise.ts';
import { createFileBook, takeFiles, type FileBook, type Taken } from './attachments.ts';
import { planned, planReport, reportPlaces } from './deliveries.ts';
import { createEarlier } from './earlier.ts';
import { members, plainJson } from './json.ts';
import { createKeeper, type Kept } from './keep-files.ts';
import { lateSentence } from './late.ts';
import { createPatience } from './patience.ts';
import type { Ids } from '../ids.ts';
import type { AgentAccount } from '../store/agent-records.ts';
import type { BlobRef, Failure, Lease, Output, Progress, Run } from '../store/records.ts';
import type { Json, Settlement, Store } from '../store/store.ts';
import type { LoadedJob } from './jobs.ts';
import type { KindEnd, Yield } from './kinds/end.ts';

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
  /** What the job attached while it ran. */
  files?: FileBook;
  /** What an agent did and cost. */
  agent?: KindEnd['agent'];
};

export interface SettlementDeps {
  clock: Clock;
  ids: Ids;
  scrub: Scrub;
  store: Pick<Store, 'get' | 'list' | 'deliveries' | 'blobs'>;
  /** Between 0 and 1, for the jitter; default Math.random. */
  random?: () => number;
}

const MAX_WAIT_MS = 24 * 3_600_000;
const MAX_MESSAGE = 2000;

export interface Settler {
  /** Turns an ending into a settlement; the files of its report are durable when it resolves. */
  settle(claimed: Claimed, ending: Ending): Promise<Settlement>;
  /** Failed for good, at once: what is told where an ending cannot be kept. */
  giveUp(claimed: Claimed, error: RunError): Settlement;
}

/** Makes what turns endings into settlements. */
export function createSettler(deps: SettlementDeps): Settler {
  const { clock, ids, scrub, random, store } = deps;
  const keep = createKeeper({ store, scrub, patiently: createPatience(clock) });
  const earlier = createEarlier({ store });

  function finalReport({ run }: Claimed, report: Report, said: { kept: Kept; warnings: readonly string[] }): Report {
    const late = lateSentence(run);
    const { attachments, problems } = said.kept;
    const warnings = [...(late === undefined ? [] : [late]), ...problems, ...report.warnings, ...said.warnings];
    const clean = scrubReport({ generatedAt: iso(clock.now()), ...report, warnings: fewWarnings(warnings) }, scrub);
    return attachments.length === 0 ? clean : { ...clean, attachments };
  }

  function kept(ending: Ending, response = ending.response): Pick<Settlement, 'stderr' | 'progress' | 'response'> {
    return {
      ...(ending.stderr !== undefined && { stderr: scrubJson(ending.stderr, scrub) }),
      ...(ending.progress !== undefined && { progress: ending.progress }),
      ...(response !== undefined && { response: scrubNames(response, scrub) }),
    };
  }

  /** Without report and deliveries; `retryAt` is set where the run is not over. */
  function failing(claimed: Claimed, ending: Ending & { error: unknown }): Settlement & { error: Failure } {
    const { run, lease } = claimed;
    const error = failureOf(ending.error, scrub);
    const end = ending.how === 'completed' ? 'failed' : ending.how;
    const wait = retryWait(run, ending, random);
    const retryAt = wait === undefined ? {} : { retryAt: iso(clock.now() + wait) };
    return {
      lease,
      end,
      error,
      ...kept(ending),
      ...accountOf(ending, wait === undefined ? 'final' : 'retried'),
      ...retryAt,
    };
  }

  /** A failure is told everywhere, whatever is wanted there. */
  function toldFailure(claimed: Claimed, base: Settlement & { error: Failure }, left: Left): Settlement {
    const { run, job } = claimed;
    const { files, transcript } = left;
    const { places, warnings } = reportPlaces(run, job);
    const report = finalReport(claimed, failureReport(run, base), { kept: files, warnings });
    const deliveries = places.map((place) => planned(ids, run, place));
    return { ...base, report, deliveries, ...blobsOf(files, transcript) };
  }

  async function failed(claimed: Claimed, ending: Ending & { error: unknown }): Promise<Settlement> {
    const base = failing(claimed, ending);
    if (base.retryAt !== undefined) return base;
    const files = await keep(ending.files?.taken() ?? NO_FILES);
    return toldFailure(claimed, base, { files, transcript: ending.agent?.transcript });
  }

  async function completed(claimed: Claimed, ending: Extract<Ending, { how: 'completed' }>): Promise<Settlement> {
    const { run, lease, job } = claimed;
    const book = createFileBook(ending.files?.taken());
    const output = takeFiles(ending.output, book);
    const read = normalise(run.job, output);
    if (!read.ok) return failed(claimed, { ...ending, how: 'failed', error: notKept(run, read.reason) });
    const files = await keep(book.taken());
    const { places, warnings } = reportPlaces(run, job);
    const report = finalReport(claimed, read.report, { kept: files, warnings });
    const outcome = { run, report, failed: false, spoken: isSpoken(output) };
    const plan = await planReport(ids, { places, outcome }, (place) => earlier({ run, report }, place));
    const response = output === ending.output ? ending.response : withResult(ending.response, output);
    const given = read.result ?? resultIn(response);
    const result = given === undefined ? {} : { result: scrubNames(given, scrub) };
    const blobs = blobsOf(files, ending.agent?.transcript);
    const left = { ...kept(ending, response), ...accountOf(ending, 'final'), ...blobs };
    return { lease, end: 'completed', ...result, ...left, report, ...plan };
  }

  return {
    settle: (claimed, ending) => (ending.how === 'completed' ? completed(claimed, ending) : failed(claimed, ending)),
    giveUp: (claimed, error) =>
      toldFailure(claimed, failing(claimed, { how: 'failed', error }), { files: NOTHING_KEPT }),
  };
}

const NO_FILES: Taken = { files: [], problems: [] };
const NOTHING_KEPT: Kept = { attachments: [], blobs: [], problems: [] };

/** What an attempt left beside its record. */
interface Left {
  files: Kept;
  transcript?: BlobRef | undefined;
}

function blobsOf({ blobs }: Kept, transcript: BlobRef | undefined): Pick<Settlement, 'blobs'> {
  const all = [...blobs, ...(transcript === undefined ? [] : [transcript])];
  return all.length === 0 ? {} : { blobs: all };
}

/** Only a run that is over names blobs: the transcript of an attempt that is tried again is not kept. */
function accountOf({ agent }: Ending, end: 'final' | 'retried'): Pick<Settlement, 'agent'> {
  if (agent === undefined) return {};
  const { transcript, ...account } = agent.account;
  return { agent: transcript === undefined || end === 'retried' ? account : agent.account };
}

function notKept(run: Run, reason: string): RunError {
  return new RunError(`what ${run.job} returned cannot be kept: ${reason}`, {
    code: 'RESULT_INVALID',
    permanent: true,
    hint: 'return a report, markdown, or plain JSON',
  });
}

/** Text is something, though it may stand in the summary alone; of a report its sections say it. */
function isSpoken(output: Yield): boolean {
  if (output.form === 'text') return output.text.trim() !== '';
  const said = members(output.value)?.['markdown'] ?? output.value;
  return typeof said === 'string' && said.trim() !== '';
}

const MAX_WARNINGS = 20;
/** As many as a report takes; the last one says how many are not there. */
function fewWarnings(warnings: readonly string[]): string[] {
  const fitting = warnings.map((warning) => clip(warning, 500));
  if (fitting.length <= MAX_WARNINGS) return fitting;
  return [...fitting.slice(0, MAX_WARNINGS - 1), `${fitting.length - MAX_WARNINGS + 1} more warnings are not shown.`];
}

/** What a plugin answered, with the result that its files were taken out of: they stand beside the run. */
function withResult(response: Json | undefined, output: Yield): Json | undefined {
  const whole = members(response);
  if (whole === undefined || output.form === 'text') return response;
  const plain = plainJson({ ...whole, result: output.value });
  return plain.ok ? plain.json : response;
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
function failureReport(run: Run, { error, stderr, agent }: Settlement & { error: Failure }): Report {
  const attempts = `${run.attemptsUsed} of ${run.policy.maxAttempts}`;
  const lines = [`Code \`${error.code}\`, attempt ${attempts}, run \`${run.id}\`.`];
  if (error.hint !== undefined) lines.push(`What to do: ${error.hint}`);
  if (agent !== undefined) lines.push(stoppedAt(agent));
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
    ...(agent !== undefined && { cost: costOf(agent) }),
  });
}

/** How far an agent came. */
function stoppedAt({ why, turns, tools }: AgentAccount): string {
  const bad = tools.filter(({ state }) => state === 'failed').length;
  const calls = `${tools.length} tool ${tools.length === 1 ? 'call' : 'calls'}${bad === 0 ? '' : ` (${bad} failed)`}`;
  return `It ended with \`${why}\` after ${turns} ${turns === 1 ? 'turn' : 'turns'} and ${calls}.`;
}

/** Of the run with all its attempts; a model without a price costs what nobody knows. */
function costOf({ model, runMicroUsd, ms }: AgentAccount): NonNullable<Report['cost']> {
  return {
    ...(model !== undefined && { model }),
    ...(runMicroUsd !== null && { microUsd: runMicroUsd }),
    ms,
  };
}

/** A mask may be longer than the secret that it covers; a report that no longer fits its limits is replaced by one that says so. */
function scrubReport(report: Report, scrub: Scrub): Report {
  const sections = report.sections.map((section) => scrubSection(section, scrub));
  const clean = { ...scrubAround(report, scrub, FOR_PROGRAMS), sections };
  const parsed = Report.safeParse({ ...clean, title: clip(clean.title, 150), summary: clip(clean.summary, 600) });
  if (parsed.success) return parsed.data;
  return Report.parse({
    title: clip(clean.title, 150),
    summary: clip(clean.summary, 600),
    status: clean.status,
    warnings: fewWarnings([
      'The sections were left out: with its secrets masked the report no longer fits its limits.',
      ...clean.warnings,
    ]),
  });
}

/**
 * What a report says to programs: one of a few words, or the name of a column. A value that is taken for a secret may be the word `failed`,
 * and a masked one would be no report at all.
 */
const FOR_PROGRAMS: ReadonlySet<string> = new Set([
  'schema',
  'status',
  'locale',
  'timeZone',
  'kind',
  'type',
  'priority',
  'align',
  'good',
  'key',
]);

/** What stands in the rows are words of the job, whatever its columns are called. */
function scrubSection(section: Section, scrub: Scrub): Section {
  if (section.kind !== 'table') return scrubAround(section, scrub, FOR_PROGRAMS);
  return { ...scrubAround({ ...section, rows: [] }, scrub, FOR_PROGRAMS), rows: scrubJson(section.rows, scrub) };
}
