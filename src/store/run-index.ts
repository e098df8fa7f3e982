/**
 * The summaries of all runs in memory, in the order of their ids (which is the order of acceptance), with counts for each job and
 * state. Derived from the records alone; never holds an input, a result or a report.
 */
import { UsageError } from '../errors.ts';
import { isId } from '../ids.ts';
import { isFinal, RUN_STATES } from './records.ts';
import type { RunState, RunSummary } from './records.ts';
import type { Page, RunQuery } from './reader.ts';

export interface RunIndex {
  put(summary: RunSummary): void;
  drop(runId: string): void;
  get(runId: string): RunSummary | undefined;
  list(query: RunQuery): Page<RunSummary>;
  count(job: string | undefined): Record<RunState, number>;
  unfinished(): number;
  all(): RunSummary[];
}

/** Makes an index of the given runs, in any order. */
export function createRunIndex(summaries: readonly RunSummary[]): RunIndex {
  const byId = new Map<string, RunSummary>();
  const order: string[] = [];
  const jobs = new Map<string, Record<RunState, number>>();
  const total = noRuns();

  function tally(summary: RunSummary, by: 1 | -1): void {
    let ofJob = jobs.get(summary.job);
    if (ofJob === undefined) jobs.set(summary.job, (ofJob = noRuns()));
    ofJob[summary.state] += by;
    total[summary.state] += by;
    if (by < 0 && RUN_STATES.every((state) => ofJob[state] === 0)) jobs.delete(summary.job);
  }
  function put(summary: RunSummary): void {
    const before = byId.get(summary.id);
    if (before === undefined) {
      const newest = order.at(-1);
      if (newest === undefined || newest < summary.id) order.push(summary.id);
      else order.splice(position(order, summary.id), 0, summary.id);
    } else tally(before, -1);
    byId.set(summary.id, summary);
    tally(summary, 1);
  }
  function drop(runId: string): void {
    const summary = byId.get(runId);
    if (summary === undefined) return;
    byId.delete(runId);
    order.splice(position(order, runId), 1);
    tally(summary, -1);
  }
  function list(query: RunQuery): Page<RunSummary> {
    const limit = clampLimit(query.limit);
    let left = upperBound(query);
    const items: RunSummary[] = [];
    const start = query.after === undefined ? order.length : position(order, readCursor(query.after));
    for (let at = start - 1; at >= 0 && left > 0; at--) {
      const summary = byId.get(order[at] ?? '');
      if (summary === undefined || !inStateAndJob(summary, query)) continue;
      left--;
      if (!byPerson(summary, query)) continue;
      if (items.length === limit) return { items, next: writeCursor(items.at(-1)?.id ?? '') };
      items.push(summary);
    }
    return { items };
  }
  /** How many runs can match at most, from the counts alone: a filter without matches costs nothing. */
  function upperBound(query: RunQuery): number {
    const counts = query.job === undefined ? total : (jobs.get(query.job) ?? noRuns());
    const states = query.states ?? RUN_STATES;
    return [...new Set(states)].reduce((sum, state) => sum + counts[state], 0);
  }

  for (const summary of [...summaries].sort((a, b) => (a.id < b.id ? -1 : 1))) put(summary);
  return {
    put,
    drop,
    get: (runId) => byId.get(runId),
    list,
    count: (job) => ({ ...(job === undefined ? total : (jobs.get(job) ?? noRuns())) }),
    unfinished: () => RUN_STATES.reduce((sum, state) => (isFinal(state) ? sum : sum + total[state]), 0),
    all: () => [...byId.values()],
  };
}

/** A page's size: 1 to 200, default 50. */
export function clampLimit(limit: number | undefined): number {
  const wanted = Math.trunc(limit ?? 50);
  return Number.isNaN(wanted) ? 50 : Math.min(200, Math.max(1, wanted));
}

function inStateAndJob(summary: RunSummary, query: RunQuery): boolean {
  if (query.states !== undefined && !query.states.includes(summary.state)) return false;
  return query.job === undefined || summary.job === query.job;
}

function byPerson(summary: RunSummary, query: RunQuery): boolean {
  if (query.actorId !== undefined && summary.actor.id !== query.actorId) return false;
  return query.idEnding === undefined || summary.id.endsWith(query.idEnding);
}

function noRuns(): Record<RunState, number> {
  return { waiting: 0, scheduled: 0, queued: 0, running: 0, retrying: 0, completed: 0, failed: 0, cancelled: 0 };
}

/** Where `id` stands in the sorted list, or would stand. */
function position(order: readonly string[], id: string): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((order[middle] ?? '') < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A cursor names the last run of its page, not a place, so inserts and deletes do not move it; ids begin with their creation time. */
function writeCursor(id: string): string {
  return Buffer.from(`runs:${id}`).toString('base64url');
}

function readCursor(cursor: string): string {
  const text = Buffer.from(cursor.slice(0, 200), 'base64url').toString();
  const id = text.startsWith('runs:') ? text.slice(5) : '';
  if (isId(id, 'run')) return id;
  throw new UsageError('The page cursor cannot be read.', {
    code: 'USAGE',
    hint: 'Pass the `next` of the page before, unchanged, or begin without a cursor.',
  });
}
