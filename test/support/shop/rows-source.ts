/** A shop that was told, as a source of rows without any API. */
import { dayTeller, within } from '../../../src/runner/kinds/agent/tools/shopify/days.ts';
import type { ShopSource } from '../../../src/runner/kinds/agent/tools/shopify/rows.ts';
import type { BuiltShop } from './story.ts';

export function sourceOf({ shop, orders, products, discounts }: BuiltShop): ShopSource {
  const dayOf = dayTeller(shop.timeZone);
  return {
    shop: () => Promise.resolve(shop),
    orders: (days) =>
      Promise.resolve({ rows: orders.filter(({ createdAt }) => within(days, dayOf(createdAt))), gaps: [] }),
    products: (status) => Promise.resolve({ rows: products.filter((product) => product.status === status), gaps: [] }),
    discounts: () => Promise.resolve({ rows: discounts, gaps: [] }),
  };
}
