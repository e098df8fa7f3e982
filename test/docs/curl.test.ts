/**
 * The examples of docs/api.md and the README are run as they stand, by `sh`, against a real server; the status that an example shows
 * behind `#` is the one that comes. `npm test` needs npm only: where there is no curl, a stand-in sends the requests, and says so.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROUTES } from '../support/api-routes.ts';
import { startPeerServer, type PeerServer } from '../support/peer-server.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const TOKEN = 'the-token-of-the-examples';
const SHIM = join(ROOT, 'test/support/curl-shim.main.ts');

interface Example {
  where: string;
  script: string;
  /** As they are shown, in order. */
  statuses: string[];
}

async function examplesOf(page: string): Promise<Example[]> {
  const text = await readFile(join(ROOT, page), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].filter((block) => /\bcurl\b/.test(block[1] ?? ''));
  return blocks.map((block) => {
    const script = block[1] ?? '';
    const line = text.slice(0, block.index).split('\n').length;
    return {
      where: `${page}:${line}`,
      script,
      statuses: [...script.matchAll(/^# (\d{3})\b/gm)].map(([, n = '']) => n),
    };
  });
}

const examples = [...(await examplesOf('docs/api.md')), ...(await examplesOf('README.md'))];
const realCurl = await promisify(execFile)('sh', ['-c', 'command -v curl']).then(
  ({ stdout }) => stdout.trim(),
  () => undefined,
);
const STAND_IN = realCurl === undefined ? 'a stand-in of curl, for there is no curl here' : 'a stand-in of curl';
const ways = realCurl === undefined ? [STAND_IN] : ['curl', STAND_IN];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bellhop-examples-'));
  await writeFile(join(folder, 'curl'), `#!/bin/sh\nexec "${process.execPath}" "${SHIM}" "$@"\n`);
  await chmod(join(folder, 'curl'), 0o755);
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs it and answers the statuses that came. */
async function run(
  { script }: Example,
  { way, url }: { way: string; url: string },
): Promise<{ statuses: string[]; output: string }> {
  const file = join(folder, 'statuses');
  await writeFile(file, '');
  const env = {
    PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`,
    BELLHOP_API_TOKEN: TOKEN,
    CURL_BASE: url,
    CURL_STATUSES: file,
    ...(way === 'curl' && realCurl !== undefined ? { REAL_CURL: realCurl } : {}),
  };
  const { stdout, stderr } = await promisify(execFile)('sh', ['-eu', '-c', script], { env, cwd: folder });
  return { statuses: (await readFile(file, 'utf8')).trim().split('\n'), output: `${stdout}${stderr}` };
}

test('the pages have examples, and each command of them shows its status', () => {
  expect(new Set(examples.map(({ where }) => where.split(':')[0]))).toEqual(new Set(['docs/api.md', 'README.md']));
  for (const { where, script, statuses } of examples) {
    expect(statuses, where).toHaveLength(script.match(/\bcurl -/g)?.length ?? 0);
  }
});

describe.each(ways)('with %s', (way) => {
  let server: PeerServer;
  beforeAll(async () => {
    server = await startPeerServer({ env: { BELLHOP_API_TOKEN: TOKEN, BELLHOP_PLUGINS_DIR: join(ROOT, 'plugins') } });
  });
  afterAll(async () => void (await server.stop()));
  test.each(examples)('$where does what it shows', async (example) => {
    const { statuses, output } = await run(example, { way, url: server.url });
    expect(statuses, output).toEqual(example.statuses);
  });
});

test('docs/api.md lists every route, and no other', async () => {
  const page = await readFile(join(ROOT, 'docs/api.md'), 'utf8');
  const listed = [...page.matchAll(/^\| `((?:GET|POST|DELETE) \/\S*)` \| /gm)].map(([, route = '']) => route);
  const expected = ROUTES.map(({ method, path }) => `${method} ${path}`);
  expect(listed.toSorted()).toEqual(expected.toSorted());
});
