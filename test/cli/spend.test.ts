import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/app.ts';
import { createHttpServer } from '../../src/api/server.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import type { Gateway } from '../../src/cli/gateway.ts';
import { localSpend } from '../../src/cli/local-spend.ts';
import { createRemoteGateway } from '../../src/cli/remote.ts';
import { spendCommand } from '../../src/cli/spend.ts';
import { systemClock } from '../../src/clock.ts';
import { BellhopError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { createTokens } from '../../src/runner/tokens.ts';
import type { Store } from '../../src/store/store.ts';
import { atTheEdge } from '../support/api-parts.ts';
import { createHouse } from '../support/house.ts';
import { AGENT, spendingOf } from '../support/spending.ts';

const OPERATOR = { kind: 'operator', id: 'ana@desk' } as const;

interface Desk extends AsyncDisposable {
  store: Store;
  type(args: string[], json?: 'json'): Promise<{ code: number; stdout: string; stderr: string }>;
}

function typist(gateway: Pick<Gateway, 'spend'>): Desk['type'] {
  return async (args, json) => {
    const said = { out: [] as string[], err: [] as string[] };
    const terminal: Terminal = {
      out: (text) => said.out.push(text),
      err: (text) => said.err.push(text),
      width: 120,
      color: 'none',
      links: 'written',
      clock: systemClock,
      signal: new AbortController().signal,
    };
    const code = await spendCommand(terminal, gateway, { args, json: json !== undefined }).catch((error: unknown) => {
      if (!(error instanceof BellhopError)) throw error;
      said.err.push(`${error.message} ${error.hint ?? ''}`);
      return 64;
    });
    return { code, stdout: said.out.join('\n'), stderr: said.err.join('\n') };
  };
}

async function openHere(): Promise<Desk> {
  const house = await createHouse();
  const loadJobs = (): Promise<void> => Promise.resolve();
  return {
    store: house.store,
    type: typist({ spend: localSpend({ spending: spendingOf(house.store), loadJobs, operator: OPERATOR }) }),
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
])('money on the command line, %s', (_where, open) => {
  test('is a table of every cap: what is used and held of it, and when it starts anew', async () => {
    await using desk = await open();
    const day = new Date(systemClock.now()).toISOString().slice(0, 10);
    await desk.store.charge({
      runId: 'run_00000000000000000000000000',
      spend: [{ key: `usd.job.${AGENT}.${day}`, amount: 1_250_000 }],
    });
    const { stdout, code } = await desk.type([]);
    const lines = stdout.split('\n');
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^SCOPE +USED +HELD +CAP +SHARE +MONTH +STARTS ANEW$/);
    expect(lines[1]).toMatch(/^workspace day +\$0\.00 +\$0\.00 +– +– /);
    expect(lines[2]).toMatch(/^workspace month +\$0\.00 /);
    expect(lines[3]).toMatch(/^weekly-merchandising +\$1\.25 +\$0\.00 +\$2\.50 +50% +\$1\.25 +\w{3} \d+ \w{3} 00:00$/);
    expect(lines[4]).toContain('days and months of UTC; prices as of 2026-11-22');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  });

  test('is JSON in micro-dollars', async () => {
    await using desk = await open();
    const { stdout } = await desk.type([], 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      timeZone: 'UTC',
      standing: [{ scope: 'day', used: 0 }, {}, { job: AGENT, cap: 2_500_000 }],
    });
  });

  test('lets one run pass, and says so a second time', async () => {
    await using desk = await open();
    expect((await desk.type(['allow', AGENT])).stderr).toMatch(
      /^The next run of weekly-merchandising may pass its caps, once, until 20/,
    );
    expect((await desk.type(['allow', AGENT])).stderr).toContain('may already pass');
    expect((await desk.type(['allow', AGENT], 'json')).stdout).toContain('"outcome": "already_allowed"');
    expect(await desk.store.getDoc('allowance', AGENT)).toBeDefined();
  });

  test.each([
    [['allow', 'fate'], 'fate is no agent'],
    [['allow', 'weekly'], 'There is no job weekly.'],
    [['allow'], 'Which job? bellhop spend allow JOB'],
    [['alow', AGENT], 'There is no “spend alow”'],
    [['allow', AGENT, 'twice'], 'Which job?'],
  ])('refuses %o, and says why', async (args, said) => {
    await using desk = await open();
    const { code, stderr } = await desk.type(args);
    expect(code).toBe(64);
    expect(stderr).toContain(said);
  });
});
