/** A runner whose agents speak to a scripted Claude API on loopback, over a store in memory or one that is given. */
import { join } from 'node:path';
import { z } from 'zod';
import { systemClock, type Clock } from '../../src/clock.ts';
import { agentJob, defineTool, type AgentJob, type Analysis, type Evidence, type NewFact } from '../../src/index.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createBudget, type Budget } from '../../src/runner/budget.ts';
import { createMemory } from '../../src/runner/memory.ts';
import { HOUSE_PRICES, type PriceTable } from '../../src/runner/kinds/agent/prices.ts';
import { openClaude } from '../../src/runner/kinds/agent/conversation/client.ts';
import type { AgentSettings } from '../../src/runner/kinds/agent/settings.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { buildHouse, staticRegistry, type House } from './runner-house.ts';

export const API_KEY = 'sk-ant-test-0123456789abcdef';
/** A folder with a prompt in it: jobs that are objects are loaded as if their file lay beside it. */
const PROMPT = './agent-prompt.md';

export interface Shelf {
  /** Pieces sold, by day of the run; changes what the tool says. */
  sold: number;
  fails?: (call: number) => unknown;
  /** Awaited by each call. */
  gate?: (signal: AbortSignal) => Promise<unknown>;
  calls: number;
}

const sold = (shelf: Shelf): NewFact[] => [
  { key: 'shelf.sold', label: 'Pieces sold', value: shelf.sold, unit: 'count', good: 'up' },
  { key: 'product.p1.stock', label: 'Stock of the blue mug', value: 2, unit: 'count' },
];

/** One read tool over a shelf. */
export function shelfTool(shelf: Shelf, name = 'shelf_summary') {
  return defineTool({
    name,
    description: 'What was sold, and what is left.',
    input: z.object({ days: z.number().int().min(1).max(60).default(7) }),
    risk: 'read',
    async run(_, ctx) {
      shelf.calls += 1;
      await shelf.gate?.(ctx.signal);
      const failure = shelf.fails?.(shelf.calls);
      if (failure !== undefined) throw failure;
      return {
        facts: sold(shelf),
        targets: [{ type: 'product', id: 'p1', title: 'Blue mug' }],
        data: { rows: [{ id: 'p1', title: 'Blue mug', left: 2 }] },
      };
    },
  });
}

export function analyse(evidence: Evidence): Analysis {
  return {
    headline: 'The blue mug runs out.',
    summary: 'Sold: {{shelf.sold}}.',
    figures: evidence.fact('shelf.sold') === undefined ? [] : [{ fact: 'shelf.sold' }],
    findings: [
      {
        key: 'stockout.product.p1',
        text: 'The stock of the blue mug is {{product.p1.stock}}.',
        confidence: 'high',
        target: { type: 'product', id: 'p1' },
      },
    ],
    advice: [
      {
        action: 'restock',
        target: { type: 'product', id: 'p1' },
        title: 'Restock the blue mug',
        why: 'Left: {{product.p1.stock}}.',
      },
    ],
  };
}

/** What a model answers that keeps to the rules. */
export const ANSWER = {
  headline: 'The blue mug is about to run out.',
  summary: 'Sold: {{F1}}.',
  findings: [{ text: 'Only {{F2}} left of the blue mug.', confidence: 'high', targetType: 'product', targetId: 'p1' }],
  recommendations: [
    {
      action: 'restock',
      targetId: 'p1',
      title: 'Restock the blue mug',
      why: 'Left: {{F2}}.',
      impact: null,
      confidence: 'high',
      repeatReason: null,
    },
  ],
};

export function shelfJob(shelf: Shelf, more: Partial<AgentJob> = {}): AgentJob {
  return {
    ...agentJob({
      name: 'shelf-report',
      description: 'Says what is on the shelf.',
      prompt: PROMPT,
      tools: [shelfTool(shelf)],
      baseline: () => [{ tool: 'shelf_summary', input: { days: 7 } }],
      actions: { restock: { target: 'product', label: 'Restock' } },
      analyse,
      destinations: ['file:shelf.md'],
      backoff: { base: 1, max: 1 },
    }),
    ...more,
  };
}

