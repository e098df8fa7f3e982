/** Taking due work at a word, from rows B9 and B11. */
import { describe, expect, test } from 'vitest';
import { compatHouse, serveRoutes, type CompatHouse, type CompatParts } from '../support/compat-house.ts';
import { outboxBench, SLACK } from '../support/delivery-outbox.ts';
import { eventually } from '../support/runner-house.ts';
import { ana, newRun } from '../support/store-harness.ts';

const PROCESS = 'POST /v1/queues/fate/process';
const DELIVER = 'POST /v1/deliveries/process';

/** A house that takes nothing by itself, in which so many runs wait for their release. */
async function waiting(
  many: number,
  options: { concurrency?: number; ofJob?: number } & Pick<CompatParts, 'wrap'> = {},
): Promise<CompatHouse> {
  const { concurrency = 64, ofJob = 64, ...rest } = options;
  const house = await compatHouse({ idle: true, options: { concurrency }, fate: { concurrency: ofJob }, ...rest });
  const input = { fate: 'wait', text: '', times: 0 };
  await house.store.submit(Array.from({ length: many }, () => newRun({ job: 'fate', queue: 'fate', input })));
  return house;
}
const running = async ({ store }: CompatHouse): Promise<number> => (await store.count({})).running;

describe('processing a queue', () => {
  test('B9 takes due runs now, ten unless it is said, and says what it did once they are claimed', async () => {
    await using house = await waiting(15);
    expect(await house.call(PROCESS)).toMatchObject({
      status: 200,
      text: '{"queue":"fate","started":10,"remaining":5}',
    });
    expect([await running(house), house.runner.active()]).toEqual([10, 10]);
    expect((await house.call(`${PROCESS}?limit=2`)).body).toEqual({ queue: 'fate', started: 2, remaining: 3 });
    expect((await house.call(PROCESS)).body).toEqual({ queue: 'fate', started: 3, remaining: 0 });
    expect((await house.call(PROCESS)).body).toEqual({ queue: 'fate', started: 0, remaining: 0 });
  });

  test('B9 limit is brought between 1 and 50', async () => {
    for (const [limit, started] of [
      ['0', 1],
      ['-3', 1],
      ['50', 50],
      ['51', 50],
      ['9999999999', 50],
    ]) {
      await using house = await waiting(60);
      expect((await house.call(`${PROCESS}?limit=${limit}`)).body, String(limit)).toMatchObject({ started });
    }
  });

  test.each(['x', '', '1.5', 'NaN', '0x10'])('B9 the limit %j is 400 with a code', async (limit) => {
    await using house = await waiting(1);
    for (const path of [PROCESS, DELIVER]) {
      expect(await house.call(`${path}?limit=${limit}`)).toMatchObject({ status: 400, body: { code: 'USAGE' } });
    }
    expect(await running(house)).toBe(0);
  });

  test('B9 takes no more than the free slots and what the job allows, however many ask at once', async () => {
    await using slots = await waiting(20, { concurrency: 4 });
    const answers = await Promise.all(Array.from({ length: 5 }, () => slots.call(`${PROCESS}?limit=50`)));
    expect(answers.reduce((sum, { body }) => sum + Number(body['started']), 0)).toBe(4);
    expect([await running(slots), slots.runner.active()]).toEqual([4, 4]);
    await using job = await waiting(20, { ofJob: 3 });
    expect((await job.call(`${PROCESS}?limit=50`)).body).toMatchObject({ started: 3, remaining: 17 });
    expect((await job.call(`${PROCESS}?limit=50`)).body).toMatchObject({ started: 0, remaining: 17 });
  });

  test('B9 a claim that is being written is counted by the next one', async () => {
    const slow: CompatParts['wrap'] = (store) => ({
      ...store,
      async claim(request) {
        await new Promise((resolve) => setImmediate(resolve));
        return store.claim(request);
      },
    });
    await using house = await waiting(20, { concurrency: 4, wrap: slow });
    const results = await Promise.all(Array.from({ length: 5 }, () => house.runner.process('fate', 50)));
    expect(results.map((result) => 'started' in result && result.started)).toEqual([4, 0, 0, 0, 0]);
    expect(house.runner.active()).toBe(4);
  });

  test('B9 beside a worker that claims by itself no slot is taken twice', async () => {
    await using house = await compatHouse({ options: { concurrency: 4 }, fate: { concurrency: 64 } });
    const input = { fate: 'wait', text: '', times: 0 };
    const runs = Array.from({ length: 30 }, () => newRun({ job: 'fate', queue: 'fate', input }));
    await Promise.all([
      house.store.submit(runs),
      ...Array.from({ length: 8 }, () => house.call(`${PROCESS}?limit=50`)),
    ]);
    await eventually(async () => (await running(house)) >= 4);
    await Promise.all(Array.from({ length: 8 }, () => house.call(`${PROCESS}?limit=50`)));
    expect([await running(house), house.runner.active()]).toEqual([4, 4]);
  });

  test('B9 what is not due yet, or of another queue, stays', async () => {
    await using house = await waiting(1);
    const runAt = new Date(Date.now() + 3_600_000).toISOString();
    await house.store.submit([
      newRun({ job: 'fate', queue: 'fate', runAt }),
      newRun({ job: 'other', queue: 'other', input: {} }),
    ]);
    expect((await house.call(PROCESS)).body).toEqual({ queue: 'fate', started: 1, remaining: 0 });
    expect(await house.store.count({})).toMatchObject({ running: 1, scheduled: 1, queued: 1 });
  });

  test('a paused queue is 409 and left alone, an unknown one 404, and one whose job is gone is known while runs wait in it', async () => {
    await using house = await waiting(1);
    await house.store.pause('fate', ana);
    expect(await house.call(PROCESS)).toMatchObject({ status: 409, body: { code: 'QUEUE_PAUSED' } });
    expect(await running(house)).toBe(0);
    expect(await house.call('POST /v1/queues/faet/process')).toMatchObject({
      status: 404,
      body: { code: 'JOB_UNKNOWN' },
    });
    await house.store.submit([newRun({ job: 'gone', queue: 'gone' })]);
    expect((await house.call('POST /v1/queues/gone/process')).body).toEqual({
      queue: 'gone',
      started: 0,
      remaining: 1,
    });
  });

  test('a runner that stops takes nothing more', async () => {
    await using house = await waiting(1);
    await house.runner.stop({ graceMs: 0 });
    expect((await house.call(PROCESS)).body).toMatchObject({ started: 0, remaining: 1 });
    expect(await running(house)).toBe(0);
  });
});

