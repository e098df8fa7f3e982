import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createApi, type ApiOptions } from '../../src/api/app.ts';
import { createRate, networkOf } from '../../src/api/rate.ts';
import { createHttpServer } from '../../src/api/server.ts';
import { tokenInUrl } from '../../src/api/url-token.ts';
import { createIds } from '../../src/ids.ts';
import { createLog } from '../../src/log.ts';
import type { Runner } from '../../src/runner/runner.ts';
import type { Schedules } from '../../src/runner/schedules.ts';
import { createSubscriptions } from '../../src/runner/subscriptions.ts';
import { createTokens } from '../../src/runner/tokens.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';

const TOKEN = 'a-bootstrap-token-of-some-length';
const OURS = `bh_k3v9x0a2_${'S'.repeat(43)}`;
const OPERATOR = { kind: 'operator', id: 'ana@desk' } as const;

let clock: ManualClock;
let logged: string[];
beforeEach(() => {
  clock = manualClock();
  logged = [];
});

function open(options: Partial<ApiOptions> = {}, fails?: Error) {
  const log = createLog({ write: (line) => logged.push(line), scrub: (text) => text, clock }, 'info');
  const store = createMemoryStore({ clock, ids: createIds(clock), log });
  const none = () => Promise.reject(new Error('not here'));
  const list = fails === undefined ? store.list : () => Promise.reject(fails);
  return createApi(
    {
      // The edge knows none of them.
      runner: { jobs: () => [], problems: () => [] } as unknown as Runner,
      reader: { ...store, list },
      schedules: {} as unknown as Schedules,
      preflights: { now: none },
      tokens: createTokens({ store, clock, log }, { bootstrap: TOKEN }),
      subscriptions: createSubscriptions({ store, clock }),
      memory: { list: none, advise: none },
      readiness: () => 'ready',
      backup: none,
      cron: { token: 'glass', reader: store, clock, log, schedules: { find: none, runNow: none } },
      clock,
      runWaitMs: 0,
      process: { queue: none, deliveries: none },
      log,
    },
    options,
  );
}
const right = { authorization: `Bearer ${TOKEN}` };

describe('a request id', () => {
  test.each(['abc', 'A.b_c-1', 'x'.repeat(64)])('of the caller is kept when it is a plain word: %s', async (id) => {
    const answer = await open().request('/v1/jobs', { headers: { ...right, 'x-request-id': id } });
    expect(answer.headers.get('x-request-id')).toBe(id);
  });

  test.each(['', 'x'.repeat(65), 'a b', 'a,b', 'é', '{"a":1}', OURS])('is made anew instead of %s', async (id) => {
    const answer = await open().request('/v1/jobs', { headers: { ...right, 'x-request-id': id } });
    const given = answer.headers.get('x-request-id');
    expect(given).toMatch(/^[0-9a-f]{24}$/);
  });

  test('and the headers are on every answer, errors too, and the id in each line of the log', async () => {
    const app = open({}, new Error('the disk is away'));
    const answers = [
      [await app.request('/healthz'), 200],
      [await app.request('/v1/jobs', { headers: right }), 200],
      [await app.request('/nowhere', { headers: right }), 404],
      [await app.request('/v1/jobs', { headers: { 'x-request-id': 'r401' } }), 401],
      [await app.request('/v1/jobs?token=x', { headers: { 'x-request-id': 'r400' } }), 400],
      [await app.request('/v1/runs', { headers: { ...right, 'x-request-id': 'r500' } }), 500],
      [await app.request('/__cron/run/x', { headers: { 'x-request-id': 'r403' } }), 403],
      [await app.request('/v1/backup', { method: 'POST', headers: right, body: 'x'.repeat(2 ** 21) }), 413],
    ] as const;
    const ids = new Set<string | null>();
    for (const [{ headers, status }, expected] of answers) {
      expect(status).toBe(expected);
      expect(Object.fromEntries(headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      });
      expect(headers.has('x-powered-by')).toBe(false);
      ids.add(headers.get('x-request-id'));
    }
    expect(ids.size).toBe(answers.length);
    expect(ids.has(null)).toBe(false);
    const lines = logged.map((line) => (JSON.parse(line) as { requestId: unknown }).requestId);
    expect(lines).toEqual(['r401', 'r400', 'r500', 'r403']);
  });
});

