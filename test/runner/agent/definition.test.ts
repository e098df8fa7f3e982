import { createHash } from 'node:crypto';
import { mkdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../../src/clock.ts';
import { UsageError } from '../../../src/errors.ts';
import { agentJob, defineTool, type AgentTool } from '../../../src/index.ts';
import { silentLog } from '../../../src/log.ts';
import { checkDefinition } from '../../../src/runner/definition.ts';
import type { LoadedAgent } from '../../../src/runner/jobs.ts';
import { createRegistry } from '../../../src/runner/registry.ts';
import { tempFolder } from '../../support/runner-house.ts';

const count = defineTool({
  name: 'count_things',
  description: 'Counts.',
  input: z.object({ days: z.number().int().min(1).max(60).default(7) }),
  risk: 'read',
  run: () => Promise.resolve({ facts: [{ key: 'things.count', label: 'Things', value: 3, unit: 'count' }] }),
});
const minimal = { name: 'watcher', description: 'Watches.', prompt: './prompt.md', tools: [count] };

async function load(change: Record<string, unknown>, prompt = 'Look.'): Promise<LoadedAgent> {
  await using folder = await tempFolder({ 'prompt.md': prompt });
  const at = { file: 'watcher.ts', path: join(folder.dir, 'watcher.ts') };
  const job = checkDefinition({ ...agentJob(minimal), ...change }, at);
  if (job.kind !== 'agent') throw new Error(job.kind);
  return job;
}
async function problem(change: Record<string, unknown>, prompt?: string): Promise<string> {
  try {
    await load(change, prompt);
  } catch (error) {
    if (error instanceof UsageError) return `${error.code} ${error.message} | ${error.hint ?? ''}`;
    throw error;
  }
  return 'loaded';
}
const tool = (change: Record<string, unknown>): Record<string, unknown> => ({ ...count, ...change });

describe('the definition of an agent', () => {
  test('what is left out has its default', async () => {
    const job = await load({});
    expect(job).toMatchObject({
      kind: 'agent',
      model: 'claude-sonnet-5-5',
      effort: 'medium',
      requires: [],
      actions: {},
      memory: { weeks: 12, reports: 4 },
      price: 'known',
      whenModelFails: 'fail',
      policy: { maxAttempts: 2 },
      budget: {
        runMicroUsd: 250_000,
        dayMicroUsd: 2_500_000,
        turns: 8,
        toolCalls: 24,
        tokens: 200_000,
        outputTokens: 16_000,
      },
    });
    const sha256 = createHash('sha256').update('Look.').digest('hex');
    expect(job.prompt).toEqual({ text: 'Look.', sha256 });
    expect(job.tools[0]).toMatchObject({ name: 'count_things', timeoutMs: 15_000, maxResultChars: 20_000 });
    expect(job.tools[0]?.inputSchema).toEqual({
      type: 'object',
      properties: { days: { type: 'integer', minimum: 1, maximum: 60, default: 7 } },
      additionalProperties: false,
    });
    expect(job.baseline({})).toEqual([]);
    expect((await load({ memory: false })).memory).toBeUndefined();
    expect((await load({ memory: { weeks: 3 } })).memory).toEqual({ weeks: 3, reports: 4 });
  });

  test('money is whole micro-dollars, and a day has room for a run', async () => {
    expect((await load({ budget: { usd: 0.29 } })).budget).toMatchObject({
      runMicroUsd: 290_000,
      dayMicroUsd: 2_900_000,
    });
    expect((await load({ budget: { usdPerDay: 0.1 } })).budget).toMatchObject({
      runMicroUsd: 100_000,
      dayMicroUsd: 100_000,
    });
    expect(await problem({ budget: { usd: 2, usdPerDay: 1 } })).toContain('usdPerDay is less than usd');
  });

  test.each([
    [{ promt: 'x' }, '"promt" is no field of an agent job', 'prompt'],
    [{ model: 'Claude Sonnet' }, 'model: must be the name of a model', ''],
    [{ effort: 'extreme' }, 'effort:', ''],
    [{ budget: { usd: 0 } }, 'budget.usd: must be more than nothing', ''],
    [{ budget: { usd: 0.0000001 } }, 'at most 6 decimals', ''],
    [{ budget: { usd: 1001 } }, 'budget.usd:', ''],
    [{ budget: { dollars: 1 } }, 'budget: ', ''],
    [{ budget: { turns: 0 } }, 'budget.turns:', ''],
    [{ requires: ['count_thing'] }, 'requires: count_thing is no tool of the job', 'count_things'],
    [{ actions: { 'Re-stock': { target: 'product', label: 'Restock' } } }, 'actions', ''],
    [{ actions: { restock: { target: 'product' } } }, 'actions.restock.label', ''],
    [{ memory: { weeks: 0 } }, 'memory', ''],
    [{ analyse: 'later' }, 'analyse: must be a function', ''],
    [{ allowWrites: true }, 'allowWrites: needs an approval', "guards: { approval: 'required' }"],
    [{ tools: [], baseline: undefined }, 'neither tools nor analyse nor output', ''],
    [{ tools: [null] }, 'tools.0: must be a tool', 'defineTool'],
    [{ tools: [count, count] }, 'two are called count_things', ''],
    [{ tools: [tool({ name: 'Count-Things' })] }, 'tools.Count-Things.name: must be like sales_summary', ''],
    [{ tools: [tool({ descripton: 'x' })] }, '"descripton" is no field of a tool', 'description'],
    [{ tools: [tool({ risk: 'none' })] }, 'tools.count_things.risk: must be read or write', ''],
    [{ tools: [tool({ risk: 'write' })] }, 'count_things changes things', 'allowWrites'],
    [{ tools: [tool({ input: { days: 'number' } })] }, 'tools.count_things.input: must be a zod 4 object', ''],
    [{ tools: [tool({ input: z.object({ q: z.any() }) })] }, 'z.any() at properties.q says nothing', 'z.string()'],
    [{ tools: [tool({ input: z.object({ q: z.array(z.unknown()) }) })] }, 'z.unknown()', ''],
    [{ tools: [tool({ input: z.object({ q: z.date() }) })] }, 'a model cannot be told this schema', ''],
    [{ tools: [tool({ timeout: '2 weeks' })] }, 'tools.count_things.timeout: must be between', ''],
    [{ tools: [tool({ maxResultChars: 1 })] }, 'tools.count_things.maxResultChars', ''],
    [{ tools: Array.from({ length: 41 }, (_, at) => tool({ name: `t${at}` })) }, 'at most 40', ''],
    [
      { output: { schema: z.object({ any: z.any() }), report: () => ({ title: 'x' }) } },
      'output.schema.any cannot be asked of a model',
      '',
    ],
    [{ isolate: true }, '"isolate" is no field', ''],
  ])('%j is refused with its field and the way out', async (change, message, hint) => {
    const told = await problem(change);
    expect(told).toMatch(/^JOB_INVALID /);
    expect(told).toContain(message);
    expect(told.split(' | ')[1]).toContain(hint);
  });

  test('a tool of risk write is taken where the job allows it and each run is approved', async () => {
    const job = await load({ tools: [tool({ risk: 'write' })], allowWrites: true, guards: { approval: 'required' } });
    expect(job.tools[0]?.risk).toBe('write');
  });

  test('an agent may name variables without a process of its own', async () => {
    expect((await load({ env: ['SHOPIFY_STORE'] })).env).toEqual(['SHOPIFY_STORE']);
  });

  test('the digest of the tools follows what the model is told of them, and nothing else', async () => {
    const { toolsSha256 } = await load({});
    const slower: AgentTool = { ...count, timeout: '1s', run: () => Promise.resolve({}) };
    expect((await load({ tools: [slower] })).toolsSha256).toBe(toolsSha256);
    expect((await load({ tools: [tool({ description: 'Counts all.' })] })).toolsSha256).not.toBe(toolsSha256);
    const wider = z.object({ days: z.number().int().min(1).max(61).default(7) });
    expect((await load({ tools: [tool({ input: wider })] })).toolsSha256).not.toBe(toolsSha256);
  });

  test('its functions are called on the job, those of a tool on the tool', async () => {
    const self = {
      ...agentJob(minimal),
      baseline(this: { name: string }) {
        return [{ tool: this.name, input: {} }];
      },
      tools: [
        tool({
          run(this: { name: string }) {
            return Promise.resolve({ data: this.name });
          },
        }),
      ],
    };
    const job = await load(self);
    expect(job.baseline({})).toEqual([{ tool: 'watcher', input: {} }]);
    const ctx = { runId: '', signal: AbortSignal.abort(), env: {}, now: 0, timeZone: 'UTC', log: () => undefined };
    expect(await job.tools[0]?.run({}, ctx)).toEqual({ data: 'count_things' });
  });
});

describe('the prompt of an agent', () => {
  test.each([
    ['', 'is empty'],
    ['   \n', 'is empty'],
    ['x'.repeat(64 * 1024 + 1), 'larger than 64 kB'],
    ['a\0b', 'is not text'],
  ])('%# is refused', async (text, why) => {
    expect(await problem({}, text)).toContain(why);
  });

  test('of 64 kB is taken', async () => {
    expect((await load({}, 'x'.repeat(64 * 1024))).prompt.text).toHaveLength(64 * 1024);
  });

  test('is a file inside the jobs folder, also behind a link', async () => {
    await using outside = await tempFolder({ 'secret.md': 'secret' });
    await using folder = await tempFolder();
    const at = { file: 'watcher.ts', path: join(folder.dir, 'watcher.ts') };
    const told = (prompt: string): string => {
      try {
        checkDefinition(agentJob({ ...minimal, prompt }), at);
      } catch (error) {
        if (error instanceof UsageError) return error.message;
        throw error;
      }
      return 'loaded';
    };
    await symlink(join(outside.dir, 'secret.md'), join(folder.dir, 'link.md'));
    await mkdir(join(folder.dir, '_watcher'));
    await writeFile(join(folder.dir, '_watcher', 'prompt.md'), 'Look.');
    await symlink(join(folder.dir, '_watcher', 'prompt.md'), join(folder.dir, 'inner.md'));
    expect(told('./link.md')).toContain('is not inside the jobs folder');
    expect(told(join(outside.dir, 'secret.md'))).toContain('is not inside the jobs folder');
    expect(told('../secret.md')).toContain('is not inside the jobs folder');
    expect(told('./_watcher')).toContain('is not a file');
    expect(told('./none.md')).toContain('there is no file ./none.md');
    expect(told('./_watcher/prompt.md')).toBe('loaded');
    expect(told('./inner.md')).toBe('loaded');
  });
});

const JOB = `import { agentJob, defineTool } from 'bellhop';
import { z } from 'zod';
const look = defineTool({ name: 'look', description: 'Looks.', input: z.object({}), risk: 'read', run: async () => ({}) });
export default agentJob({ name: 'watcher', description: 'Watches.', prompt: './prompt.md', tools: [look] });
`;

describe('the file of an agent', () => {
  test('a changed prompt is seen at the next look, also when it was not there before', async () => {
    await using folder = await tempFolder({ 'watcher.ts': JOB });
    const registry = createRegistry({ dir: folder.dir, clock: systemClock, log: silentLog });
    const prompt = (): string | undefined => {
      const job = registry.get('watcher');
      return job?.kind === 'agent' ? job.prompt.text : undefined;
    };
    await registry.refresh();
    expect(registry.problems()[0]?.reason).toContain('there is no file ./prompt.md');
    const path = join(folder.dir, 'prompt.md');
    await writeFile(path, 'First.');
    await registry.refresh();
    expect(prompt()).toBe('First.');
    expect(registry.problems()).toEqual([]);
    await writeFile(path, 'Other.');
    await utimes(path, 1, 1);
    await registry.refresh();
    expect(prompt()).toBe('Other.');
    // A prompt that is away for a moment leaves the job as it was, and is named.
    await rename(path, `${path}.old`);
    await registry.refresh();
    expect(prompt()).toBe('Other.');
    expect(registry.problems()[0]?.reason).toContain('there is no file');
    await rename(`${path}.old`, path);
    await registry.refresh();
    expect(registry.problems()).toEqual([]);
  });

  test('in YAML is refused: its tools are code', async () => {
    await using folder = await tempFolder({ 'watcher.yml': 'kind: agent\nname: watcher\ndescription: x\n' });
    const registry = createRegistry({ dir: folder.dir, clock: systemClock, log: silentLog });
    await registry.refresh();
    expect(registry.problems()).toMatchObject([
      { file: 'watcher.yml', reason: 'an agent cannot be written in YAML: its tools are code' },
    ]);
  });
});
