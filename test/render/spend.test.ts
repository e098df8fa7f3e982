import { describe, expect, test } from 'vitest';
import { drawCard } from '../../src/render/card.ts';
import { renderHtml } from '../../src/render/html.ts';
import { renderMarkdown } from '../../src/render/markdown-file.ts';
import { renderSlackReport } from '../../src/render/slack/report.ts';
import { costWords, describeSpend } from '../../src/render/spend.ts';
import { renderText } from '../../src/render/text.ts';
import { formatUsd } from '../../src/usd.ts';
import { agentAccount } from '../support/agent-account.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';

const ok = { name: 'sales_summary', by: 'code', state: 'ok', ms: 20 } as const;

test('the account of an agent is one line', () => {
  expect(describeSpend(agentAccount())).toBe(
    '$0.05 · 12k tokens (70% cached) · 4 turns · 6 tools (1 failed) · 41 s · sonnet-5-5',
  );
});

test('money is said with no more digits than say something', () => {
  expect([0, 1, 9_999, 10_000, 14_999, 15_000, 999_999, 1_234_500_000].map(formatUsd)).toEqual([
    '$0.00',
    '<$0.01',
    '<$0.01',
    '$0.01',
    '$0.01',
    '$0.02',
    '$1.00',
    '$1,234.50',
  ]);
  expect([undefined, 0, null, 51_234].map(costWords)).toEqual(['', '', ' · cost n/a', ' · $0.05']);
});

test('what an earlier attempt spent stands beside what this one did', () => {
  expect(describeSpend(agentAccount({ runMicroUsd: 80_000 }))).toContain('$0.05 (run $0.08) · ');
});

test('a model without a known price says so, and never $0.00', () => {
  const line = describeSpend(agentAccount({ microUsd: null, runMicroUsd: null, model: 'somebody-elses-1' }));
  expect(line).toMatch(/^cost n\/a · .* · somebody-elses-1$/);
});

test('a report of figures alone names no money, and no model', () => {
  const tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
  const figures = agentAccount({
    mode: 'figures',
    why: 'figures',
    turns: 0,
    microUsd: 0,
    runMicroUsd: 0,
    tokens,
    tools: [ok, ok, ok, ok, ok],
    ms: 1_200,
  });
  expect(describeSpend(figures)).toBe('figures only · 5 tools · 1.2 s');
});

test('figures after a model that was asked in vain name what it cost', () => {
  const figures = agentAccount({ mode: 'figures', why: 'refusal', turns: 1, tools: [ok] });
  expect(describeSpend(figures)).toBe(
    'figures only · $0.05 · 12k tokens (70% cached) · 1 turn · 1 tool · 41 s · sonnet-5-5 · stopped: the model refused',
  );
});

test('an attempt that asked nothing says what those before it cost', () => {
  const last = agentAccount({
    mode: 'figures',
    why: 'budget_usd',
    turns: 0,
    microUsd: 0,
    runMicroUsd: 250_000,
    tools: [],
  });
  expect(describeSpend(last)).toBe('figures only · $0.00 (run $0.25) · 41 s · stopped: budget reached');
});

test.each([
  ['error', 'stopped: an error'],
  ['budget_usd', 'stopped: run cap $0.20 reached'],
  ['max_turns', 'stopped: all turns used'],
  ['price_unknown', 'stopped: the price of the model is unknown'],
  ['spend_limit', 'stopped: spend limit of the account reached'],
] as const)('a run that ended by %s says what stopped it', (why, said) => {
  expect(describeSpend(agentAccount({ why, cutShort: true, capMicroUsd: 200_000 })).endsWith(` · ${said}`)).toBe(true);
});

test('a run that a cap of the day did not let begin does not say that it was its own', () => {
  expect(describeSpend(agentAccount({ why: 'budget_usd', turns: 0 }))).toContain('stopped: budget reached');
});

describe('the line stands where the report says what it cost', () => {
  const line = describeSpend(agentAccount());
  const run = sampleRun({ agent: agentAccount() });
  const report = makeReport({ cost: { model: 'claude-sonnet-5-5', microUsd: 51_234, ms: 41_234 } });
  test.each([
    ['a post in Slack', () => JSON.stringify(renderSlackReport(report, { run }))],
    ['the card', () => JSON.stringify(drawCard({ run, deliveries: [] }))],
    ['a page', () => renderHtml(report, { run })],
    ['a file of markdown', () => renderMarkdown(report, { run }).replaceAll('\\', '')],
    ['a terminal', () => renderText(report, { width: 120, color: 'none', about: { run } })],
  ])('%s', (_where, draw) => {
    expect(draw().split(line)).toHaveLength(2);
  });
  test('and without the account of a run it is what the report says', () => {
    expect(renderText(report, { width: 120, color: 'none' })).toContain('Cost: claude-sonnet-5-5 · $0.05 · 41.2 s');
  });
});
