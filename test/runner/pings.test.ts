import { describe, expect, test } from 'vitest';
import { createLog } from '../../src/log.ts';
import { createPings, pingName } from '../../src/runner/pings.ts';
import { manualClock } from '../support/clock.ts';
import { BEFORE_NOON, endDelivery, followerHouse, MINUTE } from '../support/follower-house.ts';
import { BEA, settle } from '../support/schedule-house.ts';

const CANARY = 'Kanarien-Vogel-77';
const URL_OF_SWITCH = 'http://127.0.0.1:9/ping/3f1c-geheim/?tag=a';

interface Heard {
  method: string | undefined;
  path: string;
  rid: string;
  body: string;
  redirect: string | undefined;
}
/** A dead-man's switch; `answers` are its answers in order, then 200. */
function peer(answers: (Response | Error | 'hang')[] = []) {
  const heard: Heard[] = [];
  const queue = [...answers];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const body = typeof init?.body === 'string' ? init.body : '';
    const rid = url.searchParams.get('rid') ?? '';
    heard.push({ method: init?.method, path: url.pathname, rid, body, redirect: init?.redirect });
    const answer = queue.shift() ?? new Response('OK');
    if (answer instanceof Error) throw answer;
    if (answer !== 'hang') return answer;
    return new Promise((_resolve, reject) =>
      init?.signal?.addEventListener('abort', () => reject(new Error(`aborted ${url.href}`)), { once: true }),
    );
  };
  return { heard, pinged: { fetch } };
}
async function build(answers: (Response | Error | 'hang')[] = [], more: { secrets?: string[]; lines?: string[] } = {}) {
  const { heard, pinged } = peer(answers);
  const clock = manualClock(BEFORE_NOON);
  const write = (line: string): void => void more.lines?.push(line);
  const log = createLog({ write, scrub: (text) => text, clock }, 'debug');
  const pings = { WEEKLY: URL_OF_SWITCH };
  const secrets = more.secrets ?? [];
  const house = await followerHouse({}, { pings, pinged, clock, log, secrets });
  return { house, heard, paths: () => heard.map((one) => one.path.replace('/ping/3f1c-geheim', '')) };
}

