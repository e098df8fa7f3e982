/**
 * Every route with every credential. The rows are held to the routes that the app really has, wildcards among them: a route that nobody
 * wrote a row for fails here.
 */
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/app.ts';
import { systemClock } from '../../src/clock.ts';
import { createLog } from '../../src/log.ts';
import { createTokens, SCOPES, type Scope, type Tokens } from '../../src/runner/tokens.ts';
import { atTheEdge } from '../support/api-parts.ts';
import { createHouse, type House } from '../support/house.ts';

const BY = { kind: 'operator', id: 'ana@desk' } as const;
const CRON_SECRET = 'the-secret-of-the-glass';
const HIDDEN = 'a token for other jobs gets 404, as for a run that is not there';

interface Row {
  /** `operator`: only over the socket. The others: nobody's, or with a secret of its own. */
  scope: Scope | 'operator' | 'anonymous' | 'own secret';
  /** The path that is called, with the run and the token of the test. */
  path?: (ids: { run: string; token: string }) => string;
  body?: object;
  /** Of a route that is there for whatever method has no other. */
  method?: string;
  /** What who may gets. */
  right: number;
  /** What a token of that scope for other jobs gets. */
  otherJob?: { status: number; why: string };
}
const notForJobs = { status: 403, why: 'it needs scope admin, which is for every job' };
const run = (verb: string) => ({ path: (ids: { run: string }) => `/v1/runs/${ids.run}${verb}` });
const token = (verb: string) => ({ path: (ids: { token: string }) => `/v1/tokens/${ids.token}${verb}` });
const job = { path: (ids: { run: string }) => `/jobs/${ids.run}` };
const otherMethod = (path: Row['path']): Row => ({ scope: 'read', method: 'PUT', right: 405, ...(path && { path }) });
const NAMED = { status: 403, why: 'it names the job itself' };
const schedule = (verb: string, scope: Scope, body?: object): Row => ({
  scope,
  path: () => `/v1/schedules/nightly${verb}`,
  right: 404,
  ...(body && { body }),
  otherJob: { status: 404, why: 'there is none' },
});
const NIGHTLY = {
  job: 'fate',
  when: 'daily 03:00',
  destinations: [{ kind: 'slack', channel: '#ops' }],
  name: 'nightly',
};

