import { describe, expect, it } from 'vitest';
import {
  claimDelivery,
  DELIVERY_TRANSITIONS,
  interruptDelivery,
  isOpen,
  settleDelivery,
} from '../../src/store/delivery-transitions.ts';
import { DELIVERY_STATES, FINAL_STATES, RUN_STATES } from '../../src/store/records.ts';
import type { Delivery, Run } from '../../src/store/records.ts';
import {
  approveRun,
  cancelRun,
  cardVersion,
  claimRun,
  interruptRun,
  mayMove,
  releaseRun,
  RUN_TRANSITIONS,
  settleRun,
} from '../../src/store/transitions.ts';
import { accept, ana, memoryHarness } from '../support/store-harness.ts';

const now = Date.UTC(2026, 10, 23, 9);
const some = async (over: Partial<Run>): Promise<Run> => {
  const h = memoryHarness();
  const run = await accept(h.store);
  await h.dispose();
  const lease = { runId: run.id, fence: 1, workerId: 'w', expiresAt: new Date(now).toISOString() };
  return { ...run, fence: 1, lease, ...over };
};
const moves = {
  claim: (run: Run) => claimRun(run, { now, workerId: 'w', leaseMs: 1000 }),
  settle: (run: Run) =>
    settleRun(run, { lease: { runId: run.id, fence: 1, workerId: 'w', expiresAt: run.runAt }, end: 'completed' }, now),
  release: (run: Run) => releaseRun(run, now),
  approve: (run: Run) => approveRun(run, ana, now),
  cancel: (run: Run) => cancelRun(run, ana, now),
  interrupt: (run: Run) => interruptRun(run, now),
};

describe('the table of moves', () => {
  it('is kept by every verb in every state: a move outside of it is refused', async () => {
    for (const [verb, move] of Object.entries(moves)) {
      const row = RUN_TRANSITIONS.find((one) => one.verb === verb);
      for (const state of RUN_STATES) {
        const run = await some({ state });
        if (row?.from.includes(state)) {
          const next = move(run);
          expect(row.to, `${verb} from ${state}`).toContain(next.state);
          expect(next.rev).toBe(run.rev + 1);
        } else expect(() => move(run), `${verb} from ${state}`).toThrow(/may not move/);
      }
    }
  });
  it('lets nothing leave a final state, and reaches every state', () => {
    for (const state of FINAL_STATES) {
      expect(RUN_TRANSITIONS.filter((row) => row.from.includes(state))).toEqual([]);
    }
    const reached = new Set(RUN_TRANSITIONS.flatMap((row) => row.to));
    expect(RUN_STATES.filter((state) => !reached.has(state))).toEqual([]);
    expect(mayMove('claim', 'waiting', 'running')).toBe(false);
  });
});

it('a card has a new version when its run or one of its reports changed, not when the card itself did', () => {
  const delivery = (mode: Delivery['mode'], rev: number): Pick<Delivery, 'mode' | 'rev'> => ({ mode, rev });
  const base = cardVersion({ rev: 3 }, [delivery('live', 1), delivery('report', 0)]);
  expect(cardVersion({ rev: 3 }, [delivery('live', 9), delivery('report', 0)])).toBe(base);
  expect(cardVersion({ rev: 4 }, [delivery('live', 1), delivery('report', 0)])).toBeGreaterThan(base);
  expect(cardVersion({ rev: 3 }, [delivery('live', 1), delivery('report', 1)])).toBeGreaterThan(base);
});

const delivery: Delivery = {
  id: 'dlv_00000000000000000000000000',
  runId: 'run_00000000000000000000000000',
  mode: 'report',
  destination: { kind: 'slack', channel: 'C0SALES' },
  rev: 0,
  state: 'pending',
  createdAt: new Date(now).toISOString(),
  updatedAt: new Date(now).toISOString(),
  fence: 0,
  attempts: 0,
  parts: [],
};

it('a delivery is open unless it is delivered, failed, or unknown without another look to come', () => {
  expect(DELIVERY_STATES.filter((state) => isOpen({ ...delivery, state }))).toEqual(['pending', 'sending', 'retrying']);
  expect(isOpen({ ...delivery, state: 'unknown', nextAt: new Date(now).toISOString() })).toBe(true);
});

it('every move of a delivery stands in its table', () => {
  const lease = { deliveryId: delivery.id, runId: 'run_00000000000000000000000000', fence: 1, workerId: 'o' };
  const context = { run: { state: 'completed', rev: 2 }, siblings: [], now } as const;
  const tos = (verb: string): readonly string[] => DELIVERY_TRANSITIONS.find((row) => row.verb === verb)?.to ?? [];
  expect(tos('claim')).toEqual([claimDelivery(delivery, { now, workerId: 'o', leaseMs: 1 }).state]);
  expect(tos('interrupt')).toEqual([interruptDelivery({ ...delivery, state: 'sending' }, now).state]);
  const reached = (['delivered', 'retrying', 'unknown', 'failed', 'shown'] as const).map(
    (outcome) => settleDelivery({ ...delivery, state: 'sending', mode: 'live' }, { lease, outcome }, context).state,
  );
  expect(reached).toEqual(tos('settle'));
});
