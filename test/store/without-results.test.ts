/**
 * A folder of the first format whose runs hold nothing of what came of them: no result, no report, no response, and of some neither the
 * reason nor the times (REQUIREMENTS P3, P7). Its records are those of `store-format-1` without these fields; it was killed, and has no
 * index.
 */
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { inspectStore } from '../../src/store/open.ts';
import { API_TOKEN, startApiServer, type ApiServer } from '../support/api-server.ts';
import { openShell } from '../support/cli.ts';
import { waitFor } from '../support/peer-wait.ts';

const FIXTURES = new URL('../fixtures/', import.meta.url);
const MUTE_JOB = `import { defineJob } from 'bellhop';
import { z } from 'zod';
export default defineJob({
  name: 'weekly-report', description: 'Has nothing to say',
  input: z.object({ week: z.number() }),
  run: async () => undefined,
});
`;
const FINAL = {
  done: 'completed',
  doneWithoutTimes: 'completed',
  failed: 'failed',
  failedWithoutWord: 'failed',
  cancelled: 'cancelled',
} as const;
const OPEN = ['running', 'queued'] as const;

const Shown = z.object({ run: z.looseObject({ id: z.string(), state: z.string() }) });
const Listed = z.object({ runs: z.array(z.object({ id: z.string() })) });

let was: Record<string, string>;
let api: ApiServer;
beforeEach(async () => {
  was = z
    .record(z.string(), z.string())
    .parse(JSON.parse(await readFile(new URL('store-without-results.json', FIXTURES), 'utf8')));
  // A minute after it was left.
  const shift = Date.parse(was['now'] ?? '') + 60_000 - systemClock.now();
  const clock = { ...systemClock, now: () => systemClock.now() + shift };
  api = await startApiServer({ jobs: { 'weekly-report.ts': MUTE_JOB }, prepare: putFixture, seams: { clock } });
});
afterEach(() => api[Symbol.asyncDispose]());

const putFixture = (home: string): Promise<void> =>
  cp(new URL('store-without-results', FIXTURES), join(home, 'data'), { recursive: true });
const idOf = (name: string): string => was[name] ?? '';

async function ask(method: string, path: string): Promise<unknown> {
  const answer = await fetch(`${api.url}${path}`, { method, headers: { authorization: `Bearer ${API_TOKEN}` } });
  expect(answer.ok, `${method} ${path} -> ${answer.status}`).toBe(true);
  return answer.json();
}
const show = async (id: string): Promise<z.infer<typeof Shown>['run']> =>
  Shown.parse(await ask('GET', `/v1/runs/${id}`)).run;
const ended = (id: string): Promise<boolean> =>
  waitFor(`the end of ${id}`, async () => (await show(id)).state === 'completed');

test('it opens whole, and lists and gives every run', async () => {
  expect(api.server.bellhop.opened).toMatchObject({ runs: 7, quarantined: [], interrupted: [idOf('running')] });
  const listed = Listed.parse(await ask('GET', '/v1/runs')).runs.map(({ id }) => id);
  expect(listed.toSorted()).toEqual([...Object.keys(FINAL), ...OPEN].map(idOf).toSorted());
  for (const [name, state] of Object.entries(FINAL)) {
    const run = await show(idOf(name));
    expect(run).toMatchObject({ state });
    for (const field of ['result', 'report', 'response']) expect(run).not.toHaveProperty(field);
    const ofState = Listed.parse(await ask('GET', `/v1/runs?state=${state}`)).runs;
    expect(ofState.map(({ id }) => id)).toContain(idOf(name));
  }
});

test('what was unfinished goes on and completes without a result', async () => {
  for (const name of OPEN) {
    await ended(idOf(name));
    expect(await show(idOf(name))).not.toHaveProperty('result');
  }
});

test.each(Object.keys(FINAL))(
  'the one called %s is retried, completes without a result, and stays as it was',
  async (name) => {
    const before = await show(idOf(name));
    const { run: again } = Shown.parse(await ask('POST', `/v1/runs/${idOf(name)}/retry`));
    await ended(again.id);
    expect(await show(again.id)).toMatchObject({ retryOf: idOf(name) });
    expect(await show(again.id)).not.toHaveProperty('result');
    expect(await show(idOf(name))).toEqual(before);
  },
);

test('each can be deleted, and the rest is sound', async () => {
  for (const name of OPEN) await ended(idOf(name));
  for (const name of ['doneWithoutTimes', 'failedWithoutWord']) {
    expect(await ask('DELETE', `/v1/runs/${idOf(name)}`)).toMatchObject({ outcome: 'removed' });
  }
  await api.server.stop();
  const seen = await inspectStore(
    { backend: 'lowdb', dir: join(api.home, 'data') },
    { clock: systemClock, log: silentLog, version: '0.0.0-test' },
    { fix: false },
  );
  expect(seen.verdict).toMatchObject({ sound: true });
});

test('the command line shows each of them', async () => {
  await using shell = await openShell({});
  await cp(new URL('store-without-results', FIXTURES), shell.dataDir, { recursive: true });
  for (const [name, state] of Object.entries(FINAL)) {
    const { code, stderr, stdout } = await shell.type(['runs', 'show', idOf(name)]);
    expect(`${stdout}${stderr}`, name).toContain(state);
    expect([0, 1], name).toContain(code);
  }
});
