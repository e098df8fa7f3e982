/** The rows of a shop, read from the Admin API page by page; whatever is left out is said. */
import { systemClock } from '../../../../../clock.ts';
import type { Clock } from '../../../../../clock.ts';
import type { ToolContext } from '../../../../agent-job.ts';
import { readAddress } from './address.ts';
import { DiscountsAnswer, hasMoreCodes, readDiscount, readShop, ShopAnswer } from './answers.ts';
import { tokenSource } from './auth.ts';
import { createShopClient } from './client.ts';
import { pagesOf } from './pages.ts';
import type { Desk } from './pages.ts';
import { DISCOUNTS, SHOP } from './documents.ts';
import type { Discount, Read, ShopFacts, ShopSource } from './rows.ts';
import { checkScopes } from './scopes.ts';
import { readOrders } from './source-orders.ts';
import { readProducts } from './source-products.ts';

export interface SourceDeps {
  clock?: Clock;
  random?: () => number;
}
const MAX_DISCOUNTS = 500;

/** Throws SHOPIFY_REJECTED when the variables cannot be used; everything else is found out with the first question. */
export function openAdminApi(ctx: Pick<ToolContext, 'env' | 'now'>, deps: SourceDeps = {}): ShopSource {
  const { clock = systemClock, random } = deps;
  const address = readAddress(ctx.env);
  const tokens = tokenSource(ctx.env, address, clock);
  const client = createShopClient({ clock, address, tokens, ...(random === undefined ? {} : { random }) });
  let shop: ShopFacts | undefined;

  async function desk(signal: AbortSignal): Promise<Desk> {
    const { allOrders } = await checkScopes({ client, tokens, env: ctx.env }, signal);
    shop ??= readShop(await client.ask({ document: SHOP, data: ShopAnswer }, signal));
    return { client, clock, shop, now: ctx.now, allOrders, files: address.files };
  }
  function warned<T>(read: Read<T>): Read<T> {
    return { ...read, gaps: [...client.warnings(), ...read.gaps] };
  }
  return {
    shop: async (signal) => (await desk(signal)).shop,
    orders: async (days, signal) => warned(await readOrders(await desk(signal), days, signal)),
    products: async (status, signal) => warned(await readProducts(await desk(signal), status, signal)),
    discounts: async (signal) => warned(await readDiscounts(await desk(signal), signal)),
  };
}

async function readDiscounts({ client }: Desk, signal: AbortSignal): Promise<Read<Discount>> {
  const rows: Discount[] = [];
  const gaps = new Set<string>();
  let unknown = 0;
  const pages = pagesOf(client, { document: DISCOUNTS, data: DiscountsAnswer, first: 25 }, signal);
  for await (const nodes of pages) {
    for (const node of nodes) {
      const row = readDiscount(node);
      if (row === undefined) unknown++;
      else rows.push(row);
      if (hasMoreCodes(node))
        gaps.add('of discounts with more than 10 codes only the uses of the first 10 were counted');
    }
    if (rows.length >= MAX_DISCOUNTS) {
      gaps.add(`only ${rows.length} active discounts were read`);
      break;
    }
  }
  if (unknown > 0) gaps.add(`${unknown} discounts of a kind that is not known were left out`);
  return { rows, gaps: [...gaps] };
}