const ROWS: Record<string, Row> = {
  'GET /healthz': { scope: 'anonymous', right: 200 },
  'GET /readyz': { scope: 'anonymous', right: 200 },
  'GET /health': { scope: 'anonymous', right: 200 },
  'ALL /slack/events': { scope: 'anonymous', right: 404 },
  'GET /unsubscribe': { scope: 'anonymous', right: 400 },
  'POST /unsubscribe': { scope: 'anonymous', right: 400 },
  'ALL /unsubscribe': { scope: 'anonymous', method: 'PUT', right: 405 },
  'GET /__cron/run/status': { scope: 'own secret', right: 200 },
  'GET /__cron/run/:task': { scope: 'own secret', path: () => '/__cron/run/nobody', right: 404 },
  'GET /v1/jobs': { scope: 'read', right: 200, otherJob: { status: 200, why: 'its list is empty' } },
  'GET /v1/runs': { scope: 'read', right: 200, otherJob: { status: 200, why: 'its list is empty' } },
  'GET /v1/notices': { scope: 'read', right: 200, otherJob: { status: 200, why: 'its list is empty' } },
  'POST /v1/jobs/:name/preflight': {
    scope: 'run',
    path: () => '/v1/jobs/fate/preflight',
    right: 200,
    otherJob: NAMED,
  },
  'GET /v1/jobs/:name/memory': {
    scope: 'read',
    path: () => '/v1/jobs/fate/memory',
    right: 200,
    otherJob: NAMED,
  },
  'POST /v1/jobs/:name/memory/:key': {
    scope: 'manage',
    path: () => '/v1/jobs/fate/memory/000000000001',
    body: { as: 'done' },
    right: 404,
    otherJob: NAMED,
  },
  'POST /v1/runs': {
    scope: 'run',
    body: { job: 'fate' },
    right: 202,
    otherJob: { status: 403, why: 'it names the job itself' },
  },
  'GET /v1/runs/:ref': { scope: 'read', ...run(''), right: 200, otherJob: { status: 404, why: HIDDEN } },
  'GET /v1/runs/:id/transcript': {
    scope: 'read',
    ...run('/transcript'),
    right: 200,
    otherJob: { status: 404, why: HIDDEN },
  },
  'POST /v1/runs/:id/cancel': { scope: 'run', ...run('/cancel'), right: 200, otherJob: { status: 404, why: HIDDEN } },
  'POST /v1/runs/:id/approve': { scope: 'admin', ...run('/approve'), right: 200, otherJob: notForJobs },
  'POST /v1/runs/:id/retry': { scope: 'run', ...run('/retry'), right: 202, otherJob: { status: 404, why: HIDDEN } },
  'DELETE /v1/runs/:id': { scope: 'manage', ...run(''), right: 200, otherJob: { status: 404, why: HIDDEN } },
  'GET /v1/schedules': { scope: 'read', right: 200, otherJob: { status: 200, why: 'its list is empty' } },
  'POST /v1/schedules/preview': { scope: 'read', body: NIGHTLY, right: 200, otherJob: NAMED },
  'POST /v1/schedules': { scope: 'manage', body: NIGHTLY, right: 201, otherJob: NAMED },
  'GET /v1/schedules/:ref': schedule('', 'read'),
  'GET /v1/schedules/:ref/next': schedule('/next', 'read'),
  'DELETE /v1/schedules/:ref': schedule('', 'manage'),
  'POST /v1/schedules/:ref/pause': schedule('/pause', 'manage', {}),
  'POST /v1/schedules/:ref/resume': schedule('/resume', 'manage'),
  'POST /v1/schedules/:ref/snooze': schedule('/snooze', 'manage', { until: '2d' }),
  'POST /v1/schedules/:ref/skip': schedule('/skip', 'manage'),
  'POST /v1/schedules/:ref/run': schedule('/run', 'run'),
  'POST /run': { scope: 'run', body: { job_type: 'fate' }, right: 200, otherJob: NAMED },
  'ALL /run': otherMethod(() => '/run'),
  'POST /jobs': { scope: 'run', body: { job_type: 'fate' }, right: 202, otherJob: NAMED },
  'GET /jobs': { scope: 'read', right: 200, otherJob: { status: 200, why: 'its list is empty' } },
  'ALL /jobs': otherMethod(() => '/jobs'),
  'GET /jobs/:id': { scope: 'read', ...job, right: 200, otherJob: { status: 404, why: HIDDEN } },
  'DELETE /jobs/:id': { scope: 'manage', ...job, right: 200, otherJob: { status: 404, why: HIDDEN } },
  'ALL /jobs/:id': otherMethod(job.path),
  'POST /trigger/:plugin/:command': { scope: 'run', path: () => '/trigger/no/body', right: 404, otherJob: NAMED },
  'POST /v1/queues/:name/process': {
    scope: 'manage',
    path: () => '/v1/queues/fate/process',
    right: 200,
    otherJob: NAMED,
  },
  'POST /v1/deliveries/process': {
    scope: 'manage',
    right: 200,
    otherJob: { status: 403, why: 'they are of all jobs' },
  },
  'POST /v1/backup': { scope: 'operator', body: { dir: 'relative' }, right: 400 },
  'GET /v1/tokens': { scope: 'admin', right: 200, otherJob: notForJobs },
  'POST /v1/tokens': { scope: 'admin', body: { name: 'new' }, right: 201, otherJob: notForJobs },
  'POST /v1/tokens/:ref/rotate': { scope: 'admin', ...token('/rotate'), body: {}, right: 200, otherJob: notForJobs },
  'DELETE /v1/tokens/:ref': { scope: 'admin', ...token(''), right: 200, otherJob: notForJobs },
  'GET /v1/mail/suppressions': { scope: 'admin', right: 200, otherJob: notForJobs },
  'POST /v1/mail/suppressions': {
    scope: 'admin',
    body: { address: 'ana@example.com' },
    right: 200,
    otherJob: notForJobs,
  },
  'DELETE /v1/mail/suppressions/:address': {
    scope: 'admin',
    path: () => '/v1/mail/suppressions/bo@example.com',
    right: 404,
    otherJob: notForJobs,
  },
};
/** What is mounted for whole paths: the edge, the doors, and no answers of their own but these doors'. */
const MIDDLEWARE = ['ALL /*', 'ALL /__cron/run/*', 'ALL /v1/tokens/*', 'ALL /v1/mail/suppressions/*'];

