/**
 * One attempt of an agent: money, evidence, judgement, words, report. Code gathers and judges; the model, where there is a key and something
 * has changed, words and weighs; and however it ends there is an account of what it did and cost.
 */
import { randomBytes } from 'node:crypto';
import { iso, type Clock } from '../../../clock.ts';
import { BellhopError, RunError } from '../../../errors.ts';
import type { Scrub } from '../../../scrub.ts';
import type { Run } from '../../../store/records.ts';
import type { NewDoc, Store } from '../../../store/store.ts';
import type { Analysis } from '../../agent-job.ts';
import type { Budget } from '../../budget.ts';
import type { LoadedAgent } from '../../jobs.ts';
import type { Memory, Remembered } from '../../memory.ts';
import { didYouMean } from '../../../suggest.ts';
import { readThrown } from '../../thrown.ts';
import type { AttemptContext, KindEnd, Started } from '../end.ts';
import { noteStack, typedInput } from '../function.ts';
import { accountOf, newTally, whyOf, type Tally } from './account.ts';
import { converse, conversationSignal } from './converse.ts';
import type { Claude, ClaudeSettings } from './conversation/client.ts';
import { createGathering, type Gathering } from './evidence.ts';
import { keepTranscript } from './conversation/kept-transcript.ts';
import { priceOf, type PriceTable } from './prices.ts';
import { rememberingDocs } from './report/remember.ts';
import { makeReport } from './report/report.ts';
import { ownError, type Stopped } from './conversation/stops.ts';
import { createTranscript, type Transcript } from './conversation/transcript.ts';

/** What agents are given beside what every kind has. */
export interface AgentSettings {
  budget: Pick<Budget, 'open' | 'tell'>;
  memory: Pick<Memory, 'recall' | 'docs'>;
  /** Without a key agents report figures only. */
  claude?: ClaudeSettings;
  openClaude: (settings: ClaudeSettings) => Promise<Claude>;
  prices: PriceTable;
  /** IANA name. */
  zone: string;
  /** The environment of which tools see what their job names. */
  variables: Readonly<Record<string, string | undefined>>;
  /** How long a transcript is kept; 0: none is. */
  transcriptMs: number;
}

export interface AgentDeps extends AgentSettings {
  clock: Clock;
  scrub: Scrub;
  store: Pick<Store, 'blobs'>;
}

export interface AgentWork {
  job: LoadedAgent;
  run: Run;
  ctx: AttemptContext;
}

/** Everything that one attempt holds. */
interface Attempt extends AgentWork {
  input: Readonly<Record<string, unknown>>;
  timeZone: string;
  startedAt: number;
  began: number;
  tally: Tally;
  gathering: Gathering;
  transcript: Transcript;
}

/** Starts an attempt; `end` comes with the signal at the latest, `gone` when no tool runs any more. */
export function startAgent(deps: AgentDeps, work: AgentWork): Started {
  let attempt: Attempt;
  try {
    attempt = begin(deps, work);
  } catch (error) {
    return { end: Promise.resolve({ ok: false, error: readThrown(error) }), gone: Promise.resolve() };
  }
  const end = carryOut(deps, attempt);
  return { end, gone: end.then(() => attempt.gathering.gone()) };
}

function begin(deps: AgentDeps, { job, run, ctx }: AgentWork): Attempt {
  const input = typedInput(job, ctx.input);
  const startedAt = deps.clock.now();
  const timeZone = zoneOf(input, deps.zone);
  const env = Object.freeze(Object.fromEntries(job.env.map((name) => [name, deps.variables[name]])));
  const context = { runId: run.id, env, now: startedAt, timeZone, input };
  const nonce = randomBytes(8).toString('hex');
  return {
    job,
    run,
    ctx,
    input,
    timeZone,
    startedAt,
    began: deps.clock.monotonic(),
    tally: newTally(),
    gathering: createGathering({
      clock: deps.clock,
      job,
      input,
      context,
      progress: ctx.book,
      nonce,
      scrub: deps.scrub,
    }),
    transcript: createTranscript({ scrub: deps.scrub, now: () => deps.clock.now() }),
  };
}

