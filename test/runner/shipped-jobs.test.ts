import { execFile } from 'node:child_process';
import { chmod, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { createRegistry } from '../../src/runner/registry.ts';
import { buildHouse, tempFolder, type House } from '../support/runner-house.ts';
import type { Run } from '../../src/store/records.ts';
import type { Report } from '../../src/store/report.ts';

const JOBS = fileURLToPath(new URL('../../jobs', import.meta.url));
const registry = createRegistry({ dir: JOBS, clock: systemClock, log: silentLog });
let house: House;
beforeAll(async () => {
  house = buildHouse({ registry, options: { concurrency: 8 } });
  await house.runner.start();
});
afterAll(() => house.runner.stop({ graceMs: 0 }));

async function run(job: string, input: unknown): Promise<Run> {
  return house.until((await house.ask(job, input)).id);
}
const markdown = (report: Report | undefined): string =>
  (report?.sections ?? []).map((section) => (section.kind === 'markdown' ? section.markdown : '')).join('\n');
const figure = (report: Report | undefined, label: string) =>
  report?.sections
    .flatMap((section) => (section.kind === 'figures' ? section.figures : []))
    .find((one) => one.label === label);

test('every shipped file is a job', () => {
  expect(registry.problems()).toEqual([]);
  expect(registry.list().map((job) => job.name)).toEqual([
    'disk-report',
    'repo-digest',
    'site-check',
    'standup-digest',
    'weekly-merchandising',
  ]);
});

describe('repo-digest', () => {
  const DAY = 86_400;
  const HEAD = 1_800_000_000;
  let dir: string;
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  const exec = promisify(execFile);
  async function git(at: number, ...args: string[]): Promise<string> {
    const when = `@${at} +0000`;
    const identity = { GIT_AUTHOR_DATE: when, GIT_COMMITTER_DATE: when, GIT_CONFIG_GLOBAL: '/dev/null' };
    const env = { PATH: process.env['PATH'] ?? '', ...identity };
    const { stdout } = await exec('git', ['-c', 'protocol.file.allow=always', ...args], { cwd: dir, env });
    return stdout.trim();
  }
  async function commit(daysAgo: number, author: string, subject: string): Promise<void> {
    await git(HEAD - daysAgo * DAY, 'add', '-A');
    const who = ['-c', `user.name=${author}`, '-c', `user.email=${author.toLowerCase()}@example.com`];
    await git(HEAD - daysAgo * DAY, ...who, 'commit', '--allow-empty', '-m', subject);
  }

  beforeAll(async () => {
    folder = await tempFolder();
    dir = folder.dir;
    await git(HEAD, 'init', '-q', '-b', 'main');
    await writeFile(join(dir, '.mailmap'), 'Ana <ana@example.com> Nickname <nick@example.com>\n');
    await writeFile(join(dir, 'old.txt'), '1\n2\n');
    await commit(10, 'Ana', 'Begin');
    await writeFile(join(dir, 'odd | `na\tme`.txt'), 'x\ny\nz\n');
    await commit(3, 'Jun', 'Add *odd* names <!channel> [link](http://x)');
    await git(HEAD, 'mv', 'old.txt', 'new.txt');
    await commit(2, 'Nick', 'Rename');
    await writeFile(join(dir, 'new.txt'), '1\n2\n3\n');
    await commit(0, 'Ana', 'Count to three');
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  test('counts the days back from HEAD, beside the days before these', async () => {
    const { state, result, report } = await run('repo-digest', { repo: dir });
    expect(state).toBe('completed');
    expect(result).toMatchObject({
      commits: 3,
      authors: 3,
      added: 4,
      deleted: 0,
      to: new Date(HEAD * 1000).toISOString(),
    });
    expect(figure(report, 'Commits')).toMatchObject({ value: 3, delta: { value: 200, versus: 'the 7 days before' } });
    expect(report?.sources[0]?.asOf).toBe(new Date(HEAD * 1000).toISOString());
    expect(report?.warnings).toEqual([]);
  });

  test('draws the commits of each day, and lists every author with real numbers', async () => {
    const { report, result } = await run('repo-digest', { repo: dir });
    const chart = report?.sections.find((section) => section.kind === 'chart')?.chart;
    if (chart?.type !== 'bar') throw new Error('there is no bar chart');
    const values = chart.series[0]?.values ?? [];
    expect(chart.categories).toHaveLength(7);
    expect(values.reduce<number>((sum, value) => sum + (value ?? 0), 0)).toBe(3);
    const authors = report?.sections.find((section) => section.kind === 'table')?.rows ?? [];
    expect(authors).toHaveLength(3);
    expect(authors.reduce((sum, row) => sum + Number(row['added']), 0)).toBe(4);
    expect(result).toMatchObject({ commits: 3, added: 4 });
  });

  test('of many days shows as many bars as Slack draws, and loses no commit', async () => {
    const { report, result } = await run('repo-digest', { log: 'sample', days: 365 });
    const chart = report?.sections.find((section) => section.kind === 'chart')?.chart;
    if (chart?.type !== 'bar') throw new Error('there is no bar chart');
    expect(chart.categories.length).toBeLessThanOrEqual(20);
    expect(new Set(chart.categories).size).toBe(chart.categories.length);
    const sum = (chart.series[0]?.values ?? []).reduce<number>((all, value) => all + (value ?? 0), 0);
    expect(result).toMatchObject({ commits: sum });
  });

  test('the same history gives the same report', async () => {
    const [first, second] = [await run('repo-digest', { repo: dir }), await run('repo-digest', { repo: dir })];
    expect({ ...first.report, generatedAt: '' }).toEqual({ ...second.report, generatedAt: '' });
  });

  test('follows the mailmap, renames and odd file names, and leaves no markup of others alive', async () => {
    await writeFile(join(dir, '.mailmap'), 'Ana <ana@example.com> <nick@example.com>\n');
    const { result, report } = await run('repo-digest', { repo: dir });
    expect(result).toMatchObject({ authors: 2 });
    const text = markdown(report);
    expect(text).toContain('Add \\*odd\\* names \\<\\!channel\\> \\[link\\]\\(http://x\\)');
    expect(text).toContain('| odd \\| \\`na me\\`.txt | 1 | +3 | −0 |');
    expect(text).toContain('| new.txt | 2 | +1 | −0 |');
    expect(JSON.stringify(report)).not.toMatch(/Nick/);
  });

  test('works from a folder below the top', async () => {
    await using below = await tempFolder();
    await symlink(dir, join(below.dir, 'link'));
    expect(await run('repo-digest', { repo: join(below.dir, 'link') })).toMatchObject({ state: 'completed' });
  });

  test('says that a shallow clone is one, and compares nothing', async () => {
    await using clone = await tempFolder();
    await git(HEAD, 'clone', '-q', '--depth', '1', pathToFileURL(dir).href, join(clone.dir, 'shallow'));
    const { report } = await run('repo-digest', { repo: join(clone.dir, 'shallow') });
    expect(report?.warnings[0]).toMatch(/shallow clone/);
    expect(report?.title).toBe('shallow: the last 7 days');
    expect(figure(report, 'Commits')?.delta).toBeUndefined();
  });

  test('a mail address is a second destination', async () => {
    const { deliveries } = await run('repo-digest', { repo: dir, mail: 'ana@example.com' });
    expect(deliveries.map((one) => one.destination.kind)).toEqual(['slack', 'email']);
  });

  test.each([
    ['no folder', '/nowhere/at/all', /there is no folder/],
    ['no repository', '/', /cannot be read as a git repository/],
  ])('%s fails for good with a hint', async (_what, repo, reason) => {
    const failed = await run('repo-digest', { repo });
    expect(failed).toMatchObject({ state: 'failed', attemptsUsed: 1, error: { code: 'JOB_PERMANENT' } });
    expect(failed.error?.message).toMatch(reason);
    expect(failed.error?.hint).toBeDefined();
  });

  test('a repository without commits fails for good', async () => {
    await using empty = await tempFolder();
    await git(HEAD, 'init', '-q', empty.dir);
    expect((await run('repo-digest', { repo: empty.dir })).error?.message).toMatch(/has no commits/);
  });

  test('the configuration of a foreign repository runs nothing', async () => {
    await using evil = await tempFolder();
    await git(HEAD, 'clone', '-q', dir, join(evil.dir, 'evil'));
    const proof = join(evil.dir, 'proof');
    const script = join(evil.dir, 'run.sh');
    await writeFile(script, `#!/bin/sh\ntouch ${proof}\n`);
    await chmod(script, 0o755);
    const inside = (...args: string[]) => git(HEAD, '-C', join(evil.dir, 'evil'), ...args);
    // A commit that claims to be signed, so that showing signatures would run the program.
    const signed = (await inside('cat-file', 'commit', 'HEAD')).replace(
      '\n\n',
      '\ngpgsig -----BEGIN PGP SIGNATURE-----\n x\n\n',
    );
    await writeFile(join(evil.dir, 'commit'), `${signed}\n`);
    await inside('update-ref', 'HEAD', await inside('hash-object', '-t', 'commit', '-w', join(evil.dir, 'commit')));
    for (const name of ['core.fsmonitor', 'gpg.program', 'core.pager', 'diff.external'])
      await inside('config', name, script);
    await inside('config', 'log.showSignature', 'true');
    await inside('log', '-1');
    await rm(proof);
    expect((await run('repo-digest', { repo: join(evil.dir, 'evil') })).state).toBe('completed');
    await expect(rm(proof)).rejects.toThrow('ENOENT');
  });

  test('the shipped sample needs no git, and the report says what it is', async () => {
    const { report, result } = await run('repo-digest', { log: 'sample' });
    expect(result).toMatchObject({ commits: 13, authors: 3 });
    expect(report?.title).toBe('corner-shop: the last 7 days');
    expect(report?.warnings[0]).toMatch(/invented sample/);
  });

  test('a file that is no recorded history is refused without showing it', async () => {
    const failed = await run('repo-digest', { log: '/etc/passwd' });
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'JOB_PERMANENT' } });
    expect(JSON.stringify(failed)).not.toContain('root:');
  });
});

