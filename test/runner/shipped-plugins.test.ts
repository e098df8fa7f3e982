/** The plugins that Bellhop ships, executed for real. */
import { createServer, type Server } from 'node:http';
import { join, resolve } from 'node:path';
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { createShelf } from '../../src/runner/plugins/shelf.ts';
import { createRegistry } from '../../src/runner/registry.ts';
import type { Run } from '../../src/store/records.ts';
import { pluginEstate } from '../support/plugin-house.ts';
import { estate } from '../support/runner-estate.ts';
import { tempFolder, type House } from '../support/runner-house.ts';

const houses = estate();
const written = pluginEstate();
const dir = resolve(import.meta.dirname, '../../plugins');
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

async function open(): Promise<House & { problems: () => unknown[] }> {
  await using jobs = await tempFolder();
  const around = { PATH: process.env['PATH'] ?? '' };
  const shelf = createShelf({ dir, missing: 'named', env: around, log: silentLog });
  const registry = createRegistry({ dir: jobs.dir, clock: systemClock, log: silentLog, plugins: shelf });
  const house = await houses.open({ registry, env: around });
  return Object.assign(house, { problems: () => registry.problems() });
}
async function run(house: House, job: string, input: unknown = {}): Promise<Run> {
  const ended = await house.until((await house.ask(job, input)).id);
  if (ended.state !== 'completed') throw new Error(JSON.stringify([ended.error, ended.attempts]));
  return ended;
}

