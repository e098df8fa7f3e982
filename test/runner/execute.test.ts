import { describe, expect, test } from 'vitest';
import { fateJob } from '../support/runner-fate.ts';
import { estate } from '../support/runner-estate.ts';
import { ANA, buildHouse, eventually, SECRET, staticRegistry } from '../support/runner-house.ts';
import { systemClock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { JobContext } from '../../src/index.ts';
import { manualClock } from '../support/clock.ts';

const { build, open } = estate();

describe('what a function returns', () => {
  test('markdown becomes a report at the place where it was asked', async () => {
    const house = await open({ jobs: [fateJob()] });
    const run = await house.until((await house.ask('fate', { text: '# Sales\n\nThey **rose**.\n\n- a\n- b' })).id);
    expect(run.state).toBe('completed');
    expect(run.report).toMatchObject({ title: 'Sales', summary: 'They rose.', status: 'ok' });
    expect(run.deliveries).toMatchObject([
      { mode: 'report', destination: { kind: 'slack', channel: 'C0HERE' }, fallbackUser: 'U0ANA' },
    ]);
  });

  test.each([
    ['nothing', { title: 'fate', summary: 'fate finished.' }, undefined],
    ['json', { title: 'fate', summary: 'fate returned rows, names.' }, { rows: 3, names: ['a', 'b'] }],
    ['report', { title: 'Weekly', summary: 'All is well.' }, undefined],
    ['both', { title: 'Weekly', summary: 'All is well.' }, { rows: 3 }],
  ])('%s is reported and kept as it should be', async (fate, report, result) => {
    const house = await open({ jobs: [fateJob()] });
    const run = await house.until((await house.ask('fate', { fate })).id);
    expect(run.state).toBe('completed');
    expect(run.report).toMatchObject(report);
    expect(run.result).toEqual(result);
  });

  test.each([
    ['bad-report', /summary/],
    ['bigint', /bigint/],
    ['large', /more than 1048576/],
  ])('%s fails for good at the first attempt, saying why', async (fate, why) => {
    const house = await open({ jobs: [fateJob()] });
    const run = await house.until((await house.ask('fate', { fate })).id);
    expect(run).toMatchObject({ state: 'failed', attemptsUsed: 1, error: { code: 'RESULT_INVALID' } });
    expect(run.error?.message).toMatch(why);
    expect(run.report).toMatchObject({ title: 'fate failed', status: 'failed' });
  });

  test('steps, progress and log lines stay with the run', async () => {
    const house = await open({ jobs: [fateJob()] });
    const run = await house.until((await house.ask('fate', { fate: 'steps' })).id);
    expect(run.progress).toMatchObject({
      share: 0.5,
      note: 'half of it',
      steps: [
        { title: 'Read', state: 'completed' },
        { title: 'Write', state: 'completed' },
      ],
    });
    expect(run.attempts[0]?.stderr?.head).toBe('read one row\n');
  });

  test('a configured secret is masked in report, result and log lines', async () => {
    const house = await open({ jobs: [fateJob()] });
    const asked = await house.ask('fate', { fate: 'secret', text: SECRET });
    const run = await house.until(asked.id);
    const { input: _input, ...shown } = run;
    expect(JSON.stringify(shown)).not.toContain(SECRET);
    expect(run.report?.summary).toBe('the token is [secret]');
  });
});

describe('attempts', () => {
  test('a failing run is tried again after growing waits, then its failure is reported once', async () => {
    const clock = manualClock();
    const house = await open({ jobs: [fateJob()], clock });
    const asked = await house.ask('fate', { fate: 'throw' });
    const waits: number[] = [];
    for (const used of [1, 2]) {
      await clock.advance(0);
      const retrying = await house.until(asked.id, (run) => run.state === 'retrying' && run.attemptsUsed === used);
      expect(retrying.report).toBeUndefined();
      expect(retrying.deliveries).toEqual([]);
      waits.push(Date.parse(retrying.runAt) - clock.now());
      // A timer of the worker waits at least 250 ms.
      await clock.advance(Math.max(250, waits.at(-1) ?? 0));
    }
    const run = await house.until(asked.id);
    expect(waits[0]).toBeGreaterThanOrEqual(100);
    expect(waits[0]).toBeLessThanOrEqual(1000);
    expect(waits[1]).toBeLessThanOrEqual(2000);
    expect(run).toMatchObject({
      state: 'failed',
      attemptsUsed: 3,
      error: { code: 'JOB_FAILED', message: 'the sums do not add up' },
    });
    expect(run.attempts.map((attempt) => attempt.end)).toEqual(['failed', 'failed', 'failed']);
    expect(run.report).toMatchObject({ title: 'fate failed', summary: 'the sums do not add up' });
    expect(run.deliveries).toHaveLength(1);
  });

  test('a run that fails first and then succeeds is completed', async () => {
    const clock = manualClock();
    const house = await open({ jobs: [fateJob()], clock });
    const asked = await house.ask('fate', { times: 2 });
    for (let i = 0; i < 4; i++) await clock.advance(5000);
    const run = await house.until(asked.id);
    expect(run).toMatchObject({ state: 'completed', attemptsUsed: 3 });
    expect(run.error).toBeUndefined();
  });

  test('a permanent error ends the run at once with its hint', async () => {
    const house = await open({ jobs: [fateJob()] });
    const run = await house.until((await house.ask('fate', { fate: 'permanent' })).id);
    expect(run).toMatchObject({ attemptsUsed: 1, error: { code: 'JOB_PERMANENT', hint: 'open it again' } });
  });

  test('RetryLater sets the wait', async () => {
    const clock = manualClock();
    const house = await open({ jobs: [fateJob()], clock });
    const asked = await house.ask('fate', { fate: 'later' });
    await clock.advance(0);
    const run = await house.until(asked.id, ({ state }) => state === 'retrying');
    expect(Date.parse(run.runAt) - clock.now()).toBe(45_000);
  });

  test('an attempt ends at its timeout, and its function is told by the signal', async () => {
    const clock = manualClock();
    const house = await open({ jobs: [fateJob({ retries: 0 })], clock });
    const asked = await house.ask('fate', { fate: 'wait' });
    await clock.advance(9999);
    expect((await house.store.get(asked.id))?.state).toBe('running');
    await clock.advance(2);
    const run = await house.until(asked.id);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'TIMED_OUT' }, attempts: [{ end: 'timed_out' }] });
    expect(house.runner.active()).toBe(0);
  });

  test('a function that ignores its timeout is reported, and keeps its slot until it returns', async () => {
    const clock = manualClock();
    const { promise, resolve } = Promise.withResolvers<void>();
    const house = await open({ jobs: [fateJob({ retries: 0, released: promise })], clock });
    const first = await house.ask('fate', { fate: 'ignore' });
    await clock.advance(10_001);
    expect(await house.until(first.id)).toMatchObject({ error: { code: 'TIMED_OUT' } });
    const second = await house.ask('fate');
    await clock.advance(3000);
    expect((await house.store.get(second.id))?.state).toBe('queued');
    expect(house.runner.active()).toBe(1);
    resolve();
    await clock.advance(1000);
    expect((await house.until(second.id)).state).toBe('completed');
  });

  test('the last attempt of a worker that vanished is reported as a failure', async () => {
    const clock = manualClock();
    const house = build({ jobs: [fateJob({ retries: 0 })], clock });
    const asked = await house.ask('fate');
    await house.store.claim({
      queues: [{ name: 'fate', limit: 1 }],
      kinds: ['function'],
      limit: 1,
      workerId: 'dead',
      leaseMs: 1000,
    });
    await house.runner.start();
    await clock.advance(5000);
    const run = await house.until(asked.id);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'LEASE_EXPIRED' }, report: { status: 'failed' } });
    expect(run.deliveries).toHaveLength(1);
  });

  test('a run whose worker vanished is claimed again while attempts are left', async () => {
    const clock = manualClock();
    const house = build({ jobs: [fateJob()], clock });
    const asked = await house.ask('fate');
    await house.store.claim({
      queues: [{ name: 'fate', limit: 1 }],
      kinds: ['function'],
      limit: 1,
      workerId: 'dead',
      leaseMs: 1000,
    });
    await house.runner.start();
    await clock.advance(5000);
    const run = await house.until(asked.id);
    expect(run).toMatchObject({ state: 'completed', attemptsUsed: 2 });
    expect(run.attempts.map((attempt) => attempt.end)).toEqual(['lease_expired', 'completed']);
  });

  test('a run whose job is gone is failed after a while, and people are told', async () => {
    const clock = manualClock();
    const registry = staticRegistry([fateJob()]);
    const house = build({ registry, clock });
    const asked = await house.ask('fate');
    registry.set([]);
    await house.runner.start();
    await clock.advance(4000);
    expect((await house.store.get(asked.id))?.state).toBe('queued');
    await clock.advance(10_000);
    expect(await house.until(asked.id)).toMatchObject({
      state: 'failed',
      error: { code: 'JOB_UNKNOWN' },
      report: { title: 'fate failed' },
    });
  });
});

