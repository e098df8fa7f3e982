import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob, PermanentError, type JobContext } from '../../src/index.ts';
import { createRegistry } from '../../src/runner/registry.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { manualClock } from '../support/clock.ts';
import { estate } from '../support/runner-estate.ts';
import { buildHouse, SECRET, staticRegistry, tempFolder } from '../support/runner-house.ts';
import type { Run } from '../../src/store/records.ts';

const { open } = estate();

/** What becomes of one run of a function in this process. */
async function outcomeOf(run: (ctx: JobContext) => unknown): Promise<Run> {
  const job = defineJob({ name: 'odd', description: 'Odd.', retries: 0, run: (_input, ctx) => run(ctx) });
  const house = await open({ jobs: [job] });
  return house.until((await house.ask('odd')).id);
}

const thrower = (thrown: unknown) => (): never => {
  throw thrown;
};
const trapped = (): Error =>
  new Proxy(new Error('trapped'), {
    get() {
      throw new Error('a trap');
    },
  });
const getter = (): Error =>
  Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('a getter');
    },
  });

describe('an error that is none', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['whose message is a number', () => Object.assign(new Error('x'), { message: 42 }), /number/],
    ['whose stack is a list', () => Object.assign(new Error('kept'), { stack: [1, 2] }), /kept/],
    ['whose message throws', getter, /cannot be read/],
    ['that is a trap', trapped, /cannot be read/],
    ['whose hint is a number', () => Object.assign(new PermanentError('closed'), { hint: 42 }), /closed/],
    ['whose code is none of ours', () => Object.assign(new PermanentError('closed'), { code: 'toString' }), /closed/],
    ['that is undefined', () => undefined, /undefined/],
  ])('%s ends the run at once, saying what it can', async (_name, make, message) => {
    const run = await outcomeOf(thrower(make()));
    expect(run).toMatchObject({ state: 'failed', attemptsUsed: 1, attempts: [{ end: 'failed' }] });
    expect(run.error?.code).toMatch(/^JOB_(?:FAILED|PERMANENT)$/);
    expect(run.error?.message).toMatch(message);
  });

  test('ends the run of an isolated function in the same way', async () => {
    const body = `throw Object.assign(new Error('x'), { message: 42, stack: [1] })`;
    const run = await isolatedOutcome(body);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'JOB_FAILED' } });
    expect(run.error?.message).toContain('number');
  });
});

describe('what a job hands over', () => {
  test.each<[string, unknown, string]>([
    ['an empty title', { title: '', markdown: 'All is well.' }, 'odd'],
    ['a blank title', { title: '  ', markdown: 'All is well.' }, 'odd'],
    ['an endless title and no text', { title: 'x'.repeat(1000), markdown: '' }, `${'x'.repeat(149)}…`],
  ])('with %s is a report', async (_name, value, title) => {
    expect(await outcomeOf(() => value)).toMatchObject({ state: 'completed', report: { title } });
  });

  test('that breaks while it is read fails the run for good', async () => {
    const cruel = {
      toJSON() {
        throw trapped();
      },
    };
    expect(await outcomeOf(() => cruel)).toMatchObject({ state: 'failed', error: { code: 'RESULT_INVALID' } });
  });

  test('from a child is bounded in the child', async () => {
    const [text, object] = await Promise.all([
      isolatedOutcome(`return 'word '.repeat(200_000)`),
      isolatedOutcome(`return { rows: 'x'.repeat(2_000_000) }`),
    ]);
    expect(text.state).toBe('completed');
    expect(JSON.stringify(text.report)).toContain('characters left out');
    expect(object).toMatchObject({ state: 'failed', error: { code: 'RESULT_INVALID' } });
  });

  test('a step title is cut between characters', async () => {
    const run = await outcomeOf((ctx) => ctx.step(`${'x'.repeat(199)}😀`, () => 'done'));
    expect(run.progress?.steps[0]?.title.isWellFormed()).toBe(true);
  });

  test('of a storm of log lines from a child the first and the last are kept', async () => {
    const run = await isolatedOutcome(
      `for (let n = 0; n < 100_000; n++) ctx.log('line ' + n); ctx.log(42); return 'ok'`,
    );
    const stderr = run.attempts[0]?.stderr;
    expect(run.state).toBe('completed');
    expect(stderr?.head).toMatch(/^line 0\n/);
    expect(stderr?.tail ?? '').toMatch(/line 99999\n42\n$/);
  });
});

test('a secret that stands across a cut is masked all the same', async () => {
  const script = `printf '%0290d ${SECRET} %0400d' 0 0 >&2; exit 1`;
  const job = defineJob({ name: 'leak', description: 'd', kind: 'command', command: ['sh', '-c', script], retries: 0 });
  const house = await open({ jobs: [job] });
  const run = await house.until((await house.ask('leak')).id);
  expect(JSON.stringify([run.error, run.report, run.attempts])).not.toContain(SECRET.slice(0, 6));

  const wide = await outcomeOf(thrower(new Error(`${'x'.repeat(1990)} ${SECRET}`)));
  expect(JSON.stringify([wide.error, wide.report])).not.toContain(SECRET.slice(0, 6));
});

test('a schema whose check throws or is asynchronous refuses the input, and breaks nothing', async () => {
  const checks = [
    z.object({ n: z.number().refine(thrower(new Error('x'))) }),
    z.object({ n: z.number().refine(() => Promise.resolve(true)) }),
  ];
  for (const input of checks) {
    const house = await open({ jobs: [defineJob({ name: 'odd', description: 'd', input, run: () => 'ok' })] });
    const asked = {
      job: 'odd',
      input: { n: 1 },
      as: 'json',
      actor: { kind: 'operator', id: 'o' },
      trigger: 'cli',
    } as const;
    const result = await house.runner.submit(asked);
    expect(result).toMatchObject({
      outcome: 'invalid_input',
      issues: [{ message: expect.stringContaining('schema') }],
    });
  }
});

test('a runner that is stopped while it loads its jobs does not begin', async () => {
  const loading = Promise.withResolvers<void>();
  const job = defineJob({ name: 'odd', description: 'd', run: () => 'ok' });
  const base = buildHouse({ jobs: [job] });
  let swept = 0;
  const store = { ...base.store, sweep: () => (swept++, base.store.sweep()) };
  const clock = manualClock();
  const registry = { ...staticRegistry([job]), refresh: () => loading.promise };
  const house = buildHouse({ registry, store, clock });
  const started = house.runner.start();
  await house.runner.stop({ graceMs: 0 });
  loading.resolve();
  await started;
  await clock.advance(60_000);
  expect(swept).toBe(0);
});

async function isolatedOutcome(body: string): Promise<Run> {
  const text = `import { defineJob } from 'bellhop';
export default defineJob({ name: 'apart', description: 'd', isolate: true, retries: 0, async run(input, ctx) { ${body} } });\n`;
  await using folder = await tempFolder({ 'apart.ts': text });
  const registry = createRegistry({ dir: folder.dir, clock: systemClock, log: silentLog });
  const house = await open({ registry });
  return await house.until((await house.ask('apart')).id);
}
