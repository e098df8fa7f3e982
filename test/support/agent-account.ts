import type { AgentAccount } from '../../src/store/agent-records.ts';

const ok = { name: 'sales_summary', by: 'code', state: 'ok', ms: 20 } as const;

/** What an agent did and cost in an attempt; override what a test is about. */
export function agentAccount(over: Partial<AgentAccount> = {}): AgentAccount {
  return {
    mode: 'model',
    why: 'done',
    cutShort: false,
    model: 'claude-sonnet-5-5',
    promptSha256: 'a'.repeat(64),
    toolsSha256: 'b'.repeat(64),
    pricesAsOf: '2026-11-22',
    turns: 4,
    tokens: { input: 2_000, output: 1_400, cacheRead: 7_400, cacheWrite5m: 1_200, cacheWrite1h: 0 },
    microUsd: 51_234,
    runMicroUsd: 51_234,
    tools: [ok, ok, ok, ok, ok, { ...ok, state: 'failed', error: 'no' }],
    ms: 41_234,
    requestIds: [],
    lint: [],
    facts: [],
    ...over,
  };
}
