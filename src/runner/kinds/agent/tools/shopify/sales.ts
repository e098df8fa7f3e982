/** What was sold: the shop in whole, and by product. Pure. */
import type { FactWindow } from '../../../../../store/agent-records.ts';
import type { NewFact, ToolOutput } from '../../../../agent-job.ts';
import { factWindow } from './days.ts';
import type { Windows } from './days.ts';
import {
  changeOf,
  countFact,
  differenceOf,
  divide,
  firstOf,
  labelOf,
  moneyFact,
  percentFact,
  percentOf,
  targetOf,
} from './figures.ts';
import type { Figure } from './figures.ts';
import {
  NOTHING,
  discountRate,
  inWindow,
  netOf,
  refundRate,
  revenueOf,
  sumDays,
  sumOrders,
  sumProducts,
} from './metrics.ts';
import type { DatedOrder, Sums } from './metrics.ts';
import { toMajor } from './money.ts';
import type { ShopFacts } from './rows.ts';

/** The orders of both windows. A window that was cut has sums that are too small: nothing is compared with it. */
export interface SalesRows {
  shop: ShopFacts;
  windows: Windows;
  orders: readonly DatedOrder[];
  cut: { current: boolean; previous: boolean };
}

const REFUNDS = 'refunds count on the day of their order';

export function windowLabels({ days }: Windows): { current: string; previous: string } {
  return { current: `last ${days} whole days`, previous: `the ${days} days before` };
}
function factWindows(windows: Windows): { current: FactWindow; previous: FactWindow } {
  const labels = windowLabels(windows);
  return {
    current: factWindow(windows.current, labels.current),
    previous: factWindow(windows.previous, labels.previous),
  };
}
/** How the figures of a shop are to be read. */
function basisOf({ taxesIncluded }: ShopFacts): string {
  return `${REFUNDS}; ${taxesIncluded === true ? 'prices, discounts and refunds hold tax' : 'without tax'}; without shipping`;
}

/** revenue = gross - discounts - refunds; average order value = (gross - discounts) / orders; rates in percent. */
export function salesSummary({ shop, windows, orders, cut }: SalesRows): ToolOutput {
  const now = sumOrders(inWindow(orders, windows.current));
  const before = sumOrders(inWindow(orders, windows.previous));
  const window = factWindows(windows);
  const comparable = !cut.current && !cut.previous;
  const daily = [windows.previous, windows.current].flatMap((days) => sumDays(orders, days));
  return {
    facts: [
      ...sumFacts('sales', now, { currency: shop.currency, window: window.current, suffix: '' }),
      ...sumFacts('sales.previous', cut.previous ? undefined : before, {
        currency: shop.currency,
        window: window.previous,
        suffix: ', before',
      }),
      ...changeFacts(now, comparable ? before : undefined, window.current),
    ],
    window: window.current,
    data: {
      currency: shop.currency,
      basis: basisOf(shop),
      daily: daily.map(({ date, sums }) => ({
        date,
        revenue: toMajor(revenueOf(sums), shop.currency),
        orders: sums.orders,
        units: sums.units,
      })),
    },
  };
}

interface Terms {
  currency: string;
  window: FactWindow;
  suffix: string;
}
interface Measure {
  name: string;
  label: string;
  unit: 'money' | 'count' | 'percent';
  good?: 'up' | 'down';
  read: (sums: Sums) => number | null;
}
const MEASURES: readonly Measure[] = [
  { name: 'revenue', label: 'Revenue', unit: 'money', good: 'up', read: revenueOf },
  { name: 'gross', label: 'Gross sales', unit: 'money', good: 'up', read: ({ gross }) => gross },
  { name: 'orders', label: 'Orders', unit: 'count', good: 'up', read: ({ orders }) => orders },
  { name: 'units', label: 'Units sold', unit: 'count', good: 'up', read: ({ units }) => units },
  { name: 'aov', label: 'Average order value', unit: 'money', good: 'up', read: averageOrder },
  { name: 'discounts', label: 'Discounts', unit: 'money', read: ({ discounts }) => discounts },
  { name: 'discount_rate', label: 'Discount rate', unit: 'percent', good: 'down', read: discountRate },
  { name: 'refunds', label: 'Refunds', unit: 'money', good: 'down', read: ({ refunds }) => refunds },
  { name: 'refund_rate', label: 'Refund rate', unit: 'percent', good: 'down', read: refundRate },
];

function averageOrder(sums: Sums): number | null {
  const average = divide(netOf(sums), sums.orders);
  return average === null ? null : Math.round(average);
}

/** `undefined`: the window is not known in whole. */
function sumFacts(prefix: string, sums: Sums | undefined, { currency, window, suffix }: Terms): NewFact[] {
  return MEASURES.map(({ name, label, unit, good, read }) => {
    const value = sums === undefined ? null : read(sums);
    const figure: Figure = { key: `${prefix}.${name}`, label: label + suffix, value, window };
    const judged = good === undefined ? figure : { ...figure, good };
    if (unit === 'money') return moneyFact(judged, currency);
    return unit === 'count' ? countFact(judged) : percentFact(judged);
  });
}

