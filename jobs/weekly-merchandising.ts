/**
 * The Monday report of a shop: what sold, what runs out, what does not move, what a discount costs, and what to do about it. Code finds
 * and judges; a model, where ANTHROPIC_API_KEY is set, weighs and words. Without SHOPIFY_STORE it speaks of an invented shop, and says so.
 */
import { agentJob, shopifyTools, splitTargets, type AgentTool } from 'bellhop';
import { z } from 'zod';
import { analyse } from './_merchandising/analyse.ts';
import { demoShop } from './_merchandising/demo-shop.ts';
import { DEMO_NOTE } from './_merchandising/evidence.ts';
import { followUp } from './_merchandising/follow-up.ts';
import { LIMITS } from './_merchandising/limits.ts';

const asObject = (data: unknown): object => (typeof data === 'object' && data !== null ? data : {});

/** The tools over the shop of SHOPIFY_STORE; over the demo shop, and saying so, where none is named. */
function tools(): AgentTool[] {
  const demo = new Map(shopifyTools({ source: demoShop }).map((tool) => [tool.name, tool]));
  return shopifyTools().map((live) => ({
    ...live,
    async run(input, ctx) {
      const stand = (ctx.env['SHOPIFY_STORE'] ?? '') === '' ? demo.get(live.name) : undefined;
      if (stand === undefined) return live.run(input, ctx);
      const found = await stand.run(input, ctx);
      return { ...found, data: { ...asObject(found.data), sample: DEMO_NOTE } };
    },
  }));
}

export default agentJob({
  name: 'weekly-merchandising',
  description: 'Reports how the shop did, what runs out or does not sell, and what to do about it.',
  input: z.object({
    days: z.number().int().min(1).max(28).default(7).describe('How many whole days the report speaks of'),
    mail: z.email().optional().describe('Send the report to this address as well'),
  }),
  prompt: './_merchandising/prompt.md',
  tools: tools(),
  env: [
    'SHOPIFY_STORE',
    'SHOPIFY_ACCESS_TOKEN',
    'SHOPIFY_CLIENT_ID',
    'SHOPIFY_CLIENT_SECRET',
    'SHOPIFY_API_URL',
    'SHOPIFY_ALLOW_WRITE_SCOPES',
  ],
  baseline: ({ days }) => [
    { tool: 'sales_summary', input: { days } },
    { tool: 'sales_by_product', input: { days, top: 40 } },
    { tool: 'inventory_risk', input: { days: LIMITS.paceDays, cover: LIMITS.leadDays, dead: LIMITS.deadDays } },
    { tool: 'active_discounts', input: { days } },
  ],
  requires: ['sales_summary'],
  actions: {
    restock: { target: 'product', label: 'Restock' },
    mark_down: { target: 'product', label: 'Mark down' },
    end_discount: { target: 'discount', label: 'End the discount' },
    check_quality: { target: 'product', label: 'Check the quality' },
    feature: { target: 'product', label: 'Feature' },
    review_price: { target: 'product', label: 'Review the price' },
  },
  analyse,
  followUp,
  whenModelFails: 'figures',
  budget: { usd: 0.25, turns: 6, toolCalls: 12 },
  timeout: '10m',
  retries: 2,
  // Without a place it is nobody's: then `/jobs schedule weekly-merchandising every monday 09:00 to=…` makes the schedule.
  schedules: (variable) => {
    const to = splitTargets(variable('WEEKLY_MERCHANDISING_TO') ?? '');
    return to.length === 0 ? [] : [{ when: 'every monday 09:00', destinations: to }];
  },
  destinations: ({ mail }) => (mail === undefined ? ['origin'] : ['origin', mail]),
});
