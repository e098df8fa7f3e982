import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { loadConfig } from '../../src/config.ts';
import { silentLog } from '../../src/log.ts';
import { createFactBook } from '../../src/runner/kinds/agent/facts.ts';
import { createRegistry } from '../../src/runner/registry.ts';
import type { Run } from '../../src/store/records.ts';
import type { Report } from '../../src/store/report.ts';
import { followUp } from '../../jobs/_merchandising/follow-up.ts';
import { idsOf, spanOf } from '../../jobs/_standup/window.ts';
import { analyse } from '../../jobs/_standup/analyse.ts';
import { adviceKey } from '../../src/runner/kinds/agent/report/advice.ts';
import type { AdviceRow } from '../../src/store/memory-records.ts';
import { DAY, NOW, entryOf, evidenceOf, rowOf } from '../support/agent-words.ts';
import { loadShipped } from '../evals/house.ts';
import { buildHouse, tempFolder, type House } from '../support/runner-house.ts';

const JOBS = new URL('../../jobs', import.meta.url).pathname;
const registry = createRegistry({ dir: JOBS, clock: systemClock, log: silentLog });
let house: House;
beforeAll(async () => {
  house = buildHouse({ registry, options: { concurrency: 4 } });
  await house.runner.start();
});
afterAll(() => house.runner.stop({ graceMs: 0 }));

async function run(job: string, input: unknown = {}): Promise<Run> {
  return house.until((await house.ask(job, input)).id);
}
const textOf = (report: Report | undefined): string => JSON.stringify(report?.sections);

test('both agents load, only read, cost at most so much a run, and name what they advise', async () => {
  const [weekly, standup] = [await loadShipped(), await loadShipped('standup-digest')];
  for (const job of [weekly, standup]) {
    expect(job.tools.every(({ risk }) => risk === 'read')).toBe(true);
    expect(job.prompt.text).toMatch(/^<!-- [a-z-]+, version \d+\./);
    expect(job.whenModelFails).toBe('figures');
  }
  expect(weekly.budget.runMicroUsd).toBe(250_000);
  expect(standup.budget.runMicroUsd).toBe(100_000);
  expect(weekly.requires).toEqual(['sales_summary']);
  expect(weekly.env.every((name) => name.startsWith('SHOPIFY_'))).toBe(true);
});

test('without a place to report to, neither runs by itself', async () => {
  expect((await loadShipped()).schedules).toEqual([]);
  expect((await loadShipped('standup-digest')).schedules).toEqual([]);
});

test.each([
  ['weekly-merchandising', 'WEEKLY_MERCHANDISING_TO', '#shop?attach=csv,html, team@example.com,C0123ABC', 3],
  ['standup-digest', 'STANDUP_DIGEST_TO', '#team, team@example.com', 2],
  ['repo-digest', 'WEEKLY_DIGEST_TO', '#team', 1],
])('a line in .env gives %s its schedule: %s=%s', async (name, variable, places, count) => {
  await using folder = await tempFolder({ '.env': `${variable}="${places}"\n` });
  const { variables } = loadConfig({}, folder.dir);
  const own = createRegistry({ dir: JOBS, clock: systemClock, log: silentLog, variables });
  await own.refresh();
  const [schedule, ...more] = own.get(name)?.schedules ?? [];
  expect(more).toEqual([]);
  expect(schedule?.destinations).toHaveLength(count);
  expect(schedule?.destinations?.every(({ kind }) => ['slack', 'email'].includes(kind))).toBe(true);
});

