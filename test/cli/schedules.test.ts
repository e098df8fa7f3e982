import { join } from 'node:path';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createApi } from '../../src/api/app.ts';
import { createHttpServer } from '../../src/api/server.ts';
import type { Gateway } from '../../src/cli/gateway.ts';
import { localSchedules } from '../../src/cli/local-schedules.ts';
import { createRemoteGateway } from '../../src/cli/remote.ts';
import { SCHEDULE_COMMANDS, type ScheduleAsk } from '../../src/cli/schedules.ts';
import { systemClock } from '../../src/clock.ts';
import { UsageError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { createTokens } from '../../src/runner/tokens.ts';
import { plainText } from '../../src/render/format.ts';
import { atTheEdge } from '../support/api-parts.ts';
import { createHouse, type House } from '../support/house.ts';
import { openShell } from '../support/cli.ts';

const JOBS = {
  'weekly.ts': `import { defineJob } from 'bellhop'; import { z } from 'zod';
    export default defineJob({ name: 'weekly', description: 'A report', input: z.object({ store: z.string().default('all') }), run: () => 'x' });`,
  'own.ts': `import { defineJob } from 'bellhop';
    export default defineJob({ name: 'own', description: 'Has its own', destinations: ['file:own.md'], schedules: [{ when: 'daily 07:00' }], run: () => 'x' });`,
};
const View = z.looseObject({ name: z.string(), state: z.string(), zone: z.string(), next: z.array(z.unknown()) });
const One = z.object({ schedule: View });
const Many = z.object({ schedules: z.array(View) });
const OPERATOR = { kind: 'operator', id: 'ops@here' } as const;

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}
/** A command as it is typed, with its options in a record; what it throws is said as the command line says it. */
type Typist = (
  command: keyof typeof SCHEDULE_COMMANDS,
  args: readonly string[],
  options?: Partial<ScheduleAsk>,
) => Promise<Ended>;
interface Desk extends AsyncDisposable {
  type: Typist;
  house: House;
}

const said = ({ code, stdout, stderr }: Ended): [number, string] => [code, stdout + stderr];

function typist(gateway: Pick<Gateway, 'where' | 'schedules'>): Typist {
  return async (command, args, options = {}) => {
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
    try {
      return {
        code: await SCHEDULE_COMMANDS[command](terminal, gateway, { args, json: false, yes: false, ...options }),
        ...heard,
      };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return { code: 64, ...heard, stderr: `${heard.stderr}${error.message}\n${error.hint ?? ''}` };
    }
  };
}

