import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { beforeEach, describe, expect, test } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import { readAddress } from '../../../src/runner/kinds/agent/tools/shopify/address.ts';
import { ShopAnswer } from '../../../src/runner/kinds/agent/tools/shopify/answers.ts';
import { tokenSource } from '../../../src/runner/kinds/agent/tools/shopify/auth.ts';
import { createShopClient } from '../../../src/runner/kinds/agent/tools/shopify/client.ts';
import type { ShopClient } from '../../../src/runner/kinds/agent/tools/shopify/client.ts';
import { ORDERS, SHOP } from '../../../src/runner/kinds/agent/tools/shopify/documents.ts';
import { checkShop } from '../../../src/runner/kinds/agent/tools/shopify/scopes.ts';
import { setImmediate as turn } from 'node:timers/promises';
import { APP, createShop } from '../../support/shop/server.ts';
import type { ShopServer } from '../../support/shop/server.ts';
import { never, open, sleepClock, smallShop, until as over } from '../../support/shop/reading.ts';
import type { SleepClock } from '../../support/shop/reading.ts';

const built = smallShop();
const question = { document: SHOP, data: ShopAnswer };
const LEAST = ['read_discounts', 'read_inventory', 'read_orders', 'read_products'];
let clock: SleepClock;
beforeEach(() => (clock = sleepClock()));

function clientOf(env: Record<string, string>): ShopClient {
  const address = readAddress(env);
  return createShopClient({ clock, address, tokens: tokenSource(env, address, clock), random: () => 0.5 });
}
function until<T>(work: Promise<T>): ReturnType<typeof over<T>> {
  return over(clock, work);
}
async function refusal(work: Promise<unknown>): Promise<RunError> {
  const { error } = await until(work);
  if (!(error instanceof RunError)) throw new Error(`no RunError: ${String(error)}`);
  return error;
}
const byApp = ({ url }: ShopServer): Record<string, string> => ({
  SHOPIFY_API_URL: url,
  SHOPIFY_CLIENT_ID: APP.id,
  SHOPIFY_CLIENT_SECRET: APP.secret,
});

describe('where requests go', () => {
  test.each([
    ['bellhop.myshopify.com', 'https://bellhop.myshopify.com/admin/api/2026-10/graphql.json'],
    [' Bellhop-2.MyShopify.com ', 'https://bellhop-2.myshopify.com/admin/api/2026-10/graphql.json'],
  ])('%s is a shop', (store, graphql) => {
    expect(readAddress({ SHOPIFY_STORE: store }).graphql).toBe(graphql);
  });

  test.each([
    '',
    '-a.myshopify.com',
    'a.myshopify.com.evil.example',
    'evil.example/a.myshopify.com',
    'https://a.myshopify.com',
    'a.myshopify.com:444',
    'a@b.myshopify.com',
    'a.b.myshopify.com',
    'myshopify.com',
    '127.0.0.1',
    'a.myshopify.com\nb',
  ])('%j is none', (store) => {
    expect(() => readAddress({ SHOPIFY_STORE: store })).toThrow(RunError);
  });

  test.each([
    'http://shop.example',
    'ftp://127.0.0.1',
    'http://127.0.0.1.evil.example',
    'https://user:pw@shop.example',
    'nonsense',
  ])('%s cannot stand for the API', (url) => {
    expect(() => readAddress({ SHOPIFY_API_URL: url })).toThrow('SHOPIFY_API_URL cannot be used.');
  });

  test('no request follows a redirect, and the token goes nowhere else', async () => {
    await using other = await createShop(built);
    await using shop = await createShop(built);
    shop.faults.push({
      kind: 'status',
      status: 307,
      headers: { location: `${other.url}/admin/api/2026-10/graphql.json` },
    });
    const error = await refusal(clientOf(shop.env).ask(question, never));
    expect(error.code).toBe('SHOPIFY_REJECTED');
    expect(error.message).toContain('is somewhere else now');
    expect(other.log).toEqual([]);
    expect(shop.log).toHaveLength(1);
  });
});

