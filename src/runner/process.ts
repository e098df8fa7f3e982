/** Taking due runs of a queue at somebody's word, instead of when the worker comes to it. */
import type { Store } from '../store/store.ts';
import type { Worker } from './worker.ts';

/** `started` runs were claimed; `remaining` are due and wait. */
type ProcessResult =
  | { outcome: 'processed'; started: number; remaining: number }
  | { outcome: 'unknown_queue' }
  | { outcome: 'paused'; since: string };

export type ProcessQueue = (queue: string, limit: number) => Promise<ProcessResult>;

/** Makes the verb. */
export function createProcess(deps: {
  store: Pick<Store, 'pausedQueues' | 'countDue'>;
  worker: Pick<Worker, 'process'>;
  isJob: (name: string) => Promise<boolean>;
}): ProcessQueue {
  const { store, worker, isJob } = deps;
  return async (queue, limit) => {
    const paused = (await store.pausedQueues()).find((one) => one.name === queue);
    if (paused !== undefined) return { outcome: 'paused', since: paused.since };
    // The queue of a job that is gone is one as long as runs wait in it.
    if (!(await isJob(queue)) && store.countDue({ queue }) === 0) return { outcome: 'unknown_queue' };
    const started = await worker.process(queue, limit);
    return { outcome: 'processed', started, remaining: store.countDue({ queue }) };
  };
}