describe('a run of a schedule', () => {
  test('pings start when it begins, and well when its report arrived; both name the run by the same UUID', async () => {
    const { house, heard, paths } = await build();
    const run = await house.nextRun();
    expect(paths()).toEqual([]);
    await house.undelivered(run);
    expect(paths()).toEqual(['/start']);
    await endDelivery(house, run.id, { outcome: 'delivered' });
    expect(paths()).toEqual(['/start', '/']);
    expect(heard[0]?.rid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(heard[1]?.rid).toBe(heard[0]?.rid);
    expect(heard.every((one) => one.method === 'POST' && one.redirect === 'manual')).toBe(true);
    await house.nextGood();
    expect(heard[2]?.rid).not.toBe(heard[0]?.rid);
    await house.stop();
  });

  test('pings fail when it failed, or when its report did not arrive', async () => {
    const { house, heard, paths } = await build();
    await house.nextBad('no such sheet');
    const run = await house.nextRun();
    await house.undelivered(run);
    await endDelivery(house, run.id, { outcome: 'failed' });
    expect(paths()).toEqual(['/start', '/fail', '/start', '/fail']);
    expect(heard[1]?.body).toBe('JOB_FAILED: no such sheet');
    expect(heard[3]?.body).toContain('did not arrive');
    await house.stop();
  });

  test('pings each once, also when its end is told by more than one event', async () => {
    const { house, paths } = await build();
    const run = await house.nextBad();
    await endDelivery(house, run.id, { outcome: 'delivered' });
    expect(paths()).toEqual(['/start', '/fail']);
    await house.stop();
  });

  test('pings nothing at its end when it is cancelled, and nothing at all without an address', async () => {
    const { house, heard } = await build();
    const run = await house.nextRun();
    await house.runner.cancel(run.id, BEA);
    await house.clock.advance(1);
    expect(heard).toEqual([]);
    await house.stop();
    const other = peer();
    const silent = await followerHouse({}, { pings: { OTHER: URL_OF_SWITCH }, pinged: other.pinged });
    await silent.nextGood();
    expect(other.heard).toEqual([]);
    await silent.stop();
  });

  test('sends a sample of the error of at most 512 characters, without secrets', async () => {
    const { house, heard } = await build([], { secrets: [CANARY] });
    await house.nextBad(`${'x'.repeat(480)} ${CANARY} ${'y'.repeat(5000)}`);
    const body = heard.at(-1)?.body ?? '';
    expect(body).toHaveLength(512);
    expect(body).not.toContain(CANARY.slice(0, 6));
    await house.stop();
  });
});

describe('a switch that does not answer well', () => {
  test.each([
    ['an error', () => new Response('no', { status: 500 })],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'http://127.0.0.1:9/elsewhere' } })],
    ['a dropped connection', () => new Error('socket hang up')],
  ])('%s is tried three times, a little apart, then dropped', async (_name, answer) => {
    const { house, paths } = await build([answer(), answer(), answer()]);
    await house.nextBad();
    await house.clock.advance(20_000);
    expect(paths()).toEqual(['/start', '/start', '/start', '/fail']);
    await house.stop();
  });

  test('one that hangs is left after five seconds, and the end still comes after the start', async () => {
    const { house, paths } = await build(['hang', new Response('OK')]);
    const run = await house.nextRun();
    await settle(house.store, run.id, { end: 'completed' });
    await house.clock.advance(4000);
    expect(paths()).toEqual(['/start']);
    await house.clock.advance(3000);
    expect(paths()).toEqual(['/start', '/start', '/']);
    await house.stop();
  });

  test('never holds up the other followers', async () => {
    const { house } = await build(['hang', 'hang', 'hang', 'hang', 'hang', 'hang']);
    await house.nextBad();
    expect(await house.kinds()).toEqual(['incident']);
    const stopped = house.stop();
    await house.clock.advance(5000);
    await stopped;
  });

  test('is left alone soon after the stop', async () => {
    const { house, heard } = await build(['hang', 'hang']);
    await house.nextBad();
    const stopped = house.stop();
    await house.clock.advance(3000);
    await stopped;
    const before = heard.length;
    await house.clock.advance(10 * MINUTE);
    expect(heard).toHaveLength(before);
  });

  test('its address is in no line of the log, whatever the error says', async () => {
    const lines: string[] = [];
    const loud = (): Error => new TypeError(`failed for ${URL_OF_SWITCH}`, { cause: new Error(URL_OF_SWITCH) });
    const { house } = await build([loud(), 'hang', loud(), loud(), 'hang'], { lines });
    await house.nextBad();
    await house.clock.advance(40_000);
    expect(lines.join('')).toContain('a ping failed');
    expect(lines.join('')).toContain('a ping was not taken');
    expect(lines.join('')).not.toMatch(/geheim|127\.0\.0\.1/);
    await house.stop();
  });
});

test('what waits is bounded, and a ping that is dropped is said', async () => {
  const lines: string[] = [];
  const clock = manualClock(BEFORE_NOON);
  const log = createLog({ write: (line) => void lines.push(line), scrub: (text) => text, clock }, 'info');
  let begun = 0;
  const fetch: typeof globalThis.fetch = () => {
    begun++;
    return new Promise(() => undefined);
  };
  const house = await followerHouse({}, { clock });
  const run = await house.nextRun();
  await house.stop();
  const store = {
    ...house.store,
    get: (id: string) => Promise.resolve({ ...run, id }),
  };
  const pings = createPings({ store, clock, log, scrub: (text) => text, urls: { WEEKLY: URL_OF_SWITCH }, fetch });
  for (let at = 0; at < 300; at++)
    await pings.noticed({ seq: at, at: '', type: 'run', runId: `run_${at}`, job: 'weekly', state: 'running' });
  expect(begun).toBe(1);
  expect(lines.filter((line) => line.includes('a ping was dropped'))).toHaveLength(99);
});

test('a schedule is named in its variable by capitals, digits and underscores', () => {
  expect(pingName('weekly-report.monday')).toBe('WEEKLY_REPORT_MONDAY');
  expect(pingName('a1_b.c-d')).toBe('A1_B_C_D');
});
