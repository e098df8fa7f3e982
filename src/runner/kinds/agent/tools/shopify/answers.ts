/** What the Admin API answers, checked, and made into rows. */
import { z } from 'zod';
import { clipTitle } from './figures.ts';
import { toMinor } from './money.ts';
import type { Discount, Product, ShopFacts, Variant } from './rows.ts';

export const Gid = z
  .string()
  .max(200)
  .regex(/^gid:\/\/shopify\/[A-Za-z]+\/\d{1,20}(?:\?.*)?$/);
export const Instant = z.iso.datetime({ offset: true });
/** Null says the same as a field that is not there. */
export function maybe<S extends z.ZodType>(schema: S) {
  return schema.nullish().transform((value) => value ?? undefined);
}
export const PageInfo = z.object({ hasNextPage: z.boolean(), endCursor: maybe(z.string().max(2000)) });
/** Within exact sums of minor units. */
const Amount = z.string().regex(/^-?\d{1,12}(?:\.\d{1,12})?$/);
export const Bag = z.object({ shopMoney: z.object({ amount: Amount }) });
export const Text = z.string().max(1_000_000);
export const Quantity = z.int().min(-1e9).max(1e9);

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

const Levels = z.object({
  nodes: z.array(z.object({ quantities: z.array(z.object({ quantity: Quantity })) })),
  pageInfo: z.object({ hasNextPage: z.boolean() }),
});
/** `more`: there are places that were not read. */
export const IncomingAnswer = z
  .object({ nodes: z.array(z.object({ id: Gid, inventoryLevels: Levels.optional() }).nullable()) })
  .transform(({ nodes }) =>
    nodes.flatMap((node) => {
      if (node === null) return [];
      const all = (node.inventoryLevels?.nodes ?? []).flatMap(({ quantities }) => quantities);
      const quantity = all.reduce((sum, level) => sum + level.quantity, 0);
      return { id: node.id, quantity, more: node.inventoryLevels?.pageInfo.hasNextPage ?? false };
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
    codes: z
      .object({
        nodes: z.array(z.object({ code: Text })),
        pageInfo: z.object({ hasNextPage: z.boolean() }),
      })
      .optional(),
    customerGets: z.object({ value: z.object({ percentage: z.number().min(0).max(1).optional() }) }).optional(),
  }),
});
export const DiscountsAnswer = z
  .object({ discountNodes: z.object({ nodes: z.array(DiscountNode), pageInfo: PageInfo }) })
  .transform(({ discountNodes }) => discountNodes);

/** Codes of it that were not read. */
export function hasMoreCodes({ discount }: z.infer<typeof DiscountNode>): boolean {
  return discount.codes?.pageInfo.hasNextPage ?? false;
}
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

export function minorOf(text: string, currency: string): number {
  const minor = toMinor(text, currency);
  if (minor === undefined) throw new RangeError('an amount that was checked is none');
  return minor;
}
