/** A shop as the tools see it: plain rows without customers. Money is whole minor units of the shop's currency. */

/** Both ends inclusive, as days of the shop's own zone. */
export interface Days {
  from: string;
  to: string;
}
export interface ShopFacts {
  name: string;
  /** ISO 4217. */
  currency: string;
  /** IANA name: what a day is. */
  timeZone: string;
  /** Prices, and so revenue, hold tax; default no. */
  taxesIncluded?: boolean;
}
export interface OrderLine {
  /** The digits of Shopify's id; undefined when the product was deleted. */
  productId: string | undefined;
  title: string;
  quantity: number;
  /** Before discounts, for the whole line. */
  gross: number;
  /** Taken off, of the line and its part of the order's. */
  discount: number;
  refundedQuantity: number;
  /** Given back for this line, without tax and shipping. */
  refunded: number;
}
export interface Order {
  id: string;
  /** An instant. */
  createdAt: string;
  lines: readonly OrderLine[];
  /** Titles or codes of the discounts that were used. */
  discounts: readonly string[];
}
export interface Variant {
  id: string;
  title: string;
  sku: string | undefined;
  price: number;
  unitCost: number | undefined;
  /** Available over all locations; undefined when the shop does not track it. */
  available: number | undefined;
  incoming: number;
}
export interface Product {
  id: string;
  title: string;
  status: 'active' | 'draft' | 'archived';
  /** An instant. */
  createdAt: string;
  variants: readonly Variant[];
}
export interface Discount {
  id: string;
  title: string;
  /** What a buyer may type, where that is not the title; default none. */
  codes?: readonly string[];
  /** A code or a rule that applies by itself. */
  kind: 'code' | 'automatic';
  startsAt: string;
  endsAt: string | undefined;
  /** Percent off, 0 to 100; undefined for another kind of discount. */
  percent: number | undefined;
  uses: number;
}
/** Rows, and what is missing of them in words: `only the newest 10,000 orders were read`. */
export interface Read<T> {
  rows: readonly T[];
  gaps: readonly string[];
  /** The first day of which all rows are here; default: all asked about. Sums over earlier days are too small. */
  completeFrom?: string;
}
/** Where a shop's rows come from: the Admin API, or a demo shop. Errors are RunErrors SHOPIFY_REJECTED or SHOPIFY_UNAVAILABLE. */
export interface ShopSource {
  shop(signal: AbortSignal): Promise<ShopFacts>;
  /** Orders that were created on these days, oldest first; cancelled and test orders are left out. */
  orders(days: Days, signal: AbortSignal): Promise<Read<Order>>;
  products(status: Product['status'], signal: AbortSignal): Promise<Read<Product>>;
  discounts(signal: AbortSignal): Promise<Read<Discount>>;
}
