/** Work that several wait for at the same time. */
export type Reading<T> = (signal: AbortSignal) => Promise<T>;

/**
 * A reading that those who wait for it share: it stops when none of them waits any longer, so that the time limit of one tool does not
 * take the rows from another. What failed is forgotten and read again when it is asked for again.
 */
export function share<T>(read: Reading<T>, forget: () => void): Reading<T> {
  const stop = new AbortController();
  let waiting = 0;
  let done = false;
  const promise = read(stop.signal).then(
    (value) => {
      done = true;
      return value;
    },
    (error: unknown) => {
      done = true;
      forget();
      throw error;
    },
  );
  // Whoever waits hears of it; when nobody does, nobody minds.
  promise.catch(() => undefined);
  return async (signal) => {
    signal.throwIfAborted();
    waiting++;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = (): void => {
      waiting--;
      if (waiting === 0 && !done) {
        forget();
        stop.abort(signal.reason);
      }
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([promise, left]);
    } finally {
      if (!signal.aborted) waiting--;
      signal.removeEventListener('abort', leave);
    }
  };
}
