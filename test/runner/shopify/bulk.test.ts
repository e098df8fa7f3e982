import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeEach, describe, expect, test } from 'vitest';
import { dayTeller, within } from '../../../src/runner/kinds/agent/tools/shopify/days.ts';
import type { Days, Order } from '../../../src/runner/kinds/agent/tools/shopify/rows.ts';
import type { BulkScript } from '../../support/shop/bulk.ts';
import { createShop } from '../../support/shop/server.ts';
import type { ShopServer } from '../../support/shop/server.ts';
import { caller, context, never, NOW, open, sleepClock, smallShop, until } from '../../support/shop/reading.ts';
import type { SleepClock } from '../../support/shop/reading.ts';
import { story } from '../../support/shop/story.ts';
import type { BuiltShop } from '../../support/shop/story.ts';

/** Of a shop that gives so little back that pages would take too long. */
const SLOW = { maximum: 1000, restorePerSecond: 100 };
/** Not bound by points here: pages are counted with, and never waited for. */
const WIDE = { maximum: 1e9, restorePerSecond: 1e6 };
const DAYS: Days = { from: '2026-10-13', to: '2026-11-21' };
const dayOf = dayTeller('Europe/Berlin');
const names = (shop: ShopServer): string[] => shop.log.map(({ operation }) => operation);
const told = ({ orders }: BuiltShop): Order[] => orders.filter(({ createdAt }) => within(DAYS, dayOf(createdAt)));

/** A thousand orders and more, with a little of everything. */
function busyShop(perDay = 40): BuiltShop {
  return story({ now: NOW })
    .product({ title: 'Pin', price: 2, stock: 100 })
    .product({ title: 'Blue mug', price: 12.5, cost: 4, stock: 6 })
    .discount({ title: 'WINTER', percent: 20, codes: ['WINTER'] })
    .discount({ title: 'Bundle', percent: 10, kind: 'automatic' })
    .sell({ product: 'Pin', perDay, from: 40, to: 1 })
    .sell({ product: 'Blue mug', perDay: 4, from: 40, to: 1, discount: 'WINTER', refundRate: 0.05 })
    .sell({ product: 'Blue mug', perDay: 2, from: 40, to: 1, discount: 'Bundle', perOrder: 2 })
    .sell({ product: undefined, perDay: 0.5, from: 40, to: 1 })
    .build();
}

let clock: SleepClock;
beforeEach(() => (clock = sleepClock()));

describe('orders that are too many for pages', () => {
  test('come in bulk, as the same rows that pages give', async () => {
    const built = busyShop();
    const marks = { cancelled: [built.orders[3]?.id ?? ''], test: [built.orders[4]?.id ?? ''] };
    await using byPages = await createShop(built, { bucket: WIDE, marks });
    await using shop = await createShop(built, { clock, bucket: SLOW, marks });
    const pages = await open(byPages.env).orders(DAYS, never);
    const { value, seconds } = await until(clock, open(shop.env, clock).orders(DAYS, never));
    expect(byPages.bulks.runs).toEqual([]);
    expect(shop.bulks.runs).toHaveLength(1);
    expect(value).toEqual(pages);
    expect(pages.rows.length).toBe(told(built).length - 2);
    expect(pages.rows.some(({ lines }) => lines.some(({ refunded }) => refunded > 0))).toBe(true);
    expect(names(shop).filter((name) => name === 'BellhopOrders')).toHaveLength(2);
    expect(seconds).toBeLessThan(100);
  });

  test('give the same facts as pages do, of every tool', async () => {
    const built = busyShop();
    await using byPages = await createShop(built, { bucket: WIDE });
    await using shop = await createShop(built, { clock, bucket: SLOW });
    const source = open(shop.env, clock);
    const pages = caller(undefined, context(byPages.env));
    const bulk = caller(source);
    for (const tool of ['sales_summary', 'sales_by_product', 'inventory_risk', 'active_discounts']) {
      const { value } = await until(clock, bulk(tool, { days: 20 }));
      expect(value, tool).toEqual(await pages(tool, { days: 20 }));
    }
    expect(shop.bulks.runs.length).toBeGreaterThan(0);
  });

  test('are twelve thousand: read in whole with a handful of questions', async () => {
    const built = story({ now: NOW })
      .product({ title: 'Pin', price: 2, stock: 100 })
      .sell({ product: 'Pin', perDay: 300, from: 40, to: 1 })
      .build();
    await using shop = await createShop(built, { clock, bucket: SLOW });
    const { value } = await until(clock, open(shop.env, clock).orders(DAYS, never));
    expect(value?.gaps).toEqual([]);
    expect(value?.rows).toEqual(built.orders);
    expect(value?.rows).toHaveLength(12_000);
    expect(shop.log.length).toBeLessThan(15);
    expect(shop.bulks.fetched).toBe(1);
  });

  test('are more than are read at all: the newest days come, and the rest is said', async () => {
    const built = story({ now: NOW })
      .product({ title: 'Pin', price: 2, stock: 100 })
      .sell({ product: 'Pin', perDay: 3000, from: 20, to: 1 })
      .build();
    await using shop = await createShop(built, { clock, bucket: SLOW });
    const days = { from: '2026-11-02', to: '2026-11-21' };
    const { value } = await until(clock, open(shop.env, clock).orders(days, never));
    expect(value?.rows).toHaveLength(48_000);
    expect(value?.completeFrom).toBe('2026-11-06');
    expect(value?.gaps).toEqual(['only the newest 48,000 orders from 2026-11-02 to 2026-11-21 were read']);
    expect(shop.log.length).toBeLessThan(20);
  });

  test('cost a small shop no more than one question more', async () => {
    await using shop = await createShop(smallShop(), { clock, bucket: SLOW });
    await until(clock, open(shop.env, clock).orders(DAYS, never));
    expect(shop.bulks.runs).toEqual([]);
    expect(names(shop).filter((name) => /Count|Bulk/.test(name))).toEqual(['BellhopOrdersCount']);
  });
});

