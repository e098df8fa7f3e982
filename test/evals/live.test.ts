import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { LoadedAgent } from '../../src/runner/jobs.ts';
import { say, startClaudeWire } from '../support/claude-wire.ts';
import { tempFolder } from '../support/runner-house.ts';
import { CASES } from './cases.ts';
import { loadShipped } from './house.ts';
import { runLive } from './live.ts';

let job: LoadedAgent;
beforeAll(async () => {
  job = await loadShipped();
});

const ANSWER = {
  headline: 'The week in short',
  summary: 'Revenue was {{sales.revenue}}.',
  findings: [{ text: 'Orders: {{sales.orders}}.', confidence: 'high', targetType: null, targetId: null }],
  recommendations: [],
};
/** What such an answer costs at Sonnet 5.5: 60,000 tokens in for 2 dollars a million, 2,000 out for 10. */
const USAGE = { input: 60_000, output: 2_000 };
const COST = 140_000;
const asked = CASES.filter(({ truth }) => truth.quiet !== true);

test('the set stops before the shop for which too little is left, and costs no more than its cap', async () => {
  await using wire = await startClaudeWire(() => say(ANSWER, { usage: USAGE }));
  const claude = { apiKey: 'sk-ant-test-000000', baseUrl: wire.url };
  const seen: number[] = [];
  const end = await runLive({ job, cases: asked, claude }, ({ microUsd }) => void seen.push(microUsd));
  // After six of them 160,000 of 1,000,000 micro-dollars are left, and one run may cost 250,000.
  expect(seen).toEqual(Array.from({ length: 6 }, () => COST));
  expect(end.microUsd).toBe(6 * COST);
  expect(wire.requests).toHaveLength(6);
  expect(end.left).toEqual(asked.slice(6).map(({ name }) => name));
});

test('a model that never gives an answer that holds costs no more either', async () => {
  await using wire = await startClaudeWire(() => say('no answer at all', { usage: { input: 60_000, output: 9_000 } }));
  const claude = { apiKey: 'sk-ant-test-000000', baseUrl: wire.url };
  const end = await runLive({ job, cases: asked, claude }, () => undefined);
  expect(end.microUsd).toBeLessThanOrEqual(1_000_000);
  expect(end.rows.every(({ microUsd }) => microUsd <= job.budget.runMicroUsd)).toBe(true);
  expect(wire.requests.length * 210_000).toBe(end.microUsd);
  expect(end.left.length).toBeGreaterThan(0);
});

test('with less than one run may cost nobody is asked', async () => {
  await using wire = await startClaudeWire(() => say(ANSWER, { usage: USAGE }));
  const claude = { apiKey: 'sk-ant-test-000000', baseUrl: wire.url };
  const end = await runLive({ job, cases: asked, claude, capMicroUsd: 249_999 }, () => undefined);
  expect(end).toMatchObject({ rows: [], microUsd: 0 });
  expect(wire.requests).toHaveLength(0);
});

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}
function start(args: readonly string[], env: Record<string, string>): Promise<Ended> {
  const script = new URL('live.main.ts', import.meta.url).pathname;
  return new Promise((done) => {
    const path = process.env['PATH'] ?? '';
    execFile(process.execPath, [script, ...args], { env: { PATH: path, ...env } }, (error, stdout, stderr) =>
      done({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

test('without a key the program says so and exits with 78', async () => {
  const { code, stderr } = await start([], {});
  expect(code).toBe(78);
  expect(stderr).toMatch(/ANTHROPIC_API_KEY is not set/);
});

test('with one it prints what each shop cost, then against the last time, and keeps the results', async () => {
  await using folder = await tempFolder();
  const out = join(folder.dir, 'results.json');
  let input = 1_000;
  await using wire = await startClaudeWire(() => say(ANSWER, { usage: { input, output: 200 } }));
  const env = { ANTHROPIC_API_KEY: 'sk-ant-test-000000', ANTHROPIC_BASE_URL: wire.url };
  const args = ['--out', out, '--only', 'stock-out,dead-stock'];
  const first = await start(args, env);
  expect(first.stderr).toBe('');
  expect(first.code).toBe(0);
  expect(first.stdout).toMatch(/stock-out {2}\$0\.004000/);
  expect(first.stdout).toMatch(/2 of 2 shops on claude-sonnet-5-5: \$0\.008000 of \$1\.000000/);
  input = 2_000;
  const second = await start(args, env);
  expect(second.stdout).toMatch(/\$0\.004000 -> \$0\.006000/);
  expect(JSON.parse(await readFile(out, 'utf8'))).toMatchObject({ model: 'claude-sonnet-5-5' });
});
