/** The older contract, route by route and status by status, from the rows A and P of its requirements. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { DependencyError } from '../../src/errors.ts';
import { RUN_STATES, type Lease, type RunState } from '../../src/store/records.ts';
import { compatHouse, serveRoutes, type Answer, type CompatHouse } from '../support/compat-house.ts';
import { sampleRun } from '../support/delivery-report.ts';
import { eventually } from '../support/runner-house.ts';
import { ana, claimOne, newRun } from '../support/store-harness.ts';
import { summaryOf } from '../../src/store/transitions.ts';

const NOT_FOUND = '{"error":"not found"}';
const FORBIDDEN = '{"error":"forbidden"}';
const UNKNOWN = 'run_0000000000000000000000000a';
const Entry = z.strictObject({
  job_id: z.string().regex(/^run_[0-9a-z]{26}$/),
  job_type: z.string(),
  status: z.enum(['queued', 'running', 'completed', 'failed']),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});
const List = z.strictObject({ jobs: z.array(Entry), cursor: z.string().exactOptional() });
const Refusal = z.strictObject({
  error: z.string().min(1),
  issues: z.array(z.looseObject({ path: z.string(), message: z.string() })).exactOptional(),
});
const jobId = (answer: Answer): string => z.strictObject({ job_id: z.string() }).parse(answer.body).job_id;
const listed = (answer: Answer): string[] => List.parse(answer.body).jobs.map((entry) => entry.job_id);

/** Asks for a job and answers its id. */
async function ask(house: CompatHouse, params: unknown = {}): Promise<string> {
  return jobId(await house.call('POST /jobs', { body: { job_type: 'fate', params } }));
}

/** Claims the one that waits, as a worker would. */
async function claim({ store }: CompatHouse): Promise<Lease> {
  const queues = [{ name: 'fate', limit: 1 }];
  return (await claimOne(store, { queues })).lease;
}

