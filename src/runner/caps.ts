/**
 * How often a job may run: counters of an hour and of a day. An attempt that begins reserves its place in the store, so no two runs
 * both pass a cap; the place is spent when the run ends and given back when it is cancelled. Before that, a look at the counters refuses
 * early what would be refused anyway.
 */
import { z } from 'zod';
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { RunError } from '../errors.ts';
import type { Run } from '../store/records.ts';
import type { Spend, Store } from '../store/store.ts';
import type { LoadedJob } from './jobs.ts';

export interface Caps {
  /** Takes the place of a run whose attempt begins; an error when there is none. An attempt after the first keeps the place it has. */
  reserve(run: Run, job: LoadedJob): Promise<RunError | undefined>;
  /** What a run that ends has used. */
  spend(run: Run, job: LoadedJob): Spend[];
  /** Why no run of the job can begin now, as far as the counters show; undefined when one can. */
  full(job: LoadedJob): Promise<string | undefined>;
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
const Used = z.object({ used: z.number(), held: z.record(z.string(), z.number()) });

/** Makes the caps; days are those of `zone`, an IANA name. */
export function createCaps(deps: { store: Pick<Store, 'reserve' | 'getDoc'>; clock: Clock; zone: string }): Caps {
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
  function countersFor(run: Run, job: LoadedJob): Counter[] {
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
      if (outcome.outcome !== 'refused') return undefined;
      const counter = counters.find((one) => one.key === outcome.key) ?? { cap: outcome.cap, window: 'in its window' };
      const hint = 'Run it later, or raise the cap in its file.';
      return new RunError(saying(job, counter), { code: 'CAP_REACHED', permanent: true, hint });
    },
    spend: (run, job) => countersFor(run, job).map(({ key }) => ({ key, amount: 1 })),
    async full(job) {
      for (const counter of countersOf(job, clock.now())) {
        const doc = await store.getDoc('ledger', counter.key);
        const standing = Used.safeParse(doc?.value);
        if (!standing.success) continue;
        const { used, held } = standing.data;
        if (used + Object.values(held).reduce((sum, one) => sum + one, 0) >= counter.cap) return saying(job, counter);
      }
      return undefined;
    },
  };
}
