import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { createConfinement, type Confinement } from '../../src/runner/kinds/confine.ts';
import { brokenTools, withArgument } from '../support/confine.ts';
import { estate } from '../support/runner-estate.ts';
import { ANA, eventually, tempFolder, type House } from '../support/runner-house.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PARENT = join(ROOT, 'test/support/confine-parent.main.ts');
const houses = estate();
let seconds = 30_000 + (process.pid % 10_000) * 10;
/** A number of seconds to sleep by which a process is known from outside: inside, its pid is another one. */
const newMark = (): string => String(++seconds);
const gone = (mark: string) => eventually(async () => (await withArgument(mark)).length === 0);
const there = (mark: string, count: number) => eventually(async () => (await withArgument(mark)).length >= count);

const MEANS = [
  ['unshare', {}],
  ['bwrap', { unshare: 'exit 1' }],
] as const;

describe.each(MEANS)('a pid namespace by %s', (tool, broken) => {
  let tools: Awaited<ReturnType<typeof brokenTools>>;
  let confinement: Confinement;
  beforeAll(async () => {
    tools = await brokenTools(broken);
    confinement = createConfinement({ clock: systemClock, env: { PATH: tools.path } });
    expect(await confinement.ready()).toMatchObject({
      name: 'namespaces',
      tools: [tool, ...(tool === 'bwrap' ? [] : ['nsenter']), 'prlimit'],
    });
  });
  afterAll(async () => {
    confinement.stop();
    await tools[Symbol.asyncDispose]();
  });
  const open = (command: string[], extra: Record<string, unknown> = {}): Promise<House> => {
    const job = { name: 'tool', description: 'A tool.', kind: 'command', retries: 0, command, ...extra };
    return houses.open({ jobs: [job], confinement, env: { PATH: process.env['PATH'], TOKEN: 'a-token-of-the-job' } });
  };
  const finish = async (command: string[], extra: Record<string, unknown> = {}) => {
    const house = await open(command, extra);
    return house.until((await house.ask('tool')).id);
  };

  test('a grandchild with a session of its own is gone when its run has ended', async () => {
    const mark = newMark();
    const script = `setsid sh -c 'echo > up; exec sleep ${mark}' & until [ -e up ]; do sleep 0.02; done; echo up`;
    expect((await finish(['sh', '-c', script])).report?.summary).toBe('up');
    await gone(mark);
  });

  test('what a cancelled run started is gone, in its group or not', async () => {
    const mark = newMark();
    const house = await open(['sh', '-c', `setsid sleep ${mark} & sleep ${mark}`]);
    const { id } = await house.ask('tool');
    await there(mark, 2);
    await house.runner.cancel(id, ANA);
    await gone(mark);
    await eventually(() => house.runner.active() === 0);
  });

  test('when Bellhop is killed with -9, nothing of its jobs is left', async () => {
    const mark = newMark();
    const parent = spawn(process.execPath, [PARENT, tools.path, mark], { stdio: 'ignore' });
    await there(mark, 2);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await gone(mark);
  });

  test('SIGTERM reaches the program itself, which may end in its own way', async () => {
    await using folder = await tempFolder();
    const [up, bye] = [join(folder.dir, 'up'), join(folder.dir, 'bye')];
    const house = await open([
      'sh',
      '-c',
      `trap "sleep 0.3; echo bye > ${bye}; exit 0" TERM; echo up > ${up}; sleep 300 & wait`,
    ]);
    const { id } = await house.ask('tool');
    await eventually(() => readFile(up, 'utf8').catch(() => undefined));
    await house.runner.cancel(id, ANA);
    expect(await eventually(() => readFile(bye, 'utf8').catch(() => undefined))).toBe('bye\n');
    await eventually(() => house.runner.active() === 0);
  });

  test('exit codes are told as they were', async () => {
    expect((await finish(['sh', '-c', 'echo why >&2; exit 3'])).error?.message).toBe('"sh" exited with code 3: why');
    expect(await finish(['sh', '-c', 'exit 78'], { retries: 3 })).toMatchObject({ attemptsUsed: 1 });
  });

  test('a program that is not there is told as that', async () => {
    await using folder = await tempFolder({ plain: 'x', script: '#!/no/such/interpreter\n' });
    expect((await finish(['no-such-tool-here'])).error?.code).toBe('COMMAND_NOT_FOUND');
    expect((await finish([join(folder.dir, 'plain')])).error?.code).toBe('COMMAND_NOT_FOUND');
  });

  test('its folder and TMPDIR can be written, and nothing stands on its stderr', async () => {
    const run = await finish([
      'sh',
      '-c',
      'echo a > here && echo b > "$TMPDIR/there" && cat here there && test "$$" -lt 10',
    ]);
    expect(run).toMatchObject({ state: 'completed', report: { summary: 'tool finished and printed 2 lines.' } });
    expect(run.attempts[0]?.stderr).toBeUndefined();
  });

  test('stdin is that of the program', async () => {
    const call = { file: 'cat', args: [], cwd: '/', limits: {}, writable: [] };
    const { file, args } = confinement.wrap(call);
    const child = spawn(file, args, { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stdin.end('{"protocol":2}');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(said).toBe('{"protocol":2}');
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  });

  test('no command line holds a value of the environment of the job', async () => {
    const mark = newMark();
    const house = await open(['sh', '-c', `test "$TOKEN" = a-token-of-the-job && sleep ${mark}`], { env: ['TOKEN'] });
    const { id } = await house.ask('tool');
    await there(mark, 1);
    const job = await house.store.get(id);
    expect(job?.state).toBe('running');
    const self = await withArgument('a-token-of-the-job');
    expect(self).toEqual([]);
    await house.runner.cancel(id, ANA);
    await gone(mark);
  });

  test('a file that grows past its limit, and a program past its processor time, are told by name', async () => {
    const big = await finish(['dd', 'if=/dev/zero', 'of=big', 'bs=4096', 'count=100'], {
      limits: { fileSize: '8kb' },
      retries: 2,
    });
    expect(big).toMatchObject({ attemptsUsed: 1, error: { code: 'LIMIT_REACHED' } });
    expect(big.error?.hint).toContain('limits.fileSize');
    const busy = await finish(['sh', '-c', 'while :; do :; done'], { limits: { cpu: '1s' } });
    expect(busy.error).toMatchObject({
      code: 'LIMIT_REACHED',
      hint: 'let it use less, or raise limits.cpu of the job',
    });
  });

  test('memory and open files are limited', async () => {
    const limits = { memory: '64mb', openFiles: 32 };
    const run = await finish(['sh', '-c', 'ulimit -n; ulimit -v; ulimit -c'], { limits });
    expect(JSON.stringify(run.report?.sections)).toContain('32\\n65536\\n0');
  });

  test('output past its cap ends everything', async () => {
    const mark = newMark();
    const run = await finish(['sh', '-c', `setsid sleep ${mark} & yes`], { outputLimit: 100_000 });
    expect(run.error?.code).toBe('OUTPUT_LIMIT');
    await gone(mark);
  });
});

test('unshare tells the signal that ended a program, and lets the children of a shell end in their own way', async () => {
  const confinement = createConfinement({ clock: systemClock, env: process.env });
  expect(await confinement.ready()).toMatchObject({ tools: ['unshare', 'nsenter', 'prlimit'] });
  await using folder = await tempFolder();
  const [up, bye] = [join(folder.dir, 'up'), join(folder.dir, 'bye')];
  const child = `trap "sleep 0.3; echo bye > ${bye}; exit 0" TERM; echo up > ${up}; sleep 300 & wait`;
  const base = { description: 'x', kind: 'command', retries: 0 };
  const jobs = [
    { ...base, name: 'killed', command: ['sh', '-c', 'kill -KILL $$'] },
    { ...base, name: 'termed', command: ['sh', '-c', 'kill -TERM $$'] },
    { ...base, name: 'parent', command: ['sh', '-c', `sh -c '${child}'; true`] },
  ];
  const house = await houses.open({ jobs, confinement });
  expect((await house.until((await house.ask('killed')).id)).error?.message).toBe('"sh" was ended by SIGKILL');
  expect((await house.until((await house.ask('termed')).id)).error?.message).toBe('"sh" was ended by SIGTERM');
  const { id } = await house.ask('parent');
  await eventually(() => readFile(up, 'utf8').catch(() => undefined));
  await house.runner.cancel(id, ANA);
  expect(await eventually(() => readFile(bye, 'utf8').catch(() => undefined))).toBe('bye\n');
  await eventually(() => house.runner.active() === 0);
  confinement.stop();
});

test.each(MEANS)(
  '%s holds the processes of an ordinary user to their number, each job for itself',
  async (tool, broken) => {
    await using tools = await brokenTools(broken);
    await chmod(tools.path.split(':')[0] ?? '', 0o755);
    await using copy = await tempFolder();
    const entry = await forEverybody(copy.dir);
    const two = await Promise.all([1, 2].map(() => promisify(execFile)(entry.file, [...entry.args, tools.path])));
    for (const { stdout } of two) {
      const told = Told.parse(JSON.parse(stdout));
      expect(told.level).toMatchObject({ name: 'namespaces', missing: [] });
      expect(told.level.tools[0]).toBe(tool);
      expect(told.children).toBeGreaterThan(0);
      expect(told.children).toBeLessThanOrEqual(8);
      expect(told.stderr).toMatch(/fork/i);
    }
  },
);

const Told = z.object({
  level: z.object({ name: z.string(), tools: z.array(z.string()), missing: z.array(z.string()) }),
  children: z.number(),
  stderr: z.string(),
});

/** The bomb as an ordinary user: as it is, or, for root, as nobody, who may not be able to read where this project and its Node are. */
async function forEverybody(dir: string): Promise<{ file: string; args: string[] }> {
  const main = 'test/support/confine-ordinary.main.ts';
  if (process.getuid?.() !== 0) return { file: process.execPath, args: [join(ROOT, main)] };
  await cp(join(ROOT, 'src'), join(dir, 'src'), { recursive: true });
  await cp(join(ROOT, main), join(dir, main));
  await cp(process.execPath, join(dir, 'node'));
  await writeFile(join(dir, 'package.json'), '{"type":"module"}');
  await chmod(dir, 0o755);
  const as = ['--reuid=65534', '--regid=65534', '--clear-groups', '--'];
  return { file: 'setpriv', args: [...as, join(dir, 'node'), join(dir, main)] };
}

test('root, whom the kernel holds to no number, is told so at the start', async () => {
  const confinement = createConfinement({ clock: systemClock, env: process.env });
  const { missing } = await confinement.ready();
  confinement.stop();
  expect(missing.join()).toMatch(process.getuid?.() === 0 ? /root.*run Bellhop as an ordinary user/ : /^$/);
});

test('limits without namespaces hold the size of a file, and not a process with a session of its own', async () => {
  await using tools = await brokenTools({ unshare: 'exit 1', bwrap: 'exit 1' });
  const confinement = createConfinement({ clock: systemClock, env: { PATH: tools.path } });
  expect(await confinement.ready()).toMatchObject({ name: 'limits', tools: ['prlimit'] });
  const mark = newMark();
  const base = { description: 'x', kind: 'command', retries: 0, limits: { fileSize: '8kb' } };
  const jobs = [
    { ...base, name: 'big', command: ['dd', 'if=/dev/zero', 'of=big', 'bs=4096', 'count=100'] },
    {
      ...base,
      name: 'away',
      command: ['sh', '-c', `setsid sh -c 'echo > up; exec sleep ${mark}' & until [ -e up ]; do sleep 0.02; done`],
    },
  ];
  const house = await houses.open({ jobs, confinement });
  expect((await house.until((await house.ask('big')).id)).error?.code).toBe('LIMIT_REACHED');
  await house.until((await house.ask('away')).id);
  const left = await eventually(async () => ((await withArgument(mark)).length > 0 ? withArgument(mark) : undefined));
  for (const pid of left) process.kill(pid, 'SIGKILL');
  confinement.stop();
});
