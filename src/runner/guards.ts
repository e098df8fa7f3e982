/**
 * What must hold before a run starts. Each refusal has a reason for people: a refused slot becomes a skip with it, a refused person gets
 * it as the answer, and an audit entry is kept. The guards of a job are in its file; nothing here is asked of a run that exists.
 */
import { isFinal } from '../store/records.ts';
import { Schedule } from '../store/schedule-records.ts';
import type { Json, Store } from '../store/store.ts';
import type { Caps } from './caps.ts';
import { addressesIn, hostFits } from './hosts.ts';
import type { LoadedJob } from './jobs.ts';
import { SCHEDULE } from './schedule-book.ts';

export interface GuardAsk {
  job: LoadedJob;
  by: 'slot' | 'person';
  input: Json;
  /** Of a slot: its schedule, and its due time. */
  name?: string;
  slot?: string;
  /** Runs of the job that this tick has started already; 0 for a person. */
  tickStarts: number;
}

export type GuardCode = 'DISABLED' | 'NO_GATE' | 'APPROVAL' | 'HOST_NOT_ALLOWED' | 'CAP_REACHED' | 'LAST_RUN_FAILED';

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
  store: Pick<Store, 'getDoc' | 'get'>;
  caps: Caps;
  env: Record<string, string | undefined>;
  /** In production a job that is expensive needs a gate and a cap. */
  mode: 'production' | 'development';
}

const ON = new Set(['1', 'true', 'yes', 'on']);

/** Makes the check. */
export function createGuards(deps: GuardDeps): GuardCheck {
  const { store, caps, env, mode } = deps;

  function gate({ job }: GuardAsk): Refusal | undefined {
    const { enabledBy, maxPerTick, maxPerHour, maxPerDay, approval } = job.guards;
    if (enabledBy !== undefined && !ON.has((env[enabledBy] ?? '').trim().toLowerCase()))
      return refused(
        'DISABLED',
        `${job.name} is switched off: ${enabledBy} is not 1.`,
        `Set ${enabledBy}=1 and restart.`,
      );
    const capped = maxPerTick !== undefined || maxPerHour !== undefined || maxPerDay !== undefined;
    if (job.expensive && mode === 'production' && (enabledBy === undefined || !capped)) {
      const reason = `${job.name} is expensive and has no ${enabledBy === undefined ? 'gate' : 'cap'}.`;
      return refused('NO_GATE', reason, 'Give its guards an enabledBy and a maxPerDay.');
    }
    if (approval === undefined) return undefined;
    return refused('APPROVAL', `${job.name} needs an approval, and nobody can give one yet.`, 'A later version asks.');
  }
  function hosts({ job, input }: GuardAsk): Refusal | undefined {
    const { allowedHosts } = job.guards;
    if (allowedHosts === undefined) return undefined;
    const other = addressesIn(input).find((host) => !allowedHosts.some((pattern) => hostFits(pattern, host)));
    if (other === undefined) return undefined;
    const hint = `It may talk to ${allowedHosts.slice(0, 5).join(', ')}.`;
    return refused('HOST_NOT_ALLOWED', `${job.name} may not talk to ${other.slice(0, 100)}.`, hint);
  }
  async function cap({ job, by, tickStarts }: GuardAsk): Promise<Refusal | undefined> {
    const { maxPerTick } = job.guards;
    if (by === 'slot' && maxPerTick !== undefined && tickStarts >= maxPerTick)
      return refused('CAP_REACHED', `${job.name} starts at most ${maxPerTick} times in a minute.`, 'Raise maxPerTick.');
    const full = await caps.full(job);
    return full === undefined ? undefined : refused('CAP_REACHED', full, 'Run it later, or raise the cap in its file.');
  }
  /** One slot is left out after a failed run; the next one tries again. */
  async function lastRun({ job, by, name }: GuardAsk): Promise<Refusal | undefined> {
    if (by !== 'slot' || !job.guards.skipAfterFailure || name === undefined) return undefined;
    const schedule = Schedule.safeParse((await store.getDoc(SCHEDULE, name))?.value);
    const last = schedule.success ? schedule.data.last : undefined;
    if (last === undefined) return undefined;
    const newest = schedule.data?.skips?.at(-1);
    if (newest !== undefined && Date.parse(newest.to) > Date.parse(last.slot)) return undefined;
    const run = await store.get(last.runId);
    if (run === undefined || !isFinal(run.state) || run.state !== 'failed') return undefined;
    const reason = `The run before it, ${run.id}, failed: ${run.error?.message ?? 'without a message'}`.slice(0, 400);
    return refused('LAST_RUN_FAILED', reason, 'The next time it is tried again; /jobs run tries now.');
  }

  return {
    async check(ask) {
      return gate(ask) ?? hosts(ask) ?? (await cap(ask)) ?? (await lastRun(ask)) ?? { ok: true };
    },
  };
}

function refused(code: GuardCode, reason: string, hint: string): Refusal {
  return { ok: false, code, reason, hint };
}