describe('a question', () => {
  test.each([500, 502, 503])('that met %i is asked again', async (status) => {
    await using shop = await createShop(built);
    shop.faults.push({ kind: 'status', status }, { kind: 'drop' });
    const { value, seconds } = await until(clientOf(shop.env).ask(question, never));
    expect(value?.shop.currencyCode).toBe('EUR');
    expect(shop.log).toHaveLength(3);
    expect(seconds).toBeGreaterThanOrEqual(1);
  });

  test('is asked three times at most, and what stands in an answer is not repeated', async () => {
    await using shop = await createShop(built);
    shop.faults.push(...Array.from({ length: 5 }, () => ({ kind: 'status', status: 503 }) as const));
    const error = await refusal(clientOf(shop.env).ask(question, never));
    expect([error.code, error.permanent]).toEqual(['SHOPIFY_UNAVAILABLE', false]);
    expect(shop.log).toHaveLength(3);
    expect(`${error.message} ${error.hint}`).not.toMatch(/secret|shpat/);
  });

  test('waits as long as Retry-After says', async () => {
    await using shop = await createShop(built);
    shop.faults.push({ kind: 'status', status: 429, headers: { 'retry-after': '7.0' } });
    const { seconds } = await until(clientOf(shop.env).ask(question, never));
    expect(seconds).toBeGreaterThanOrEqual(7);
    expect(shop.log).toHaveLength(2);
  });

  test('does not wait an hour: the next attempt of the run does', async () => {
    await using shop = await createShop(built);
    shop.faults.push({ kind: 'status', status: 429, headers: { 'retry-after': '3600' } });
    const error = await refusal(clientOf(shop.env).ask(question, never));
    expect([error.code, error.permanent, error.retryAfterMs]).toEqual(['SHOPIFY_UNAVAILABLE', false, 3_600_000]);
    expect(shop.log).toHaveLength(1);
  });

  test('that is throttled is asked again when the bucket holds what it costs', async () => {
    await using shop = await createShop(built, { clock });
    shop.faults.push({ kind: 'throttle' }, { kind: 'throttle' });
    const { value } = await until(clientOf(shop.env).ask(question, never));
    expect(value?.shop.name).toBe('Bellhop Goods');
    expect(shop.log).toHaveLength(3);
  });

  test('that is throttled without end is given up, to be tried again later', async () => {
    await using shop = await createShop(built, { clock });
    shop.faults.push(...Array.from({ length: 20 }, () => ({ kind: 'throttle' }) as const));
    const error = await refusal(clientOf(shop.env).ask(question, never));
    expect(error.code).toBe('SHOPIFY_UNAVAILABLE');
    expect(shop.log).toHaveLength(10);
  });

  test('is not asked before the bucket holds what it may cost: the shop never has to refuse', async () => {
    await using shop = await createShop(built, { clock, bucket: { maximum: 1000, restorePerSecond: 50 } });
    const source = open(shop.env, clock);
    const { value } = await until(source.orders({ from: '2026-10-10', to: '2026-11-21' }, never));
    expect(value?.rows.length).toBeGreaterThan(80);
    const { operation: last } = shop.log.at(-1) ?? { operation: '' };
    expect(last).not.toBe('');
    const refunds = shop.log.filter(({ operation }) => operation === 'BellhopRefunds').length;
    const orders = shop.log.filter(({ operation }) => operation === 'BellhopOrders').length;
    // Only the first of its kind can be refused, for then it is not known what it costs.
    expect(shop.log.length).toBeLessThanOrEqual(
      3 + Math.ceil(built.orders.length / 18) + Math.ceil(built.orders.length / 4) + 2,
    );
    const rest = shop.log.filter(({ operation }) => /Shop|Scopes|OrdersCount/.test(operation)).length;
    expect([rest, refunds + orders]).toEqual([3, shop.log.length - 3]);
  });

  test('two clients of one shop share its bucket', async () => {
    await using shop = await createShop(built, { clock, bucket: { maximum: 1000, restorePerSecond: 100 } });
    const ask = { document: ORDERS, variables: { first: 18, after: null, query: '' }, data: z.unknown() };
    await until(clientOf(shop.env).ask(ask, never));
    const before = clock.monotonic();
    await until(clientOf(shop.env).ask(ask, never));
    expect(clock.monotonic()).toBeGreaterThan(before);
    expect(shop.log.map(({ status }) => status)).toEqual([200, 200]);
  });

  test.each([
    [401, 'does not know the token'],
    [402, 'is frozen'],
    [403, 'forbids what was asked'],
    [404, 'does not exist'],
    [418, 'answered 418'],
  ])('that meets %i is not asked again', async (status, words) => {
    await using shop = await createShop(built);
    shop.faults.push({ kind: 'status', status });
    const error = await refusal(clientOf(shop.env).ask(question, never));
    expect([error.code, error.permanent]).toEqual(['SHOPIFY_REJECTED', true]);
    expect(error.message).toContain(words);
    expect(`${error.message} ${error.hint}`).not.toMatch(/secret|shpat_/);
    expect(shop.log).toHaveLength(1);
  });

  test('that is no valid GraphQL is not asked again', async () => {
    await using shop = await createShop(built);
    const error = await refusal(clientOf(shop.env).ask({ document: 'query X { nothing }', data: z.unknown() }, never));
    expect([error.code, error.permanent]).toEqual(['SHOPIFY_REJECTED', true]);
    expect(shop.log).toHaveLength(1);
  });

  test.each([
    'no json',
    '[]',
    '{"data":null,"errors":[{"message":"x","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}',
  ])('whose answer is %s is asked again', async (body) => {
    await using shop = await createShop(built);
    shop.faults.push({ kind: 'status', status: 200, body });
    const { value } = await until(clientOf(shop.env).ask(question, never));
    expect(value?.shop.name).toBe('Bellhop Goods');
  });

  test('whose answer does not fit names the place, not the value', async () => {
    await using shop = await createShop(built);
    shop.faults.push({
      kind: 'status',
      status: 200,
      body: '{"data":{"shop":{"name":"the secret","currencyCode":12}}}',
    });
    const error = await refusal(clientOf(shop.env).ask(question, never));
    expect(error.message).toContain('(at shop.currencyCode)');
    expect(error.message).not.toContain('secret');
  });

  test('whose answer is larger than 20 MB is not read to its end', async () => {
    await using shop = await createShop(built);
    const body = ' '.repeat(21_000_000);
    shop.faults.push(...Array.from({ length: 3 }, () => ({ kind: 'status', status: 200, body }) as const));
    const error = await refusal(clientOf(shop.env).ask(question, never));
    expect(error.message).toContain('answered more than 20 MB');
  });

  test('ends with its signal, also while it waits', async () => {
    await using shop = await createShop(built);
    shop.faults.push({ kind: 'status', status: 503 });
    const stop = new AbortController();
    const asked = clientOf(shop.env).ask(question, stop.signal);
    stop.abort(new Error('the attempt is over'));
    await expect(asked).rejects.toThrow('the attempt is over');
  });

  test('that hangs is given up after half a minute, and asked again', async () => {
    await using shop = await createShop(built);
    shop.faults.push({ kind: 'wait', gate: new Promise(() => undefined) });
    const asked = clientOf(shop.env).ask(question, never);
    while (shop.log.length === 0) await turn();
    await clock.advance(30_000);
    const { value } = await until(asked);
    expect(value?.shop.name).toBe('Bellhop Goods');
    expect(shop.log).toHaveLength(2);
  });

  test('that another version of the API answered is said', async () => {
    await using shop = await createShop(built, { bucket: { maximum: 1e9, restorePerSecond: 1e6 } });
    shop.version = '2027-01';
    const { value } = await until(open(shop.env, clock).discounts(never));
    expect(value?.gaps).toEqual(['Shopify answered by API version 2027-01 instead of 2026-10: figures may be off']);
  });
});

