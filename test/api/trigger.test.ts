/** `POST /trigger/{plugin}/{command}`: every status, who may, and what is answered. */
import { beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { Hono } from 'hono';
import type { Principal } from '../../src/runner/tokens.ts';
import type { ApiEnv } from '../../src/api/runs.ts';
import { triggerRoutes } from '../../src/api/trigger.ts';
import { silentLog } from '../../src/log.ts';
import { createWait } from '../../src/runner/wait.ts';
import { manifestOf, pluginEstate, type PluginHouse } from '../support/plugin-house.ts';
import { eventually } from '../support/runner-house.ts';

const houses = pluginEstate();
const BOOTSTRAP: Principal = { actor: { kind: 'token', id: 'bootstrap' }, scope: 'admin' };
const CODE = `
  const { fate, gate } = request.event;
  const ends = {
    ok: { status: 'ok', result: { seen: request.event }, logs: ['x'] },
    error: { status: 'error', error: { code: 'gone', message: 'no such thing' }, retry: false },
  };
  const fs = require('node:fs');
  const wait = () => gate === undefined || fs.existsSync(gate) ? answer(ends[fate ?? 'ok']) : setTimeout(wait, 5);
  wait();`;
const commands = `go: { type: write, input: { fate: { optional: true }, gate: { optional: true }, n: { type: integer, optional: true } } },
  free: { type: read }`;

let house: PluginHouse;
beforeEach(async () => {
  const other = { manifest: manifestOf({ name: 'tool-x', commands: 'go: { type: read }' }) };
  house = await houses.open({ plugins: { tool: { manifest: manifestOf({ commands }), code: CODE }, 'tool-x': other } });
});

/** The routes behind a door that let this principal in. */
function app(principal = BOOTSTRAP, runWaitMs = 20_000): Hono<ApiEnv> {
  const { runner, store, clock } = house;
  const outer = new Hono<ApiEnv>();
  outer.use(async (c, next) => {
    c.set('principal', principal);
    c.set('actor', principal.actor);
    return next();
  });
  const ended = createWait({ reader: store, clock, log: silentLog }, runWaitMs);
  return outer.route('/trigger', triggerRoutes({ runner, ended }));
}
async function call(path: string, body?: unknown, given = app()) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await given.request(`/trigger/${path}`, { method: 'POST', ...(body !== undefined && { body: text }) });
  return { status: answer.status, body: z.record(z.string(), z.unknown()).parse(await answer.json()) };
}

describe('a trigger', () => {
  test('runs the command and answers with the end of its run: status, result, error and the whole response', async () => {
    const { status, body } = await call('tool/go', { payload: { n: 1 } });
    expect(status).toBe(200);
    const result = { seen: { n: 1 } };
    expect(body).toEqual({
      job_id: expect.stringMatching(/^run_/),
      status: 'completed',
      result,
      error: null,
      response: { status: 'ok', result, logs: ['x'] },
    });
    expect(await house.store.get(String(body['job_id']))).toMatchObject({
      trigger: 'api',
      actor: BOOTSTRAP.actor,
      kind: 'plugin',
    });
  });

  test.each([
    ['no body', undefined],
    ['an empty one', ''],
    ['an empty object', {}],
    ['payload: null', { payload: null }],
  ])('with %s has no payload', async (_what, sent) => {
    expect(await call('tool/go', sent)).toMatchObject({ status: 200, body: { result: { seen: {} } } });
  });

  test('of a command without a schema takes any object', async () => {
    const payload = { a: [1, { b: null }], 'some key': 'ü' };
    expect(await call('tool/free', { payload })).toMatchObject({ status: 200, body: { result: { seen: payload } } });
    expect((await call('tool/free', { payload: [1] })).status).toBe(422);
  });

  test('that fails is answered 200 with status failed, its error and the response', async () => {
    expect(await call('tool/go', { payload: { fate: 'error' } })).toMatchObject({
      status: 200,
      body: {
        status: 'failed',
        result: null,
        error: { code: 'PLUGIN_ERROR', message: 'gone: no such thing' },
        response: { status: 'error', retry: false },
      },
    });
  });

  test('that takes longer than the wait is answered 202 with the id, and goes on', async () => {
    const gate = join(house.dir, 'gate');
    const { status, body } = await call('tool/go', { payload: { gate } }, app(BOOTSTRAP, 0));
    expect({ status, keys: Object.keys(body) }).toEqual({ status: 202, keys: ['job_id'] });
    await writeFile(gate, '');
    expect((await house.until(String(body['job_id']))).state).toBe('completed');
  });

  test('whose run is cancelled meanwhile is answered failed, with the code cancelled', async () => {
    const waiting = call('tool/go', { payload: { gate: join(house.dir, 'never') } });
    const run = await eventually(async () => (await house.store.list({ states: ['running'] })).items[0]);
    await house.runner.cancel(run.id, BOOTSTRAP.actor);
    expect(await waiting).toMatchObject({
      status: 200,
      body: { status: 'failed', error: { code: 'cancelled' }, response: null },
    });
  });
});

describe('a trigger is refused', () => {
  const PATHS = [
    'none/go',
    'tool/none',
    'none/none',
    'tool-x-go/x',
    'tool/x-go',
    'Tool/go',
    'tool/go%00',
    '__proto__/go',
  ];
  test.each(PATHS)('with 404 where there is no such command: %s', async (path) => {
    expect(await call(path, {})).toEqual({ status: 404, body: { error: 'not found' } });
    expect((await house.store.list({})).items).toEqual([]);
  });

  test('with 404 for a job that is no plugin', async () => {
    await writeFile(join(house.dir, '../jobs/own.yml'), 'name: own-job\ndescription: Mine.\ncommand: [echo, hi]\n');
    await house.refresh();
    expect((await call('own/job', {})).status).toBe(404);
  });

  test('with 422 and its issues where the payload does not fit', async () => {
    const { status, body } = await call('tool/go', { payload: { n: 'x', other: 1 } });
    expect(status).toBe(422);
    expect(body).toMatchObject({
      error: 'The input of tool-go does not fit its schema.',
      issues: [{ path: 'other' }, { path: 'n' }],
    });
    expect((await house.store.list({})).items).toEqual([]);
  });

  test.each(['{', '[]', '"x"', 'null', '{"payload":{},"other":1}', '{"payload":{}}{}'])(
    'with 400 where the body is %s',
    async (text) => {
      expect((await call('tool/go', text)).status).toBe(400);
    },
  );

  test('with 413 where the payload is larger than the store takes', async () => {
    expect((await call('tool/free', { payload: { x: 'x'.repeat(300_000) } })).status).toBe(413);
  });

  test('with 403 where the scope is too small or the job is not among those of the token, whether there is such a job or not', async () => {
    const reader = app({ ...BOOTSTRAP, scope: 'read' });
    const one = app({ ...BOOTSTRAP, scope: 'run', jobs: ['tool-free'] });
    const forbidden = { status: 403, body: { error: 'forbidden' } };
    expect(await call('tool/free', {}, reader)).toEqual(forbidden);
    expect(await call('tool/go', {}, one)).toEqual(forbidden);
    expect(await call('none/go', {}, one)).toEqual(forbidden);
    expect((await call('tool/free', {}, one)).status).toBe(200);
    expect((await house.store.list({})).items).toHaveLength(1);
  });
});
