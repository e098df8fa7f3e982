import { describe, expect, test } from 'vitest';
import { endDelivery, followerHouse, MINUTE, type FollowerHouse } from '../support/follower-house.ts';
import { BEA, finish, jobWith } from '../support/schedule-house.ts';

const DAY = 24 * 60 * MINUTE;

async function docs(house: FollowerHouse, kind = 'status') {
  return Object.fromEntries((await house.store.listDocs(kind, {})).items.map(({ key, value }) => [key, value]));
}

describe('the status of a schedule', () => {
  test('is exactly kind, ok, status, ms, at and host: nothing of the error, the input, or who asked', async () => {
    const secret = 'Kanarien-Vogel-77';
    const house = await followerHouse({}, { secrets: [secret] });
    const run = await house.nextBad({ code: 'JOB_FAILED', message: `ana@example.com ${secret}`, hint: secret });
    const ended = await house.store.get(run.id);
    const value = {
      kind: 'weekly',
      ok: false,
      status: 'failed',
      ms: Date.parse(ended?.finishedAt ?? '') - Date.parse(ended?.startedAt ?? ''),
      at: ended?.finishedAt,
      host: 'test-host',
    };
    expect(await docs(house)).toEqual({ 'weekly.latest': value });
    expect(await docs(house, 'status-history')).toEqual({ 'weekly.2026-11-22.test-host': value });
    await house.stop();
  });

  test('follows each run, whose report may still be on its way, and says when one was cancelled', async () => {
    const house = await followerHouse();
    const run = await house.nextRun();
    await house.undelivered(run);
    expect(await docs(house)).toMatchObject({ 'weekly.latest': { ok: true, status: 'completed' } });
    await endDelivery(house, run.id, { outcome: 'failed' });
    expect(await docs(house)).toMatchObject({ 'weekly.latest': { ok: true, status: 'completed' } });
    const next = await house.nextRun();
    await house.runner.cancel(next.id, BEA);
    await house.clock.advance(1);
    expect(await docs(house)).toMatchObject({ 'weekly.latest': { ok: false, status: 'cancelled', ms: 0 } });
    await house.stop();
  });

  test('is never older than it was, when an older run ends late, or its event comes again', async () => {
    const house = await followerHouse();
    const early = await house.nextGood();
    const late = await house.nextBad();
    const { at } = Object(Object(await docs(house))['weekly.latest']);
    expect(at).toBe((await house.store.get(late.id))?.finishedAt);
    await house.stop();
    const cursor = await house.store.getDoc('follower', 'cursor');
    const seq = Date.parse(early.createdAt) * 1000;
    await house.store.putDoc({ kind: 'follower', key: 'cursor', rev: cursor?.rev ?? 0, value: { seq } });
    const before = await house.store.getDoc('status', 'weekly.latest');
    const next = house.again();
    await next.start();
    await house.clock.advance(1);
    expect(await house.store.getDoc('status', 'weekly.latest')).toEqual(before);
    await next.stop();
  });

  test('has a history of one document a day and host, which goes after 35 days; the latest stays', async () => {
    const house = await followerHouse({}, { jobs: [jobWith([{ when: '* * * * *' }], { overlap: 'skip' })] });
    await house.nextGood();
    await house.nextBad();
    await house.clock.advance(12 * 60 * MINUTE);
    const [run] = (await house.runs('weekly')).filter((one) => one.state === 'queued').slice(-1);
    await finish(house.store, run?.id ?? '');
    await house.clock.advance(1);
    expect(Object.keys(await docs(house, 'status-history'))).toEqual([
      'weekly.2026-11-22.test-host',
      'weekly.2026-11-23.test-host',
    ]);
    await house.schedules.pause('all', BEA);
    house.clock.step(34 * DAY);
    expect(Object.keys(await docs(house, 'status-history'))).toHaveLength(2);
    house.clock.step(2 * DAY);
    expect(await docs(house, 'status-history')).toEqual({});
    expect(Object.keys(await docs(house))).toEqual(['weekly.latest']);
    house.clock.step(400 * DAY);
    expect(await docs(house)).toEqual({});
    await house.stop();
  });

  test('of the newest run is there where events were lost', async () => {
    const house = await followerHouse();
    await house.nextBad();
    await house.stop();
    await house.store.removeDoc('follower', 'cursor');
    await house.store.removeDoc('status', 'weekly.latest');
    const next = house.again();
    await next.start();
    await house.clock.advance(1);
    expect(await docs(house)).toMatchObject({ 'weekly.latest': { status: 'failed' } });
    await next.stop();
  });
});
