/** The shipped weekly report as it comes on two Mondays, through the real runner: by code alone, and worded by a scripted model. */
import type { Report } from '../../src/store/report.ts';
import { systemClock, type Clock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { Delivery, type Run } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { createMemory, type AdviceView } from '../../src/runner/memory.ts';
import { createBudgetNotices } from '../../src/runner/budget-notices.ts';
import type { Standing } from '../../src/runner/money-windows.ts';
import { silentLog } from '../../src/log.ts';
import type { Notice } from '../../src/store/notice-records.ts';
import { evalHouse, loadShipped } from '../evals/house.ts';
import { API_KEY } from '../support/agent-house.ts';
import { callTools, say, startClaudeWire } from '../support/claude-wire.ts';
import { MODEL_ANSWER } from './agent-answer.ts';

export const MONDAY = Date.parse('2026-11-23T08:00:00Z');
const WEEK = 7 * 86_400_000;
const ANA = { kind: 'slack', id: 'U0ANA', name: 'ana' } as const;

export interface AgentRuns {
  figures: Run & { report: Report };
  worded: Run & { report: Report };
  advice: AdviceView[];
}

/** What runs took differs from machine to machine: the pictures show one time, so that they change when something did. */
const TOOK_MS = 1_400;

function shown(run: Run): Run & { report: Report } {
  const { report, agent } = run;
  if (report === undefined || agent === undefined) throw new Error(`no report: ${JSON.stringify(run.error)}`);
  const ms = agent.mode === 'model' ? 31_000 : TOOK_MS;
  const startedAt = run.createdAt;
  const finishedAt = new Date(Date.parse(startedAt) + ms).toISOString();
  return {
    ...run,
    startedAt,
    finishedAt,
    actor: ANA,
    trigger: 'slack',
    agent: { ...agent, ms },
    report: { ...report, cost: { ...report.cost, ms } },
  };
}

/** Two Mondays: after the first, Ana has restocked and put one thing off. */
export async function agentRuns(): Promise<AgentRuns> {
  const job = await loadShipped();
  await using alone = await evalHouse({ job });
  const first = await alone.run(MONDAY - WEEK);
  await answerTwo(alone.store, first);
  const figures = await alone.run(MONDAY);
  const advice = await memoryAt(alone.store, MONDAY).list(job.name);

  await using wire = await startClaudeWire([
    callTools([{ name: 'product_catalog', input: { top: 20 } }]),
    say(MODEL_ANSWER, { usage: { input: 2_100, cacheRead: 9_400, output: 1_150 } }),
  ]);
  await using asked = await evalHouse({ job, claude: { apiKey: API_KEY, baseUrl: wire.url } });
  const worded = await asked.run(MONDAY - WEEK);
  return { figures: shown(figures), worded: shown(worded), advice };
}

function memoryAt(store: Store, at: number): ReturnType<typeof createMemory> {
  return createMemory({ store, clock: { now: () => at } });
}

async function answerTwo(store: Store, run: Run): Promise<void> {
  const memory = memoryAt(store, MONDAY - 5 * 86_400_000);
  const rows = await memory.list(run.job);
  const [one, two] = rows;
  if (one === undefined || two === undefined) throw new Error('the first report advised nothing');
  await memory.advise({ runId: run.id, key: one.key, as: 'done', actor: ANA });
  await memory.advise({ runId: run.id, key: two.key, as: 'later', actor: ANA });
}

/** Where the caps stand on a Monday on which much was asked. */
export const STANDING: Standing[] = [
  { scope: 'day', window: '2026-11-23', used: 4_120_000, held: 250_000, cap: 5_000_000, until: '2026-11-24T00:00:00Z' },
  {
    scope: 'month',
    window: '2026-11',
    used: 11_870_000,
    held: 250_000,
    cap: 60_000_000,
    until: '2026-12-01T00:00:00Z',
  },
  {
    scope: 'job',
    job: 'weekly-merchandising',
    window: '2026-11-23',
    used: 2_100_000,
    held: 250_000,
    cap: 2_500_000,
    monthUsed: 7_340_000,
    until: '2026-11-24T00:00:00Z',
  },
  {
    scope: 'job',
    job: 'standup-digest',
    window: '2026-11-23',
    used: 90_000,
    held: 0,
    cap: 1_000_000,
    monthUsed: 1_480_000,
    until: '2026-11-24T00:00:00Z',
  },
];

/** What people are told when a cap is nearly used. */
export async function budgetNotice(): Promise<Notice> {
  const clock: Clock = { ...systemClock, now: () => MONDAY };
  const store = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
  const standing = (): Promise<Standing[]> => Promise.resolve(STANDING);
  const alertsTo = [{ kind: 'slack', channel: '#ops' } as const];
  const on = { store, clock, log: silentLog, zone: 'UTC', alertsTo };
  await createBudgetNotices({ ...on, caps: standing, standing }).tell();
  const [told] = (await store.listNotices({ limit: 1 })).items;
  if (told === undefined) throw new Error('nobody was told of the budget');
  return told.notice;
}

/** Where the report of a run went: the post and the mail, as its card says them. */
export function deliveriesOf(run: Run): Delivery[] {
  const at = new Date(MONDAY + 3_000).toISOString();
  const base = {
    rev: 3,
    runId: run.id,
    mode: 'report',
    state: 'delivered',
    createdAt: at,
    updatedAt: at,
    fence: 1,
    attempts: 1,
  };
  const slack = {
    kind: 'slack',
    at,
    channel: 'C0SHOP',
    ts: '1795420803.000200',
    permalink: 'https://example.slack.com/p1',
  };
  const mail = {
    kind: 'email',
    at,
    messageId: '<dlv_1.1@example.com>',
    response: '250 accepted',
    to: 'team@example.com',
  };
  return [
    {
      ...base,
      id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d',
      destination: { kind: 'slack', channel: '#shop' },
      parts: [{ n: 1, state: 'sent', receipt: slack }],
    },
    {
      ...base,
      id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8e',
      destination: { kind: 'email', to: 'team@example.com' },
      parts: [{ n: 1, state: 'sent', receipt: mail }],
    },
  ].map((delivery) => Delivery.parse(delivery));
}
