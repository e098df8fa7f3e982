/** What a token of a smaller scope, or of some jobs alone, may do with runs, jobs and notices. */
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { jobRoutes } from '../../src/api/jobs.ts';
import { noticeRoutes } from '../../src/api/notices.ts';
import { runRoutes, scopedKey, type ApiEnv } from '../../src/api/runs.ts';
import type { Run } from '../../src/store/records.ts';
import { letIn, type Who } from '../support/principals.ts';
import { buildHouse, type House } from '../support/runner-house.ts';
import { fateJob } from '../support/runner-fate.ts';
import { accept, ana } from '../support/store-harness.ts';
import { newNotice } from '../support/store-notices.ts';

let house: House;
beforeEach(() => {
  house = buildHouse({ jobs: [fateJob(), fateJob({ name: 'other' })] });
});
afterEach(() => house.store.close());

async function call(what: string, as: Who, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const { runner, store } = house;
  const [method = '', path = ''] = what.split(' ');
  const app = new Hono<ApiEnv>().use(letIn());
  app.route('/v1/runs', runRoutes({ runner, reader: store }));
  app.route('/v1/jobs', jobRoutes({ runner, preflights: { now: () => Promise.reject(new Error('not here')) } }));
  app.route('/v1/notices', noticeRoutes({ reader: store }));
  const init = { method, headers: { 'x-who': as }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const answer = await app.request(path, init);
  return { status: answer.status, body: z.record(z.string(), z.unknown()).parse(await answer.json()) };
}
/** A run of each job, of which the older one is cancelled. */
async function runs(): Promise<{ mine: Run; other: Run }> {
  const mine = await accept(house.store, { job: 'fate', queue: 'fate', input: {} });
  const other = await accept(house.store, { job: 'other', queue: 'other', input: {} });
  for (const { id } of [mine, other]) await house.store.cancel(id, ana);
  return { mine, other };
}
const idsOf = (body: Record<string, unknown>): string[] =>
  z
    .array(z.looseObject({ id: z.string() }))
    .parse(body['runs'])
    .map(({ id }) => id);

describe('a smaller scope', () => {
  test.each([
    ['GET /v1/jobs', 'read'],
    ['GET /v1/notices', 'read'],
    ['GET /v1/runs', 'read'],
    ['GET /v1/runs/:id', 'read'],
    ['POST /v1/runs', 'run'],
    ['POST /v1/runs/:id/cancel', 'run'],
    ['POST /v1/runs/:id/retry', 'run'],
    ['DELETE /v1/runs/:id', 'manage'],
  ] as const)('%s needs the scope %s', async (what, least) => {
    const scopes = ['read', 'run', 'manage', 'admin'] as const;
    for (const [place, as] of scopes.entries()) {
      const { mine } = await runs();
      const answer = await call(
        what.replace(':id', mine.id),
        as,
        what === 'POST /v1/runs' ? { job: 'fate' } : undefined,
      );
      if (place >= scopes.indexOf(least)) expect(answer.status, as).toBeLessThan(300);
      else expect(answer, as).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    }
  });
});

describe('a token of some jobs', () => {
  test('is told of its jobs alone', async () => {
    expect((await call('GET /v1/jobs', 'fate')).body).toMatchObject({ jobs: [{ name: 'fate' }], problems: [] });
    expect((await call('GET /v1/jobs', 'nothing')).body).toEqual({ jobs: [], problems: [] });
    expect((await call('GET /v1/jobs', 'read')).body['jobs']).toHaveLength(2);
  });

  test('lists and finds the runs of its jobs alone, by any way of naming them', async () => {
    const { mine, other } = await runs();
    expect(idsOf((await call('GET /v1/runs', 'fate')).body)).toEqual([mine.id]);
    expect(idsOf((await call('GET /v1/runs?job=other', 'fate')).body)).toEqual([]);
    expect(idsOf((await call('GET /v1/runs', 'nothing')).body)).toEqual([]);
    for (const ref of [other.id, other.id.slice(-12), `${other.id}/cancel`, `${other.id}/retry`]) {
      const method = ref.includes('/') ? 'POST' : 'GET';
      const answer = await call(`${method} /v1/runs/${ref}`, 'fate');
      expect(answer, ref).toMatchObject({ status: 404, body: { code: 'RUN_UNKNOWN' } });
    }
    expect(await call(`DELETE /v1/runs/${other.id}`, 'fate')).toMatchObject({ status: 404 });
    expect(await house.store.get(other.id)).toBeDefined();
    expect((await call(`GET /v1/runs/${mine.id.slice(-12)}`, 'fate')).body).toMatchObject({ run: { id: mine.id } });
    expect((await call(`POST /v1/runs/${mine.id}/retry`, 'fate')).status).toBe(202);
    // The newest run that it asked for is one of its jobs.
    const actor = { kind: 'token', id: 'fate' } as const;
    const last = await accept(house.store, { job: 'fate', queue: 'fate', actor });
    await accept(house.store, { job: 'other', queue: 'other', actor });
    expect((await call('GET /v1/runs/last', 'fate')).body).toMatchObject({ run: { id: last.id } });
  });

  test('is forbidden to begin another job, whether it is there or not', async () => {
    for (const job of ['other', 'nowhere']) {
      const answer = await call('POST /v1/runs', 'fate', { job });
      expect(answer, job).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    }
    expect((await call('POST /v1/runs', 'fate', { job: 'fate' })).status).toBe(202);
    expect((await house.store.list({})).items).toHaveLength(1);
  });

  test('is not told the names of other jobs where its own is gone', async () => {
    const answer = await call('POST /v1/runs', 'gone', { job: 'others' });
    expect(answer).toMatchObject({ status: 404, body: { code: 'JOB_UNKNOWN', hint: 'List jobs at /v1/jobs.' } });
    const admin = await call('POST /v1/runs', 'admin', { job: 'others' });
    expect(admin.body).toMatchObject({ hint: 'Did you mean other?' });
  });

  test('is told the notices of its jobs, and none that are of no job', async () => {
    const add = async (key: string, job?: string): Promise<void> =>
      void (await house.store.addNotice(newNotice({ key, ...(job === undefined ? {} : { job }) })));
    await add('a', 'fate');
    await add('b', 'other');
    await add('c');
    const told = async (as: Who): Promise<unknown> =>
      z
        .array(z.object({ notice: z.looseObject({ key: z.string() }) }))
        .parse((await call('GET /v1/notices', as)).body['notices'])
        .map(({ notice }) => notice.key);
    expect(await told('fate')).toEqual(['a']);
    expect(await told('nothing')).toEqual([]);
    expect(await told('read')).toEqual(['c', 'b', 'a']);
  });
});

test('a key that is too long to keep is kept apart from every other one', async () => {
  const key = 'k'.repeat(170);
  const name = 'n'.repeat(190);
  const submit = (tail: string) => call('POST /v1/runs', 'run', { job: 'fate', idempotencyKey: `${key}${tail}` });
  const [a, b, again] = [await submit('a'), await submit('b'), await submit('a')];
  expect([a.body['outcome'], b.body['outcome'], again.body['outcome']]).toEqual([
    'accepted',
    'accepted',
    'deduplicated',
  ]);
  const keys = ['a', 'b'].map((tail) => scopedKey({ kind: 'token', id: name }, `${key}${tail}`));
  expect(new Set(keys).size).toBe(2);
  for (const one of keys) expect(one.length).toBeLessThanOrEqual(200);
});
