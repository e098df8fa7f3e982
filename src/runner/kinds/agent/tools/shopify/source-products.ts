/** Products with their variants, and what is on its way to those that run low. */
import { IncomingAnswer, ProductsAnswer, readProduct, VariantsAnswer } from './answers.ts';
import type { ProductNode, VariantNode } from './answers.ts';
import { INCOMING, PRODUCT_VARIANTS, PRODUCTS } from './documents.ts';
import type { Product, Read } from './rows.ts';
import { batchesOf, pagesOf } from './pages.ts';
import type { Desk } from './pages.ts';

const MAX_PRODUCTS = 10_000;
/** Of one product; Shopify's own bound. */
const MAX_VARIANTS = 2048;
const VARIANTS_PAGE = 100;
/** Only for those of which so few are left is it worth asking what is on its way. */
const LOW = 100;
const MAX_INCOMING = 500;
/** Variants of one question, by what it may cost. */
const INCOMING_BATCH = 25;

interface Found {
  node: ProductNode;
  variants: readonly VariantNode[];
}

export async function readProducts(desk: Desk, status: Product['status'], signal: AbortSignal): Promise<Read<Product>> {
  const gaps: string[] = [];
  const found: Found[] = [];
  const listing = { document: PRODUCTS, variables: { query: `status:${status}` }, data: ProductsAnswer, first: 20 };
  for await (const nodes of pagesOf(desk.client, listing, signal)) {
    for (const node of nodes) {
      if (found.length >= MAX_PRODUCTS) break;
      found.push({ node, variants: await variantsOf(desk, node, signal) });
    }
    if (found.length < MAX_PRODUCTS) continue;
    gaps.push(`only the first ${MAX_PRODUCTS.toLocaleString('en')} products were read`);
    break;
  }
  const incoming = status === 'active' ? await incomingOf(desk, { found, gaps }, signal) : new Map<string, number>();
  const { currency } = desk.shop;
  return { rows: found.map(({ node, variants }) => readProduct(node, { variants, status, currency, incoming })), gaps };
}

async function variantsOf({ client }: Desk, node: ProductNode, signal: AbortSignal): Promise<readonly VariantNode[]> {
  const { nodes, pageInfo } = node.variants;
  if (!pageInfo.hasNextPage || pageInfo.endCursor === undefined) return nodes;
  const variants = [...nodes];
  const listing = {
    document: PRODUCT_VARIANTS,
    variables: { id: node.id },
    data: VariantsAnswer,
    first: VARIANTS_PAGE,
  };
  for await (const more of pagesOf(client, { ...listing, after: pageInfo.endCursor }, signal)) {
    variants.push(...more);
    if (variants.length >= MAX_VARIANTS) break;
  }
  return variants;
}

async function incomingOf(
  { client }: Desk,
  { found, gaps }: { found: readonly Found[]; gaps: string[] },
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const low = found
    .flatMap(({ variants }) => variants)
    .filter(({ inventoryItem, inventoryQuantity }) => inventoryItem.tracked && (inventoryQuantity ?? 0) <= LOW)
    .sort((one, other) => (one.inventoryQuantity ?? 0) - (other.inventoryQuantity ?? 0));
  if (low.length > MAX_INCOMING)
    gaps.push(`what is on its way was read for the ${MAX_INCOMING} variants with the least stock only`);
  const ids = low.slice(0, MAX_INCOMING).map(({ inventoryItem }) => inventoryItem.id);
  const incoming = new Map<string, number>();
  const batches = batchesOf(client, { document: INCOMING, ids, data: IncomingAnswer, size: INCOMING_BATCH }, signal);
  let cut = false;
  for await (const { nodes } of batches)
    for (const { id, quantity, more } of nodes) {
      incoming.set(id, quantity);
      cut ||= more;
    }
  if (cut) gaps.push('what is on its way was read of the first 10 places of a variant only');
  return incoming;
}
