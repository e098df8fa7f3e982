/** Accounts of agents, as far as a store cares. */
import type { AgentAccount } from '../../src/store/agent-records.ts';

/** What an agent did that cost its run so much in all; null: nobody knows. */
export function account(runMicroUsd: number | null, over: Partial<AgentAccount> = {}): AgentAccount {
  return {
    mode: 'model',
    why: 'done',
    cutShort: false,
    model: 'claude-sonnet-4-5',
    promptSha256: 'a'.repeat(64),
    toolsSha256: 'b'.repeat(64),
    pricesAsOf: '2026-11-01',
    turns: 2,
    tokens: { input: 1200, output: 300, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 },
    microUsd: runMicroUsd,
    runMicroUsd,
    tools: [{ name: 'sales_summary', by: 'code', state: 'ok', ms: 12 }],
    ms: 4000,
    requestIds: [],
    lint: [],
    facts: [
      {
        id: 'F1',
        key: 'sales.revenue',
        label: 'Revenue',
        value: 18235.5,
        unit: 'money',
        currency: 'EUR',
        source: { tool: 'sales_summary', query: '{"days":7}' },
      },
    ],
    ...over,
  };
}
