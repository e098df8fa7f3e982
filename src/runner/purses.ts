/**
 * What runs of agents spend, turn by turn. Before a turn one commit counts what the turns before it cost and notes what it may cost at
 * most; the end of the attempt counts what it did cost. A crash in between leaves the note, and whoever comes next (a later attempt, or
 * `reconcile` when there is none) counts it at that bound, once, in the commit that takes the note away.
 */
import { z } from 'zod';
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { RunError } from '../errors.ts';
import { MicroUsd } from '../store/agent-records.ts';
import { isFinal } from '../store/records.ts';
import type { Charge, Spend, Store } from '../store/store.ts';
import type { MoneyWindow } from './money-windows.ts';

const AGENT_RUN = 'agent-run';
const KEEP_MS = 40 * 86_400_000;
/** As long as an attempt that has ended may take to commit what it spent last. */
const RESTING_MS = 10 * 60_000;
const PAGE = 200;
/** Documents that one `reconcile` looks at; the next goes on behind them. */
const MAX_LOOKED_AT = 2_000;

/** What is kept of a run while it spends. The windows stand here so that a changed zone does not move its money. */
const Kept = z.object({
  job: z.string(),
  day: z.iso.date(),
  month: z.string().regex(/^\d{4}-\d{2}$/),
  pendingMicroUsd: MicroUsd,
  spentMicroUsd: MicroUsd,
});
type Kept = z.infer<typeof Kept>;

/** The money of one attempt. */
export interface Purse {
  /** What this attempt may spend; null: the model has no price. */
  microUsd: number | null;
  /** What earlier attempts of the run spent, and what a crash left uncounted at its upper bound. */
  beforeMicroUsd: number;
  /** Counts what was spent, and notes what the coming turn may cost: durable when it resolves. */
  beforeTurn(money: { spentMicroUsd: number; boundMicroUsd: number }): Promise<void>;
  /** What `beforeTurn` has counted, once nothing of it is under way: it may be cut off without an answer. */
  counted(): Promise<number>;
  /** What is not counted yet, for the settle of the attempt (or `charge`, when nothing is settled): pure. */
  rest(unchargedMicroUsd: number): { spend: Spend[]; docs: NonNullable<Charge['docs']> };
}
export interface Purses {
  /** What the run has spent in the windows it began in; a note that a crash left is counted first. */
  recall(run: { id: string; job: string }, now: MoneyWindow): Promise<{ window: MoneyWindow; spentMicroUsd: number }>;
  /** The purse of an attempt; earlier ones of the run are over with it. */
  begin(of: { runId: string; job: string; window: MoneyWindow; microUsd: number; beforeMicroUsd: number }): Purse;
  reconcile(): Promise<void>;
}

interface Deps {
  store: Pick<Store, 'charge' | 'get' | 'getDoc' | 'listDocs' | 'removeDoc'>;
  clock: Clock;
  /** The keys of the counters of a job in a window. */
  keys: (job: string, window: MoneyWindow) => string[];
  /** After each commit of money; never throws. */
  charged: () => Promise<void>;
}

