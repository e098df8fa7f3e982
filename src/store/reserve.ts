/**
 * Caps on money and work. A counter is one document: what was used, and what each unfinished run holds. A run that settles spends of
 * what it holds in the settle's own commit, so a crash leaves neither money that was spent twice nor a hold that nobody gives back.
 */
import { z } from 'zod';
import type { Change } from './backing.ts';
import type { Core } from './core.ts';
import { LEDGER } from './doc-table.ts';
import type { DocName, DocTable } from './doc-table.ts';
import { checkDocs, withOwners } from './doc-owners.ts';
import { checked } from './json.ts';
import { isFinal, RunId } from './records.ts';
import type { Doc } from './records.ts';
import { every } from './run-verbs.ts';
import type { Charge, Counter, Reservation, ReserveOutcome, Spend } from './store.ts';

const Sum = z.number().int().nonnegative();
/** Bounded, so that sums stay exact. */
const Amount = Sum.max(1e12);
const Spends = z.array(z.object({ key: z.string(), amount: Amount, expiresAt: z.iso.datetime().optional() })).max(20);
const Wanted = z.object({
  runId: z.string(),
  counters: z
    .array(z.object({ key: z.string(), amount: Amount, cap: Amount, expiresAt: z.iso.datetime().optional() }))
    .min(1)
    .max(20)
    .refine((all) => new Set(all.map((one) => one.key)).size === all.length, 'names a counter twice'),
});
const Value = z.object({ used: Sum, held: z.record(RunId, Amount) });
type Value = z.infer<typeof Value>;
const NOTHING_USED: Value = { used: 0, held: {} };

export interface Ledger {
  reserve(reservation: Reservation): Promise<ReserveOutcome>;
  /** Counts what a run has used up so far, and writes its documents, in one commit. */
  charge(charge: Charge): Promise<void>;
  /** The counters that the end of an attempt changes; stable under the lock of the run. */
  touched(runId: string, spend: readonly Spend[]): DocName[];
  /** What they will be. `final`: the run gives back what it still holds. Call it under their locks. */
  stage(ending: { runId: string; spend: readonly Spend[]; final: boolean }): Doc[];
  /** Shows them after their commit. */
  keep(ending: { runId: string; final: boolean }, docs: readonly Doc[]): void;
  /** Commits `changes` together with what the run gives back, because it ends without settling; under the locks of `also` too. */
  giveBack(runId: string, commit: (changes: Change[]) => Promise<void>, also?: readonly DocName[]): Promise<void>;
  /** Gives back what runs hold that are not unfinished any more: the record of such a run was lost. */
  reconcile(limit: number): Promise<void>;
}

