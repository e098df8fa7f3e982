import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/app.ts';
import { createHttpServer } from '../../src/api/server.ts';
import type { Gateway } from '../../src/cli/gateway.ts';
import { localMail } from '../../src/cli/local-mail.ts';
import { mailCommand } from '../../src/cli/mail.ts';
import { createRemoteGateway } from '../../src/cli/remote.ts';
import { systemClock } from '../../src/clock.ts';
import { UsageError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { createSubscriptions } from '../../src/runner/subscriptions.ts';
import { createTokens } from '../../src/runner/tokens.ts';
import type { Store } from '../../src/store/store.ts';
import { suppress } from '../../src/store/suppressions.ts';
import { atTheEdge } from '../support/api-parts.ts';
import { createHouse } from '../support/house.ts';

const OPERATOR = { kind: 'operator', id: 'ops@here' } as const;
const at = '2026-11-20T10:00:00.000Z';

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}
interface Desk extends AsyncDisposable {
  store: Store;
  type: (args: readonly string[], json?: 'json') => Promise<Ended>;
}

function typist(gateway: Pick<Gateway, 'mail'>): Desk['type'] {
  return async (args, json) => {
    const heard = { stdout: '', stderr: '' };
    const terminal = {
      out: (text: string) => void (heard.stdout += `${text}\n`),
      err: (text: string) => void (heard.stderr += `${text}\n`),
      width: 80,
      color: 'none' as const,
      links: 'written' as const,
      clock: systemClock,
      signal: new AbortController().signal,
    };
    try {
      return { code: await mailCommand(terminal, gateway, { args, json: json !== undefined }), ...heard };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return { code: 64, ...heard, stderr: `${error.message}\n${error.hint ?? ''}` };
    }
  };
}

async function openHere(): Promise<Desk> {
  const house = await createHouse();
  const subscriptions = createSubscriptions({ store: house.store, clock: systemClock });
  return {
    store: house.store,
    type: typist({ mail: localMail({ subscriptions, operator: OPERATOR }) }),
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
    log,
  });
  const server = createHttpServer(
    { api, slack: undefined, opened: Promise.resolve(), log },
    { host: '127.0.0.1', port: 0, socketPath, operator: OPERATOR },
  );
  await server.start();
  return {
    store: house.store,
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
])('the suppression list on the command line, %s', (_where, open) => {
  test('says of each address why it gets no mail, in lines that fit', async () => {
    await using desk = await open();
    expect((await desk.type(['list'])).stdout).toBe('Every address gets its mails.\n');
    const answer = `550 5.1.1 gone\u001b[31m ${'x'.repeat(200)}`;
    await suppress(desk.store, { address: 'bo@example.com', reason: { why: 'rejected', answer, at } });
    await suppress(desk.store, { address: 'ana@example.com', reason: { why: 'unsubscribed', list: 'weekly', at } });
    await desk.type(['suppress', 'ana@example.com']);
    const { stdout } = await desk.type(['list']);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual(['ana@example.com', '  unsubscribed from weekly on 2026-11-20']);
    expect(lines[2]).toMatch(/^ {2}put here by an operator on \d{4}-\d{2}-\d{2}$/);
    expect(lines.slice(3, 5)).toEqual([
      'bo@example.com',
      expect.stringContaining('rejected on 2026-11-20: 550 5.1.1 gone'),
    ]);
    expect(stdout).not.toContain('\u001b');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('lists all of them, however many pages they are', async () => {
    await using desk = await open();
    for (let n = 0; n < 205; n++)
      await suppress(desk.store, { address: `a${n}@example.com`, reason: { why: 'operator', at } });
    const { stdout } = await desk.type(['list'], 'json');
    expect((JSON.parse(stdout) as { suppressions: unknown[] }).suppressions).toHaveLength(205);
  });

  test('puts an address on and takes it off, and says what is not there', async () => {
    await using desk = await open();
    const put = await desk.type(['suppress', 'ana+x@example.com']);
    expect([put.code, put.stderr]).toEqual([0, expect.stringContaining('ana+x@example.com gets no mails from now on')]);
    const off = await desk.type(['allow', 'ana+x@example.com'], 'json');
    expect(JSON.parse(off.stdout)).toMatchObject({ suppression: { address: 'ana+x@example.com' } });
    const again = await desk.type(['allow', 'ana+x@example.com']);
    expect([again.code, again.stderr]).toEqual([64, expect.stringContaining('is not on the suppression list')]);
    expect(again.stderr).toContain('bellhop mail list');
  });

  test.each([
    [['allow'], 'Which address?'],
    [['allow', 'a@example.com', 'b@example.com'], 'Which address?'],
    [['suppress', 'nobody'], 'This is not a mail address.'],
    [['list', 'x'], 'takes nothing more'],
    [['lst'], 'list'],
    [[], 'list | allow | suppress'],
  ])('refuses %j', async (args, said) => {
    await using desk = await open();
    const { code, stderr } = await desk.type(args);
    expect([code, stderr]).toEqual([64, expect.stringContaining(said)]);
  });
});
