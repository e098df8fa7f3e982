import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { minorDigits, toMajor, toMinor } from '../../../src/runner/kinds/agent/tools/shopify/money.ts';
import { instantsOf, listDays, windowsOf } from '../../../src/runner/kinds/agent/tools/shopify/days.ts';
import type { Order, OrderLine, Product, ShopFacts } from '../../../src/runner/kinds/agent/tools/shopify/rows.ts';
import type { ToolOutput } from '../../../src/runner/agent-job.ts';
import { MAX_FACTS } from '../../../src/store/agent-records.ts';
import { decimal } from '../../support/shop/resolvers.ts';
import { caller, context, NOW, smallShop, valueOf } from '../../support/shop/reading.ts';
import { sourceOf } from '../../support/shop/rows-source.ts';
import { story } from '../../support/shop/story.ts';
import type { BuiltShop } from '../../support/shop/story.ts';

const CURRENCIES = ['EUR', 'JPY', 'KWD'] as const;
const DAY_MS = 86_400_000;

/** A line whose refund is no more than was paid. */
const line: fc.Arbitrary<OrderLine> = fc
  .record({
    productId: fc.option(fc.constantFrom('1', '2', '3'), { nil: undefined }),
    quantity: fc.integer({ min: 1, max: 5 }),
    gross: fc.integer({ min: 0, max: 100_000 }),
    off: fc.integer({ min: 0, max: 100 }),
    back: fc.integer({ min: 0, max: 5 }),
  })
  .map(({ productId, quantity, gross, off, back }) => {
    const discount = Math.round((gross * off) / 100);
    const refundedQuantity = Math.min(quantity, back);
    const refunded = Math.round(((gross - discount) * refundedQuantity) / quantity);
    return {
      productId,
      title: `Product ${productId ?? 'gone'}`,
      quantity,
      gross,
      discount,
      refundedQuantity,
      refunded,
    };
  });
