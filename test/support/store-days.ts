/** The two days as trials: to live one on some disk that fails or loses its power, and to say what must be there afterwards. */
import { join } from 'node:path';
import { expect } from 'vitest';
import type { AuditEntry } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { checkActs, checkFeed, checkSecond } from './store-second-check.ts';
import { newSecondLedger, secondDay } from './store-second-day.ts';
import type { SecondLedger } from './store-second-day.ts';
import { checkLedger, newLedger, workload } from './store-workload.ts';
import type { Ledger } from './store-workload.ts';

export interface Trial {
  /** `name`: another one for each life in one folder. */
  live(store: Store, how: { name: string; pause: () => Promise<void> }): Promise<void>;
  /** Whether anything was promised. */
  promised(): boolean;
  /** The trial as it stands, for a cut at this moment. */
  now(): Trial;
  audit(store: Store, when: string): Promise<void>;
  /** Holds what lies in the folder after a close against what was promised. */
  acts(audit: readonly AuditEntry[], when: string): void;
  /** The copy of the store that was made, if one was, and what must be in it. */
  copy?(): { dir: string; audit(store: Store, when: string): Promise<void> } | undefined;
}

/** A trial in the folder `home`, in which it may leave a copy of the store. */
export type Day = (home: string) => Trial;

/** Runs, their deliveries, documents. */
export const firstDay: Day = () => firstOf(newLedger());

function firstOf(ledger: Ledger): Trial {
  return {
    live: (store, { name, pause }) => workload({ store, ledger, pause, name }),
    promised: () => ledger.accepted.size > 0,
    now: () => firstOf(structuredClone(ledger)),
    audit: (store, when) => checkLedger(store, ledger, when),
    acts(audit, when) {
      const acts = audit.map((one) => `${one.act} ${one.runId}`);
      expect(new Set(acts).size, `${when}: an act is noted twice`).toBe(acts.length);
      for (const id of ledger.accepted) expect(acts, when).toContain(`run ${id}`);
      for (const id of ledger.removed) expect(acts, when).toContain(`delete ${id}`);
    },
  };
}

/** Everything else. */
const otherDay: Day = (home) => secondOf(newSecondLedger(), join(home, 'copy'));

function secondOf(ledger: SecondLedger, copyTo: string): Trial {
  return {
    live: (store, { pause }) => secondDay({ store, ledger, pause, copyTo }),
    promised: () => ledger.accepted.size > 0 || ledger.acts.size > 0,
    now: () => secondOf(structuredClone(ledger), copyTo),
    async audit(store, when) {
      await checkSecond(store, ledger, when);
      // To see the end of the feed, something has to be written.
      if (store.health().state === 'ready') await checkFeed(store, ledger, when);
    },
    acts: (audit, when) => checkActs(audit, ledger, when),
    copy() {
      const { copied } = ledger;
      return copied === undefined
        ? undefined
        : { dir: copyTo, audit: (store, when) => checkSecond(store, copied, `${when}, the copy`) };
    },
  };
}

export const DAYS: readonly { of: string; day: Day }[] = [
  { of: 'runs, deliveries and documents', day: firstDay },
  { of: 'blobs, events, acts, queues, counters, schedules, parts and copies', day: otherDay },
];
