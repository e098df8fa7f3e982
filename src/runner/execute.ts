/** One attempt as a pipeline: find the job, run its kind under the timeout, normalise every ending once. */
import { RunError } from '../errors.ts';
import { startAgent, type AgentSettings } from './kinds/agent/agent.ts';
import { startCommand } from './kinds/command.ts';
import { startFunction } from './kinds/function.ts';
import { startIsolated } from './kinds/isolated.ts';
import { startPlugin, type PluginDeps } from './kinds/plugin.ts';
import { createFileBook } from './attachments.ts';
import { createProgressBook } from './kinds/progress.ts';
import { createLines } from './lines.ts';
import { createPatience } from './patience.ts';
import { createSettler, type Claimed, type Ending, type SettlementDeps } from './settlement.ts';
import { scrubNames } from '../scrub.ts';
import type { Timer } from '../clock.ts';
import type { Progress } from '../store/records.ts';
import type { Charge, ClaimedRun, Settlement, Store } from '../store/store.ts';
import { hostFits } from '../addresses.ts';
import { hostOf } from './hosts.ts';
import type { Caps } from './caps.ts';
import type { LoadedJob } from './jobs.ts';
import type { Confinement } from './kinds/confine.ts';
import type { AttemptContext, KindEnd, Started } from './kinds/end.ts';

/** Why an attempt is stopped from outside; then nothing is settled: the run is final already, ours no more, or handed back. */
type StopReason = 'cancelled' | 'lost' | 'drained';

type AttemptEnd =
  /**
   * `again`: the same, with documents made of what they are now and its files put again; for one that changed meanwhile. `charge`: counts
   * what it spent, for one that is ours no more.
   */
  | { kind: 'settle'; settlement: Settlement; again?: () => Promise<Settlement>; charge?: () => Promise<void> }
  | { kind: 'stopped'; why: StopReason };

export interface AttemptUnderway {
  /** What the attempt says about itself now. */
  progress(): Progress | undefined;
  /** Follows the first call; later calls change nothing. */
  stop(why: StopReason): void;
  stopped(): StopReason | undefined;
  end: Promise<AttemptEnd>;
  /** The settlement to use when the store refuses the one of `end`: failed for good, and small. */
  giveUp(error: RunError): Settlement;
  /** Called once its end is stored, or cannot be: what must not begin before that may now. */
  close(): Promise<void>;
  /** When nothing of it runs any more; later than `end` for a function that ignores its signal. */
  gone: Promise<void>;
}

export interface ExecutorDeps extends SettlementDeps, PluginDeps {
  store: SettlementDeps['store'] & PluginDeps['store'] & Pick<Store, 'charge'>;
  agents: AgentSettings;
  caps: Caps;
  /** Addresses that jobs may fan out to. */
  targets: readonly string[];
  /** How child processes are held; without one their group is killed and nothing else. */
  confinement?: Confinement;
}

export type Executor = (claimed: ClaimedRun, job: LoadedJob | undefined, changed: () => void) => AttemptUnderway;

const STOP_WORDS = {
  cancelled: 'the run was cancelled',
  lost: 'the lease of the run was lost',
  drained: 'the runner is shutting down',
} as const;

