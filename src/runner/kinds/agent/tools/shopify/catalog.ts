/** The products of a shop with their prices and margins. Pure. */
import type { NewFact, ToolOutput } from '../../../../agent-job.ts';
import { countFact, firstOf, labelOf, moneyFact, percentFact, targetOf } from './figures.ts';
import type { Figure } from './figures.ts';
import { revenueOf, sumProducts } from './metrics.ts';
import { toMajor } from './money.ts';
import type { Order, Product, ShopFacts } from './rows.ts';
import { compare } from './sales.ts';

export interface CatalogRows {
  shop: ShopFacts;
  products: readonly Product[];
  /** What the list is ordered by: revenue of these; then the newest first. */
  orders: readonly Order[];
}

/** price: the lowest of the variants; margin = (prices - costs) / prices over the variants whose cost is known. */
export function productCatalog({ shop, products, orders }: CatalogRows, top: number): ToolOutput {
  const sold = sumProducts(orders);
  const revenue = ({ id }: Product): number => {
    const sums = sold.get(id);
    return sums === undefined ? 0 : revenueOf(sums);
  };
  const ranked = products.toSorted(
    (one, other) =>
      revenue(other) - revenue(one) || compare(other.createdAt, one.createdAt) || compare(one.id, other.id),
  );
  const by = orders.length > 0 ? 'revenue' : 'the newest first';
  const { rows, gaps } = firstOf(ranked, top, `products are listed, by ${by}`);
  const withoutCost = products.filter(({ variants }) => variants.some(({ unitCost }) => unitCost === undefined));
  return {
    facts: [
      countFact({ key: 'catalog.products', label: 'Products', value: products.length }),
      countFact({
        key: 'catalog.without_cost',
        label: 'Products without a unit cost',
        value: withoutCost.length,
        good: 'down',
      }),
      ...rows.flatMap((product) => catalogFacts(product, shop.currency)),
    ],
    targets: rows.map((product) => targetOf('product', product)),
    gaps,
    data: {
      currency: shop.currency,
      rows: rows.map((product) => ({
        id: product.id,
        title: targetOf('product', product).title,
        variants: product.variants.length,
        price: majorOrNull(lowestPrice(product), shop.currency),
        createdAt: product.createdAt,
      })),
    },
  };
}

function majorOrNull(minor: number | null, currency: string): number | null {
  return minor === null ? null : toMajor(minor, currency);
}

function lowestPrice({ variants }: Product): number | null {
  return variants.length === 0 ? null : variants.reduce((low, { price }) => Math.min(low, price), Infinity);
}

function marginOf({ variants }: Product): number | null {
  let prices = 0;
  let costs = 0;
  for (const { price, unitCost } of variants) {
    if (unitCost === undefined) continue;
    prices += price;
    costs += unitCost;
  }
  return prices > 0 ? ((prices - costs) / prices) * 100 : null;
}

function catalogFacts(product: Product, currency: string): NewFact[] {
  const figure = (name: string, what: string, value: number | null): Figure => ({
    key: `product.${product.id}.${name}`,
    label: labelOf(what, product.title),
    value,
  });
  return [
    moneyFact(figure('price', product.variants.length > 1 ? 'Lowest price' : 'Price', lowestPrice(product)), currency),
    percentFact({ ...figure('margin', 'Margin at full price', marginOf(product)), good: 'up' }),
  ];
}