/** The zone that the input names, where it names one that exists. */
function zoneOf(input: Readonly<Record<string, unknown>>, zone: string): string {
  const { timeZone } = input;
  if (typeof timeZone !== 'string') return zone;
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone;
  } catch {
    return zone;
  }
}

async function carryOut(deps: AgentDeps, attempt: Attempt): Promise<KindEnd> {
  const { ctx, tally } = attempt;
  try {
    const made = await report(deps, attempt);
    ctx.signal.throwIfAborted();
    const agent = await agentEnd(deps, attempt, 'told');
    return { ok: true, output: { form: 'value', value: made.value }, agent, ...(made.docs && { docs: made.docs }) };
  } catch (thrown) {
    const error = ctx.signal.aborted ? readThrown(ctx.signal.reason) : ownError(thrown);
    tally.why = ctx.signal.aborted ? whyOf(error) : (tally.why ?? whyOf(error));
    if (!(thrown instanceof BellhopError) && !ctx.signal.aborted) noteStack(error, ctx);
    // What was stopped from outside is not settled, but a timeout is.
    const settled = !ctx.signal.aborted || tally.why === 'deadline';
    return { ok: false, error, agent: await agentEnd(deps, attempt, settled ? 'told' : 'dropped') };
  }
}

/** The account, what is not counted yet, and the transcript, unless nothing could name it. */
async function agentEnd(
  deps: AgentDeps,
  attempt: Attempt,
  end: 'told' | 'dropped',
): Promise<NonNullable<KindEnd['agent']>> {
  const { job, tally, gathering, transcript } = attempt;
  const { toolbox, book } = gathering;
  const ms = Math.max(0, Math.round(deps.clock.monotonic() - attempt.began));
  const parts = { job, tally, pricesAsOf: deps.prices.asOf, ms, calls: toolbox.calls(), facts: book.all() };
  const account = accountOf({ ...parts, scrub: deps.scrub });
  const keep = deps.transcriptMs > 0 && tally.asked && end === 'told';
  const until = iso(deps.clock.now() + deps.transcriptMs);
  const kept = keep ? await keepTranscript(deps.store, { transcript, until }) : undefined;
  return {
    account: kept === undefined ? account : { ...account, transcript: kept.noted },
    rest: await restOf(tally),
    ...(kept !== undefined && { transcript: kept.ref, putTranscript: () => kept.again() }),
  };
}

async function restOf({ purse, asked, loop }: Tally): Promise<NonNullable<KindEnd['agent']>['rest']> {
  if (purse === undefined) return { spend: [], docs: [] };
  // A conversation without an end is unheard of; what it may have cost stands in the run's document and is counted from there.
  if (asked && loop === undefined) return { spend: [], docs: [] };
  return purse.rest((loop?.microUsd ?? 0) - (await purse.counted()));
}

interface Made {
  value: { report: unknown; result: unknown };
  docs: (() => Promise<NewDoc[]>) | undefined;
}

async function report(deps: AgentDeps, attempt: Attempt): Promise<Made> {
  const { job, ctx, gathering, tally } = attempt;
  const refused = await openPurse(deps, attempt);
  if (refused !== undefined && job.whenModelFails === 'fail') throw refused;
  await gathering.baseline(ctx.signal);
  ctx.signal.throwIfAborted();
  const recalled = job.memory === undefined ? [] : await deps.memory.recall(job.name, job.memory.weeks);
  const evidence = gathering.evidence(recalled.map(({ entry }) => entry));
  const silent = allFailed(gathering);
  if (silent !== undefined) throw stopped(tally, silent);
  const analysis = job.analyse?.(evidence);
  const answer = await answered(deps, attempt, { analysis, recalled, refused });
  ctx.signal.throwIfAborted();
  const refusal = gathering.refusal();
  if (refusal !== undefined) throw stopped(tally, refusal);
  const ms = Math.max(0, Math.round(deps.clock.monotonic() - attempt.began));
  const made = makeReport({ ...attempt, analysis, answer, ms, evidence: gathering.evidence(evidence.memory) });
  const { weeks } = job.memory ?? {};
  if (weeks === undefined) return { value: made.value, docs: undefined };
  const { entry, changed } = made;
  return {
    value: made.value,
    docs: rememberingDocs(deps.memory, { job: job.name, weeks, entry, changed, recalled }),
  };
}

