/** Weeks of a small server whose old runs are archived, some removed, every step of which may fail or be the last. */
import { codeOf } from '../../src/errors.ts';
import type { Store } from '../../src/store/store.ts';
import { ana, newRun, wanting } from './store-harness.ts';
import type { Ledger } from './store-workload.ts';

const DAY_MS = 24 * 3_600_000;
export const ARCHIVING = { reserveBytes: 4096, archiveAfterMs: 10 * DAY_MS, finalRunsKept: 0 };

export interface Weeks {
  store: Store;
  ledger: Ledger;
  /** Steps the wall clock. */
  step: (ms: number) => void;
}

async function attempt({ ledger }: Weeks, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    ledger.errors.push(codeOf(error) ?? String(error));
  }
}

/** A day with some runs, completed and delivered. */
async function day(weeks: Weeks, runs: number): Promise<void> {
  const { store, ledger } = weeks;
  await attempt(weeks, async () => {
    const outcomes = await store.submit(
      Array.from({ length: runs }, (_, n) => newRun({ idempotencyKey: `${ledger.accepted.size}-${n}` })),
    );
    for (const outcome of outcomes) if ('run' in outcome) ledger.accepted.add(outcome.run.id);
    for (const { lease, run } of await store.claim(wanting({ limit: runs }))) {
      const id = `dlv${run.id.slice(3)}`;
      const plan = { id, mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } } as const;
      const [settled] = await store.settle([{ lease, end: 'completed', result: 1, deliveries: [plan] }]);
      if (settled?.outcome === 'settled') ledger.completed.add(run.id);
    }
    for (const { lease } of await store.claimDeliveries({ limit: 99, workerId: 'o', leaseMs: 1000 })) {
      const outcome = await store.settleDelivery({ lease, outcome: 'delivered' });
      if (outcome.outcome === 'recorded') ledger.delivered.add(lease.deliveryId);
    }
  });
  weeks.step(DAY_MS);
}

/** What is there before the archive begins. */
export async function firstDays(weeks: Weeks): Promise<void> {
  await day(weeks, 3);
  await day(weeks, 2);
  await weeks.store.sweep();
}

/** Packs, removes, packs more, writes anew. */
export async function laterWeeks(weeks: Weeks): Promise<void> {
  const { store } = weeks;
  weeks.step(9 * DAY_MS);
  await sweepTwice(weeks);
  await removeNth(weeks, 1);
  await day(weeks, 2);
  await sweepTwice(weeks);
  weeks.step(12 * DAY_MS);
  await sweepTwice(weeks);
  await removeNth(weeks, 0);
  // Its checkpoint and the rewrite are then two things.
  await attempt(weeks, () => store.appendAudit({ actor: ana, act: 'refused' }));
  await sweepTwice(weeks);
  await removeNth(weeks, 5);
  await removeNth(weeks, 6);
  await sweepTwice(weeks);
}

export async function sweepTwice(weeks: Weeks): Promise<void> {
  for (let n = 0; n < 2; n++) {
    weeks.step(3_700_000);
    await attempt(weeks, async () => void (await weeks.store.sweep()));
  }
}

async function removeNth(weeks: Weeks, n: number): Promise<void> {
  const { store, ledger } = weeks;
  const victim = [...ledger.accepted][n];
  if (victim === undefined) return;
  ledger.removeWished.add(victim);
  await attempt(weeks, async () => {
    await store.remove(victim, ana);
    ledger.removed.add(victim);
  });
}