/** Makes the purses of one process, which holds the store alone. */
export function createPurses(deps: Deps): Purses {
  const { store, clock } = deps;
  /** The attempt of each run that may still commit money, and since when it only has to commit its rest. */
  const live = new Map<string, { restedAt?: number }>();
  const lines = new Map<string, Promise<unknown>>();
  let cursor: string | undefined;

  /** One after the other for a run: two that both find a note must not both count it. */
  async function inLine<T>(runId: string, work: () => Promise<T>): Promise<T> {
    const turn = (lines.get(runId) ?? Promise.resolve()).then(work, work);
    lines.set(runId, turn);
    try {
      return await turn;
    } finally {
      if (lines.get(runId) === turn) lines.delete(runId);
    }
  }
  async function kept(runId: string): Promise<Kept | undefined> {
    const read = Kept.safeParse((await store.getDoc(AGENT_RUN, runId))?.value);
    return read.success ? read.data : undefined;
  }
  function spendOf({ job, day, month }: Kept, amount: number): Spend[] {
    return amount === 0 ? [] : deps.keys(job, { day, month }).map((key) => ({ key, amount }));
  }
  /** It goes with its run only when nothing is pending: a run that is removed must not take uncounted money along. */
  function docOf(runId: string, value: Kept): NonNullable<Charge['docs']>[number] {
    const expiresAt = iso(clock.now() + KEEP_MS);
    // Money that is not counted yet outlives its run; the rest goes with it.
    const owner = value.pendingMicroUsd === 0 ? runId : null;
    return { kind: AGENT_RUN, key: runId, value: { ...value }, expiresAt, runId: owner };
  }
  /** Counts the note at its bound and takes it away: one commit. */
  async function countPending(runId: string, found: Kept): Promise<Kept> {
    if (found.pendingMicroUsd === 0) return found;
    const spentMicroUsd = found.spentMicroUsd + found.pendingMicroUsd;
    const after = { ...found, pendingMicroUsd: 0, spentMicroUsd };
    await store.charge({ runId, spend: spendOf(found, found.pendingMicroUsd), docs: [docOf(runId, after)] });
    return after;
  }
  function isLive(runId: string): boolean {
    const attempt = live.get(runId);
    if (attempt === undefined) return false;
    if (attempt.restedAt === undefined || clock.now() - attempt.restedAt < RESTING_MS) return true;
    live.delete(runId);
    return false;
  }
  async function lookAt(runId: string): Promise<void> {
    const found = await kept(runId);
    if (isLive(runId)) return;
    const run = await store.get(runId);
    if (run !== undefined && !isFinal(run.state)) return;
    if (found !== undefined) await countPending(runId, found);
    if (run === undefined) await store.removeDoc(AGENT_RUN, runId);
  }

  return {
    recall: (run, now) =>
      inLine(run.id, async () => {
        const found = await kept(run.id);
        if (found === undefined) return { window: now, spentMicroUsd: 0 };
        // From here on the attempt before counts nothing more: what it may have spent is in the note.
        live.delete(run.id);
        const { day, month, spentMicroUsd } = await countPending(run.id, found);
        return { window: { day, month }, spentMicroUsd };
      }),
    begin({ runId, job, window, microUsd, beforeMicroUsd }) {
      const attempt: { restedAt?: number } = {};
      for (const known of live.keys()) isLive(known);
      live.set(runId, attempt);
      let spent = beforeMicroUsd;
      /** Told, and not yet in the hands of the store: an attempt that is stopped meanwhile has it in its rest. */
      let waiting = 0;
      let last: Promise<unknown> = Promise.resolve();
      const valueOf = (pendingMicroUsd: number, spentMicroUsd: number): Kept => ({
        job,
        ...window,
        pendingMicroUsd,
        spentMicroUsd,
      });
      return {
        microUsd,
        beforeMicroUsd,
        async beforeTurn(money) {
          waiting += money.spentMicroUsd;
          const told = inLine(runId, async () => {
            if (live.get(runId) !== attempt)
              throw new RunError('another attempt of the run has begun', { code: 'LEASE_EXPIRED' });
            if (attempt.restedAt !== undefined) throw new RunError('the attempt is over', { code: 'CANCELLED' });
            const value = valueOf(money.boundMicroUsd, spent + money.spentMicroUsd);
            waiting -= money.spentMicroUsd;
            // Before it is durable: the store takes the rest of an attempt that is stopped now behind it.
            spent = value.spentMicroUsd;
            try {
              await store.charge({ runId, spend: spendOf(value, money.spentMicroUsd), docs: [docOf(runId, value)] });
            } catch (error) {
              spent -= money.spentMicroUsd;
              throw error;
            }
          });
          last = Promise.allSettled([last, told]);
          await told;
          await deps.charged();
        },
        async counted() {
          await last;
          return spent - beforeMicroUsd;
        },
        rest(uncharged) {
          if (live.get(runId) !== attempt) return { spend: [], docs: [] };
          attempt.restedAt = clock.now();
          const value = valueOf(0, spent + waiting + uncharged);
          return { spend: spendOf(value, waiting + uncharged), docs: [docOf(runId, value)] };
        },
      };
    },
    async reconcile() {
      for (let looked = 0; looked < MAX_LOOKED_AT; looked += PAGE) {
        const page = await store.listDocs(AGENT_RUN, {
          limit: PAGE,
          ...(cursor === undefined ? {} : { after: cursor }),
        });
        for (const { key } of page.items) await inLine(key, () => lookAt(key));
        cursor = page.next;
        if (cursor === undefined) return;
      }
    },
  };
}
