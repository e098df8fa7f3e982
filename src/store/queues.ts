/** Which queues are paused (G15): one document that names them all, so that a claim reads them without a search. */
import { z } from 'zod';
import { iso } from '../clock.ts';
import { UsageError } from '../errors.ts';
import type { Core } from './core.ts';
import { QUEUES } from './doc-table.ts';
import type { DocTable } from './doc-table.ts';
import { checked } from './json.ts';
import { Actor, PausedQueue } from './records.ts';
import type { Doc } from './records.ts';
import type { Store } from './store.ts';

const MAX_PAUSED = 1000;
const NAME = { kind: QUEUES, key: 'paused' };
const Value = z.object({ paused: z.array(PausedQueue).max(MAX_PAUSED) });

export type Queues = Pick<Store, 'pause' | 'resume' | 'pausedQueues'> & {
  isPaused(queue: string): boolean;
};

/** Makes the verbs that pause and resume queues. */
export function createQueues(core: Core, docs: DocTable): Queues {
  let seen: { doc: Doc | undefined; byName: ReadonlyMap<string, PausedQueue> } = { doc: undefined, byName: new Map() };

  function paused(): ReadonlyMap<string, PausedQueue> {
    const doc = docs.present(NAME);
    if (doc !== seen.doc) {
      const list = doc === undefined ? [] : Value.parse(doc.value).paused;
      seen = { doc, byName: new Map(list.map((one) => [one.name, one])) };
    }
    return seen.byName;
  }
  async function save(
    next: PausedQueue[],
    act: { act: 'pause' | 'resume'; queue: string; actor: Actor },
  ): Promise<void> {
    if (next.length > MAX_PAUSED) {
      throw new UsageError(`${MAX_PAUSED} queues are paused; no more can be.`, { code: 'INPUT_INVALID' });
    }
    const sorted = next.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const doc = docs.stage({ ...NAME, value: { paused: sorted } });
    await core.commit({
      changes: [
        { kind: 'doc', doc },
        { kind: 'audit', entry: core.auditEntry(act) },
      ],
      facts: [{ type: 'queue', queue: act.queue, paused: act.act === 'pause' }],
      show: () => docs.keep(doc),
    });
  }

  return {
    isPaused: (queue) => paused().has(queue),
    pausedQueues: async () => [...paused().values()],
    async pause(queue, by) {
      const entry = checked(PausedQueue, { name: queue, since: iso(core.clock.now()), by }, 'The queue to pause');
      return docs.locked([NAME], async () => {
        if (paused().has(queue)) return { outcome: 'already_paused' };
        await save([...paused().values(), entry], { act: 'pause', queue, actor: entry.by });
        return { outcome: 'paused' };
      });
    },
    async resume(queue, by) {
      const actor = checked(Actor, by, 'The actor');
      return docs.locked([NAME], async () => {
        if (!paused().has(queue)) return { outcome: 'not_paused' };
        const rest = [...paused().values()].filter((one) => one.name !== queue);
        await save(rest, { act: 'resume', queue, actor });
        return { outcome: 'resumed' };
      });
    },
  };
}