/** Of jobs whose files lie beside the prompt. */
export function registryOf(jobs: readonly unknown[]): ReturnType<typeof staticRegistry> {
  return staticRegistry(jobs, join(import.meta.dirname, 'static.ts'));
}

export interface AgentHouse extends House {
  budget: Budget;
}
export interface AgentHouseParts {
  jobs: readonly unknown[];
  /** Address of a scripted wire; without one there is no key. */
  url?: string;
  clock?: Clock;
  store?: Store;
  dayMicroUsd?: number;
  monthMicroUsd?: number;
  prices?: PriceTable;
  settings?: Partial<AgentSettings>;
  leaseMs?: number;
  secrets?: readonly string[];
}

export function buildAgentHouse(parts: AgentHouseParts): AgentHouse {
  const clock = parts.clock ?? systemClock;
  const store = parts.store ?? createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
  const registry = registryOf(parts.jobs);
  const prices = parts.prices ?? HOUSE_PRICES;
  const { dayMicroUsd, monthMicroUsd } = parts;
  const budget = createBudget({
    store,
    clock,
    log: silentLog,
    zone: 'UTC',
    caps: { ...(dayMicroUsd !== undefined && { dayMicroUsd }), ...(monthMicroUsd !== undefined && { monthMicroUsd }) },
    prices,
    alertsTo: [],
    jobs: () => registry.list().filter((job) => job.kind === 'agent'),
  });
  const agents: AgentSettings = {
    budget,
    memory: createMemory({ store, clock }),
    openClaude,
    prices,
    zone: 'UTC',
    variables: { SHELF_TOKEN: 'shelf-token-1', OTHER_TOKEN: 'other-token-1' },
    transcriptMs: 86_400_000,
    ...(parts.url !== undefined && { claude: { apiKey: API_KEY, baseUrl: parts.url } }),
    ...parts.settings,
  };
  const options = parts.leaseMs === undefined ? {} : { options: { leaseMs: parts.leaseMs } };
  return {
    ...buildHouse({
      registry,
      store,
      clock,
      agents,
      ...options,
      ...(parts.secrets && { secrets: [...parts.secrets] }),
    }),
    budget,
  };
}

/** The counters of money: what is used, and what unfinished runs hold, by key without its window. */
export async function ledger(store: Store): Promise<Record<string, { used: number; held: number }>> {
  const { items } = await store.listDocs('ledger', { limit: 100 });
  const Counter = z.object({ used: z.number(), held: z.record(z.string(), z.number()) });
  return Object.fromEntries(
    items.map(({ key, value }) => {
      const { used, held } = Counter.parse(value);
      const name = key.replace(/\.\d{4}-\d{2}(?:-\d{2})?$/, '');
      return [name, { used, held: Object.values(held).reduce((sum, one) => sum + one, 0) }];
    }),
  );
}

/** What all three counters stand at when so much was spent by runs that are over. */
export function spentInAll(microUsd: number): Record<string, { used: number; held: number }> {
  const counter = { used: microUsd, held: 0 };
  return { 'usd.day': counter, 'usd.month': counter, 'usd.job.shelf-report': counter };
}

/** A client that says when so many events of an answer have reached it (a ping is none): what was sent may still be on its way. */
export function listening(events = 1): { openClaude: AgentSettings['openClaude']; heard: Promise<void> } {
  const { promise: heard, resolve } = Promise.withResolvers<void>();
  let left = events;
  return {
    heard,
    async openClaude(settings) {
      const { client, sdk } = await openClaude(settings);
      const { messages, models } = client;
      const listened = Object.create(messages, {
        stream: {
          value: (...args: Parameters<typeof messages.stream>) => {
            const stream = messages.stream(...args);
            stream.on('streamEvent', () => --left === 0 && resolve());
            return stream;
          },
        },
      }) as typeof messages; // itself, with one member that does more
      return { client: { messages: listened, models }, sdk };
    },
  };
}
