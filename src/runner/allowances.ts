/** An owner's word that the next run of a job may pass its caps: a document that exactly one run takes. */
import { z } from 'zod';
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Actor } from '../store/records.ts';
import type { Store } from '../store/store.ts';

const KIND = 'allowance';
const TRIES = 5;
const Allowance = z.object({ until: z.iso.datetime(), takenBy: z.string().optional() });

export interface Allowances {
  give(asked: {
    job: string;
    actor: Actor;
    until: string;
  }): Promise<{ outcome: 'allowed' | 'already_allowed'; until: string }>;
  /** Whether the run has it now; of two that ask at once one has. A run that took it before a crash has it still. */
  take(job: string, runId: string): Promise<boolean>;
  isOpen(job: string): Promise<boolean>;
}

/** Makes the allowances over the documents of the store. */
export function createAllowances(deps: { store: Pick<Store, 'getDoc' | 'putDoc'>; clock: Clock }): Allowances {
  const { store, clock } = deps;

  async function present(job: string) {
    const doc = await store.getDoc(KIND, job);
    const read = Allowance.safeParse(doc?.value);
    const valid = read.success && read.data.until > iso(clock.now());
    return { rev: doc?.rev ?? 0, allowance: valid ? read.data : undefined };
  }

  return {
    async give({ job, actor, until }) {
      for (let tries = 0; tries < TRIES; tries++) {
        const { rev, allowance } = await present(job);
        if (allowance !== undefined && allowance.takenBy === undefined)
          return { outcome: 'already_allowed', until: allowance.until };
        const note = `one run past its caps, until ${until}`;
        const audit = { actor, act: 'allow', job, note } as const;
        const put = await store.putDoc({ kind: KIND, key: job, rev, value: { until }, expiresAt: until, audit });
        if (put.outcome === 'stored') return { outcome: 'allowed', until };
      }
      throw new Error(`the allowance of ${job} kept changing`);
    },
    async take(job, runId) {
      for (let tries = 0; tries < TRIES; tries++) {
        const { rev, allowance } = await present(job);
        if (allowance === undefined) return false;
        if (allowance.takenBy !== undefined) return allowance.takenBy === runId;
        const { until } = allowance;
        const put = await store.putDoc({
          kind: KIND,
          key: job,
          rev,
          value: { until, takenBy: runId },
          expiresAt: until,
        });
        if (put.outcome === 'stored') return true;
      }
      return false;
    },
    async isOpen(job) {
      const { allowance } = await present(job);
      return allowance !== undefined && allowance.takenBy === undefined;
    },
  };
}
