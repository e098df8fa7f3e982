/** How many runs each job has in each state. */
import { RUN_STATES } from './records.ts';
import type { RunState, RunSummary } from './records.ts';

/** None where it says nothing. */
export type Tally = Partial<Record<RunState, number>>;
/** By job; a job without runs is not in it. */
export type Counts = Map<string, Tally>;

/** No run in any state. */
export function noRuns(): Record<RunState, number> {
  return { waiting: 0, scheduled: 0, queued: 0, running: 0, retrying: 0, completed: 0, failed: 0, cancelled: 0 };
}

/** The runs in the given states, or in all. */
export function sumOf(tally: Tally, states: readonly RunState[] = RUN_STATES): number {
  let all = 0;
  for (const state of states) all += tally[state] ?? 0;
  return all;
}

export function addTo(counts: Counts, { job, state }: Pick<RunSummary, 'job' | 'state'>, by: number): void {
  if (by === 0) return;
  let ofJob = counts.get(job);
  if (ofJob === undefined) counts.set(job, (ofJob = {}));
  ofJob[state] = (ofJob[state] ?? 0) + by;
  if (by < 0 && sumOf(ofJob) === 0) counts.delete(job);
}

export function addAll(counts: Counts, more: Counts, sign: 1 | -1): void {
  for (const [job, some] of more) {
    for (const state of RUN_STATES) addTo(counts, { job, state }, sign * (some[state] ?? 0));
  }
}

/** How many of these runs there are of each job and state. */
export function countsOf(runs: Iterable<Pick<RunSummary, 'job' | 'state'>>): Counts {
  const counts: Counts = new Map();
  for (const run of runs) addTo(counts, run, 1);
  return counts;
}

/** Whether they say the same; none and nothing said are the same. */
export function isSameCounts(a: Counts, b: Counts): boolean {
  const isIn = (some: Counts, others: Counts): boolean =>
    [...some].every(([job, tally]) =>
      RUN_STATES.every((state) => (tally[state] ?? 0) === (others.get(job)?.[state] ?? 0)),
    );
  return isIn(a, b) && isIn(b, a);
}

/** `JOB=STATE:N,STATE:N;JOB=…`, for a name of a job has none of these signs. */
export function textOf(counts: Counts): string {
  const some = (tally: Tally): string =>
    RUN_STATES.flatMap((state) => ((tally[state] ?? 0) > 0 ? [`${state}:${tally[state]}`] : [])).join();
  return [...counts].map(([job, tally]) => `${job}=${some(tally)}`).join(';');
}

/** What `textOf` said. */
export function countsIn(text: string): Counts {
  const counts: Counts = new Map();
  for (const [, job = '', some = ''] of text.matchAll(/([^=;]+)=([^;]*)/g)) {
    const tally: Tally = {};
    for (const [, name, count] of some.matchAll(/([a-z]+):(\d+)/g)) {
      const state = RUN_STATES.find((one) => one === name);
      if (state !== undefined) tally[state] = Number(count);
    }
    counts.set(job, tally);
  }
  return counts;
}