describe('the token of a day', () => {
  test('is asked for once, however many need it, and kept', async () => {
    await using shop = await createShop(built);
    const clients = Array.from({ length: 5 }, () => clientOf(byApp(shop)));
    await until(Promise.all(clients.map((client) => client.ask(question, never))));
    await until(clientOf(byApp(shop)).ask(question, never));
    expect(shop.granted()).toBe(1);
    expect(shop.log.filter(({ token }) => token === 'shpca_1')).toHaveLength(6);
  });

  test('is renewed ten minutes before its end', async () => {
    await using shop = await createShop(built, { expiresIn: 3600 });
    const client = clientOf(byApp(shop));
    await until(client.ask(question, never));
    await clock.advance(49 * 60_000);
    await until(client.ask(question, never));
    expect(shop.granted()).toBe(1);
    await clock.advance(2 * 60_000);
    await until(client.ask(question, never));
    expect(shop.granted()).toBe(2);
  });

  test('that was revoked is renewed once', async () => {
    await using shop = await createShop(built);
    const client = clientOf(byApp(shop));
    await until(client.ask(question, never));
    shop.tokens.clear();
    const { value } = await until(client.ask(question, never));
    expect(value?.shop.name).toBe('Bellhop Goods');
    expect(shop.granted()).toBe(2);
  });

  test('is not asked for without end when no token is good', async () => {
    await using shop = await createShop(built);
    const client = clientOf(byApp(shop));
    shop.tokens.add = (): Set<string> => shop.tokens;
    const error = await refusal(client.ask(question, never));
    expect(error.message).toContain('does not know the token');
    expect(shop.granted()).toBe(2);
  });

  test('with a wrong secret is refused by name of the variables, without the secret', async () => {
    await using shop = await createShop(built);
    const error = await refusal(
      clientOf({ ...byApp(shop), SHOPIFY_CLIENT_SECRET: 'shpss_wrong' }).ask(question, never),
    );
    expect([error.code, error.permanent]).toEqual(['SHOPIFY_REJECTED', true]);
    expect(error.hint).toContain('SHOPIFY_CLIENT_SECRET');
    expect(`${error.message} ${error.hint}`).not.toContain('shpss_wrong');
  });

  test('is asked for again when the shop is busy', async () => {
    await using shop = await createShop(built);
    shop.faults.push({ kind: 'status', status: 503 }, { kind: 'drop' });
    const { value } = await until(clientOf(byApp(shop)).ask(question, never));
    expect(value?.shop.name).toBe('Bellhop Goods');
  });

  test('a token with a line break in it is no token', () => {
    const env = { SHOPIFY_STORE: 'a.myshopify.com', SHOPIFY_ACCESS_TOKEN: 'shpat_a\r\nx: y' };
    expect(() => clientOf(env)).toThrow('SHOPIFY_ACCESS_TOKEN is no token.');
    expect(() => clientOf({ SHOPIFY_STORE: 'a.myshopify.com' })).toThrow('There is no token');
  });
});

