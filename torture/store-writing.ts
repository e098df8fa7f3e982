/** What the writers of a life share, and how they note what they see. */
import type { Clock } from '../src/clock.ts';
import type { Ids } from '../src/ids.ts';
import type { Actor } from '../src/store/records.ts';
import type { Store } from '../src/store/store.ts';
import type { Entry } from './ledger-entries.ts';
import type { Law } from './store-laws.ts';

/** What all writers of a life share. */
export interface Writing {
  store: Store;
  clock: Clock;
  ids: Ids;
  note: (entry: Entry) => void;
  life: string;
  /** How often each register was set, in this life and before. */
  steps: Map<string, number>;
  charts: readonly Buffer[];
}

/** One of them; nobody else touches its queues and its documents. */
export interface Writer {
  queue: string;
  /** The queue that it pauses and resumes. */
  side: string;
  /** Completed by it, and not yet removed. */
  finished: string[];
}

export const ana: Actor = { kind: 'slack', id: 'U0ANA' };

/** Says what a writer saw by itself. */
export function look(to: Writing, law: Law, seen: { holds: boolean; what: string }): void {
  to.note({ note: 'check', law, ...seen, what: seen.holds ? '' : seen.what });
}

/** The next value of a register that this writer alone sets: a number that only grows. */
export function nextValue(to: Writing, register: string): number {
  const step = (to.steps.get(register) ?? 0) + 1;
  to.steps.set(register, step);
  return step;
}
