import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createRegistry } from '../../src/runner/registry.ts';
import { systemClock, type Clock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { manualClock } from '../support/clock.ts';
import { estate } from '../support/runner-estate.ts';
import { eventually, isAlive, passing, SECRET, tempFolder, type House } from '../support/runner-house.ts';

const FATE = fileURLToPath(new URL('../support/runner-fate.ts', import.meta.url));
const PARENT = fileURLToPath(new URL('../support/runner-parent.main.ts', import.meta.url));
const houses = estate();

async function open(dir: string, clock: Clock = systemClock): Promise<House> {
  const registry = createRegistry({ dir, clock: systemClock, log: silentLog });
  const env = { PATH: process.env['PATH'], ALLOWED: 'yes', SLACK_BOT_TOKEN: 'xoxb-not-for-jobs' };
  return houses.open({ registry, env, clock });
}
const file = (seams: string): Record<string, string> => ({
  'apart.ts': `import { fateJob } from ${JSON.stringify(FATE)};\nexport default fateJob({ name: 'apart', isolate: true, retries: 0, ${seams} });\n`,
});

test('an isolated function hands over its report, steps and log lines', async () => {
  await using folder = await tempFolder(file(''));
  const house = await open(folder.dir);
  const run = await house.until((await house.ask('apart', { fate: 'steps', text: 'Done.' })).id);
  expect(run).toMatchObject({ state: 'completed', report: { summary: 'Done.' } });
  expect(run.progress?.steps.map((step) => step.title)).toEqual(['Read', 'Write']);
  expect(run.attempts[0]?.stderr?.head).toBe('read one row\n');
});

test('a crash of the child fails the attempt and keeps what it printed', async () => {
  await using folder = await tempFolder(file(''));
  const house = await open(folder.dir);
  const run = await house.until((await house.ask('apart', { fate: 'crash' })).id);
  expect(run).toMatchObject({ state: 'failed', error: { code: 'CHILD_DIED' } });
  expect(run.attempts[0]?.stderr?.head).toContain('about to crash');
});

test('an endless loop in the child is killed at its timeout', async () => {
  await using folder = await tempFolder();
  const spinning = join(folder.dir, 'spinning');
  const text = `import { defineJob } from 'bellhop';
import { writeFileSync } from 'node:fs';
export default defineJob({ name: 'apart', description: 'Spins.', isolate: true, retries: 0, timeout: '20s', run() {
  writeFileSync(${JSON.stringify(spinning)}, 'yes');
  for (;;);
} });\n`;
  await writeFile(join(folder.dir, 'apart.ts'), text);
  const clock = manualClock();
  const house = await open(folder.dir, clock);
  const asked = await house.ask('apart');
  await eventually(() => existsSync(spinning));
  const run = await passing(house, clock, asked.id);
  expect(run).toMatchObject({ state: 'failed', error: { code: 'TIMED_OUT' } });
});

test('an isolated function sees only the environment that it lists', async () => {
  await using folder = await tempFolder(file(''));
  const house = await open(folder.dir);
  const run = await house.until((await house.ask('apart', { fate: 'env' })).id);
  expect(JSON.stringify(run.result)).toContain('ALLOWED');
  expect(JSON.stringify(run.result)).not.toContain('SLACK_BOT_TOKEN');
});

test('the child of a runner that was killed ends by itself', async () => {
  const job = `import { writeFileSync } from 'node:fs';
export default { name: 'apart', description: 'x', isolate: true, async run() {
  writeFileSync(new URL('pid', import.meta.url), String(process.pid));
  await new Promise(() => setInterval(() => {}, 1000));
} };`;
  await using folder = await tempFolder({ 'apart.mjs': job });
  const parent = spawn(process.execPath, [PARENT, folder.dir], { stdio: 'inherit' });
  const read = async () => Number(await readFile(join(folder.dir, 'pid'), 'utf8').catch(() => '')) || undefined;
  const pid = await eventually(read);
  expect(await isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await eventually(async () => !(await isAlive(pid)) || undefined);
});

test('errors keep their meaning over the border, and secrets are masked', async () => {
  await using folder = await tempFolder(file(''));
  const house = await open(folder.dir);
  const permanent = await house.until((await house.ask('apart', { fate: 'permanent' })).id);
  expect(permanent.error).toMatchObject({ code: 'JOB_PERMANENT', hint: 'open it again' });
  const bigint = await house.until((await house.ask('apart', { fate: 'bigint' })).id);
  expect(bigint.error).toMatchObject({ code: 'RESULT_INVALID' });
  const secret = await house.until((await house.ask('apart', { fate: 'secret', text: SECRET })).id);
  const { input: _input, ...shown } = secret;
  expect(JSON.stringify(shown)).not.toContain(SECRET);
});
