/** What comes from outside is answered, whatever it is, and harms nothing (REQUIREMENTS A, RELIABILITY 4). */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DependencyError } from '../../src/errors.ts';
import type { Store } from '../../src/store/store.ts';
import { ROUTES } from '../support/api-routes.ts';
import { API_TOKEN, startApiServer, type ApiServer } from '../support/api-server.ts';
import { waitFor } from '../support/peer-wait.ts';
import { BODIES, faultsOf, fill, hostileRequest } from '../support/hostile.ts';
import { send, type WireAnswer, type WireRequest } from '../support/wire.ts';

const SEED = 20_261_122;
const ROOT = resolve(import.meta.dirname, '../..');
const BEARER = ['Authorization', `Bearer ${API_TOKEN}`] as const;

/** What every object inherits; a request must not add to it. */
const inherited = (): string =>
  JSON.stringify([Object, Array, Function, String].map((made) => Reflect.ownKeys(made.prototype).map(String)));
const BEFORE = inherited();

let api: ApiServer;
let known: string[];
beforeAll(async () => {
  api = await startApiServer();
  known = ['last', await expectWork(api), await expectWork(api), 'noop'];
});
afterAll(() => api[Symbol.asyncDispose]());
afterEach(() => {
  expect(inherited()).toBe(BEFORE);
});

/** Sends it; throws when what comes back is not what a hostile caller may have. */
async function expectFit(to: ApiServer, request: WireRequest, failures: readonly number[] = []): Promise<WireAnswer> {
  const answer = await send({ port: to.port, host: '127.0.0.1' }, request);
  const faults = faultsOf(answer, { places: [to.home, ROOT], failures });
  expect(
    faults,
    `${request.method} ${request.target.slice(0, 200)} -> ${answer.status} ${answer.body.slice(0, 500)}`,
  ).toEqual([]);
  return answer;
}

/** A run of the one job, submitted and completed: the server still does its work. */
async function expectWork(at: ApiServer): Promise<string> {
  const headers = { authorization: `Bearer ${API_TOKEN}` };
  const answer = await fetch(`${at.url}/v1/runs`, { method: 'POST', headers, body: '{"job":"noop"}' });
  expect(answer.status).toBe(202);
  const id = /run_[0-9a-z]{26}/.exec(await answer.text())?.[0] ?? '';
  await waitFor('the run to end', async () => (await at.server.bellhop.store.get(id))?.state === 'completed');
  return id;
}

describe('requests with anything in the place of everything', () => {
  test('are answered with JSON or text, never with a failure of the server, a path, a stack or a token', async () => {
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(hostileRequest({ routes: ROUTES, known }), async (request) => {
        statuses.add((await expectFit(api, request)).status);
      }),
      { seed: SEED, numRuns: 1_500, endOnFailure: true },
    );
    // They got everywhere: into the work, to each guard before it, and no farther than the parser.
    expect([...statuses]).toEqual(expect.arrayContaining([200, 202, 400, 401, 403, 404, 417, 422, 431]));
    await expectWork(api);
    expect(api.log()).not.toContain(API_TOKEN);
  });

  test('over the socket of the operator are answered so too', async () => {
    await fc.assert(
      fc.asyncProperty(hostileRequest({ routes: ROUTES, known }), async (request) => {
        const answer = await send({ path: api.socketPath }, request);
        const shown = `${request.method} ${request.target.slice(0, 200)} -> ${answer.status} ${answer.body.slice(0, 500)}`;
        expect(faultsOf(answer, { places: [ROOT] }), shown).toEqual([]);
      }),
      { seed: SEED, numRuns: 500, endOnFailure: true },
    );
    await expectWork(api);
  });

  test('find nobody let in while no token is configured, and are told the same each time', async () => {
    await using closed = await startApiServer({ env: { BELLHOP_API_TOKEN: undefined } });
    await fc.assert(
      fc.asyncProperty(hostileRequest({ routes: ROUTES, known }), async (request) => {
        const answer = await expectFit(closed, request, [500]);
        if (answer.status === 500) expect(answer.body).toMatch(/^(?:\{"error":"auth misconfigured"\})?$/);
      }),
      { seed: SEED, numRuns: 300, endOnFailure: true },
    );
  });

  test('while the store fails are told 503 at most, and not where the store is', async () => {
    await using failing = await startApiServer({ seams: { wrapStore: failingReads } });
    await fc.assert(
      fc.asyncProperty(
        hostileRequest({ routes: ROUTES, known }),
        async (request) => void (await expectFit(failing, request, [503])),
      ),
      { seed: SEED, numRuns: 300, endOnFailure: true },
    );
    const told = await expectFit(failing, { method: 'GET', target: '/v1/runs', headers: [BEARER] }, [503]);
    expect(told.status).toBe(503);
    expect(JSON.parse(told.body)).toMatchObject({ status: 503, code: 'STORE_FAILED' });
    expect(failing.log()).toContain('/somewhere/secret');
  });
});

/** A store whose every read and submit fails with what names a file, once the server is up. */
function failingReads(store: Store): Store {
  const fail = (): Promise<never> =>
    Promise.reject(new DependencyError(`${ROOT}/somewhere/secret.json could not be read`, { code: 'STORE_FAILED' }));
  return { ...store, list: fail, get: fail, submit: fail, listNotices: fail, deliveries: fail };
}

describe.each(ROUTES.filter(({ method }) => method !== 'GET'))('$method $path', (route) => {
  test.each(Object.entries(BODIES))('answers %s', async (_name, body) => {
    const target = fill(route, () => 'noop');
    await expectFit(api, { method: route.method, target, headers: [BEARER], ...body });
    await expectFit(api, { method: route.method, target, ...body });
  });
});

describe.each(ROUTES.filter(({ method }) => method === 'POST'))('$method $path', (route) => {
  test.each([
    ['told beforehand', 'length'],
    ['in chunks', 'chunked'],
  ] as const)('takes a body of one megabyte at most, %s', async (_name, framing) => {
    const target = fill(route, () => 'noop');
    // No JSON: what reads it says so, and not that it is too large.
    const body = Buffer.alloc(2 ** 20 + 1, 'x');
    const answer = await expectFit(api, { method: route.method, target, headers: [BEARER], body, framing });
    expect(answer).toMatchObject({ status: 413 });
    if (answer.headers['content-type'] === 'application/problem+json') {
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'TOO_LARGE' });
    }
  });
});

test('what stands in the way of a job file is told without saying where the folder is', async () => {
  const jobs = {
    'bad.ts': "import './missing.ts';",
    'far.ts': "import '../lib/missing.ts';",
    'broken.ts': 'export default {',
    'odd.yml': ': [',
    'thrown.ts': 'throw new Error("x")',
  };
  await using own = await startApiServer({ jobs });
  const answer = await expectFit(own, { method: 'GET', target: '/v1/jobs', headers: [BEARER] });
  for (const file of Object.keys(jobs)) expect(answer.body).toContain(file);
  for (const missing of ['missing.ts', '../lib/missing.ts'])
    expect(answer.body).toContain(`Cannot find module '${missing}'`);
  await rm(join(own.home, 'jobs'), { recursive: true });
  await own.server.bellhop.loadJobs();
  const none = await expectFit(own, { method: 'GET', target: '/v1/jobs', headers: [BEARER] });
  expect(none.body).toContain('the jobs folder does not exist');
});
