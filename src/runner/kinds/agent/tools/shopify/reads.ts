/** One reading for all tools of an attempt: each row is asked for once, however many tools want it at the same time. */
import { addDays } from './days.ts';
import { share } from './share.ts';
import type { Reading } from './share.ts';
import type { Days, Discount, Order, Product, Read, ShopFacts, ShopSource } from './rows.ts';

export interface ShopReads {
  shop(signal: AbortSignal): Promise<ShopFacts>;
  /** The orders of these days; only what no earlier call has read is asked for. */
  orders(days: Days, signal: AbortSignal): Promise<Read<Order>>;
  products(status: Product['status'], signal: AbortSignal): Promise<Read<Product>>;
  discounts(signal: AbortSignal): Promise<Read<Discount>>;
}

/** Readings by name: begun once, shared, forgotten when they fail. */
function createShelf(): <T>(kept: Map<string, Reading<T>>, name: string, read: Reading<T>) => Reading<T> {
  return (kept, name, read) => {
    const known = kept.get(name);
    if (known !== undefined) return known;
    const shared = share(read, () => kept.delete(name));
    kept.set(name, shared);
    return shared;
  };
}

export function createReads(source: ShopSource): ShopReads {
  const take = createShelf();
  const shops = new Map<string, Reading<ShopFacts>>();
  const products = new Map<string, Reading<Read<Product>>>();
  const discounts = new Map<string, Reading<Read<Discount>>>();
  const orders = new Map<string, Reading<Read<Order>>>();

  /** The stretches that were asked for, newest first; a wider question adds only the older days before them. */
  function stretches(days: Days): Reading<Read<Order>>[] {
    const known = [...orders.keys()].map(daysOf).sort((one, other) => (one.to < other.to ? 1 : -1));
    const wanted: Days[] = [];
    let to = days.to;
    for (const stretch of known) {
      if (to < days.from) break;
      if (stretch.from > to) continue;
      // One that failed was forgotten and left a hole.
      if (stretch.to < to && stretch.to >= days.from) wanted.push({ from: addDays(stretch.to, 1), to });
      if (stretch.to < days.from) break;
      wanted.push(stretch);
      to = addDays(stretch.from, -1);
    }
    if (days.from <= to) wanted.push({ from: days.from, to });
    return wanted.map((each) => take(orders, `${each.from}/${each.to}`, (signal) => source.orders(each, signal)));
  }

  return {
    shop: (signal) => take(shops, '', (shared) => source.shop(shared))(signal),
    products: (status, signal) => take(products, status, (shared) => source.products(status, shared))(signal),
    discounts: (signal) => take(discounts, '', (shared) => source.discounts(shared))(signal),
    async orders(days, signal) {
      const reads = await Promise.all(stretches(days).map(async (read) => ({ found: await read(signal) })));
      return join(reads);
    },
  };
}

function daysOf(name: string): Days {
  const [from = '', to = ''] = name.split('/');
  return { from, to };
}

/** Rows of a stretch that is wider than the question are left in: the day of an order is told by whoever knows the zone. */
function join(reads: readonly { found: Read<Order> }[]): Read<Order> {
  const oldestFirst = reads.toReversed();
  const completeFrom = reads
    .flatMap(({ found }) => found.completeFrom ?? [])
    .sort()
    .at(-1);
  return {
    rows: oldestFirst.flatMap(({ found }) => found.rows),
    gaps: [...new Set(oldestFirst.flatMap(({ found }) => found.gaps))],
    ...(completeFrom === undefined ? {} : { completeFrom }),
  };
}
