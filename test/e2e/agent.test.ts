/** The example of docs/agents.md as it stands there, in the real process: figures, a model on loopback, a crash, and what can be asked afterwards. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { API_KEY } from '../support/agent-house.ts';
import { say, startClaudeWire } from '../support/claude-wire.ts';
import { openShell, type Shell } from '../support/cli.ts';

const PAGE = readFileSync(resolve(import.meta.dirname, '../../docs/agents.md'), 'utf8');
const block = (language: string): string => {
  const found = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(PAGE)?.[1];
  if (found === undefined) throw new Error(`docs/agents.md has no block of ${language}`);
  return found;
};
const JOBS = { 'desk-report.ts': block('ts'), 'desk-prompt.md': block('md'), 'tickets.json': block('json') };
const ANSWER = {
  headline: 'The returns desk needs people first.',
  summary: 'There are {{tickets.open}} open tickets.',
  findings: [
    {
      text: 'A ticket of returns has waited for {{queue.returns.oldest}}.',
      confidence: 'high',
      targetType: 'queue',
      targetId: 'returns',
    },
  ],
  recommendations: [],
};
const Shown = z.object({
  run: z.object({
    state: z.string(),
    attemptsUsed: z.number(),
    report: z.object({ summary: z.string(), status: z.string() }),
    agent: z.object({ mode: z.string(), why: z.string(), microUsd: z.number(), runMicroUsd: z.number() }),
  }),
});
const shown = async (shell: Shell): Promise<z.infer<typeof Shown>['run']> =>
  Shown.parse(JSON.parse((await shell.type(['runs', 'show', 'last', '--json'])).stdout)).run;

/** What the counters of the workspace's days stand at. */
function usedInAll({ dataDir }: Shell): number {
  const folder = join(dataDir, 'docs', 'ledger');
  const Counter = z.object({ value: z.object({ used: z.number(), held: z.record(z.string(), z.number()) }) });
  const days = readdirSync(folder).filter((name) => name.startsWith('usd.day.'));
  const values = days.map((name) => Counter.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))).value);
  expect(values.flatMap(({ held }) => Object.keys(held))).toEqual([]);
  return values.reduce((sum, { used }) => sum + used, 0);
}

test('the agent of the page reports figures without a key, and with one what the model made of them', async () => {
  await using shell = await openShell(JOBS);
  const alone = await shell.type(['run', 'desk-report']);
  expect([alone.code, alone.stderr]).toEqual([0, alone.stderr]);
  expect(alone.stdout).toContain('Tickets wait too long. Open tickets: 3.');
  expect(alone.stdout).toContain('A ticket has waited for 6 days.');
  expect(await shown(shell)).toMatchObject({ state: 'completed', agent: { mode: 'figures', why: 'figures' } });

  await using wire = await startClaudeWire([say(ANSWER)]);
  const env = { ANTHROPIC_API_KEY: API_KEY, ANTHROPIC_BASE_URL: wire.url };
  const worded = await shell.type(['run', 'desk-report'], env);
  expect([worded.code, worded.stderr]).toEqual([0, worded.stderr]);
  expect(worded.stdout).toContain('The returns desk needs people first. There are 3 open tickets.');
  expect(await shown(shell)).toMatchObject({ agent: { mode: 'model', why: 'done', microUsd: 4000 } });
  expect(usedInAll(shell)).toBe(4000);
}, 60_000);

test('its facts and its transcript can be asked for, here and of a running server', async () => {
  await using shell = await openShell(JOBS);
  await using wire = await startClaudeWire([say(ANSWER)]);
  await shell.type(['run', 'desk-report'], { ANTHROPIC_API_KEY: API_KEY, ANTHROPIC_BASE_URL: wire.url });
  const facts = await shell.type(['runs', 'show', 'last', '--facts']);
  expect(facts.stdout.split('\n').slice(0, 3)).toEqual([
    expect.stringMatching(/^fact {2}value {3}label +tool +query {2}days$/),
    expect.stringMatching(/^F1 {4}3 +Open tickets +open_tickets {2}\{\}$/),
    expect.stringMatching(/^F2 {4}6 days {2}Oldest ticket of returns +open_tickets {2}\{\}$/),
  ]);
  const here = await shell.type(['runs', 'show', 'last', '--transcript']);
  expect(here.stdout).toContain('You look after a support desk.');
  expect(here.stdout).toContain('The returns desk needs people first.');
  expect(here.stderr).toMatch(/kept until \d{4}-/);
  const server = shell.begin(['start']);
  await server.says('bellhop ready');
  const there = await shell.type(['runs', 'show', 'last', '--transcript']);
  expect(there.stdout).toBe(here.stdout);
  const json = await shell.type(['runs', 'show', 'last', '--transcript', '--facts', '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ transcript: { outcome: 'kept' }, facts: [{ id: 'F1' }, {}, {}] });
  const stray = await shell.type(['runs', 'list', '--facts']);
  expect([stray.code, stray.stderr]).toEqual([expect.any(Number), expect.stringContaining('go with runs show')]);
  server.signal('SIGTERM');
  await server.ended;
}, 60_000);

test('a process that is killed in the middle of an answer loses no money: the next goes on with what is left', async () => {
  await using shell = await openShell(JOBS);
  await using silent = await startClaudeWire([say(ANSWER, { hangAfter: 4 })]);
  const typed = shell.begin(['run', 'desk-report'], { ANTHROPIC_API_KEY: API_KEY, ANTHROPIC_BASE_URL: silent.url });
  await silent.sent(1);
  typed.signal('SIGKILL');
  await typed.ended;
  await using wire = await startClaudeWire([say(ANSWER)]);
  const server = shell.begin(['start'], { ANTHROPIC_API_KEY: API_KEY, ANTHROPIC_BASE_URL: wire.url });
  await wire.sent(1);
  await server.says('attempt ended');
  const run = await shown(shell);
  server.signal('SIGTERM');
  await server.ended;
  expect(run).toMatchObject({ state: 'completed', attemptsUsed: 2, agent: { microUsd: 4000 } });
  // The first answer is counted at its bound: its input as it was counted, and the longest answer.
  expect(run.agent.runMicroUsd - 4000).toBeGreaterThan(16_000 * 10);
  expect(usedInAll(shell)).toBe(run.agent.runMicroUsd);
}, 60_000);
