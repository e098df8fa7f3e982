/** What a manifest may say, and what becomes of a folder of plugins. */
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { pluginInput } from '../../src/runner/plugins/input.ts';
import { parseManifest, variableOf } from '../../src/runner/plugins/manifest.ts';
import { createShelf } from '../../src/runner/plugins/shelf.ts';
import { manifestOf, pluginEstate, writePlugin } from '../support/plugin-house.ts';
import { tempFolder } from '../support/runner-house.ts';

const houses = pluginEstate();
const lined = (over: Record<string, string | undefined> = {}): string => {
  const fields: Record<string, string | undefined> = {
    manifest_spec: 'bellhop.plugin/1',
    name: 'tool',
    version: '1.0.0',
    protocol: '2',
    entrypoint: 'bin/main',
    commands: '{ go: { type: read } }',
    ...over,
  };
  return Object.entries(fields)
    .flatMap(([name, value]) => (value === undefined ? [] : `${name}: ${value}`))
    .join('\n');
};

describe('a manifest', () => {
  test('names its commands in a map or in a list', () => {
    const map = parseManifest(lined({ commands: '{ go: { type: read }, stop: { type: write, retries: 3 } }' }));
    const list = parseManifest(
      lined({ commands: '[{ name: go, type: read }, { name: stop, type: write, retries: 3 }]' }),
    );
    expect(map).toEqual(list);
    expect(map.commands).toMatchObject([
      { name: 'go', type: 'read' },
      { name: 'stop', type: 'write', retries: 3 },
    ]);
    expect(map).toMatchObject({ concurrencySafe: true, required: [], optional: [] });
  });

  test('may say its spec and version as a text or a number', () => {
    expect(parseManifest(lined({ manifest_spec: '1', version: '2' })).version).toBe('2');
  });

  const REFUSED: [string, Record<string, string | undefined>, string][] = [
    ['of protocol 1', { protocol: '1' }, 'plugin tool speaks protocol 1, which Bellhop does not: it speaks protocol 2'],
    ['of protocol 3', { protocol: '"3"' }, 'speaks protocol 3'],
    ['without a protocol', { protocol: undefined }, 'protocol: '],
    ['with .. in its entrypoint', { entrypoint: '../bin/sh' }, 'entrypoint: must not leave the folder'],
    ['with .. in the middle of it', { entrypoint: 'bin/../../sh' }, 'entrypoint: must not leave the folder'],
    ['with an absolute entrypoint', { entrypoint: '/bin/sh' }, 'entrypoint: must be relative'],
    ['whose name is not kebab-case', { name: 'My_Tool' }, 'name: must be kebab-case'],
    ['with a command that is not', { commands: '{ Go_It: { type: read } }' }, 'commands.0.name: must be kebab-case'],
    ['without commands', { commands: '{}' }, 'commands: must name a command'],
    ['with a command without a type', { commands: '{ go: {} }' }, 'commands.0.type: must be read or write'],
    [
      'with a command twice',
      { commands: '[{ name: go, type: read }, { name: go, type: read }]' },
      'commands: go is there twice',
    ],
    ['with an unknown field', { entrypiont: 'x' }, 'entrypiont: is not a field'],
    [
      'with an unknown field in a command',
      { commands: '{ go: { type: read, timeuot: 1m } }' },
      'commands.0.timeuot: is not a field',
    ],
    [
      'with two keys of one variable',
      { config_keys: '{ required: [api_key], optional: [api-key] }' },
      'read from BELLHOP_PLUGIN_TOOL_API_KEY',
    ],
    [
      'with too many commands',
      { commands: `[${Array.from({ length: 51 }, (_, n) => `{ name: c${n}, type: read }`).join(', ')}]` },
      'commands: ',
    ],
    ['that is too long', { description: `"${'x'.repeat(40_000)}"` }, 'larger than 32 KB'],
    ['that repeats anchors', { description: '&a x', name: '*b' }, 'repeats anchors'],
  ];
  test.each(REFUSED)('%s is refused, named', (_what, over, said) => {
    expect(() => parseManifest(lined(over))).toThrow(said);
  });

  test('that is no list of fields is refused', () => {
    for (const text of ['', '- a', 'just text', '42'])
      expect(() => parseManifest(text)).toThrow('not a list of fields');
  });

  test('names the variable of a config key in capitals', () => {
    expect(variableOf('link-check', 'api_key')).toBe('BELLHOP_PLUGIN_LINK_CHECK_API_KEY');
    expect(variableOf('link-check', 'apiKey')).toBe('BELLHOP_PLUGIN_LINK_CHECK_API_KEY');
    expect(variableOf('link-check', 'api.key-2')).toBe('BELLHOP_PLUGIN_LINK_CHECK_API_KEY_2');
  });
});