describe.each(['memory', 'lowdb'] as const)('the older contract on %s', (backend) => {
  test('A1 POST /run runs the job and answers 200 with the finished entry', async () => {
    await using house = await compatHouse({ backend });
    const answer = await house.call('POST /run', { body: { job_type: 'fate', params: { text: 'Fine.' } } });
    expect(answer.status).toBe(200);
    const { params, report, error, started_at, finished_at, ...entry } = answer.body;
    expect(Entry.parse(entry)).toMatchObject({ job_type: 'fate', status: 'completed' });
    expect(params).toEqual({ fate: 'markdown', text: 'Fine.', times: 0 });
    expect(report).toMatch(/^# .+\n\nFine\.\n/);
    expect([error, typeof started_at, typeof finished_at]).toEqual([null, 'string', 'string']);
    expect((await house.call(`GET /jobs/${String(entry['job_id'])}`)).text).toBe(answer.text);
  });

  test('A1 POST /run of a job that fails answers 200 with the entry failed and its error', async () => {
    await using house = await compatHouse({ backend });
    const answer = await house.call('POST /run', { body: { job_type: 'fate', params: { fate: 'permanent' } } });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        status: 'failed',
        report: expect.stringContaining('the account is closed'),
        error: { code: 'JOB_PERMANENT', message: 'the account is closed', hint: 'open it again' },
      },
    });
  });

  test('A1 A7 POST /jobs answers 202 with the id alone, and the entry is there with the answer', async () => {
    await using house = await compatHouse({ backend, idle: true });
    const answer = await house.call('POST /jobs', { body: { job_type: 'fate' } });
    const id = jobId(answer);
    expect([answer.status, answer.headers['location']]).toEqual([202, `/jobs/${id}`]);
    expect(listed(await house.call('GET /jobs'))).toEqual([id]);
    const { body } = await house.call(`GET /jobs/${id}`);
    expect(body).toMatchObject({ job_id: id, status: 'queued', report: null, error: null });
    // P1 started may be absent while queued.
    expect(body).not.toHaveProperty('started_at');
    expect(await house.store.get(id)).toMatchObject({ trigger: 'api', actor: { kind: 'token', id: 'admin' } });
  });

  test('A6 A9 GET /jobs lists entries newest first and never the report', async () => {
    await using house = await compatHouse({ backend });
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.unshift(await ask(house, { text: 'a-word-of-the-report' }));
    for (const id of ids) await house.until(id);
    const answer = await house.call('GET /jobs');
    expect(listed(answer)).toEqual(ids);
    expect(answer.text).not.toContain('a-word-of-the-report');
    expect(answer.body).not.toHaveProperty('cursor');
    expect(listed(await house.call('GET /jobs?status=completed'))).toEqual(ids);
    expect(listed(await house.call('GET /jobs?status=failed'))).toEqual([]);
  });

  test('A8 DELETE removes record, entry and what hangs on it; then it is unknown', async () => {
    await using house = await compatHouse({ backend });
    const id = await ask(house, { fate: 'report' });
    await house.until(id);
    expect(await house.call(`DELETE /jobs/${id}`)).toMatchObject({ status: 200, text: '{"deleted":true}' });
    for (const what of [`GET /jobs/${id}`, `DELETE /jobs/${id}`]) {
      expect(await house.call(what), what).toMatchObject({ status: 404, text: NOT_FOUND });
    }
    expect(listed(await house.call('GET /jobs'))).toEqual([]);
    expect(await house.store.deliveries(id)).toEqual([]);
  });

  test('A8 two DELETEs at once: one did it, to the other it is unknown', async () => {
    await using house = await compatHouse({ backend });
    const id = await ask(house);
    await house.until(id);
    const answers = await Promise.all(Array.from({ length: 5 }, () => house.call(`DELETE /jobs/${id}`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404, 404, 404]);
    expect((await house.call(`GET /jobs/${id}`)).status).toBe(404);
  });

  test('A8 DELETE of a running job cancels it, and its late end does nothing', async () => {
    const released = Promise.withResolvers<void>();
    await using house = await compatHouse({ backend, fate: { released: released.promise } });
    const id = await ask(house, { fate: 'ignore' });
    await house.until(id, ({ state }) => state === 'running');
    expect((await house.call(`DELETE /jobs/${id}`)).status).toBe(200);
    released.resolve();
    await eventually(() => house.runner.active() === 0);
    expect(await house.call(`GET /jobs/${id}`)).toMatchObject({ status: 404, text: NOT_FOUND });
    expect(listed(await house.call('GET /jobs'))).toEqual([]);
  });

  test('A6 500 jobs are paged by cursor while others come and go: each is seen once', async () => {
    await using house = await compatHouse({ backend, idle: true });
    const { store } = house;
    const terms = { job: 'fate', queue: 'fate' };
    const made = await store.submit(Array.from({ length: 500 }, () => newRun(terms)));
    const all = made.map((one) => ('run' in one ? one.run.id : '')).toReversed();
    const gone = new Set<string>();
    const remove = async (id: string | undefined): Promise<void> => {
      if (id === undefined) return;
      await store.remove(id, ana);
      gone.add(id);
    };
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = List.parse((await house.call(`GET /jobs?limit=23${cursor ? `&cursor=${cursor}` : ''}`)).body);
      seen.push(...page.jobs.map((entry) => entry.job_id));
      const last = page.jobs.at(-1);
      cursor = page.cursor;
      if (cursor !== undefined) expect(cursor).toBe(`jobs:${last?.created_at}:${last?.job_id}`);
      await store.submit([newRun(terms), newRun(terms)]);
      await remove(last?.job_id); // the one that the cursor names
      await remove(all[all.indexOf(last?.job_id ?? '') + 3]); // one that is still to come
    } while (cursor !== undefined);
    const unseen = all.filter((id) => !seen.includes(id));
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(all.filter((id) => !unseen.includes(id)));
    // Not seen is only what was deleted before its page came.
    expect(unseen.length).toBeGreaterThan(10);
    expect(unseen.filter((id) => !gone.has(id))).toEqual([]);
  });
});

