/** What one life of the writers tells the next: what was asked for and never answered, and where each of them stood. */
import { z } from 'zod';
import type { Ledger } from './ledger.ts';
import { beginOfLife, KEPT_SURELY_MS } from './store-terms.ts';

const Asked = z.object({ key: z.string(), queue: z.string(), batch: z.string().optional() });

export const Heritage = z.object({
  /** What to ask for again; those of a batch together, for a batch is accepted as one. */
  unanswered: z.array(z.array(Asked)),
  /** Some that were answered lately, whatever became of their runs: the answer must be the same. */
  answered: z.array(Asked),
  /** How often each register was set. */
  steps: z.record(z.string(), z.number()),
  /** From where the watcher goes on; null: nobody has watched yet. */
  since: z.number().nullable(),
});
export type Heritage = z.infer<typeof Heritage>;

const ANSWERED = 40;

/** What the life of this number must know. */
export function heritageOf(ledger: Ledger, life: number): Heritage {
  // Several lives may be killed before they come to anything; a key that holds no longer is not asked for again.
  const since = beginOfLife(life) - KEPT_SURELY_MS;
  const keys = [...ledger.keys].filter(([, { slot, at }]) => slot !== true && at > since);
  const asked = keys.map(([key, { queue, batch, id }]) => ({ key, queue, batch, id }));
  const open = asked.filter(({ id }) => id === undefined);
  const closed = asked.filter(({ id }) => id !== undefined);
  return {
    unanswered: [...Map.groupBy(open, ({ batch, key }) => batch ?? key).values()].map((group) => group.map(only)),
    answered: closed.slice(-ANSWERED).map(only),
    steps: Object.fromEntries([...ledger.registers].map(([name, { steps }]) => [name, steps])),
    since: ledger.feed.since ?? null,
  };
}

function only({ key, queue, batch }: z.infer<typeof Asked>): z.infer<typeof Asked> {
  return { key, queue, ...(batch === undefined ? {} : { batch }) };
}
