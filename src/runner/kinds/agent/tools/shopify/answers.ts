/** What the Admin API answers, checked, and made into rows. */
import { z } from 'zod';
import { clipTitle } from './figures.ts';
import { toMinor } from './money.ts';
import type { Discount, Order, OrderLine, Product, ShopFacts, Variant } from './rows.ts';

const Gid = z
  .string()
  .max(200)
  .regex(/^gid:\/\/shopify\/[A-Za-z]+\/\d{1,20}(?:\?.*)?$/);
const Instant = z.iso.datetime({ offset: true });
/** Null says the same as a field that is not there. */
function maybe<S extends z.ZodType>(schema: S) {
  return schema.nullish().transform((value) => value ?? undefined);
}
const PageInfo = z.object({ hasNextPage: z.boolean(), endCursor: maybe(z.string().max(2000)) });
/** Within exact sums of minor units. */
const Amount = z.string().regex(/^-?\d{1,12}(?:\.\d{1,12})?$/);
const Bag = z.object({ shopMoney: z.object({ amount: Amount }) });
const Text = z.string().max(1_000_000);
const Quantity = z.int().min(-1e9).max(1e9);

/** A page of a list. */
export interface Page<T> {
  nodes: T[];
  pageInfo: z.infer<typeof PageInfo>;
}

function isZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

export const ShopAnswer = z.object({
  shop: z.object({
    name: Text,
    currencyCode: z.string().regex(/^[A-Z]{3}$/),
    ianaTimezone: z.string().max(100).refine(isZone),
    taxesIncluded: z.boolean(),
  }),
});
export function readShop({ shop }: z.infer<typeof ShopAnswer>): ShopFacts {
  const { name, currencyCode, ianaTimezone, taxesIncluded } = shop;
  return { name: clipTitle(name), currency: currencyCode, timeZone: ianaTimezone, taxesIncluded };
}

const LineNode = z.object({
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
  }),
  refunds: z.array(z.object({ id: Gid })),
  lineItems: Lines,
});
export type OrderNode = z.infer<typeof OrderNode>;
export const OrdersAnswer = z
  .object({ orders: z.object({ nodes: z.array(OrderNode), pageInfo: PageInfo }) })
  .transform(({ orders }) => orders);
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

/** Undefined: no sale (cancelled, a test, or gift cards alone, which are money in advance). */
export function readOrder(
  node: OrderNode,
  { lines, back, currency }: { lines: readonly LineNode[]; back: CameBack; currency: string },
): Order | undefined {
  const sold = lines.filter(({ isGiftCard }) => !isGiftCard);
  if (node.test || node.cancelledAt !== undefined || sold.length === 0) return undefined;
  return {
    id: digitsOf(node.id),
    createdAt: node.createdAt,
    lines: sold.map((line) => readLine(line, back, currency)),
    discounts: node.discountApplications.nodes.flatMap(({ code, title }) => code ?? title ?? []),
  };
}

function readLine(line: LineNode, back: CameBack, currency: string): OrderLine {
  const returned = back.get(line.id);
  return {
    productId: line.product === undefined ? undefined : digitsOf(line.product.id),
    title: clipTitle(line.title),
    quantity: line.quantity,
    gross: minorOf(line.originalTotalSet.shopMoney.amount, currency),
    discount: line.discountAllocations.reduce(
      (sum, { allocatedAmountSet }) => sum + minorOf(allocatedAmountSet.shopMoney.amount, currency),
      0,
    ),
    refundedQuantity: returned?.quantity ?? 0,
    refunded: returned?.amount ?? 0,
  };
}

const VariantNode = z.object({
  id: Gid,
  title: Text,
  sku: maybe(Text),
  price: Amount,
  inventoryQuantity: maybe(Quantity),
  inventoryItem: z.object({
    id: Gid,
    tracked: z.boolean(),
    unitCost: maybe(z.object({ amount: Amount })),
  }),
});
export type VariantNode = z.infer<typeof VariantNode>;
const Variants = z.object({ nodes: z.array(VariantNode), pageInfo: PageInfo });
const ProductNode = z.object({
  id: Gid,
  title: Text,
  status: z.string().max(40),
  createdAt: Instant,
  variants: Variants,
});
export type ProductNode = z.infer<typeof ProductNode>;
export const ProductsAnswer = z
  .object({ products: z.object({ nodes: z.array(ProductNode), pageInfo: PageInfo }) })
  .transform(({ products }) => products);
