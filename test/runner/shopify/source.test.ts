import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../jobs/_merchandising/limits.ts';
import { addDays, dayTeller, within } from '../../../src/runner/kinds/agent/tools/shopify/days.ts';
import type { Days } from '../../../src/runner/kinds/agent/tools/shopify/rows.ts';
import { createShop } from '../../support/shop/server.ts';
import {
  caller,
  context,
  never,
  NOW,
  open,
  sleepClock,
  smallShop,
  until,
  valueOf,
} from '../../support/shop/reading.ts';
import { sourceOf } from '../../support/shop/rows-source.ts';
import { story } from '../../support/shop/story.ts';

/** Points are no matter here. */
const WIDE = { maximum: 1e9, restorePerSecond: 1e6 };
const DAYS: Days = { from: '2026-10-10', to: '2026-11-21' };

describe('a shop read over the Admin API', () => {
  test.each(['EUR', 'JPY', 'KWD'])('gives the rows of the shop, to the last minor unit of %s', async (currency) => {
    const built = smallShop({ currency });
    await using shop = await createShop(built, { bucket: WIDE });
    const source = open(shop.env);
    const dayOf = dayTeller(built.shop.timeZone);
    expect(await source.shop(never)).toEqual(built.shop);
    const orders = await source.orders(DAYS, never);
    expect(orders.gaps).toEqual([]);
    expect(orders.rows.length).toBeGreaterThan(80);
    expect(orders.rows).toEqual(built.orders.filter(({ createdAt }) => within(DAYS, dayOf(createdAt))));
    expect(orders.rows.some(({ lines }) => lines.some(({ refunded }) => refunded > 0))).toBe(true);
    const products = await source.products('active', never);
    expect(products.rows).toEqual(built.products.filter(({ status }) => status === 'active'));
    expect(await source.discounts(never)).toEqual({ rows: built.discounts, gaps: [] });
  });

  test('every tool says the same over the API as over the rows', async () => {
    const built = smallShop();
    await using shop = await createShop(built, { bucket: WIDE });
    const overApi = caller(undefined, context(shop.env));
    const overRows = caller(sourceOf(built));
    const tools = ['sales_summary', 'sales_by_product', 'inventory_risk', 'product_catalog', 'active_discounts'];
    for (const tool of tools) expect(await overApi(tool), tool).toEqual(await overRows(tool));
  });

  test('cancelled and test orders and gift cards are no sales', async () => {
    const built = smallShop();
    const shirts = built.orders.filter(({ lines }) => lines[0]?.productId === '1002');
    const [first, second] = shirts;
    const marks = { cancelled: [first?.id ?? ''], test: [second?.id ?? ''], giftCards: ['1001'] };
    await using shop = await createShop(built, { marks, bucket: WIDE });
    const { rows } = await open(shop.env).orders(DAYS, never);
    const sold = built.orders.filter(
      (order) => order !== first && order !== second && order.lines[0]?.productId !== '1001',
    );
    expect(rows.map(({ id }) => id)).toEqual(sold.map(({ id }) => id));
  });

  test('no question names a customer, and none is asked that is not a document', async () => {
    const built = smallShop();
    await using shop = await createShop(built, { bucket: WIDE });
    await caller(undefined, context(shop.env))('inventory_risk');
    expect(new Set(shop.log.map(({ operation }) => operation))).toEqual(
      new Set([
        'BellhopScopes',
        'BellhopShop',
        'BellhopOrders',
        'BellhopOrdersCount',
        'BellhopRefunds',
        'BellhopProducts',
        'BellhopProductVariants',
        'BellhopIncoming',
      ]),
    );
  });

  test('pages shrink once where a question may cost less than is known, and grow where it may cost more', async () => {
    const built = smallShop();
    await using strict = await createShop(built, { bucket: WIDE, dearest: 300 });
    const { rows } = await open(strict.env).orders(DAYS, never);
    expect(rows).toHaveLength(built.orders.length);
    const refused = strict.log.filter(({ operation, requested }) => operation === 'BellhopOrders' && requested > 300);
    expect(refused).toHaveLength(2);

    const many = {
      ...built,
      products: Array.from({ length: 300 }, () => built.products)
        .flat()
        .slice(0, 300),
    };
    await using shop = await createShop(many, { bucket: WIDE });
    await open(shop.env).products('active', never);
    const sizes = shop.log
      .filter(({ operation }) => operation === 'BellhopProducts')
      .map(({ variables }) => variables['first']);
    expect(sizes[0]).toBe(20);
    expect(Number(sizes[1])).toBeGreaterThan(20);
  });

  test('an order with more lines than a page has all of them', async () => {
    const built = smallShop();
    const [order] = built.orders.slice(-1);
    const [line] = order?.lines ?? [];
    if (order === undefined || line === undefined) throw new Error('the story has no order');
    const long = { ...order, lines: Array.from({ length: 130 }, (_, at) => ({ ...line, quantity: at + 1 })) };
    await using shop = await createShop({ ...built, orders: [long] }, { bucket: WIDE });
    const { rows, gaps } = await open(shop.env).orders(DAYS, never);
    expect(rows).toEqual([long]);
    expect(gaps).toEqual([]);
    expect(shop.log.filter(({ operation }) => operation === 'BellhopOrderLines')).toHaveLength(2);
  });

  test('an order with more lines than are read says so', async () => {
    const built = smallShop();
    const [order] = built.orders.slice(-1);
    const [line] = order?.lines ?? [];
    if (order === undefined || line === undefined) throw new Error('the story has no order');
    const long = { ...order, lines: Array.from({ length: 700 }, () => line) };
    await using shop = await createShop({ ...built, orders: [long] }, { bucket: WIDE });
    const { rows, gaps } = await open(shop.env).orders(DAYS, never);
    expect(rows[0]?.lines.length).toBeLessThan(700);
    expect(gaps).toEqual(['of orders with more than 500 lines only the first ones were read']);
  });

  test('without read_all_orders what is older than 60 days is said to be missing, and nothing is compared with it', async () => {
    const built = smallShop();
    await using shop = await createShop(built, {
      bucket: WIDE,
      scopes: ['read_discounts', 'read_inventory', 'read_orders', 'read_products'],
    });
    const call = caller(undefined, context(shop.env));
    const summary = await call('sales_summary', { days: 40 });
    expect(summary.gaps).toEqual(['orders older than 60 days are not there without the scope read_all_orders']);
    expect(valueOf(summary, 'sales.revenue')).toBeGreaterThan(0);
    expect(valueOf(summary, 'sales.previous.revenue')).toBeNull();
    expect(valueOf(summary, 'sales.change.revenue')).toBeNull();
    const risk = await call('inventory_risk', { dead: 90 });
    expect(risk.gaps).toContain('what does not move is judged by 59 days instead of 90: older orders were not read');
    expect(valueOf(risk, 'inventory.dead')).toBe(1);
  });
});

