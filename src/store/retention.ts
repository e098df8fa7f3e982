/** Deleting final runs that are older than they are to be kept (G18). By default everything is kept for ever, and nothing here runs. */
import { lowestIdAt } from '../ids.ts';
import { isOpen } from './delivery-transitions.ts';
import type { Core } from './core.ts';
import type { RunState, RunSummary } from './records.ts';
import type { Reader } from './reader.ts';
import { writeCursor } from './run-cursor.ts';
import { every } from './run-verbs.ts';
import type { Store } from './store.ts';

export interface Retention {
  /** Removes what is due, at most some hundred runs; answers how many. */
  sweep(): Promise<number>;
}

const LOOK_MS = 60_000;
const PAGE = 200;
/** Pages that are looked at in one sweep; the next one begins anew. */
const MAX_PAGES = 5;
const ACTOR = { kind: 'system', id: 'retention' } as const;

/** Makes the sweep over the verbs it needs. A removal is like any other: audited, and gone for good. */
export function createRetention(core: Core, verbs: { list: Reader['list']; remove: Store['remove'] }): Retention {
  const { clock, options } = core;
  const rules: { states: RunState[]; keepMs: number }[] = [
    { states: ['completed', 'cancelled'], keepMs: options.retainMs },
    { states: ['failed'], keepMs: options.retainFailedMs },
  ];
  let nextLook = clock.now();

  function mayGo(summary: RunSummary, before: number): boolean {
    if (summary.finishedAt === undefined || Date.parse(summary.finishedAt) > before) return false;
    // What a run has still to deliver is not lost with it.
    return !(core.deliveries.get(summary.id) ?? []).some(isOpen);
  }
  /** The newest of those that are due; runs that finished later than others of their age are found again when they are due. */
  async function due(rule: { states: RunState[]; keepMs: number }): Promise<string[]> {
    const before = clock.now() - rule.keepMs;
    const found: string[] = [];
    let after: string | undefined = writeCursor(lowestIdAt('run', before + 1));
    for (let page = 0; page < MAX_PAGES && after !== undefined && found.length < PAGE; page++) {
      const { items, next } = await verbs.list({ states: rule.states, after, limit: PAGE });
      found.push(...items.filter((one) => mayGo(one, before)).map((one) => one.id));
      after = next;
    }
    return found.slice(0, PAGE);
  }
  return {
    async sweep() {
      if (clock.now() < nextLook) return 0;
      let removed = 0;
      for (const rule of rules) {
        if (!Number.isFinite(rule.keepMs)) continue;
        const ids = await due(rule);
        const outcomes = await every(ids.map((id) => verbs.remove(id, ACTOR)));
        removed += outcomes.filter((one) => one.outcome === 'removed').length;
      }
      // More may be due than one sweep takes.
      if (removed === 0) nextLook = clock.now() + LOOK_MS;
      return removed;
    },
  };
}
