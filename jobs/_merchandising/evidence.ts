/** Reads the evidence: numbers by their key, products and discounts by their id, rows of the tools. */
import type { Evidence, KnownTarget } from 'bellhop';
import { z } from 'zod';

const Day = z.object({ date: z.string(), revenue: z.number(), orders: z.number(), units: z.number() });
export type Day = z.infer<typeof Day>;
const StockRow = z.object({
  id: z.string(),
  incoming: z.number().catch(0),
  createdAt: z.string().catch(''),
});
const Daily = z.object({ daily: z.array(Day) });
const Stock = z.object({
  outOfStock: z.array(StockRow).catch([]),
  atRisk: z.array(StockRow).catch([]),
  dead: z.array(StockRow).catch([]),
  /** Too new to be dead, in stock, and not one sold. */
  unsold: z.array(StockRow).catch([]),
});
export type StockRow = z.infer<typeof StockRow>;

/** What every answer of the demo shop says of itself. */
export const DEMO_NOTE = 'Demo shop: sample data, of a shop that does not exist. Connect your own: docs/shopify.md.';
const Sample = z.object({ sample: z.literal(DEMO_NOTE) });

export const isDemo = (evidence: Evidence): boolean =>
  evidence.calls.some(({ name }) => Sample.safeParse(evidence.output(name)?.data).success);

/** How many days a fact speaks of; undefined where it speaks of none. */
export function daysOf(evidence: Evidence, key: string): number | undefined {
  const window = evidence.fact(key)?.source.window;
  return window === undefined
    ? undefined
    : Math.round((Date.parse(window.to) - Date.parse(window.from)) / 86_400_000) + 1;
}

/** Undefined where there is no such fact, or it has no number. */
export function number(evidence: Evidence, key: string): number | undefined {
  const value = evidence.fact(key)?.value;
  return typeof value === 'number' ? value : undefined;
}

export const known = (evidence: Evidence, type: string): KnownTarget[] =>
  evidence.targets.filter((target) => target.type === type);

export function daily(evidence: Evidence): Day[] {
  const read = Daily.safeParse(evidence.output('sales_summary')?.data);
  return read.success ? read.data.daily : [];
}

export function stockRows(evidence: Evidence): z.infer<typeof Stock> | undefined {
  const read = Stock.safeParse(evidence.output('inventory_risk')?.data);
  return read.success ? read.data : undefined;
}

/** The days of a period: what the sales were asked for. */
export function days(evidence: Evidence): number {
  const asked = evidence.input['days'];
  return typeof asked === 'number' ? asked : 7;
}

/** What people call the days of a period: `sold in the week`, `the week before`. */
export function span(evidence: Evidence): 'day' | 'week' | 'period' {
  const count = days(evidence);
  return count === 7 ? 'week' : count === 1 ? 'day' : 'period';
}

/** Unique by id, in the order given. */
export function unique<T extends { id: string }>(rows: readonly T[]): T[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}
