/** Rows as the Admin API would answer them: a root value whose fields GraphQL calls. */
import { minorDigits } from '../../../src/runner/kinds/agent/tools/shopify/money.ts';
import type {
  Discount,
  Order,
  OrderLine,
  Product,
  Variant,
} from '../../../src/runner/kinds/agent/tools/shopify/rows.ts';
import type { BuiltShop } from './story.ts';

/** What rows do not say. */
export interface Marks {
  /** Ids of orders. */
  cancelled?: readonly string[];
  test?: readonly string[];
  /** Ids of products that are gift cards. */
  giftCards?: readonly string[];
  /** Where each item can be stocked; default one. */
  locations?: number;
}
interface Asked {
  /** Without it: fifty, or all of them in a bulk operation. */
  first?: number;
  after?: string | null;
  query?: string;
  reverse?: boolean;
}

const gid = (type: string, id: string): string => `gid://shopify/${type}/${id}`;
const digits = (id: string): string => /\/(\d+)$/.exec(id)?.[1] ?? '';

/** Minor units as Shopify writes them: "12.5" of EUR has two places, of JPY one that is 0. */
export function decimal(minor: number, currency: string): string {
  const places = minorDigits(currency);
  const text = String(Math.abs(minor)).padStart(places + 1, '0');
  const whole = text.slice(0, text.length - places);
  return `${minor < 0 ? '-' : ''}${whole}.${places === 0 ? '0' : text.slice(-places)}`;
}

export interface RootTerms {
  scopes: readonly string[];
  marks: Marks;
  /** All of each list that names no `first`. */
  bulk?: boolean;
}