describe('the input of a command', () => {
  const OBJECT = { type: 'object' };
  test('is described by compact fields or by JSON Schema, and both check', () => {
    const compact = pluginInput({ days: { type: 'integer', min: 1, default: 7 }, type: { optional: true } });
    const schema = pluginInput({
      ...OBJECT,
      properties: {
        days: { type: 'integer', minimum: 1, default: 7 },
        tags: { type: 'array', items: { enum: ['a', 'b'] } },
      },
      additionalProperties: false,
    });
    for (const one of [compact, schema]) {
      expect(one.parse({})).toMatchObject({ days: 7 });
      expect(one.safeParse({ days: 0 }).success).toBe(false);
    }
    expect(schema.safeParse({ tags: ['c'] }).success).toBe(false);
    expect(schema.safeParse({ other: 1 }).success).toBe(false);
  });

  test('that is not described may be any object', () => {
    expect(pluginInput(undefined).parse({ a: [1] })).toEqual({ a: [1] });
  });

  const REFUSED: [string, unknown, string][] = [
    [
      'a keyword that cannot be checked',
      { ...OBJECT, properties: { a: { not: {} } } },
      'input.properties.a.not: is not a keyword',
    ],
    ['a misspelt keyword', { ...OBJECT, propertiez: {} }, 'input.propertiez: is not a keyword'],
    ['a condition', { ...OBJECT, if: {} }, 'input.if: is not a keyword'],
    ['an unknown type', { ...OBJECT, properties: { a: { type: 'wrong' } } }, 'input: '],
    ['a list', { type: 'array', items: {} }, 'input.type: must be object'],
    ['a pattern that is none', { ...OBJECT, properties: { a: { type: 'string', pattern: '(' } } }, 'input: '],
    ['what is not one object', { ...OBJECT, allOf: [{ required: ['a'] }] }, 'input: must describe one object'],
    ['a compact field of an unknown kind', { a: { type: 'date' } }, 'input.a.type'],
  ];
  test.each(REFUSED)('%s is refused, named', (_what, input, said) => {
    expect(() => pluginInput(input)).toThrow(said);
  });

  test('nested without end is refused', () => {
    let deep: unknown = { type: 'string' };
    for (let n = 0; n < 100; n++) deep = { type: 'array', items: deep };
    expect(() => pluginInput({ ...OBJECT, properties: { deep } })).toThrow('levels deep');
  });
});

