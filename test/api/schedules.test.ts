import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Hono } from 'hono';
import type { ApiEnv } from '../../src/api/runs.ts';
import { scheduleRoutes } from '../../src/api/schedules.ts';
import { createHouse, FATE_JOB, type House } from '../support/house.ts';
import { letIn, PRINCIPALS, type Who } from '../support/principals.ts';

const Body = z.record(z.string(), z.unknown());
const OPERATOR = PRINCIPALS.operator.actor;
const SCOPES = ['read', 'run', 'manage'];
const OTHER_JOB = `
import { defineJob } from 'bellhop';
export default defineJob({ name: 'other', description: 'Another', run: () => 'Done.' });
`;

let house: House;
beforeEach(async () => {
  house = await createHouse({ 'fate.ts': FATE_JOB, 'other.ts': OTHER_JOB });
});
afterEach(() => house[Symbol.asyncDispose]());

async function call(
  ask: string,
  body?: unknown,
  who: Who = 'operator',
): Promise<{ status: number; body: Record<string, unknown> }> {
  const [method = '', path = ''] = ask.split(' ');
  const app = new Hono<ApiEnv>();
  app.use(letIn());
  app.route('/v1/schedules', scheduleRoutes({ schedules: house.scheduler.schedules }));
  const init = {
    method,
    headers: { 'x-who': who },
    ...(body === undefined || method === 'GET' ? {} : { body: JSON.stringify(body) }),
  };
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
    ['POST /', { ...WEEKLY, destinations: ['#ops?atach=csv'] }, 400, 'USAGE'],
    ['POST /', { ...WEEKLY, destinations: ['origin'] }, 400, 'USAGE'],
    ['GET /faet/next?n=21', undefined, 400, 'USAGE'],
    ['POST /faet/snooze', {}, 400, 'USAGE'],
    ['POST /faet/run', undefined, 404, 'SCHEDULE_UNKNOWN'],
  ])('%s %j is a problem with a code', async (ask, body, status, code) => {
    expect(await call(ask, body)).toMatchObject({ status, body: { status, code } });
    expect((await call('GET /')).body).toEqual({ schedules: [] });
  });

  test('running one now needs the scope run, looking read, everything else manage', async () => {
    await call('POST /', WEEKLY);
    const least = {
      read: ['GET /', 'GET /fate', 'GET /fate/next', 'POST /preview'],
      run: ['POST /fate/run'],
      manage: [
        'POST /',
        'POST /fate/pause',
        'POST /fate/resume',
        'POST /fate/snooze',
        'POST /fate/skip',
        'POST /all/pause',
        'DELETE /fate',
      ],
    } as const;
    const body = { ...WEEKLY, until: '2d' };
    for (const [scope, asks] of Object.entries(least)) {
      for (const ask of asks) {
        const { until, ...schedule } = body;
        const sent = ask.endsWith('snooze') ? { until } : ask.endsWith('pause') ? {} : schedule;
        for (const who of ['read', 'run', 'manage'] as const) {
          const answer = await call(ask, sent, who);
          const enough = SCOPES.indexOf(who) >= SCOPES.indexOf(scope);
          if (enough) expect(answer.status, `${who} ${ask}`).toBeLessThan(300);
          else expect(answer, `${who} ${ask}`).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
        }
      }
    }
  });

  test('to a token of some jobs the schedules of others are not there', async () => {
    await call('POST /', WEEKLY);
    await call('POST /', { ...WEEKLY, job: 'other', words: {}, name: 'other.one' });
    const seen = await call('GET /', undefined, 'fate');
    expect(seen.body).toMatchObject({ schedules: [{ job: 'fate' }] });
    expect(seen.body['schedules']).toHaveLength(1);
    expect((await call('GET /', undefined, 'nothing')).body).toEqual({ schedules: [] });
    for (const ask of [
      'GET /other.one',
      'GET /OTHER',
      'GET /other/next',
      'DELETE /other',
      'POST /other.one/pause',
      'POST /other.one/resume',
      'POST /other.one/skip',
      'POST /other.one/run',
    ]) {
      const answer = await call(ask, {}, 'fate');
      expect(answer, ask).toMatchObject({ status: 404, body: { code: 'SCHEDULE_UNKNOWN' } });
      expect(JSON.stringify(answer.body)).not.toContain('other.one"');
    }
    for (const ask of ['POST /', 'POST /preview']) {
      expect((await call(ask, { ...WEEKLY, job: 'other' }, 'fate')).status, ask).toBe(403);
    }
    for (const ask of ['POST /all/pause', 'POST /all/resume', 'POST /%20ALL/pause']) {
      expect((await call(ask, {}, 'fate')).status, ask).toBe(403);
    }
    expect((await call('GET /other.one')).body).toMatchObject({ schedule: { state: 'active' } });
    // A name that is taken is refused without saying whose it is.
    await call('POST /', { ...WEEKLY, job: 'other', words: {}, name: 'nightly' });
    for (const ask of ['POST /', 'POST /preview']) {
      const taken = await call(ask, { ...WEEKLY, name: 'nightly' }, 'fate');
      expect(taken, ask).toMatchObject({ status: 422, body: { code: 'SCHEDULE_INVALID' } });
      expect(taken.body['detail'], ask).toContain('nightly is a schedule of another job.');
    }
    // Of its own it is in charge, also where one of two must be named.
    await call('POST /', { ...WEEKLY, name: 'fate.two' }, 'fate');
    expect((await call('GET /fate', undefined, 'fate')).body).toMatchObject({ code: 'SCHEDULE_AMBIGUOUS' });
    expect((await call('DELETE /fate.two', undefined, 'fate')).status).toBe(200);
    expect((await call('POST /fate/run', undefined, 'fate')).status).toBe(202);
  });

  test('a token of some jobs is not told the names of others by a refusal', async () => {
    expect((await call('POST /', { ...WEEKLY, job: 'other', words: {}, name: 'weekly' })).status).toBe(201);
    for (const ask of ['POST /', 'POST /preview']) {
      const taken = await call(ask, { ...WEEKLY, name: 'weekly' }, 'fate');
      expect(taken, ask).toMatchObject({ status: 422, body: { code: 'SCHEDULE_INVALID' } });
      const gone = await call(ask, { ...WEEKLY, job: 'others' }, 'gone');
      expect(gone, ask).toMatchObject({ status: 404, body: { code: 'JOB_UNKNOWN' } });
      expect(JSON.stringify([taken.body, gone.body])).not.toMatch(/\bother\b(?! job)/);
    }
    expect((await call('POST /', { ...WEEKLY, job: 'others' })).body).toMatchObject({ hint: 'Did you mean other?' });
  });

  test('an absolute path of this machine is for the operator; a token names files below the reports folder', async () => {
    const to = (path: string) => ({ ...WEEKLY, destinations: [...WEEKLY.destinations, { kind: 'file', path }] });
    for (const ask of ['POST /', 'POST /preview']) {
      expect(await call(ask, to('/etc/cron.d/bellhop.md'), 'admin'), ask).toMatchObject({
        status: 403,
        body: { code: 'FORBIDDEN' },
      });
    }
    expect(await call('POST /', { ...WEEKLY, destinations: ['file:/etc/x.md'] }, 'admin')).toMatchObject({
      status: 403,
    });
    expect((await call('GET /')).body).toEqual({ schedules: [] });
    expect((await call('POST /', to('weekly.md'), 'manage')).status).toBe(201);
    expect((await call('POST /', to('/srv/weekly.md'), 'operator')).status).toBe(200);
  });
});
