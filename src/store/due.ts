import { iso } from '../clock.ts';
import type { Core } from './core.ts';
import type { Run } from './records.ts';
import type { ClaimRequest } from './store.ts';
import { isClaimable } from './transitions.ts';

/** The due runs of the asked queues: higher priority, then earlier runAt, then acceptance (G10). */
export function findDue(core: Core, request: ClaimRequest, passed: (run: Run) => boolean): Run[] {
  const nowIso = iso(core.clock.now());
  const wanted = new Set(request.queues.map((queue) => queue.name));
  const due: Run[] = [];
  for (const run of core.hot.values()) {
    if (!wanted.has(run.queue) || passed(run)) continue;
    if (isClaimable(run, nowIso) && request.kinds.includes(run.kind)) due.push(run);
  }
  return due.sort(inOrder);
}

/** Takes them in their order, from each queue up to its limit. */
export function takeInOrder(due: readonly Run[], request: ClaimRequest): Run[] {
  const left = new Map(request.queues.map((queue) => [queue.name, queue.limit]));
  const picked: Run[] = [];
  for (const run of due) {
    if (picked.length >= request.limit) break;
    const room = left.get(run.queue) ?? 0;
    if (room <= 0) continue;
    left.set(run.queue, room - 1);
    picked.push(run);
  }
  return picked;
}

function inOrder(a: Run, b: Run): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.runAt !== b.runAt) return a.runAt < b.runAt ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}