describe('a reading in bulk that goes wrong', () => {
  const built = busyShop(30);
  /** What came instead, of a shop that answers pages fast but says that it does not. */
  async function instead(script: BulkScript): Promise<{ shop: ShopServer; gaps: readonly string[]; same: boolean }> {
    await using shop = await createShop(built, { clock, bucket: { maximum: 1e9, restorePerSecond: 100 } });
    shop.bulks.script = script;
    const { value, error } = await until(clock, open(shop.env, clock).orders(DAYS, never));
    if (value === undefined) throw error;
    return { shop, gaps: value.gaps, same: JSON.stringify(value.rows) === JSON.stringify(told(built)) };
  }

  test.each([
    ['cannot begin', { refuse: 'OPERATION_IN_PROGRESS' }],
    ['is one too many', { refuse: 'LIMIT_REACHED' }],
    ['is not understood', { refuse: 'INVALID' }],
    ['fails', { ends: 'FAILED', errorCode: 'INTERNAL_SERVER_ERROR' }],
    ['is not allowed', { ends: 'FAILED', errorCode: 'ACCESS_DENIED' }],
    ['takes the shop too long', { ends: 'FAILED', errorCode: 'TIMEOUT' }],
    ['is cancelled by somebody', { ends: 'CANCELED' }],
    ['expires', { ends: 'EXPIRED' }],
  ] as const)('because it %s gives way to pages', async (_, script) => {
    const { shop, gaps, same } = await instead(script);
    expect({ gaps, same }).toEqual({ gaps: [], same: true });
    expect(shop.bulks.fetched).toBe(0);
    expect(names(shop).filter((name) => name === 'BellhopOrders').length).toBeGreaterThan(20);
    expect(names(shop)).not.toContain('BellhopBulkCancel');
  });

  test('because it takes us too long is cancelled, and gives way to pages', async () => {
    const { shop, gaps, same } = await instead({ polls: Infinity });
    expect({ gaps, same }).toEqual({ gaps: [], same: true });
    expect(shop.bulks.runs[0]?.state).toBe('canceled');
    // Ever longer waits: not a question a second.
    expect(names(shop).filter((name) => name === 'BellhopBulkState').length).toBeLessThan(20);
  });

  const line = '{"id":"gid://shopify/LineItem/1","__parentId":"gid://shopify/Order/1"}\n';
  test.each([
    ['is no JSON', { file: (text: string) => `${text}not json\n` }],
    ['has a line without end', { file: () => `{"id":"${'x'.repeat(2_000_000)}` }],
    [
      'has a line of an order that is not there',
      {
        size: null,
        file: (text: string) => text.replace(/"__parentId":"[^"]+/, '"__parentId":"gid://shopify/Order/1'),
      },
    ],
    ['has a line that does not fit', { file: (text: string) => text + line }],
    ['has an amount of its own', { file: (text: string) => text.replace(/"amount":"[^"]+/, '"amount":"1e99') }],
    [
      'has an order twice',
      { file: (text: string) => `${text}${text.split('\n')[0]?.replace('"test":false', '"test":true')}\n` },
    ],
    ['has something that was not asked for', { file: (text: string) => `${text}{"id":"gid://shopify/Customer/1"}\n` }],
    ['has a list where a thing should be', { file: (text: string) => `${text}[]\n` }],
    ['ends early', { file: (text: string) => text.slice(0, text.length / 2) }],
    [
      'ends early, at the end of a line, and its size is not known',
      { size: null, file: (text: string) => text.split('\n').slice(0, 500).join('\n') },
    ],
    ['is empty', { file: () => '' }],
    ['is no UTF-8', { file: (text: string) => Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0xfe])]) }],
    ['is larger than is fetched', { size: 300_000_000 }],
    ['is gone', { fileStatus: { status: 404 } }],
    ['is elsewhere by a redirect', { fileStatus: { status: 302, headers: { location: 'http://127.0.0.1:9/' } } }],
  ] as const)('because its file %s gives way to pages', async (_, script) => {
    const { shop, gaps, same } = await instead(script);
    expect({ gaps, same }).toEqual({ gaps: [], same: true });
    expect(shop.bulks.runs).toHaveLength(1);
    expect(names(shop).filter((name) => name === 'BellhopOrders').length).toBeGreaterThan(20);
  });

  test.each([
    'https://storage.googleapis.com.evil.example/x',
    'http://storage.googleapis.com/x',
    'https://user:pw@storage.googleapis.com/x',
    'https://storage.googleapis.com:444/x',
    'http://127.0.0.1:1/x',
    'http://169.254.169.254/latest/meta-data',
    'file:///etc/passwd',
    'nonsense',
  ])('because its file is said to be at %s, which is not asked', async (url) => {
    const { shop, same } = await instead({ url: () => url });
    expect([same, shop.bulks.fetched]).toEqual([true, 0]);
  });

  test.each(['at another address', 'behind a redirect'])('does not fetch a file that is %s', async (where) => {
    let hits = 0;
    const shops: ShopServer[] = [];
    const http = createServer((_, response) => {
      hits++;
      response.end(shops[0]?.bulks.runs[0]?.text);
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const location = `http://127.0.0.1:${(http.address() as AddressInfo).port}/file`; // it listens on a port
    await using shop = await createShop(built, { clock, bucket: { maximum: 1e9, restorePerSecond: 100 } });
    shops.push(shop);
    shop.bulks.script =
      where === 'behind a redirect' ? { fileStatus: { status: 302, headers: { location } } } : { url: () => location };
    const { value } = await until(clock, open(shop.env, clock).orders(DAYS, never));
    expect([value?.rows.length, hits]).toEqual([told(built).length, 0]);
    await new Promise((resolve) => http.close(resolve));
  });

  test('the token does not go with the question for the file', async () => {
    const { shop, same } = await instead({});
    expect([same, names(shop).filter((name) => name === 'BellhopOrders').length]).toEqual([true, 2]);
    expect(shop.log.filter(({ path }) => path.startsWith('/files/')).map(({ token }) => token)).toEqual([undefined]);
  });

  test('says so where pages do not do either', async () => {
    await using shop = await createShop(built, { clock, bucket: { maximum: 1000, restorePerSecond: 20 } });
    shop.bulks.script = { ends: 'FAILED', errorCode: 'TIMEOUT' };
    const { value } = await until(clock, open(shop.env, clock).orders(DAYS, never));
    expect(value?.gaps[0]).toMatch(
      /^only the newest [\d,]+ orders .* took more than 150 s; reading in bulk failed: the shop says TIMEOUT$/,
    );
    expect(value?.gaps.join()).not.toMatch(/secret|files/);
  });

  test('a shop that is down stays SHOPIFY_UNAVAILABLE', async () => {
    await using shop = await createShop(built, { clock, bucket: SLOW });
    shop.bulks.script = { polls: Infinity };
    const reading = until(clock, open(shop.env, clock).orders(DAYS, never));
    while (shop.bulks.runs.length === 0) await new Promise((resolve) => setImmediate(resolve));
    shop.faults.push(...Array.from({ length: 50 }, () => ({ kind: 'status', status: 503 }) as const));
    expect((await reading).error).toMatchObject({ code: 'SHOPIFY_UNAVAILABLE', permanent: false });
  });
});

