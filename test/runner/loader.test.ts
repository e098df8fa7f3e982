import { mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { createRegistry, type Registry } from '../../src/runner/registry.ts';
import { manualClock } from '../support/clock.ts';
import { buildHouse, tempFolder } from '../support/runner-house.ts';

async function load(dir: string, importMs = 10_000): Promise<Registry> {
  const registry = createRegistry({ dir, clock: systemClock, log: silentLog, importMs });
  await registry.refresh();
  return registry;
}
const ts = (name: string, extra = ''): string => `
import { defineJob } from 'bellhop';
import { z } from 'zod';
type Unused = string;
export default defineJob({ name: '${name}', description: 'Says hello.', input: z.object({ who: z.string().default('you') }),
  run: ({ who }) => 'hello ' + who, ${extra} });
`;

describe('a folder outside the clone', () => {
  test('its files import bellhop and zod, and run', async () => {
    await using folder = await tempFolder({ 'hello.ts': ts('hello') });
    const registry = await load(folder.dir);
    expect(registry.problems()).toEqual([]);
    const house = buildHouse({ registry });
    await house.runner.start();
    const run = await house.until((await house.ask('hello', { who: 'Ana' })).id);
    expect(run.report?.summary).toBe('hello Ana');
    await house.runner.stop();
  });

  test('PermanentError is the same class on both sides', async () => {
    const text = `import { PermanentError } from 'bellhop';\nexport default { name: 'no', description: 'x', run() { throw new PermanentError('never'); } };`;
    await using folder = await tempFolder({ 'no.mjs': text });
    const house = buildHouse({ registry: await load(folder.dir) });
    await house.runner.start();
    const run = await house.until((await house.ask('no')).id);
    expect(run).toMatchObject({ attemptsUsed: 1, error: { code: 'JOB_PERMANENT' } });
    await house.runner.stop();
  });

  test('a zod of its own is used where there is one', async () => {
    await using folder = await tempFolder({ 'hello.ts': ts('hello') });
    await mkdir(join(folder.dir, 'node_modules'));
    const ours = fileURLToPath(new URL('../../node_modules/zod', import.meta.url));
    await symlink(ours, join(folder.dir, 'node_modules', 'zod'));
    expect((await load(folder.dir)).get('hello')?.shape.fields).toMatchObject([{ name: 'who', default: 'you' }]);
  });
});

describe('files that define no job', () => {
  test.each([
    ['a syntax error', 'bad.ts', 'export default {', /parse|Expression|Unexpected/i],
    ['no default export', 'bad.ts', 'export const x = 1;', /exports no job/],
    ['a name that is not kebab-case', 'bad.ts', ts('Bad Name'), /name: .*kebab-case/],
    ['an unknown field', 'bad.ts', ts('bad', 'retires: 3'), /"retires" is no field/],
    ['an impossible timeout', 'bad.ts', ts('bad', "timeout: '3 days'"), /timeout: must be between/],
    [
      'a bad destination',
      'bad.ts',
      ts('bad', "destinations: ['nowhere']"),
      /destinations.*"nowhere" is not a destination/,
    ],
    [
      'a wrong option',
      'bad.ts',
      ts('bad', "destinations: ['#sales?attach=cvs']"),
      /destinations.*attach cannot be "cvs"; did you mean csv\?/,
    ],
    ['a throwing file', 'bad.ts', 'throw new Error("no luck");', /no luck/],
    ['a missing import', 'bad.ts', "import 'not-installed-anywhere'; export default {};", /not-installed-anywhere/],
    ['a command as one text', 'bad.yml', 'name: bad\ndescription: x\ncommand: df -P', /command: must be a list/],
    ['an unknown YAML field', 'bad.yml', 'name: bad\ndescription: x\ncomand: [df]', /"comand" is no field/],
    ['YAML that does not parse', 'bad.yml', 'name: [bad', /flow|line 1/i],
    ['a YAML tag', 'bad.yml', 'name: !!js/function "x"', /tag/i],
    [
      'a placeholder without an input',
      'bad.yml',
      'name: bad\ndescription: x\ncommand: [df, "{{path}}"]',
      /\{\{path\}\} is not an input/,
    ],
    [
      'an enum without values',
      'bad.yml',
      'name: bad\ndescription: x\ncommand: [df]\ninput: { a: { type: enum } }',
      /input\.a\.values/,
    ],
    [
      'a default of the wrong type',
      'bad.yml',
      'name: bad\ndescription: x\ncommand: [df]\ninput: { a: { type: integer, default: x } }',
      /input\.a\.default/,
    ],
  ])('%s is named with its reason, and the others load', async (_what, file, text, reason) => {
    await using folder = await tempFolder({ [file]: text, 'good.ts': ts('good') });
    const registry = await load(folder.dir);
    expect(registry.list().map((job) => job.name)).toEqual(['good']);
    expect(registry.problems()).toMatchObject([{ file }]);
    expect(registry.problems()[0]?.reason).toMatch(reason);
  });

  test('a typing error in a field name comes with what was meant', async () => {
    await using folder = await tempFolder({ 'bad.ts': ts('bad', 'retires: 3') });
    expect((await load(folder.dir)).problems()[0]?.hint).toBe('did you mean retries?');
  });

  test('a top-level await that never ends does not hang the start', async () => {
    await using folder = await tempFolder({ 'hang.ts': 'await new Promise(() => {});', 'good.ts': ts('good') });
    const registry = await load(folder.dir, 200);
    expect(registry.problems()).toMatchObject([
      { file: 'hang.ts', reason: expect.stringMatching(/did not finish loading/) },
    ]);
    expect(registry.get('good')).toBeDefined();
  });

  test('a YAML bomb is refused', async () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'
        .split('')
        .map(
          (c, i) =>
            `${c}: &${c} [${'*abcdefgh'[i + 1] === undefined ? '' : Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`,
        ),
    ].join('\n');
    await using folder = await tempFolder({ 'bomb.yml': bomb });
    expect((await load(folder.dir)).problems()).toMatchObject([
      { file: 'bomb.yml', reason: expect.stringMatching(/anchors/) },
    ]);
  });

  test('of two files with one job name the first wins and the other is named', async () => {
    await using folder = await tempFolder({ 'a.ts': ts('same'), 'b.ts': ts('same') });
    const registry = await load(folder.dir);
    expect(registry.get('same')?.file).toBe('a.ts');
    expect(registry.problems()).toMatchObject([{ file: 'b.ts', reason: 'the job "same" is already defined in a.ts' }]);
  });

  test('a missing folder is a problem, not a crash', async () => {
    const registry = await load('/nowhere/at/all');
    expect(registry.list()).toEqual([]);
    expect(registry.problems()).toMatchObject([{ reason: 'the jobs folder does not exist' }]);
  });

  test('files that are not meant as jobs are left alone', async () => {
    const broken = 'throw new Error("must not be loaded")';
    const names = ['.hidden.ts', '_lib.ts', 'a.test.ts', 'b.d.ts', 'notes.md'];
    await using folder = await tempFolder(Object.fromEntries(names.map((name) => [name, broken])));
    await mkdir(join(folder.dir, 'sub.ts'));
    expect((await load(folder.dir)).problems()).toEqual([]);
  });
});

