import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createApi } from '../../src/api/app.ts';
import { createLog } from '../../src/log.ts';
import { createTokens } from '../../src/runner/tokens.ts';
import { createScrub } from '../../src/scrub.ts';
import { atTheEdge } from '../support/api-parts.ts';
import type { ScheduleParts } from '../support/schedule-house.ts';
import { finish, jobWith } from '../support/schedule-house.ts';
import { followerHouse, type FollowerHouse } from '../support/follower-house.ts';

const TOKEN = 'the-secret-of-the-glass';
const CANARY = 'Kanarien-Vogel-77';

let house: FollowerHouse;
let logged: string[];
beforeEach(() => {
  logged = [];
});
afterEach(async () => {
  await house.stop();
});

async function open(parts: ScheduleParts = {}): Promise<void> {
  house = await followerHouse({}, parts);
}
function api(secret: string | null = TOKEN) {
  const token = secret ?? undefined;
  const { clock, store, runner, schedules } = house;
  const log = createLog({ write: (line) => logged.push(line), scrub: createScrub([CANARY]), clock }, 'debug');
  const tokens = createTokens({ store, clock, log }, { bootstrap: undefined });
  const deps = {
    ...atTheEdge(house),
    runner,
    reader: store,
    schedules,
    tokens,
    readiness: () => 'ready' as const,
    clock,
    log,
  };
  const backup = (dir: string) => store.backup(dir);
  return createApi({ ...deps, backup, cron: { token, schedules, reader: store, clock, log } }, { ratePerMinute: 6000 });
}
async function call(path: string, init: RequestInit & { token?: string } = {}, app = api()) {
  const { token = TOKEN, ...rest } = init;
  const answer = await app.request(`/__cron/run${path}`, { headers: { 'x-internal-health': token }, ...rest });
  const text = await answer.text();
  return { status: answer.status, text, headers: answer.headers };
}