/** What two cannot have by one name. */
const isMaking = (route: string): boolean => route === 'POST /v1/tokens' || route === 'POST /v1/schedules';

let house: House;
let logged: string[];
let offset: number;
const clock = { ...systemClock, now: () => systemClock.now() + offset };
beforeEach(async () => {
  house = await createHouse();
  logged = [];
  offset = 0;
});
afterEach(() => house[Symbol.asyncDispose]());

function open(options: { bootstrap?: string; ratePerMinute?: number } = {}) {
  const log = createLog({ write: (line) => logged.push(line), scrub: (text) => text, clock }, 'info');
  const tokens = createTokens({ store: house.store, clock, log }, { bootstrap: options.bootstrap });
  const api = createApi(
    {
      ...atTheEdge(house),
      runner: house.runner,
      reader: house.store,
      schedules: house.scheduler.schedules,
      tokens,
      readiness: () => 'ready',
      backup: (dir) => house.store.backup(dir),
      cron: { token: CRON_SECRET, reader: house.store, clock, log, schedules: house.scheduler.schedules },
      clock,
      log,
    },
    { ratePerMinute: options.ratePerMinute ?? 1_000_000 },
  );
  return { api, tokens };
}
type Api = ReturnType<typeof open>['api'];

async function made(tokens: Tokens, name: string, asked: { scope?: Scope; jobs?: string[]; expires?: string } = {}) {
  const result = await tokens.create({ name, ...asked }, BY);
  if (result.outcome !== 'created') throw new Error(result.outcome);
  return { id: result.view.id, secret: result.secret };
}
/** A finished run of the job `fate`. */
async function finished(): Promise<string> {
  const result = await house.runner.submit({ job: 'fate', input: {}, as: 'json', actor: BY, trigger: 'api' });
  if (result.outcome !== 'accepted') throw new Error(result.outcome);
  await expect.poll(async () => (await house.store.get(result.run.id))?.state).toBe('completed');
  return result.run.id;
}

interface Call {
  authorization?: string;
  bindings?: { operator?: typeof BY };
}
async function call(api: Api, route: string, row: Row & { at: string }, { authorization, bindings }: Call) {
  const [named = ''] = route.split(' ');
  const method = row.method ?? (named === 'ALL' ? 'POST' : named);
  const headers = {
    ...(authorization === undefined ? {} : { authorization }),
    ...(row.scope === 'own secret' ? { 'x-internal-health': CRON_SECRET } : {}),
  };
  const init = { method, headers, ...(row.body === undefined ? {} : { body: JSON.stringify(row.body) }) };
  const before = logged.length;
  const answer = await api.request(row.at, init, bindings ?? {});
  return { status: answer.status, text: await answer.text(), log: logged.slice(before).join('') };
}

test('every route of the app has its row, and every row its route', () => {
  const routes = new Set(open().api.routes.map(({ method, path }) => `${method} ${path}`));
  expect([...routes].sort()).toEqual([...Object.keys(ROWS), ...MIDDLEWARE].sort());
});

