/** What discounts give away and what they bring. Pure. */
import type { FactWindow } from '../../../../../store/agent-records.ts';
import type { NewFact, ToolOutput } from '../../../../agent-job.ts';
import { factWindow } from './days.ts';
import type { Windows } from './days.ts';
import { clipTitle, countFact, firstOf, labelOf, moneyFact, percentFact, targetOf } from './figures.ts';
import type { Figure } from './figures.ts';
import { discountRate, inWindow, netOf, sumOrders } from './metrics.ts';
import type { DatedOrder, Sums } from './metrics.ts';
import { toMajor } from './money.ts';
import type { Discount, Order, Product, ShopFacts } from './rows.ts';
import { compare, windowLabels } from './sales.ts';

export interface DiscountRows {
  shop: ShopFacts;
  windows: Windows;
  now: number;
  orders: readonly DatedOrder[];
  discounts: readonly Discount[];
  products: readonly Product[];
}

const LISTED = 20;
/** A margin is said when the costs of so much of the sales are known. */
const COSTS_KNOWN = 0.9;

interface Used {
  discount: Discount;
  sums: Sums;
  margin: number | null;
}

/** Figures of a discount are those of the orders that used it; an order with two discounts counts for both, in whole. */
export function activeDiscounts(rows: DiscountRows): ToolOutput {
  const { shop, windows } = rows;
  const active = rows.discounts.filter((discount) => isActive(discount, rows.now));
  const byName = ordersByName(inWindow(rows.orders, windows.current));
  const costs = unitCosts(rows.products);
  const used = active.map((discount): Used => {
    const orders = new Set(namesOf(discount).flatMap((name) => byName.get(name) ?? []));
    return { discount, sums: sumOrders([...orders]), margin: marginOf([...orders], costs) };
  });
  used.sort((one, other) => other.sums.discounts - one.sums.discounts || compare(one.discount.id, other.discount.id));
  const { rows: listed, gaps } = firstOf(used, LISTED, 'active discounts are listed, by what they gave');
  const window = factWindow(windows.current, windowLabels(windows).current);
  return {
    facts: [
      countFact({ key: 'discounts.active', label: 'Active discounts', value: active.length }),
      ...listed.flatMap((row) => discountFacts(row, shop.currency, window)),
    ],
    targets: listed.map(({ discount }) => targetOf('discount', discount)),
    window,
    gaps,
    data: {
      currency: shop.currency,
      rows: listed.map(({ discount, sums }) => ({
        id: discount.id,
        title: clipTitle(discount.title),
        kind: discount.kind,
        percent: discount.percent ?? null,
        startsAt: discount.startsAt,
        endsAt: discount.endsAt ?? null,
        usesEver: discount.uses,
        uses: sums.orders,
        given: toMajor(sums.discounts, shop.currency),
      })),
    },
  };
}

function isActive({ startsAt, endsAt }: Discount, now: number): boolean {
  return Date.parse(startsAt) <= now && (endsAt === undefined || Date.parse(endsAt) > now);
}

/** Buyers type codes as they like. */
function nameOf(text: string): string {
  return text.trim().toLowerCase();
}
function namesOf({ title, codes = [] }: Discount): string[] {
  return [...new Set([title, ...codes].map(nameOf))];
}
function ordersByName(orders: readonly Order[]): Map<string, Order[]> {
  const found = new Map<string, Order[]>();
  for (const order of orders)
    for (const name of new Set(order.discounts.map(nameOf))) {
      const list = found.get(name);
      if (list === undefined) found.set(name, [order]);
      else list.push(order);
    }
  return found;
}

/** Of a product: the mean over its variants, for a line does not say which was sold; undefined when one is not known. */
function unitCosts(products: readonly Product[]): Map<string, number> {
  const costs = new Map<string, number>();
  for (const { id, variants } of products) {
    let sum = 0;
    let known = 0;
    for (const { unitCost } of variants) {
      if (unitCost === undefined) continue;
      sum += unitCost;
      known++;
    }
    if (known > 0 && known === variants.length) costs.set(id, sum / known);
  }
  return costs;
}

/** (net - costs) / net of the lines whose costs are known, net = gross - discounts. */
function marginOf(orders: readonly Order[], costs: ReadonlyMap<string, number>): number | null {
  let known = 0;
  let cost = 0;
  for (const { lines } of orders)
    for (const line of lines) {
      const unitCost = line.productId === undefined ? undefined : costs.get(line.productId);
      if (unitCost === undefined) continue;
      known += line.gross - line.discount;
      cost += unitCost * line.quantity;
    }
  const net = netOf(sumOrders(orders));
  return known <= 0 || known < net * COSTS_KNOWN ? null : ((known - cost) / known) * 100;
}

function discountFacts({ discount, sums, margin }: Used, currency: string, window: FactWindow): NewFact[] {
  const figure = (name: string, what: string, value: number | null): Figure => ({
    key: `discount.${discount.id}.${name}`,
    label: labelOf(what, discount.title),
    value,
    window,
  });
  return [
    countFact(figure('uses', 'Orders with it', sums.orders)),
    moneyFact(figure('revenue_gross', 'Gross sales with it', sums.gross), currency),
    moneyFact(figure('given', 'Given away', sums.discounts), currency),
    percentFact({ ...figure('rate', 'Discount rate with it', discountRate(sums)), good: 'down' }),
    percentFact({ ...figure('margin', 'Margin with it', margin), good: 'up' }),
  ];
}