describe('the break-glass path', () => {
  test('runs a schedule by hand, without moving it, and its run belongs to the schedule however it was called', async () => {
    await open({ jobs: [jobWith([{ when: '* * * * *', name: 'monday', destinations: ['#sales'] }])] });
    const before = await house.doc('weekly.monday');
    for (const task of ['weekly.monday', 'WEEKLY.Monday', 'weekly', '%20weekly%20']) {
      const { status, text } = await call(`/${task}`);
      expect(status).toBe(202);
      const { runId } = z.object({ runId: z.string() }).parse(JSON.parse(text));
      expect(JSON.parse(text)).toEqual({ ok: true, kind: 'weekly', runId, status: 'queued' });
      const run = await house.store.get(runId);
      expect(run).toMatchObject({
        trigger: 'manual',
        actor: { kind: 'schedule', id: 'weekly.monday', name: 'break-glass' },
        destinations: [{ kind: 'slack', channel: '#sales' }],
      });
      expect(run?.schedule).toBeUndefined();
    }
    expect(await house.doc('weekly.monday')).toEqual(before);
  });

  test('answers 403 with the same bytes to whatever does not carry the secret, whether the task exists or not', async () => {
    await open();
    const answers = [
      await call('/weekly', { headers: {} }),
      await call('/weekly', { token: '' }),
      await call('/weekly', { token: `${TOKEN}x` }),
      await call('/weekly', { token: TOKEN.slice(0, -1) }),
      await call('/weekly', { token: TOKEN.toUpperCase() }),
      await call('/nobody', { token: 'wrong' }),
      await call('/status', { token: 'wrong' }),
      await call('', { token: 'wrong' }),
      await call('/weekly', { token: 'wrong', method: 'POST' }),
      await call('/weekly', { headers: { authorization: `Bearer ${TOKEN}` } }),
      await call(`/weekly?x-internal-health=${TOKEN}`, { headers: {} }),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(403);
      expect(answer.text).toBe('{"ok":false,"error":"forbidden"}');
      expect(headersOf(answer)).toEqual(headersOf(answers[0]));
    }
    expect((await house.store.list({})).items).toEqual([]);
    expect(logged.join('')).not.toContain(TOKEN.slice(0, -1));
  });

  test('fails closed: without a configured secret nobody passes, whatever they carry', async () => {
    await open();
    for (const token of ['', 'undefined', TOKEN]) {
      const { status, text } = await call('/weekly', { token }, api(null));
      expect([status, text]).toEqual([403, '{"ok":false,"error":"forbidden"}']);
    }
  });

  test('only GET is taken; the others change nothing', async () => {
    await open();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD']) {
      const { status, headers } = await call('/weekly', { method });
      expect([method, status, headers.get('allow')]).toEqual([method, 405, 'GET']);
    }
    expect((await house.store.list({})).items).toEqual([]);
  });

  test('an unknown task is 404 to who carries the secret', async () => {
    await open();
    for (const path of ['/nobody', '', '/a/b', '/%E0%A4%A', `/${'x'.repeat(5000)}`, '/__proto__', '/all']) {
      const { status, text } = await call(path);
      expect([path.slice(0, 20), status, text]).toEqual([
        path.slice(0, 20),
        404,
        '{"ok":false,"error":"unknown task"}',
      ]);
    }
  });

  test('at most 30 calls a minute, of which wrong ones take none away', async () => {
    await open();
    const app = api();
    for (let at = 0; at < 50; at++) await call('/status', { token: 'wrong' }, app);
    for (let at = 0; at < 30; at++) expect((await call('/status', {}, app)).status).toBe(200);
    const { status, headers } = await call('/weekly', {}, app);
    expect([status, headers.get('retry-after')]).toEqual([429, '60']);
    await house.clock.advance(60_000);
    expect((await call('/status', {}, app)).status).toBe(200);
  });

  test('a guard that refuses is 409 with its reason, without secrets', async () => {
    const input = { url: `https://${CANARY}.example/` };
    const guards = { allowedHosts: ['a.example'] };
    const job = jobWith([{ when: '0 0 1 1 *', input }], { input: z.object({ url: z.string() }), guards });
    await open({ jobs: [job], guarded: {}, secrets: [CANARY] });
    const { status, text } = await call('/weekly');
    expect(status).toBe(409);
    expect(JSON.parse(text)).toEqual({ ok: false, error: 'weekly may not talk to a host that its input names.' });
    expect(text.toLowerCase()).not.toContain(CANARY.toLowerCase());
  });
});

describe('the status', () => {
  test('holds the newest status of each schedule and nothing else, neither secret nor personal', async () => {
    await open({ secrets: [CANARY] });
    expect(JSON.parse((await call('/status')).text)).toEqual({ ok: true, tasks: [] });
    await house.nextGood();
    await house.nextBad({ code: 'JOB_FAILED', message: `${CANARY} of ana@example.com`, hint: CANARY });
    const { text } = await call('/status');
    const tasks = [{ kind: 'weekly', ok: false, status: 'failed', host: 'test-host' }];
    expect(JSON.parse(text)).toMatchObject({ ok: true, tasks });
    expect(text.length).toBeLessThan(1024);
    expect(text).not.toMatch(/Kanarien|example\.com/);
  });

  test('knows a run by hand as one of its schedule', async () => {
    await open({ jobs: [jobWith([{ when: '0 0 1 1 *', name: 'yearly' }])] });
    const { text } = await call('/weekly');
    const { runId } = z.object({ runId: z.string() }).parse(JSON.parse(text));
    await finish(house.store, runId);
    await house.clock.advance(1);
    expect(JSON.parse((await call('/status')).text)).toMatchObject({ tasks: [{ kind: 'weekly.yearly', ok: true }] });
  });
});

/** All but the number of the request. */
function headersOf(answer: { headers: Headers } | undefined): string[][] {
  return [...(answer?.headers ?? [])].filter(([name]) => name !== 'x-request-id');
}
