/** Orders, newest first, with their lines and what came back of them. */
import {
  CountAnswer,
  OrderLinesAnswer,
  OrdersAnswer,
  readHead,
  readLine,
  readOrder,
  readRefunds,
  RefundsAnswer,
} from './order-answers.ts';
import type { CameBack, OrderNode, ReadLine } from './order-answers.ts';
import { readInBulk } from './bulk.ts';
import { ORDERS_COUNT } from './bulk-documents.ts';
import type { FoundOrder } from './bulk-rows.ts';
import { addDays, dayTeller, daysBetween, instantsOf } from './days.ts';
import { ORDER_LINES, ORDERS, REFUNDS } from './documents.ts';
import type { Days, Order, Read } from './rows.ts';
import { SIXTY_DAYS } from './scopes.ts';
import { batchesOf, pagesOf } from './pages.ts';
import type { Desk } from './pages.ts';

/** In pages. */
const MAX_ORDERS = 10_000;
/** Of three lines each they take 100 MB while they are read. */
const MAX_BULK_ORDERS = 50_000;
/** What is reckoned with before it is known: an order of two lines, a page of them, and seconds of one question. */
const POINTS_OF_ORDER = 10;
const ORDERS_OF_PAGE = 20;
const PAGE_SECONDS = 0.3;
/** The part of the time that pages may take before they are not waited for. */
const PATIENCE = 0.7;
/** For the shop to run a question and for us to read its file; then refunds, or pages instead of it, have at least so much. */
const BULK_MS = 100_000;
const AFTER_BULK_MS = 60_000;
/** After so long the rest is left out: a report of the newest orders is better than none. */
const READING_MS = 150_000;
/** Of one order, beyond the first page. */
const MAX_LINES = 500;
const LINES_PAGE = 100;
/** Orders of one question for refunds, by what it may cost. */
const REFUNDS_BATCH = 4;
const ALL_ORDERS_DAYS = 60;
const DAY_MS = 86_400_000;

/** Orders as they are read: newest first, each after the other. */
interface Found {
  orders: FoundOrder[];
  cut: 'count' | 'time' | undefined;
  /** Where less was asked for than was wanted: the first day that is whole. */
  narrowedTo?: string;
  /** Why orders that should have come in bulk came in pages. */
  instead?: string;
}
interface Reading {
  gaps: Set<string>;
  signal: AbortSignal;
  /** By the monotonic clock. */
  ends: number;
}

export async function readOrders(desk: Desk, days: Days, signal: AbortSignal): Promise<Read<Order>> {
  const reading = { gaps: new Set<string>(), signal, ends: desk.clock.monotonic() + READING_MS };
  const found = await findOrders(desk, days, reading);
  const back = await refundsOf(desk, found.orders, reading);
  const rows = found.orders.flatMap(({ head, lines }) => readOrder(head, lines, back) ?? []).toReversed();
  return { rows, ...completeness(desk, days, { found, gaps: reading.gaps }) };
}

/** Page after page; where the second one shows that there are too many for that, in bulk. */
async function findOrders(desk: Desk, days: Days, reading: Reading): Promise<Found> {
  const { gaps, signal } = reading;
  const found: Found = { orders: [], cut: undefined };
  const listing = {
    document: ORDERS,
    variables: { query: filterOf(days, desk) },
    data: OrdersAnswer,
    first: 20,
  };
  let page = 0;
  for await (const nodes of pagesOf(desk.client, listing, signal)) {
    if (++page === 2) {
      const answer = await manyOrders(desk, days, reading);
      if (answer !== undefined) reading.ends = Math.max(reading.ends, desk.clock.monotonic() + AFTER_BULK_MS);
      if (answer !== undefined && 'found' in answer)
        return { orders: answer.found, cut: answer.cut, narrowedTo: answer.from };
      if (answer !== undefined) found.instead = answer.failed;
    }
    if (found.orders.length + nodes.length > MAX_ORDERS) found.cut = 'count';
    for (const node of nodes.slice(0, MAX_ORDERS - found.orders.length)) {
      const { head, more } = readHead(node);
      if (more) gaps.add('of orders with more than 5 discounts only the first ones were read');
      found.orders.push({ head, lines: await linesOf(desk, node, reading) });
    }
    if (found.cut === undefined && desk.clock.monotonic() >= reading.ends) found.cut = 'time';
    if (found.cut !== undefined) break;
  }
  return found;
}

function filterOf(days: Days, { shop }: Desk): string {
  const { from, before } = instantsOf(days, shop.timeZone);
  return `created_at:>='${instant(from)}' created_at:<'${instant(before)}'`;
}
function instant(ms: number): string {
  return new Date(ms).toISOString();
}

