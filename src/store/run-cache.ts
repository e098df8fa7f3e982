import type { Run } from './records.ts';

/** Final runs that were read or written lately; bounded by number and by size together. */
export interface RunCache {
  get(runId: string): Run | undefined;
  /** `bytes`: its size as JSON; measured when it is not given. */
  put(run: Run, bytes?: number): void;
  drop(runId: string): void;
}

/** Makes a cache that forgets the run used longest ago; only final runs belong in it, for they never change. */
export function createRunCache(maxRuns: number, maxBytes: number): RunCache {
  const entries = new Map<string, { run: Run; bytes: number }>();
  let held = 0;
  function drop(runId: string): void {
    held -= entries.get(runId)?.bytes ?? 0;
    entries.delete(runId);
  }
  return {
    get(runId) {
      const entry = entries.get(runId);
      if (entry === undefined) return undefined;
      entries.delete(runId);
      entries.set(runId, entry);
      return entry.run;
    },
    put(run, bytes = JSON.stringify(run).length) {
      drop(run.id);
      if (bytes > maxBytes) return;
      entries.set(run.id, { run, bytes });
      held += bytes;
      for (const oldest of entries.keys()) {
        if (entries.size <= maxRuns && held <= maxBytes) break;
        drop(oldest);
      }
    },
    drop,
  };
}
