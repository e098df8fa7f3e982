/** Orders, newest first, with their lines and what came back of them. */
import { OrderLinesAnswer, OrdersAnswer, readOrder, readRefunds, RefundsAnswer } from './answers.ts';
import type { CameBack, LineNode, OrderNode } from './answers.ts';
import { addDays, dayTeller, instantsOf } from './days.ts';
import { ORDER_LINES, ORDERS, REFUNDS } from './documents.ts';
import type { Days, Order, Read } from './rows.ts';
import { SIXTY_DAYS } from './scopes.ts';
import { pagesOf } from './pages.ts';
import type { Desk } from './pages.ts';

const MAX_ORDERS = 10_000;
/** After so long the rest is left out: a report of the newest orders is better than none. */
const READING_MS = 150_000;
/** Of one order, beyond the first page. */
const MAX_LINES = 500;
const LINES_PAGE = 100;
/** Orders of one question for refunds, by what it may cost. */
const REFUNDS_BATCH = 4;
const ALL_ORDERS_DAYS = 60;
const DAY_MS = 86_400_000;

interface Found {
  node: OrderNode;
  lines: readonly LineNode[];
}

export async function readOrders(desk: Desk, days: Days, signal: AbortSignal): Promise<Read<Order>> {
  const ends = desk.clock.monotonic() + READING_MS;
  const gaps = new Set<string>();
  const found: Found[] = [];
  let cut: 'count' | 'time' | undefined;
  const { from, before } = instantsOf(days, desk.shop.timeZone);
  const query = `created_at:>='${instant(from)}' created_at:<'${instant(before)}'`;
  const listing = { document: ORDERS, variables: { query }, data: OrdersAnswer, first: 20 };
  const pages = pagesOf(desk.client, listing, signal);
  for await (const nodes of pages) {
    if (found.length + nodes.length > MAX_ORDERS) cut = 'count';
    for (const node of nodes.slice(0, MAX_ORDERS - found.length))
      found.push({ node, lines: await linesOf(desk, node, { gaps, signal }) });
    if (cut === undefined && desk.clock.monotonic() >= ends) cut = 'time';
    if (cut !== undefined) break;
  }
  const back = await refundsOf(desk, found, { gaps, ends, signal });
  const { currency } = desk.shop;
  const rows = found.flatMap(({ node, lines }) => readOrder(node, { lines, back, currency }) ?? []).toReversed();
  return { rows, ...completeness(desk, days, { cut, found, gaps }) };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}

/** What is missing, and from which day on nothing is. */
function completeness(
  { shop, now, allOrders }: Desk,
  days: Days,
  read: { cut: 'count' | 'time' | undefined; found: readonly Found[]; gaps: Set<string> },
): { gaps: string[]; completeFrom?: string } {
  const dayOf = dayTeller(shop.timeZone);
  const gaps = [...read.gaps];
  let completeFrom = '';
  const oldest = read.found.at(-1);
  if (read.cut !== undefined && oldest !== undefined) {
    const count = read.found.length.toLocaleString('en');
    const why = read.cut === 'time' ? `, for reading took more than ${READING_MS / 1000} s` : '';
    gaps.push(`only the newest ${count} orders from ${days.from} to ${days.to} were read${why}`);
    completeFrom = addDays(dayOf(oldest.node.createdAt), 1);
  }
  const reach = addDays(dayOf(now - ALL_ORDERS_DAYS * DAY_MS), 1);
  if (!allOrders && days.from < reach) {
    gaps.push(SIXTY_DAYS);
    if (reach > completeFrom) completeFrom = reach;
  }
  return { gaps, ...(completeFrom === '' ? {} : { completeFrom }) };
}

interface Reading {
  gaps: Set<string>;
  signal: AbortSignal;
}
async function linesOf({ client }: Desk, node: OrderNode, { gaps, signal }: Reading): Promise<readonly LineNode[]> {
  const { nodes, pageInfo } = node.lineItems;
  if (!pageInfo.hasNextPage || pageInfo.endCursor === undefined || node.test || node.cancelledAt !== undefined)
    return nodes;
  const lines = [...nodes];
  const listing = { document: ORDER_LINES, variables: { id: node.id }, data: OrderLinesAnswer, first: LINES_PAGE };
  for await (const more of pagesOf(client, { ...listing, after: pageInfo.endCursor }, signal)) {
    lines.push(...more);
    if (lines.length < MAX_LINES) continue;
    gaps.add(`of orders with more than ${MAX_LINES} lines only the first ones were read`);
    break;
  }
  return lines;
}

async function refundsOf(
  { client, clock, shop }: Desk,
  found: readonly Found[],
  { gaps, ends, signal }: Reading & { ends: number },
): Promise<CameBack> {
  const back = new Map<string, { quantity: number; amount: number }>();
  const ids = found.filter(({ node }) => node.refunds.length > 0).map(({ node }) => node.id);
  for (let at = 0; at < ids.length; at += REFUNDS_BATCH) {
    if (clock.monotonic() >= ends) {
      gaps.add(`refunds of ${(ids.length - at).toLocaleString('en')} orders were not read, for it took too long`);
      break;
    }
    const variables = { ids: ids.slice(at, at + REFUNDS_BATCH) };
    const nodes = await client.ask({ document: REFUNDS, variables, data: RefundsAnswer }, signal);
    for (const node of nodes) {
      const read = readRefunds(node, shop.currency);
      for (const [line, sums] of read.back) back.set(line, sums);
      if (read.more) gaps.add('of orders with many refunds only the first ones were read');
    }
  }
  return back;
}
