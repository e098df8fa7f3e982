/** What one life of the writers tells the next: what was asked for and never answered, and where each of them stood. */
import { z } from 'zod';
import type { Ledger } from './ledger.ts';
import { WRITERS_MAY_USE_MS } from './store-terms.ts';

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

export function heritageOf(ledger: Ledger): Heritage {
  const keys = [...ledger.keys].filter(([, { slot }]) => slot !== true);
  const asked = keys.map(([key, { queue, batch, id, at }]) => ({ key, queue, batch, id, at }));
  const open = asked.filter(({ id }) => id === undefined);
  // Of the last life that got so far: for how long a key holds is no question then.
  const newest = asked.reduce((latest, { at }) => Math.max(latest, at), 0);
  const closed = asked.filter(({ id, at }) => id !== undefined && at > newest - WRITERS_MAY_USE_MS);
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