describe('POST /run', () => {
  test.each([0, 20])('A1 answers 202 when the end takes longer than %i ms, and the run goes on', async (runWaitMs) => {
    const released = Promise.withResolvers<void>();
    await using house = await compatHouse({ runWaitMs, fate: { released: released.promise } });
    const answer = await house.call('POST /run', { body: { job_type: 'fate', params: { fate: 'ignore' } } });
    const id = jobId(answer);
    expect([answer.status, answer.headers['location']]).toEqual([202, `/jobs/${id}`]);
    released.resolve();
    expect(await house.until(id)).toMatchObject({ state: 'completed' });
  });

  test('A1 a client that hangs up does not cancel the run, and nobody waits on', async () => {
    const released = Promise.withResolvers<void>();
    const waits: AbortSignal[] = [];
    let open = false;
    await using house = await compatHouse({
      fate: { released: released.promise },
      wrap: (store) => ({
        ...store,
        watch(since, signal) {
          if (open) waits.push(signal);
          return store.watch(since, signal);
        },
      }),
    });
    open = true;
    const client = new AbortController();
    const body = { job_type: 'fate', params: { fate: 'ignore' } };
    const answer = house.call('POST /run', { body, signal: client.signal });
    const [run] = await eventually(async () => {
      const { items } = await house.store.list({ states: ['running'] });
      return items.length === 1 && waits.length === 1 ? items : undefined;
    });
    client.abort();
    await expect(answer).rejects.toThrow('abort');
    await eventually(() => waits[0]?.aborted);
    expect(await house.store.get(run?.id ?? '')).toMatchObject({ state: 'running' });
    released.resolve();
    expect(await house.until(run?.id ?? '')).toMatchObject({ state: 'completed' });
  });

  test('A1 more than a hundred callers at once are not held: the others are answered 202', async () => {
    await using house = await compatHouse({ idle: true });
    const body = { job_type: 'fate' };
    const callers = Array.from({ length: 103 }, () => house.call('POST /run', { body }));
    const first = await Promise.race(callers);
    expect(first.status).toBe(202);
    await eventually(async () => (await house.store.count({})).queued === 103);
    const { items } = await house.store.list({ limit: 200 });
    for (const { id } of items) await house.store.cancel(id, ana);
    const statuses = (await Promise.all(callers)).map(({ status }) => status);
    expect([statuses.filter((status) => status === 200).length, statuses.filter((one) => one === 202).length]).toEqual([
      100, 3,
    ]);
  });

  test('A8 a job that is deleted while it is waited for is unknown', async () => {
    await using house = await compatHouse({ idle: true });
    const answer = house.call('POST /run', { body: { job_type: 'fate' } });
    const [run] = await eventually(async () => {
      const { items } = await house.store.list({});
      return items.length === 1 ? items : undefined;
    });
    await house.store.remove(run?.id ?? '', ana);
    expect(await answer).toMatchObject({ status: 404, text: NOT_FOUND });
  });

  test('a wait that fails is no failed job: it was accepted', async () => {
    await using house = await compatHouse({
      idle: true,
      wrap: (store) => ({ ...store, get: () => Promise.reject(new Error('cannot be read')) }),
    });
    const answer = await house.call('POST /run', { body: { job_type: 'fate' } });
    expect(answer.status).toBe(202);
    expect((await house.store.list({})).items.map(({ id }) => id)).toEqual([jobId(answer)]);
  });
});

