import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/index.ts';
import { createIds, shortId } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { systemClock } from '../../src/clock.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { fateJob } from '../support/runner-fate.ts';
import { estate } from '../support/runner-estate.ts';
import { ANA, eventually, ORIGIN, staticRegistry } from '../support/runner-house.ts';
import type { SubmitRequest } from '../../src/runner/runner.ts';
import type { Actor } from '../../src/store/records.ts';

const { build } = estate();
const asked = (extra: Partial<SubmitRequest> = {}): SubmitRequest => ({
  job: 'fate',
  input: {},
  as: 'words',
  actor: ANA,
  trigger: 'slack',
  origin: ORIGIN,
  ...extra,
});
const JUN: Actor = { kind: 'slack', id: 'U0JUN' };

describe('submit', () => {
  test('accepts words, keeps who asked, where, and the policy of the job', async () => {
    const { runner } = build({ jobs: [fateJob({ retries: 4 })] });
    const result = await runner.submit(asked({ input: { times: '2' } }));
    expect(result).toMatchObject({
      outcome: 'accepted',
      run: {
        state: 'queued',
        queue: 'fate',
        input: { fate: 'markdown', times: 2 },
        origin: ORIGIN,
        actor: ANA,
        policy: { maxAttempts: 5, backoff: { baseMs: 1000, maxMs: 8000 } },
        deliveries: [],
      },
    });
  });

  test('plans a live card only for a Slack origin', async () => {
    const { runner } = build({ jobs: [fateJob()] });
    expect(await runner.submit(asked({ card: true }))).toMatchObject({
      run: { deliveries: [{ mode: 'live', destination: ORIGIN, fallbackUser: 'U0ANA' }] },
    });
    const mail = { kind: 'email', to: 'ana@example.com' } as const;
    expect(await runner.submit(asked({ card: true, origin: mail }))).toMatchObject({ run: { deliveries: [] } });
  });

  test('the same idempotency key is the same run', async () => {
    const { runner } = build({ jobs: [fateJob()] });
    const first = await runner.submit(asked({ idempotencyKey: 'k' }));
    const second = await runner.submit(asked({ idempotencyKey: 'k' }));
    if (first.outcome !== 'accepted') throw new Error(first.outcome);
    expect(second).toMatchObject({ outcome: 'deduplicated', run: { id: first.run.id } });
  });

  test('an unknown job is answered with near names', async () => {
    const { runner } = build({ jobs: [fateJob()] });
    expect(await runner.submit(asked({ job: 'faet' }))).toEqual({
      outcome: 'unknown_job',
      name: 'faet',
      suggestions: ['fate'],
    });
  });

  test('an input that does not fit is answered with its issues, and nothing is stored', async () => {
    const { runner, store } = build({ jobs: [fateJob()] });
    const result = await runner.submit(asked({ input: { times: '99', colour: 'red' } }));
    expect(result).toMatchObject({ outcome: 'invalid_input', issues: [{ path: 'colour' }, { path: 'times' }] });
    expect((await store.list({})).items).toEqual([]);
  });

  test('a full store and a large input are outcomes, not errors', async () => {
    const ids = createIds(systemClock);
    const store = createMemoryStore({ clock: systemClock, ids, log: silentLog }, { maxUnfinished: 1 });
    const { runner } = build({ jobs: [fateJob()], store });
    await runner.submit(asked());
    expect(await runner.submit(asked())).toEqual({ outcome: 'queue_full', limit: 1 });
    const other = build({ jobs: [fateJob()] });
    expect(await other.runner.submit(asked({ input: { text: 'x'.repeat(20_000_000) } }))).toMatchObject({
      outcome: 'too_large',
    });
  });
});