/** Makes the ledger over the documents. */
export function createLedger(core: Core, docs: DocTable): Ledger {
  const heldBy = new Map<string, Set<string>>();
  for (const doc of docs.ofKind(LEDGER, '')) {
    for (const runId of Object.keys(Value.parse(doc.value).held)) hold(runId, doc.key);
  }

  function hold(runId: string, key: string): void {
    heldBy.set(runId, (heldBy.get(runId) ?? new Set()).add(key));
  }
  function valueOf(key: string): Value {
    const doc = docs.present(nameOf(key));
    return doc === undefined ? NOTHING_USED : Value.parse(doc.value);
  }
  function stageOne(key: string, value: Value, expiresAt?: string): Doc {
    const expiry = expiresAt ?? docs.present(nameOf(key))?.expiresAt;
    return docs.stage({ ...nameOf(key), value, ...(expiry === undefined ? {} : { expiresAt: expiry }) });
  }

  async function reserveLocked({ runId, counters }: Reservation): Promise<ReserveOutcome> {
    const missing = counters.filter(({ key }) => valueOf(key).held[runId] === undefined);
    for (const { key, amount, cap } of missing) {
      const { used, held } = standing(key, valueOf(key), runId);
      if (used + held + amount > cap) return { outcome: 'refused', key, used, held, amount, cap };
    }
    const staged = missing.map(({ key, amount, expiresAt }) => {
      const { used, held } = valueOf(key);
      return stageOne(key, { used, held: { ...held, [runId]: amount } }, expiresAt);
    });
    if (staged.length > 0) await core.backing.commit(staged.map((doc) => ({ kind: 'doc', doc })));
    for (const doc of staged) hold(runId, doc.key);
    keep({ runId, final: false }, staged);
    return { outcome: 'reserved', counters: counters.map(({ key }) => standing(key, valueOf(key), runId)) };
  }
  function stage({ runId, spend, final }: Parameters<Ledger['stage']>[0]): Doc[] {
    const spent = new Map<string, number>();
    const expiries = new Map<string, string>();
    for (const { key, amount, expiresAt } of checked(Spends, spend, 'The spend')) {
      spent.set(key, (spent.get(key) ?? 0) + amount);
      if (expiresAt !== undefined) expiries.set(key, expiresAt);
    }
    const keys = touched(runId, spend).map(({ key }) => key);
    return keys.flatMap((key) => {
      const amount = spent.get(key) ?? 0;
      const { used, held } = valueOf(key);
      const { [runId]: mine, ...others } = held;
      if (amount === 0 && !(final && mine !== undefined)) return [];
      const rest = final || mine === undefined ? others : { ...others, [runId]: Math.max(0, mine - amount) };
      return [stageOne(key, { used: used + amount, held: rest }, expiries.get(key))];
    });
  }
  function touched(runId: string, spend: readonly Spend[]): DocName[] {
    return [...new Set([...(heldBy.get(runId) ?? []), ...spend.map(({ key }) => key)])].map(nameOf);
  }
  function keep({ runId, final }: { runId: string; final: boolean }, changed: readonly Doc[]): void {
    for (const doc of changed) docs.keep(doc);
    if (final) heldBy.delete(runId);
  }
  async function giveBack(...[runId, commit, also = []]: Parameters<Ledger['giveBack']>): Promise<void> {
    const names = [...touched(runId, []), ...also];
    await docs.locked(names, async () => {
      const staged = stage({ runId, spend: [], final: true });
      await commit(staged.map((doc) => ({ kind: 'doc', doc })));
      keep({ runId, final: true }, staged);
    });
  }

  return {
    async reserve(reservation) {
      const wanted = checked(Wanted, reservation, 'The reservation');
      return core.locks.run(wanted.runId, async () => {
        const run = await core.getRun(wanted.runId);
        if (run === undefined) return { outcome: 'not_found' };
        if (isFinal(run.state)) return { outcome: 'already_final', run };
        const names = wanted.counters.map(({ key }) => nameOf(key));
        return docs.locked(names, () => reserveLocked(reservation));
      });
    },
    async charge(charge) {
      const { runId, spend, docs: wanted = [] } = charge;
      checked(RunId, runId, 'The run');
      checked(Spends, spend, 'The spend');
      checkDocs(wanted, 'A charge');
      await core.locks.run(runId, () =>
        docs.locked([...touched(runId, spend), ...wanted], async () => {
          const own = (await withOwners({ core, docs }, runId, wanted)).map((doc) => docs.stage(doc));
          const counters = stage({ runId, spend, final: false });
          const changed = [...own, ...counters];
          if (changed.length === 0) return;
          await core.backing.commit(changed.map((doc) => ({ kind: 'doc', doc })));
          for (const doc of own) docs.keep(doc);
          keep({ runId, final: false }, counters);
        }),
      );
    },
    touched,
    stage,
    keep,
    giveBack,
    async reconcile(limit) {
      const lost = [...heldBy.keys()].filter((runId) => !core.hot.has(runId)).slice(0, limit);
      const free = (runId: string): Promise<void> =>
        core.locks.run(runId, async () => {
          if (!core.hot.has(runId)) await giveBack(runId, (changes) => core.backing.commit(changes));
        });
      await every(lost.map(free));
    },
  };
}

function nameOf(key: string): DocName {
  return { kind: LEDGER, key };
}

function standing(key: string, value: Value, runId: string): Counter {
  const held = Object.values(value.held).reduce((sum, amount) => sum + amount, 0);
  return { key, used: value.used, held, mine: value.held[runId] ?? 0 };
}
