/** What a server gives its agents: money and its zone, owners, alerts, memory, the environment of their files; in the real process. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { API_KEY } from '../support/agent-house.ts';
import { say, startClaudeWire } from '../support/claude-wire.ts';
import { waitFor } from '../support/peer-wait.ts';
import { setStage, type Stage } from '../support/stage.ts';

const AGENT = `import { agentJob, defineTool } from 'bellhop';
import { z } from 'zod';
export default agentJob({
  name: 'shelf', description: 'Looks at the shelf.', prompt: './shelf.md', retries: 0,
  tools: [defineTool({
    name: 'shelf', description: 'What stands there.', input: z.object({}), risk: 'read',
    run: async (_input, ctx) => ({
      facts: [{ key: 'shelf.zone', label: 'Zone', value: ctx.timeZone, unit: 'text' }],
      targets: [{ type: 'thing', id: '1', title: 'Lamp' }],
    }),
  })],
  baseline: () => [{ tool: 'shelf', input: {} }],
  actions: { dust: { target: 'thing', label: 'Dust' } },
  budget: { usd: 0.2 },
  schedules: (variable) => (variable('SHELF_TO') ? [{ when: 'every monday 09:00', destinations: [variable('SHELF_TO')] }] : []),
  analyse: () => ({
    headline: 'The shelf is in {{shelf.zone}}.', summary: '', figures: [], findings: [],
    advice: [{ action: 'dust', target: { type: 'thing', id: '1' }, title: 'Dust the lamp', why: 'It is grey.', confidence: 'high' }],
  }),
});
`;
const ANSWER = { headline: 'The shelf is in {{shelf.zone}}.', summary: '', findings: [], recommendations: [] };
/** A zone in which it is another day than in UTC now. */
const ZONE = new Date().getUTCHours() >= 11 ? 'Pacific/Kiritimati' : 'Etc/GMT+12';
const TODAY = new Intl.DateTimeFormat('en-CA', { timeZone: ZONE }).format(new Date());
const BIN = resolve(import.meta.dirname, '../../bin/bellhop.js');
const Spend = z.looseObject({
  timeZone: z.string(),
  standing: z.array(z.looseObject({ scope: z.string(), window: z.string(), used: z.number() })),
});

/** What the workspace's day stands at, as the server says over its socket. */
async function today({ dataDir, folder }: Stage): Promise<{ timeZone: string; window?: string; used?: number }> {
  const env = { ...process.env, BELLHOP_DATA_DIR: dataDir, BELLHOP_JOBS_DIR: folder };
  const { stdout } = await promisify(execFile)(process.execPath, [BIN, 'spend', '--json'], { cwd: folder, env });
  const { timeZone, standing } = Spend.parse(JSON.parse(stdout));
  const day = standing.find(({ scope }) => scope === 'day');
  return { timeZone, ...(day && { window: day.window, used: day.used }) };
}
const said = (stage: Stage): string => JSON.stringify(stage.workspace.messages('#reports'));

test('its agents count money in its zone, refuse what a cap does not allow, tell its alerts and obey its owners', async () => {
  await using stage = await setStage({ 'shelf.ts': AGENT, 'shelf.md': 'You dust.' });
  await using wire = await startClaudeWire(() => say(ANSWER));
  await using _server = await stage.serve({
    env: {
      ANTHROPIC_API_KEY: API_KEY,
      ANTHROPIC_BASE_URL: wire.url,
      BELLHOP_TIME_ZONE: ZONE,
      BELLHOP_BUDGET_DAY_USD: '0.201',
      BELLHOP_OWNERS: 'U0ANA',
      BELLHOP_ALERTS_TO: '#reports',
      SHELF_TO: '#reports',
    },
  });
  expect(JSON.stringify(await stage.type('schedules'))).toContain('shelf');
  await stage.type('run shelf');
  // The tool was told the zone of the server, and the report names it.
  await waitFor('the report', () => said(stage).includes(`The shelf is in ${ZONE}`));
  const spend = JSON.stringify(await stage.type('spend'));
  expect(spend).toMatch(/0\.00 of \$0\.20|<\$0\.01 of \$0\.20/);
  expect(await today(stage)).toEqual({ timeZone: ZONE, window: TODAY, used: 4000 });
  expect(JSON.stringify(await stage.type('memory shelf'))).toContain('Dust the lamp');

  // What was spent and the cap of a run together pass the cap of the day: refused at once, and people are told.
  expect(JSON.stringify(await stage.type('run shelf'))).toContain('/jobs allow shelf');
  await waitFor('the notice', () => /100 ?%|used up|no further run/i.test(said(stage)));
  expect(JSON.stringify(await stage.type('allow shelf'))).toMatch(/once/);
  expect(JSON.stringify(await stage.type('run shelf'))).toContain('Queued');
  await waitFor('the second report', () => said(stage).split(`The shelf is in ${ZONE}`).length > 2);
  expect(await today(stage)).toMatchObject({ used: 8000 });
  expect(wire.requests.length).toBeGreaterThanOrEqual(2);
}, 60_000);

test('money that a crash left uncounted, of a run that is over, is counted at the next start', async () => {
  await using stage = await setStage({ 'shelf.ts': AGENT, 'shelf.md': 'You dust.' });
  await using silent = await startClaudeWire([say(ANSWER, { hangAfter: 2 })]);
  const env = { ANTHROPIC_API_KEY: API_KEY, ANTHROPIC_BASE_URL: silent.url };
  const killed = await stage.serve({ env });
  await stage.type('run shelf');
  await silent.sent(1);
  await killed.kill();
  // The run had one attempt: it fails here, after the look that a start takes.
  const next = await stage.serve({ env });
  await waitFor('its end', () => said(stage).includes('LEASE_EXPIRED'));
  const before = await today(stage);
  await next.stop();
  await using _third = await stage.serve({ env });
  const after = await today(stage);
  expect(before).toMatchObject({ used: 0 });
  expect(after.used).toBeGreaterThan(150_000);
  expect(silent.requests).toHaveLength(1);
}, 60_000);
