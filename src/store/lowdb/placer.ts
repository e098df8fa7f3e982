/**
 * Puts many files at their places from a thread of its own. One file is four calls, and on the way through node's thread pool each of them
 * costs the event loop more than the call itself; a checkpoint of thousands of files would take from the loop what commits need.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../../errors.ts';

export interface Placement {
  /** A new file beside nothing of ours, which becomes `path` by a rename. */
  temp: string;
  path: string;
  text: string | Uint8Array;
}

/** `at` is the first that failed; those before it are in their places, none after it was tried. */
export interface PlaceFailure {
  at: number;
  step: 'write' | 'rename';
  code?: string;
  message: string;
}

export interface Placer {
  /** Places the files in order, none of them durable yet. Rejects when nobody knows how far it came. */
  place(batch: readonly Placement[]): Promise<PlaceFailure | undefined>;
  /** Gives the thread back when nothing was placed since the last call. */
  rest(): Promise<void>;
  /** Ends the thread; idempotent. */
  close(): Promise<void>;
}

interface Answer {
  resolve: (failure: PlaceFailure | undefined) => void;
  reject: (error: Error) => void;
}

/** Makes the placer; its thread is started with the first batch, and never keeps the process alive by itself. */
export function createPlacer(entry = join(import.meta.dirname, 'placer.main.ts')): Placer {
  let thread: Worker | undefined;
  /** Batches that were given to the thread, in the order in which it answers them. */
  const waiting: Answer[] = [];
  let used = false;

  function fail(error: unknown): void {
    thread = undefined;
    const reason = new Error(`the thread that places files ended: ${messageOf(error)}`);
    for (const answer of waiting.splice(0)) answer.reject(reason);
  }
  function begin(): Worker {
    const started = new Worker(entry, { env: {}, stdin: false });
    const current = (): boolean => thread === started;
    started.on('message', (failure: PlaceFailure | null) => {
      const answer = waiting.shift();
      if (waiting.length === 0) started.unref();
      answer?.resolve(failure ?? undefined);
    });
    started.on('error', (error) => current() && fail(error));
    started.on('exit', (code) => current() && fail(`exit code ${code}`));
    return started;
  }
  async function close(): Promise<void> {
    const ended = thread;
    if (ended === undefined) return;
    fail('it was closed');
    await ended.terminate();
  }

  return {
    place(batch) {
      used = true;
      const to = (thread ??= begin());
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        to.ref();
        to.postMessage(batch);
      });
    },
    async rest() {
      if (!used && waiting.length === 0) await close();
      used = false;
    },
    close,
  };
}