function stopped(tally: Tally, { why, error }: Stopped): BellhopError {
  tally.why = why;
  return error;
}

/** Where every call that code made has failed, a model would only pay for hearing so. */
function allFailed(gathering: Gathering): Stopped | undefined {
  const calls = gathering.toolbox.calls();
  return calls.length > 0 && calls.every(({ state }) => state === 'failed') ? gathering.refusal() : undefined;
}

/** Sets the money aside before anything is asked of anybody; the error when a cap or the price table does not allow the run. */
async function openPurse(deps: AgentDeps, { job, run, tally }: Attempt): Promise<BellhopError | undefined> {
  if (deps.claude === undefined) return undefined;
  if (priceOf(deps.prices, job.model) === undefined && job.price === 'known') {
    const near = didYouMean(job.model, Object.keys(deps.prices.models));
    throw new RunError(`${job.model} has no price in the table of ${deps.prices.asOf}`, {
      code: 'PRICE_UNKNOWN',
      permanent: true,
      hint: `${near === undefined ? '' : `${near} Else `}name its price in BELLHOP_PRICES_FILE, or give the job price: 'unknown' (then only its caps on tokens hold)`,
    });
  }
  const opened = await deps.budget.open(run, job);
  tally.beforeMicroUsd = opened.ok ? opened.purse.beforeMicroUsd : opened.beforeMicroUsd;
  if (!opened.ok) return opened.error;
  tally.purse = opened.purse;
  return undefined;
}

interface Judged {
  analysis: Analysis | undefined;
  recalled: readonly Remembered[];
  refused: BellhopError | undefined;
}

/** What the model answered; undefined: the figures are the report. Throws what the run fails of. */
async function answered(
  deps: AgentDeps,
  attempt: Attempt,
  { analysis, recalled, refused }: Judged,
): Promise<Record<string, unknown> | undefined> {
  const { job, ctx, tally } = attempt;
  const { claude } = deps;
  const { purse } = tally;
  if (claude === undefined || analysis?.quiet === true || purse === undefined) {
    tally.why = claude === undefined ? 'figures' : analysis?.quiet === true ? 'quiet' : whyOf(refused);
    return undefined;
  }
  const fallback = job.whenModelFails === 'figures';
  const leftMs = attempt.run.policy.timeoutMs - (deps.clock.monotonic() - attempt.began);
  const time = conversationSignal({ clock: deps.clock, signal: ctx.signal }, { leftMs, fallback });
  const memory = recalled.map(({ entry }) => entry);
  try {
    const { input, gathering, timeZone, startedAt: now } = attempt;
    const note = attempt.transcript.note.bind(attempt.transcript);
    const parts = { job, input, purse, gathering, analysis, memory, now, timeZone, progress: ctx.book, note, tally };
    const price = priceOf(deps.prices, job.model);
    const asking = { ...parts, price, signal: time.signal };
    const end = await converse({ clock: deps.clock, claude, openClaude: deps.openClaude }, asking);
    tally.why = time.signal.aborted && !ctx.signal.aborted && end.state !== 'completed' ? 'deadline' : end.why;
    if (end.state === 'completed') return end.value;
    ctx.signal.throwIfAborted();
    throw end.error ?? lateError(job);
  } catch (thrown) {
    ctx.signal.throwIfAborted();
    const error = ownError(thrown);
    tally.why ??= whyOf(error);
    if (!fallback || !isLast(attempt, error)) throw error;
    tally.mode = 'figures';
    return undefined;
  } finally {
    time.close();
  }
}

/** Whether no further attempt would do better: then the figures alone are worth more than nothing. */
function isLast({ run, tally }: Attempt, error: Error): boolean {
  const permanent = error instanceof RunError && error.permanent;
  return permanent || tally.why === 'deadline' || run.attemptsUsed >= run.policy.maxAttempts;
}

function lateError(job: LoadedAgent): RunError {
  return new RunError(`${job.model} did not answer in time`, {
    code: 'MODEL_UNAVAILABLE',
    hint: 'raise timeout in the job file, or lower its effort',
  });
}