type Many = { found: FoundOrder[]; from: string; cut: 'count' | undefined } | { failed: string };
/** Undefined: pages do. */
async function manyOrders(desk: Desk, days: Days, { signal, ends }: Reading): Promise<Many | undefined> {
  const { client, clock } = desk;
  const count = async (from: string): Promise<number> => {
    const variables = { query: filterOf({ from, to: days.to }, desk), limit: MAX_BULK_ORDERS + 1 };
    return (await client.ask({ document: ORDERS_COUNT, variables, data: CountAnswer }, signal)).ordersCount.count;
  };
  const all = await count(days.from);
  const left = (ends - clock.monotonic()) / 1000;
  if (secondsByPages(all, client.restores()) < left * PATIENCE) return undefined;
  const from = all > MAX_BULK_ORDERS ? await firstDayThatFits(days, count) : days.from;
  if (from === undefined) return { failed: 'one day has more orders than can be read' };
  const answer = await readInBulk(desk, { filter: filterOf({ from, to: days.to }, desk), withinMs: BULK_MS }, signal);
  return 'failed' in answer ? answer : { ...answer, from, cut: from === days.from ? undefined : 'count' };
}

/** What pages of so many orders take: points that the shop must give back first, and the way there and back. */
function secondsByPages(orders: number, restores: number): number {
  return orders * (POINTS_OF_ORDER / restores + PAGE_SECONDS / ORDERS_OF_PAGE);
}

/** By halves; undefined when even the last day has too many. */
async function firstDayThatFits(days: Days, count: (from: string) => Promise<number>): Promise<string | undefined> {
  let low = 1;
  let high = daysBetween(days.from, days.to) + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if ((await count(addDays(days.from, middle))) <= MAX_BULK_ORDERS) high = middle;
    else low = middle + 1;
  }
  const from = addDays(days.from, low);
  return from > days.to ? undefined : from;
}

/** What is missing, and from which day on nothing is. */
function completeness(
  { shop, now, allOrders }: Desk,
  days: Days,
  { found, gaps: said }: { found: Found; gaps: ReadonlySet<string> },
): { gaps: string[]; completeFrom?: string } {
  const dayOf = dayTeller(shop.timeZone);
  const gaps = [...said];
  let completeFrom = '';
  const { orders, cut, narrowedTo, instead } = found;
  const oldest = orders.at(-1);
  if (cut !== undefined && oldest !== undefined) {
    const count = orders.length.toLocaleString('en');
    const why = cut === 'time' ? `, for reading took more than ${READING_MS / 1000} s` : '';
    const bulk = instead === undefined ? '' : `; reading in bulk failed: ${instead}`;
    gaps.push(`only the newest ${count} orders from ${days.from} to ${days.to} were read${why}${bulk}`);
    completeFrom = narrowedTo ?? addDays(dayOf(oldest.head.createdAt), 1);
  }
  const reach = addDays(dayOf(now - ALL_ORDERS_DAYS * DAY_MS), 1);
  if (!allOrders && days.from < reach) {
    gaps.push(SIXTY_DAYS);
    if (reach > completeFrom) completeFrom = reach;
  }
  return { gaps, ...(completeFrom === '' ? {} : { completeFrom }) };
}

async function linesOf(
  { client, shop }: Desk,
  node: OrderNode,
  { gaps, signal }: Reading,
): Promise<readonly ReadLine[]> {
  const { nodes, pageInfo } = node.lineItems;
  const lines = nodes.map((line) => readLine(line, shop.currency));
  if (!pageInfo.hasNextPage || pageInfo.endCursor === undefined || node.test || node.cancelledAt !== undefined)
    return lines;
  const listing = { document: ORDER_LINES, variables: { id: node.id }, data: OrderLinesAnswer, first: LINES_PAGE };
  for await (const more of pagesOf(client, { ...listing, after: pageInfo.endCursor }, signal)) {
    lines.push(...more.map((line) => readLine(line, shop.currency)));
    if (lines.length < MAX_LINES) continue;
    gaps.add(`of orders with more than ${MAX_LINES} lines only the first ones were read`);
    break;
  }
  return lines;
}

async function refundsOf(
  { client, clock, shop }: Desk,
  found: readonly FoundOrder[],
  { gaps, ends, signal }: Reading,
): Promise<CameBack> {
  const back = new Map<string, { quantity: number; amount: number }>();
  const ids = found.filter(({ head }) => head.refunded && head.sold).map(({ head }) => head.gid);
  const batches = batchesOf(client, { document: REFUNDS, ids, data: RefundsAnswer, size: REFUNDS_BATCH }, signal);
  for await (const { nodes, left } of batches) {
    for (const node of nodes) {
      const read = readRefunds(node, shop.currency);
      for (const [line, sums] of read.back) back.set(line, sums);
      if (read.more) gaps.add('of orders with many refunds only the first ones were read');
    }
    if (left === 0 || clock.monotonic() < ends) continue;
    gaps.add(`refunds of ${left.toLocaleString('en')} orders were not read, for it took too long`);
    break;
  }
  return back;
}