describe('the entry of a job', () => {
  const STATUS: Record<RunState, string> = {
    waiting: 'queued',
    scheduled: 'queued',
    queued: 'queued',
    running: 'running',
    retrying: 'running',
    completed: 'completed',
    failed: 'failed',
    cancelled: 'failed',
  };
  const runs = RUN_STATES.map((state, n) => sampleRun({ state, id: `run_01k9zzzzzzzzzzzzzzzzzzzz8${n}` }));

  test('A6 status: every state of a run has its word, in the record, in the list and as a filter', async () => {
    await using served = await serveRoutes({
      compat: {
        runner: { submit: () => Promise.reject(new Error('no')), remove: () => Promise.reject(new Error('no')) },
        reader: {
          get: (id) => Promise.resolve(runs.find((run) => run.id === id)),
          list: ({ states }) =>
            Promise.resolve({ items: runs.filter(({ state }) => states?.includes(state) ?? true).map(summaryOf) }),
        },
        ended: () => Promise.reject(new Error('nobody waits')),
      },
    });
    for (const { id, state } of runs) {
      expect((await served.call(`GET /jobs/${id}`)).body, state).toMatchObject({ status: STATUS[state] });
    }
    const entries = List.parse((await served.call('GET /jobs')).body).jobs;
    expect(entries.map(({ status }) => status)).toEqual(runs.map(({ state }) => STATUS[state]));
    for (const status of ['queued', 'running', 'completed', 'failed']) {
      const wanted = runs.filter(({ state }) => STATUS[state] === status).map(({ id }) => id);
      expect(listed(await served.call(`GET /jobs?status=${status}`)), status).toEqual(wanted);
    }
  });

  test('docs/compat.md has the same table, and every status that there is', () => {
    const text = readFileSync(join(import.meta.dirname, '../../docs/compat.md'), 'utf8');
    const rows = [...text.matchAll(/^\| `([a-z]+)` \| `([a-z]+)`.* \|$/gm)].map((row) => [row[1], row[2]]);
    expect(Object.fromEntries(rows)).toEqual(STATUS);
    for (const status of [400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 503]) {
      expect(text).toMatch(new RegExp(`^\\| \`${status}\` \\|`, 'm'));
    }
  });

  test('a cancelled job is failed, with error.code cancelled', async () => {
    await using house = await compatHouse({ idle: true });
    const id = await ask(house);
    await house.store.cancel(id, ana);
    expect((await house.call(`GET /jobs/${id}`)).body).toMatchObject({
      status: 'failed',
      error: { code: 'cancelled', message: 'The run was cancelled.' },
    });
  });

  test('P1 P2 the whole response of a plugin is answered, and the last standard error beside the error', async () => {
    await using house = await compatHouse({ idle: true });
    const response = { status: 'error', error: 'no such SKU', retry: false, logs: [{ level: 'info', message: 'x' }] };
    const id = await ask(house);
    const error = { code: 'JOB_FAILED', message: 'no such SKU' };
    const stderr = { head: 'begun\n', tail: 'the end\n', droppedBytes: 12 };
    await house.store.settle([{ lease: await claim(house), end: 'failed', error, stderr, response }]);
    const { body } = await house.call(`GET /jobs/${id}`);
    expect(body['response']).toEqual(response);
    expect(body['error']).toEqual({ ...error, stderr: 'begun\n\n… 12 bytes left out …\nthe end\n' });
  });

  test('P7 a job may complete without a result or a report; one that returned a result has it', async () => {
    await using house = await compatHouse({ idle: true });
    const id = await ask(house);
    await house.store.settle([{ lease: await claim(house), end: 'completed' }]);
    const bare = await house.call(`GET /jobs/${id}`);
    expect(bare).toMatchObject({ status: 200, body: { status: 'completed', report: null, error: null } });
    expect(bare.body).not.toHaveProperty('result');
    await house.runner.start();
    const full = await house.call('POST /run', { body: { job_type: 'fate', params: { fate: 'json' } } });
    expect(full.body['result']).toEqual({ rows: 3, names: ['a', 'b'] });
  });

  test.each([UNKNOWN, 'last', 'run_', 'x', '..%2f..%2fetc', 'a'.repeat(500), '%00'])(
    'A8 P2 %s is no job: 404 and nothing but the words',
    async (id) => {
      await using house = await compatHouse({ idle: true });
      await ask(house);
      for (const method of ['GET', 'DELETE']) {
        expect(await house.call(`${method} /jobs/${id}`)).toMatchObject({ status: 404, text: NOT_FOUND });
      }
      expect(listed(await house.call('GET /jobs'))).toHaveLength(1);
    },
  );
});

