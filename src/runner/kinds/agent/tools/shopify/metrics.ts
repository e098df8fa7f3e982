/** Sums over the rows of a shop, in minor units; every tool's figures are made of these. Pure. */
import { listDays, within } from './days.ts';
import { percentOf } from './figures.ts';
import type { Days, Order, OrderLine } from './rows.ts';

/** An order under the day of the shop on which it was made. */
export interface DatedOrder extends Order {
  day: string;
}
/** Refunds count on the day of their order, so that revenue, discounts and refunds of a window speak of the same orders. */
export interface Sums {
  gross: number;
  discounts: number;
  refunds: number;
  units: number;
  refundedUnits: number;
  orders: number;
}

export const NOTHING: Sums = { gross: 0, discounts: 0, refunds: 0, units: 0, refundedUnits: 0, orders: 0 };

export function revenueOf({ gross, discounts, refunds }: Sums): number {
  return gross - discounts - refunds;
}
/** What was charged before anything was given back. */
export function netOf({ gross, discounts }: Sums): number {
  return gross - discounts;
}
export function discountRate(sums: Sums): number | null {
  return percentOf(sums.discounts, sums.gross);
}
export function refundRate(sums: Sums): number | null {
  return percentOf(sums.refunds, netOf(sums));
}

export function dated(orders: readonly Order[], dayOf: (instant: string) => string): DatedOrder[] {
  return orders.map((order) => ({ ...order, day: dayOf(order.createdAt) }));
}
export function inWindow(orders: readonly DatedOrder[], days: Days): DatedOrder[] {
  return orders.filter(({ day }) => within(days, day));
}

function addLine(sums: Sums, line: OrderLine): void {
  sums.gross += line.gross;
  sums.discounts += line.discount;
  sums.refunds += line.refunded;
  sums.units += line.quantity;
  sums.refundedUnits += line.refundedQuantity;
}

export function sumOrders(orders: readonly Order[]): Sums {
  const sums = { ...NOTHING, orders: orders.length };
  for (const order of orders) for (const line of order.lines) addLine(sums, line);
  return sums;
}

/** What was sold of each product, under its id; `undefined` holds the products that were deleted since. `orders` counts those that hold it. */
export function sumProducts(orders: readonly Order[]): Map<string | undefined, Sums & { title: string }> {
  const found = new Map<string | undefined, Sums & { title: string }>();
  for (const order of orders) {
    const here = new Set<string | undefined>();
    for (const line of order.lines) {
      let sums = found.get(line.productId);
      if (sums === undefined) found.set(line.productId, (sums = { ...NOTHING, title: line.title }));
      addLine(sums, line);
      if (!here.has(line.productId)) sums.orders++;
      here.add(line.productId);
    }
  }
  return found;
}

/** Every day of the window, also those without an order. */
export function sumDays(orders: readonly DatedOrder[], days: Days): { date: string; sums: Sums }[] {
  const byDay = Map.groupBy(inWindow(orders, days), ({ day }) => day);
  return listDays(days).map((date) => ({ date, sums: sumOrders(byDay.get(date) ?? []) }));
}
