/** What the Admin API answers of orders, checked, and made into rows. */
import { z } from 'zod';
import { Bag, digitsOf, Gid, Instant, maybe, minorOf, PageInfo, Quantity, Text } from './answers.ts';
import type { Page } from './answers.ts';
import { clipTitle } from './figures.ts';
import type { Order, OrderLine } from './rows.ts';

export const LineNode = z.object({
  id: Gid,
  title: Text,
  quantity: Quantity,
  isGiftCard: z.boolean(),
  product: maybe(z.object({ id: Gid })),
  originalTotalSet: Bag,
  discountAllocations: z.array(z.object({ allocatedAmountSet: Bag })),
});
export type LineNode = z.infer<typeof LineNode>;
const Lines = z.object({ nodes: z.array(LineNode), pageInfo: PageInfo });
const OrderNode = z.object({
  id: Gid,
  createdAt: Instant,
  cancelledAt: maybe(z.string()),
  test: z.boolean(),
  discountApplications: z.object({
    nodes: z.array(z.object({ code: Text.optional(), title: Text.optional() })),
    pageInfo: z.object({ hasNextPage: z.boolean() }),
  }),
  refunds: z.array(z.object({ id: Gid })),
  lineItems: Lines,
});
export type OrderNode = z.infer<typeof OrderNode>;
export const OrdersAnswer = z
  .object({ orders: z.object({ nodes: z.array(OrderNode), pageInfo: PageInfo }) })
  .transform(({ orders }) => orders);
export const CountAnswer = z.object({ ordersCount: z.object({ count: Quantity }) });
export const OrderLinesAnswer = z
  .object({ order: z.object({ lineItems: Lines }).nullable() })
  .transform(
    ({ order }): Page<LineNode> =>
      order?.lineItems ?? { nodes: [], pageInfo: { hasNextPage: false, endCursor: undefined } },
  );

const RefundLine = z.object({ quantity: Quantity, lineItem: z.object({ id: Gid }), subtotalSet: Bag });
const Refunds = z.array(
  z.object({
    refundLineItems: z.object({ nodes: z.array(RefundLine), pageInfo: z.object({ hasNextPage: z.boolean() }) }),
  }),
);
export const RefundsAnswer = z
  .object({ nodes: z.array(z.object({ id: Gid, refunds: Refunds.optional() }).nullable()) })
  .transform(({ nodes }) => nodes.filter((node) => node !== null));
export type RefundsNode = z.infer<typeof RefundsAnswer>[number];

/** What came back of a line, by the line's id. */
export type CameBack = ReadonlyMap<string, { quantity: number; amount: number }>;

/** As asked for in the document: with so many there may be more. */
const REFUNDS_OF_ORDER = 5;
/** `more`: some refunds of the order were not read. */
export function readRefunds({ refunds = [] }: RefundsNode, currency: string): { back: CameBack; more: boolean } {
  const back = new Map<string, { quantity: number; amount: number }>();
  for (const { refundLineItems } of refunds)
    for (const { quantity, lineItem, subtotalSet } of refundLineItems.nodes) {
      const sums = back.get(lineItem.id) ?? { quantity: 0, amount: 0 };
      back.set(lineItem.id, {
        quantity: sums.quantity + quantity,
        amount: sums.amount + minorOf(subtotalSet.shopMoney.amount, currency),
      });
    }
  const more =
    refunds.length >= REFUNDS_OF_ORDER || refunds.some(({ refundLineItems }) => refundLineItems.pageInfo.hasNextPage);
  return { back, more };
}

/** What an order is, less its lines. */
export interface OrderHead {
  /** As Shopify writes it. */
  gid: string;
  createdAt: string;
  /** Neither cancelled nor a test. */
  sold: boolean;
  refunded: boolean;
  discounts: readonly string[];
}
/** A line without what came back of it, under Shopify's id. */
export interface ReadLine {
  gid: string;
  isGiftCard: boolean;
  row: OrderLine;
}

/** `more`: some discounts of the order were not read. */
export function readHead(node: OrderNode): { head: OrderHead; more: boolean } {
  const applied = node.discountApplications.nodes;
  const head = {
    gid: node.id,
    createdAt: node.createdAt,
    sold: !node.test && node.cancelledAt === undefined,
    refunded: node.refunds.length > 0,
    discounts: applied.flatMap(({ code, title }) => code ?? title ?? []),
  };
  return { head, more: node.discountApplications.pageInfo.hasNextPage };
}

/** Undefined: no sale (cancelled, a test, or gift cards alone, which are money in advance). */
export function readOrder(head: OrderHead, lines: readonly ReadLine[], back: CameBack): Order | undefined {
  const sold = lines.filter(({ isGiftCard }) => !isGiftCard);
  if (!head.sold || sold.length === 0) return undefined;
  return {
    id: digitsOf(head.gid),
    createdAt: head.createdAt,
    lines: sold.map(({ gid, row }) => {
      const returned = back.get(gid);
      return returned === undefined ? row : { ...row, refundedQuantity: returned.quantity, refunded: returned.amount };
    }),
    discounts: head.discounts,
  };
}

export function readLine(line: LineNode, currency: string): ReadLine {
  const row: OrderLine = {
    productId: line.product === undefined ? undefined : digitsOf(line.product.id),
    title: clipTitle(line.title),
    quantity: line.quantity,
    gross: minorOf(line.originalTotalSet.shopMoney.amount, currency),
    discount: line.discountAllocations.reduce(
      (sum, { allocatedAmountSet }) => sum + minorOf(allocatedAmountSet.shopMoney.amount, currency),
      0,
    ),
    refundedQuantity: 0,
    refunded: 0,
  };
  return { gid: line.id, isGiftCard: line.isGiftCard, row };
}
