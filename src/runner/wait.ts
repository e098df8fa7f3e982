/** Waiting for the end of a run, for whoever answers with it. */
import type { Clock } from '../clock.ts';
import { isFinal } from '../store/records.ts';
import type { Run, StoreEvent } from '../store/records.ts';
import type { Reader } from '../store/reader.ts';

/** Without news from the feed it is looked at so often, and not more. */
const LOOK_EVERY_MS = 1000;

/**
 * The run once it is final; undefined when that takes longer than `ms`, when the run is gone, or when nobody waits any more (`signal`).
 * Nothing happens to the run itself. Throws what the store throws.
 */
export async function waitForEnd(
  reader: Pick<Reader, 'get' | 'watch'>,
  runId: string,
  terms: { clock: Clock; ms: number; signal: AbortSignal },
): Promise<Run | undefined> {
  const { clock, ms, signal } = terms;
  const over = new AbortController();
  const stop = (): void => over.abort();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const timer = clock.after(ms, stop);
  try {
    for (;;) {
      // Watched from before the look on: an end in between is not missed.
      const events = reader.watch('now', over.signal)[Symbol.asyncIterator]();
      for (let news = true; news; news = await hasNews(events, runId)) {
        const run = await reader.get(runId);
        if (run === undefined || isFinal(run.state)) return run;
        if (over.signal.aborted) return undefined;
      }
      await clock.sleep(LOOK_EVERY_MS, over.signal);
    }
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** Resolves with the next event that may be the end of the run; false: the feed has ended, or cannot be read. */
async function hasNews(events: AsyncIterator<StoreEvent>, runId: string): Promise<boolean> {
  try {
    for (;;) {
      const next = await events.next();
      if (next.done === true) return false;
      const { type, runId: about } = next.value;
      if (type === 'resync' || (about === runId && type !== 'delivery')) return true;
    }
  } catch {
    // What the feed does not say is found by looking.
    return false;
  }
}
