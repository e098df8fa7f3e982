/** Files that a job hands over with its report. */
import { describe, expect, test } from 'vitest';
import { estate } from '../support/runner-estate.ts';
import { ANA, buildHouse, passing, SECRET, tempFolder, type House } from '../support/runner-house.ts';
import { lowdbHarness, walkBlobs } from '../support/store-harness.ts';
import { createFileBook, MAX_ALL_BYTES, MAX_FILE_BYTES } from '../../src/runner/attachments.ts';
import { createRegistry } from '../../src/runner/registry.ts';
import { silentLog } from '../../src/log.ts';
import { systemClock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { JobContext } from '../../src/index.ts';
import type { Run } from '../../src/store/records.ts';

const { open } = estate();

const job = (run: (ctx: JobContext) => unknown, over: object = {}): unknown => ({
  name: 'export',
  description: 'Exports',
  retries: 0,
  run: (_input: unknown, ctx: JobContext) => run(ctx),
  ...over,
});
async function outcome(house: House): Promise<Run> {
  return house.until((await house.ask('export')).id);
}
async function textOf(house: House, run: Run, at = 0): Promise<string> {
  const sha256 = run.report?.attachments?.[at]?.sha256 ?? '';
  return Buffer.from((await house.store.blobs.get(sha256)) ?? []).toString();
}
const report = (attachments: unknown): object => ({ title: 'Weekly', summary: 'All is well.', attachments });

describe('a file that a function attaches', () => {
  test('is a blob that the report and the run name', async () => {
    const bytes = new Uint8Array([0x89, 0x50, 0xff]);
    const house = await open({
      jobs: [
        job((ctx) => {
          ctx.attach({ name: 'orders.csv', content: 'a,b\n', title: 'All orders' });
          ctx.attach({ name: 'chart.bin', content: bytes });
          bytes.fill(0);
          return 'Done.';
        }),
      ],
    });
    const run = await outcome(house);
    expect(run.report?.attachments).toMatchObject([
      { name: 'orders.csv', mediaType: 'text/csv', title: 'All orders', bytes: 4 },
      { name: 'chart.bin', mediaType: 'application/octet-stream', bytes: 3 },
    ]);
    expect(run.blobs).toMatchObject([
      { name: 'orders.csv', type: 'text/csv', bytes: 4 },
      { name: 'chart.bin', bytes: 3 },
    ]);
    expect(await textOf(house, run)).toBe('a,b\n');
    const [, chart] = run.blobs ?? [];
    expect(await house.store.blobs.get(chart?.sha256 ?? '')).toEqual(new Uint8Array([0x89, 0x50, 0xff]));
  });

  test('holds no secret, in its text, its name or its title', async () => {
    const house = await open({
      jobs: [
        job((ctx) => {
          ctx.attach({ name: `${SECRET}.txt`, content: `key=${SECRET}\n`, title: `of ${SECRET}` });
          ctx.attach({ name: 'raw.bin', content: new TextEncoder().encode(`key=${SECRET}`) });
        }),
      ],
    });
    const run = await outcome(house);
    expect(JSON.stringify(run)).not.toContain(SECRET);
    expect(await textOf(house, run)).toMatch(/^key=\S+\n$/);
    for (const at of [0, 1]) expect(await textOf(house, run, at)).not.toContain(SECRET);
  });

  test('gets a name that is one, and its own; the given one is its title', async () => {
    const names = ['../../etc/pass wd.csv', 'Umsätze.csv', 'a.csv', 'A.csv', '…', `${'x'.repeat(200)}.csv`];
    const house = await open({
      jobs: [job((ctx) => names.forEach((name) => ctx.attach({ name, content: 'x' })))],
    });
    const kept = (await outcome(house)).report?.attachments ?? [];
    expect(kept.map(({ name }) => name)).toEqual([
      'pass wd.csv',
      'Ums_tze.csv',
      'a.csv',
      'A-2.csv',
      'file',
      `${'x'.repeat(96)}.csv`,
    ]);
    expect(kept[1]?.title).toBe('Umsätze.csv');
  });

  test('comes with the failure of the last attempt', async () => {
    const house = await open({
      jobs: [
        job((ctx) => {
          ctx.attach({ name: 'screen.txt', content: 'what was seen' });
          throw new Error('no');
        }),
      ],
    });
    const run = await outcome(house);
    expect(run).toMatchObject({ state: 'failed', report: { attachments: [{ name: 'screen.txt' }] } });
    expect(await textOf(house, run)).toBe('what was seen');
  });

  test.each<[string, unknown, RegExp]>([
    ['no name', { content: 'x' }, /name must be a text/],
    ['no content', { name: 'a.csv' }, /content of "a.csv" must be a text or a Uint8Array/],
    ['a media type that is none', { name: 'a.csv', content: 'x', mediaType: 'csv' }, /must be like text\/csv/],
  ])('with %s fails the run for good, saying why', async (_what, file, why) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a job in JavaScript
    const house = await open({ jobs: [job((ctx) => ctx.attach(file as never))] });
    const run = await outcome(house);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'RESULT_INVALID' } });
    expect(run.error?.message).toMatch(why);
  });
});