describe('GET /jobs', () => {
  test('A6 limit is 50 unless it is said, and brought between 1 and 200', async () => {
    await using house = await compatHouse({ idle: true });
    await house.store.submit(Array.from({ length: 201 }, () => newRun()));
    const many = async (query: string): Promise<number> => listed(await house.call(`GET /jobs${query}`)).length;
    expect(await many('')).toBe(50);
    expect(await many('?limit=7')).toBe(7);
    for (const limit of ['0', '-5', '1']) expect(await many(`?limit=${limit}`), limit).toBe(1);
    for (const limit of ['200', '201', '99999999999999']) expect(await many(`?limit=${limit}`), limit).toBe(200);
  });

  test.each(['limit=x', 'limit=', 'limit=1.5', 'limit=1e9', 'status=cancelled', 'status=', 'cursor='])(
    '%s is 400 with the words and the issue',
    async (query) => {
      await using house = await compatHouse({ idle: true });
      const answer = await house.call(`GET /jobs?${query}`);
      expect(answer.status).toBe(400);
      expect(Refusal.parse(answer.body).issues).toMatchObject([{ path: query.split('=')[0] }]);
    },
  );

  test.each([
    'x',
    'jobs:',
    `jobs:2026-11-23T09:00:00.000Z:${UNKNOWN}x`,
    `jobs:2026-11-23T09:00:00.000Z:${UNKNOWN.replace('a', 'u')}`,
    'jobs:2026-11-23T09:00:00.000Z:',
    `jobs:2026-13-45T09:00:00.000Z:${UNKNOWN}`,
    `jobs:yesterday:${UNKNOWN}`,
    `runs:2026-11-23T09:00:00.000Z:${UNKNOWN}`,
    UNKNOWN,
    Buffer.from(`runs:${UNKNOWN}`).toString('base64url'),
  ])('A6 the cursor %s is 400', async (cursor) => {
    await using house = await compatHouse({ idle: true });
    const answer = await house.call(`GET /jobs?cursor=${encodeURIComponent(cursor)}`);
    expect(answer.status).toBe(400);
    expect(Refusal.parse(answer.body).issues).toMatchObject([{ path: 'cursor' }]);
  });

  test('A6 a cursor made of an entry begins behind it', async () => {
    await using house = await compatHouse({ idle: true });
    for (let n = 0; n < 3; n++) await ask(house);
    const [, middle, oldest] = List.parse((await house.call('GET /jobs')).body).jobs;
    const cursor = encodeURIComponent(`jobs:${middle?.created_at}:${middle?.job_id}`);
    expect(listed(await house.call(`GET /jobs?cursor=${cursor}`))).toEqual([oldest?.job_id]);
  });
});

