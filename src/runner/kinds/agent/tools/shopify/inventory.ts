/** What is running out, what has run out, and what does not move. Pure. */
import type { FactWindow } from '../../../../../store/agent-records.ts';
import type { NewFact, ToolOutput } from '../../../../agent-job.ts';
import { addDays, daysBetween, factWindow } from './days.ts';
import type { Windows } from './days.ts';
import { countFact, daysFact, divide, firstOf, labelOf, moneyFact, ratioFact, roundTo, targetOf } from './figures.ts';
import type { Figure } from './figures.ts';
import { inWindow, sumProducts } from './metrics.ts';
import type { DatedOrder } from './metrics.ts';
import { toMajor } from './money.ts';
import type { Product, ShopFacts } from './rows.ts';
import { compare, windowLabels } from './sales.ts';

export interface StockRows {
  shop: ShopFacts;
  windows: Windows;
  /** All from this day on; earlier ones may be missing. */
  orders: readonly DatedOrder[];
  from: string;
  /** Active ones. */
  products: readonly Product[];
  /** The day of an instant. */
  dayOf: (instant: string) => string;
}
export interface StockTerms {
  /** At risk: the stock lasts for so many days at most. */
  cover: number;
  /** Dead: nothing was sold for so many days. */
  dead: number;
}

/** Of each of the three lists, so that an attempt's facts stay within their bound. */
const LISTED = 15;
/** In fewer days than these everything may stand still. */
const FEWEST_DEAD_DAYS = 14;

/** A product whose stock is tracked. */
interface Stocked {
  id: string;
  title: string;
  createdAt: string;
  createdDay: string;
  /** Of the variants that are tracked; what is oversold counts as none. */
  stock: number;
  variantsOut: number;
  incoming: number;
  /** Minor units, at cost where it is known. */
  value: number;
  units: number;
  perDay: number;
  cover: number | null;
  /** Days; `atLeast`: there was no sale in all the days that were read. */
  sinceSale: { days: number; atLeast: boolean };
}

/**
 * Out of stock: nothing available. At risk: something available, for `cover` days at most at the pace of the window. Dead: in stock, older
 * than `dead` days, and nothing sold in them. Stock that is on its way is shown, not counted.
 */
export function inventoryRisk(rows: StockRows, terms: StockTerms): ToolOutput {
  const { shop, windows } = rows;
  const deadDays = Math.min(terms.dead, daysBetween(rows.from, windows.current.to) + 1);
  const all = stocked(rows);
  const sorted = sort(all, { cover: terms.cover, deadDays, from: rows.from, to: windows.current.to });
  const lists = {
    outOfStock: firstOf(sorted.outOfStock, LISTED, 'products out of stock are listed'),
    atRisk: firstOf(sorted.atRisk, LISTED, 'products at risk are listed'),
    dead: firstOf(sorted.dead ?? [], LISTED, 'products that do not move are listed'),
    unsold: firstOf(sorted.unsold, LISTED, 'new products that have not sold are listed'),
  };
  const listed = [...new Set(Object.values(lists).flatMap((list) => list.rows))];
  // The best sellers too, so that it can be said of them that they are well stocked.
  const well = all
    .filter((row) => row.units > 0 && !listed.includes(row))
    .sort(byPace)
    .slice(0, LISTED);
  const window = factWindow(windows.current, windowLabels(windows).current);
  const data = (list: readonly Stocked[]): object[] => list.map((row) => stockRow(row, shop.currency));
  return {
    facts: [
      ...counts(sorted, shop.currency, window),
      ...listed.flatMap((row) => stockFacts(row, shop.currency, window)),
      ...well.flatMap((row) => stockFacts(row, shop.currency, window).slice(0, 2)),
    ],
    targets: [...listed, ...well].map((row) => targetOf('product', row)),
    window,
    gaps: [...Object.values(lists).flatMap(({ gaps }) => gaps), ...deadGap(deadDays, terms.dead)],
    data: {
      currency: shop.currency,
      tracked: all.length,
      outOfStock: data(lists.outOfStock.rows),
      atRisk: data(lists.atRisk.rows),
      dead: data(lists.dead.rows),
      unsold: data(lists.unsold.rows),
    },
  };
}

interface Sorted {
  outOfStock: readonly Stocked[];
  atRisk: readonly Stocked[];
  /** Undefined: too few days are known. */
  dead: readonly Stocked[] | undefined;
  /** Too new to be dead, in stock, and not one sold in all days since they came. */
  unsold: readonly Stocked[];
}
function sort(all: readonly Stocked[], by: { cover: number; deadDays: number; from: string; to: string }): Sorted {
  const firstDeadDay = addDays(by.to, 1 - by.deadDays);
  const isDead = ({ stock, sinceSale, createdDay }: Stocked): boolean =>
    stock > 0 && sinceSale.days >= by.deadDays && createdDay <= firstDeadDay;
  const isUnsold = (row: Stocked): boolean =>
    row.stock > 0 && row.sinceSale.atLeast && row.createdDay >= by.from && !isDead(row);
  const byValue = (one: Stocked, other: Stocked): number => other.value - one.value || compare(one.id, other.id);
  return {
    outOfStock: all.filter(({ stock }) => stock === 0).sort(byPace),
    atRisk: all
      .filter(({ stock, cover }) => stock > 0 && cover !== null && cover <= by.cover)
      .sort((one, other) => (one.cover ?? 0) - (other.cover ?? 0) || byPace(one, other)),
    dead: by.deadDays < FEWEST_DEAD_DAYS ? undefined : all.filter(isDead).sort(byValue),
    unsold: all.filter(isUnsold).sort(byValue),
  };
}