describe('find', () => {
  test('last is the newest run of this actor only', async () => {
    const { runner } = build({ jobs: [fateJob()] });
    expect(await runner.find('last', ANA)).toEqual({ outcome: 'not_found' });
    await runner.submit(asked());
    const own = await runner.submit(asked());
    await runner.submit(asked({ actor: JUN }));
    await runner.submit(asked({ actor: { kind: 'token', id: ANA.id } }));
    if (own.outcome !== 'accepted') throw new Error(own.outcome);
    expect(await runner.find('last', ANA)).toMatchObject({ outcome: 'found', run: { id: own.run.id } });
  });

  test('a full id, its ending in any case, and letters that look like digits are understood', async () => {
    const { runner, ask } = build({ jobs: [fateJob()] });
    const run = await ask('fate');
    const ending = shortId(run.id);
    for (const ref of [
      run.id,
      ending,
      ending.toUpperCase(),
      ` ${ending} `,
      ending.replaceAll('0', 'O').replaceAll('1', 'l'),
    ]) {
      expect(await runner.find(ref, ANA)).toMatchObject({ outcome: 'found', run: { id: run.id } });
    }
  });

  test('too short, unknown or impossible references are not found', async () => {
    const { runner, ask } = build({ jobs: [fateJob()] });
    const run = await ask('fate');
    for (const ref of [run.id.slice(-3), 'zzzzzz', '../../etc', '', 'run_']) {
      expect(await runner.find(ref, ANA)).toEqual({ outcome: 'not_found' });
    }
  });

  test('an ending that several runs share is answered with them', async () => {
    const house = build({ jobs: [fateJob()] });
    const run = await house.ask('fate');
    const { items } = await house.store.list({});
    const twice = { ...house.store, list: () => Promise.resolve({ items: [...items, ...items] }) };
    const { runner } = build({ jobs: [fateJob()], store: twice });
    expect(await runner.find(shortId(run.id), ANA)).toMatchObject({
      outcome: 'ambiguous',
      candidates: [{ id: run.id }, { id: run.id }],
    });
  });
});

describe('retry', () => {
  test('is a new run with the same input that names the old one', async () => {
    const house = build({ jobs: [fateJob()] });
    await house.runner.start();
    const first = await house.until((await house.ask('fate', { fate: 'permanent' })).id);
    const result = await house.runner.retry(first.id, JUN, { origin: ORIGIN, card: true });
    expect(result).toMatchObject({
      outcome: 'accepted',
      run: { retryOf: first.id, trigger: 'retry', input: first.input, actor: JUN, deliveries: [{ mode: 'live' }] },
    });
    expect(await house.store.get(first.id)).toMatchObject({ state: 'failed' });
  });

  test('needs a finished run, a known id and a job that still exists', async () => {
    const registry = staticRegistry([fateJob()]);
    const { runner, ask } = build({ registry });
    const run = await ask('fate');
    expect(await runner.retry(run.id, ANA)).toMatchObject({ outcome: 'unfinished' });
    await runner.cancel(run.id, ANA);
    registry.set([]);
    expect(await runner.retry(run.id, ANA)).toMatchObject({ outcome: 'job_gone' });
    expect(await runner.retry('run_00000000000000000000000000', ANA)).toEqual({ outcome: 'not_found' });
  });
});

describe('where a report goes', () => {
  const job = (destinations: unknown) => ({
    name: 'told',
    description: 'x',
    input: z.object({ mail: z.string().optional() }),
    destinations,
    run: () => 'Done.',
  });
  async function deliveriesOf(definition: unknown, extra: Partial<SubmitRequest> = {}) {
    const house = build({ jobs: [definition] });
    await house.runner.start();
    const result = await house.runner.submit(asked({ job: 'told', ...extra }));
    if (result.outcome !== 'accepted') throw new Error(result.outcome);
    return house.until(result.run.id);
  }

  test('to the places of the job, each once, the origin resolved', async () => {
    const run = await deliveriesOf(job(['origin', 'C0HERE', 'Ana@example.com', 'ana@example.com', 'file:x.html']));
    expect(run.deliveries.map(({ destination }) => destination)).toEqual([
      ORIGIN,
      { kind: 'email', to: 'Ana@example.com' },
      { kind: 'file', path: 'x.html' },
    ]);
  });

  test('the places of a run stand in for those of its job, and a retry goes there again', async () => {
    const house = build({ jobs: [job(['C0JOB', 'origin'])] });
    await house.runner.start();
    const destinations = [{ kind: 'email', to: 'jun@example.com' }] as const;
    const result = await house.runner.submit(asked({ job: 'told', destinations }));
    if (result.outcome !== 'accepted') throw new Error(result.outcome);
    const run = await house.until(result.run.id);
    expect(run.deliveries.map(({ destination }) => destination)).toEqual(destinations);
    const again = await house.runner.retry(run.id, ANA);
    if (again.outcome !== 'accepted') throw new Error(again.outcome);
    expect((await house.until(again.run.id)).deliveries.map((one) => one.destination)).toEqual(destinations);
  });

  test('a late run says so in its report, before what the job warns of', async () => {
    const house = build({ jobs: [{ ...job([]), run: () => ({ title: 'T', summary: 'S', warnings: ['own'] }) }] });
    await house.runner.start();
    const late = { ms: 60_000, reason: 'Bellhop was down' };
    const [outcome] = await house.store.submit([
      {
        job: 'told',
        kind: 'function',
        queue: 'told',
        trigger: 'schedule',
        actor: { kind: 'schedule', id: 'told' },
        input: {},
        policy: { maxAttempts: 1, timeoutMs: 60_000, backoff: { baseMs: 1, maxMs: 1 } },
        schedule: { name: 'told', slot: '2026-11-22T08:00:00.000Z', late },
      },
    ]);
    if (outcome?.outcome !== 'accepted') throw new Error(outcome?.outcome);
    const { report } = await house.until(outcome.run.id);
    expect(report?.warnings).toEqual([
      expect.stringMatching(/^Due Sun 22 Nov 08:00 \(UTC\), ran .*: Bellhop was down\.$/),
      'own',
    ]);
  });

  test('a function of the input may choose', async () => {
    const definition = defineJob({
      name: 'told',
      description: 'x',
      input: z.object({ mail: z.string() }),
      destinations: ({ mail }) => [mail],
      run: () => 'Done.',
    });
    const run = await deliveriesOf(definition, { input: { mail: 'jun@example.com' } });
    expect(run.deliveries).toMatchObject([{ destination: { to: 'jun@example.com' } }]);
  });

  test('without an origin nothing is sent there', async () => {
    const house = build({ jobs: [job(['origin'])] });
    await house.runner.start();
    const result = await house.runner.submit({ job: 'told', input: {}, as: 'json', actor: ANA, trigger: 'cli' });
    if (result.outcome !== 'accepted') throw new Error(result.outcome);
    expect((await house.until(result.run.id)).deliveries).toEqual([]);
  });

  test.each([
    [
      () => {
        throw new Error('no idea');
      },
    ],
    [() => ['nowhere']],
    [() => 'C0HERE'],
  ])('a choice that fails does not fail the run: it goes to the origin with a warning', async (destinations) => {
    const run = await deliveriesOf(job(destinations));
    expect(run).toMatchObject({ state: 'completed', deliveries: [{ destination: ORIGIN }] });
    expect(run.report?.warnings[0]).toMatch(/destinations of told could not be read/);
  });

  test('at most 20 places, and the report says so', async () => {
    const run = await deliveriesOf(job(() => Array.from({ length: 30 }, (_, i) => `a${i}@example.com`)));
    expect(run.deliveries).toHaveLength(20);
    expect(run.report?.warnings).toEqual(['Only the first 20 of 30 destinations get this report.']);
  });
});