describe('what is not accepted', () => {
  test.each([
    ['no JSON', 'x'],
    ['no body', ''],
    ['a list', '[]'],
    ['no job_type', '{"params":{}}'],
    ['a job_type that is no text', '{"job_type":7}'],
    ['an empty job_type', '{"job_type":""}'],
    ['an unknown member', '{"job_type":"fate","parmas":{}}'],
  ])('A1 a body that is %s is 400, and there is no job', async (_what, raw) => {
    await using house = await compatHouse({ idle: true });
    for (const path of ['/run', '/jobs']) {
      const answer = await house.call(`POST ${path}`, { raw });
      expect(answer.status).toBe(400);
      expect(Refusal.parse(answer.body).issues?.length).toBeGreaterThan(0);
    }
    expect(listed(await house.call('GET /jobs'))).toEqual([]);
  });

  test('an unknown job is 404, params that do not fit 422 with the issues, too large ones 413', async () => {
    await using house = await compatHouse({ idle: true, store: { maxInputBytes: 1000 } });
    for (const path of ['/run', '/jobs']) {
      const unknown = await house.call(`POST ${path}`, { body: { job_type: 'faet' } });
      expect(unknown.status).toBe(404);
      expect(Refusal.parse(unknown.body).error).toContain('There is no job faet.');
      const unfit = await house.call(`POST ${path}`, { body: { job_type: 'fate', params: { times: 'x' } } });
      expect(unfit.status).toBe(422);
      expect(Refusal.parse(unfit.body).issues).toMatchObject([{ path: 'times' }]);
      const large = await house.call(`POST ${path}`, {
        body: { job_type: 'fate', params: { text: 'x'.repeat(2000) } },
      });
      expect(large.status).toBe(413);
      Refusal.parse(large.body);
      const body = await house.call(`POST ${path}`, { raw: `"${'x'.repeat(2 ** 20)}"` });
      expect(body.status).toBe(413);
      Refusal.parse(body.body);
    }
    expect(listed(await house.call('GET /jobs'))).toEqual([]);
  });

  test('what a guard refuses is 409 with its reason, a full store 429', async () => {
    await using guarded = await compatHouse({
      guards: {
        check: () => Promise.resolve({ ok: false, code: 'DISABLED', reason: 'It is switched off.', hint: 'Set X.' }),
      },
    });
    expect(await guarded.call('POST /run', { body: { job_type: 'fate' } })).toMatchObject({
      status: 409,
      body: { error: 'It is switched off. Set X.' },
    });
    await using full = await compatHouse({ idle: true, store: { maxUnfinished: 1 } });
    await ask(full);
    const answer = await full.call('POST /jobs', { body: { job_type: 'fate' } });
    expect(answer.status).toBe(429);
    Refusal.parse(answer.body);
  });

  test.each(['STORE_FULL', 'OVERLOADED', 'STORE_FAILED'] as const)(
    'A7 POST fails with 503 when the store refuses with %s, and there is no job',
    async (code) => {
      await using house = await compatHouse({
        wrap: (store) => ({
          ...store,
          submit: () => Promise.reject(new DependencyError('It cannot be written.', { code, hint: 'Make room.' })),
        }),
      });
      for (const path of ['/run', '/jobs']) {
        const answer = await house.call(`POST ${path}`, { body: { job_type: 'fate' } });
        const text = '{"error":"Bellhop cannot do this now; the log has the reason."}';
        expect(answer).toMatchObject({ status: 503, text });
      }
      expect(house.logged.join('')).toContain('It cannot be written.');
      expect(listed(await house.call('GET /jobs'))).toEqual([]);
    },
  );

  test('A4 B10 what breaks inside is 500 without its reason, which is in the log', async () => {
    await using house = await compatHouse({
      idle: true,
      wrap: (store) => ({ ...store, get: () => Promise.reject(new Error('a secret of the inside')) }),
    });
    const answer = await house.call(`GET /jobs/${UNKNOWN}`);
    expect(answer.status).toBe(500);
    expect(Refusal.parse(answer.body).error).not.toContain('secret');
    expect(house.logged.join('')).toContain('a secret of the inside');
  });

  test('another method is 405 and says which there are', async () => {
    await using house = await compatHouse({ idle: true });
    for (const [what, allow] of [
      ['GET /run', 'POST'],
      ['DELETE /jobs', 'GET, POST'],
      ['PUT /jobs/x', 'GET, DELETE'],
    ]) {
      const answer = await house.call(what ?? '');
      expect([answer.status, answer.headers['allow'], answer.text]).toEqual([
        405,
        allow,
        '{"error":"method not allowed"}',
      ]);
    }
  });
});

