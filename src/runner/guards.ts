/**
 * What must hold before a run starts. Each refusal has a reason for people: a refused slot becomes a skip with it, a refused person gets
 * it as the answer, and an audit entry is kept. The guards of a job are in its file; nothing here is asked of a run that exists.
 */
import type { Scrub } from '../scrub.ts';
import type { Schedule, Skip } from '../store/schedule-records.ts';
import type { Json, Store } from '../store/store.ts';
import type { Budget } from './budget.ts';
import { isCapped } from './caps.ts';
import type { Caps } from './caps.ts';
import { hostFits } from '../addresses.ts';
import { addressesIn } from './hosts.ts';
import type { LoadedJob } from './jobs.ts';

export interface GuardAsk {
  job: LoadedJob;
  by: 'slot' | 'person';
  input: Json;
  /** Of a slot, never of a person: its schedule's newest run, and everything that was left out, this planning's included. */
  past?: { last: Schedule['last'] | undefined; skips: readonly Skip[] };
  /** Runs of the job that this tick has started already; 0 for a person. */
  tickStarts: number;
  /** Of these, the ones that are decided and not stored yet. */
  staged: number;
}

export type GuardCode =
  'DISABLED' | 'NO_GATE' | 'HOST_NOT_ALLOWED' | 'CAP_REACHED' | 'BUDGET_REACHED' | 'LAST_RUN_FAILED';

export interface Refusal {
  ok: false;
  code: GuardCode;
  reason: string;
  hint: string;
}

export interface GuardCheck {
  check(ask: GuardAsk): Promise<{ ok: true } | Refusal>;
}

export interface GuardDeps {
  store: Pick<Store, 'get'>;
  caps: Caps;
  /** Of agents; without one no money is looked at before a run begins. */
  budget?: Pick<Budget, 'full'>;
  env: Record<string, string | undefined>;
  /** In production a job that is expensive needs a gate and a cap. */
  mode: 'production' | 'development';
  scrub: Scrub;
}

const budgetHint = (job: string): string =>
  `An owner may let one run pass: /jobs allow ${job}, or bellhop spend allow ${job}. Or raise the cap.`;
const ON = new Set(['1', 'true', 'yes', 'on']);

/** Makes the check. */
export function createGuards(deps: GuardDeps): GuardCheck {
  const { store, caps, mode, scrub } = deps;
  // A variable of the environment, never something that every object has.
  const envOf = (name: string): string => (Object.hasOwn(deps.env, name) ? (deps.env[name] ?? '') : '');

  function gate({ job }: GuardAsk): Refusal | undefined {
    const { enabledBy } = job.guards;
    if (enabledBy !== undefined && !ON.has(envOf(enabledBy).trim().toLowerCase()))
      return refused(
        'DISABLED',
        `${job.name} is switched off: ${enabledBy} is not 1.`,
        `Set ${enabledBy}=1 and restart.`,
      );
    if (job.expensive && mode === 'production' && (enabledBy === undefined || !isCapped(job))) {
      const reason = `${job.name} is expensive and has no ${enabledBy === undefined ? 'gate' : 'cap'}.`;
      return refused('NO_GATE', reason, 'Give its guards an enabledBy and a maxPerDay.');
    }
    return undefined;
  }
  function hosts({ job, input }: GuardAsk): Refusal | undefined {
    const { allowedHosts } = job.guards;
    if (allowedHosts === undefined) return undefined;
    const named = addressesIn(input);
    const other = named.hosts.find((host) => !allowedHosts.some((pattern) => hostFits(pattern, host)));
    const more = allowedHosts.length > 5 ? ` and ${allowedHosts.length - 5} more` : '';
    const hint = `It may talk to ${allowedHosts.slice(0, 5).join(', ') || 'no host'}${more}.`;
    if (other !== undefined)
      return refused('HOST_NOT_ALLOWED', `${job.name} may not talk to ${shown(other, input)}.`, hint);
    if (named.complete) return undefined;
    return refused('HOST_NOT_ALLOWED', `The input of ${job.name} has too many values to look for hosts in.`, hint);
  }
  /** An address changes how a secret in it is written, so one that holds any is not shown at all. */
  function shown(host: string, input: Json): string {
    const text = JSON.stringify(input);
    return scrub(text) === text ? host.slice(0, 100) : 'a host that its input names';
  }
  async function cap({ job, by, tickStarts, staged }: GuardAsk): Promise<Refusal | undefined> {
    const { maxPerTick } = job.guards;
    if (by === 'slot' && maxPerTick !== undefined && tickStarts >= maxPerTick)
      return refused(
        'CAP_REACHED',
        `${job.name} starts at most ${maxPerTick === 1 ? 'once' : `${maxPerTick} times`} in one planning.`,
        'Raise maxPerTick.',
      );
    const full = await caps.full(job, staged);
    return full === undefined ? undefined : refused('CAP_REACHED', full, 'Run it later, or raise the cap in its file.');
  }
  /** Early, so that nobody waits for a run that could not begin; the reservation of its first attempt is what holds. */
  async function money({ job }: GuardAsk): Promise<Refusal | undefined> {
    // One that reports figures where no model can be asked is not in vain.
    if (job.kind !== 'agent' || job.whenModelFails === 'figures') return undefined;
    const full = await deps.budget?.full(job);
    return full === undefined ? undefined : refused('BUDGET_REACHED', full, budgetHint(job.name));
  }
  /** One slot is left out after a failed run; the next one tries again. Slots left out for other reasons do not count. */
  async function lastRun({ job, past }: GuardAsk): Promise<Refusal | undefined> {
    const last = past?.last;
    if (!job.guards.skipAfterFailure || past === undefined || last === undefined) return undefined;
    const said = saysFailed(last.runId);
    if (past.skips.some((skip) => skip.reason.startsWith(said))) return undefined;
    const run = await store.get(last.runId);
    if (run?.state !== 'failed') return undefined;
    const reason = scrub(`${said} ${run.error?.message ?? 'without a message'}`).slice(0, 400);
    return refused('LAST_RUN_FAILED', reason, 'The next time it is tried again; /jobs run tries now.');
  }

  return {
    async check(ask) {
      return gate(ask) ?? hosts(ask) ?? (await cap(ask)) ?? (await money(ask)) ?? (await lastRun(ask)) ?? { ok: true };
    },
  };
}

/** How the reason of that skip begins: it names the run, so it is known when the next slot is asked for. */
function saysFailed(runId: string): string {
  return `The run before it, ${runId}, failed:`;
}

function refused(code: GuardCode, reason: string, hint: string): Refusal {
  return { ok: false, code, reason, hint };
}