/** A site on loopback; what it answers can be changed. */
async function site(): Promise<{ url: string; state: { status: number } }> {
  const state = { status: 200 };
  const server = createServer((request, response) => {
    if (request.url === '/moved') response.writeHead(301, { location: '/new' }).end();
    else if (request.url === '/hang') return;
    else response.writeHead(state.status).end('x');
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, state };
}

test('both load, and say what they take', async () => {
  const house = await open();
  expect(house.problems()).toEqual([]);
  expect(house.runner.jobs()).toMatchObject([
    {
      name: 'disk-watch-check',
      fields: [
        { name: 'path', default: '/' },
        { name: 'warn_percent', type: 'integer' },
      ],
    },
    {
      name: 'link-check-check',
      fields: [{ name: 'urls', type: 'list' }, { name: 'base_urls' }, { default: 10 }, { default: 14 }],
    },
  ]);
});

describe('link-check', () => {
  test('tells status, time and redirect, and what changed since the last check', async () => {
    const house = await open();
    const { url, state } = await site();
    const urls = [`${url}/a`, `${url}/moved`];
    const first = await run(house, 'link-check-check', { urls });
    expect(first.result).toMatchObject({
      checked: [
        { url: urls[0], ok: true, status: 200, ms: expect.any(Number), redirect: null, tlsDays: null },
        { url: urls[1], ok: true, status: 301, redirect: '/new' },
      ],
      wentDown: [],
      cameBack: [],
    });
    expect(first.report).toMatchObject({
      title: 'Links',
      status: 'ok',
      summary: '2 of 2 addresses answer. Nothing changed.',
    });
    state.status = 503;
    const second = await run(house, 'link-check-check', { urls });
    expect(second).toMatchObject({
      result: { wentDown: [urls[0]] },
      response: { events: [{ type: 'link.down', url: urls[0] }] },
    });
    expect(second.report).toMatchObject({
      status: 'partial',
      summary: '1 of 2 addresses answer. 1 went down, 0 came back.',
    });
    const third = await run(house, 'link-check-check', { urls });
    expect(third.report?.summary).toBe('1 of 2 addresses answer. Nothing changed.');
    state.status = 200;
    expect((await run(house, 'link-check-check', { urls })).result).toMatchObject({ cameBack: [urls[0]] });
  });

  test('names what does not answer: a closed port, a hang, a name that is none; and takes its addresses as BASE_URLS has them', async () => {
    const { url } = await site();
    const urls = ['http://127.0.0.1:1/', `${url}/hang`, 'http://[::bad'];
    const house = await open();
    const ended = await run(house, 'link-check-check', { timeout_seconds: 1, base_urls: JSON.stringify(urls) });
    const { checked } = Object(ended.result);
    expect(checked.map((one: { ok: boolean }) => one.ok)).toEqual([false, false, false]);
    expect(checked[0].error).toContain('refused');
    expect(checked[1].error).toBe('no answer within 1 s');
    expect(ended.report?.status).toBe('failed');
  });

  test('without addresses it ends for good and says how they are given', async () => {
    const house = await open();
    const ended = await house.until((await house.ask('link-check-check')).id);
    expect(ended).toMatchObject({
      state: 'failed',
      attemptsUsed: 1,
      error: { code: 'PLUGIN_ERROR', hint: expect.stringContaining('base_urls') },
    });
  });

  test('an address that is none of the web is refused before anything runs', async () => {
    const house = await open();
    await expect(house.ask('link-check-check', { urls: ['file:///etc/passwd'] })).rejects.toThrow('invalid_input');
  });
});

describe('disk-watch', () => {
  test('tells how full the disk is, and from the second look on how much it grew', async () => {
    const house = await open();
    const first = await run(house, 'disk-watch-check');
    expect(first.result).toMatchObject({
      path: '/',
      percent: expect.any(Number),
      freeKb: expect.any(Number),
      grownKb: null,
      daysUntilFull: null,
    });
    expect(first.report?.summary).toContain('This is the first look.');
    const second = await run(house, 'disk-watch-check', { warn_percent: 1 });
    expect(Object(second.result).grownKb).toEqual(expect.any(Number));
    expect(second.report?.status).toBe('partial');
    expect(second.response).toMatchObject({ state_updates: { '/': expect.stringMatching(/^(\d+ ){3}\d+$/) } });
  });

  test('says in how many days it is full, from the first look on', async () => {
    const house = await open();
    const used = Object((await run(house, 'disk-watch-check')).result).usedKb;
    const doc = await house.store.getDoc('plugin-state', 'disk-watch');
    const now = Math.floor(Date.now() / 1000);
    // As if it had grown by half of what is used now in ten days.
    const value = { '/': `${now - 864_000} ${Math.floor(used / 2)} ${now - 60} ${used - 2048}` };
    await house.store.putDoc({ kind: 'plugin-state', key: 'disk-watch', rev: doc?.rev ?? 0, value });
    const ended = await run(house, 'disk-watch-check');
    const { daysUntilFull, freeKb, usedKb } = Object(ended.result);
    expect(daysUntilFull / (freeKb / ((usedKb - used / 2) / 10))).toBeCloseTo(1, 1);
    expect(ended.report?.summary).toContain('more than at the last look.');
  });

  test('names a path that is not there, and refuses what it cannot read safely', async () => {
    const house = await open();
    const fails = async (path: string): Promise<string | undefined> => {
      const ended = await house.until((await house.ask('disk-watch-check', { path })).id);
      expect(ended).toMatchObject({ state: 'failed', attemptsUsed: 1, error: { code: 'PLUGIN_ERROR' } });
      return ended.error?.message;
    };
    expect(await fails('/no/such/place')).toContain('No such file');
    expect(await fails('/"; touch /tmp/x; "')).toContain('cannot be looked at');
    expect(await fails('--help')).toContain('No such file');
  });
});

test('the plugin that docs/plugins.md writes in five minutes does what it says', async () => {
  const page = await readFile(join(dir, '../docs/plugins.md'), 'utf8');
  const block = (language: string): string =>
    new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? '';
  const manifest = block('yaml');
  const house = await written.open({
    plugins: { greeter: { manifest, script: block('python'), entrypoint: 'greeter.py' } },
  });
  expect(house.problems()).toEqual([]);
  const first = await run(house, 'greeter-hello', { who: 'Ana' });
  expect(first.report).toMatchObject({ title: 'Hello', summary: 'Hello Ana, for the 1. time.' });
  expect(first.attempts[0]?.stderr?.head).toBe('greeting Ana\n');
  expect((await run(house, 'greeter-hello')).report?.summary).toBe('Hello world, for the 2. time.');
});

test('the image and the packed project have the plugins', async () => {
  const dockerfile = await readFile(join(dir, '../Dockerfile'), 'utf8');
  expect(dockerfile).toMatch(/^COPY plugins \/plugins$/m);
  expect(dockerfile).toContain('BELLHOP_PLUGINS_DIR=/plugins');
  expect(dockerfile).toContain('python3');
});
