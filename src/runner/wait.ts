/** Waiting for the end of a run, for whoever answers with it. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { isFinal } from '../store/records.ts';
import type { Run, StoreEvent } from '../store/records.ts';
import type { Reader } from '../store/reader.ts';

/** Without news from the feed it is looked at so often, and not more. */
const LOOK_EVERY_MS = 1000;
/** More wait at the same time: the answer is `unfinished` at once. */
const MAX_WAITING = 100;

/** The run once it is final; `gone`: it was deleted meanwhile. A signal ends the wait alone, and a wait that fails is over: the run goes on. */
export type WaitForRun = (run: Run, signal: AbortSignal) => Promise<Run | 'unfinished' | 'gone'>;

/** Makes the wait of callers who sit in front of it, for `ms` milliseconds and for a bounded number of them at once. */
export function createWait(
  { reader, clock, log }: { reader: Pick<Reader, 'get' | 'watch'>; clock: Clock; log: Log },
  ms: number,
): WaitForRun {
  let waiting = 0;
  return async (run, signal) => {
    if (waiting >= MAX_WAITING) return 'unfinished';
    waiting++;
    try {
      const end = await waitForEnd(reader, run.id, { clock, ms, signal });
      const present = end ?? (await reader.get(run.id));
      if (present === undefined) return 'gone';
      return isFinal(present.state) ? present : 'unfinished';
    } catch (error) {
      log.warn('the end of a run could not be waited for', { runId: run.id, error });
      return 'unfinished';
    } finally {
      waiting--;
    }
  };
}

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