describe('what the report of a shop asks of its orders', () => {
  test('is there in whole without read_all_orders', async () => {
    await using shop = await createShop(smallShop(), {
      bucket: WIDE,
      scopes: ['read_discounts', 'read_inventory', 'read_orders', 'read_products'],
    });
    const call = caller(undefined, context(shop.env));
    const { paceDays, leadDays, deadDays } = LIMITS;
    expect((await call('inventory_risk', { days: paceDays, cover: leadDays, dead: deadDays })).gaps).toEqual([]);
    expect((await call('inventory_risk')).gaps).toEqual([]);
    expect((await call('sales_summary', { days: 28 })).gaps).toEqual([]);
  });
});

describe('what lies beyond the bound of a list', () => {
  test('is said of places, of codes of a discount, and of discounts of an order', async () => {
    const built = smallShop();
    const codes = Array.from({ length: 11 }, (_, at) => `CODE${at}`);
    const [winter, bundle] = built.discounts;
    if (winter === undefined || bundle === undefined) throw new Error('the story has no discounts');
    const orders = built.orders.map((order, at) => (at === 80 ? { ...order, discounts: codes.slice(0, 6) } : order));
    const much = { ...built, orders, discounts: [{ ...winter, codes }, bundle] };
    await using shop = await createShop(much, { bucket: WIDE, marks: { locations: 11 } });
    const source = open(shop.env);
    const gaps = {
      orders: (await source.orders(DAYS, never)).gaps,
      products: (await source.products('active', never)).gaps,
      discounts: (await source.discounts(never)).gaps,
    };
    expect(gaps).toEqual({
      orders: ['of orders with more than 5 discounts only the first ones were read'],
      products: ['what is on its way was read of the first 10 places of a variant only'],
      discounts: ['of discounts with more than 10 codes only the uses of the first 10 were counted'],
    });
  });

  test('is not spoken of where there is nothing', async () => {
    const built = smallShop();
    const codes = Array.from({ length: 10 }, (_, at) => `CODE${at}`);
    const [winter, bundle] = built.discounts;
    if (winter === undefined || bundle === undefined) throw new Error('the story has no discounts');
    const orders = built.orders.map((order, at) => (at === 80 ? { ...order, discounts: codes.slice(0, 5) } : order));
    const full = { ...built, orders, discounts: [{ ...winter, codes }, bundle] };
    await using shop = await createShop(full, { bucket: WIDE, marks: { locations: 10 } });
    const source = open(shop.env);
    expect((await source.orders(DAYS, never)).gaps).toEqual([]);
    expect((await source.products('active', never)).gaps).toEqual([]);
    expect((await source.discounts(never)).gaps).toEqual([]);
  });
});