/** Makes the function that carries out one claimed run. */
export function createExecutor(deps: ExecutorDeps): Executor {
  const settler = createSettler(deps);
  const lines = createLines();
  const patiently = createPatience(deps.clock);

  return (claimed, job, changed) => {
    const { run, lease } = claimed;
    const abort = new AbortController();
    const book = createProgressBook(deps, changed);
    const files = createFileBook();
    let why: StopReason | undefined;
    let timedOut = false;
    let timer: Timer | undefined;
    /** What an agent did and cost, once its attempt is over. */
    let agent: KindEnd['agent'];
    const closed = Promise.withResolvers<void>();
    const ctx: AttemptContext = {
      runId: run.id,
      job: run.job,
      attempt: Math.max(1, run.attemptsUsed),
      actor: run.actor,
      targets: targetsFor(job, deps.targets),
      input: run.input,
      signal: abort.signal,
      book,
      files,
    };
    /** The time that it may take runs from here: standing in line does not count. */
    const start = (): Started => {
      const { timeoutMs } = run.policy;
      timer = deps.clock.after(timeoutMs, () => {
        timedOut = true;
        abort.abort(timeoutError(claimed));
      });
      return begin(deps, { claimed, job, ctx, deadlineAt: deps.clock.now() + timeoutMs });
    };
    const alone = job?.kind === 'plugin' && !job.plugin.concurrencySafe && !claimed.exhausted ? job.plugin : undefined;
    const started =
      alone === undefined ? start() : inLine(lines.stand(alone.name, abort.signal), closed.promise, start);

    const target: Claimed = { run, lease, job };
    async function finish(): Promise<AttemptEnd> {
      const ended = await started.end;
      timer?.cancel();
      const failed = why !== undefined || timedOut || !ended.ok;
      book.close(failed ? 'failed' : 'completed');
      files.close();
      ({ agent } = ended);
      if (why !== undefined) {
        await charge();
        return { kind: 'stopped', why };
      }
      const error = timedOut ? timeoutError(claimed) : undefined;
      const ending = endingOf(ended, { claimed, timeout: error, ctx });
      const { docs } = ended;
      // What was stopped half-way leaves no documents.
      const make = async (): Promise<Settlement> =>
        docs === undefined || timedOut ? spent(await settled(ending)) : documented(ending, docs);
      const again = async (): Promise<Settlement> => {
        await agent?.putTranscript?.();
        return make();
      };
      return { kind: 'settle', settlement: await make(), again, ...(agent !== undefined && { charge }) };
    }
    /** What was spent was spent, also where nothing is settled. */
    async function charge(): Promise<void> {
      const rest: Omit<Charge, 'runId'> | undefined = agent?.rest;
      if (rest === undefined || (rest.spend.length === 0 && rest.docs?.length === 0)) return;
      await patiently(() => deps.store.charge({ runId: run.id, ...rest }));
    }
    async function documented(ending: Ending, docs: NonNullable<KindEnd['docs']>): Promise<Settlement> {
      try {
        const made = (await docs()).map((doc) => ({ ...doc, value: scrubNames(doc.value, deps.scrub) }));
        return spent({ ...(await settled(ending)), ...(made.length > 0 && { docs: made }) });
      } catch (error) {
        if (!(error instanceof RunError)) throw error;
        return spent(await settled(ending.how === 'completed' ? { ...ending, how: 'failed', error } : ending));
      }
    }
    /** A run that ends has used its place; one that is tried again keeps it, and one that got none has nothing to spend. */
    function spent(settlement: Settlement): Settlement {
      const used = settlement.retryAt === undefined && settlement.error?.code !== 'CAP_REACHED' && job !== undefined;
      const spend = [...(used ? deps.caps.spend(run, job) : []), ...(agent?.rest.spend ?? [])];
      const docs = [...(settlement.docs ?? []), ...(agent?.rest.docs ?? [])];
      return { ...settlement, ...(spend.length > 0 && { spend }), ...(docs.length > 0 && { docs }) };
    }
    async function settled(ending: Ending): Promise<Settlement> {
      try {
        return await settler.settle(target, ending);
      } catch (cause) {
        // Reading what the job handed over broke: a run without an end, and its work done again, would be worse.
        const message = `what ${run.job} handed over could not be read`;
        const error = new RunError(message, { code: 'RESULT_INVALID', permanent: true, cause });
        return settler.giveUp(target, error);
      }
    }

    return {
      progress: () => book.current(),
      stop(reason) {
        // An attempt that ran out of time is settled as that, and counts, also when the shutdown begins while it is being killed.
        if (why !== undefined || (timedOut && reason === 'drained')) return;
        why = reason;
        abort.abort(new RunError(STOP_WORDS[reason], { code: 'CANCELLED' }));
      },
      stopped: () => why,
      end: finish(),
      giveUp: (error) => spent({ ...settler.giveUp(target, error), ...withoutFacts(agent) }),
      async close() {
        closed.resolve();
        if (agent !== undefined) await deps.agents.budget.tell();
      },
      gone: started.gone,
    };
  };
}

function targetsFor(job: LoadedJob | undefined, targets: readonly string[]): string[] {
  const allowed = job?.guards.allowedHosts;
  if (allowed === undefined) return [...targets];
  return targets.filter((target) => allowed.some((pattern) => hostFits(pattern, hostOf(target) ?? '')));
}

interface Beginning {
  claimed: ClaimedRun;
  job: LoadedJob | undefined;
  ctx: AttemptContext;
  /** When it is stopped. */
  deadlineAt: number;
}

/** Begins at its turn, which lasts until the end of the one before is stored: its state is what this one is handed. */
function inLine(turn: Promise<(() => void) | undefined>, closed: Promise<void>, start: () => Started): Started {
  const begun = turn.then((leave) => {
    if (leave === undefined) return over(CUT_SHORT);
    const started = start();
    void Promise.all([started.gone, closed]).then(leave);
    return started;
  });
  return { end: begun.then((started) => started.end), gone: begun.then((started) => started.gone) };
}