describe('a token in an address', () => {
  test.each([
    ['?token=abc', 'the query parameter token'],
    ['?limit=1&access_token=abc', 'the query parameter access_token'],
    ['?api_key=', 'the query parameter api_key'],
    ['?apikey=x', 'the query parameter apikey'],
    ['?API-Key=x', 'the query parameter API-Key'],
    ['?key=x', 'the query parameter key'],
    ['?Authorization=Bearer%20x', 'the query parameter Authorization'],
    ['?%74oken=x', 'the query parameter token'],
    [`?job=${OURS}`, 'the query parameter job'],
    [`?x=before${OURS}after`, 'the query parameter x'],
    [`?x=${OURS.replace('_', '%5F')}`, 'the query parameter x'],
    [`?${OURS}`, 'the name of a query parameter'],
    [`/${OURS}`, 'the path'],
    [`/${OURS.replaceAll('_', '%5f')}/cancel`, 'the path'],
  ])('%s is refused, right token or not, and named without its value', async (query, place) => {
    const app = open();
    for (const headers of [right, {}]) {
      const answer = await app.request(`/v1/runs${query}`, { headers });
      const text = await answer.text();
      expect(JSON.parse(text)).toMatchObject({
        status: 400,
        code: 'TOKEN_IN_URL',
        hint: expect.stringContaining('exposed'),
      });
      expect(text).toContain(place);
      expect(text + logged.join('')).not.toContain('SSSS');
      expect(logged.at(-1)).toContain(`"place":"${place}"`);
    }
  });

  test.each(['/run?token=x', '/jobs?key=x', '/trigger/a/b?apikey=x', '/healthz?token=x', '/__cron/run/x?key=y'])(
    '%s as well',
    async (path) => expect((await open().request(path, { method: 'POST' })).status).toBe(400),
  );

  test.each([
    '?job=token&state=failed',
    '?after=bh_short',
    '?tokens=1',
    '/key',
    '?x=monkey',
    '?%E0%A4%A=1',
    '/%E0%A4%A',
  ])('%s holds none', (query) => expect(tokenInUrl(`http://localhost/v1/runs${query}`)).toBeUndefined());
});

describe('the limit of requests', () => {
  const from = (address: string) => ({ address });
  const ask = async (app: ReturnType<typeof open>, address = '192.0.2.1', headers: Record<string, string> = right) =>
    (await app.request('/v1/jobs', { headers }, from(address))).status;
  const times = async (n: number, call: () => Promise<number>): Promise<number[]> => {
    const seen = [];
    for (let at = 0; at < n; at++) seen.push(await call());
    return seen;
  };

  test('lets a burst through, then says when to come again, and then it is true', async () => {
    const app = open({ ratePerMinute: 120 });
    expect(new Set(await times(12, () => ask(app)))).toEqual(new Set([200]));
    const answer = await app.request('/v1/jobs', { headers: right }, from('192.0.2.1'));
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await answer.json()).toMatchObject({ code: 'RATE_LIMITED' });
    await clock.advance(500);
    expect(await times(2, () => ask(app))).toEqual([200, 429]);
  });

  test('is of each address before anybody is known, and of each token wherever it comes from', async () => {
    const app = open({ ratePerMinute: 60 });
    expect(await times(11, () => ask(app, '192.0.2.1', {}))).toEqual([...Array(10).fill(401), 429]);
    expect(await ask(app, '192.0.2.2', {})).toBe(401);
    const places = await Promise.all(Array.from({ length: 11 }, (_, at) => ask(app, `198.51.100.${at}`)));
    expect(places.filter((status) => status === 429)).toHaveLength(1);
  });

  test('runs out ten times as fast with wrong tokens, and stays out until it is paid', async () => {
    const app = open({ ratePerMinute: 600 });
    const wrong = { authorization: 'Bearer wrong' };
    const seen = await times(20, () => ask(app, '192.0.2.1', wrong));
    expect(seen.filter((status) => status === 401)).toHaveLength(6);
    expect(await ask(app)).toBe(429);
    await clock.advance(60_000);
    expect(await ask(app)).toBe(200);
  });

  test('knows neither health nor the socket', async () => {
    const app = open({ ratePerMinute: 10 });
    for (let at = 0; at < 30; at++) {
      expect((await app.request('/healthz', {}, from('192.0.2.1'))).status).toBe(200);
      expect((await app.request('/v1/jobs', {}, { operator: OPERATOR })).status).toBe(200);
    }
  });

  test('takes the address of the connection; that of X-Forwarded-For only when the proxy is trusted, and its last', async () => {
    const spread = async (proxy: ApiOptions['proxy'], header: (at: number) => string): Promise<number> => {
      const app = open({ ratePerMinute: 10, proxy });
      const call = (at: number) => ask(app, '192.0.2.1', { 'x-forwarded-for': header(at) });
      const seen = await Promise.all(Array.from({ length: 20 }, (_, at) => call(at)));
      return seen.filter((status) => status === 429).length;
    };
    expect(await spread('ignored', (at) => `198.51.100.${at}`)).toBe(10);
    expect(await spread('trusted', (at) => `198.51.100.${at}`)).toBe(0);
    expect(await spread('trusted', (at) => `198.51.100.${at}, 203.0.113.9`)).toBe(10);
    expect(await spread('trusted', (at) => `203.0.113.9, 198.51.100.${at}`)).toBe(0);
    expect(await spread('trusted', (at) => `no-address-${at}`)).toBe(10);
  });

  test('remembers 10,000 keys and no more: the one that was silent for the longest gives way', () => {
    const rate = createRate({ clock }, 10);
    for (let at = 0; at < 10; at++) rate.take('first');
    expect(rate.take('first')).toBe(6000);
    for (let at = 0; at < 9_999; at++) rate.take(`other-${at}`);
    expect(rate.take('first')).toBe(6000);
    for (let at = 0; at < 10_000; at++) rate.take(`more-${at}`);
    expect(rate.take('first')).toBeUndefined();
  });

  test('follows the clock that cannot be stepped', () => {
    const rate = createRate({ clock }, 10);
    for (let at = 0; at < 10; at++) rate.take('one');
    clock.step(-3_600_000);
    expect(rate.take('one')).toBe(6000);
    clock.step(7_200_000);
    expect(rate.take('one')).toBe(6000);
  });

  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('counts %s under %s', (address, network) => expect(networkOf(address)).toBe(network));
});