describe('site-check', () => {
  const server = createServer((request, response) => {
    if (request.url === '/moved') response.writeHead(302, { location: 'https://example.com/new' }).end();
    else if (request.url === '/broken') response.writeHead(500).end('no');
    else if (request.url === '/huge') response.end('x'.repeat(1_000_000));
    else if (request.url === '/slow') response.socket?.resume();
    else response.end('fine');
  });
  let base: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${z.object({ port: z.number() }).parse(server.address()).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test('sites that answer, also with a redirect that is shown, are up', async () => {
    const { report, result } = await run('site-check', { urls: [base, `${base}/moved`] });
    expect(report).toMatchObject({ status: 'ok', summary: 'All of 2 sites answered.' });
    expect(result).toMatchObject([
      { up: true, status: '200', bytes: 4 },
      { up: true, status: '302', location: 'https://example.com/new' },
    ]);
    expect(figure(report, 'Up')?.value).toBe(2);
  });

  test('names are looked up', async () => {
    const { result } = await run('site-check', {
      urls: [base.replace('127.0.0.1', 'localhost'), 'https://name.invalid'],
    });
    expect(result).toMatchObject([{ up: true }, { up: false, bytes: 0 }]);
  });

  test('errors, refused connections and silence are down, and the report is partial', async () => {
    const urls = [base, `${base}/broken`, 'http://127.0.0.1:1/', `${base}/slow`];
    const { state, report, result } = await run('site-check', { urls, timeout: 1 });
    expect(state).toBe('completed');
    expect(report?.status).toBe('partial');
    expect(result).toMatchObject([
      { up: true },
      { up: false, status: '500' },
      { up: false, status: 'connection refused' },
      { up: false, status: 'no answer in 1 s' },
    ]);
    expect(figure(report, 'Down')?.value).toBe(3);
  });

  test('no more than 64 KB of a body are read', async () => {
    const { result } = await run('site-check', { urls: [`${base}/huge`] });
    const [check] = z.array(z.object({ bytes: z.number(), more: z.boolean() })).parse(result);
    expect(check?.more).toBe(true);
    expect(check?.bytes).toBeLessThan(200_000);
  });

  test.each([
    ['ftp://example.com', /not an http or https/],
    ['file:///etc/passwd', /not an http or https/],
    ['http://ana:secret@example.com', /user name or password/],
    ['http://169.254.169.254/latest/meta-data', /link-local/],
    ['http://2852039166/', /link-local/],
    ['http://[fe80::1]/', /link-local/],
    ['http://[::ffff:169.254.169.254]/', /link-local/],
    ['http://', /not an address/],
  ])('%s is refused', async (url, reason) => {
    const failed = await run('site-check', { urls: [url] });
    expect(failed).toMatchObject({ state: 'failed', error: { code: 'JOB_PERMANENT' } });
    expect(failed.error?.message).toMatch(reason);
    expect(failed.error?.message).not.toContain('secret');
  });
});

test('disk-report shows the file system of a folder', async () => {
  const { state, report } = await run('disk-report', { path: '/' });
  expect(state).toBe('completed');
  expect(markdown(report)).toMatch(/Filesystem[\s\S]*\//);
});