describe('processing deliveries', () => {
  test('B9 takes due deliveries now, and says what it did', async () => {
    const bench = outboxBench();
    const outbox = bench.outbox({ held: 3 });
    await using served = await serveRoutes({
      process: { queue: () => Promise.reject(new Error('no')), deliveries: (limit) => outbox.process(limit) },
    });
    const { ids } = await bench.plan(['C0A', 'C0B', 'C0C', 'C0D', 'C0E'].map(SLACK));
    // Not begun yet: it takes nothing.
    expect((await served.call(DELIVER)).body).toEqual({ started: 0, remaining: 5 });
    for (let n = 0; n < 5; n++) bench.script.fates.push({ hang: true });
    outbox.start();
    await eventually(() => bench.store.countDue('delivery') === 2);
    // As many as it may hold are in hand.
    const answers = await Promise.all([served.call(DELIVER), served.call(`${DELIVER}?limit=50`)]);
    expect(answers.map(({ text }) => text)).toEqual(Array(2).fill('{"started":0,"remaining":2}'));
    await Promise.all([outbox.stop(), bench.clock.advance(20_000)]);
    expect(ids).toHaveLength(5);
  });

  test('B9 what it takes is delivered, once each', async () => {
    const bench = outboxBench();
    const deaf = { ...bench.store, watch: (_since: number | 'now', signal: AbortSignal) => silence(signal) };
    const outbox = bench.outbox({}, deaf);
    await using served = await serveRoutes({
      process: { queue: () => Promise.reject(new Error('no')), deliveries: (limit) => outbox.process(limit) },
    });
    outbox.start();
    await outbox.idle();
    const { ids } = await bench.plan(['C0A', 'C0B', 'C0C', 'C0D', 'C0E'].map(SLACK));
    expect((await served.call(`${DELIVER}?limit=2`)).body).toEqual({ started: 2, remaining: 3 });
    await Promise.all([served.call(DELIVER), served.call(DELIVER)]);
    await outbox.idle();
    expect(bench.script.accepted.map(({ deliveryId }) => deliveryId).sort()).toEqual(ids.toSorted());
    await Promise.all([outbox.stop(), bench.clock.advance(20_000)]);
  });
});

