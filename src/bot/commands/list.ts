import { suggest } from '../../suggest.ts';
import { RUN_STATES, type RunState } from '../../store/records.ts';
import type { Command } from '../command.ts';
import { problemView } from '../views/answers.ts';
import { quoted, type Answer } from '../views/blocks.ts';
import { listView, type JobLine } from '../views/list.ts';
import type { Asked, CommandDeps } from './context.ts';

const JOBS_SHOWN = 20;
const RUNS_SHOWN = 10;

type Filter = { job?: string; state?: RunState };

/** `/jobs list [JOB] [STATE]`: the jobs with their last run, and the recent runs, under two headings. */
export async function list(deps: CommandDeps, _asked: Asked, command: Command): Promise<Answer> {
  const filter = readFilter(deps, command);
  if ('answer' in filter) return filter.answer;
  const { job, state } = filter;
  const runs = await deps.reader.list({
    limit: RUNS_SHOWN,
    ...(job === undefined ? {} : { job }),
    ...(state === undefined ? {} : { states: [state] }),
  });
  const filtered = job !== undefined || state !== undefined;
  const known = filtered ? [] : deps.runner.jobs();
  const next = known.length === 0 ? new Map<string, string>() : await nextOfJobs(deps);
  const month = known.length === 0 ? new Map<string, number>() : await monthOfJobs(deps);
  const lines = await Promise.all(
    known
      .slice(0, JOBS_SHOWN)
      .map((shown) => jobLine(deps, { ...shown, next: next.get(shown.name), month: month.get(shown.name) })),
  );
  return listView({
    jobs: lines,
    moreJobs: Math.max(0, known.length - JOBS_SHOWN),
    runs: runs.items,
    moreRuns: runs.next !== undefined,
    filter: [job, state].filter((part) => part !== undefined),
    problems: filtered ? [] : deps.runner.problems(),
  });
}

async function jobLine(
  deps: CommandDeps,
  {
    name,
    description,
    ...of
  }: { name: string; description: string; next: string | undefined; month: number | undefined },
): Promise<JobLine> {
  const newest = await deps.reader.list({ job: name, limit: 1 });
  const [last] = newest.items;
  return {
    name,
    description,
    ...(last === undefined ? {} : { last }),
    ...(of.next === undefined ? {} : { next: of.next }),
    ...(of.month === undefined ? {} : { monthMicroUsd: of.month }),
  };
}

/** What each agent spent in this month. */
async function monthOfJobs(deps: CommandDeps): Promise<Map<string, number>> {
  const { standing } = await deps.spending.view();
  return new Map(standing.flatMap(({ job, monthUsed }) => (job === undefined ? [] : [[job, monthUsed ?? 0] as const])));
}

/** When each job comes next by itself. */
async function nextOfJobs(deps: CommandDeps): Promise<Map<string, string>> {
  const soonest = new Map<string, string>();
  for (const { job, next } of await deps.schedules.list()) {
    const [first] = next;
    const known = soonest.get(job);
    if (first !== undefined && (known === undefined || first.at < known)) soonest.set(job, first.at);
  }
  return soonest;
}

function readFilter(deps: CommandDeps, command: Command): Filter | { answer: Answer } {
  const filter: Filter = {};
  const given = [
    ...command.words.map((word) => [undefined, word] as const),
    ...Object.entries(command.pairs).map(([key, value]) => [key, value] as const),
  ];
  const names = deps.runner.jobs().map((job) => job.name);
  for (const [key, value] of given) {
    const state = RUN_STATES.find((known) => known === value.toLowerCase());
    if ((key === undefined || key === 'state') && state !== undefined) filter.state = state;
    else if (key === 'job' || (key === undefined && names.includes(value))) filter.job = value;
    else return { answer: filterProblem({ key, value, names }) };
  }
  return filter;
}

function filterProblem(given: { key: string | undefined; value: string; names: string[] }): Answer {
  const { key, value, names } = given;
  if (key !== undefined && key !== 'state') {
    return problemView(`Lists have no filter ${quoted(key)}.`, 'Filters are `job=NAME` and `state=STATE`.');
  }
  const [nearest] = suggest(value, [...RUN_STATES, ...names], 1);
  const meant = nearest === undefined ? `States are ${RUN_STATES.join(', ')}.` : `Did you mean \`${nearest}\`?`;
  return problemView(`${quoted(value)} is neither a state nor a job.`, meant);
}
