/** The tools of an agent that looks at a shop: five questions, each answered with facts, targets and small tables. All of them only read. */
import { z } from 'zod';
import { defineTool } from '../../../../agent-job.ts';
import type { AgentTool, ToolContext, ToolOutput } from '../../../../agent-job.ts';
import { productCatalog } from './catalog.ts';
import { addDays, dayTeller, lastDay, windowsOf, within } from './days.ts';
import type { Windows } from './days.ts';
import { activeDiscounts } from './discounts.ts';
import { inventoryRisk } from './inventory.ts';
import { dated } from './metrics.ts';
import type { DatedOrder } from './metrics.ts';
import { createReads } from './reads.ts';
import type { ShopReads } from './reads.ts';
import type { Days, ShopFacts, ShopSource } from './rows.ts';
import { salesByProduct, salesSummary } from './sales.ts';
import type { SalesRows } from './sales.ts';

export interface ShopifyOptions {
  /** Where the rows come from; default: the Admin API, by the SHOPIFY_ variables that the job names in `env`. */
  source?: (ctx: ToolContext) => ShopSource | Promise<ShopSource>;
}

type OpenReads = (ctx: ToolContext) => Promise<ShopReads>;

/** Attempts whose rows are kept at a time: agents rarely overlap, and rows of ten thousand orders are large. */
const KEPT_ATTEMPTS = 4;
/** Ten thousand orders at the slowest rate of the API take longer than this; then the tool fails and says so. */
const TIMEOUT = '4m';
/** Eight weeks: of 60 days an app without read_all_orders never sees the first in whole. */
const DEAD_DAYS = 56;
/** What the catalogue is ordered by. */
const CATALOG_DAYS = 28;

const Window = z.int().min(1).max(60).default(7).describe('Whole days, ending with yesterday.');

/**
 * sales_summary, sales_by_product, inventory_risk, product_catalog and active_discounts. What one attempt has read is read once, however
 * many calls need it.
 */
export function shopifyTools(options: ShopifyOptions = {}): AgentTool[] {
  const open = createOpen(options);
  return [
    salesSummaryTool(open),
    salesByProductTool(open),
    inventoryTool(open),
    catalogTool(open),
    discountsTool(open),
  ];
}

