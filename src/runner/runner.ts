/**
 * The application service: one function a verb, called by every surface (Slack, HTTP, CLI). Surfaces translate words into these
 * requests and these outcomes into words; they never touch the store's write verbs themselves.
 */
import { isId } from '../ids.ts';
import { RunError } from '../errors.ts';
import { isFinal } from '../store/records.ts';
import { waitsOf } from './approvals.ts';
import { createCaps } from './caps.ts';
import { createExecutor } from './execute.ts';
import { createGuards } from './guards.ts';
import { readInput } from './fields.ts';
import { figuresOnly, type AgentSettings } from './kinds/agent/settings.ts';
import { fillCommand } from './kinds/command.ts';
import { planCard } from './deliveries.ts';
import { createProcess, type ProcessQueue } from './process.ts';
import { suggest } from '../suggest.ts';
import { transcriptOf, type TranscriptResult } from './transcripts.ts';
import { createWorker } from './worker.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import type { Scrub } from '../scrub.ts';
import type { Destination } from '../store/destinations.ts';
import type { Actor, Kind, Run, RunSummary, Trigger } from '../store/records.ts';
import type { ApproveOutcome, CancelOutcome, Json, NewRun, RemoveOutcome, Store } from '../store/store.ts';
import type { Caps } from './caps.ts';
import type { Field, InputIssue } from './fields.ts';
import type { GuardCheck, GuardCode, Refusal } from './guards.ts';
import type { LoadedJob } from './jobs.ts';
import type { Confinement } from './kinds/confine.ts';
import { mayComeBack, problemText } from './registry.ts';
import type { JobProblem, Registry } from './registry.ts';

/** What surfaces may know about a job. */
export interface JobSummary {
  name: string;
  description: string;
  kind: Kind;
  fields: Field[];
  /** The file's name inside the jobs folder, or of a plugin's manifest inside the plugins folder. */
  file: string;
  /** What a plugin calls it, which of its commands it is, and whether that one changes anything. */
  plugin?: { name: string; version: string; command: string; type: 'read' | 'write' };
}

export interface SubmitRequest {
  job: string;
  /** `words`: a record of texts, as people type `k=v`. `json`: typed JSON. Undefined means no input. */
  input: unknown;
  as: 'words' | 'json';
  actor: Actor;
  trigger: Trigger;
  /** Where it was asked; what a job's target `origin` means. Absent (CLI, API): such targets are dropped. */
  origin?: Destination;
  /** Where the report goes, instead of the job's destinations. */
  destinations?: readonly Destination[];
  /** Plan a live card at the origin (only a Slack origin has one). */
  card?: boolean;
  idempotencyKey?: string;
}

export type SubmitResult =
  | { outcome: 'accepted'; run: Run }
  | { outcome: 'deduplicated'; run: Run }
  /** `broken`: its file is there, and what is wrong with it. */
  | { outcome: 'unknown_job'; name: string; suggestions: string[]; broken?: string }
  | { outcome: 'invalid_input'; job: JobSummary; issues: InputIssue[] }
  /** A guard of the job says no; it is in the audit log. */
  | { outcome: 'refused'; job: JobSummary; code: GuardCode; reason: string; hint: string }
  | { outcome: 'queue_full'; limit: number }
  | { outcome: 'too_large'; bytes: number; limit: number };

interface RetryOptions {
  origin?: Destination;
  card?: boolean;
  idempotencyKey?: string;
}

export type RetryResult =
  SubmitResult | { outcome: 'not_found' } | { outcome: 'unfinished'; run: Run } | { outcome: 'job_gone'; run: Run };

type FindResult =
  | { outcome: 'found'; run: Run }
  | { outcome: 'not_found' }
  /** At most 6, newest first. */
  | { outcome: 'ambiguous'; candidates: RunSummary[] };

export interface Runner extends AsyncDisposable {
  /** Jobs by name. */
  jobs(): JobSummary[];
  job(name: string): JobSummary | undefined;
  /** Files of the jobs folder that define no job, each with its reason. */
  problems(): JobProblem[];
  submit(request: SubmitRequest): Promise<SubmitResult>;
  cancel(runId: string, actor: Actor): Promise<CancelOutcome>;
  /** Lets a waiting run go on; to deny it, cancel it. Who may is for the surface to ask (approvals.ts). */
  approve(runId: string, actor: Actor): Promise<ApproveOutcome>;
  /** Starts a NEW run with the same job and input. */
  retry(runId: string, actor: Actor, options?: RetryOptions): Promise<RetryResult>;
  /** Deletes a run for good; an unfinished one is cancelled first. */
  remove(runId: string, actor: Actor): Promise<RemoveOutcome>;
  /** What was said between code and model in a run of an agent. */
  transcript(run: Run): Promise<TranscriptResult>;
  /**
   * Resolves `last` (the newest run this actor asked for), a full id, or an ending of at least 4 characters; `jobs`: among the runs of
   * these jobs alone.
   */
  find(ref: string, actor: Actor, jobs?: readonly string[]): Promise<FindResult>;
  /** Takes up to `limit` due runs of a queue now, within the free slots and what its job allows; answers once they are claimed. */
  process: ProcessQueue;
  /** Loads the jobs and begins to execute runs. Throws only when the store does. */
  start(): Promise<void>;
  /** Drains: no new claims, waits `graceMs` (default 20 s), then aborts what is left and hands it back; idempotent. */
  stop(options?: { graceMs?: number }): Promise<void>;
  /** How many slots are taken now, including functions that ignore their signal. */
  active(): number;
}

