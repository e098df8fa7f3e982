/** The table of routes that other tests go over: it lists what is mounted, and nothing else. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApi } from '../../src/api/app.ts';
import { atTheEdge } from '../support/api-parts.ts';
import { ROUTES, type Route } from '../support/api-routes.ts';
import { CRON_TOKEN, startApiServer, type ApiServer } from '../support/api-server.ts';
import { fill } from '../support/hostile.ts';
import { send, type WireAnswer } from '../support/wire.ts';

const MISSING = 'There is nothing at';

let api: ApiServer;
beforeAll(async () => {
  api = await startApiServer();
});
afterAll(() => api[Symbol.asyncDispose]());

/** By the operator with the key of the break-glass path: nobody is kept out. */
function ask(route: Route): Promise<WireAnswer> {
  const headers = [['X-Internal-Health', CRON_TOKEN]] as const;
  return send({ path: api.socketPath }, { method: route.method, target: fill(route, () => 'noop'), headers });
}

test.each(ROUTES)('$method $path is mounted', async (route) => {
  expect((await ask(route)).body).not.toContain(MISSING);
});

test('every route that is mounted is listed', () => {
  const { runner, scheduler, store, tokens, log, clock } = api.server.bellhop;
  const { schedules } = scheduler;
  const mounted = createApi({
    runner,
    reader: store,
    schedules,
    readiness: () => 'ready',
    tokens,
    backup: (dir) => store.backup(dir),
    cron: { token: undefined, reader: store, clock, log, schedules },
    ...atTheEdge({ runner, store }),
    log,
  })
    .routes.filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => `${method} ${path}`);
  const listed = new Set(ROUTES.map(({ method, path }) => `${method} ${path}`));
  expect(mounted.length).toBeGreaterThan(20);
  expect(mounted.filter((one) => !listed.has(one))).toEqual([]);
});