export function createRoot(built: BuiltShop, { scopes, marks, bulk = false }: RootTerms): object {
  const unasked = bulk ? Infinity : 50;
  const page = (rows: readonly unknown[], { first = unasked, after }: Asked): object =>
    cut(rows, { first, after }, (row) => row);
  const lazyPage = <T>(rows: readonly T[], { first = unasked, after }: Asked, node: (row: T) => object): object =>
    cut(rows, { first, after }, node);
  const { shop, orders, products, discounts } = built;
  const bag = (minor: number): object => ({ shopMoney: { amount: decimal(minor, shop.currency) } });

  function lineNode(order: Order, line: OrderLine, at: number): object {
    return {
      id: gid('LineItem', `${order.id}${String(at).padStart(4, '0')}`),
      title: line.title,
      quantity: line.quantity,
      isGiftCard: line.productId !== undefined && (marks.giftCards ?? []).includes(line.productId),
      product: line.productId === undefined ? null : { id: gid('Product', line.productId) },
      originalTotalSet: bag(line.gross),
      discountAllocations: line.discount === 0 ? [] : allocations(order, line.discount),
    };
  }
  /** What was taken off is of the first discount; the others gave nothing. */
  function allocations(order: Order, minor: number): object[] {
    const names = order.discounts.length === 0 ? [''] : order.discounts;
    return names.map((name, index) => ({
      allocatedAmountSet: bag(index === 0 ? minor : 0),
      discountApplication: { ...application(name), index },
    }));
  }
  function refundsOf(order: Order): object[] {
    const nodes = order.lines.flatMap((line, at) =>
      line.refunded === 0 && line.refundedQuantity === 0
        ? []
        : [{ quantity: line.refundedQuantity, lineItem: lineNode(order, line, at), subtotalSet: bag(line.refunded) }],
    );
    if (nodes.length === 0) return [];
    return [{ id: gid('Refund', order.id), refundLineItems: (asked: Asked) => page(nodes, asked) }];
  }
  function ofName(name: string): Discount | undefined {
    return discounts.find(({ title, codes = [] }) => title === name || codes.includes(name));
  }
  function application(name: string): object {
    const discount = ofName(name);
    if (discount === undefined) return { __typename: 'ManualDiscountApplication', index: 0 };
    return discount.kind === 'code'
      ? { __typename: 'DiscountCodeApplication', index: 0, code: name }
      : { __typename: 'AutomaticDiscountApplication', index: 0, title: name };
  }
  function orderNode(order: Order): object {
    return {
      __typename: 'Order',
      id: gid('Order', order.id),
      createdAt: order.createdAt,
      cancelledAt: (marks.cancelled ?? []).includes(order.id) ? order.createdAt : null,
      test: (marks.test ?? []).includes(order.id),
      discountApplications: (asked: Asked) => page(order.discounts.map(application), asked),
      discountCodes: order.discounts.filter((name) => ofName(name)?.kind === 'code'),
      shippingLine: null,
      refunds: ({ first = 50 }: Asked) => refundsOf(order).slice(0, first),
      lineItems: (asked: Asked) =>
        page(
          order.lines.map((line, at) => lineNode(order, line, at)),
          asked,
        ),
    };
  }
  const itemNode = (variant: Variant): object => ({
    __typename: 'InventoryItem',
    id: gid('InventoryItem', variant.id),
    tracked: variant.available !== undefined,
    unitCost: variant.unitCost === undefined ? null : { amount: decimal(variant.unitCost, shop.currency) },
    inventoryLevels: (asked: Asked) =>
      page(
        Array.from({ length: marks.locations ?? 1 }, (_, at) => ({
          quantities: () => [{ quantity: at === 0 ? variant.incoming : 0 }],
        })),
        asked,
      ),
  });
  const variantNode = (variant: Variant): object => ({
    ...variant,
    id: gid('ProductVariant', variant.id),
    sku: variant.sku ?? null,
    price: decimal(variant.price, shop.currency),
    inventoryQuantity: variant.available ?? 0,
    inventoryItem: itemNode(variant),
  });
  const productNode = (product: Product): object => ({
    id: gid('Product', product.id),
    title: product.title,
    status: product.status.toUpperCase(),
    createdAt: product.createdAt,
    variants: (asked: Asked) => page(product.variants.map(variantNode), asked),
  });
  const nodes: Record<string, (id: string) => object | undefined> = {
    Order: (id) => orders.filter((order) => order.id === id).map(orderNode)[0],
    InventoryItem: (id) =>
      products
        .flatMap(({ variants }) => variants)
        .filter((variant) => variant.id === id)
        .map(itemNode)[0],
  };
  return {
    shop: {
      name: shop.name,
      currencyCode: shop.currency,
      ianaTimezone: shop.timeZone,
      taxesIncluded: shop.taxesIncluded ?? false,
    },
    currentAppInstallation: { accessScopes: scopes.map((handle) => ({ handle })) },
    orders(asked: Asked) {
      const found = orders.filter(({ createdAt }) => inQuery(createdAt, asked.query ?? ''));
      const rows = asked.reverse === true ? found.toReversed() : found;
      return lazyPage(rows, asked, orderNode);
    },
    ordersCount: ({ query = '', limit = 10_000 }: { query?: string; limit?: number }) => ({
      count: Math.min(limit, orders.filter(({ createdAt }) => inQuery(createdAt, query)).length),
    }),
    order: ({ id }: { id: string }) => nodes['Order']?.(digits(id)) ?? null,
    products(asked: Asked) {
      const status = /status:(\w+)/.exec(asked.query ?? '')?.[1];
      const rows = products.filter((product) => status === undefined || product.status === status);
      return lazyPage(rows, asked, productNode);
    },
    product: ({ id }: { id: string }) => products.filter((each) => each.id === digits(id)).map(productNode)[0] ?? null,
    nodes: ({ ids }: { ids: string[] }) =>
      ids.map((id) => nodes[/shopify\/(\w+)\//.exec(id)?.[1] ?? '']?.(digits(id)) ?? null),
    discountNodes: (asked: Asked) => lazyPage(discounts, asked, discountNode),
  };
}

/** Only the rows of the page are made into nodes. */
function cut<T>(
  rows: readonly T[],
  { first, after }: { first: number; after: string | null | undefined },
  node: (row: T) => unknown,
): object {
  const from = Number(after ?? 0);
  const to = Math.min(rows.length, from + first);
  const nodes = (): unknown[] => rows.slice(from, to).map(node);
  return {
    nodes,
    edges: () => nodes().map((each) => ({ node: each })),
    pageInfo: { hasNextPage: to < rows.length, endCursor: String(to) },
  };
}

function inQuery(createdAt: string, query: string): boolean {
  const at = Date.parse(createdAt);
  const from = /created_at:>='([^']+)'/.exec(query)?.[1];
  const before = /created_at:<'([^']+)'/.exec(query)?.[1];
  return (from === undefined || at >= Date.parse(from)) && (before === undefined || at < Date.parse(before));
}

function discountNode(discount: Discount): object {
  const code = discount.kind === 'code';
  const value =
    discount.percent === undefined
      ? { __typename: 'DiscountAmount' }
      : { __typename: 'DiscountPercentage', percentage: discount.percent / 100 };
  return {
    id: gid(code ? 'DiscountCodeNode' : 'DiscountAutomaticNode', discount.id),
    discount: {
      __typename: code ? 'DiscountCodeBasic' : 'DiscountAutomaticBasic',
      title: discount.title,
      startsAt: discount.startsAt,
      endsAt: discount.endsAt ?? null,
      asyncUsageCount: discount.uses,
      codes: (asked: Asked) =>
        cut(discount.codes ?? [], { first: asked.first ?? 50, after: asked.after }, (code) => ({ code })),
      customerGets: { value },
    },
  };
}