function begin(deps: ExecutorDeps, { claimed, job, ctx, deadlineAt }: Beginning): Started {
  if (claimed.exhausted) return over(exhaustedError(claimed));
  if (job === undefined) {
    const hint = 'its file was removed or does not load; bellhop jobs names the files with problems';
    return over(
      new RunError(`the job "${claimed.run.job}" does not exist any more`, {
        code: 'JOB_UNKNOWN',
        permanent: true,
        hint,
      }),
    );
  }
  const start = (): Started => {
    if (job.kind === 'command') return confined(deps.confinement, ctx, () => startCommand(deps, job, ctx));
    if (job.kind === 'plugin') {
      return confined(deps.confinement, ctx, () => startPlugin(deps, { job, run: claimed.run, ctx, deadlineAt }));
    }
    if (job.kind === 'agent') return startAgent({ ...deps, ...deps.agents }, { job, run: claimed.run, ctx });
    return job.isolate ? startIsolated(deps, job, ctx) : startFunction(job, ctx);
  };
  const { maxPerHour, maxPerDay } = job.guards;
  return maxPerHour === undefined && maxPerDay === undefined
    ? start()
    : permitted(deps.caps, { claimed, job, ctx, deadlineAt }, start);
}

/** Begins once the run has its place; stopped while it waits for that, it never begins. */
function permitted(caps: Caps, { claimed, ctx, job }: Beginning & { job: LoadedJob }, start: () => Started): Started {
  const begun = caps.reserve(claimed.run, job).then(
    (refusal) => (refusal === undefined && !ctx.signal.aborted ? start() : over(refusal ?? CUT_SHORT)),
    (cause: unknown) => over(new RunError('the caps of the job could not be asked', { code: 'STORE_FAILED', cause })),
  );
  return { end: begun.then((started) => started.end), gone: begun.then((started) => started.gone) };
}

/** Begins once it is known how children are held here; only the first runs after a start can meet that wait. */
function confined(confinement: Confinement | undefined, ctx: AttemptContext, start: () => Started): Started {
  if (confinement === undefined) return start();
  const begun = confinement.ready().then(() => (ctx.signal.aborted ? over(CUT_SHORT) : start()));
  return { end: begun.then((started) => started.end), gone: begun.then((started) => started.gone) };
}

const CUT_SHORT = new RunError('the attempt was stopped before it began', { code: 'CANCELLED' });

function over(reason: RunError): Started {
  return { end: Promise.resolve({ ok: false, error: reason }), gone: Promise.resolve() };
}

/** What it did and cost, where the whole of it may be what could not be kept. */
function withoutFacts(agent: KindEnd['agent']): Pick<Settlement, 'agent'> {
  if (agent === undefined) return {};
  const { transcript: _, ...account } = agent.account;
  return { agent: { ...account, facts: [] } };
}

interface EndFacts {
  claimed: ClaimedRun;
  timeout: RunError | undefined;
  ctx: AttemptContext;
}

function endingOf(ended: KindEnd, { claimed, timeout, ctx: { book, files } }: EndFacts): Ending {
  const progress = book.current();
  const stderr = ended.stderr ?? book.logs();
  const { response, agent } = ended;
  const kept = {
    files,
    ...(agent !== undefined && { agent }),
    ...(stderr !== undefined && { stderr }),
    ...(progress !== undefined && { progress }),
    ...(response !== undefined && { response }),
  };
  if (timeout !== undefined) return { how: 'timed_out', error: timeout, ...kept };
  if (ended.ok) return { how: 'completed', output: ended.output, ...kept };
  return { how: claimed.exhausted ? 'lease_expired' : 'failed', error: ended.error, ...kept };
}

function timeoutError({ run }: ClaimedRun): RunError {
  return new RunError(`${run.job} ran longer than its timeout of ${run.policy.timeoutMs / 1000} s`, {
    code: 'TIMED_OUT',
    hint: 'raise timeout in the job file, or do less in one run',
  });
}

function exhaustedError({ run }: ClaimedRun): RunError {
  return new RunError(`the process that executed the last attempt of ${run.job} died or stopped answering`, {
    code: 'LEASE_EXPIRED',
    permanent: true,
    hint: 'look at the log of that time; retry the run if its work may be done twice',
  });
}