describe('scopes', () => {
  test.each(LEAST)('without %s nothing is read', async (scope) => {
    await using shop = await createShop(built, { scopes: LEAST.filter((each) => each !== scope) });
    const error = await refusal(open(shop.env, clock).shop(never));
    expect(error.message).toBe(`The app lacks the scope ${scope}.`);
    expect(shop.log.map(({ operation }) => operation)).toEqual(['BellhopScopes']);
  });

  test('an app that may write is refused, unless it is said to be all right', async () => {
    await using shop = await createShop(built, { scopes: [...LEAST, 'write_products'] });
    const error = await refusal(open(shop.env, clock).shop(never));
    expect(error.message).toBe('The app may change the shop (write_products), which no tool needs.');
    const env = { ...shop.env, SHOPIFY_ALLOW_WRITE_SCOPES: 'true' };
    expect((await until(open(env, clock).shop(never))).value?.currency).toBe('EUR');
  });

  test('are read once a token', async () => {
    await using shop = await createShop(built);
    await until(open(shop.env, clock).shop(never));
    await until(open(shop.env, clock).shop(never));
    expect(shop.log.map(({ operation }) => operation)).toEqual(['BellhopScopes', 'BellhopShop', 'BellhopShop']);
  });

  test('the doctor says what is wrong, or that nothing is', async () => {
    await using shop = await createShop(built, { scopes: LEAST });
    expect(await checkShop({}, { clock }, never)).toEqual({ state: 'off' });
    expect((await until(checkShop(shop.env, { clock }, never))).value).toEqual({
      state: 'ok',
      text: 'bellhop-goods.myshopify.com answers: EUR, Europe/Berlin',
      notes: ['orders older than 60 days are not there without the scope read_all_orders'],
    });
    const wrong = { ...shop.env, SHOPIFY_ACCESS_TOKEN: 'shpat_wrong' };
    expect((await until(checkShop(wrong, { clock }, never))).value).toMatchObject({
      state: 'failed',
      error: { code: 'SHOPIFY_REJECTED' },
    });
  });

  test.each([
    {},
    { SHOPIFY_STORE: '' },
    { SHOPIFY_STORE: ' ', SHOPIFY_API_URL: '' },
    { SHOPIFY_API_URL: '\t' },
    { SHOPIFY_STORE: '', SHOPIFY_ACCESS_TOKEN: 'shpat_of_a_test' },
  ])('the doctor asks nobody where %j names no shop', async (env) => {
    expect(await checkShop(env, { clock }, never)).toEqual({ state: 'off' });
  });

  test.each(['', '  '])('the doctor asks the address that is set where the store is %j', async (store) => {
    await using shop = await createShop(built);
    const env = { ...shop.env, SHOPIFY_STORE: store };
    expect((await until(checkShop(env, { clock }, never))).value).toMatchObject({ state: 'ok' });
  });

  test.each([
    { SHOPIFY_STORE: 'nonsense' },
    { SHOPIFY_STORE: 'a.myshopify.com', SHOPIFY_ACCESS_TOKEN: '' },
    { SHOPIFY_STORE: 'a.myshopify.com', SHOPIFY_CLIENT_ID: 'app', SHOPIFY_CLIENT_SECRET: ' ' },
    { SHOPIFY_STORE: 'a.myshopify.com', SHOPIFY_ACCESS_TOKEN: 'two\nlines' },
  ])('the doctor says what is wrong with %j without asking', async (env) => {
    const found = await checkShop(env, { clock }, never);
    expect(found).toMatchObject({ state: 'failed', error: { code: 'SHOPIFY_REJECTED', permanent: true } });
  });
});

describe('an answer that comes in parts', () => {
  test('is left in the middle of its body when nobody waits for it any longer', async () => {
    const half = Promise.withResolvers<undefined>();
    const closed = Promise.withResolvers<undefined>();
    const http = createServer((request, response) => {
      request.resume();
      response.on('close', () => closed.resolve(undefined));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"data":{"shop":', () => half.resolve(undefined));
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo; // it listens on a port
    const stop = new AbortController();
    const env = { SHOPIFY_API_URL: `http://127.0.0.1:${port}`, SHOPIFY_ACCESS_TOKEN: 'shpat_of_a_test' };
    const asked = until(clientOf(env).ask(question, stop.signal));
    await half.promise;
    for (let turns = 0; turns < 20; turns++) await turn();
    stop.abort(new Error('enough'));
    expect((await asked).error).toEqual(new Error('enough'));
    await closed.promise;
    await new Promise((resolve) => http.close(resolve));
  });
});