describe('weekly-merchandising without a shop and a key', () => {
  test('reports the demo shop by figures alone, and says in title and warning that it is one', async () => {
    const { state, report, agent, result } = await run('weekly-merchandising');
    expect(state).toBe('completed');
    expect(report?.title).toMatch(/^Weekly merchandising · .* 20\d\d, demo shop$/);
    expect(report?.warnings[0]).toMatch(/^Demo shop: sample data/);
    expect(report?.status).toBe('ok');
    expect(agent).toMatchObject({ mode: 'figures', why: 'figures', microUsd: 0, lint: [] });
    expect(agent?.tools.map(({ name, state: end }) => `${name} ${end}`)).toEqual([
      'sales_summary ok',
      'sales_by_product ok',
      'inventory_risk ok',
      'active_discounts ok',
    ]);
    expect(result).toMatchObject({ mode: 'figures', advice: expect.arrayContaining([]) as unknown });
    const kinds = report?.sections.map(({ kind }) => kind) ?? [];
    expect(kinds).toEqual(expect.arrayContaining(['figures', 'markdown', 'actions', 'chart', 'table']));
  });

  test('remembers what it advised, and advises it only once', async () => {
    const again = await run('weekly-merchandising');
    expect(textOf(again.report)).toMatch(/What became of earlier advice/);
    expect(textOf(again.report)).toMatch(/Open since/);
    const titles = (one: Run): string[] =>
      (one.report?.sections ?? [])
        .flatMap((section) => (section.kind === 'actions' ? section.items : []))
        .map(({ title }) => title);
    const third = await run('weekly-merchandising');
    expect(new Set([...titles(again), ...titles(third)]).size).toBe(titles(again).length + titles(third).length);
  });

  test('speaks of as many days as it is asked for, and mails where it is told to', async () => {
    const { report, deliveries } = await run('weekly-merchandising', { days: 14, mail: 'ana@example.com' });
    const { from, to } = report?.period ?? {};
    expect((Date.parse(to ?? '') - Date.parse(from ?? '')) / 86_400_000).toBe(13);
    expect(deliveries.map(({ destination }) => destination.kind)).toEqual(['slack', 'email']);
    // Two weeks sell more than one: the shop has not grown by that.
    expect(textOf(report)).toContain('Not compared: this report speaks of 14 days, the last one of 7 days.');
  });

  test.each([
    [7, 'done'],
    [14, 'open'],
  ])('more units than in seven days, in %i days, leave advice on a product %s', (days, status) => {
    const book = createFactBook();
    const units = { key: 'product.4711.units', label: 'Units sold', value: 60, unit: 'count' as const };
    const from = new Date(NOW - (days - 1) * DAY).toISOString().slice(0, 10);
    const window = { from, to: new Date(NOW).toISOString().slice(0, 10), label: 'the days' };
    book.add([{ ...units, window }], { tool: 'sales_by_product', query: '' });
    // oxlint-disable-next-line unicorn/no-thenable -- a list, which nothing can call
    const row = rowOf({ action: 'review_price', id: '4711', then: [{ ...units, value: 45, days: 7 }] });
    expect(followUp(row, evidenceOf(book))?.status).toBe(status);
  });

  test.each([[{ days: 0 }], [{ days: 29 }], [{ mail: 'nobody' }]])('refuses %j', async (input) => {
    await expect(house.ask('weekly-merchandising', input)).rejects.toThrow(/not accepted/);
  });
});