describe('a shop with very many orders, of which none can be had in bulk', () => {
  const REFUSED = '; reading in bulk failed: as many others are under way as the shop allows';
  const many = story({ now: NOW })
    .product({ title: 'Pin', price: 2, stock: 100 })
    .sell({ product: 'Pin', perDay: 300, from: 40, to: 1 })
    .build();

  test('is read newest first, up to ten thousand orders, and what is missing is said', async () => {
    const clock = sleepClock();
    await using shop = await createShop(many, { clock, bucket: WIDE });
    const days = { from: '2026-10-13', to: '2026-11-21' };
    shop.bulks.script.refuse = 'LIMIT_REACHED';
    const { rows, gaps, completeFrom } = await open(shop.env, clock).orders(days, never);
    expect(rows).toHaveLength(10_000);
    expect(rows).toEqual(many.orders.slice(-10_000));
    expect(gaps).toEqual([`only the newest 10,000 orders from 2026-10-13 to 2026-11-21 were read${REFUSED}`]);
    // The day on which the reading stopped is not whole, the one after it is.
    const oldest = dayTeller('Europe/Berlin')(rows[0]?.createdAt ?? '');
    expect(completeFrom).toBe(addDays(oldest, 1));
    const pages = shop.log.filter(({ operation }) => operation === 'BellhopOrders');
    expect(pages.length).toBeLessThanOrEqual(600);
    expect(Math.max(...shop.log.map(({ requested }) => requested))).toBeLessThanOrEqual(1000);
    expect(shop.log.length).toBeLessThan(pages.length + 6);
  });

  test('is read for two and a half minutes, then a report is made of what is there', async () => {
    const clock = sleepClock();
    await using shop = await createShop(many, { clock, bucket: { maximum: 1000, restorePerSecond: 50 } });
    shop.bulks.script.refuse = 'OPERATION_IN_PROGRESS';
    const reading = open(shop.env, clock).orders({ from: '2026-10-13', to: '2026-11-21' }, never);
    const { value, seconds } = await until(clock, reading);
    const { rows, gaps } = value ?? { rows: [], gaps: [] };
    expect(seconds).toBeGreaterThanOrEqual(150);
    expect(seconds).toBeLessThan(200);
    expect(rows.length).toBeGreaterThan(200);
    expect(rows.length).toBeLessThan(10_000);
    expect(gaps[0]).toMatch(
      /^only the newest [\d,]+ orders from .* were read, for reading took more than 150 s; reading in bulk failed: as many/,
    );
  });
});
