/**
 * Does from a thread of its own what a checkpoint of many files would take from the event loop while commits need it. One file is four
 * calls, and on the way through node's thread pool each of them costs the loop more than the call itself; and to start the program that
 * syncs a file system stops whoever starts it for milliseconds.
 */
import { getCompileCacheDir } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { Clock } from '../../clock.ts';
import { systemClock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';

export interface Placement {
  /** A new file beside nothing of ours, which becomes `path` by a rename. */
  temp: string;
  path: string;
  text: string | Uint8Array;
  /** `calmly`: the thread leaves the processor for a moment after this file. */
  pace: 'calmly' | 'at once';
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
  /** Gives the thread back when it was not used for some minutes: to start one takes as much processor time as some hundred files. */
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

export interface PlacerParts {
  clock: Clock;
  /** What the thread runs. */
  entry: string;
}

/** An unused thread is kept for so long. */
const REST_MS = 5 * 60_000;
/**
 * Starts the thread with the compile cache that the main thread has and that node gives no thread by itself: without it the thread strips
 * the types of its files again, which is 45 of 70 ms of processor time, and 20 of 45 MB.
 */
const CACHED = `
const { workerData } = require('node:worker_threads');
require('node:module').enableCompileCache(workerData.cache);
import(workerData.entry);`;

function startThread(entry: string): Worker {
  const ours = getCompileCacheDir();
  if (ours === undefined) return new Worker(entry, { env: SHARE_ENV });
  // Node puts a folder of its version into the one that it is given.
  const workerData = { entry: pathToFileURL(entry).href, cache: dirname(ours) };
  return new Worker(CACHED, { eval: true, env: SHARE_ENV, workerData });
}

/** Makes the placer; its thread is started with the first batch, and never keeps the process alive by itself. */
export function createPlacer(parts: Partial<PlacerParts> = {}): Placer {
  const clock = parts.clock ?? systemClock;
  const entry = parts.entry ?? join(import.meta.dirname, 'placer.main.ts');
  let thread: Worker | undefined;
  const waiting: Waiting[] = [];
  let usedAt = 0;

  function fail(error: unknown): void {
    thread = undefined;
    const reason = new Error(`the thread that places files ended: ${messageOf(error)}`);
    for (const one of waiting.splice(0)) one.reject(reason);
  }
  function begin(): Worker {
    const started = startThread(entry);
    const current = (): boolean => thread === started;
    started.on('message', (answer: Answer) => {
      // One that was ended may have answered before; nobody waits for that any more.
      if (!current()) return;
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
    usedAt = clock.monotonic();
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
      if (waiting.length === 0 && clock.monotonic() - usedAt >= REST_MS) await close();
    },
    close,
  };
}