describe('standup-digest', () => {
  const idle = (row: Partial<AdviceRow>): string[] => {
    const book = createFactBook();
    const facts = [{ key: 'branch.old.idle', label: 'Days', value: 30, unit: 'days' as const }];
    book.add(facts, { tool: 'stale_branches', query: '{}' });
    book.know([{ type: 'branch', id: 'old', title: 'old' }]);
    const said = rowOf({
      action: 'tidy',
      targetType: 'branch',
      targetId: 'old',
      key: adviceKey('tidy', 'branch', 'old'),
    });
    const memory = [entryOf(40, { advice: [{ ...said, ...row }] })];
    return analyse(evidenceOf(book, { memory })).advice.map(({ title }) => title);
  };
  const day = (days: number): string => new Date(NOW - days * 86_400_000).toISOString();

  test('advice that was put off comes back after its day; what is open, done or dismissed for good does not', () => {
    const again = ['Finish or delete the branch {{branch.old}}'];
    expect(idle({ status: 'dismissed', statusAt: day(29), until: day(1) })).toEqual(again);
    expect(idle({ status: 'dismissed', statusAt: day(20), until: day(-8) })).toEqual([]);
    expect(idle({ status: 'dismissed', statusAt: day(29) })).toEqual([]);
    expect(idle({ status: 'done', statusAt: day(20) })).toEqual([]);
    expect(idle({ status: 'done', statusAt: day(29) })).toEqual(again);
    expect(idle({})).toEqual([]);
  });

  test.each([
    ['2026-11-23T08:30:00Z', 1, 3],
    ['2026-11-24T08:30:00Z', 1, 1],
    ['2026-11-24T08:30:00Z', 2, 4],
    ['2026-11-22T08:30:00Z', 1, 2],
    ['2026-11-20T08:30:00Z', 5, 7],
  ])('at %s, %i working days back are %i days', (at, days, back) => {
    const span = spanOf(days, Date.parse(at), 'Europe/Berlin');
    expect((span.to - span.from) / 86_400).toBe(back);
  });

  test('areas whose names are no ids stay apart', () => {
    expect([...idsOf(['a b', 'a/b', 'a-b', '…', ''])].map(([, id]) => id)).toEqual([
      'a-b',
      'a-b-2',
      'a-b-3',
      '-',
      'unnamed',
    ]);
  });

  const exec = promisify(execFile);
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  async function git(ago: number, ...args: string[]): Promise<void> {
    const when = `@${Math.floor(Date.now() / 1000) - ago} +0000`;
    const env = {
      PATH: process.env['PATH'] ?? '',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_DATE: when,
      GIT_COMMITTER_DATE: when,
    };
    const who = ['-c', 'user.name=Ana', '-c', 'user.email=ana@example.com'];
    await exec('git', [...who, ...args], { cwd: folder.dir, env });
  }
  const DAY = 86_400;

  beforeAll(async () => {
    folder = await tempFolder();
    await git(0, 'init', '-q', '-b', 'main');
    await git(90 * DAY, 'commit', '--allow-empty', '-m', 'Begin');
    await git(0, 'switch', '-q', '-c', 'left/behind');
    await git(40 * DAY, 'commit', '--allow-empty', '-m', 'Half of an idea');
    await git(0, 'switch', '-q', 'main');
    await exec('mkdir', ['-p', join(folder.dir, 'web'), join(folder.dir, 'odd `<!channel>` name')]);
    await writeFile(join(folder.dir, 'web', 'cart.ts'), 'line\n'.repeat(500));
    await writeFile(join(folder.dir, 'odd `<!channel>` name', 'x.txt'), 'x\n');
    await git(0, 'add', '-A');
    await git(60, 'commit', '-m', 'Show the cart <@U0ANA> https://evil.example/x');
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  test('says what came in, what grew, and which branch lies idle', async () => {
    const { state, report, agent } = await run('standup-digest', { repo: folder.dir });
    expect(state).toBe('completed');
    expect(agent?.lint).toEqual([]);
    const text = textOf(report);
    expect(text).toMatch(/“web”: commits 1, authors 1, lines added 500/);
    expect(text).toMatch(/Read what came into “web”/);
    expect(text).toMatch(/Finish or delete the branch “left\/behind”/);
    expect(text).toMatch(/no commit for 40 days/);
    expect(text).not.toMatch(/<!channel>|<@U0ANA>|https:\/\/evil/);
  });

  test('a branch that is finished is advice that was followed', async () => {
    await git(0, 'branch', '-D', 'left/behind');
    const { report } = await run('standup-digest', { repo: folder.dir });
    expect(textOf(report)).toMatch(/Done.*It is merged, gone, or worked on again/);
  });

  test('where nothing was committed it says so, and no model would be asked', async () => {
    await using idle = await tempFolder();
    const env = {
      PATH: process.env['PATH'] ?? '',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_DATE: '@1700000000 +0000',
      GIT_COMMITTER_DATE: '@1700000000 +0000',
    };
    const inside = (...args: string[]) =>
      exec('git', ['-c', 'user.name=A', '-c', 'user.email=a@b.c', ...args], { cwd: idle.dir, env });
    await inside('init', '-q', '-b', 'main');
    await inside('commit', '--allow-empty', '-m', 'Begin');
    const { report, state } = await run('standup-digest', { repo: idle.dir });
    expect(state).toBe('completed');
    expect(report?.summary).toMatch(/Nothing was committed/);
  });

  test('reads the shipped sample, counted back from its newest commit', async () => {
    const { report } = await run('standup-digest', { log: 'sample' });
    expect(report?.title).toMatch(/^Standup digest · 30.*31 Oct 2025$/);
  });

  test('a folder that is no repository is a failed run that says so', async () => {
    const failed = await run('standup-digest', { repo: '/nowhere/at/all' });
    expect(failed.state).toBe('failed');
    expect(JSON.stringify(failed.agent?.tools)).toMatch(/there is no folder/);
  });
});