describe('what is too much', () => {
  test('is left out of the report, which says so, and the run completes', async () => {
    const house = await open({
      jobs: [
        job((ctx) => {
          ctx.attach({ name: 'large.bin', content: new Uint8Array(MAX_FILE_BYTES + 1) });
          for (let n = 0; n < 11; n++) ctx.attach({ name: `${n}.txt`, content: `${n}` });
          return report([{ name: 'last.txt', text: 'one more' }]);
        }),
      ],
    });
    const run = await outcome(house);
    expect(run.state).toBe('completed');
    expect(run.report?.attachments).toHaveLength(10);
    expect(run.report?.warnings).toEqual([
      'The file "large.bin" was left out: it is 20971521 bytes, and one may have 20971520.',
      'The file "10.txt" was left out: a report may have 10 files.',
      'The file "last.txt" was left out: a report may have 10 files.',
    ]);
  });

  test('of all files together is 25 MB', () => {
    const book = createFileBook();
    const half = new Uint8Array(MAX_ALL_BYTES / 2);
    for (const name of ['a', 'b', 'c']) book.add({ name, content: half });
    expect(book.taken().files.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(book.taken().problems).toHaveLength(1);
  });

  test('for the store is said, and so is a store that does not take it', async () => {
    const store = createMemoryStore({ clock: systemClock, ids: createIds(systemClock), log: silentLog });
    const refusing = { ...store.blobs, put: async () => ({ outcome: 'too_large', limit: 7 }) as const };
    const other = await open({
      jobs: [job(() => report([{ name: 'a.txt', text: 'x' }]))],
      store: { ...store, blobs: refusing },
    });
    const run = await outcome(other);
    expect(run).toMatchObject({ state: 'completed', report: { title: 'Weekly' } });
    expect(run.report?.warnings).toEqual(['The file a.txt could not be kept: the store takes 7 bytes.']);
  });
});

describe('files in JSON', () => {
  const PNG = 'iVBORw0KGgo=';
  test.each<[string, unknown]>([
    [
      'a report',
      report([
        { name: 'a.csv', text: 'a,b' },
        { name: 'b.png', mediaType: 'image/png', base64: PNG },
      ]),
    ],
    [
      '{ report }',
      {
        report: report([
          { name: 'a.csv', text: 'a,b' },
          { name: 'b.png', base64: PNG },
        ]),
        result: 7,
      },
    ],
    [
      '{ markdown }',
      {
        markdown: 'Done.',
        attachments: [
          { name: 'a.csv', text: 'a,b' },
          { name: 'b.png', base64: PNG },
        ],
      },
    ],
  ])('of %s become blobs', async (_what, value) => {
    const house = await open({ jobs: [job(() => value)] });
    const run = await outcome(house);
    expect(run.state).toBe('completed');
    expect(run.report?.attachments).toMatchObject([
      { name: 'a.csv', mediaType: 'text/csv', bytes: 3 },
      { name: 'b.png', mediaType: 'image/png', bytes: 8 },
    ]);
    expect(JSON.stringify(run)).not.toContain(PNG);
  });

  test('of a command become blobs', async () => {
    const text = JSON.stringify(report([{ name: 'a.csv', text: 'a,b' }]));
    const house = await open({
      jobs: [{ name: 'export', kind: 'command', description: 'Exports', command: ['printf', '%s', text] }],
    });
    const run = await outcome(house);
    expect(run).toMatchObject({ state: 'completed', report: { attachments: [{ name: 'a.csv', bytes: 3 }] } });
  });

  test('that are none are left out one by one, each with its reason', async () => {
    const hash = 'a'.repeat(64);
    const items = [
      'a.csv',
      { name: 'a.csv' },
      { name: 'b.csv', text: 'x', base64: 'eA==' },
      { name: 'c.csv', base64: '<x>' },
      { name: 'd.csv', mediaType: 'text/csv', sha256: hash, bytes: 3 },
      { name: 'e.csv', text: 'kept' },
    ];
    const house = await open({ jobs: [job(() => report(items))] });
    const run = await outcome(house);
    expect(run).toMatchObject({ state: 'completed', report: { attachments: [{ name: 'e.csv' }] } });
    expect(run.report?.warnings).toMatchObject([
      expect.stringContaining('attachments.0 is none'),
      expect.stringContaining('attachments.1 ("a.csv") must have either text or base64'),
      expect.stringContaining('attachments.2 ("b.csv") must have either'),
      expect.stringContaining('attachments.3 ("c.csv") is not base64'),
      expect.stringContaining('attachments.4 ("d.csv") must have either'),
    ]);
    expect(JSON.stringify(run)).not.toContain(hash);
  });

  test('of what is no report stay what they are', async () => {
    const value = { attachments: [{ name: 'a.csv', text: 'a,b' }], rows: 3 };
    const run = await outcome(await open({ jobs: [job(() => value)] }));
    expect(run.result).toEqual(value);
    expect(run.blobs).toBeUndefined();
  });
});

test('an isolated function attaches as every other', async () => {
  await using folder = await tempFolder({
    'export.ts': `
import { defineJob } from 'bellhop';
export default defineJob({
  name: 'export', description: 'Exports', isolate: true, retries: 0,
  run(_input, ctx) {
    ctx.attach({ name: 'a.csv', content: 'a,b' });
    ctx.attach({ name: 'raw.bin', content: new Uint8Array([255, 0, 1]) });
    ctx.attach({ name: 'large.bin', content: new Uint8Array(21 * 1024 * 1024) });
    return { title: 'Weekly', summary: 'All is well.', attachments: [{ name: 'b.txt', text: 'x'.repeat(2_000_000) }] };
  },
});
`,
  });
  const house = await open({ registry: createRegistry({ dir: folder.dir, clock: systemClock, log: silentLog }) });
  const run = await outcome(house);
  expect(run.state).toBe('completed');
  expect(run.report?.attachments).toMatchObject([
    { name: 'a.csv', bytes: 3 },
    { name: 'raw.bin', bytes: 3 },
    { name: 'b.txt', bytes: 2_000_000 },
  ]);
  expect(run.report?.warnings).toEqual([expect.stringContaining('"large.bin" was left out')]);
  expect(await house.store.blobs.get(run.blobs?.[1]?.sha256 ?? '')).toEqual(new Uint8Array([255, 0, 1]));
});

test('a kill between the file and the outcome that names it loses neither: the run is done again, and its file lives as long as the run', async () => {
  const h = await lowdbHarness();
  try {
    const jobs = [job(() => report([{ name: 'a.csv', text: 'a,b' }]), { retries: 1 })];
    const put = Promise.withResolvers<void>();
    const settle = (): Promise<never> => {
      put.resolve();
      return new Promise(() => undefined);
    };
    const first = buildHouse({ jobs, clock: h.clock, store: { ...h.store, settle } });
    await first.runner.start();
    const { id } = await first.ask('export');
    await put.promise;
    await h.reopen('crash');
    const second = buildHouse({ jobs, clock: h.clock, store: h.store });
    await second.runner.start();
    const run = await passing(second, h.clock, id);
    expect(run).toMatchObject({ state: 'completed', attemptsUsed: 2, report: { attachments: [{ name: 'a.csv' }] } });
    expect(await textOf(second, run)).toBe('a,b');
    await second.runner.stop({ graceMs: 0 });
    await h.reopen('crash');
    const { sha256 } = run.blobs?.[0] ?? { sha256: '' };
    expect(Buffer.from((await h.store.blobs.get(sha256)) ?? []).toString()).toBe('a,b');
    await walkBlobs(h);
    expect(await h.store.blobs.get(sha256)).toBeDefined();
    await h.store.remove(run.id, ANA);
    await walkBlobs(h);
    expect(await h.store.blobs.get(sha256)).toBeUndefined();
  } finally {
    await h.dispose();
  }
});
