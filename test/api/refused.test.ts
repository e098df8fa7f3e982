/** B11: turned off, too many requests, a token in the address: on the older contract, the triggers and the process endpoints. */
import { describe, expect, test } from 'vitest';
import { API_TOKEN, startApiServer } from '../support/api-server.ts';
import { send, type WireAnswer } from '../support/wire.ts';

const CONTRACT = ['POST /run', 'POST /jobs', 'GET /jobs', 'GET /jobs/x', 'DELETE /jobs/x', 'POST /trigger/tool/go'];
const OTHERS = ['POST /v1/queues/noop/process', 'POST /v1/deliveries/process', 'GET /v1/runs'];
const ROUTES = [...CONTRACT, ...OTHERS];

function ask(port: number, route: string, query = ''): Promise<WireAnswer> {
  const [method = '', path = ''] = route.split(' ');
  const headers = [['Authorization', `Bearer ${API_TOKEN}`]] as const;
  return send({ port }, { method, target: `${path}${query}`, headers });
}

/** The words stand in the form of the path: `{"error"}` for who knows nothing else, a problem elsewhere. */
function expectRefusal(route: string, answer: WireAnswer, expected: { status: number; code: string }): void {
  expect([route, answer.status]).toEqual([route, expected.status]);
  const body: unknown = JSON.parse(answer.body);
  if (CONTRACT.includes(route)) expect(body, route).toEqual({ error: expect.any(String) });
  else expect(body, route).toMatchObject(expected);
}

describe('a request is refused', () => {
  test('with 404 on every route while the API is turned off, also with the right token', async () => {
    await using api = await startApiServer({ env: { BELLHOP_API_ENABLED: 'false' } });
    for (const route of ROUTES) expectRefusal(route, await ask(api.port, route), { status: 404, code: 'USAGE' });
    for (const path of ['/health', '/healthz', '/readyz'])
      expect([path, (await ask(api.port, `GET ${path}`)).status]).toEqual([path, 200]);
    expect((await ask(api.port, 'GET /__cron/run/status')).status).toBe(403);
  });

  test('with 429 and when to come again on every route, once its token has sent too many', async () => {
    await using api = await startApiServer({ env: { BELLHOP_API_RATE: '10' } });
    for (let sent = 0; sent < 10; sent++) expect((await ask(api.port, 'GET /v1/jobs')).status).toBe(200);
    for (const route of ROUTES) {
      const answer = await ask(api.port, route);
      expectRefusal(route, answer, { status: 429, code: 'RATE_LIMITED' });
      expect(Number(answer.headers['retry-after']), route).toBeGreaterThan(0);
    }
  });

  test('with 400 on every route whose address holds a token', async () => {
    await using api = await startApiServer();
    for (const route of ROUTES) {
      const answer = await ask(api.port, route, `?token=${API_TOKEN}`);
      expectRefusal(route, answer, { status: 400, code: 'TOKEN_IN_URL' });
      expect(answer.body).not.toContain(API_TOKEN);
    }
  });

  const WEEKLY = '{"name":"ci","job":"noop","when":"mon 09:00","destinations":[{"kind":"file","path":"weekly.md"}]}';
  test.each([
    ['/v1/tokens', '{"name":"ci"}', '/ci/rotate'],
    ['/v1/schedules', WEEKLY, '/ci/pause'],
  ])(
    'with 400 below %s where the body is no JSON, and none at all is as good as an empty one',
    async (base, one, verb) => {
      await using api = await startApiServer();
      const post = async (path: string, text: string): Promise<number> => {
        const headers = [['Authorization', `Bearer ${API_TOKEN}`]] as const;
        const body = Buffer.from(text);
        return (await send({ port: api.port }, { method: 'POST', target: `${base}${path}`, headers, body })).status;
      };
      expect(await post('', one)).toBe(201);
      for (const broken of ['{"overlap":"0"', 'null', '[]']) expect(await post(verb, broken)).toBe(400);
      expect(await post(verb, '')).toBe(200);
    },
  );
});