describe.each(Object.entries(ROWS))('%s', (route, row) => {
  const { scope } = row;
  const isOpen = scope === 'anonymous' || scope === 'own secret';

  test('none, a wrong scheme, a wrong, expired, revoked or rotated-out token: 401, and the reason only in the log', async () => {
    const { api, tokens } = open();
    const subject = await made(tokens, 'subject');
    const ids = { run: await finished(), token: subject.id };
    const at = row.path?.(ids) ?? route.split(' ')[1] ?? '';
    const right = await made(tokens, 'right', { scope: 'admin' });
    const expired = await made(tokens, 'expired', { scope: 'admin', expires: '1m' });
    offset += 60_000;
    const revoked = await made(tokens, 'revoked', { scope: 'admin' });
    await tokens.revoke('revoked', BY);
    const out = await made(tokens, 'out', { scope: 'admin' });
    await tokens.rotate('out', '0', BY);
    const other = `${right.secret.slice(0, -2)}${right.secret.endsWith('AA') ? 'BB' : 'AA'}`;
    const refused: [string | undefined, string][] = [
      [undefined, 'missing'],
      [`Basic ${right.secret}`, 'wrong_scheme'],
      [right.secret, 'wrong_scheme'],
      [`Bearer ${right.secret}, Bearer ${right.secret}`, 'wrong_scheme'],
      ...['wrong', other, expired.secret, revoked.secret, out.secret].map((one): [string, string] => [
        `Bearer ${one}`,
        'invalid_token',
      ]),
    ];
    const before = (await house.store.list({})).items.length;
    for (const [authorization, reason] of refused) {
      const answer = await call(api, route, { ...row, at }, authorization === undefined ? {} : { authorization });
      if (isOpen) {
        expect([reason, answer.status]).toEqual([reason, row.right]);
        continue;
      }
      expect([reason, answer.status, answer.text]).toEqual([reason, 401, '{"error":"unauthorized"}']);
      expect(JSON.parse(answer.log)).toMatchObject({ message: 'api request refused', reason });
      for (const { secret } of [right, expired, revoked, out]) expect(answer.log).not.toContain(secret.slice(12));
    }
    expect((await house.store.get(ids.run))?.state).toBe('completed');
    expect((await house.store.list({})).items).toHaveLength(before);
    expect(tokens.list().tokens.find(({ id }) => id === subject.id)).toMatchObject({ state: 'live', secrets: [{}] });
  });

  test('no live token at all: 500, whatever is sent', async () => {
    const { api } = open();
    const at = row.path?.({ run: 'x', token: 'x' }) ?? route.split(' ')[1] ?? '';
    for (const authorization of ['Bearer x', undefined]) {
      const answer = await call(api, route, { ...row, at }, authorization === undefined ? {} : { authorization });
      if (isOpen) expect(answer.status).toBe(row.right);
      else expect([answer.status, answer.text]).toEqual([500, '{"error":"auth misconfigured"}']);
    }
  });

  test('the scopes below get 403, that one and those above what they asked for, and so does the operator', async () => {
    const { api, tokens } = open();
    for (const given of SCOPES) {
      const { secret } = await made(tokens, given, { scope: given });
      const ids = { run: await finished(), token: (await made(tokens, `subject-${given}`)).id };
      const at = row.path?.(ids) ?? route.split(' ')[1] ?? '';
      const fresh = { ...row, ...(isMaking(route) && { body: { ...row.body, name: `new-${given}` } }) };
      const answer = await call(api, route, { ...fresh, at }, { authorization: `Bearer ${secret}` });
      if (scope === 'operator') expect([given, answer.status]).toEqual([given, 404]);
      else if (isOpen || SCOPES.indexOf(given) >= SCOPES.indexOf(scope))
        expect([given, answer.status]).toEqual([given, row.right]);
      else {
        expect([given, answer.status]).toEqual([given, 403]);
        const words = /^\/(?:run|jobs|trigger)/.test(at) ? { error: 'forbidden' } : { status: 403, code: 'FORBIDDEN' };
        expect(JSON.parse(answer.text)).toMatchObject(words);
        expect((await house.store.get(ids.run))?.state).toBe('completed');
      }
    }
    const ids = { run: await finished(), token: (await made(tokens, 'subject')).id };
    const at = row.path?.(ids) ?? route.split(' ')[1] ?? '';
    expect((await call(api, route, { ...row, at }, { bindings: { operator: BY } })).status).toBe(row.right);
  });
});

