/** The file of a bulk operation, line by line: orders, and their lines under `__parentId`. It is checked like any other answer. */
import { z } from 'zod';
import { Bag, Gid, Instant, maybe, Text } from './answers.ts';
import { LineNode, readLine } from './order-answers.ts';
import type { OrderHead, ReadLine } from './order-answers.ts';

/** Orders as they were found, newest first. */
export interface FoundOrder {
  head: OrderHead;
  lines: readonly ReadLine[];
}
/** Why a file cannot be used, in words that repeat nothing of it. */
export class FileError extends Error {}

/** Of all orders of a file. */
const MAX_ROWS = 400_000;
/** Titles that are kept once, however many lines have them. */
const MAX_TITLES = 20_000;

const Application = z.object({ index: z.int().nonnegative(), code: Text.optional(), title: Text.optional() });
const Allocation = z.object({ discountApplication: Application });
const BulkOrder = z.object({
  id: Gid,
  createdAt: Instant,
  cancelledAt: maybe(z.string()),
  test: z.boolean(),
  discountCodes: z.array(Text).max(1000),
  refunds: z.array(z.object({ id: Gid })),
  shippingLine: maybe(z.object({ discountAllocations: z.array(Allocation) })),
  // An order is nobody's child.
  __parentId: z.never().optional(),
});
const BulkLine = LineNode.extend({
  __parentId: Gid,
  discountAllocations: z.array(Allocation.extend({ allocatedAmountSet: Bag })),
});
const Kind = z.object({ id: Gid });

type Names = Map<number, string>;
interface Order {
  head?: Omit<OrderHead, 'discounts'> & { codes: readonly string[]; ms: number };
  lines: ReadLine[];
  /** By their place among the discounts of the order. */
  names?: Names;
}
export interface BulkRows {
  /** Throws a FileError. */
  add(text: string): void;
  /** Newest first, of the same instant the later in the file; throws when a line has no order, or the file has not `orders` of them. */
  all(orders: number): FoundOrder[];
}

/** A line may stand before its order, and far from it. */
export function createBulkRows(currency: string): BulkRows {
  const found = new Map<string, Order>();
  const titles = new Map<string, string>();
  let rows = 0;

  function orderOf(gid: string): Order {
    const known = found.get(gid) ?? { lines: [] };
    found.set(gid, known);
    return known;
  }
  function addOrder(read: z.infer<typeof BulkOrder>): void {
    const order = orderOf(read.id);
    if (order.head !== undefined) throw new FileError('has an order twice');
    order.head = {
      gid: read.id,
      createdAt: read.createdAt,
      sold: !read.test && read.cancelledAt === undefined,
      refunded: read.refunds.length > 0,
      codes: read.discountCodes,
      ms: Date.parse(read.createdAt),
    };
    name(order, read.shippingLine?.discountAllocations ?? []);
  }
  function addLine(read: z.infer<typeof BulkLine>): void {
    const order = orderOf(read.__parentId);
    const line = readLine(read, currency);
    const title = titles.get(line.row.title) ?? line.row.title;
    if (titles.size < MAX_TITLES) titles.set(title, title);
    order.lines.push({ ...line, row: { ...line.row, title } });
    name(order, read.discountAllocations);
  }
  return {
    add(text) {
      if (++rows > MAX_ROWS) throw new FileError(`has more than ${MAX_ROWS.toLocaleString('en')} lines`);
      const json = parsed(text);
      const kind = Kind.safeParse(json).data?.id;
      if (kind?.startsWith('gid://shopify/Order/') === true) addOrder(checked(BulkOrder, json));
      else if (kind?.startsWith('gid://shopify/LineItem/') === true) addLine(checked(BulkLine, json));
      else throw new FileError('holds something that was not asked for');
    },
    all(orders) {
      const whole = [...found.values()].flatMap(({ head, lines, names }) =>
        head === undefined ? [] : [{ head, lines, names }],
      );
      if (whole.length < found.size) throw new FileError('has lines of an order that is not in it');
      if (whole.length !== orders) throw new FileError('is not whole');
      return whole
        .toReversed()
        .sort((one, other) => other.head.ms - one.head.ms)
        .map(({ head: { gid, createdAt, sold, refunded, codes }, lines, names }) => ({
          head: { gid, createdAt, sold, refunded, discounts: discountsOf(codes, names) },
          lines,
        }));
    },
  };
}

function name(order: Order, allocations: readonly z.infer<typeof Allocation>[]): void {
  for (const { discountApplication } of allocations) {
    const text = discountApplication.code ?? discountApplication.title;
    if (text !== undefined) (order.names ??= new Map()).set(discountApplication.index, text);
  }
}
/** Those that took something off, in their order, and codes that took nothing off. */
function discountsOf(codes: readonly string[], names: Names = new Map()): string[] {
  const taken = [...names].sort(([one], [other]) => one - other).map(([, text]) => text);
  const known = new Set(taken.map((text) => text.toLowerCase()));
  return [...taken, ...codes.filter((code) => !known.has(code.toLowerCase()))];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FileError('is no JSON Lines');
  }
}
function checked<S extends z.ZodType>(schema: S, json: unknown): z.infer<S> {
  const read = schema.safeParse(json);
  if (!read.success) throw new FileError('does not fit what was asked for');
  return read.data;
}
