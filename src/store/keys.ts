/** Idempotency keys: what names them, and how long one holds. */
import type { KeyEntry } from './backing.ts';
import type { Run } from './records.ts';

/** A key belongs to a queue: two jobs may use the same word (G12). */
export function keyOf(queue: string, key: string): string {
  return JSON.stringify([queue, key]);
}

/** Whether a key still answers a repeated submit: for its window, and while the first run is unfinished however long that takes. */
export function keyHolds(core: { hot: ReadonlyMap<string, Run> }, entry: KeyEntry, now: number): boolean {
  return entry.until > now || core.hot.has(entry.runId);
}