/** Rows are kept for an attempt, which is told by its run and its time. */
function createOpen({ source = adminApi }: ShopifyOptions): OpenReads {
  const kept = new Map<string, Promise<ShopReads>>();
  return (ctx) => {
    const key = `${ctx.runId} ${ctx.now}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const opened = Promise.resolve(source(ctx)).then(createReads);
    kept.set(key, opened);
    opened.catch(() => kept.delete(key));
    const oldest = kept.keys().next().value;
    if (kept.size > KEPT_ATTEMPTS && oldest !== undefined) kept.delete(oldest);
    return opened;
  };
}

async function adminApi(ctx: ToolContext): Promise<ShopSource> {
  const { openAdminApi } = await import('./source.ts');
  return openAdminApi(ctx);
}

interface Found {
  orders: DatedOrder[];
  gaps: readonly string[];
  completeFrom: string | undefined;
}
async function readOrders(
  reads: ShopReads,
  { days, shop }: { days: Days; shop: ShopFacts },
  signal: AbortSignal,
): Promise<Found> {
  const read = await reads.orders(days, signal);
  const orders = dated(read.rows, dayTeller(shop.timeZone)).filter(({ day }) => within(days, day));
  return { orders, gaps: read.gaps, completeFrom: read.completeFrom };
}
/** The first of these days of which all orders are known. */
function knownFrom({ completeFrom = '' }: Found, { from }: Days): string {
  return completeFrom > from ? completeFrom : from;
}
function bothWindows({ current, previous }: Windows): Days {
  return { from: previous.from, to: current.to };
}
function withGaps(output: ToolOutput, ...read: { gaps: readonly string[] }[]): ToolOutput {
  return { ...output, gaps: [...new Set([...read.flatMap(({ gaps }) => gaps), ...(output.gaps ?? [])])] };
}

async function salesRows(reads: ShopReads, ctx: ToolContext, days: number): Promise<SalesRows & { read: Found }> {
  const shop = await reads.shop(ctx.signal);
  const windows = windowsOf(ctx.now, shop.timeZone, days);
  const read = await readOrders(reads, { days: bothWindows(windows), shop }, ctx.signal);
  const isCut = (window: Days): boolean => knownFrom(read, window) > window.from;
  const cut = { current: isCut(windows.current), previous: isCut(windows.previous) };
  return { shop, windows, orders: read.orders, cut, read };
}

function salesSummaryTool(open: OpenReads): AgentTool {
  return defineTool({
    name: 'sales_summary',
    description:
      'Revenue, orders, units, average order value, discounts and refunds of the shop in the last days, and in as many days before.',
    input: z.strictObject({ days: Window }),
    risk: 'read',
    timeout: TIMEOUT,
    async run({ days }, ctx) {
      const rows = await salesRows(await open(ctx), ctx, days);
      return withGaps(salesSummary(rows), rows.read);
    },
  });
}

function salesByProductTool(open: OpenReads): AgentTool {
  return defineTool({
    name: 'sales_by_product',
    description:
      'The products with the most revenue in the last days or the days before: units of both, discounts and refunds of each. One that sold nothing any more is among them.',
    input: z.strictObject({ days: Window, top: z.int().min(1).max(50).default(20) }),
    risk: 'read',
    timeout: TIMEOUT,
    async run({ days, top }, ctx) {
      const rows = await salesRows(await open(ctx), ctx, days);
      return withGaps(salesByProduct(rows, top), rows.read);
    },
  });
}

function inventoryTool(open: OpenReads): AgentTool {
  return defineTool({
    name: 'inventory_risk',
    description:
      'Active products that are out of stock, that run out within `cover` days at the pace of the last `days`, and those in stock of which nothing was sold for `dead` days.',
    input: z.strictObject({
      days: Window,
      cover: z.int().min(1).max(90).default(14),
      dead: z.int().min(14).max(180).default(DEAD_DAYS),
    }),
    risk: 'read',
    timeout: TIMEOUT,
    async run({ days, cover, dead }, ctx) {
      const reads = await open(ctx);
      const shop = await reads.shop(ctx.signal);
      const windows = windowsOf(ctx.now, shop.timeZone, days);
      const { to } = windows.current;
      const wanted = { from: addDays(to, 1 - Math.max(days, dead)), to };
      const [read, products] = await Promise.all([
        readOrders(reads, { days: wanted, shop }, ctx.signal),
        reads.products('active', ctx.signal),
      ]);
      const rows = { shop, windows, from: knownFrom(read, wanted), orders: read.orders, products: products.rows };
      return withGaps(inventoryRisk({ ...rows, dayOf: dayTeller(shop.timeZone) }, { cover, dead }), read, products);
    },
  });
}

function catalogTool(open: OpenReads): AgentTool {
  return defineTool({
    name: 'product_catalog',
    description: 'Products with their price, and their margin where the unit cost is known; best sellers first.',
    input: z.strictObject({
      status: z.enum(['active', 'draft', 'archived']).default('active'),
      top: z.int().min(1).max(100).default(50),
    }),
    risk: 'read',
    timeout: TIMEOUT,
    async run({ status, top }, ctx) {
      const reads = await open(ctx);
      const shop = await reads.shop(ctx.signal);
      const products = await reads.products(status, ctx.signal);
      // A list that is shown in whole needs no order, and what is not active is not sold.
      if (status !== 'active' || products.rows.length <= top)
        return withGaps(productCatalog({ shop, products: products.rows, orders: [] }, top), products);
      const to = lastDay(ctx.now, shop.timeZone);
      const read = await readOrders(reads, { days: { from: addDays(to, 1 - CATALOG_DAYS), to }, shop }, ctx.signal);
      return withGaps(productCatalog({ shop, products: products.rows, orders: read.orders }, top), products, read);
    },
  });
}

function discountsTool(open: OpenReads): AgentTool {
  return defineTool({
    name: 'active_discounts',
    description:
      'Discounts that are active now: orders of the last days that used them, what was given away, and the margin that was left.',
    input: z.strictObject({ days: Window }),
    risk: 'read',
    timeout: TIMEOUT,
    async run({ days }, ctx) {
      const reads = await open(ctx);
      const shop = await reads.shop(ctx.signal);
      const windows = windowsOf(ctx.now, shop.timeZone, days);
      const [read, discounts, products] = await Promise.all([
        readOrders(reads, { days: windows.current, shop }, ctx.signal),
        reads.discounts(ctx.signal),
        reads.products('active', ctx.signal),
      ]);
      const rows = { shop, windows, now: ctx.now, orders: read.orders };
      const found = activeDiscounts({ ...rows, discounts: discounts.rows, products: products.rows });
      return withGaps(found, read, discounts, products);
    },
  });
}
