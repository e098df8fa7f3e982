/** Money: caps of a run, a job's day, the workspace's day and month; what was spent, who is told, and who may allow once. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { RunError } from '../errors.ts';
import type { BellhopError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Destination } from '../store/destinations.ts';
import type { Actor, Run } from '../store/records.ts';
import type { ReserveOutcome, Store } from '../store/store.ts';
import { formatUsd } from '../usd.ts';
import { dayAndTime } from '../when.ts';
import { createAllowances } from './allowances.ts';
import { createBudgetNotices } from './budget-notices.ts';
import type { LoadedAgent } from './jobs.ts';
import { priceOf } from './kinds/agent/prices.ts';
import type { PriceTable } from './kinds/agent/prices.ts';
import { createMoneyWindows, daysUpTo } from './money-windows.ts';
import type { MoneyCounter, MoneyWindow, Standing, WorkspaceCaps } from './money-windows.ts';
import { createPurses } from './purses.ts';
import type { Purse } from './purses.ts';

export type { Purse, Standing };

export type Opened =
  | { ok: true; purse: Purse }
  /** `beforeMicroUsd`: what earlier attempts of the run spent; 0 where that was not looked at. */
  | { ok: false; error: BellhopError; beforeMicroUsd: number };

export interface Budget {
  /** Sets the run's money aside; an error when a cap does not allow it. A later attempt goes on with what is left. */
  open(run: Run, job: LoadedAgent): Promise<Opened>;
  /** Why no run of the job could begin now; undefined when one could. */
  full(job: LoadedAgent): Promise<string | undefined>;
  /** Workspace first, then the jobs that spent or are capped. */
  standing(jobs: readonly LoadedAgent[]): Promise<Standing[]>;
  /** Lets the next run of the job pass its caps, once, until the end of the day. */
  allow(job: string, actor: Actor): Promise<{ outcome: 'allowed' | 'already_allowed'; until: string }>;
  /** Tells at 80 and 100 % of a cap, each once a window; called after each charge. Never throws. */
  tell(): Promise<void>;
  /** Counts what crashed runs that are over left uncounted; at start and now and then. */
  reconcile(): Promise<void>;
}

export interface BudgetDeps {
  store: Pick<Store, 'reserve' | 'charge' | 'get' | 'getDoc' | 'putDoc' | 'listDocs' | 'removeDoc' | 'addNotice'>;
  clock: Clock;
  log: Log;
  /** IANA name: days and months are its. */
  zone: string;
  caps: WorkspaceCaps;
  prices: PriceTable;
  /** Who is told that a cap is nearly or wholly used. */
  alertsTo: readonly Destination[];
  jobs: () => readonly LoadedAgent[];
}

/** The most that the store counts in one amount: where there is no cap, so that what is spent is seen. */
const NO_CAP = 1e12;
/** What a later attempt needs at least; with less it would only fail again. */
const CENT = 10_000;
/** Jobs whose standing is read at once. */
const MAX_JOBS = 200;
const Counted = z.object({ used: z.number(), held: z.record(z.string(), z.number()) });