test.each(Object.entries(ROWS).filter(([, { otherJob }]) => otherJob !== undefined))(
  '%s with a token for other jobs only',
  async (route, row) => {
    const { scope } = row;
    const { api, tokens } = open();
    const ids = { run: await finished(), token: (await made(tokens, 'subject')).id };
    const at = row.path?.(ids) ?? route.split(' ')[1] ?? '';
    const limited = scope === 'admin' ? 'manage' : SCOPES.find((one) => one === scope);
    const { secret } = await made(tokens, 'limited', { ...(limited && { scope: limited }), jobs: ['other'] });
    const answer = await call(api, route, { ...row, at }, { authorization: `Bearer ${secret}` });
    expect([row.otherJob?.why, answer.status]).toEqual([row.otherJob?.why, row.otherJob?.status]);
    expect(answer.text).not.toContain('"fate"');
    if (answer.status === 200) expect(Object.values(JSON.parse(answer.text) as object).flat()).toEqual([]);
    if (answer.status === 404) {
      const unknown = await call(
        api,
        route,
        { ...row, at: at.replace(ids.run, `run_${'0'.repeat(26)}`) },
        {
          authorization: `Bearer ${secret}`,
        },
      );
      expect(answer.text.replaceAll(ids.run, '')).toBe(unknown.text.replaceAll(`run_${'0'.repeat(26)}`, ''));
    }
    expect((await house.store.get(ids.run))?.state).toBe('completed');
    expect((await house.store.list({})).items).toHaveLength(1);
  },
);

test('docs/api.md says the scope of each route', async () => {
  const page = await readFile(new URL('../../docs/api.md', import.meta.url), 'utf8');
  const words = { operator: "the operator's socket", 'own secret': '`X-Internal-Health`' } as const;
  const said = [...page.matchAll(/^\| `((?:GET|POST|DELETE) \/\S*)` \| (.*?) \|/gm)].map(([, ...pair]) => pair);
  const expected = Object.entries(ROWS)
    .filter(([route]) => !route.startsWith('ALL '))
    .map(([route, { scope }]) => [route, scope === 'operator' || scope === 'own secret' ? words[scope] : scope]);
  expect(said.toSorted()).toEqual(expected.toSorted());
});

test('a path that is not there is behind the door as well', async () => {
  const { api, tokens } = open();
  const { secret } = await made(tokens, 'reader', { scope: 'read' });
  for (const path of ['/', '/v1', '/v1/colours', '/jobs/', '/favicon.ico', '/V1/runs', '/v1//runs', '/healthz/x']) {
    expect([path, (await api.request(path)).status]).toEqual([path, 401]);
    const answer = await api.request(path, { headers: { authorization: `Bearer ${secret}` } });
    expect([path, answer.status]).toEqual([path, 404]);
  }
});

test('a token for a job sees its runs among others, and an ending of an id that fits both is only its own', async () => {
  const { api, tokens } = open();
  const { secret } = await made(tokens, 'limited', { scope: 'run', jobs: ['fate', 'other'] });
  const headers = { authorization: `Bearer ${secret}` };
  const id = await finished();
  for (const path of ['/v1/runs', '/v1/runs?job=fate', `/v1/runs/${id.slice(-6)}`])
    expect(await (await api.request(path, { headers })).text()).toContain(id);
  expect(await (await api.request('/v1/runs?job=weekly', { headers })).json()).toEqual({ runs: [] });
  const accepted = await api.request('/v1/runs', { method: 'POST', headers, body: '{"job":"fate"}' });
  expect(accepted.status).toBe(202);
});

