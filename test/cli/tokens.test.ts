import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createApi } from '../../src/api/app.ts';
import { createHttpServer } from '../../src/api/server.ts';
import type { Gateway } from '../../src/cli/gateway.ts';
import { localTokens } from '../../src/cli/local-tokens.ts';
import { createRemoteGateway } from '../../src/cli/remote.ts';
import { tokenCommand, type TokenAsk } from '../../src/cli/tokens.ts';
import { systemClock } from '../../src/clock.ts';
import { UsageError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { plainText } from '../../src/render/format.ts';
import { createTokens } from '../../src/runner/tokens.ts';
import { openShell } from '../support/cli.ts';
import { atTheEdge } from '../support/api-parts.ts';
import { createHouse } from '../support/house.ts';

const OPERATOR = { kind: 'operator', id: 'ops@here' } as const;
const TOKEN = /^bh_[0-9a-z]{8}_[A-Za-z0-9_-]{43}\n$/;
const Made = z.object({ token: z.looseObject({ id: z.string(), name: z.string() }), secret: z.string() });
const Listed = z.object({ tokens: z.array(z.looseObject({ name: z.string(), state: z.string() })) });

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}
type Typist = (args: readonly string[], options?: Partial<TokenAsk>) => Promise<Ended>;
interface Desk extends AsyncDisposable {
  type: Typist;
}

function typist(gateway: Pick<Gateway, 'tokens' | 'jobs'>): Typist {
  return async (args, options = {}) => {
    const heard = { stdout: '', stderr: '' };
    const terminal = {
      out: (text: string) => void (heard.stdout += `${text}\n`),
      err: (text: string) => void (heard.stderr += `${plainText(text)}\n`),
      width: 80,
      color: 'none' as const,
      links: 'written' as const,
      clock: systemClock,
      signal: new AbortController().signal,
    };
    const ask = { args, json: false, quiet: false, given: Object.keys(options), ...options };
    try {
      return { code: await tokenCommand(terminal, gateway, ask), ...heard };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return { code: 64, ...heard, stderr: `${heard.stderr}${error.message}\n${error.hint ?? ''}` };
    }
  };
}

