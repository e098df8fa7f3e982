/** Money as people ask about it: where each cap stands, and letting one run pass. */
import { suggest } from '../suggest.ts';
import type { Actor } from '../store/records.ts';
import type { Budget } from './budget.ts';
import type { LoadedAgent, LoadedJob } from './jobs.ts';
import type { Standing } from './money-windows.ts';

export interface SpendView {
  /** Whose days and months they are. */
  timeZone: string;
  /** The date of the price table. */
  pricesAsOf: string;
  /** The workspace's day and month first, then a day of each agent; micro-dollars. */
  standing: Standing[];
}

export type AllowResult =
  | { outcome: 'allowed' | 'already_allowed'; job: string; until: string }
  | { outcome: 'unknown_job'; name: string; suggestions: string[] }
  /** It costs no money. */
  | { outcome: 'no_agent'; name: string };

export interface Spending {
  view(): Promise<SpendView>;
  allow(job: string, actor: Actor): Promise<AllowResult>;
}

/** Makes the service over the budget. */
export function createSpending(deps: {
  budget: Pick<Budget, 'standing' | 'allow'>;
  jobs: () => readonly LoadedJob[];
  timeZone: string;
  pricesAsOf: string;
}): Spending {
  const { budget, timeZone, pricesAsOf } = deps;
  return {
    async view() {
      return { timeZone, pricesAsOf, standing: await budget.standing(agentsOf(deps.jobs())) };
    },
    async allow(name, actor) {
      const jobs = deps.jobs();
      const job = jobs.find((known) => known.name === name);
      const names = agentsOf(jobs).map((known) => known.name);
      if (job === undefined) return { outcome: 'unknown_job', name, suggestions: suggest(name, names, 3) };
      if (job.kind !== 'agent') return { outcome: 'no_agent', name };
      return { ...(await budget.allow(name, actor)), job: name };
    },
  };
}

function agentsOf(jobs: readonly LoadedJob[]): LoadedAgent[] {
  return jobs.filter((job) => job.kind === 'agent');
}

/** Why nothing was allowed, and the way out. */
export function describeAllowRefusal(result: Exclude<AllowResult, { until: string }>): {
  problem: string;
  hint: string;
} {
  const name = result.name.slice(0, 80);
  if (result.outcome === 'no_agent')
    return { problem: `${name} is no agent, so it spends no money.`, hint: 'Run it; no cap on money holds it back.' };
  const near = result.suggestions.slice(0, 3).join(', ');
  return { problem: `There is no job ${name}.`, hint: near === '' ? 'Name an agent.' : `Did you mean ${near}?` };
}
