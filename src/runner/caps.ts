/**
 * How often a job may run: counters of an hour and of a day. An attempt that begins reserves its place in the store, so no two runs
 * both pass a cap; the place is spent when the run ends and given back when it is cancelled. Before that, a look at the counters refuses
 * early what would be refused anyway.
 */
import { z } from 'zod';
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { RunError } from '../errors.ts';
import { FINAL_STATES, RUN_STATES } from '../store/records.ts';
import type { Run, RunSummary } from '../store/records.ts';
import type { Spend, Store } from '../store/store.ts';
import type { LoadedJob } from './jobs.ts';

export interface Caps {
  /** Takes the place of a run whose attempt begins; an error when there is none. An attempt after the first keeps the place it has. */
  reserve(run: Run, job: LoadedJob): Promise<RunError | undefined>;
  /** What a run that ends has used. */
  spend(run: Run, job: LoadedJob): Spend[];
  /**
   * Why no more run of the job could begin now, as far as the counters and the runs that wait show; undefined when one could.
   * `staged`: runs that are about to be submitted.
   */
  full(job: LoadedJob, staged: number): Promise<string | undefined>;
}

interface Counter {
  key: string;
  cap: number;
  /** "an hour", "a day". */
  window: string;
  expiresAt: string;
}

/** A counter outlives its window: a run that began in it may end later. */
const KEEP_MS = 3 * 86_400_000;
const OPEN = RUN_STATES.filter((state) => !FINAL_STATES.includes(state));
/** Runs of a job that wait: as many as are looked at. The reservation counts all of them. */
const MAX_WAITING = 200;
const Used = z.object({ used: z.number(), held: z.record(z.string(), z.number()) });

/** Makes the caps; days are those of `zone`, an IANA name. */
export function createCaps(deps: {
  store: Pick<Store, 'reserve' | 'getDoc' | 'list'>;
  clock: Clock;
  zone: string;
}): Caps {
  const { store, clock } = deps;
  const dates = new Intl.DateTimeFormat('en-CA', { timeZone: deps.zone, dateStyle: 'short' });

  function countersOf(job: LoadedJob, at: number): Counter[] {
    const { maxPerHour, maxPerDay } = job.guards;
    const expiresAt = iso(at + KEEP_MS);
    const hour = iso(at).slice(0, 13);
    return [
      ...(maxPerHour === undefined
        ? []
        : [{ key: `runs.${job.name}.${hour}`, cap: maxPerHour, window: 'an hour', expiresAt }]),
      ...(maxPerDay === undefined
        ? []
        : [{ key: `runs.${job.name}.${dates.format(new Date(at))}`, cap: maxPerDay, window: 'a day', expiresAt }]),
    ];
  }
  /** All attempts of a run count in the window in which the first began. */
  function countersFor(run: Pick<Run, 'startedAt'>, job: LoadedJob): Counter[] {
    return countersOf(job, run.startedAt === undefined ? clock.now() : Date.parse(run.startedAt));
  }
  function saying(job: LoadedJob, { cap, window }: Pick<Counter, 'cap' | 'window'>): string {
    return `${job.name} runs at most ${cap === 1 ? 'once' : `${cap} times`} ${window}.`;
  }

  return {
    async reserve(run, job) {
      const counters = countersFor(run, job);
      if (counters.length === 0) return undefined;
      const wanted = counters.map(({ key, cap, expiresAt }) => ({ key, cap, expiresAt, amount: 1 }));
      const outcome = await store.reserve({ runId: run.id, counters: wanted });
      if (outcome.outcome === 'reserved') return undefined;
      // It was cancelled or removed a moment ago: nothing of it may begin any more.
      if (outcome.outcome !== 'refused') return new RunError('the run is over', { code: 'CANCELLED', permanent: true });
      const counter = counters.find((one) => one.key === outcome.key) ?? { cap: outcome.cap, window: 'in its window' };
      const hint = 'Run it later, or raise the cap in its file.';
      return new RunError(saying(job, counter), { code: 'CAP_REACHED', permanent: true, hint });
    },
    spend: (run, job) => countersFor(run, job).map(({ key }) => ({ key, amount: 1 })),
    async full(job, staged) {
      const counters = countersOf(job, clock.now());
      if (counters.length === 0) return undefined;
      const { items } = await store.list({ job: job.name, states: OPEN, limit: MAX_WAITING });
      for (const counter of counters) {
        const standing = Used.safeParse((await store.getDoc('ledger', counter.key))?.value);
        const { used, held } = standing.success ? standing.data : { used: 0, held: {} };
        const taken = used + Object.values(held).reduce((sum, one) => sum + one, 0);
        const waits = (one: RunSummary): boolean =>
          held[one.id] === undefined && countersFor(one, job).some(({ key }) => key === counter.key);
        if (taken + items.filter(waits).length + staged >= counter.cap) return saying(job, counter);
      }
      return undefined;
    },
  };
}

/** Whether its runs are counted before they start. */
export function isCapped({ guards }: Pick<LoadedJob, 'guards'>): boolean {
  return [guards.maxPerTick, guards.maxPerHour, guards.maxPerDay].some((cap) => cap !== undefined);
}
