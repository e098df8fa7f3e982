import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { ConfigError } from '../../src/errors.ts';
import { createConfinement, openConfinement } from '../../src/runner/kinds/confine.ts';
import { byBubblewrap, byPrlimit, byUnshare } from '../../src/runner/kinds/confine-means.ts';
import { brokenTools } from '../support/confine.ts';
import { manualClock } from '../support/clock.ts';
import { estate } from '../support/runner-estate.ts';
import { eventually, isAlive } from '../support/runner-house.ts';

const houses = estate();
const NONE = { prlimit: 'exit 1', unshare: 'exit 1', bwrap: 'exit 1' };
const call = { file: 'tool', args: ['--', 'a b'], cwd: '/', limits: {}, writable: ['/'] };

test('where no tool works the process group is left, and what that lets through is said', async () => {
  await using tools = await brokenTools(NONE);
  const confinement = createConfinement({ clock: systemClock, env: { PATH: tools.path } });
  expect(await confinement.ready()).toMatchObject({ name: 'group', tools: [] });
  expect(confinement.level().missing.join()).toMatch(/session of its own.* kill(?:ed with)? -9/);
  expect(confinement.wrap(call)).toEqual({ file: 'tool', args: ['--', 'a b'] });
});

test('off tries nothing and wraps nothing', async () => {
  const confinement = createConfinement({ clock: systemClock, env: process.env }, 'off');
  expect(await confinement.ready()).toMatchObject({ name: 'group' });
  expect(confinement.wrap(call)).toEqual({ file: 'tool', args: ['--', 'a b'] });
});

test('a tool that hangs is killed in time and passed over', async () => {
  const hang = 'trap "" TERM; sleep 300 & wait';
  await using tools = await brokenTools({ prlimit: hang, unshare: hang, bwrap: hang });
  const clock = manualClock();
  const confinement = createConfinement({ clock, env: { PATH: tools.path } });
  let found = false;
  const ready = confinement.ready().finally(() => (found = true));
  await eventually(async () => {
    await clock.advance(500);
    return found;
  });
  expect(await ready).toMatchObject({ name: 'group' });
});

test('required refuses a machine without namespaces by name, with the way out', async () => {
  await using tools = await brokenTools(NONE);
  const opened = openConfinement({ clock: systemClock, env: { PATH: tools.path } }, 'required');
  const error = await opened.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ConfigError);
  expect(error).toMatchObject({ code: 'CONFINEMENT_MISSING', hint: expect.stringContaining('bubblewrap') as string });
});

test('at the level of the group a process with a session of its own survives its run, as the guarantees say', async () => {
  const confinement = createConfinement({ clock: systemClock, env: {} }, 'off');
  const script = `
    const { spawn } = require('node:child_process');
    const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    console.log(child.pid);
    child.unref();`;
  const job = {
    name: 'tool',
    description: 'x',
    kind: 'command',
    retries: 0,
    command: [process.execPath, '-e', script],
  };
  const house = await houses.open({ jobs: [job], confinement });
  const run = await house.until((await house.ask('tool')).id);
  const pid = Number(run.report?.summary);
  expect(await isAlive(pid)).toBe(true);
  process.kill(pid, 'SIGKILL');
});

test('a run that begins before it is known what works waits for that', async () => {
  const known = Promise.withResolvers<void>();
  const real = createConfinement({ clock: systemClock, env: {} }, 'off');
  let asked = 0;
  const ready = async () => {
    asked += 1;
    await known.promise;
    return real.ready();
  };
  const confinement = { ...real, ready };
  const job = { name: 'tool', description: 'x', kind: 'command', retries: 0, command: ['printf', 'went'] };
  const house = await houses.open({ jobs: [job], confinement });
  const { id } = await house.ask('tool');
  await eventually(() => asked > 0);
  expect(await house.store.get(id)).toMatchObject({ state: 'running' });
  known.resolve();
  expect((await house.until(id)).report?.summary).toBe('went');
});

const TOOLS = { sh: '/sh', prlimit: '/prlimit', unshare: '/unshare', nsenter: '/nsenter', setpriv: '/setpriv' };

test('every means ends with the program and its arguments as they were, and names every limit', () => {
  const limits = { memoryBytes: 1, processes: 5, fileBytes: 2, cpuSeconds: 3, openFiles: 4 };
  const ways = [
    byUnshare(TOOLS, '/pipe', { user: 'ordinary', counting: 'counted' }),
    byUnshare(TOOLS, '/pipe', { user: 'root', counting: 'counted' }),
    byBubblewrap({ ...TOOLS, bwrap: '/bwrap', env: '/env' }, 'counted'),
  ];
  for (const around of ways) {
    const line = around(['tool', '$(x)', '-- '], limits);
    expect(line.slice(-3)).toEqual(['tool', '$(x)', '-- ']);
    expect(line).toEqual(
      expect.arrayContaining(['--core=0', '--as=1', '--nproc=7', '--fsize=2', '--cpu=3:5', '--nofile=4']),
    );
  }
  expect(byPrlimit(TOOLS)(['tool'], limits).join(' ')).toBe(
    '/prlimit --core=0 --as=1 --fsize=2 --cpu=3:5 --nofile=4 -- tool',
  );
});