describe('a folder of plugins', () => {
  test('makes a job of each command, with its fields, and an input that does not fit is refused', async () => {
    const commands =
      'go: { type: write, description: Goes., input: { path: { type: string }, n: { type: integer, default: 3 } } }';
    const house = await houses.open({ plugins: { tool: { manifest: manifestOf({ commands }) } } });
    expect(house.runner.jobs()).toMatchObject([
      {
        name: 'tool-go',
        kind: 'plugin',
        file: 'tool/manifest.yaml',
        description: 'Goes.',
        fields: [
          { name: 'path', required: true },
          { name: 'n', required: false, default: 3 },
        ],
        plugin: { name: 'tool', version: '1.0.0', command: 'go', type: 'write' },
      },
    ]);
    await expect(house.ask('tool-go', { pth: 'x' })).rejects.toThrow('invalid_input');
    expect((await house.ask('tool-go', { path: '/' })).input).toEqual({ path: '/', n: 3 });
  });

  test('of two plugins with one name the first folder wins, and the other is named', async () => {
    const manifest = manifestOf();
    const house = await houses.open({
      plugins: { 'b-late': { manifest }, 'a-early': { manifest, code: "answer({ status: 'ok', result: 'early' });" } },
    });
    expect(house.runner.jobs()).toHaveLength(1);
    expect((await house.until((await house.ask('tool-go')).id)).result).toBe('early');
    expect(house.problems()).toMatchObject([
      { file: 'b-late/manifest.yaml', reason: 'the plugin "tool" is already defined in a-early' },
    ]);
  });

  test('of two plugins whose config keys are of one variable the first folder wins, and the other is named', async () => {
    const keys = (name: string, more: string) => ({ manifest: manifestOf({ name, more: `config_keys: ${more}` }) });
    const house = await houses.open({
      plugins: {
        a: keys('a', '{ optional: [b_c] }'),
        'a-b': keys('a-b', '{ required: [c] }'),
        z: keys('a-c', '{ optional: [c] }'),
      },
      env: { BELLHOP_PLUGIN_A_B_C: 'a secret of one of them' },
    });
    expect(house.runner.jobs().map(({ name }) => name)).toEqual(['a-c-go', 'a-go']);
    expect(house.problems()).toMatchObject([
      { file: 'a-b/manifest.yaml', reason: 'BELLHOP_PLUGIN_A_B_C is already read by the plugin "a" in a' },
    ]);
  });

  test('of two commands with one job name the first wins, and so does a job file before any plugin', async () => {
    const house = await houses.open({
      plugins: {
        'tool-a': { manifest: manifestOf({ name: 'tool-a', commands: 'b: { type: read }' }) },
        tool: { manifest: manifestOf({ commands: 'a-b: { type: read }, own: { type: read }' }) },
      },
    });
    expect(house.runner.job('tool-a-b')?.plugin).toMatchObject({ name: 'tool', command: 'a-b' });
    expect(house.problems().map(({ reason }) => reason)).toEqual([
      'the job "tool-a-b" is already defined in tool/manifest.yaml',
    ]);
    await writeFile(join(house.dir, '../jobs/own.yml'), 'name: tool-own\ndescription: Mine.\ncommand: [echo, file]\n');
    await house.refresh();
    expect(house.runner.job('tool-own')).toMatchObject({ kind: 'command', file: 'own.yml' });
    expect(house.problems()).toContainEqual(
      expect.objectContaining({
        file: 'tool/manifest.yaml',
        reason: 'the job "tool-own" is already defined in own.yml',
      }),
    );
  });

  test('sees what is added, changed and removed; what turns bad keeps its last good commands', async () => {
    const house = await houses.open({ plugins: { tool: {} } });
    const names = async (): Promise<string[]> => {
      await house.refresh();
      return house.runner.jobs().map(({ name }) => name);
    };
    await writePlugin(house.dir, 'more', { manifest: manifestOf({ name: 'more' }) });
    expect(await names()).toEqual(['more-go', 'tool-go']);
    await writePlugin(house.dir, 'more', { manifest: manifestOf({ name: 'more', commands: 'fly: { type: read }' }) });
    expect(await names()).toEqual(['more-fly', 'tool-go']);
    await writeFile(join(house.dir, 'more/manifest.yaml'), 'name: [');
    expect(await names()).toEqual(['more-fly', 'tool-go']);
    expect(house.problems()).toMatchObject([{ file: 'more/manifest.yaml' }]);
    await rm(join(house.dir, 'more'), { recursive: true });
    expect(await names()).toEqual(['tool-go']);
    expect(house.problems()).toEqual([]);
  });

  test('names an executable that is missing, may not be executed, or lies elsewhere, and takes it once it is mended', async () => {
    const house = await houses.open({ plugins: { tool: {} } });
    const main = join(house.dir, 'new/main');
    const reason = async (): Promise<string | undefined> => {
      await house.refresh();
      return house.problems()[0]?.reason;
    };
    await mkdir(join(house.dir, 'new'));
    await writeFile(join(house.dir, 'new/manifest.yml'), manifestOf({ name: 'new' }));
    expect(await reason()).toBe('entrypoint: main does not exist');
    await symlink('/bin/true', main);
    expect(await reason()).toBe('entrypoint: a link leads out of the folder of the plugin');
    await rm(main);
    await mkdir(main);
    expect(await reason()).toBe('entrypoint: is not a file');
    await rm(main, { recursive: true });
    await writeFile(main, '#!/bin/sh\n');
    await chmod(main, 0o644);
    expect(await reason()).toBe('entrypoint: may not be executed');
    await chmod(main, 0o755);
    expect(await reason()).toBeUndefined();
    expect(house.runner.job('new-go')?.file).toBe('new/manifest.yml');
  });

  test('names the variable that a plugin needs and that is not set', async () => {
    const manifest = manifestOf({ more: 'config_keys: { required: [api_key, base_url] }' });
    const house = await houses.open({ plugins: { tool: { manifest } }, env: { BELLHOP_PLUGIN_TOOL_API_KEY: 'x' } });
    expect(house.runner.jobs()).toEqual([]);
    expect(house.problems()).toMatchObject([
      { reason: 'plugin tool needs BELLHOP_PLUGIN_TOOL_BASE_URL', hint: 'set it and start again' },
    ]);
  });

  test('that does not exist is a problem where it was named, and silent where it is the default', async () => {
    await using folder = await tempFolder();
    const dir = join(folder.dir, 'none');
    const reasons = async (missing: 'silent' | 'named'): Promise<string[]> => {
      const shelf = createShelf({ dir, missing, env: {}, log: silentLog });
      await shelf.refresh();
      return shelf.problems().map(({ reason }) => reason);
    };
    expect(await reasons('named')).toEqual(['the plugins folder does not exist']);
    expect(await reasons('silent')).toEqual([]);
  });

  test('with more than a hundred plugins says so', async () => {
    await using folder = await tempFolder();
    for (let n = 0; n < 102; n++) await mkdir(join(folder.dir, `p${n}`));
    const shelf = createShelf({ dir: folder.dir, missing: 'named', env: {}, log: silentLog });
    await shelf.refresh();
    expect(shelf.problems()).toMatchObject([{ reason: 'the folder holds 102 plugins; only the first 100 are loaded' }]);
  });
});
