/** Where a report is not sent, and why, from the run to its record. */
import { describe, expect, test } from 'vitest';
import { estate } from '../support/runner-estate.ts';
import { ANA, ORIGIN, type House } from '../support/runner-house.ts';
import { systemClock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { PermanentError } from '../../src/errors.ts';
import type { DeliverySettlement } from '../../src/store/store.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Run } from '../../src/store/records.ts';

const { open } = estate();

/** What the next run does is said here, not in its input: runs of one input are told apart by their reports alone. */
let says: unknown;
const weekly = (destinations: unknown): unknown => ({
  name: 'weekly',
  description: 'The weekly report',
  retries: 0,
  destinations,
  run: () => {
    if (says instanceof Error) throw says;
    return says;
  },
});
const report = (over: object = {}): object => ({
  title: 'Weekly',
  summary: 'All is well.',
  sections: [{ kind: 'markdown', markdown: 'A line.' }],
  ...over,
});
const CHANGED = ['#sales?onlyIf=changed'];

async function next(house: House, said: unknown): Promise<Run> {
  says = said;
  return house.until((await house.ask('weekly')).id);
}
/** Ends the deliveries that are due as a transport would. */
async function deliver(house: House, outcome: DeliverySettlement['outcome'] = 'delivered'): Promise<void> {
  const claimed = await house.store.claimDeliveries({ limit: 20, workerId: 'outbox', leaseMs: 30_000 });
  for (const { lease } of claimed) await house.store.settleDelivery({ lease, outcome });
}
const placesOf = (run: Run): unknown[] => run.deliveries.map(({ destination }) => destination);

describe('a report that is the same as the one before', () => {
  test('is sent once; the second is kept with its run, with the place and the reason', async () => {
    const house = await open({ jobs: [weekly(CHANGED)] });
    const first = await next(house, report());
    await deliver(house);
    const second = await next(house, report());
    expect(placesOf(first)).toMatchObject([{ channel: '#sales' }]);
    expect(first.withheld).toBeUndefined();
    expect(second).toMatchObject({ state: 'completed', report: { title: 'Weekly' }, deliveries: [] });
    expect(second.withheld).toEqual([
      {
        destination: { kind: 'slack', channel: '#sales', onlyIf: 'changed' },
        reason: `nothing has changed since run ${first.id.slice(-6)}`,
      },
    ]);
    const third = await next(house, report());
    expect(third.withheld).toHaveLength(1);
    const fourth = await next(house, report({ summary: 'Sales fell.' }));
    expect(placesOf(fourth)).toHaveLength(1);
  });

  test('is sent again where the one before did not arrive', async () => {
    for (const outcome of ['failed', 'unknown'] as const) {
      const house = await open({ jobs: [weekly(CHANGED)] });
      await next(house, report());
      await deliver(house, outcome);
      expect(placesOf(await next(house, report())), outcome).toHaveLength(1);
    }
  });

  test('is compared at each place with what that place got', async () => {
    const jobs = weekly(() => places);
    let places = ['#sales?onlyIf=changed'];
    const house = await open({ jobs: [jobs] });
    await next(house, report());
    await deliver(house);
    places = ['#sales?onlyIf=changed', '#finance?onlyIf=changed', '#ops'];
    const second = await next(house, report());
    expect(placesOf(second)).toMatchObject([{ channel: '#finance' }, { channel: '#ops' }]);
    expect(second.withheld).toMatchObject([{ destination: { channel: '#sales' } }]);
    // A report that was not for this place says nothing about what it knows.
    places = ['#ops'];
    await next(house, report({ summary: 'For others.' }));
    places = ['#sales?onlyIf=changed'];
    expect((await next(house, report())).withheld).toHaveLength(1);
  });

  test('is sent after a failure, which was always told', async () => {
    const house = await open({ jobs: [weekly(['#sales?onlyIf=changed&skipIfEmpty'])] });
    await next(house, report());
    await deliver(house);
    for (let n = 0; n < 2; n++) {
      const failed = await next(house, new PermanentError('no'));
      expect(failed).toMatchObject({ state: 'failed', deliveries: [{ destination: { channel: '#sales' } }] });
      expect(failed.withheld).toBeUndefined();
    }
    expect(placesOf(await next(house, report()))).toHaveLength(1);
  });

  test('is compared within its series', async () => {
    const house = await open({ jobs: [weekly(CHANGED)] });
    await next(house, report({ series: 'berlin' }));
    await next(house, report({ series: 'hamburg' }));
    await deliver(house);
    expect(placesOf(await next(house, report({ series: 'oslo' })))).toHaveLength(1);
    expect((await next(house, report({ series: 'berlin' }))).withheld).toHaveLength(1);
  });

  test('of a retry is compared with what came before the run that it repeats', async () => {
    const house = await open({ jobs: [weekly(CHANGED)] });
    const first = await next(house, report());
    await deliver(house);
    const retried = async (id: string): Promise<Run> => {
      const again = await house.runner.retry(id, ANA, { origin: ORIGIN });
      if (again.outcome !== 'accepted') throw new Error(again.outcome);
      return house.until(again.run.id);
    };
    const again = await retried(first.id);
    expect(placesOf(again)).toHaveLength(1);
    expect(placesOf(await retried(again.id))).toHaveLength(1);
    const second = await next(house, report());
    expect(second.withheld).toHaveLength(1);
    expect((await retried(second.id)).withheld).toHaveLength(1);
  });

  test('is sent when the one before cannot be read', async () => {
    const store = createMemoryStore({ clock: systemClock, ids: createIds(systemClock), log: silentLog });
    const list = (): never => {
      throw new Error('the disk is gone');
    };
    const house = await open({ jobs: [weekly(CHANGED)], store: { ...store, list } });
    await next(house, report());
    await deliver(house);
    const second = await next(house, report());
    expect(second).toMatchObject({ state: 'completed', deliveries: [{ destination: { channel: '#sales' } }] });
    expect(second.withheld).toBeUndefined();
  });
});

test('an empty report is not sent where none is wanted, and a text of its job is none', async () => {
  const house = await open({ jobs: [weekly(['#sales?skipIfEmpty', '#ops'])] });
  const empty = await next(house, report({ sections: [] }));
  expect(placesOf(empty)).toMatchObject([{ channel: '#ops' }]);
  expect(empty.withheld).toMatchObject([{ destination: { channel: '#sales' }, reason: 'the report is empty' }]);
  expect(placesOf(await next(house, 'The disk is nearly full.'))).toHaveLength(2);
  expect(placesOf(await next(house, { markdown: 'The disk is nearly full.' }))).toHaveLength(2);
});

test('a place that wants failures gets no report that is ok, and gets the failure', async () => {
  const house = await open({ jobs: [weekly(['ana@example.com?onlyIf=failed'])] });
  expect((await next(house, report())).withheld).toMatchObject([{ reason: expect.stringContaining('only failures') }]);
  expect(placesOf(await next(house, report({ status: 'partial' })))).toHaveLength(1);
  expect(placesOf(await next(house, new PermanentError('no')))).toHaveLength(1);
});

test('of a place that is named twice the first options count, and a thread is a place of its own', async () => {
  const house = await open({
    jobs: [weekly(['#sales?onlyIf=failed', '#sales', 'C0123ABC', 'C0123ABC:1763884800.123456'])],
  });
  const run = await next(house, report());
  expect(run.withheld).toMatchObject([{ destination: { channel: '#sales', onlyIf: 'failed' } }]);
  expect(placesOf(run)).toEqual([
    { kind: 'slack', channel: 'C0123ABC' },
    { kind: 'slack', channel: 'C0123ABC', threadTs: '1763884800.123456' },
  ]);
});
