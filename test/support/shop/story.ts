/** Tells the story of a shop and makes its rows of it: the same words and seed give the same rows, to the minute. */
import { addDays, instantsOf, lastDay, listDays } from '../../../src/runner/kinds/agent/tools/shopify/days.ts';
import { minorDigits } from '../../../src/runner/kinds/agent/tools/shopify/money.ts';
import type {
  Discount,
  Order,
  OrderLine,
  Product,
  ShopFacts,
} from '../../../src/runner/kinds/agent/tools/shopify/rows.ts';

export interface BuiltShop {
  shop: ShopFacts;
  now: number;
  /** Oldest first. */
  orders: readonly Order[];
  products: readonly Product[];
  discounts: readonly Discount[];
}
/** A day of the shop: `2026-11-20`, or how many days ago (1 is yesterday, the last whole day). */
export type Day = string | number;

export interface StoryProduct {
  /** Digits; default 1001, 1002 ... */
  id?: string;
  title: string;
  /** Major units: 24.5. */
  price: number;
  /** Default unknown. */
  cost?: number;
  /** Default: not tracked. */
  stock?: number;
  incoming?: number;
  status?: Product['status'];
  /** Default 400 days ago. */
  created?: Day;
  /** More of them, that share price and cost; the stock is that of each. Default one. */
  variants?: number;
}
export interface StorySales {
  /** An id or a title of a product that was told before; undefined: one that was deleted. */
  product: string | undefined;
  /** Units; 0.5 is one every other day. */
  perDay: number;
  from: Day;
  to: Day;
  /** Title of a discount that was told before. */
  discount?: string;
  /** Share of the units that came back, 0 to 1. */
  refundRate?: number;
  /** Units of one order; default 1. */
  perOrder?: number;
  /** Where the product was deleted. */
  price?: number;
}
export interface StoryDiscount {
  id?: string;
  title: string;
  percent?: number;
  kind?: Discount['kind'];
  codes?: readonly string[];
  /** Default 30 days ago. */
  starts?: Day;
  /** Default never. */
  ends?: Day;
}
export interface Story {
  product(product: StoryProduct): Story;
  discount(discount: StoryDiscount): Story;
  sell(sales: StorySales): Story;
  build(): BuiltShop;
}

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function story(terms: {
  now: number;
  currency?: string;
  timeZone?: string;
  seed?: number;
  name?: string;
  taxesIncluded?: boolean;
}): Story {
  const { now, currency = 'EUR', timeZone = 'Europe/Berlin', name = 'Bellhop Goods', seed = 1 } = terms;
  const shop: ShopFacts = { name, currency, timeZone, taxesIncluded: terms.taxesIncluded ?? false };
  const random = seeded(seed);
  const products: Product[] = [];
  const discounts: Discount[] = [];
  const orders: Order[] = [];
  const today = addDays(lastDay(now, timeZone), 1);
  const dayOf = (day: Day): string => (typeof day === 'string' ? day : addDays(today, -day));
  const startOf = (day: Day): string =>
    new Date(instantsOf({ from: dayOf(day), to: dayOf(day) }, timeZone).from).toISOString();
  const minor = (major: number): number => Math.round(major * 10 ** minorDigits(currency));

  function addProduct(told: StoryProduct): void {
    const id = told.id ?? String(1001 + products.length);
    const variant = (at: number): Product['variants'][number] => ({
      id: `${id}${String(at).padStart(2, '0')}`,
      title: at === 0 ? 'Default' : `Variant ${at}`,
      sku: `SKU-${id}-${at}`,
      price: minor(told.price),
      unitCost: told.cost === undefined ? undefined : minor(told.cost),
      available: told.stock,
      incoming: at === 0 ? (told.incoming ?? 0) : 0,
    });
    products.push({
      id,
      title: told.title,
      status: told.status ?? 'active',
      createdAt: startOf(told.created ?? 400),
      variants: Array.from({ length: told.variants ?? 1 }, (_, at) => variant(at)),
    });
  }

  function addDiscount(told: StoryDiscount): void {
    discounts.push({
      id: told.id ?? String(501 + discounts.length),
      title: told.title,
      kind: told.kind ?? 'code',
      codes: told.codes ?? [],
      startsAt: startOf(told.starts ?? 30),
      endsAt: told.ends === undefined ? undefined : startOf(told.ends),
      percent: told.percent,
      uses: 0,
    });
  }

  /** One after the other, so that the pace is kept exactly and nothing is left to chance but the minute. */
  function addSales(told: StorySales): void {
    const product = products.find(({ id, title }) => id === told.product || title === told.product);
    if (told.product !== undefined && product === undefined) throw new Error(`no product ${told.product} was told`);
    const discount = discounts.find(({ title }) => title === told.discount);
    if (told.discount !== undefined && discount === undefined) throw new Error(`no discount ${told.discount} was told`);
    const terms: LineTerms = {
      product,
      price: product?.variants[0]?.price ?? minor(told.price ?? 10),
      percent: discount?.percent ?? 0,
      refundRate: told.refundRate ?? 0,
      sold: 0,
    };
    const perOrder = told.perOrder ?? 1;
    for (const [at, day] of listDays({ from: dayOf(told.from), to: dayOf(told.to) }).entries()) {
      let left = Math.floor((at + 1) * told.perDay + 1e-9) - Math.floor(at * told.perDay + 1e-9);
      for (; left > 0; left -= perOrder) {
        const line = lineOf(terms, Math.min(left, perOrder));
        orders.push({
          id: '',
          createdAt: minuteOf(day),
          lines: [line],
          discounts: discount === undefined ? [] : [discount.title],
        });
      }
    }
  }
  function minuteOf(day: string): string {
    const { from, before } = instantsOf({ from: day, to: day }, timeZone);
    return new Date(from + Math.floor((random() * (before - from)) / 60_000) * 60_000).toISOString();
  }

  const told: Story = {
    product: (product) => (addProduct(product), told),
    discount: (discount) => (addDiscount(discount), told),
    sell: (sales) => (addSales(sales), told),
    build() {
      const sorted = orders
        .toSorted((one, other) => (one.createdAt < other.createdAt ? -1 : 1))
        .map((order, at) => ({ ...order, id: String(9_000_001 + at) }));
      const uses = (title: string): number => sorted.filter((order) => order.discounts.includes(title)).length;
      const counted = discounts.map((discount) => ({ ...discount, uses: uses(discount.title) }));
      return { shop, now, orders: sorted, products: [...products], discounts: counted };
    },
  };
  return told;
}

interface LineTerms {
  product: Product | undefined;
  price: number;
  percent: number;
  refundRate: number;
  /** Units so far: what came back is a share of them. */
  sold: number;
}
function lineOf(terms: LineTerms, quantity: number): OrderLine {
  const gross = terms.price * quantity;
  const discount = Math.round((gross * terms.percent) / 100);
  const cameBack = (sold: number): number => Math.floor(sold * terms.refundRate + 1e-9);
  const refundedQuantity = cameBack(terms.sold + quantity) - cameBack(terms.sold);
  terms.sold += quantity;
  return {
    productId: terms.product?.id,
    title: terms.product?.title ?? 'A product that was deleted',
    quantity,
    gross,
    discount,
    refundedQuantity,
    refunded: Math.round(((gross - discount) * refundedQuantity) / quantity),
  };
}