describe('Idempotency-Key', () => {
  const post = (house: CompatHouse, path: string, key: string, as: 'admin' | 'run' = 'admin') =>
    house.call(`POST ${path}`, { as, body: { job_type: 'fate' }, headers: { 'idempotency-key': key } });

  test('the same key of the same token is one job, also at once and by either route; of another token it is another', async () => {
    await using house = await compatHouse();
    const ids = await Promise.all(Array.from({ length: 5 }, async () => jobId(await post(house, '/jobs', 'monday'))));
    expect(new Set(ids).size).toBe(1);
    expect((await post(house, '/run', 'monday')).body).toMatchObject({ job_id: ids[0], status: 'completed' });
    expect(jobId(await post(house, '/jobs', 'monday', 'run'))).not.toBe(ids[0]);
    expect(jobId(await post(house, '/jobs', 'tuesday'))).not.toBe(ids[0]);
    await house.call(`DELETE /jobs/${ids[0]}`);
    expect(await post(house, '/run', 'monday')).toMatchObject({ status: 404, text: NOT_FOUND });
  });

  test('an empty or overlong key is 400', async () => {
    await using house = await compatHouse({ idle: true });
    for (const key of ['', 'x'.repeat(181)]) {
      const answer = await post(house, '/jobs', key);
      expect(answer.status).toBe(400);
      expect(Refusal.parse(answer.body).issues).toMatchObject([{ path: 'Idempotency-Key' }]);
    }
    expect((await post(house, '/jobs', 'x'.repeat(180))).status).toBe(202);
  });
});

describe('scopes', () => {
  test.each([
    ['POST /run', ['admin', 'manage', 'run'], 200],
    ['POST /jobs', ['admin', 'manage', 'run'], 202],
    ['GET /jobs', ['admin', 'manage', 'run', 'read'], 200],
    [`GET /jobs/${UNKNOWN}`, ['admin', 'manage', 'run', 'read'], 404],
    [`DELETE /jobs/${UNKNOWN}`, ['admin', 'manage'], 404],
  ] as const)('A1 B11 %s is for %j', async (what, may, status) => {
    await using house = await compatHouse();
    for (const as of ['admin', 'manage', 'run', 'read'] as const) {
      const answer = await house.call(what, { as, ...(what.startsWith('POST') && { body: { job_type: 'fate' } }) });
      if (may.some((one) => one === as)) expect(answer.status, as).toBe(status);
      else expect(answer, as).toMatchObject({ status: 403, text: FORBIDDEN });
    }
  });

  test('B11 a token of some jobs runs and sees those; others are forbidden to begin, and unknown', async () => {
    await using house = await compatHouse({ idle: true });
    const mine = await ask(house);
    const other = jobId(await house.call('POST /jobs', { body: { job_type: 'other' } }));
    for (const path of ['/run', '/jobs']) {
      for (const job_type of ['other', 'nowhere']) {
        const answer = await house.call(`POST ${path}`, { as: 'fate', body: { job_type } });
        expect(answer, job_type).toMatchObject({ status: 403, text: FORBIDDEN });
      }
    }
    expect(listed(await house.call('GET /jobs', { as: 'fate' }))).toEqual([mine]);
    expect(listed(await house.call('GET /jobs', { as: 'nothing' }))).toEqual([]);
    for (const method of ['GET', 'DELETE']) {
      const answer = await house.call(`${method} /jobs/${other}`, { as: 'fate' });
      expect(answer).toMatchObject({ status: 404, text: NOT_FOUND });
    }
    expect((await house.call(`GET /jobs/${other}`)).status).toBe(200);
    expect((await house.call(`DELETE /jobs/${mine}`, { as: 'fate' })).status).toBe(200);
  });
});