export const VariantsAnswer = z
  .object({ product: z.object({ variants: Variants }).nullable() })
  .transform(
    ({ product }): Page<VariantNode> =>
      product?.variants ?? { nodes: [], pageInfo: { hasNextPage: false, endCursor: undefined } },
  );

export const IncomingAnswer = z
  .object({
    nodes: z.array(
      z
        .object({
          id: Gid,
          inventoryLevels: z
            .object({ nodes: z.array(z.object({ quantities: z.array(z.object({ quantity: Quantity })) })) })
            .optional(),
        })
        .nullable(),
    ),
  })
  .transform(({ nodes }) =>
    nodes.flatMap((node) => {
      const levels = node?.inventoryLevels?.nodes ?? [];
      const all = levels.flatMap(({ quantities }) => quantities.map(({ quantity }) => quantity));
      return node === null ? [] : { id: node.id, quantity: all.reduce((sum, quantity) => sum + quantity, 0) };
    }),
  );

export function readProduct(
  node: ProductNode,
  more: {
    variants: readonly VariantNode[];
    status: Product['status'];
    currency: string;
    incoming: ReadonlyMap<string, number>;
  },
): Product {
  return {
    id: digitsOf(node.id),
    title: clipTitle(node.title),
    status: more.status,
    createdAt: node.createdAt,
    variants: more.variants.map((variant): Variant => {
      const { tracked, unitCost, id } = variant.inventoryItem;
      return {
        id: digitsOf(variant.id),
        title: clipTitle(variant.title),
        sku: variant.sku === undefined || variant.sku === '' ? undefined : clipTitle(variant.sku),
        price: minorOf(variant.price, more.currency),
        unitCost: unitCost === undefined ? undefined : minorOf(unitCost.amount, more.currency),
        available: tracked ? (variant.inventoryQuantity ?? 0) : undefined,
        incoming: more.incoming.get(id) ?? 0,
      };
    }),
  };
}

const DiscountNode = z.object({
  id: Gid,
  discount: z.object({
    __typename: z.string().max(80),
    title: Text.optional(),
    startsAt: Instant.optional(),
    endsAt: maybe(Instant),
    asyncUsageCount: z.int().nonnegative().optional(),
    codes: z.object({ nodes: z.array(z.object({ code: Text })) }).optional(),
    customerGets: z.object({ value: z.object({ percentage: z.number().min(0).max(1).optional() }) }).optional(),
  }),
});
export const DiscountsAnswer = z
  .object({ discountNodes: z.object({ nodes: z.array(DiscountNode), pageInfo: PageInfo }) })
  .transform(({ discountNodes }) => discountNodes);

/** Undefined: of a kind that is not known yet. */
export function readDiscount({ id, discount }: z.infer<typeof DiscountNode>): Discount | undefined {
  const { title, startsAt } = discount;
  if (title === undefined || startsAt === undefined) return undefined;
  const share = discount.customerGets?.value.percentage;
  return {
    id: digitsOf(id),
    title,
    kind: discount.__typename.startsWith('DiscountCode') ? 'code' : 'automatic',
    codes: discount.codes?.nodes.map(({ code }) => code) ?? [],
    startsAt,
    endsAt: discount.endsAt,
    percent: share === undefined ? undefined : Math.round(share * 10_000) / 100,
    uses: discount.asyncUsageCount ?? 0,
  };
}

export function digitsOf(gid: string): string {
  return /\/(\d+)(?:\?|$)/.exec(gid)?.[1] ?? '';
}

function minorOf(text: string, currency: string): number {
  const minor = toMinor(text, currency);
  if (minor === undefined) throw new RangeError('an amount that was checked is none');
  return minor;
}
