/** The tools over a Shopify store. */
import type { AgentTool, ToolContext } from '../../../../agent-job.ts';
import type { ShopSource } from './rows.ts';

export function shopifyTools(_options?: {
  source?: (ctx: ToolContext) => ShopSource | Promise<ShopSource>;
}): AgentTool[] {
  throw new Error('placeholder');
}
