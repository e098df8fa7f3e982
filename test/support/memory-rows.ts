/** Reports of a job as an agent would leave them: a completed run with its entry of memory in the same commit. */
import { iso } from '../../src/clock.ts';
import type { Clock } from '../../src/clock.ts';
import { createMemory } from '../../src/runner/memory.ts';
import { MemoryEntry } from '../../src/store/memory-records.ts';
import type { Run } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';

export const AGENT = 'weekly-merchandising';

/** Twelve hex digits from a small number. */
export function adviceKey(n: number): string {
  return n.toString(16).padStart(12, '0');
}

export interface Told {
  job?: string;
  /** Numbers of `adviceKey`; the text is of `titleOf`. */
  advice: readonly number[];
  titleOf?: (n: number) => string;
}

/** Makes reports in this store. */
export function reporter({ store, clock }: { store: Store; clock: Pick<Clock, 'now'> }): (told: Told) => Promise<Run> {
  const memory = createMemory({ store, clock });
  return async ({ job = AGENT, advice, titleOf = (n) => `Reorder product ${n}` }) => {
    const policy = { maxAttempts: 1, timeoutMs: 60_000, backoff: { baseMs: 1, maxMs: 1 } };
    const actor = { kind: 'schedule', id: job } as const;
    // A line of its own: no worker of a house takes the run first.
    const queue = `${job}-told`;
    await store.submit([{ job, kind: 'agent', queue, trigger: 'schedule', actor, input: {}, policy }]);
    const claim = { kinds: ['agent'] as const, limit: 1, workerId: 'reporter', leaseMs: 60_000 };
    const [claimed] = await store.claim({ ...claim, queues: [{ name: queue, limit: 1 }] });
    if (claimed === undefined) throw new Error('nothing to claim');
    const entry = MemoryEntry.parse({
      job,
      runId: claimed.run.id,
      at: iso(clock.now()),
      headline: 'Two products run out',
      kpis: [],
      advice: advice.map((n) => ({
        key: adviceKey(n),
        action: 'reorder',
        targetType: 'product',
        targetId: String(n),
        title: titleOf(n),
        // oxlint-disable-next-line unicorn/no-thenable -- the name of the record, and no function
        then: [{ key: `product.${n}.stock`, label: 'Stock', value: n, unit: 'count' }],
      })),
    });
    const docs = memory.docs(entry, []);
    const [settled] = await store.settle([{ lease: claimed.lease, end: 'completed', result: {}, docs }]);
    if (settled?.outcome !== 'settled') throw new Error(`not settled: ${JSON.stringify(settled)}`);
    return settled.run;
  };
}