describe('cancel and shutdown', () => {
  test('a cancelled run stops its function, frees its slot and reports nothing', async () => {
    const house = await open({ jobs: [fateJob({ timeout: '10m' })] });
    const asked = await house.ask('fate', { fate: 'wait' });
    await house.until(asked.id, ({ state }) => state === 'running');
    expect(await house.runner.cancel(asked.id, ANA)).toMatchObject({ outcome: 'cancelled' });
    await eventually(() => house.runner.active() === 0 || undefined);
    const run = await house.until(asked.id);
    expect(run).toMatchObject({ state: 'cancelled', deliveries: [], attempts: [{ end: 'cancelled' }] });
    expect(run.report).toBeUndefined();
  });

  test('a removed run stops as well', async () => {
    const house = await open({ jobs: [fateJob({ timeout: '10m' })] });
    const asked = await house.ask('fate', { fate: 'wait' });
    await house.until(asked.id, ({ state }) => state === 'running');
    await house.runner.remove(asked.id, ANA);
    await eventually(() => house.runner.active() === 0 || undefined);
    expect(await house.store.get(asked.id)).toBeUndefined();
  });

  test('a shutdown waits for what ends in time', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const house = await open({ jobs: [fateJob({ released: promise })] });
    const asked = await house.ask('fate', { fate: 'ignore' });
    // Claimed is not yet begun: a claim that is under way at a shutdown goes back.
    await eventually(() => house.runner.active() === 1 || undefined);
    const stopped = house.runner.stop({ graceMs: 60_000 });
    const late = await house.ask('fate');
    resolve();
    await stopped;
    expect((await house.store.get(asked.id))?.state).toBe('completed');
    expect((await house.store.get(late.id))?.state).toBe('queued');
  });

  test('a shutdown hands back what does not end, without counting the attempt', async () => {
    const house = await open({ jobs: [fateJob({ timeout: '10m' })] });
    const asked = await house.ask('fate', { fate: 'wait' });
    await eventually(() => house.runner.active() === 1 || undefined);
    await house.runner.stop({ graceMs: 0 });
    const run = await house.store.get(asked.id);
    expect(run).toMatchObject({ state: 'queued', attemptsUsed: 0, attempts: [{ end: 'drained' }] });
    const next = await open({ jobs: [fateJob()], store: house.store });
    await next.runner.cancel(asked.id, ANA);
  });
});