describe('who may', () => {
  test('B9 B11 both need the scope manage', async () => {
    await using house = await waiting(0);
    for (const path of [PROCESS, DELIVER]) {
      for (const as of ['read', 'run'] as const) {
        expect(await house.call(path, { as }), as).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
      }
      for (const as of ['manage', 'admin', 'operator'] as const) {
        expect((await house.call(path, { as })).status, as).toBe(200);
      }
    }
  });

  test('B11 a token of some jobs processes their queues alone, and no deliveries, which are of all jobs', async () => {
    await using house = await waiting(0);
    expect((await house.call(PROCESS, { as: 'fate' })).status).toBe(200);
    for (const path of ['POST /v1/queues/other/process', 'POST /v1/queues/nowhere/process', DELIVER]) {
      expect(await house.call(path, { as: 'fate' }), path).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    }
  });

  test.each([
    ['no browser', {}, 200],
    ['a page of this host', { origin: 'http://bell.example:8080', host: 'bell.example:8080' }, 200],
    ['a page of this host behind TLS', { origin: 'https://bell.example', host: 'bell.example' }, 200],
    ['the usual port said', { origin: 'https://bell.example', host: 'bell.example:443' }, 200],
    ['other letters', { origin: 'https://BELL.example', host: 'bell.EXAMPLE' }, 200],
    ['a browser that says so', { 'sec-fetch-site': 'same-origin' }, 200],
    ['an address typed by hand', { 'sec-fetch-site': 'none' }, 200],
    ['another host', { origin: 'https://evil.example', host: 'bell.example' }, 403],
    ['another port', { origin: 'http://bell.example:81', host: 'bell.example' }, 403],
    ['the port of the other scheme', { origin: 'http://bell.example', host: 'bell.example:443' }, 403],
    ['a host that begins like ours', { origin: 'https://bell.example.evil.example', host: 'bell.example' }, 403],
    [
      'a name and password that look like ours',
      { origin: 'https://bell.example@evil.example', host: 'bell.example' },
      403,
    ],
    ['no origin that it would tell', { origin: 'null', host: 'bell.example' }, 403],
    ['an origin that is none', { origin: 'bell.example', host: 'bell.example' }, 403],
    ['an extension', { origin: 'chrome-extension://bell.example', host: 'bell.example' }, 403],
    ['a file', { origin: 'file://bell.example', host: 'bell.example' }, 403],
    ['two origins', { origin: 'https://bell.example https://evil.example', host: 'bell.example' }, 403],
    ['a neighbour', { 'sec-fetch-site': 'same-site' }, 403],
    ['a stranger', { 'sec-fetch-site': 'cross-site' }, 403],
    ['a stranger who names our origin', { origin: 'http://b', host: 'b', 'sec-fetch-site': 'cross-site' }, 403],
  ])('B9 %s: %j is %i', async (_who, headers: Record<string, string>, status) => {
    await using house = await waiting(1);
    for (const path of [DELIVER, PROCESS]) {
      const answer = await house.call(path, { headers });
      expect(answer.status, path).toBe(status);
      if (status === 403) expect(answer.body).toMatchObject({ code: 'FORBIDDEN' });
    }
    expect(await running(house)).toBe(status === 200 ? 1 : 0);
  });
});

/** A feed that tells nothing: the outbox looks only when it is told to. */
// oxlint-disable-next-line eslint/require-yield -- nothing is told
async function* silence(signal: AbortSignal): AsyncGenerator<never> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
