/** An engine in a process of its own, so that its memory, its event loop and its writes are its own. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { EngineName } from './store-engines.ts';

export type Asked =
  | { op: 'fill'; count: number }
  | { op: 'load'; concurrency: number; ms: number; runs?: number }
  | { op: 'reads'; ids: readonly string[] }
  | { op: 'rss' }
  | { op: 'close' };

export interface Opened {
  ms: number;
  rssMiB: number;
}
/** Latencies in milliseconds. */
export interface Loaded {
  changes: number;
  seconds: number;
  all: number[];
  submit: number[];
  settle: number[];
  /** How long the event loop was busy. */
  activeMs: number;
  /** What of that it had a processor for: the rest others took, or the kernel. */
  cpuMs: number;
  writtenBytes: number;
}
export interface Reads {
  cold: number[];
  hot: number[];
  list: number[];
  firstListMs: number;
}

export interface EngineChild {
  opened: Opened;
  fill(count: number): Promise<string[]>;
  load(how: { concurrency: number; ms: number; runs?: number }): Promise<Loaded>;
  reads(ids: readonly string[]): Promise<Reads>;
  rssMiB(): Promise<number>;
  /** Closes the engine, answers all bytes that were written since its start, and ends the process. */
  close(): Promise<number>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Starts a process and opens the engine in it. */
export async function startEngine(name: EngineName, dir: string): Promise<EngineChild> {
  // A lowdb preset keeps everything in memory under NODE_ENV=test; nothing here may depend on it.
  const child = fork(join(import.meta.dirname, 'store-engine.main.ts'), [name, dir], { serialization: 'advanced' });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void } | undefined;
  child.on('message', (message: { value?: unknown; error?: string }) => {
    const { error } = message;
    if (error === undefined) waiting?.resolve(message.value);
    else waiting?.reject(new Error(`${name}: ${error}`));
  });
  child.once('exit', (code, signal) => waiting?.reject(new Error(`${name} ended with ${code ?? signal}`)));
  const next = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting = { resolve: (value) => resolve(value as T), reject };
    });
  const ask = <T>(asked: Asked): Promise<T> => {
    const answer = next<T>();
    child.send(asked);
    return answer;
  };
  const opened = await next<Opened>();
  return {
    opened,
    fill: (count) => ask({ op: 'fill', count }),
    load: (how) => ask({ op: 'load', ...how }),
    reads: (ids) => ask({ op: 'reads', ids }),
    rssMiB: () => ask({ op: 'rss' }),
    async close() {
      const bytes = await ask<number>({ op: 'close' });
      child.disconnect();
      await exited;
      return bytes;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
