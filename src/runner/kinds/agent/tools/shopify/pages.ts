/** Lists of the Admin API, page after page. */
import type { z } from 'zod';
import type { Clock } from '../../../../../clock.ts';
import type { Page } from './answers.ts';
import type { ShopClient } from './client.ts';
import { isTooCostly } from './refusals.ts';
import type { ShopFacts } from './rows.ts';

/** What reading needs: who is asked, by which clock, and which shop it is. */
export interface Desk {
  client: ShopClient;
  clock: Clock;
  shop: ShopFacts;
  /** Of the attempt. */
  now: number;
  allOrders: boolean;
  /** Origins from which the files of bulk operations are fetched. */
  files: readonly string[];
}

/** A list that is read in pages. */
export interface Listing<T> {
  document: string;
  variables?: Record<string, unknown>;
  data: z.ZodType<Page<T>>;
  /** Of the first page; then as many as one question may cost. */
  first: number;
  after?: string | undefined;
  /** Rows of a page that the shop is known to allow. */
  most?: number;
}
const MAX_PAGE = 250;
const MAX_PAGES = 2000;
/** Under the 1,000 points that one question may cost. */
const COST_TARGET = 900;

/** Page after page. Pages grow and shrink with what the shop says that they cost. */
export async function* pagesOf<T>(client: ShopClient, listing: Listing<T>, signal: AbortSignal): AsyncGenerator<T[]> {
  let { first, after, most = MAX_PAGE } = listing;
  for (let page = 0; page < MAX_PAGES; page++) {
    const asked = await fitting(client, { ...listing, first, after, most }, signal);
    first = asked.next;
    most = asked.most;
    yield asked.found.nodes;
    const { hasNextPage, endCursor } = asked.found.pageInfo;
    // A list that does not move on would be read for ever.
    if (!hasNextPage || endCursor === undefined || endCursor === after) return;
    after = endCursor;
  }
}

async function fitting<T>(
  client: ShopClient,
  listing: Listing<T>,
  signal: AbortSignal,
): Promise<{ found: Page<T>; next: number; most: number }> {
  const { document, variables = {}, data, after = null, most = MAX_PAGE } = listing;
  for (let { first } = listing; ; first = Math.max(1, Math.floor(first / 2))) {
    try {
      const found = await client.ask({ document, variables: { ...variables, first, after }, data }, signal);
      const cost = client.cost(document) ?? 0;
      // A shop that allows less than we know of would refuse every page that grows again.
      if (first < listing.first) return { found, next: first, most: first };
      const next = cost > 0 ? Math.min(most, Math.max(1, Math.floor((first * COST_TARGET) / cost))) : first;
      return { found, next, most };
    } catch (error) {
      if (!isTooCostly(error) || first === 1) throw error;
    }
  }
}

/** Things that are asked for by their ids. */
export interface Batches<T> {
  document: string;
  ids: readonly string[];
  data: z.ZodType<T[]>;
  /** Ids of one question. */
  size: number;
}
/** Batch after batch, and how many ids are left after it; smaller ones where the shop allows no more. */
export async function* batchesOf<T>(
  client: ShopClient,
  { document, ids, data, size }: Batches<T>,
  signal: AbortSignal,
): AsyncGenerator<{ nodes: T[]; left: number }> {
  for (let at = 0; at < ids.length;) {
    try {
      const nodes = await client.ask({ document, variables: { ids: ids.slice(at, at + size) }, data }, signal);
      at += size;
      yield { nodes, left: Math.max(0, ids.length - at) };
    } catch (error) {
      if (!isTooCostly(error) || size === 1) throw error;
      size = Math.max(1, Math.floor(size / 2));
    }
  }
}
