/** The only place that reads time or sets timers, so that a test can own both. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds of a clock that never steps; only differences mean something. */
  monotonic(): number;
  /** Calls `fn` once after `ms`; never keeps the process alive. */
  after(ms: number, fn: () => void): Timer;
  /** Calls `fn` every `ms`; never keeps the process alive. */
  every(ms: number, fn: () => void): Timer;
  /** Resolves after `ms`, or at once when `signal` aborts (check the signal afterwards); keeps the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

// Node clamps longer timers to 1 ms (lib/internal/timers TIMEOUT_MAX).
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    const handle = setTimeout(fn, Math.min(Math.max(0, ms), MAX_TIMER_MS)).unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(ms, fn) {
    const handle = setInterval(fn, Math.min(Math.max(1, ms), MAX_TIMER_MS)).unref();
    return { cancel: () => clearInterval(handle) };
  },
  sleep(ms, signal) {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const handle = setTimeout(done, Math.min(Math.max(0, ms), MAX_TIMER_MS));
      function done(): void {
        clearTimeout(handle);
        signal?.removeEventListener('abort', done);
        resolve();
      }
      signal?.addEventListener('abort', done, { once: true });
    });
  },
};

let lastIso = { ms: 0, text: new Date(0).toISOString() };

/** An ISO 8601 instant in UTC with milliseconds. */
export function iso(ms: number): string {
  // Within a busy millisecond the same text is asked for many times.
  if (ms !== lastIso.ms) lastIso = { ms, text: new Date(ms).toISOString() };
  return lastIso.text;
}
