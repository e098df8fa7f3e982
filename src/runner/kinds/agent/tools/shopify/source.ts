/** The rows of a shop, from the Admin API. */
import type { ToolContext } from '../../../../agent-job.ts';
import type { ShopSource } from './rows.ts';
export function openAdminApi(_ctx: Pick<ToolContext, 'env' | 'log'>): ShopSource {
  throw new Error('placeholder');
}
