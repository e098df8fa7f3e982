/**
 * What every store must keep, whatever it is made of. A title names the guarantee (G…) of docs/guarantees.md that it shows.
 * A backend that lacks an ability lists the tests with its reason; nothing is passed over silently.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StoreOptions } from '../../src/store/core.ts';
import type { PlannedDelivery, Run } from '../../src/store/records.ts';
import { claimOne } from '../support/store-harness.ts';
import type { Harness } from '../support/store-harness.ts';
import { describeAdvance } from './store-advance.ts';
import { describeApprovals } from './store-approvals.ts';
import { describeArchive } from './store-archive.ts';
import { describeBlobs } from './store-blobs.ts';
import { describeCharge } from './store-charge.ts';
import { describeClaims } from './store-claims.ts';
import { describeDocOwners } from './store-doc-owners.ts';
import { describeDocs } from './store-docs.ts';
import { describeEvents } from './store-events.ts';
import { describeNotices } from './store-notices.ts';
import { describeOutbox } from './store-outbox.ts';
import { describeQueues } from './store-queues.ts';
import { describeReads } from './store-reads.ts';
import { describeReserve } from './store-reserve.ts';
import { describeRetention } from './store-retention.ts';
import { describeRuns } from './store-runs.ts';

export interface Skip {
  reason: string;
  tests: readonly string[];
}

type Open = (options?: Partial<StoreOptions>) => Promise<Harness>;

/** What the parts of the suite work with; `h` is the harness of the test that runs. */
export interface Suite {
  h: Harness;
  fact: (title: string, body: () => Promise<void>) => void;
  reopenWith: (options: Partial<StoreOptions>) => Promise<void>;
  report: () => PlannedDelivery;
  live: () => PlannedDelivery;
  /** Claims the next run and completes it. */
  completed: (deliveries?: PlannedDelivery[]) => Promise<Run>;
}

/** Runs the suite over one backend. */
export function describeStore(name: string, open: Open, { skip }: { skip: readonly Skip[] }): void {
  describe(`the store on ${name}`, () => {
    const titles = new Set<string>();
    const suite = createSuite(open, (title, body) => {
      titles.add(title);
      if (!skip.some((one) => one.tests.includes(title))) it(title, body);
    });
    describeRuns(suite);
    describeApprovals(suite);
    describeClaims(suite);
    describeReads(suite);
    describeOutbox(suite);
    describeNotices(suite);
    describeDocs(suite);
    describeDocOwners(suite);
    describeQueues(suite);
    describeReserve(suite);
    describeCharge(suite);
    describeAdvance(suite);
    describeEvents(suite);
    describeBlobs(suite);
    describeRetention(suite);
    describeArchive(suite);
    it('passes over only tests that exist', () => {
      expect(skip.flatMap((one) => one.tests).filter((title) => !titles.has(title))).toEqual([]);
    });
  });
}

function createSuite(open: Open, fact: Suite['fact']): Suite {
  let current: Harness | undefined;
  const present = (): Harness => {
    if (current === undefined) throw new Error('no test is running');
    return current;
  };
  beforeEach(async () => {
    current = await open();
  });
  afterEach(() => present().dispose());
  const h: Harness = {
    get store() {
      return present().store;
    },
    get report() {
      return present().report;
    },
    get clock() {
      return present().clock;
    },
    get ids() {
      return present().ids;
    },
    reopen: (how) => present().reopen(how),
    audit: () => present().audit(),
    dispose: () => present().dispose(),
  };
  const plan = (mode: PlannedDelivery['mode']): PlannedDelivery => ({
    id: h.ids.next('dlv'),
    mode,
    destination: { kind: 'slack', channel: 'C0SALES' },
  });
  return {
    h,
    fact,
    async reopenWith(options) {
      await h.dispose();
      current = await open(options);
    },
    report: () => plan('report'),
    live: () => plan('live'),
    async completed(deliveries = []) {
      const { lease } = await claimOne(h.store);
      const [outcome] = await h.store.settle([{ lease, end: 'completed', result: 42, deliveries }]);
      if (outcome?.outcome !== 'settled') throw new Error(`not settled: ${outcome?.outcome}`);
      return outcome.run;
    },
  };
}