describe('a folder that changes', () => {
  test('new, changed and removed files are seen at the next look', async () => {
    await using folder = await tempFolder({ 'a.ts': ts('first') });
    const registry = await load(folder.dir);
    await writeFile(join(folder.dir, 'a.ts'), ts('renamed'));
    await utimes(join(folder.dir, 'a.ts'), 1, 1);
    await writeFile(join(folder.dir, 'b.yml'), 'name: added\ndescription: x\ncommand: [df]');
    await registry.refresh();
    expect(registry.list().map((job) => job.name)).toEqual(['added', 'renamed']);
    await rm(join(folder.dir, 'a.ts'));
    await registry.refresh();
    expect(registry.list().map((job) => job.name)).toEqual(['added']);
  });

  test('a job whose file is broken is refused with what is wrong with the file', async () => {
    await using folder = await tempFolder({ 'report.ts': 'export default 7;', 'other.ts': 'export default 7;' });
    const house = buildHouse({ registry: await load(folder.dir) });
    const asked = { input: {}, as: 'json', actor: { kind: 'operator', id: 'ana' }, trigger: 'cli' } as const;
    expect(await house.runner.submit({ job: 'report', ...asked })).toMatchObject({
      outcome: 'unknown_job',
      broken: expect.stringMatching(/^report\.ts is no job: .+ \(write: export default /) as unknown,
    });
    expect(await house.runner.submit({ job: 'reports', ...asked })).not.toHaveProperty('broken');
  });

  test('a file that turns bad keeps its last good definition and is named', async () => {
    await using folder = await tempFolder({ 'a.ts': ts('kept') });
    const registry = await load(folder.dir);
    await writeFile(join(folder.dir, 'a.ts'), 'export default {');
    await registry.refresh();
    expect(registry.get('kept')).toBeDefined();
    expect(registry.problems()).toMatchObject([{ file: 'a.ts' }]);
  });

  test('schedules may be made of the environment, and what is wrong with the function is named', async () => {
    const made = (name: string, body: string): string =>
      ts(name, `destinations: ['file:x.md'], schedules: (variable) => ${body}`);
    await using folder = await tempFolder({
      'a.ts': made('team', `[{ when: 'mon 09:00', destinations: [variable('TEAM') ?? 'file:nobody.md'] }]`),
      'b.ts': made(
        'empty',
        `[variable('EMPTY'), variable('toString')].flatMap((when) => when === undefined ? [] : [{ when }])`,
      ),
      'c.ts': made('throws', `variable('TEAM').nothing.such`),
      'd.ts': made('word', `'monday'`),
    });
    const variables = { TEAM: ' ana@example.com ', EMPTY: ' ' };
    const registry = createRegistry({ dir: folder.dir, clock: systemClock, log: silentLog, variables });
    await registry.refresh();
    expect(registry.get('team')?.schedules[0]?.destinations).toMatchObject([{ kind: 'email', to: 'ana@example.com' }]);
    expect(registry.get('empty')?.schedules).toEqual([]);
    expect(registry.problems()).toMatchObject([
      { file: 'c.ts', reason: expect.stringContaining('schedules: the function failed:') as unknown },
      { file: 'd.ts', reason: expect.stringMatching(/^schedules: /) as unknown },
    ]);
  });

  test('lookups look again after two seconds', async () => {
    await using folder = await tempFolder();
    const clock = manualClock();
    const registry = createRegistry({ dir: folder.dir, clock, log: silentLog });
    await registry.refresh();
    await writeFile(join(folder.dir, 'a.yml'), 'name: late\ndescription: x\ncommand: [df]');
    await registry.freshen();
    expect(registry.get('late')).toBeUndefined();
    await clock.advance(2000);
    await registry.freshen();
    expect(registry.get('late')).toBeDefined();
  });
});

test('a YAML job has fields, defaults and a policy like any other', async () => {
  const text = `
name: tidy
description: Tidies.
command: [tidy, --, '{{path}}']
timeout: 90s
retries: 4
concurrency: 3
destinations: ['#ops?attach=csv,md&skipIfEmpty', origin, { kind: webhook, url: 'https://x.example/y?z=1', format: json }]
env: [LC_ALL]
input:
  path: { type: string, default: /, description: Where }
  level: { type: integer, min: 1, max: 3, default: 2 }
  mode: { type: enum, values: [soft, hard], optional: true }
  dry: { type: boolean, default: true }
`;
  await using folder = await tempFolder({ 'tidy.yml': text });
  const registry = await load(folder.dir);
  expect(registry.problems()).toEqual([]);
  expect(registry.get('tidy')).toMatchObject({
    kind: 'command',
    concurrency: 3,
    policy: { maxAttempts: 5, timeoutMs: 90_000 },
    destinations: [
      { kind: 'slack', channel: '#ops', attach: ['csv', 'md'], skipIfEmpty: true },
      'origin',
      { kind: 'webhook', url: 'https://x.example/y?z=1', format: 'json' },
    ],
    shape: {
      fields: [
        { name: 'path', type: 'string', required: false, default: '/', description: 'Where' },
        { name: 'level', type: 'integer', required: false, default: 2 },
        { name: 'mode', type: 'enum', required: false, values: ['soft', 'hard'] },
        { name: 'dry', type: 'boolean', required: false, default: true },
      ],
    },
  });
});
