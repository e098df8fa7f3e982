import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/app.ts';
import { createHttpServer } from '../../src/api/server.ts';
import type { Gateway } from '../../src/cli/gateway.ts';
import { localMemory } from '../../src/cli/local-memory.ts';
import { memoryCommand } from '../../src/cli/memory.ts';
import { createRemoteGateway } from '../../src/cli/remote.ts';
import { systemClock } from '../../src/clock.ts';
import { UsageError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { createMemory } from '../../src/runner/memory.ts';
import { createTokens } from '../../src/runner/tokens.ts';
import type { Store } from '../../src/store/store.ts';
import { atTheEdge } from '../support/api-parts.ts';
import { createHouse, type House } from '../support/house.ts';
import { adviceKey, AGENT, reporter } from '../support/memory-rows.ts';

const OPERATOR = { kind: 'operator', id: 'ops@here' } as const;

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}
interface Desk extends AsyncDisposable {
  store: Store;
  gateway: Pick<Gateway, 'memory'>;
  type: (args: readonly string[], json?: 'json') => Promise<Ended>;
}

function deskOf(house: House, gateway: Desk['gateway']): Pick<Desk, 'store' | 'gateway' | 'type'> {
  return {
    store: house.store,
    gateway,
    async type(args, json) {
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
        return { code: await memoryCommand(terminal, gateway, { args, json: json !== undefined }), ...heard };
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        return { code: 64, ...heard, stderr: `${error.message}\n${error.hint ?? ''}` };
      }
    },
  };
}

async function openHere(): Promise<Desk> {
  const house = await createHouse();
  const memory = createMemory({ store: house.store, clock: systemClock });
  const { runner } = house;
  const own = localMemory({ memory, runner, operator: OPERATOR, loadJobs: () => Promise.resolve() });
  return { ...deskOf(house, { memory: own }), [Symbol.asyncDispose]: () => house[Symbol.asyncDispose]() };
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
    ...deskOf(house, createRemoteGateway(socketPath)),
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
])('the memory of a job on the command line, %s', (_where, open) => {
  test('lists what was recommended with its keys, open ones first, in lines that fit', async () => {
    await using desk = await open();
    const report = reporter({ store: desk.store, clock: systemClock });
    await report({ advice: [1, 2], titleOf: (n) => `Reorder \u001b[31m product ${n} ${'x'.repeat(80)}` });
    await desk.type([AGENT, 'done', adviceKey(1)]);
    const { code, stdout } = await desk.type([AGENT]);
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines[0]).toBe(`${AGENT}: 1 open, 1 done`);
    expect(lines[1]).toContain(`${adviceKey(2)}  Reorder`);
    expect(lines[2]).toMatch(/open since \d{4}-\d\d-\d\d/);
    expect(lines[3]).toContain('rested on Stock 2');
    expect(lines[5]).toMatch(/done by ops@here, \d{4}-\d\d-\d\d/);
    expect(stdout).not.toContain('\u001b');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    const parsed = JSON.parse((await desk.type([AGENT], 'json')).stdout) as { advice: unknown[]; more: boolean };
    expect(parsed).toMatchObject({ more: false, advice: [{ status: 'done' }, { status: 'open' }] });
  });

  test('notes an answer, says when it stands already, and takes it back', async () => {
    await using desk = await open();
    await reporter({ store: desk.store, clock: systemClock })({ advice: [1] });
    const answer = (as: string, json?: 'json') => desk.type([AGENT, as, adviceKey(1)], json);
    expect((await answer('later')).stderr).toMatch(/^Reorder product 1: put off by ops@here until \d{4}-\d\d-\d\d\n$/);
    expect((await answer('later')).stderr).toContain('already put off');
    expect((await answer('open')).stderr).toBe('Reorder product 1: open\n');
    expect(JSON.parse((await answer('never', 'json')).stdout)).toMatchObject({
      outcome: 'noted',
      row: { status: 'dismissed', by: OPERATOR },
    });
  });

  test('says what is missing or unknown, and the way out', async () => {
    await using desk = await open();
    expect((await desk.type(['fate'])).stdout).toBe('fate has recommended nothing yet.\n');
    const cases: [string[], RegExp][] = [
      [[], /Whose memory\?/],
      [['faet'], /There is no job faet\.\n[Dd]id you mean fate\?/],
      [[''], /There is no job/],
      [[AGENT, 'dne', 'x'], /“dne” is no answer[^]*did you mean done/],
      [[AGENT, 'done'], /Which advice\?/],
      [[AGENT, 'done', adviceKey(9)], /has recommended nothing with the key 000000000009/],
      [[AGENT, 'done', '../../runs'], /has recommended nothing with the key/],
      [[AGENT, 'done', adviceKey(9), 'more'], /Whose memory\?/],
    ];
    for (const [args, said] of cases) {
      const { code, stderr } = await desk.type(args);
      expect([args, code]).toEqual([args, 64]);
      expect(stderr).toMatch(said);
    }
  });
});
