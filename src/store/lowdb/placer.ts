/**
 * Does from a thread of its own what a checkpoint of many files would take from the event loop while commits need it. One file is four calls,
 * and on the way through node's thread pool each of them costs the loop more than the call itself; and to start the program that syncs a
 * file system stops whoever starts it for milliseconds.
 */
import { join } from 'node:path';
import { SHARE_ENV, Worker } from 'node:worker_threads';
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
  /** Makes everything written below `path` durable with one call; false where that cannot be done. */
  syncAll(path: string): Promise<boolean>;
  /** Gives the thread back when it was not used since the last call. */
  rest(): Promise<void>;
  /** Ends the thread; idempotent. */
  close(): Promise<void>;
}

export type Asked = { op: 'place'; batch: readonly Placement[] } | { op: 'sync all'; path: string };
/** The thread answers in the order in which it was asked. */
export type Answer = { failure: PlaceFailure | undefined; synced: boolean };

interface Waiting {
  resolve: (answer: Answer) => void;
  reject: (error: Error) => void;
}

/** Makes the placer; its thread is started with the first batch, and never keeps the process alive by itself. */
export function createPlacer(entry = join(import.meta.dirname, 'placer.main.ts')): Placer {
  let thread: Worker | undefined;
  const waiting: Waiting[] = [];
  let used = false;

  function fail(error: unknown): void {
    thread = undefined;
    const reason = new Error(`the thread that places files ended: ${messageOf(error)}`);
    for (const one of waiting.splice(0)) one.reject(reason);
  }
  function begin(): Worker {
    const started = new Worker(entry, { env: SHARE_ENV });
    const current = (): boolean => thread === started;
    started.on('message', (answer: Answer) => {
      const first = waiting.shift();
      if (waiting.length === 0) started.unref();
      first?.resolve(answer);
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

  function ask(asked: Asked): Promise<Answer> {
    used = true;
    const to = (thread ??= begin());
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      to.ref();
      to.postMessage(asked);
    });
  }

  return {
    place: async (batch) => (await ask({ op: 'place', batch })).failure,
    syncAll: async (path) => (await ask({ op: 'sync all', path })).synced,
    async rest() {
      if (!used && waiting.length === 0) await close();
      used = false;
    },
    close,
  };
}