test('a claim that is under way at a shutdown is handed back before the shutdown is over', async () => {
  const ids = createIds(systemClock);
  const store = createMemoryStore({ clock: systemClock, ids, log: silentLog });
  const { promise, resolve } = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const claim: typeof store.claim = async (request) => {
    const claimed = await store.claim(request);
    begun.resolve();
    await promise;
    return claimed;
  };
  const house = buildHouse({ jobs: [fateJob()], store: { ...store, claim } });
  const asked = await house.ask('fate');
  await house.runner.start();
  await begun.promise;
  let over = false;
  const stopped = house.runner.stop({ graceMs: 20_000 }).finally(() => (over = true));
  for (let turn = 0; turn < 5; turn++) await new Promise((next) => setImmediate(next));
  expect(over).toBe(false);
  resolve();
  await stopped;
  expect(await store.get(asked.id)).toMatchObject({ state: 'queued', attemptsUsed: 0 });
});

test('steps that were cut off are not shown as running', async () => {
  const clock = manualClock();
  const job = {
    name: 'cut',
    description: 'x',
    retries: 0,
    timeout: '1s',
    run: (_input: unknown, ctx: JobContext) => ctx.step('Wait', () => new Promise(() => undefined)),
  };
  const house = await open({ jobs: [job], clock });
  const asked = await house.ask('cut');
  await clock.advance(2000);
  const run = await house.until(asked.id);
  expect(run.progress?.steps).toMatchObject([{ title: 'Wait', state: 'failed' }]);
});

test('a job runs at most as often at the same time as it says, all jobs as often as the worker says', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const jobs = [
    fateJob({ name: 'narrow', released: promise, concurrency: 1 }),
    fateJob({ name: 'wide', released: promise, concurrency: 9 }),
  ];
  const house = await open({ jobs, options: { concurrency: 4 } });
  for (let i = 0; i < 3; i++) await house.ask('narrow', { fate: 'ignore' });
  for (let i = 0; i < 6; i++) await house.ask('wide', { fate: 'ignore' });
  await eventually(() => house.runner.active() === 4 || undefined);
  const { items } = await house.store.list({ states: ['running'] });
  expect(items.filter((run) => run.job === 'narrow')).toHaveLength(1);
  expect(items).toHaveLength(4);
  resolve();
  await eventually(async () => (await house.store.count({})).completed === 9 || undefined);
});
