/**
 * An invented shop, so that the report can be tried without any account. Each day's orders follow from the day alone: the same week is
 * the same for whoever asks, and the next one goes on from it. Its story turns every second week, so that earlier advice comes to an end.
 */
import type { Days, Discount, Order, OrderLine, Product, ShopSource, ToolContext } from 'bellhop';

const DAY = 86_400_000;
const CURRENCY = 'EUR';

interface Item {
  id: string;
  title: string;
  /** Minor units. */
  price: number;
  cost: number;
  /** Orders of an ordinary day. */
  pace: number;
  /** In stock in the even and in the odd weeks. */
  stock: readonly [number, number];
  incoming?: number;
  /** Days since it came. */
  age: number;
  /** Share of its pieces that come back. */
  returned?: number;
  /** How much of its pace it has in each week of the cycle: a season comes at once and goes slowly. */
  season?: readonly number[];
}

const ITEMS: readonly Item[] = [
  { id: '9001', title: 'Linen Duvet Cover', price: 12900, cost: 5200, pace: 5, stock: [0, 260], age: 900 },
  { id: '9002', title: 'Stoneware Mug', price: 1850, cost: 620, pace: 14, stock: [980, 95], age: 1200 },
  { id: '9003', title: 'Oak Serving Board', price: 4200, cost: 1700, pace: 6, stock: [340, 310], age: 640 },
  {
    id: '9004',
    title: 'Wool Throw',
    price: 8900,
    cost: 4100,
    pace: 4,
    stock: [190, 170],
    age: 500,
    season: [2.1, 2, 1.7, 1.4, 1.15, 1],
  },
  { id: '9005', title: 'Beeswax Candle', price: 1400, cost: 380, pace: 11, stock: [820, 700], age: 800 },
  {
    id: '9006',
    title: 'Terracotta Planter',
    price: 3600,
    cost: 1500,
    pace: 4,
    stock: [240, 220],
    age: 420,
    season: [0.9, 0.4, 0.55, 0.72, 0.9, 1],
  },
  { id: '9007', title: 'Glass Carafe', price: 2900, cost: 1250, pace: 4, stock: [260, 250], age: 300, returned: 0.3 },
  { id: '9008', title: 'Cotton Bath Mat', price: 3400, cost: 1400, pace: 3, stock: [210, 190], age: 350 },
  { id: '9009', title: 'Rattan Floor Lamp', price: 18900, cost: 9600, pace: 0, stock: [46, 46], age: 260 },
  { id: '9010', title: 'Brass Bookends', price: 5400, cost: 2300, pace: 0, stock: [60, 60], age: 24 },
  { id: '9011', title: 'Ceramic Butter Dish', price: 2600, cost: 900, pace: 3, stock: [230, 215], age: 210 },
  { id: '9012', title: 'Jute Rug', price: 15900, cost: 8800, pace: 2, stock: [88, 80], age: 480 },
];
/** Where in the cycle the weeks are. */
const CYCLE = 3;
const DEAR_CODE = { title: 'WELCOMEHOME', percent: 55, share: 0.12 };

/** Between 0 and 1, the same for the same words: FNV-1a, stirred once more. */
function chance(...words: readonly (string | number)[]): number {
  let hash = 2_166_136_261;
  for (const char of words.join('|')) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619);
  hash = Math.imul(hash ^ (hash >>> 15), 2_246_822_507);
  return ((hash ^ (hash >>> 13)) >>> 0) / 4_294_967_296;
}

/** Whole days since 1970. */
const dayOf = (date: string): number => Math.round(Date.parse(`${date}T00:00:00Z`) / DAY);

/** Weeks begin on a Monday: 1970 began on a Thursday. */
const weekOf = (day: number): number => Math.floor((day + 3) / 7);

function piecesOf(item: Item, day: number): number {
  const weekend = (day + 4) % 7 === 0 || (day + 4) % 7 === 6 ? 1.3 : 1;
  const season = item.season?.[(weekOf(day) + CYCLE) % (item.season.length || 1)] ?? 1;
  const wanted = item.pace * weekend * season * (0.8 + chance(item.id, day) * 0.4);
  return Math.floor(wanted + chance('round', item.id, day));
}

function orderOf(item: Item, day: number, at: number): Order {
  const id = `${day}${item.id}${at}`;
  const dear = chance('code', id) < DEAR_CODE.share;
  const back = chance('back', id) < (item.returned ?? 0.015);
  const quantity = item.price < 3_000 && chance('quantity', id) < 0.3 ? 2 : 1;
  const gross = item.price * quantity;
  const discount = dear ? Math.round((gross * DEAR_CODE.percent) / 100) : 0;
  const line: OrderLine = {
    productId: item.id,
    title: item.title,
    quantity,
    gross,
    discount,
    refundedQuantity: back ? quantity : 0,
    refunded: back ? gross - discount : 0,
  };
  const minute = Math.floor(chance('minute', id) * 840) + 480;
  return {
    id,
    createdAt: new Date(day * DAY + minute * 60_000).toISOString(),
    lines: [line],
    discounts: dear ? [DEAR_CODE.title] : [],
  };
}

function ordersOf({ from, to }: Days, today: number): Order[] {
  const orders: Order[] = [];
  for (let day = dayOf(from); day <= Math.min(dayOf(to), today); day++)
    for (const item of ITEMS.filter(({ age }) => today - day <= age))
      for (let at = 0; at < piecesOf(item, day); at++) orders.push(orderOf(item, day, at));
  return orders.sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : 0));
}

function productOf(item: Item, today: number): Product {
  const odd = weekOf(today) % 2;
  const available = item.stock[odd === 0 ? 0 : 1];
  const { id, title, price, cost: unitCost, incoming = 0 } = item;
  return {
    id,
    title,
    status: 'active',
    createdAt: new Date((today - item.age) * DAY).toISOString(),
    variants: [{ id: `${id}1`, title: 'Default', sku: undefined, price, unitCost, available, incoming }],
  };
}

/** The demo shop as it is now. */
export function demoShop({ now }: Pick<ToolContext, 'now'>): ShopSource {
  const today = Math.floor(now / DAY);
  const code: Discount = {
    id: '7001',
    title: DEAR_CODE.title,
    kind: 'code',
    startsAt: new Date((today - 60) * DAY).toISOString(),
    endsAt: undefined,
    percent: DEAR_CODE.percent,
    uses: 400,
  };
  const read = <T>(rows: readonly T[]) => Promise.resolve({ rows, gaps: [] });
  return {
    // In UTC a day of the shop is a day of the generator.
    shop: () => Promise.resolve({ name: 'Demo shop (sample data)', currency: CURRENCY, timeZone: 'UTC' }),
    orders: (days) => read(ordersOf(days, today)),
    products: (status) => read(status === 'active' ? ITEMS.map((item) => productOf(item, today)) : []),
    discounts: () => read([code]),
  };
}
