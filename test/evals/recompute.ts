/** The figures of a shop once more, from its rows and by another way than the tools': whole numbers, one pass, days by the calendar of Intl. */
import type { BuiltShop } from '../support/shop/story.ts';

const DAY = 86_400_000;

export type Figures = Map<string, number | null>;

const DIGITS: Readonly<Record<string, number>> = { JPY: 0 };

/** How many days of the shop's calendar an instant lies before now. */
function dayTeller({ shop: { timeZone }, now }: BuiltShop): (instant: string) => number {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone });
  const dayNumber = (at: number): number => Math.round(Date.parse(`${format.format(at)}T00:00:00Z`) / DAY);
  const today = dayNumber(now);
  return (instant) => today - dayNumber(Date.parse(instant));
}

interface Sum {
  gross: number;
  off: number;
  back: number;
  units: number;
  backUnits: number;
  orders: Set<string>;
}
const none = (): Sum => ({ gross: 0, off: 0, back: 0, units: 0, backUnits: 0, orders: new Set() });

function take(sum: Sum, order: BuiltShop['orders'][number], line: BuiltShop['orders'][number]['lines'][number]): void {
  sum.gross += line.gross;
  sum.off += line.discount;
  sum.back += line.refunded;
  sum.units += line.quantity;
  sum.backUnits += line.refundedQuantity;
  sum.orders.add(order.id);
}

const net = (sum: Sum): number => sum.gross - sum.off - sum.back;
const percent = (part: number, whole: number): number | null => (whole === 0 ? null : (100 * part) / whole);

/** Of the last `days` whole days, the days before them, and the products sold in them. */
export function recompute(built: BuiltShop, days: number): Figures {
  const { currency } = built.shop;
  const scale = 10 ** (DIGITS[currency] ?? 2);
  const daysAgo = dayTeller(built);
  const sums = { now: none(), before: none() };
  const products = new Map<string, { now: Sum; before: Sum }>();
  for (const order of built.orders) {
    const ago = daysAgo(order.createdAt);
    if (ago < 1 || ago > 2 * days) continue;
    const when = ago <= days ? 'now' : 'before';
    for (const line of order.lines) {
      take(sums[when], order, line);
      if (line.productId === undefined) continue;
      const one = products.get(line.productId) ?? { now: none(), before: none() };
      products.set(line.productId, one);
      take(one[when], order, line);
    }
  }
  const figures: Figures = new Map();
  for (const [prefix, sum] of [
    ['sales', sums.now],
    ['sales.previous', sums.before],
  ] as const) {
    figures.set(`${prefix}.revenue`, net(sum) / scale).set(`${prefix}.gross`, sum.gross / scale);
    figures.set(`${prefix}.orders`, sum.orders.size).set(`${prefix}.units`, sum.units);
    figures.set(`${prefix}.discounts`, sum.off / scale).set(`${prefix}.refunds`, sum.back / scale);
    figures.set(`${prefix}.discount_rate`, percent(sum.off, sum.gross));
    figures.set(`${prefix}.refund_rate`, percent(sum.back, sum.gross - sum.off));
    const aov = sum.orders.size === 0 ? null : Math.round((sum.gross - sum.off) / sum.orders.size) / scale;
    figures.set(`${prefix}.aov`, aov);
  }
  figures.set('sales.change.revenue', percent(net(sums.now) - net(sums.before), net(sums.before)));
  figures.set('sales.change.orders', percent(sums.now.orders.size - sums.before.orders.size, sums.before.orders.size));
  for (const [id, { now, before }] of products) {
    if (now.units === 0 && before.units === 0) continue;
    figures.set(`product.${id}.revenue`, net(now) / scale).set(`product.${id}.units`, now.units);
    figures.set(`product.${id}.previous_units`, before.units);
    figures.set(`product.${id}.share`, percent(net(now), net(sums.now)));
    figures.set(`product.${id}.refund_rate`, percent(now.back, now.gross - now.off));
    figures.set(`product.${id}.refunded_units`, now.backUnits);
  }
  return figures;
}

/** Stock as it is, and days of it at the pace of the last 28 whole days, of the products that sold in all of them. */
export function recomputeStock(built: BuiltShop): Figures {
  const daysAgo = dayTeller(built);
  const figures: Figures = new Map();
  const sold = new Map<string | undefined, number>();
  for (const { createdAt, lines } of built.orders) {
    const ago = daysAgo(createdAt);
    if (ago < 1 || ago > 28) continue;
    for (const { productId, quantity } of lines) sold.set(productId, (sold.get(productId) ?? 0) + quantity);
  }
  for (const { id, variants, createdAt } of built.products) {
    const stock = variants.reduce((sum, { available }) => sum + (available ?? 0), 0);
    figures.set(`product.${id}.stock`, stock);
    if (daysAgo(createdAt) < 28) continue;
    const units = sold.get(id) ?? 0;
    figures.set(`product.${id}.days_of_cover`, units === 0 ? null : (stock * 28) / units);
  }
  return figures;
}