function deadGap(days: number, asked: number): string[] {
  if (days >= asked) return [];
  if (days < FEWEST_DEAD_DAYS) return [`what does not move is not known: all orders are known of ${days} days only`];
  return [`what does not move is judged by ${days} days instead of ${asked}: older orders were not read`];
}

function byPace(one: Stocked, other: Stocked): number {
  return other.perDay - one.perDay || one.sinceSale.days - other.sinceSale.days || compare(one.id, other.id);
}

/** A product that was made within the window had fewer days to sell. */
function stocked({ windows, orders, from, products, dayOf }: StockRows): Stocked[] {
  const { to } = windows.current;
  const pace = { from: from > windows.current.from ? from : windows.current.from, to };
  const sold = sumProducts(inWindow(orders, pace));
  const lastSales = lastSaleDays(orders);
  return products.flatMap((product) => {
    const tracked = product.variants.filter(({ available }) => available !== undefined);
    if (tracked.length === 0) return [];
    const createdDay = dayOf(product.createdAt);
    const days = Math.max(1, daysBetween(createdDay > pace.from ? createdDay : pace.from, to) + 1);
    const units = sold.get(product.id)?.units ?? 0;
    const stock = tracked.reduce((sum, { available = 0 }) => sum + Math.max(0, available), 0);
    return {
      id: product.id,
      title: product.title,
      createdAt: product.createdAt,
      createdDay,
      stock,
      variantsOut: tracked.filter(({ available = 0 }) => available <= 0).length,
      incoming: product.variants.reduce((sum, { incoming }) => sum + incoming, 0),
      value: tracked.reduce(
        (sum, { available = 0, unitCost, price }) => sum + Math.max(0, available) * (unitCost ?? price),
        0,
      ),
      units,
      perDay: units / days,
      cover: divide(stock * days, units),
      sinceSale: restOf(lastSales.get(product.id), createdDay < from ? from : createdDay, to),
    };
  });
}

function restOf(lastSale: string | undefined, from: string, to: string): Stocked['sinceSale'] {
  if (lastSale !== undefined) return { days: daysBetween(lastSale, to), atLeast: false };
  return { days: Math.max(0, daysBetween(from, to) + 1), atLeast: true };
}

function lastSaleDays(orders: readonly DatedOrder[]): Map<string, string> {
  const last = new Map<string, string>();
  for (const { day, lines } of orders)
    for (const { productId } of lines)
      if (productId !== undefined && (last.get(productId) ?? '') < day) last.set(productId, day);
  return last;
}

function counts(lists: Sorted, currency: string, window: FactWindow): NewFact[] {
  const figure = (name: string, label: string, value: number | null): Figure => ({
    key: `inventory.${name}`,
    label,
    value,
    good: 'down',
    window,
  });
  const bound = lists.dead?.reduce((sum, { value }) => sum + value, 0);
  return [
    countFact(figure('out_of_stock', 'Products out of stock', lists.outOfStock.length)),
    countFact(figure('at_risk', 'Products about to run out', lists.atRisk.length)),
    countFact(figure('dead', 'Products that do not move', lists.dead?.length ?? null)),
    moneyFact(figure('dead_value', 'Value of stock that does not move', bound ?? null), currency),
  ];
}

function stockFacts(row: Stocked, currency: string, window: FactWindow): NewFact[] {
  const figure = (name: string, what: string, value: number | null): Figure => ({
    key: `product.${row.id}.${name}`,
    label: labelOf(what, row.title),
    value,
    window,
  });
  const since = row.sinceSale.atLeast ? 'Days without a sale, at least' : 'Days since the last sale';
  return [
    countFact(figure('stock', 'In stock', row.stock)),
    daysFact(figure('days_of_cover', 'Days of cover', row.cover)),
    ratioFact(figure('sold_per_day', 'Sold per day', row.perDay)),
    moneyFact(figure('stock_value', 'Value of the stock', row.value), currency),
    daysFact(figure('days_since_sale', since, row.sinceSale.days), 0),
  ];
}

function stockRow(row: Stocked, currency: string): object {
  return {
    id: row.id,
    title: targetOf('product', row).title,
    stock: row.stock,
    variantsOut: row.variantsOut,
    soldPerDay: roundTo(row.perDay, 2),
    daysOfCover: row.cover === null ? null : roundTo(row.cover, 1),
    stockValue: toMajor(row.value, currency),
    incoming: row.incoming,
    createdAt: row.createdAt,
  };
}
