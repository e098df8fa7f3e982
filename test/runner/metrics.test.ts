import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { createMetrics } from '../../src/runner/metrics.ts';
import type { Metrics } from '../../src/runner/metrics.ts';
import type { SpendView } from '../../src/runner/spending.ts';
import { agentAccount } from '../support/agent-account.ts';
import { begun, claimAgain } from '../support/money-house.ts';
import { memoryHarness } from '../support/store-harness.ts';
import type { Harness } from '../support/store-harness.ts';

let h: Harness;
let metrics: Metrics;
beforeEach(() => {
  h = memoryHarness();
  metrics = createMetrics({
    store: {
      ...h.store,
      // Events come at least once; here each comes twice.
      async *watch(since, signal) {
        for await (const event of h.store.watch(since, signal)) yield* [event, event];
      },
    },
    jobs: () => [{ name: 'digest' }],
    spending: { view: () => Promise.resolve(VIEW) },
    clock: h.clock,
    log: silentLog,
    version: '1.2.3 "x"\\\n',
  });
});
afterEach(async () => {
  const stopped = metrics.stop();
  await h.clock.advance(10_000);
  await stopped;
  await h.dispose();
});

const VIEW: SpendView = {
  timeZone: 'UTC',
  pricesAsOf: '2026-11-22',
  standing: [
    { scope: 'day', window: '2026-11-23', used: 5, held: 7, cap: null, until: '2026-11-24T00:00:00.000Z' },
    { scope: 'job', job: 'digest', window: '2026-11-23', used: 3, held: 0, cap: 9, until: '2026-11-24T00:00:00.000Z' },
  ],
};

/** Name and labels of each sample, and its value. */
async function samples(): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

test('every family has its help and type once, before its samples, and every line is well formed', async () => {
  await begun(h.store);
  const text = await metrics.text();
  expect(text.endsWith('\n')).toBe(true);
  const seen = new Set<string>();
  let family = '';
  for (const line of text.trimEnd().split('\n')) {
    const [, kind, name = ''] = /^# (HELP|TYPE) (bellhop_[a-z_]+) \S/.exec(line) ?? [];
    if (kind === 'HELP') {
      expect(seen.has(name)).toBe(false);
      seen.add((family = name));
    } else if (kind === 'TYPE') expect(name).toBe(family);
    else
      expect(line).toMatch(
        new RegExp(`^${family}(?:\\{(?:[a-z]+="(?:[^"\\\\\\n]|\\\\["\\\\n])*",?)+\\})? -?\\d+(?:\\.\\d+)?$`),
      );
  }
  expect(text).toContain('bellhop_build_info{version="1.2.3 \\"x\\"\\\\\\n",node="');
});

test('runs, deliveries, the store and the caps are what they are now', async () => {
  await begun(h.store);
  const now = await samples();
  expect(now.get('bellhop_runs{state="running"}')).toBe(1);
  expect(now.get('bellhop_job_runs{job="digest",state="running"}')).toBe(1);
  expect(now.get('bellhop_store_ready')).toBe(1);
  expect(now.get('bellhop_store_unfinished_runs')).toBe(1);
  expect(now.get('bellhop_deliveries_due')).toBe(0);
  expect(now.get('bellhop_spend_used_micro_usd{scope="day",job=""}')).toBe(5);
  expect(now.get('bellhop_spend_held_micro_usd{scope="day",job=""}')).toBe(7);
  expect(now.has('bellhop_spend_cap_micro_usd{scope="day",job=""}')).toBe(false);
  expect(now.get('bellhop_spend_cap_micro_usd{scope="job",job="digest"}')).toBe(9);
});

test('what agents do is counted once an attempt, failed attempts too', async () => {
  metrics.start();
  await h.clock.advance(0);
  const { lease } = await begun(h.store);
  const error = { code: 'MODEL_UNAVAILABLE', message: 'overloaded' };
  const retryAt = new Date(h.clock.now()).toISOString();
  await h.store.settle([{ lease, end: 'failed', error, retryAt, agent: agentAccount({ why: 'api_error' }) }]);
  await h.clock.advance(0);
  const again = await claimAgain(h.store);
  await h.store.settle([{ lease: again.lease, end: 'completed', agent: agentAccount() }]);
  await h.clock.advance(0);
  const now = await samples();
  expect(now.get('bellhop_agent_runs_total{why="api_error"}')).toBe(1);
  expect(now.get('bellhop_agent_runs_total{why="done"}')).toBe(1);
  expect(now.get('bellhop_agent_cost_micro_usd_total')).toBe(2 * 51_234);
  expect(now.get('bellhop_agent_tokens_total{kind="cacheRead"}')).toBe(2 * 7_400);
  expect(now.get('bellhop_agent_tool_calls_total')).toBe(12);
  expect(now.get('bellhop_agent_tool_errors_total')).toBe(2);
});
