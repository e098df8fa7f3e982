/** One at a time per key, in the order of asking. */
export interface Locks {
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Holds all the keys at once. They are taken in sorted order, so that two holders of several never wait for each other. */
  runAll<T>(keys: readonly string[], work: () => Promise<T>): Promise<T>;
}

/** Makes a set of named mutexes; a key that nobody holds takes no memory. */
export function createLocks(): Locks {
  const tails = new Map<string, Promise<unknown>>();
  async function run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = tails.get(key) ?? Promise.resolve();
    const mine = before.then(work);
    // The tail never rejects, so that one failure does not fail those who wait behind it.
    const tail = mine.then(
      () => undefined,
      () => undefined,
    );
    tails.set(key, tail);
    try {
      return await mine;
    } finally {
      if (tails.get(key) === tail) tails.delete(key);
    }
  }
  return {
    run,
    runAll(keys, work) {
      const order = [...new Set(keys)].sort();
      return order.reduceRight((inner, key) => () => run(key, inner), work)();
    },
  };
}