export interface RunnerDeps {
  store: Store;
  registry: Registry;
  clock: Clock;
  log: Log;
  ids: Ids;
  scrub: Scrub;
  /** The environment that command jobs may be allowed to see parts of; default: empty, with a standard PATH. */
  env?: Record<string, string | undefined>;
  /** Default: of this store and environment, in UTC and as in development. */
  caps?: Caps;
  guards?: GuardCheck;
  /** Addresses that jobs may fan out to; default none. */
  targets?: readonly string[];
  /** What agents need; default: they have no key and report figures only. */
  agents?: AgentSettings;
  /** How child processes of jobs are held; default: their group is killed, and nothing else. */
  confinement?: Confinement;
}

export interface RunnerOptions {
  workerId: string;
  /** Runs executed at the same time, default 8. */
  concurrency?: number;
  /** How long a claim lasts without a heartbeat, in milliseconds; default 30,000. */
  leaseMs?: number;
}

const RESCAN_MS = 5000;
const CANDIDATES = 6;
const DEFAULT_GRACE_MS = 20_000;

/** Makes the service; nothing runs before `start`. */
export function createRunner(deps: RunnerDeps, options: RunnerOptions): Runner {
  const { store, registry, clock, ids } = deps;
  const { workerId, concurrency = 8, leaseMs = 30_000 } = options;
  const env = deps.env ?? {};
  const caps = deps.caps ?? createCaps({ store, clock, zone: 'UTC' });
  const guards = deps.guards ?? createGuards({ store, caps, env, mode: 'development', scrub: deps.scrub });
  const agents = deps.agents ?? figuresOnly({ store, clock });
  const execute = createExecutor({ ...deps, env, caps, agents, targets: deps.targets ?? [] });
  const worker = createWorker({ ...deps, execute }, { workerId, concurrency, leaseMs });
  let rescan: Timer | undefined;
  let stopped: Promise<void> | undefined;

  /** A job whose file was added a moment ago is found as well. */
  async function findJob(name: string): Promise<LoadedJob | undefined> {
    if (registry.get(name) === undefined) await registry.freshen();
    else void registry.freshen();
    return registry.get(name);
  }

  async function submit(request: SubmitRequest): Promise<SubmitResult> {
    return submitAs(request, undefined);
  }

  async function submitAs(request: SubmitRequest, retryOf: string | undefined): Promise<SubmitResult> {
    const { actor, trigger, origin, destinations, idempotencyKey } = request;
    const job = await findJob(request.job);
    if (job === undefined) return unknownJob(request.job);
    const read = readInput(job.schema, job.shape, request);
    if (!read.ok) return { outcome: 'invalid_input', job: summaryOf(job), issues: read.issues };
    const refusal = refusedArgument(job, read.input);
    if (refusal !== undefined) return { outcome: 'invalid_input', job: summaryOf(job), issues: [refusal] };
    const verdict = await guards.check({ job, by: 'person', input: read.input, tickStarts: 0, staged: 0 });
    if (!verdict.ok) return refuse(job, actor, verdict);
    const place = origin === undefined ? {} : { origin };
    const run: NewRun = {
      job: job.name,
      kind: job.kind,
      queue: job.name,
      trigger,
      actor,
      input: read.input,
      policy: job.policy,
      priority: job.priority,
      ...waitsOf(job),
      ...place,
      ...(destinations !== undefined && { destinations }),
      ...(retryOf !== undefined && { retryOf }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
      deliveries: request.card === true ? planCard(ids, { ...place, actor }) : [],
    };
    const [outcome] = await store.submit([run]);
    if (outcome === undefined) throw new RunError('the store gave no answer to a submit', { code: 'INTERNAL' });
    return outcome;
  }

  async function refuse(job: LoadedJob, actor: Actor, { code, reason, hint }: Refusal): Promise<SubmitResult> {
    await store.appendAudit({ actor, act: 'refused', job: job.name, note: `${code}: ${reason}`.slice(0, 500) });
    return { outcome: 'refused', job: summaryOf(job), code, reason, hint };
  }

  function unknownJob(name: string): SubmitResult {
    const known = registry.list().map((job) => job.name);
    const bad = registry.problems().find((problem) => mayComeBack(name, [problem]));
    const why = bad === undefined ? {} : { broken: problemText(bad) };
    return { outcome: 'unknown_job', name, suggestions: suggest(name, known), ...why };
  }

  async function retry(runId: string, actor: Actor, asked: RetryOptions = {}): Promise<RetryResult> {
    const run = await store.get(runId);
    if (run === undefined) return { outcome: 'not_found' };
    if (!isFinal(run.state)) return { outcome: 'unfinished', run };
    if ((await findJob(run.job)) === undefined) return { outcome: 'job_gone', run };
    // A run that had its own destinations is told there again, whatever the job says.
    const destinations = run.destinations === undefined ? {} : { destinations: run.destinations };
    const again = { job: run.job, input: run.input, as: 'json', actor, trigger: 'retry' } as const;
    return submitAs({ ...again, ...destinations, ...asked }, run.id);
  }

  async function byId(runId: string): Promise<FindResult> {
    const run = await store.get(runId);
    return run === undefined ? { outcome: 'not_found' } : { outcome: 'found', run };
  }

  async function find(ref: string, actor: Actor, jobs?: readonly string[]): Promise<FindResult> {
    const text = ref.trim().toLowerCase();
    const among = jobs === undefined ? {} : { jobs };
    if (isId(text, 'run')) {
      const found = await byId(text);
      return found.outcome === 'found' && jobs?.includes(found.run.job) === false ? { outcome: 'not_found' } : found;
    }
    if (text === 'last') {
      // An id is unique only inside its kind.
      const { items } = await store.list({ ...among, actorId: actor.id, limit: 20 });
      const own = items.find((run) => run.actor.kind === actor.kind);
      return own === undefined ? { outcome: 'not_found' } : byId(own.id);
    }
    const idEnding = readable(text.replace(/^run_/, ''));
    if (!/^[0-9a-hjkmnp-tv-z]{4,26}$/.test(idEnding)) return { outcome: 'not_found' };
    const { items } = await store.list({ ...among, idEnding, limit: CANDIDATES });
    const [first, second] = items;
    if (first === undefined) return { outcome: 'not_found' };
    return second === undefined ? byId(first.id) : { outcome: 'ambiguous', candidates: items };
  }

  async function stop(graceMs: number): Promise<void> {
    rescan?.cancel();
    await worker.stop(graceMs);
  }

  return {
    jobs() {
      void registry.freshen();
      return registry.list().map(summaryOf);
    },
    job(name) {
      void registry.freshen();
      const job = registry.get(name);
      return job === undefined ? undefined : summaryOf(job);
    },
    problems: () => registry.problems(),
    submit,
    cancel: (runId, actor) => store.cancel(runId, actor),
    approve: (runId, actor) => store.approve(runId, actor),
    retry,
    remove: (runId, actor) => store.remove(runId, actor),
    transcript: (run) => transcriptOf(store, run),
    find,
    process: createProcess({ store, worker, isJob: async (name) => (await findJob(name)) !== undefined }),
    async start() {
      await registry.refresh();
      if (stopped !== undefined) return;
      rescan = clock.every(RESCAN_MS, () => void registry.freshen());
      worker.start();
    },
    stop: ({ graceMs = DEFAULT_GRACE_MS } = {}) => (stopped ??= stop(graceMs)),
    active: () => worker.active(),
    [Symbol.asyncDispose]: () => (stopped ??= stop(DEFAULT_GRACE_MS)),
  };
}

function summaryOf(job: LoadedJob): JobSummary {
  const { name, description, kind, file } = job;
  const base = { name, description, kind, fields: job.shape.fields, file };
  if (job.kind !== 'plugin') return base;
  const { plugin, command, type } = job;
  return { ...base, plugin: { name: plugin.name, version: plugin.version, command, type } };
}

/** A command's argument that would be refused at the start is refused at the door. */
function refusedArgument(job: LoadedJob, input: Json): InputIssue | undefined {
  if (job.kind !== 'command') return undefined;
  try {
    fillCommand(job.command, input);
    return undefined;
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    const [path = '', message = error.message] = error.message.split(': ', 2);
    return { path, message };
  }
}

/** Ids have no i, l or o (Crockford base32): who reads them out may still type them. */
function readable(text: string): string {
  return text.replaceAll('o', '0').replace(/[il]/g, '1');
}