/** Makes the budget of a workspace. Days, months and who is told are fixed with it; the caps of jobs are read from them each time. */
export function createBudget(deps: BudgetDeps): Budget {
  const { store, clock, log } = deps;
  const windows = createMoneyWindows(deps.zone, deps.caps);
  const allowances = createAllowances({ store, clock });
  const notices = createBudgetNotices({
    ...deps,
    caps: () => Promise.all(countersNow(deps.jobs()).map(standingOf)),
    standing: () => standing(deps.jobs()),
  });
  const purses = createPurses({
    store,
    clock,
    keys: (job, window) => [`usd.job.${job}.${window.day}`, ...windows.ofWorkspace(window).map(({ key }) => key)],
    charged: () => notices.tell(),
  });

  async function countedAt(key: string): Promise<{ used: number; held: number }> {
    const read = Counted.safeParse((await store.getDoc('ledger', key))?.value);
    if (!read.success) return { used: 0, held: 0 };
    return { used: read.data.used, held: Object.values(read.data.held).reduce((sum, one) => sum + one, 0) };
  }
  async function standingOf({ scope, job, window, cap, key }: MoneyCounter): Promise<Standing> {
    const until = windows.endOf(scope, window);
    return { scope, ...(job === undefined ? {} : { job }), window, ...(await countedAt(key)), cap, until };
  }
  function countersNow(jobs: readonly LoadedAgent[]): MoneyCounter[] {
    const now = windows.at(clock.now());
    return [...windows.ofWorkspace(now), ...jobs.slice(0, MAX_JOBS).map((job) => windows.ofJob(job, now.day))];
  }
  async function standing(jobs: readonly LoadedAgent[]): Promise<Standing[]> {
    const now = windows.at(clock.now());
    const ofWorkspace = await Promise.all(windows.ofWorkspace(now).map(standingOf));
    const ofJobs = await Promise.all(
      jobs.slice(0, MAX_JOBS).map(async (job) => {
        const days = await Promise.all(daysUpTo(now.day).map((day) => countedAt(windows.ofJob(job, day).key)));
        const monthUsed = days.reduce((sum, { used }) => sum + used, 0);
        return { ...(await standingOf(windows.ofJob(job, now.day))), monthUsed };
      }),
    );
    return [...ofWorkspace, ...ofJobs];
  }
  async function reserve(run: Run, job: LoadedAgent, of: { counters: MoneyCounter[]; amount: number }) {
    const counters = of.counters.map(({ key, cap, expiresAt }) => ({
      key,
      amount: Math.min(of.amount, NO_CAP),
      cap: Math.min(cap ?? NO_CAP, NO_CAP),
      expiresAt,
    }));
    const asked = await store.reserve({ runId: run.id, counters });
    if (asked.outcome !== 'refused' || !(await allowances.take(job.name, run.id))) return asked;
    return store.reserve({ runId: run.id, counters: counters.map((one) => ({ ...one, cap: NO_CAP })) });
  }
  /** What a cap did not let through, why, and the ways out. */
  function refusal(job: LoadedAgent, counters: MoneyCounter[], refused: ReserveOutcome & { outcome: 'refused' }) {
    const counter = counters.find(({ key }) => key === refused.key);
    const scope = counter?.scope ?? 'day';
    const until = windows.endOf(scope, counter?.window ?? windows.at(clock.now()).day);
    const held = refused.held === 0 ? '' : ` and ${formatUsd(refused.held)} held by runs under way`;
    return capError(
      `The ${scopeName(scope, job.name)} cap of ${formatUsd(refused.cap)} does not allow a run of ${job.name}, which may cost ${formatUsd(refused.amount)}: ${formatUsd(refused.used)} used${held}.`,
      `It starts anew ${dayAndTime(until, deps.zone)}. ${allowHint(job.name)}; or ${raiseHint(scope)}.`,
    );
  }
  function runCapUsed(job: LoadedAgent, spentMicroUsd: number): RunError {
    const { runMicroUsd } = job.budget;
    return capError(
      `The run cap of ${formatUsd(runMicroUsd)} of ${job.name} leaves nothing to spend: ${formatUsd(spentMicroUsd)} used by earlier attempts.`,
      `Raise budget.usd in the file of ${job.name}, and run it again.`,
    );
  }
  async function fillFor(
    run: Run,
    job: LoadedAgent,
    from: { window: MoneyWindow; spentMicroUsd: number },
  ): Promise<Opened> {
    const { window, spentMicroUsd } = from;
    const { runMicroUsd } = job.budget;
    const counters = windows.counters(job, window);
    const left = Math.max(0, runMicroUsd - spentMicroUsd);
    const refusedWith = (error: RunError): Opened => ({ ok: false, error, beforeMicroUsd: spentMicroUsd });
    if (left < Math.min(CENT, Math.max(1, runMicroUsd))) return refusedWith(runCapUsed(job, spentMicroUsd));
    const outcome = await reserve(run, job, { counters, amount: left });
    if (outcome.outcome === 'refused') {
      await notices.refused(outcome);
      return refusedWith(refusal(job, counters, outcome));
    }
    // It was cancelled or removed a moment ago: nothing of it may begin any more.
    if (outcome.outcome !== 'reserved')
      return refusedWith(new RunError('the run is over', { code: 'CANCELLED', permanent: true }));
    const microUsd = Math.min(left, ...outcome.counters.map(({ mine }) => mine));
    const purse = purses.begin({ runId: run.id, job: job.name, window, microUsd, beforeMicroUsd: spentMicroUsd });
    return { ok: true, purse };
  }

  return {
    async open(run, job) {
      if (priceOf(deps.prices, job.model) === undefined) return withoutPrice(job);
      const began = run.startedAt === undefined ? clock.now() : Date.parse(run.startedAt);
      const from = await purses.recall({ id: run.id, job: job.name }, windows.at(began));
      return fillFor(run, job, from);
    },
    async full(job) {
      if (priceOf(deps.prices, job.model) === undefined) return undefined;
      const counters = windows.counters(job, windows.at(clock.now()));
      const { runMicroUsd } = job.budget;
      if (await allowances.isOpen(job.name)) return undefined;
      for (const counter of counters) {
        const { used, held, cap } = await standingOf(counter);
        if (cap === null || used + held + runMicroUsd <= cap) continue;
        const refused = { outcome: 'refused' as const, key: counter.key, used, held, amount: runMicroUsd, cap };
        // Who is refused here never comes to `open`: somebody must hear of a cap that lets nothing through any more.
        await notices.refused(refused);
        return refusal(job, counters, refused).message;
      }
      return undefined;
    },
    standing,
    allow: (job, actor) => allowances.give({ job, actor, until: windows.endOf('day', windows.at(clock.now()).day) }),
    tell: () => notices.tell(),
    async reconcile() {
      await purses.reconcile();
      log.debug('what crashed runs left uncounted is counted');
      await notices.tell();
    },
  };
}

/** Only the caps on tokens hold. */
function withoutPrice(job: LoadedAgent): Opened {
  if (job.price === 'known') {
    const hint = `Name its price in BELLHOP_PRICES_FILE, or allow it with price: 'unknown' in the file of ${job.name}.`;
    const error = new RunError(`The model ${job.model} has no price in the table.`, {
      code: 'PRICE_UNKNOWN',
      permanent: true,
      hint,
    });
    return { ok: false, error, beforeMicroUsd: 0 };
  }
  const purse: Purse = {
    microUsd: null,
    beforeMicroUsd: 0,
    beforeTurn: () => Promise.resolve(),
    counted: () => Promise.resolve(0),
    rest: () => ({ spend: [], docs: [] }),
  };
  return { ok: true, purse };
}

function capError(message: string, hint: string): RunError {
  return new RunError(message, { code: 'BUDGET_REACHED', permanent: true, hint });
}

/** `day`, `month`, `weekly-merchandising day`. */
function scopeName(scope: Standing['scope'], job: string): string {
  return scope === 'job' ? `${job} day` : scope;
}

function allowHint(job: string): string {
  return `An owner may let one run pass: /jobs allow ${job}, or bellhop spend allow ${job}`;
}

function raiseHint(scope: Standing['scope']): string {
  if (scope === 'job') return 'raise budget.usdPerDay in the file of the job';
  return `raise ${scope === 'day' ? 'BELLHOP_BUDGET_DAY_USD' : 'BELLHOP_BUDGET_MONTH_USD'}`;
}