const order: fc.Arbitrary<Order> = fc.record({
  id: fc.nat().map(String),
  createdAt: fc.integer({ min: NOW - 45 * DAY_MS, max: NOW }).map((at) => new Date(at).toISOString()),
  lines: fc.array(line, { minLength: 1, maxLength: 4 }),
  discounts: fc.subarray(['WINTER', 'winter', 'SUMMER']),
});
const product: fc.Arbitrary<Product> = fc.record({
  id: fc.constantFrom('1', '2', '3', '4'),
  title: fc.string({ minLength: 1, maxLength: 30 }),
  status: fc.constant('active' as const),
  createdAt: fc.integer({ min: NOW - 200 * DAY_MS, max: NOW }).map((at) => new Date(at).toISOString()),
  variants: fc.array(
    fc.record({
      id: fc.nat().map(String),
      title: fc.constant('v'),
      sku: fc.constant(undefined),
      price: fc.integer({ min: 1, max: 50_000 }),
      unitCost: fc.option(fc.integer({ min: 0, max: 50_000 }), { nil: undefined }),
      available: fc.option(fc.integer({ min: -5, max: 200 }), { nil: undefined }),
      incoming: fc.nat(50),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});
const shops: fc.Arbitrary<BuiltShop> = fc
  .record({
    currency: fc.constantFrom(...CURRENCIES),
    timeZone: fc.constantFrom('Europe/Berlin', 'America/Los_Angeles', 'Pacific/Auckland', 'Asia/Kolkata'),
    orders: fc.array(order, { maxLength: 40 }),
    products: fc.uniqueArray(product, { selector: ({ id }) => id, maxLength: 4 }),
  })
  .map(({ currency, timeZone, orders, products }) => ({
    shop: { name: 'x', currency, timeZone },
    now: NOW,
    orders: orders.toSorted((one, other) => Date.parse(one.createdAt) - Date.parse(other.createdAt)),
    products,
    discounts: [
      {
        id: '51',
        title: 'Winter',
        kind: 'code',
        startsAt: '2026-01-01T00:00:00Z',
        endsAt: undefined,
        percent: 10,
        uses: 3,
      },
      {
        id: '52',
        title: 'SUMMER',
        kind: 'code',
        startsAt: '2026-01-01T00:00:00Z',
        endsAt: '2026-06-01T00:00:00Z',
        percent: 10,
        uses: 3,
      },
    ],
  }));

/** Another way to tell a day: the parts of the wall clock, put together by hand. */
function wallDay(at: string, { timeZone }: ShopFacts): string {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
  }).formatToParts(new Date(at));
  const part = (type: string): string => (parts.find((each) => each.type === type)?.value ?? '').padStart(2, '0');
  return `${part('year')}-${part('month')}-${part('day')}`;
}
/** The days before today by the wall clock, newest first: 1 is yesterday. Noon of a day is in that day whatever clocks do. */
function daysAgo(shop: ShopFacts, count: number): string[] {
  const today = Date.parse(`${wallDay(new Date(NOW).toISOString(), shop)}T12:00:00Z`);
  return Array.from({ length: count }, (_, at) => new Date(today - (at + 1) * DAY_MS).toISOString().slice(0, 10));
}
type Flat = OrderLine & { day: string; order: Order };
function flat({ orders, shop }: BuiltShop, days: readonly string[]): Flat[] {
  return orders.flatMap((each) => {
    const day = wallDay(each.createdAt, shop);
    return days.includes(day) ? each.lines.map((row) => ({ ...row, day, order: each })) : [];
  });
}
const sum = (rows: readonly Flat[], of: (row: Flat) => number): bigint =>
  rows.reduce((total, row) => total + BigInt(of(row)), 0n);
const major = (minor: bigint, { currency }: ShopFacts): number => Number(decimal(Number(minor), currency));
const near = (actual: unknown, expected: number | null): void => {
  if (expected === null) expect(actual).toBeNull();
  else expect(Math.abs(Number(actual) - expected)).toBeLessThanOrEqual(0.0501);
};
const rate = (part: bigint, whole: bigint): number | null => (whole > 0n ? (Number(part) * 100) / Number(whole) : null);

describe('figures, recomputed from the rows in another way', () => {
  test('of what was sold', async () => {
    await fc.assert(
      fc.asyncProperty(shops, fc.integer({ min: 1, max: 20 }), async (built, days) => {
        const output = await caller(sourceOf(built))('sales_summary', { days });
        const all = daysAgo(built.shop, days * 2);
        const [now, before] = [flat(built, all.slice(0, days)), flat(built, all.slice(days))];
        for (const [rows, prefix] of [
          [now, 'sales'],
          [before, 'sales.previous'],
        ] as const) {
          const gross = sum(rows, (row) => row.gross);
          const discounts = sum(rows, (row) => row.discount);
          const refunds = sum(rows, (row) => row.refunded);
          expect(valueOf(output, `${prefix}.revenue`)).toBe(major(gross - discounts - refunds, built.shop));
          expect(valueOf(output, `${prefix}.gross`)).toBe(major(gross, built.shop));
          expect(valueOf(output, `${prefix}.discounts`)).toBe(major(discounts, built.shop));
          expect(valueOf(output, `${prefix}.refunds`)).toBe(major(refunds, built.shop));
          expect(valueOf(output, `${prefix}.units`)).toBe(Number(sum(rows, (row) => row.quantity)));
          expect(valueOf(output, `${prefix}.orders`)).toBe(new Set(rows.map((row) => row.order)).size);
          near(valueOf(output, `${prefix}.discount_rate`), rate(discounts, gross));
          near(valueOf(output, `${prefix}.refund_rate`), rate(refunds, gross - discounts));
        }
        const revenue = (rows: Flat[]): bigint => sum(rows, (row) => row.gross - row.discount - row.refunded);
        near(valueOf(output, 'sales.change.revenue'), rate(revenue(now) - revenue(before), revenue(before)));
        const daily = (output.data as { daily: { date: string; units: number }[] }).daily; // what the contract says
        expect(daily.map(({ date }) => date)).toEqual(all.toReversed());
        expect(daily.map(({ units }) => units)).toEqual(
          all.toReversed().map((day) =>
            Number(
              sum(
                [...now, ...before].filter((row) => row.day === day),
                (row) => row.quantity,
              ),
            ),
          ),
        );
      }),
      { numRuns: 60 },
    );
  });

  test('of each product', async () => {
    await fc.assert(
      fc.asyncProperty(shops, fc.integer({ min: 1, max: 20 }), async (built, days) => {
        const output = await caller(sourceOf(built))('sales_by_product', { days });
        const all = daysAgo(built.shop, days * 2);
        const [now, before] = [flat(built, all.slice(0, days)), flat(built, all.slice(days))];
        const total = sum(now, (row) => row.gross - row.discount - row.refunded);
        const ids = new Set([...now, ...before].flatMap(({ productId }) => productId ?? []));
        expect(new Set(output.targets?.map(({ id }) => id))).toEqual(ids);
        for (const id of ids) {
          const mine = now.filter((row) => row.productId === id);
          const earlier = before.filter((row) => row.productId === id);
          const units = sum(mine, (row) => row.quantity);
          const unitsBefore = sum(earlier, (row) => row.quantity);
          const revenue = sum(mine, (row) => row.gross - row.discount - row.refunded);
          expect(valueOf(output, `product.${id}.revenue`)).toBe(major(revenue, built.shop));
          expect(valueOf(output, `product.${id}.units`)).toBe(Number(units));
          expect(valueOf(output, `product.${id}.previous_units`)).toBe(Number(unitsBefore));
          expect(valueOf(output, `product.${id}.refunded_units`)).toBe(
            Number(sum(mine, (row) => row.refundedQuantity)),
          );
          near(valueOf(output, `product.${id}.change_units`), rate(units - unitsBefore, unitsBefore));
          near(valueOf(output, `product.${id}.share`), rate(revenue, total));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('of the stock', async () => {
    await fc.assert(
      fc.asyncProperty(
        shops,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 14, max: 40 }),
        async (built, days, dead) => {
          const output = await caller(sourceOf(built))('inventory_risk', { days, dead, cover: 10 });
          const recent = daysAgo(built.shop, days);
          const window = daysAgo(built.shop, dead);
          const counted = { out: 0, risk: 0, dead: 0, value: 0n };
          for (const { id, variants, createdAt } of built.products) {
            const tracked = variants.filter(({ available }) => available !== undefined);
            if (tracked.length === 0) continue;
            const born = wallDay(createdAt, built.shop);
            const stock = tracked.reduce((total, { available = 0 }) => total + (available > 0 ? available : 0), 0);
            const sold = Number(
              sum(
                flat(built, recent).filter((row) => row.productId === id),
                (row) => row.quantity,
              ),
            );
            const onSale = Math.max(1, recent.filter((day) => day >= born).length);
            const moved = flat(built, window).some((row) => row.productId === id);
            const isDead = stock > 0 && !moved && born <= (window.at(-1) ?? '');
            const atRisk = stock > 0 && sold > 0 && stock * onSale <= 10 * sold;
            if (stock === 0) counted.out++;
            if (atRisk) counted.risk++;
            if (isDead) counted.dead++;
            if (isDead)
              for (const { available = 0, unitCost, price } of tracked)
                if (available > 0) counted.value += BigInt(available) * BigInt(unitCost ?? price);
            if (stock === 0 || atRisk || isDead) {
              expect(valueOf(output, `product.${id}.stock`)).toBe(stock);
              near(valueOf(output, `product.${id}.days_of_cover`), sold === 0 ? null : (stock * onSale) / sold);
              near(valueOf(output, `product.${id}.sold_per_day`), sold / onSale);
            }
          }
          expect(valueOf(output, 'inventory.out_of_stock')).toBe(counted.out);
          expect(valueOf(output, 'inventory.at_risk')).toBe(counted.risk);
          expect(valueOf(output, 'inventory.dead')).toBe(counted.dead);
          expect(valueOf(output, 'inventory.dead_value')).toBe(major(counted.value, built.shop));
        },
      ),
      { numRuns: 80 },
    );
  });

  test('of discounts: codes are told apart without their case, and a discount that is over is none', async () => {
    await fc.assert(
      fc.asyncProperty(shops, fc.integer({ min: 1, max: 20 }), async (built, days) => {
        const output = await caller(sourceOf(built))('active_discounts', { days });
        const rows = flat(built, daysAgo(built.shop, days)).filter(({ order: { discounts } }) =>
          discounts.some((name) => name.toLowerCase() === 'winter'),
        );
        expect(valueOf(output, 'discounts.active')).toBe(1);
        expect(valueOf(output, 'discount.52.uses')).toBeUndefined();
        expect(valueOf(output, 'discount.51.uses')).toBe(new Set(rows.map((row) => row.order)).size);
        expect(valueOf(output, 'discount.51.given')).toBe(
          major(
            sum(rows, (row) => row.discount),
            built.shop,
          ),
        );
        expect(valueOf(output, 'discount.51.revenue_gross')).toBe(
          major(
            sum(rows, (row) => row.gross),
            built.shop,
          ),
        );
        near(
          valueOf(output, 'discount.51.rate'),
          rate(
            sum(rows, (row) => row.discount),
            sum(rows, (row) => row.gross),
          ),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe('figures that a person can check', () => {
  const built = smallShop();
  const call = caller(sourceOf(built));

  test('a margin is what is left of the price', async () => {
    const output = await call('product_catalog');
    expect(valueOf(output, 'product.1001.price')).toBe(12.5);
    expect(valueOf(output, 'product.1001.margin')).toBe(68);
    expect(valueOf(output, 'catalog.products')).toBe(3);
    expect(valueOf(output, 'catalog.without_cost')).toBe(0);
  });

  test('a discount of 20 % on a price of 60 that costs 22.40 leaves 53.33 %', async () => {
    const output = await call('active_discounts');
    expect(valueOf(output, 'discount.501.rate')).toBe(20);
    expect(valueOf(output, 'discount.501.margin')).toBe(53.33);
  });

  test('a margin is not said when the costs of too much are unknown', async () => {
    const half = { ...built, products: built.products.filter(({ id }) => id !== '1002') };
    expect(valueOf(await caller(sourceOf(half))('active_discounts'), 'discount.501.margin')).toBeNull();
  });

  test('six mugs at three a day last two days; the lamp that nobody bought is dead; shirts are out', async () => {
    const output = await call('inventory_risk');
    expect(valueOf(output, 'product.1001.days_of_cover')).toBe(2);
    expect(valueOf(output, 'product.1001.sold_per_day')).toBe(3);
    expect(output.data).toMatchObject({
      outOfStock: [{ id: '1002', stock: 0, variantsOut: 12 }],
      atRisk: [{ id: '1001', incoming: 40 }],
      dead: [{ id: '1003', stockValue: 270 }],
    });
    expect(valueOf(output, 'product.1003.days_since_sale')).toBe(56);
  });

  test('a product that is three days old is judged by its three days', async () => {
    const young = story({ now: NOW })
      .product({ title: 'New', price: 5, stock: 30, created: 3 })
      .sell({ product: 'New', perDay: 10, from: 3, to: 1 })
      .build();
    const output = await caller(sourceOf(young))('inventory_risk', { days: 30 });
    expect(valueOf(output, 'product.1001.sold_per_day')).toBe(10);
    expect(valueOf(output, 'product.1001.days_of_cover')).toBe(3);
  });

  test('a shop without an order has zeros where there are none, and nothing where nothing can be said', async () => {
    const empty = caller(sourceOf(story({ now: NOW }).build()));
    const output = await empty('sales_summary');
    expect(valueOf(output, 'sales.revenue')).toBe(0);
    for (const key of [
      'sales.aov',
      'sales.discount_rate',
      'sales.refund_rate',
      'sales.change.revenue',
      'sales.change.refund_rate',
    ])
      expect(valueOf(output, key), key).toBeNull();
    for (const tool of ['sales_by_product', 'inventory_risk', 'product_catalog', 'active_discounts'])
      expect((await empty(tool)).targets, tool).toEqual([]);
  });
});

describe('money', () => {
  test.each([
    ['12.5', 'EUR', 1250],
    ['0.05', 'EUR', 5],
    ['-3.1', 'EUR', -310],
    ['1800', 'JPY', 1800],
    ['1800.0', 'JPY', 1800],
    ['1.234', 'KWD', 1234],
    ['0.125', 'EUR', 13],
    ['999999999999.99', 'EUR', 99_999_999_999_999],
    ['-0.00', 'EUR', 0],
  ] as const)('%s of %s is %i minor units', (text, currency, minor) => {
    expect(toMinor(text, currency)).toBe(minor);
  });
  test.each(['', '1,5', '1e5', ' 1', 'NaN', '.5', '0x1', '99999999999999'])('%j is no amount', (text) => {
    expect(toMinor(text, 'EUR')).toBeUndefined();
  });
  test('goes to text and back without loss', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CURRENCIES), fc.integer({ min: -1e12, max: 1e12 }), (currency, minor) => {
        expect(toMinor(decimal(minor, currency), currency)).toBe(minor);
        expect(Math.round(toMajor(minor, currency) * 10 ** minorDigits(currency))).toBe(minor);
      }),
    );
  });
});

describe('days of a shop', () => {
  test('of a change of clocks have 23 and 25 hours', () => {
    const hours = (day: string): number => {
      const { from, before } = instantsOf({ from: day, to: day }, 'Europe/Berlin');
      return (before - from) / 3_600_000;
    };
    expect([hours('2026-03-29'), hours('2026-10-25'), hours('2026-11-01')]).toEqual([23, 25, 24]);
  });
  test('end with the last one that is over, by the calendar of the shop', () => {
    const at = Date.parse('2026-11-22T09:30:00Z');
    expect(windowsOf(at, 'Pacific/Auckland', 7).current).toEqual({ from: '2026-11-15', to: '2026-11-21' });
    expect(windowsOf(at, 'America/Los_Angeles', 7).current).toEqual({ from: '2026-11-15', to: '2026-11-21' });
    const evening = Date.parse('2026-11-22T12:30:00Z');
    expect(windowsOf(evening, 'Pacific/Auckland', 7).current.to).toBe('2026-11-22');
    expect(windowsOf(evening, 'Pacific/Auckland', 7).previous).toEqual({ from: '2026-11-09', to: '2026-11-15' });
    expect(listDays({ from: '2026-02-27', to: '2026-03-02' })).toHaveLength(4);
  });
  test('an order in the hour that comes twice counts once, on its day', async () => {
    const now = Date.parse('2026-10-26T12:00:00Z');
    const [row] = smallShop().orders;
    if (row === undefined) throw new Error('the story has no order');
    const twice = [
      '2026-10-24T21:59:59Z',
      '2026-10-24T22:00:00Z',
      '2026-10-25T00:30:00Z',
      '2026-10-25T01:30:00Z',
      '2026-10-25T22:59:59Z',
      '2026-10-25T23:00:00Z',
    ];
    const built = { ...story({ now }).build(), orders: twice.map((createdAt) => ({ ...row, createdAt })) };
    const output = await caller(sourceOf(built), context({}, now))('sales_summary', { days: 1 });
    expect(valueOf(output, 'sales.orders')).toBe(4);
    expect(valueOf(output, 'sales.previous.orders')).toBe(1);
  });
});

describe('bounds', () => {
  const facts = (outputs: readonly ToolOutput[]): number =>
    outputs.reduce((total, { facts: found = [] }) => total + found.length, 0);

  test('of ten thousand products the first are listed, by revenue, and it is said', async () => {
    const base = smallShop();
    const products = Array.from({ length: 10_000 }, (_, at): Product => ({
      id: String(at + 1),
      title: `Product ${at}`,
      status: 'active',
      createdAt: '2026-01-01T00:00:00Z',
      variants: [
        {
          id: String(at),
          title: 'v',
          sku: undefined,
          price: 100,
          unitCost: 50,
          available: at % 3 === 0 ? 0 : 500,
          incoming: 0,
        },
      ],
    }));
    const orders = products.map(({ id, title }, at): Order => ({
      id,
      createdAt: '2026-11-20T12:00:00Z',
      lines: [{ productId: id, title, quantity: 1, gross: at, discount: 0, refunded: 0, refundedQuantity: 0 }],
      discounts: [],
    }));
    const call = caller(sourceOf({ ...base, products, orders }));
    const outputs = [
      await call('sales_summary'),
      await call('sales_by_product', { top: 50 }),
      await call('inventory_risk', { cover: 90 }),
      await call('product_catalog', { top: 100 }),
      await call('active_discounts'),
    ];
    const [, byProduct, risk, catalog] = outputs;
    expect(byProduct?.targets?.slice(0, 2).map(({ id }) => id)).toEqual(['10000', '9999']);
    expect(byProduct?.gaps).toEqual([
      'only 50 of 10,000 products that were sold in either window are listed, by revenue',
    ]);
    expect(risk?.gaps).toEqual(['only 15 of 3,334 products out of stock are listed']);
    expect(catalog?.gaps).toEqual(['only 100 of 10,000 products are listed, by revenue']);
    expect(catalog?.targets?.[0]?.id).toBe('10000');
    expect(facts(outputs)).toBeLessThanOrEqual(MAX_FACTS);
  });
});
