import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createApi } from '../../src/api/app.ts';
import { systemClock } from '../../src/clock.ts';
import { createLog } from '../../src/log.ts';
import { createTokens } from '../../src/runner/tokens.ts';
import { atTheEdge } from '../support/api-parts.ts';
import { createHouse, type House } from '../support/house.ts';
import { newNotice } from '../support/store-notices.ts';

const TOKEN = 'a-token-of-some-length';
const Body = z.record(z.string(), z.unknown());

let house: House;
let logged: string[];
let readiness: 'ready' | 'degraded' | 'unavailable';
beforeEach(async () => {
  house = await createHouse();
  logged = [];
  readiness = 'ready';
});
afterEach(() => house[Symbol.asyncDispose]());

function api(token: string | null = TOKEN) {
  const log = createLog({ write: (line) => logged.push(line), scrub: (text) => text, clock: systemClock }, 'info');
  return createApi({
    ...atTheEdge(house),
    runner: house.runner,
    reader: house.store,
    schedules: house.scheduler.schedules,
    readiness: () => readiness,
    backup: (dir) => house.store.backup(dir),
    tokens: createTokens({ store: house.store, clock: systemClock, log }, { bootstrap: token ?? undefined }),
    clock: systemClock,
    cron: {
      token: undefined,
      reader: house.store,
      clock: systemClock,
      log,
      schedules: { find: () => Promise.reject(new Error('none')), runNow: () => Promise.reject(new Error('none')) },
    },
    log,
  });
}
async function call(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const init = {
    method,
    headers: { authorization: `Bearer ${TOKEN}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  const answer = await api().request(path, init);
  return { status: answer.status, body: Body.parse(await answer.json()) };
}

describe('the HTTP API', () => {
  test('health routes are anonymous and say nothing but their status', async () => {
    const app = api();
    expect(await (await app.request('/healthz')).text()).toBe('ok');
    expect(await (await app.request('/readyz')).text()).toBe('ready');
    expect(await (await app.request('/health')).json()).toEqual({ status: 'ok' });
    readiness = 'degraded';
    expect((await app.request('/readyz')).status).toBe(200);
    readiness = 'unavailable';
    expect((await app.request('/readyz')).status).toBe(503);
    expect((await app.request('/healthz')).status).toBe(200);
  });

  test('notices are listed newest first beside where they are, page by page, behind the token', async () => {
    const added = [];
    for (const key of ['a', 'b', 'c']) added.unshift((await house.store.addNotice(newNotice({ key }))).notice);
    const first = await call('GET', '/v1/notices?limit=2');
    expect(first.body['notices']).toMatchObject([
      { notice: added[0], deliveries: [{ noticeId: added[0]?.id, state: 'pending' }] },
      { notice: added[1] },
    ]);
    const next = await call('GET', `/v1/notices?after=${String(first.body['next'])}`);
    expect(next.body).toMatchObject({ notices: [{ notice: added[2] }] });
    expect(next.body).not.toHaveProperty('next');
    for (const query of ['limit=x', 'after=x']) expect((await call('GET', `/v1/notices?${query}`)).status).toBe(400);
    expect((await api().request('/v1/notices')).status).toBe(401);
  });

  test.each([
    ['no header', undefined, 'missing'],
    ['another scheme', 'Basic abc', 'wrong_scheme'],
    ['no token behind the scheme', 'Bearer', 'wrong_scheme'],
    ['a wrong token', 'Bearer wrong-token-of-length', 'invalid_token'],
    ['a token with something behind it', `Bearer ${TOKEN}x`, 'invalid_token'],
  ])('%s is unauthorized; the reason is in the log and not in the answer', async (_name, authorization, reason) => {
    const answer = await api().request('/v1/runs', authorization === undefined ? {} : { headers: { authorization } });
    expect(answer.status).toBe(401);
    expect(await answer.text()).toBe('{"error":"unauthorized"}');
    expect(logged.join('')).toContain(`"reason":"${reason}"`);
    expect(logged.join('')).not.toContain(TOKEN);
  });

  test.each([
    ['no header', undefined],
    ['another scheme', 'Basic abc'],
    ['no token behind the scheme', 'Bearer '],
    ['a wrong token', 'Bearer wrong-token-of-length'],
    ['two tokens', `Bearer ${TOKEN} ${TOKEN}`],
    ['a list of headers', `Bearer wrong-token-of-length, Bearer ${TOKEN}`],
    ['letters that are no ASCII', 'Bearer wr\u00f6ng-token'],
  ])('a trigger with %s is unauthorized, whether there is such a plugin or not', async (_name, authorization) => {
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await api().request('/trigger/none/go', { method: 'POST', headers });
    expect(answer.status).toBe(401);
    expect(await answer.text()).toBe('{"error":"unauthorized"}');
    expect((await call('POST', '/trigger/none/go')).status).toBe(404);
  });

  test.each([
    'GET /v1/jobs',
    'POST /run',
    'POST /jobs',
    'GET /jobs',
    'GET /jobs/x',
    'DELETE /jobs/x',
    'POST /v1/queues/fate/process',
    'POST /v1/deliveries/process',
  ])('A1 A4 A5 %s is behind the token; without a configured one nobody is let in', async (what) => {
    const [method = '', path = ''] = what.split(' ');
    const closed = await api(null).request(path, { method, headers: { authorization: 'Bearer undefined' } });
    expect([closed.status, await closed.text()]).toEqual([500, '{"error":"auth misconfigured"}']);
    const refused = await api().request(path, { method, body: method === 'POST' ? '{"job_type":"fate"}' : null });
    expect([refused.status, await refused.text()]).toEqual([401, '{"error":"unauthorized"}']);
    expect((await house.store.list({})).items).toEqual([]);
    const right = await api().request(path, { method, headers: { authorization: `Bearer ${TOKEN}` } });
    expect([200, 400, 404]).toContain(right.status);
  });

  test('what breaks in the older contract is said in its words, elsewhere as a problem', async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    expect(await (await api().request('/jobs/x', { headers })).text()).toBe('{"error":"not found"}');
    const elsewhere = await api().request('/v1/runs/x', { headers });
    expect(elsewhere.headers.get('content-type')).toBe('application/problem+json');
  });

  test('a run is submitted, read, listed, retried and deleted', async () => {
    const accepted = await call('POST', '/v1/runs', { job: 'fate', input: { count: 2 } });
    expect(accepted).toMatchObject({
      status: 202,
      body: { outcome: 'accepted', run: { job: 'fate', trigger: 'api' } },
    });
    const run = z.looseObject({ id: z.string() }).parse(accepted.body['run']);
    await expect.poll(async () => (await house.store.get(run.id))?.state).toBe('completed');
    expect(await call('GET', `/v1/runs/${run.id}`)).toMatchObject({
      status: 200,
      body: { run: { id: run.id, input: { count: 2 } } },
    });
    const listed = await call('GET', '/v1/runs?job=fate&state=completed&limit=5');
    expect(listed.body).toMatchObject({ runs: [{ id: run.id }] });
    expect(JSON.stringify(listed.body)).not.toContain('"report"');
    expect((await call('POST', `/v1/runs/${run.id}/retry`)).body).toMatchObject({ run: { retryOf: run.id } });
    expect(await call('DELETE', `/v1/runs/${run.id}`)).toMatchObject({ status: 200, body: { outcome: 'removed' } });
    expect((await call('GET', `/v1/runs/${run.id}`)).status).toBe(404);
    expect((await call('DELETE', `/v1/runs/${run.id}`)).status).toBe(404);
  });

  test('words are turned into the types of the schema, JSON is not', async () => {
    expect((await call('POST', '/v1/runs', { job: 'fate', words: { count: '2' } })).status).toBe(202);
    expect((await call('POST', '/v1/runs', { job: 'fate', input: { count: '2' } })).status).toBe(422);
  });

  test('the same idempotency key is one run', async () => {
    const body = { job: 'fate', idempotencyKey: 'monday' };
    const answers = await Promise.all(Array.from({ length: 10 }, () => call('POST', '/v1/runs', body)));
    expect(answers.map((answer) => answer.body['outcome']).sort()).toEqual([
      'accepted',
      ...Array.from({ length: 9 }, () => 'deduplicated'),
    ]);
    expect((await house.store.list({})).items).toHaveLength(1);
  });

  test.each([
    ['an unknown job', 'POST', '/v1/runs', { job: 'faet' }, 404, 'JOB_UNKNOWN'],
    ['an input that does not fit', 'POST', '/v1/runs', { job: 'fate', input: { count: -1 } }, 422, 'INPUT_INVALID'],
    ['a body that is a list', 'POST', '/v1/runs', [], 400, 'USAGE'],
    ['a body with an unknown member', 'POST', '/v1/runs', { job: 'fate', colour: 1 }, 400, 'USAGE'],
    ['an unknown run', 'GET', '/v1/runs/run_0000000000000000000000000a', undefined, 404, 'RUN_UNKNOWN'],
    ['an unknown state', 'GET', '/v1/runs?state=faild', undefined, 400, 'USAGE'],
    ['a cursor that is none', 'GET', '/v1/runs?after=xyz', undefined, 400, 'USAGE'],
    ['an unknown path', 'GET', '/v1/colours', undefined, 404, 'USAGE'],
    [
      'a run to cancel that is not there',
      'POST',
      '/v1/runs/run_0000000000000000000000000a/cancel',
      undefined,
      404,
      'RUN_UNKNOWN',
    ],
  ] as const)('%s is a problem with a code', async (_name, method, path, body, status, code) => {
    expect(await call(method, path, body)).toMatchObject({ status, body: { status, code } });
  });

  test('a body over one megabyte is refused', async () => {
    const answer = await api().request('/v1/runs', {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-length': String(2 ** 21) },
      body: 'x'.repeat(2 ** 21),
    });
    expect(answer.status).toBe(413);
  });

  test('the body of who was not let in is not read', async () => {
    let read = 0;
    const body = new ReadableStream({
      pull(controller) {
        read += 1;
        controller.enqueue(new Uint8Array(1024));
        if (read > 4096) controller.close();
      },
    });
    const answer = await api().request('/v1/runs', { method: 'POST', body, duplex: 'half' });
    expect(answer.status).toBe(401);
    expect(read).toBeLessThan(10);
  });

  test('__proto__ and deep JSON do not reach anything', async () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const headers = { authorization: `Bearer ${TOKEN}` };
    for (const body of [
      '{"job":"fate","input":{"__proto__":{"fate":"fail"}}}',
      `{"job":"fate","input":${deep}}`,
      '{"__proto__":1}',
    ]) {
      const answer = await api().request('/v1/runs', { method: 'POST', headers, body });
      expect(answer.status).toBeGreaterThanOrEqual(202);
      expect(answer.status).toBeLessThan(500);
    }
  });
});