test('turned off, all but health, Slack and the break-glass path is 404; the socket goes on', async () => {
  const app = open({ state: 'off' });
  for (const path of ['/v1/jobs', '/v1/tokens', '/jobs', '/run', '/trigger/a/b', '/', '/healthz/', '/__cron/runx'])
    expect([path, (await app.request(path, { headers: right })).status]).toEqual([path, 404]);
  for (const path of ['/health', '/healthz', '/readyz']) expect((await app.request(path)).status).toBe(200);
  expect((await app.request('/__cron/run/x')).status).toBe(403);
  expect((await app.request('/v1/jobs', {}, { operator: OPERATOR })).status).toBe(200);
});

describe('over a real connection', () => {
  /** What the server answers to bytes that no client library would send. */
  async function answers(requests: readonly string[]): Promise<string[]> {
    const folder = await mkdtemp(join(tmpdir(), 'bellhop-edge-'));
    const log = createLog({ write: (line) => logged.push(line), scrub: (text) => text, clock }, 'info');
    const server = createHttpServer(
      { api: open(), slack: undefined, opened: Promise.resolve(), log },
      { host: '127.0.0.1', port: 0, socketPath: join(folder, 's'), operator: OPERATOR },
    );
    const { port } = await server.start();
    const seen = [];
    for (const text of requests) seen.push(await exchange(port, text));
    await server.stop();
    await rm(folder, { recursive: true, force: true });
    return seen;
  }
  const exchange = (port: number, text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let heard = '';
      const socket = connect(port, '127.0.0.1', () => socket.write(text));
      socket
        .on('data', (bytes) => (heard += String(bytes)))
        .on('end', () => resolve(heard))
        .on('error', reject);
    });
  const raw = (lines: readonly string[], path = '/v1/jobs'): string =>
    [`GET ${path} HTTP/1.1`, 'Host: x', 'Connection: close', ...lines, '', ''].join('\r\n');

  test('of two Authorization headers neither lets anybody in, whichever is right and in whatever order', async () => {
    const good = `Authorization: Bearer ${TOKEN}`;
    const seen = await answers([
      raw([good]),
      raw([`authorization:   bearer ${TOKEN}  `]),
      raw([good, 'Authorization: Bearer wrong']),
      raw(['Authorization: Bearer wrong', good]),
      raw([good, good]),
      raw(['Authorization:', good]),
      raw([good, 'Authorization:']),
      raw([`Authorization: Bearer`, `Authorization: ${TOKEN}`]),
    ]);
    expect(seen.map((text) => text.slice(9, 12))).toEqual(['200', '200', '401', '401', '401', '401', '401', '401']);
  });

  test('each answer has its number once, and two numbers in a request are none', async () => {
    const [one = '', two = ''] = await answers([
      raw(['X-Request-Id: mine']),
      raw(['X-Request-Id: mine', 'X-Request-Id: yours']),
    ]);
    expect(one.match(/^x-request-id: .*$/gim)).toEqual(['x-request-id: mine']);
    expect(two.match(/^x-request-id: .*$/gim)).toEqual([expect.stringMatching(/^x-request-id: [0-9a-f]{24}$/)]);
  });

  test('an absolute address, one with a fragment or two slashes is looked at all the same', async () => {
    const seen = await answers([
      raw([], 'http://x/v1/jobs?token=a'),
      raw([], '//v1/jobs?token=a'),
      raw([], `/v1/jobs#?token=${OURS}`),
      raw([], '/v1/jobs?a=1&b;token=x'),
    ]);
    for (const text of seen) expect(text.slice(9, 12)).toMatch(/^40[01]$/);
  });
});