async function openHere(): Promise<Desk> {
  const house = await createHouse(JOBS);
  const { scheduler } = house;
  const schedules = localSchedules({ scheduler, operator: OPERATOR, loadJobs: () => Promise.resolve() });
  return {
    type: typist({ where: 'here', schedules }),
    house,
    [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
  };
}

/** The same over the real socket of a server in this process. */
async function openBeside(): Promise<Desk> {
  const house = await createHouse(JOBS);
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-desk-'));
  const socketPath = join(folder, 'bellhop.sock');
  const log = silentLog;
  const api = createApi({
    runner: house.runner,
    reader: house.store,
    schedules: house.scheduler.schedules,
    readiness: () => 'ready',
    tokens: createTokens({ store: house.store, clock: systemClock, log }, { bootstrap: undefined }),
    backup: (dir) => house.store.backup(dir),
    cron: {
      token: undefined,
      reader: house.store,
      clock: systemClock,
      log,
      schedules: house.scheduler.schedules,
    },
    ...atTheEdge(house),
    log,
  });
  const server = createHttpServer(
    { api, slack: undefined, opened: Promise.resolve(), log },
    { host: '127.0.0.1', port: 0, socketPath, operator: OPERATOR },
  );
  await server.start();
  return {
    type: typist(createRemoteGateway(socketPath)),
    house,
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
])('schedules on the command line, %s', (_where, open) => {
  const ASK = ['weekly', 'every monday 09:00', 'store=berlin'];
  const OPTIONS = { zone: 'Europe/Berlin', to: '#ops,ana@example.com' };
  const NAME = 'weekly.every-monday-0900';

  test('schedule shows what it would be and stores nothing before --yes; the second time it is a change', async () => {
    await using desk = await open();
    const { type } = desk;
    expect(said(await type('schedule', ASK))).toEqual([64, expect.stringContaining('goes to where it was asked')]);
    const preview = await type('schedule', ASK, OPTIONS);
    expect(said(preview)).toEqual([64, expect.stringContaining('Nothing was stored; say it with --yes.')]);
    expect(preview.stdout).toMatch(
      /every Monday at 09:00 \(Europe\/Berlin\)\n( {2}next .* UTC = Mon .* 09:00 .*\n){3}/,
    );
    expect(preview.stdout).toContain('report  to #ops, mail to ana@example.com');
    expect((await type('schedules', [])).stdout).toContain('Nothing is scheduled. Try:');

    expect(said(await type('schedule', ASK, { ...OPTIONS, yes: true }))).toEqual([
      0,
      expect.stringContaining(`${NAME}: created`),
    ]);
    expect(said(await type('schedule', ASK, OPTIONS))).toEqual([64, expect.stringContaining('is there already')]);
    expect(said(await type('schedule', ASK, { ...OPTIONS, yes: true }))).toEqual([
      0,
      expect.stringContaining(': changed'),
    ]);
    const listed = Many.parse(JSON.parse((await type('schedules', [], { json: true })).stdout)).schedules;
    expect(listed).toMatchObject([
      {
        name: NAME,
        input: { store: 'berlin' },
        destinations: [
          { kind: 'slack', channel: '#ops' },
          { kind: 'email', to: 'ana@example.com' },
        ],
      },
    ]);
  });

  test('what is done to one is done, said, and the same when it is asked twice', async () => {
    await using desk = await open();
    const { type } = desk;
    await type('schedule', ASK, { ...OPTIONS, yes: true });
    const skip = async () => One.parse(JSON.parse((await type('skip', ['weekly'], { json: true })).stdout)).schedule;
    const [first, second] = [await skip(), await skip()];
    expect([second['skipNext'], second.next]).toEqual([first['skipNext'], first.next]);
    expect(said(await type('snooze', ['weekly', '2d']))).toEqual([0, expect.stringContaining('snoozed by')]);
    expect(said(await type('snooze', ['weekly', 'soon']))).toEqual([64, expect.stringContaining('is no time')]);
    expect(said(await type('resume', ['weekly']))).toEqual([0, expect.stringContaining('resumed')]);
    expect(said(await type('pause', ['weekly', 'stock\u001b[2Jtaking']))).toEqual([
      0,
      expect.stringContaining('paused'),
    ]);
    expect(said(await type('pause', ['weekly']))).toEqual([0, expect.stringContaining('unchanged')]);
    const paused = await type('schedules', ['weekly']);
    expect(paused.stdout).toMatch(/paused by .* since .*: stocktaking/);
    // oxlint-disable-next-line no-control-regex -- that none is left is what is shown
    expect(paused.stdout).not.toMatch(/\u001b/);
    expect(said(await type('resume', ['all']))).toEqual([64, expect.stringMatching(/resumes 1 schedule[\s\S]*--yes/)]);
    expect(said(await type('resume', ['all'], { yes: true }))).toEqual([
      0,
      expect.stringContaining(`${NAME}: resumed`),
    ]);
    expect((await type('next', ['weekly', '7'])).stdout.match(/ {2}next /g)).toHaveLength(7);
    expect(said(await type('unschedule', ['weekly']))).toEqual([64, expect.stringContaining('--yes')]);
    expect(said(await type('unschedule', ['weekly'], { yes: true }))).toEqual([0, expect.stringContaining('removed')]);
    expect(said(await type('unschedule', ['weekly'], { yes: true }))).toEqual([
      64,
      expect.stringContaining('There is no schedule'),
    ]);
  });

  test('what is not understood, or not there, is answered with the way out', async () => {
    await using desk = await open();
    const { type } = desk;
    await type('schedule', ASK, { ...OPTIONS, yes: true });
    for (const verb of ['pause', 'resume', 'skip', 'next', 'unschedule'] as const) {
      expect(said(await type(verb, ['weekly.every-monday-0909'])), verb).toEqual([
        64,
        expect.stringContaining(`Did you mean ${NAME}?`),
      ]);
    }
    for (const [verb, args, way] of [
      ['schedule', [], 'Which job'],
      ['schedule', ['wekly', 'mon 09:00'], 'Did you mean weekly?'],
      ['schedule', ['weekly', 'mon 25:00'], '25:00'],
      ['schedule', ['weekly', 'mon', '09:00', 'EST'], 'America/New_York'],
      ['pause', [], 'Which schedule?'],
      ['snooze', ['weekly'], 'Until when?'],
      ['next', ['weekly', '99'], 'Ask for 1 to 20'],
      ['skip', ['../../runs'], 'There is no schedule'],
    ] as const) {
      expect(said(await type(verb, args)), args.join(' ')).toEqual([64, expect.stringContaining(way)]);
    }
    for (const to of ['nowhere', 'origin']) expect((await type('schedule', ASK, { to })).code).toBe(64);
  });

  test('what a file defines is removed there, and paused here', async () => {
    await using desk = await open();
    await desk.house.scheduler.tick();
    expect(said(await desk.type('unschedule', ['own'], { yes: true }))).toEqual([
      64,
      expect.stringContaining('file of its job, own.ts'),
    ]);
    expect(said(await desk.type('pause', ['all', 'moving'], { yes: true }))).toEqual([
      0,
      expect.stringContaining('own: paused'),
    ]);
  });
});

test('typed in a shell: stored without a server, which is said, and known to the server that starts', async () => {
  await using own = await openShell(JOBS);
  const made = await own.type(['schedule', 'weekly', '* * * * *', '--to', 'file:weekly.md', '--yes']);
  expect([made.code, made.stderr]).toEqual([0, expect.stringContaining('it runs once a server does')]);
  expect((await own.type(['skip', 'weekly', '--yes'])).stderr).toContain('takes no --yes');
  const server = own.begin(['start']);
  await server.says('bellhop ready');
  const beside = await own.type(['schedules', '--json']);
  expect(Many.parse(JSON.parse(beside.stdout)).schedules.map(({ name }) => name)).toContain('weekly.schedule');
  expect(beside.stderr).toBe('');
});
