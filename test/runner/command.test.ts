import { chmod, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { cleanText, createCapture } from '../../src/runner/kinds/capture.ts';
import type { Clock } from '../../src/clock.ts';
import { fillCommand } from '../../src/runner/kinds/command.ts';
import { manualClock } from '../support/clock.ts';
import { estate } from '../support/runner-estate.ts';
import { ANA, eventually, isAlive, passing, tempFolder, type House } from '../support/runner-house.ts';

const houses = estate();

interface Extra {
  [field: string]: unknown;
}
async function open(command: string[], extra: Extra = {}, env?: Record<string, string>): Promise<House> {
  return start({ command, ...extra }, env);
}
async function start(extra: Extra, env?: Record<string, string>, clock?: Clock): Promise<House> {
  const job = { name: 'tool', description: 'A tool.', kind: 'command', retries: 0, ...extra };
  return houses.open({ jobs: [job], ...(env !== undefined && { env }), ...(clock !== undefined && { clock }) });
}
const finish = async (house: House, input: unknown = {}) => house.until((await house.ask('tool', input)).id);
const node = (code: string): string[] => [process.execPath, '-e', code];

describe('what a command prints', () => {
  test('text is shown as it was aligned', async () => {
    const run = await finish(await open(['printf', 'a  1\nbb 2\n']));
    expect(run.report?.summary).toBe('tool finished and printed 2 lines.');
    expect(run.report?.sections).toMatchObject([{ markdown: '```\na  1\nbb 2\n```' }]);
  });

  test('a JSON object is the result, or a report', async () => {
    expect(await finish(await open(['printf', '{"rows":3}']))).toMatchObject({
      state: 'completed',
      result: { rows: 3 },
    });
    const run = await finish(await open(['printf', '{"title":"Weekly","summary":"Fine."}']));
    expect(run.report).toMatchObject({ title: 'Weekly', summary: 'Fine.' });
  });

  test('nothing is a finished report', async () => {
    expect((await finish(await open(['true']))).report?.summary).toBe('tool finished.');
  });

  test('output: markdown is read as markdown, output: json refuses anything else', async () => {
    expect((await finish(await open(['printf', '# Sales\n\nUp.'], { output: 'markdown' }))).report).toMatchObject({
      title: 'Sales',
      summary: 'Up.',
    });
    expect((await finish(await open(['printf', 'Up.'], { output: 'json' }))).error?.code).toBe('RESULT_INVALID');
  });

  test('terminal control is taken out of reports', () => {
    expect(cleanText('\u001b[31mred\u001b[0m \u001b]0;title\u0007x\r\n10%\r99%\u0000')).toBe('red x\n99%');
  });

  test('a long stream keeps head and tail, whole characters, and says how much is missing', () => {
    const capture = createCapture({ headBytes: 5, tailBytes: 5 });
    for (const chunk of ['ééé', 'x'.repeat(100), 'ééé']) capture.push(Buffer.from(chunk));
    expect(capture.output()).toEqual({ head: 'éé', tail: 'éé', droppedBytes: 104 });
  });

  test('a stream within the limits is whole', () => {
    const capture = createCapture({ headBytes: 5, tailBytes: 5 });
    capture.push(Buffer.from('éééé'));
    expect(capture.output()).toEqual({ head: 'éééé', tail: '', droppedBytes: 0 });
  });
});

describe('how a command fails', () => {
  test('an exit code is named with the last line of stderr, which is kept', async () => {
    const run = await finish(await open(['sh', '-c', 'echo one >&2; echo two >&2; exit 3']));
    expect(run.error).toMatchObject({ code: 'COMMAND_EXIT', message: '"sh" exited with code 3: two' });
    expect(run.attempts[0]?.stderr?.head).toBe('one\ntwo\n');
    expect(JSON.stringify(run.report?.sections)).toContain('one\\ntwo');
  });

  test('exit 78 is permanent, other codes are tried again', async () => {
    expect(await finish(await open(['sh', '-c', 'exit 78'], { retries: 3 }))).toMatchObject({ attemptsUsed: 1 });
    const quick = { retries: 1, backoff: { base: 1, max: 1 } };
    expect(await finish(await open(['sh', '-c', 'exit 1'], quick))).toMatchObject({ attemptsUsed: 2 });
  });

  test('a missing executable is permanent and names PATH', async () => {
    const run = await finish(await open(['no-such-tool-here'], { retries: 3 }, { PATH: '/usr/bin:/bin' }));
    expect(run).toMatchObject({ attemptsUsed: 1, error: { code: 'COMMAND_NOT_FOUND', hint: 'PATH is /usr/bin:/bin' } });
  });

  test('a file that may not be executed is named so', async () => {
    await using folder = await tempFolder({ tool: 'echo hi' });
    await chmod(join(folder.dir, 'tool'), 0o644);
    const run = await finish(await open([join(folder.dir, 'tool')]));
    expect(run.error).toMatchObject({ code: 'COMMAND_NOT_FOUND' });
  });

  test('output past the hard limit kills the command', async () => {
    const run = await finish(await open(['sh', '-c', 'yes | cat'], { outputLimit: 100_000 }));
    expect(run).toMatchObject({ state: 'failed', error: { code: 'OUTPUT_LIMIT' } });
  });

  test('a timeout kills the whole process group, also a child that ignores SIGTERM', async () => {
    await using folder = await tempFolder();
    const pidFile = join(folder.dir, 'pid');
    const code = `
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)"]);
      child.stdout.once('data', () => require('node:fs').writeFileSync(process.argv[1], String(child.pid)));
      setInterval(() => {}, 1000);`;
    const clock = manualClock();
    const house = await start({ command: [...node(code), pidFile], timeout: '20s' }, undefined, clock);
    const asked = await house.ask('tool');
    const pid = await eventually(async () => Number(await readFile(pidFile, 'utf8').catch(() => '')) || undefined);
    expect(await isAlive(pid)).toBe(true);
    const run = await passing(house, clock, asked.id);
    expect(run.error?.code).toBe('TIMED_OUT');
    // The signal is sent; the end of a process takes the kernel a moment.
    await eventually(async () => !(await isAlive(pid)) || undefined);
  });

  test('a background process that a command leaves behind is ended with it', async () => {
    const house = await open(['sh', '-c', 'sleep 300 & echo $!']);
    const run = await finish(house);
    expect(run.state).toBe('completed');
    await eventually(async () => !(await isAlive(Number(run.report?.summary))) || undefined);
  });

  test('a cancelled command is killed', async () => {
    const house = await open(['sleep', '300']);
    const asked = await house.ask('tool');
    await house.until(asked.id, ({ state }) => state === 'running');
    await house.runner.cancel(asked.id, ANA);
    await eventually(() => house.runner.active() === 0 || undefined);
    expect((await house.until(asked.id)).state).toBe('cancelled');
  });
});

describe('what a command sees', () => {
  test('of the environment only what is allowed', async () => {
    const env = { PATH: process.env['PATH'] ?? '', SLACK_BOT_TOKEN: 'xoxb-not-for-jobs', ALLOWED: 'yes' };
    const house = await open(node('console.log(JSON.stringify(process.env))'), { env: ['ALLOWED'] }, env);
    const run = await finish(house);
    const seen = z.record(z.string(), z.string()).parse(run.result);
    expect(seen).toMatchObject({ ALLOWED: 'yes', BELLHOP_RUN_ID: run.id });
    expect(Object.keys(seen)).not.toContain('SLACK_BOT_TOKEN');
    expect(Object.keys(seen)).not.toContain('HOME');
  });

  test('an empty folder of its own that is gone afterwards, and a closed stdin', async () => {
    const run = await finish(await open(['sh', '-c', 'cat; touch made; pwd']));
    const cwd = (run.report?.summary ?? '').trim();
    expect(cwd).toContain('bellhop-run-');
    expect(await readdir(tmpdir())).not.toContain(basename(cwd));
  });

  test('a relative executable is one of the jobs folder', async () => {
    await using folder = await tempFolder({ 'hello.sh': '#!/bin/sh\necho hello "$1"\n' });
    await chmod(join(folder.dir, 'hello.sh'), 0o755);
    const { checkDefinition } = await import('../../src/runner/definition.ts');
    const job = checkDefinition(
      { name: 'tool', description: 'x', kind: 'command', command: ['./hello.sh', 'you'] },
      { file: 'tool.yml', path: join(folder.dir, 'tool.yml') },
    );
    const registry = {
      list: () => [job],
      get: () => job,
      problems: () => [],
      refresh: () => Promise.resolve(),
      freshen: () => Promise.resolve(),
    };
    const house = await houses.open({ registry });
    expect((await finish(house)).report?.summary).toBe('hello you');
  });
});

describe('placeholders', () => {
  test('a value stays one argument, whatever it contains', async () => {
    const input = z.object({ path: z.string() });
    const house = await open(
      [...node('console.log(JSON.stringify(process.argv.slice(1)))'), '--', '{{path}}', 'in {{ path }}'],
      { input },
    );
    const run = await finish(house, { path: '$(touch x); "a b" *' });
    expect(run.result).toEqual(['$(touch x); "a b" *', 'in $(touch x); "a b" *']);
  });

  test('a value that would be read as an option is refused at the door', async () => {
    const input = z.object({ path: z.string() });
    const house = await open(['ls', '{{path}}'], { input });
    const asked = { job: 'tool', input: { path: '--help' }, as: 'json', actor: ANA, trigger: 'slack' } as const;
    expect(await house.runner.submit(asked)).toMatchObject({
      outcome: 'invalid_input',
      issues: [{ path: 'path', message: 'must not begin with "-"' }],
    });
    expect(fillCommand(['ls', '--', '{{path}}'], { path: '-l' })).toEqual(['ls', '--', '-l']);
    expect(fillCommand(['ls', '--at={{path}}'], { path: '-l' })).toEqual(['ls', '--at=-l']);
  });

  test('an absent value leaves its argument out, numbers and booleans are written as JSON', () => {
    expect(fillCommand(['x', '{{a}}', '{{b}}', 'c={{c}}'], { b: 3, c: true })).toEqual(['x', '3', 'c=true']);
    expect(() => fillCommand(['x', '{{a}}'], { a: 'nul\0' })).toThrow(/NUL/);
  });
});