test('who asked, and by which request, stands with the run and in the audit of a token', async () => {
  const { api, tokens } = open();
  const { id, secret } = await made(tokens, 'ci', { scope: 'admin' });
  const headers = { authorization: `Bearer ${secret}`, 'x-request-id': 'from-the-caller.1' };
  const answer = await api.request('/v1/runs', { method: 'POST', headers, body: '{"job":"fate"}' });
  const actor = { kind: 'token', id, name: 'ci', requestId: 'from-the-caller.1' };
  expect(await answer.json()).toMatchObject({ run: { actor } });
  await api.request('/v1/tokens', { method: 'POST', headers, body: '{"name":"second"}' });
  expect(tokens.list().tokens).toMatchObject([{ name: 'ci' }, { name: 'second', createdBy: actor }]);
});

describe('/v1/tokens', () => {
  test('answers a secret once, uncached; refusals are problems with a code', async () => {
    const { api, tokens } = open();
    const { secret } = await made(tokens, 'root', { scope: 'admin' });
    const ask = async (method: string, path: string, body?: unknown) => {
      const headers = { authorization: `Bearer ${secret}` };
      const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
      const answer = await api.request(`/v1/tokens${path}`, init);
      return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
    };
    const created = await ask('POST', '', { name: 'ci', scope: 'read', jobs: ['fate'], expires: '90d' });
    expect(created).toMatchObject({ status: 201, body: { outcome: 'created', token: { name: 'ci', scope: 'read' } } });
    const rotated = await ask('POST', '/ci/rotate', { overlap: '1h' });
    expect(rotated).toMatchObject({ status: 200, body: { outcome: 'rotated', until: expect.any(String) } });
    for (const answer of [created, rotated]) {
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(
        (await api.request('/v1/runs', { headers: { authorization: `Bearer ${String(answer.body['secret'])}` } }))
          .status,
      ).toBe(200);
    }
    expect(JSON.stringify((await ask('GET', '')).body)).not.toMatch(/sha256|bh_/);
    for (const [method, path, body, status, code] of [
      ['POST', '', { name: 'ci' }, 409, 'TOKEN_TAKEN'],
      ['POST', '', { name: 'a b' }, 422, 'TOKEN_INVALID'],
      ['POST', '', { name: 'x', colour: 1 }, 400, 'USAGE'],
      ['POST', '', undefined, 400, 'USAGE'],
      ['POST', '/nobody/rotate', undefined, 404, 'TOKEN_UNKNOWN'],
      ['POST', '/ci/rotate', undefined, 409, 'TOKEN_ROTATING'],
      ['POST', '/ci/rotate', { overlap: 'soon' }, 422, 'TOKEN_INVALID'],
      ['DELETE', '/nobody', undefined, 404, 'TOKEN_UNKNOWN'],
    ] as const)
      expect(await ask(method, path, body)).toMatchObject({ status, body: { status, code } });
    expect((await ask('DELETE', '/ci')).body).toMatchObject({ outcome: 'revoked', token: { state: 'revoked' } });
    expect(await ask('DELETE', '/ci')).toMatchObject({ status: 409, body: { code: 'TOKEN_OVER' } });
  });

  test('a broken body rotates nothing: what it asks for is not guessed', async () => {
    const { api, tokens } = open();
    const { secret } = await made(tokens, 'root', { scope: 'admin' });
    const headers = { authorization: `Bearer ${secret}` };
    for (const body of ['{"overlap":"0"', 'overlap=0', '"0"']) {
      const answer = await api.request('/v1/tokens/root/rotate', { method: 'POST', headers, body });
      expect([body, answer.status]).toEqual([body, 400]);
    }
    expect(tokens.list().tokens[0]?.secrets).toHaveLength(1);
  });

  test('a token may revoke itself, and then it is out', async () => {
    const { api, tokens } = open({ bootstrap: 'a-bootstrap-token-of-some-length' });
    const { id, secret } = await made(tokens, 'root', { scope: 'admin' });
    const headers = { authorization: `Bearer ${secret}` };
    expect((await api.request(`/v1/tokens/${id}`, { method: 'DELETE', headers })).status).toBe(200);
    expect((await api.request('/v1/tokens', { headers })).status).toBe(401);
  });
});
