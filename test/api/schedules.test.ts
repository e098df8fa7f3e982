import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Hono } from 'hono';
import type { ApiEnv } from '../../src/api/runs.ts';
import { scheduleRoutes } from '../../src/api/schedules.ts';
import { createHouse, type House } from '../support/house.ts';
import type { Actor } from '../../src/store/records.ts';

const Body = z.record(z.string(), z.unknown());
const OPERATOR: Actor = { kind: 'operator', id: 'ops@here' };

let house: House;
beforeEach(async () => {
  house = await createHouse();
});
afterEach(() => house[Symbol.asyncDispose]());

async function call(
  ask: string,
  body?: unknown,
  actor = OPERATOR,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const [method = '', path = ''] = ask.split(' ');
  const app = new Hono<ApiEnv>();
  app.use('*', async (c, next) => {
    c.set('actor', actor);
    return next();
  });
  app.route('/v1/schedules', scheduleRoutes({ schedules: house.scheduler.schedules }));
  const init = { method, ...(body === undefined || method === 'GET' ? {} : { body: JSON.stringify(body) }) };
  const answer = await app.request(`/v1/schedules${path === '/' ? '' : path}`, init);
  return { status: answer.status, body: Body.parse(await answer.json().catch(() => ({}))) };
}
const WEEKLY = {
  job: 'fate',
  when: 'mon 09:00',
  words: { count: '2' },
  destinations: [{ kind: 'slack', channel: '#ops' }],
};

describe('/v1/schedules', () => {
  test('a preview stores nothing; a schedule is created once, changed after that, read and removed', async () => {
    expect((await call('POST /preview', WEEKLY)).body).toMatchObject({
      schedule: { name: 'fate.mon-0900', input: { count: 2 } },
    });
    expect((await call('GET /')).body).toEqual({ schedules: [] });
    expect(await call('POST /', WEEKLY)).toMatchObject({ status: 201, body: { outcome: 'created' } });
    expect(await call('POST /', WEEKLY)).toMatchObject({ status: 200, body: { outcome: 'changed' } });
    expect((await call('GET /fate')).body).toMatchObject({ schedule: { words: 'every Monday at 09:00' } });
    const next = await call('GET /fate/next?n=4');
    expect(
      z
        .object({ schedules: z.array(z.object({ next: z.array(z.unknown()).length(4) })).length(1) })
        .safeParse(next.body).success,
    ).toBe(true);
    expect((await call('DELETE /fate')).body).toMatchObject({ outcome: 'removed' });
    expect(await call('DELETE /fate')).toMatchObject({ status: 404, body: { code: 'SCHEDULE_UNKNOWN' } });
  });

  test('pause, resume, snooze, skip and run do what they say, by whoever speaks', async () => {
    await call('POST /', WEEKLY);
    expect((await call('POST /fate/pause', { reason: 'stock' })).body).toEqual({
      outcome: 'paused',
      names: ['fate.mon-0900'],
    });
    expect((await call('GET /fate')).body).toMatchObject({
      schedule: { state: 'paused', paused: { by: OPERATOR, reason: 'stock' } },
    });
    expect((await call('POST /all/resume')).body).toMatchObject({ outcome: 'resumed' });
    expect((await call('POST /fate/snooze', { until: '2d' })).body).toMatchObject({ schedule: { state: 'snoozed' } });
    expect((await call('POST /fate/skip')).body).toMatchObject({ outcome: 'skipping' });
    const run = await call('POST /fate/run');
    expect(run).toMatchObject({
      status: 202,
      body: { run: { job: 'fate', input: { count: 2 }, actor: OPERATOR, trigger: 'manual' } },
    });
  });

  test.each([
    ['POST /', { ...WEEKLY, job: 'faet' }, 404, 'JOB_UNKNOWN'],
    ['POST /', { ...WEEKLY, when: 'never' }, 422, 'SCHEDULE_INVALID'],
    ['POST /', { ...WEEKLY, zone: 'EST' }, 422, 'SCHEDULE_INVALID'],
    ['POST /', { ...WEEKLY, words: { count: 'zero' } }, 422, 'SCHEDULE_INVALID'],
    ['POST /', { ...WEEKLY, colour: 'red' }, 400, 'USAGE'],
    ['POST /', undefined, 400, 'USAGE'],
    ['POST /', { ...WEEKLY, destinations: [{ kind: 'slack', channel: '<!channel>' }] }, 400, 'USAGE'],
    ['GET /faet/next?n=21', undefined, 400, 'USAGE'],
    ['POST /faet/snooze', {}, 400, 'USAGE'],
    ['POST /faet/run', undefined, 404, 'SCHEDULE_UNKNOWN'],
  ])('%s %j is a problem with a code', async (ask, body, status, code) => {
    expect(await call(ask, body)).toMatchObject({ status, body: { status, code } });
    expect((await call('GET /')).body).toEqual({ schedules: [] });
  });

  test('a token finds nothing there: a schedule may name a file of this machine', async () => {
    const token: Actor = { kind: 'token', id: 'bootstrap' };
    for (const ask of [
      'GET /',
      'POST /',
      'POST /preview',
      'GET /fate',
      'DELETE /fate',
      'POST /all/pause',
      'POST /fate/run',
    ]) {
      expect((await call(ask, WEEKLY, token)).status, ask).toBe(404);
    }
    expect((await call('GET /')).body).toEqual({ schedules: [] });
  });
});
