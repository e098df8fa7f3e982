/** The chart and the tables: drawn by code of the tools' facts, with names as plain text. */
import type { CellInput, ColumnInput, Evidence, KnownTarget, SectionInput } from 'bellhop';
import { plainName, rangeLabel } from '../_agents/words.ts';
import { daily, days, known, number, span, stockRows, unique } from './evidence.ts';

const MAX_PRODUCTS = 20;
const MAX_STOCK = 60;

export function sections(evidence: Evidence): SectionInput[] {
  return [...dailyChart(evidence), ...productTable(evidence), ...stockTable(evidence)];
}

/** This period over the one before it, day by day; nothing where nothing was sold. */
function dailyChart(evidence: Evidence): SectionInput[] {
  const rows = daily(evidence);
  const now = rows.slice(-days(evidence));
  const before = rows.slice(0, -days(evidence)).slice(-now.length);
  if (now.length < 2 || rows.every(({ revenue }) => revenue === 0)) return [];
  const compared = before.length === now.length && before.some(({ revenue }) => revenue > 0);
  // Cents say nothing of a day that brings a thousand.
  const whole = rows.some(({ revenue }) => revenue >= 1_000);
  const shown = ({ revenue }: { revenue: number }): number => (whole ? Math.round(revenue) : revenue);
  const best = now.reduce((a, b) => (b.revenue > a.revenue ? b : a));
  return [
    {
      kind: 'chart',
      id: 'daily-revenue',
      title: 'Revenue a day',
      alt: `Revenue of each day${compared ? `, beside the same days of the ${span(evidence)} before` : ''}. The best day was ${dayName(best.date)}.`,
      chart: {
        type: 'line',
        categories: now.map(({ date }) => dayName(date)),
        series: [
          { name: daysName(now), values: now.map(shown) },
          ...(compared ? [{ name: daysName(before), values: before.map(shown) }] : []),
        ],
        unit: sign(currencyOf(evidence)),
      },
    },
  ];
}

/** `16 – 22 Nov`: on a Monday nobody is sure which week “this week” is. */
function daysName(rows: readonly { date: string }[]): string {
  const [from = '', to = ''] = [rows[0]?.date, rows.at(-1)?.date];
  return rangeLabel({ from, to }).replace(/ \d{4}$/, '');
}

function dayName(date: string): string {
  const day = new Date(`${date}T00:00:00Z`);
  return day.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', timeZone: 'UTC' }).replace(',', '');
}

const currencyOf = (evidence: Evidence): string => evidence.fact('sales.revenue')?.currency ?? 'USD';

/** `€`, or the code where there is no sign. */
function sign(currency: string): string {
  const parts = new Intl.NumberFormat('en-US', { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
  return parts.formatToParts(0).find(({ type }) => type === 'currency')?.value ?? currency;
}

type Row = Record<string, CellInput>;
const cells = (evidence: Evidence, target: KnownTarget, names: readonly string[]): Row => ({
  title: plainName(target) || target.id,
  ...Object.fromEntries(names.map((name) => [name, number(evidence, `product.${target.id}.${name}`) ?? null])),
});

function productTable(evidence: Evidence): SectionInput[] {
  if (evidence.output('sales_by_product') === undefined) return [];
  const currency = currencyOf(evidence);
  const columns: ColumnInput[] = [
    { key: 'title', label: 'Product' },
    { key: 'revenue', label: 'Revenue', type: 'money', currency, digits: 0 },
    { key: 'units', label: 'Units', type: 'number' },
    { key: 'change_units', label: 'Change', type: 'percent', digits: 1 },
    { key: 'refund_rate', label: 'Refunds', type: 'percent', digits: 1 },
  ];
  const revenue = ({ id }: KnownTarget): number | undefined => number(evidence, `product.${id}.revenue`);
  const rows = unique(known(evidence, 'product'))
    .filter((target) => (number(evidence, `product.${target.id}.units`) ?? 0) > 0)
    .sort((a, b) => (revenue(b) ?? 0) - (revenue(a) ?? 0))
    .slice(0, MAX_PRODUCTS)
    .map((target) => cells(evidence, target, ['revenue', 'units', 'change_units', 'refund_rate']));
  if (rows.length === 0) return [];
  return [
    {
      kind: 'table',
      id: 'top-products',
      title: 'Best sellers',
      caption: 'By revenue, with the change of units',
      priority: 'detail',
      columns,
      rows,
      preview: 10,
    },
  ];
}

function stockTable(evidence: Evidence): SectionInput[] {
  const stock = stockRows(evidence);
  if (stock === undefined) return [];
  const states = [
    ['Out of stock', stock.outOfStock],
    ['Running out', stock.atRisk],
    ['Not selling', stock.dead],
  ] as const;
  const targets = new Map(known(evidence, 'product').map((target) => [target.id, target]));
  const rows = states.flatMap(([state, listed]) =>
    unique(listed).flatMap(({ id }): Row[] => {
      const target = targets.get(id);
      if (target === undefined) return [];
      return [{ ...cells(evidence, target, ['stock', 'sold_per_day', 'days_of_cover', 'stock_value']), state }];
    }),
  );
  if (rows.length === 0) return [];
  const currency = currencyOf(evidence);
  const more = rows.length > MAX_STOCK ? `, the first ${MAX_STOCK} of ${rows.length}` : '';
  return [
    {
      kind: 'table',
      id: 'stock-at-risk',
      title: 'Stock to look at',
      caption: `Stock that runs out or does not sell${more}`,
      priority: 'detail',
      columns: [
        { key: 'title', label: 'Product' },
        { key: 'state', label: 'State' },
        { key: 'stock', label: 'Stock', type: 'number' },
        { key: 'sold_per_day', label: 'Sold a day', type: 'number', digits: 1 },
        { key: 'days_of_cover', label: 'Days of cover', type: 'number', digits: 1 },
        { key: 'stock_value', label: 'Value', type: 'money', currency, digits: 0 },
      ],
      rows: rows.slice(0, MAX_STOCK),
      preview: 10,
    },
  ];
}