describe('a store that fails', () => {
  test('an outcome that cannot be stored for a moment is stored later, once', async () => {
    const inner = createMemoryStore({ clock: systemClock, ids: createIds(systemClock), log: silentLog });
    const { DependencyError } = await import('../../src/errors.ts');
    let failures = 2;
    const settle: typeof inner.settle = (all) =>
      failures-- > 0
        ? Promise.reject(new DependencyError('the disk is away', { code: 'STORE_FAILED' }))
        : inner.settle(all);
    const house = build({ jobs: [fateJob()], store: { ...inner, settle } });
    await house.runner.start();
    const run = await house.until((await house.ask('fate')).id);
    expect(run).toMatchObject({ state: 'completed', attemptsUsed: 1 });
  });

  test('an outcome that is too large for the store becomes a failure that says so', async () => {
    const ids = createIds(systemClock);
    const store = createMemoryStore({ clock: systemClock, ids, log: silentLog }, { maxRunBytes: 20_000 });
    const house = build({ jobs: [{ name: 'big', description: 'x', run: () => ({ a: 'x'.repeat(50_000) }) }], store });
    await house.runner.start();
    const run = await house.until((await house.ask('big')).id);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'TOO_LARGE' }, deliveries: [{ mode: 'report' }] });
  });

  test('a claim that fails is tried again', async () => {
    const inner = createMemoryStore({ clock: systemClock, ids: createIds(systemClock), log: silentLog });
    let failures = 2;
    const claim: typeof inner.claim = (request) =>
      failures-- > 0 ? Promise.reject(new Error('the disk is away')) : inner.claim(request);
    const house = build({ jobs: [fateJob()], store: { ...inner, claim } });
    await house.runner.start();
    expect((await house.until((await house.ask('fate')).id)).state).toBe('completed');
  });

  test('a lost lease stops the function and leaves the record to its new owner', async () => {
    const inner = createMemoryStore({ clock: systemClock, ids: createIds(systemClock), log: silentLog });
    const heartbeat: typeof inner.heartbeat = (beats) =>
      Promise.resolve({ lost: beats.map(({ lease }) => lease.runId), cancelled: [] });
    const house = build({
      jobs: [fateJob({ timeout: '10m' })],
      store: { ...inner, heartbeat },
      options: { leaseMs: 60 },
    });
    await house.runner.start();
    const asking = await house.ask('fate', { fate: 'wait' });
    await house.until(asking.id, (run) => run.attempts.length > 0);
    await eventually(() => house.runner.active() === 0 || undefined);
    expect((await house.store.get(asking.id))?.state).toBe('running');
  });
});
