import type { Clock } from '../clock.ts';

export interface Remembered<T> {
  /** What was found for the key, or what `find` finds now; `fresh` asks anew. Who asks meanwhile waits for the same answer. */
  recall(key: string, find: () => Promise<T>, how?: 'kept' | 'fresh'): Promise<T>;
}

/** Keeps answers for a while, the newest `max` of them; a failure is not kept. */
export function createRemembered<T>(
  clock: Pick<Clock, 'monotonic'>,
  { keepMs, max }: { keepMs: number; max: number },
): Remembered<T> {
  const known = new Map<string, { at: number; answer: Promise<T> }>();
  return {
    recall(key, find, how = 'kept') {
      const now = clock.monotonic();
      const before = known.get(key);
      if (how === 'kept' && before !== undefined && now - before.at < keepMs) return before.answer;
      const entry = { at: now, answer: find() };
      known.delete(key);
      known.set(key, entry);
      const oldest = known.keys().next();
      if (known.size > max && !oldest.done) known.delete(oldest.value);
      entry.answer.catch(() => {
        if (known.get(key) === entry) known.delete(key);
      });
      return entry.answer;
    },
  };
}