function changeFacts(now: Sums, before: Sums | undefined, window: FactWindow): NewFact[] {
  const change = (name: string, label: string, read: (sums: Sums) => number | null): Figure => ({
    key: `sales.change.${name}`,
    label: `Change of ${label}`,
    value: before === undefined ? null : changeOf(read(now), read(before)),
    window,
  });
  const points = (name: string, label: string, read: (sums: Sums) => number | null): Figure => ({
    ...change(name, label, read),
    value: before === undefined ? null : differenceOf(read(now), read(before)),
  });
  return [
    percentFact({ ...change('revenue', 'revenue', revenueOf), good: 'up' }),
    percentFact({ ...change('orders', 'orders', ({ orders }) => orders), good: 'up' }),
    percentFact({ ...change('units', 'units sold', ({ units }) => units), good: 'up' }),
    percentFact({ ...change('aov', 'average order value', (sums) => divide(netOf(sums), sums.orders)), good: 'up' }),
    percentFact({ ...points('discount_rate', 'discount rate', discountRate), good: 'down' }, 'percentage_point'),
    percentFact({ ...points('refund_rate', 'refund rate', refundRate), good: 'down' }, 'percentage_point'),
  ];
}

/**
 * The best sellers of either window, by the larger revenue: what sold before and not at all since is no less worth seeing. Deleted products
 * are in the shares, but are nothing that could be advised about.
 */
export function salesByProduct({ shop, windows, orders, cut }: SalesRows, top: number): ToolOutput {
  const current = sumProducts(inWindow(orders, windows.current));
  const previous = sumProducts(inWindow(orders, windows.previous));
  const total = [...current.values()].reduce((sum, sums) => sum + revenueOf(sums), 0);
  // Of a window that was cut it is not known that nothing was sold in it.
  const gone = cut.current || cut.previous ? [] : [...previous].filter(([id]) => !current.has(id));
  const ranked = [...current, ...gone.map(([id, { title }]) => [id, { ...NOTHING, title }] as const)]
    .flatMap(([id, sums]) => (id === undefined ? [] : [{ id, ...sums, revenue: revenueOf(sums) }]))
    .map((row) => ({ ...row, rank: Math.max(row.revenue, revenueOf(previous.get(row.id) ?? NOTHING)) }))
    .sort((one, other) => other.rank - one.rank || other.units - one.units || compare(one.id, other.id));
  const { rows, gaps } = firstOf(ranked, top, 'products that were sold in either window are listed, by revenue');
  const window = factWindows(windows);
  const deleted = current.get(undefined);
  const read = rows.map((row) => {
    const before = cut.previous ? null : (previous.get(row.id) ?? NOTHING).units;
    const change = cut.current ? null : changeOf(row.units, before);
    return { ...row, before, change, share: percentOf(row.revenue, total) };
  });
  return {
    facts: read.flatMap((row) => productFacts(row, shop.currency, window)),
    targets: read.map((row) => targetOf('product', row)),
    window: window.current,
    gaps,
    data: {
      currency: shop.currency,
      basis: basisOf(shop),
      productsSold: current.size - (deleted === undefined ? 0 : 1),
      deletedProducts: deleted === undefined ? 0 : toMajor(revenueOf(deleted), shop.currency),
      rows: read.map((row) => ({
        id: row.id,
        title: targetOf('product', row).title,
        revenue: toMajor(row.revenue, shop.currency),
        units: row.units,
        previousUnits: row.before,
        refundedUnits: row.refundedUnits,
      })),
    },
  };
}

type ProductRow = Sums & {
  id: string;
  title: string;
  revenue: number;
  before: number | null;
  change: number | null;
  share: number | null;
};
function productFacts(
  row: ProductRow,
  currency: string,
  { current, previous }: { current: FactWindow; previous: FactWindow },
): NewFact[] {
  const figure = (name: string, what: string, value: number | null): Figure => ({
    key: `product.${row.id}.${name}`,
    label: labelOf(what, row.title),
    value,
    window: current,
  });
  return [
    moneyFact({ ...figure('revenue', 'Revenue', row.revenue), good: 'up' }, currency),
    countFact({ ...figure('units', 'Units sold', row.units), good: 'up' }),
    countFact({ ...figure('previous_units', 'Units sold before', row.before), window: previous }),
    percentFact({ ...figure('change_units', 'Change of units', row.change), good: 'up' }),
    percentFact(figure('share', 'Share of revenue', row.share)),
    percentFact({ ...figure('discount_rate', 'Discount rate', discountRate(row)), good: 'down' }),
    percentFact({ ...figure('refund_rate', 'Refund rate', refundRate(row)), good: 'down' }),
    countFact({ ...figure('refunded_units', 'Units refunded', row.refundedUnits), good: 'down' }),
  ];
}

/** Ties are broken the same way everywhere, whatever the locale. */
export function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