async function openHere(): Promise<Desk> {
  const house = await createHouse();
  const tokens = createTokens({ store: house.store, clock: systemClock, log: silentLog }, { bootstrap: undefined });
  const jobs = () => Promise.resolve({ jobs: house.runner.jobs(), problems: house.runner.problems() });
  return {
    type: typist({ tokens: localTokens({ tokens, operator: OPERATOR }), jobs }),
    [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
  };
}

/** The same over the real socket of a server in this process. */
async function openBeside(): Promise<Desk> {
  const house = await createHouse();
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-desk-'));
  const socketPath = join(folder, 'bellhop.sock');
  const log = silentLog;
  const { schedules } = house.scheduler;
  const api = createApi({
    ...atTheEdge(house),
    runner: house.runner,
    reader: house.store,
    schedules,
    tokens: createTokens({ store: house.store, clock: systemClock, log }, { bootstrap: undefined }),
    readiness: () => 'ready',
    backup: (dir) => house.store.backup(dir),
    cron: { token: undefined, reader: house.store, clock: systemClock, log, schedules },
    clock: systemClock,
    log,
  });
  const server = createHttpServer(
    { api, slack: undefined, opened: Promise.resolve(), log },
    { host: '127.0.0.1', port: 0, socketPath, operator: OPERATOR },
  );
  await server.start();
  return {
    type: typist(createRemoteGateway(socketPath)),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await house[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe.each([
  ['in this process', openHere],
  ['over the socket of a server', openBeside],
])('tokens on the command line, %s', (_where, open) => {
  test('the token stands alone on standard output, and what a person should know on the other', async () => {
    await using desk = await open();
    const made = await desk.type(['create', 'ci'], { scope: 'run', jobs: 'fate, wekly', expires: '90d' });
    expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(TOKEN)]);
    expect(made.stderr).toMatch(/ci \([0-9a-z]{8}\): run, only fate, wekly, expires 20.* UTC\./);
    expect(made.stderr).toContain('Authorization: Bearer');
    expect(made.stderr).toContain('There is no job wekly yet');
    expect(made.stderr).not.toContain(made.stdout.trim());
    const quiet = await desk.type(['create', 'deploy'], { quiet: true });
    expect(quiet).toEqual({ code: 0, stdout: expect.stringMatching(TOKEN), stderr: '' });
    const json = await desk.type(['rotate', 'ci'], { json: true, overlap: '1h' });
    expect(Made.parse(JSON.parse(json.stdout))).toMatchObject({ token: { name: 'ci' }, secret: expect.any(String) });
    expect(json.stderr).toBe('');
  });

  test('the list says of each what it may, since when, when it was used and how it ends; an empty one how to begin', async () => {
    await using desk = await open();
    const empty = await desk.type(['list']);
    expect([empty.code, empty.stdout]).toEqual([0, expect.stringContaining('Try: bellhop token create')]);
    expect(empty.stderr).toContain('lets nobody in');
    await desk.type(['create', 'ci'], { jobs: `fate,${'x'.repeat(64)},${'y'.repeat(64)}` });
    await desk.type(['create', 'old']);
    await desk.type(['rotate', 'ci']);
    await desk.type(['revoke', 'old']);
    const { stdout, stderr } = await desk.type(['list']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^ci {2}[0-9a-z]{8} {2}live {2}run, only fate, /m);
    expect(stdout).toMatch(/^ {2}made {5}.* UTC by ops@here$/m);
    expect(stdout).toMatch(/^ {2}used {5}never$/m);
    expect(stdout).toMatch(/^ {2}overlap {2}the secret before works until .* UTC$/m);
    expect(stdout).toMatch(/^ {2}ends {5}never$/m);
    expect(stdout).toMatch(/^old {2}[0-9a-z]{8} {2}revoked {2}run, every job\n[\s\S]* {2}revoked {2}20/m);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const json = Listed.parse(JSON.parse((await desk.type(['list'], { json: true })).stdout));
    expect(json.tokens.map(({ name, state }) => [name, state])).toEqual([
      ['ci', 'live'],
      ['old', 'revoked'],
    ]);
  });

  test('rotating says how long the secret before works; a whole token that was found somewhere names itself', async () => {
    await using desk = await open();
    const { stdout } = await desk.type(['create', 'ci'], { quiet: true });
    expect((await desk.type(['rotate', 'ci'])).stderr).toMatch(/works until .* UTC\./);
    expect(await desk.type(['rotate', 'ci'])).toMatchObject({ code: 64, stderr: expect.stringContaining('overlap 0') });
    expect((await desk.type(['rotate', 'ci'], { overlap: '0' })).stderr).toContain('has ended');
    expect(await desk.type(['revoke', stdout.trim()])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('revoked'),
    });
    expect(await desk.type(['revoke', 'ci'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('is revoked since'),
    });
  });

  test('what is not understood, or not there, is answered with the way out', async () => {
    await using desk = await open();
    await desk.type(['create', 'deploy']);
    for (const [args, options, way] of [
      [[], {}, 'bellhop token create | list | rotate | revoke'],
      [['remove', 'x'], {}, 'create, list, rotate, revoke'],
      [['lst'], {}, 'did you mean list?'],
      [['create'], {}, 'Which name?'],
      [['create', 'a', 'b'], {}, 'Which name?'],
      [['create', 'a b'], {}, 'cannot name a token'],
      [['create', 'deploy'], {}, 'already'],
      [['create', 'x'], { scope: 'root' }, 'read, run, manage, admin'],
      [['create', 'x'], { scope: 'admin', jobs: 'fate' }, 'every job'],
      [['create', 'x'], { jobs: '' }, 'kebab-case'],
      [['create', 'x'], { expires: 'soon' }, '90d'],
      [['create', 'x'], { overlap: '1h' }, 'takes no --overlap'],
      [['list', 'x'], {}, 'nothing more'],
      [['list'], { scope: 'run' }, 'takes no --scope'],
      [['rotate', 'depoly'], {}, 'Did you mean deploy?'],
      [['rotate', 'deploy'], { overlap: 'soon' }, '24h'],
      [['revoke', 'nobody'], {}, 'bellhop token list'],
      [['revoke', '../runs'], {}, 'There is no token'],
      [['revoke'], {}, 'Which token?'],
    ] as const) {
      const { code, stdout, stderr } = await desk.type(args, options);
      expect([args.join(' '), code, stdout, stderr]).toEqual([args.join(' '), 64, '', expect.stringContaining(way)]);
    }
  });
});

test('typed in a shell: made without a server, good for the server that starts, revoked beside it at once', async () => {
  await using own = await openShell({});
  const made = await own.type(['token', 'create', 'ci', '--quiet']);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(TOKEN), stderr: '' });
  const secret = made.stdout.trim();
  const server = own.begin(['start']);
  await server.says('bellhop ready');
  const asks = async (): Promise<number> => {
    // The port is free and known to the log alone.
    const port = /"address":"127\.0\.0\.1:(\d+)"/.exec(server.heard())?.[1] ?? '';
    return (await fetch(`http://127.0.0.1:${port}/v1/runs`, { headers: { authorization: `Bearer ${secret}` } })).status;
  };
  expect(await asks()).toBe(200);
  const listed = await own.type(['token', 'list', '--json']);
  expect(Listed.parse(JSON.parse(listed.stdout)).tokens).toMatchObject([
    { name: 'ci', lastUsedAt: expect.any(String) },
  ]);
  expect((await own.type(['token', 'revoke', 'ci'])).stderr).toContain('opens nothing');
  expect(await asks()).toBe(500);
  expect((await own.type(['token', 'create', 'next', '--scope', 'read'])).code).toBe(0);
  expect(await asks()).toBe(401);
  expect(server.heard()).not.toContain('no live API token');
  expect(server.heard()).not.toContain(secret.slice(12));
  server.signal('SIGTERM');
  await server.ended;
  const files = await readdir(own.dataDir, { recursive: true, withFileTypes: true });
  for (const file of files.filter((one) => one.isFile()))
    expect(await readFile(join(file.parentPath, file.name), 'latin1')).not.toContain(secret.slice(12));
});

test.each([
  [{}, true],
  [{ BELLHOP_API_ENABLED: 'false' }, false],
  [{ BELLHOP_API_TOKEN: 'a-bootstrap-token-of-some-length' }, false],
])('a start with %o and no token says so where the API would answer: %s', async (env, isSaid) => {
  await using own = await openShell({});
  const server = own.begin(['start'], env);
  await server.says('bellhop ready');
  await server.says('Mail is off');
  server.signal('SIGTERM');
  await server.ended;
  expect(server.heard().includes('no live API token; the API answers 500')).toBe(isSaid);
});