describe('a reading in bulk that nobody waits for any longer', () => {
  test('is cancelled at the shop', async () => {
    await using shop = await createShop(busyShop(), { clock, bucket: SLOW });
    shop.bulks.script = { polls: Infinity };
    const stop = new AbortController();
    const reading = until(clock, open(shop.env, clock).orders(DAYS, stop.signal));
    while (!names(shop).includes('BellhopBulkState')) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error('enough'));
    expect((await reading).error).toEqual(new Error('enough'));
    expect(shop.bulks.runs[0]?.state).toBe('canceled');
    expect(names(shop).at(-1)).toBe('BellhopBulkCancel');
  });

  test('leaves its file in the middle', async () => {
    await using shop = await createShop(busyShop(), { clock, bucket: SLOW });
    shop.bulks.script = { stall: true };
    const stop = new AbortController();
    const reading = until(clock, open(shop.env, clock).orders(DAYS, stop.signal));
    while (shop.bulks.fetched === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error('enough'));
    expect((await reading).error).toEqual(new Error('enough'));
  });

  test('gives way to pages when its file stops coming', async () => {
    const built = busyShop(30);
    await using shop = await createShop(built, { clock, bucket: { maximum: 1e9, restorePerSecond: 100 } });
    shop.bulks.script = { stall: true };
    const { value } = await until({ ...clock, sleeping: () => 1 }, open(shop.env, clock).orders(DAYS, never));
    expect(value?.rows).toEqual(told(built));
  });
});
