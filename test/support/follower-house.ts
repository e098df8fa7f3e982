/** A schedule that runs every minute, with its followers reading; each run is ended by hand. */
import { expect } from 'vitest';
import { createIds } from '../../src/ids.ts';
import type { Destination } from '../../src/store/destinations.ts';
import type { Failure, Run } from '../../src/store/records.ts';
import type { Notice } from '../../src/store/notice-records.ts';
import { manualClock } from './clock.ts';
import { jobWith, scheduleHouse, settle, type ScheduleHouse, type ScheduleParts } from './schedule-house.ts';

export const MINUTE = 60_000;
/** Sunday 2026-11-22 11:59:30 UTC: the first slot is at noon. */
export const BEFORE_NOON = Date.UTC(2026, 10, 22, 11, 59, 30);
export const REPORTS: Destination = { kind: 'slack', channel: '#reports' };

export interface FollowerHouse extends ScheduleHouse {
  /** The run of the next minute. */
  nextRun(): Promise<Run>;
  /** Ends the run of the next minute: well, with its report where it belongs; or failed with this message. */
  nextGood(): Promise<Run>;
  nextBad(error?: string | Failure): Promise<Run>;
  /** Ends a run with a report for one place; what becomes of that is up to the test. */
  undelivered(run: Run): Promise<void>;
  notices(): Promise<Notice[]>;
  /** `incident`, `recovery`, … oldest first. */
  kinds(): Promise<string[]>;
}

/** Makes the house and starts it. */
export async function followerHouse(
  schedule: Record<string, unknown> = {},
  parts: ScheduleParts = {},
): Promise<FollowerHouse> {
  const clock = parts.clock ?? manualClock(BEFORE_NOON);
  const jobs = parts.jobs ?? [jobWith([{ when: '* * * * *', ...schedule }], { overlap: 'queue' })];
  const house = scheduleHouse({ alertsTo: [{ kind: 'slack', channel: 'C0OPS' }], ...parts, jobs, clock });
  await house.start();
  const ids = createIds(clock);
  const settled = async (): Promise<void> => {
    // The followers read on between two moves of the clock.
    await clock.advance(1);
  };
  async function nextRun(): Promise<Run> {
    const before = new Set((await house.runs('weekly')).map((run) => run.id));
    await clock.advance(MINUTE - (clock.now() % MINUTE) + 6000);
    const fresh = (await house.runs('weekly')).filter((run) => !before.has(run.id));
    expect(fresh).toHaveLength(1);
    return fresh[0] ?? expect.fail('no run');
  }
  async function notices(): Promise<Notice[]> {
    return (await house.store.listNotices({ limit: 200 })).items.map(({ notice }) => notice).toReversed();
  }
  async function undelivered(run: Run): Promise<void> {
    await settle(house.store, run.id, {
      end: 'completed',
      deliveries: [{ id: ids.next('dlv'), mode: 'report', destination: REPORTS }],
    });
    await settled();
  }
  return {
    ...house,
    nextRun,
    notices,
    undelivered,
    async nextGood() {
      const run = await nextRun();
      await settle(house.store, run.id, { end: 'completed' });
      await settled();
      return run;
    },
    async nextBad(said = 'no such sheet') {
      const run = await nextRun();
      const error = typeof said === 'string' ? { code: 'JOB_FAILED', message: said } : said;
      await settle(house.store, run.id, {
        end: 'failed',
        error,
        deliveries: [{ id: ids.next('dlv'), mode: 'report', destination: REPORTS }],
      });
      await settled();
      return run;
    },
    kinds: async () => (await notices()).map((notice) => notice.kind),
  };
}

/** Takes what the outbox would take next for this run, and ends it so. */
export async function endDelivery(
  house: FollowerHouse,
  runId: string,
  end: { outcome: 'delivered' | 'failed' | 'unknown'; nextAt?: string },
): Promise<void> {
  const claimed = await house.store.claimDeliveries({ limit: 50, workerId: 'hand', leaseMs: 3_600_000 });
  const mine = claimed.find((one) => one.delivery.runId === runId);
  if (mine === undefined) throw new Error(`nothing to deliver of ${runId}`);
  const error = end.outcome === 'delivered' ? {} : { error: { code: 'SLACK_REJECTED', message: 'is_archived' } };
  await house.store.settleDelivery({ lease: mine.lease, ...error, ...end });
  await house.clock.advance(1);
}
