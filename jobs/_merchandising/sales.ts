/** What moved: the shop as a whole, and single products. */
import type { Evidence, KnownTarget, NewFinding } from 'bellhop';
import { called, cite, ref } from '../_agents/words.ts';
import { known, number, stockRows, unique } from './evidence.ts';
import { LIMITS } from './limits.ts';
import type { Signal } from './signal.ts';

/** Enough orders in one of the periods, and a period before to compare with. */
export function comparable(evidence: Evidence): boolean {
  const now = number(evidence, 'sales.orders');
  const before = number(evidence, 'sales.previous.orders');
  if (now === undefined || before === undefined || before === 0) return false;
  return Math.max(now, before) >= LIMITS.ordersForTrend;
}

export function shopSignals(evidence: Evidence): Signal[] {
  if (!comparable(evidence)) return [];
  const signals: Signal[] = [];
  const add = (weight: number, key: string, said: { head: string; text: string }): void => {
    const finding: NewFinding = { key, text: said.text, confidence: 'high' };
    signals.push({ kind: key, weight, head: said.head, finding });
  };
  const revenue = number(evidence, 'sales.change.revenue') ?? 0;
  if (Math.abs(revenue) >= LIMITS.revenueChange)
    add(900, revenue < 0 ? 'revenue.drop' : 'revenue.rise', {
      head: `revenue ${revenue < 0 ? 'fell' : 'rose'} {{sales.change.revenue}}`,
      text: `Revenue ${revenue < 0 ? 'fell' : 'rose'} {{sales.change.revenue}}, to {{sales.revenue}} from {{sales.previous.revenue}}. ${driver(evidence, revenue)}`,
    });
  if ((number(evidence, 'sales.change.refund_rate') ?? 0) >= LIMITS.refundPoints)
    add(600, 'refunds.shop', {
      head: 'more is sent back',
      text: 'More was sent back: refunds are {{sales.refund_rate}} of sales, after {{sales.previous.refund_rate}}.',
    });
  if ((number(evidence, 'sales.change.discount_rate') ?? 0) >= LIMITS.discountPoints)
    add(580, 'discounts.shop', {
      head: 'more is given away',
      text: 'More was given away: discounts took {{sales.discount_rate}} of gross sales, after {{sales.previous.discount_rate}}.',
    });
  return signals;
}

/** Whichever moved the same way, and more. */
function driver(evidence: Evidence, revenue: number): string {
  const orders = (number(evidence, 'sales.change.orders') ?? 0) * Math.sign(revenue);
  const basket = (number(evidence, 'sales.change.aov') ?? 0) * Math.sign(revenue);
  if (orders <= 0 && basket <= 0) return 'Neither the number nor the size of orders explains it alone.';
  if (orders >= basket)
    return `Mostly ${revenue < 0 ? 'fewer' : 'more'} orders: {{sales.orders}}, {{sales.previous.orders}} before.`;
  return `Mostly ${revenue < 0 ? 'smaller' : 'larger'} orders: {{sales.aov}} each, {{sales.previous.aov}} before.`;
}

export function productSignals(evidence: Evidence): Signal[] {
  const short = scarce(evidence);
  return unique(known(evidence, 'product')).flatMap((target) => [
    ...refunds(evidence, target),
    ...trend(evidence, target, short),
    ...unsold(evidence, target),
  ]);
}

/** Products whose sales are bent by their stock: nothing is to be read into them, and nothing to be pushed. */
function scarce(evidence: Evidence): ReadonlySet<string> {
  const rows = stockRows(evidence);
  return new Set([...(rows?.outOfStock ?? []), ...(rows?.atRisk ?? [])].map(({ id }) => id));
}

function refunds(evidence: Evidence, target: KnownTarget): Signal[] {
  const rate = number(evidence, `product.${target.id}.refund_rate`) ?? 0;
  const units = number(evidence, `product.${target.id}.refunded_units`) ?? 0;
  const shop = number(evidence, 'sales.refund_rate') ?? 0;
  if (units < LIMITS.refundedUnits || rate < LIMITS.refundRate || rate < shop * LIMITS.refundTimes) return [];
  const name = called(target);
  return [
    {
      kind: 'refunds',
      weight: 650 + Math.min(40, rate),
      head: `${name} comes back too often`,
      finding: {
        key: `refunds.product.${target.id}`,
        text: `${name} comes back too often: ${cite(target, 'refund_rate')} of its sales, where the whole shop has {{sales.refund_rate}}.`,
        confidence: 'high',
        target: ref(target),
      },
      advice: {
        action: 'check_quality',
        target: ref(target),
        title: `Find out why ${name} comes back`,
        why: 'Read the reasons that were given, and check its description and pictures before more of it is sold.',
        impact: `Refunded: ${cite(target, 'refunded_units')}, ${cite(target, 'refund_rate')} of its sales`,
        confidence: 'medium',
      },
    },
  ];
}

function trend(evidence: Evidence, target: KnownTarget, short: ReadonlySet<string>): Signal[] {
  const change = number(evidence, `product.${target.id}.change_units`);
  const units = number(evidence, `product.${target.id}.units`);
  const before = number(evidence, `product.${target.id}.previous_units`);
  if (change === undefined || units === undefined || before === undefined || short.has(target.id)) return [];
  if (Math.max(units, before) < LIMITS.unitsForTrend) return [];
  if (change >= LIMITS.rise) return [riser(target, change)];
  // A shop that sold nothing at all has another reason than each of its products.
  if (units === 0 && (number(evidence, 'sales.units') ?? 0) === 0) return [];
  return change <= LIMITS.fall ? [faller(evidence, target, change)] : [];
}

const moved = (target: KnownTarget): string =>
  `${cite(target, 'units')} sold, ${cite(target, 'previous_units')} before`;
/** What is not in the lists of stock may have been taken out of the shop. */
const hasStock = (evidence: Evidence, { id }: KnownTarget): boolean =>
  (number(evidence, `product.${id}.stock`) ?? 0) > 0;

function riser(target: KnownTarget, change: number): Signal {
  const name = called(target);
  return {
    kind: 'riser',
    weight: 420 + Math.min(60, change / 10),
    head: `${name} is taking off`,
    finding: {
      key: `riser.product.${target.id}`,
      text: `${name} is taking off: ${moved(target)}.`,
      confidence: 'medium',
      target: ref(target),
    },
    advice: {
      action: 'feature',
      target: ref(target),
      title: `Give ${name} a better place`,
      why: 'It sells without help. Show it on the front page or in the next mail.',
      impact: `${moved(target)} (${cite(target, 'change_units')})`,
      confidence: 'medium',
    },
  };
}

function faller(evidence: Evidence, target: KnownTarget, change: number): Signal {
  const name = called(target);
  const toNothing = number(evidence, `product.${target.id}.units`) === 0;
  const lost = toNothing ? 'does not sell any more' : 'has lost demand';
  const although = hasStock(evidence, target) ? ', although it is in stock' : '';
  return {
    kind: 'faller',
    weight: 430 + Math.min(60, -change / 10),
    head: `${name} ${lost}`,
    finding: {
      key: `faller.product.${target.id}`,
      text: `${name} ${lost}: ${moved(target)}${although}.`,
      confidence: 'medium',
      target: ref(target),
    },
    advice: {
      action: 'review_price',
      target: ref(target),
      title: `Review price and page of ${name}`,
      why: `${although === '' ? 'Fewer' : 'It is in stock and fewer'} want it. Compare its price with others, and check that customers can still find it.`,
      impact: `${moved(target)} (${cite(target, 'change_units')})`,
      confidence: 'low',
    },
  };
}

/** In the shop for some weeks, in stock, and not one sold: of what the tool for stock says of new products. */
function unsold(evidence: Evidence, target: KnownTarget): Signal[] {
  const row = stockRows(evidence)?.unsold.find(({ id }) => id === target.id);
  if (row === undefined) return [];
  const age = (evidence.now - Date.parse(row.createdAt)) / 86_400_000;
  if (!(age >= LIMITS.newAfterDays && age <= LIMITS.newUntilDays)) return [];
  const name = called(target);
  return [
    {
      kind: 'unsold_new',
      weight: 380,
      head: `${name} has not sold yet`,
      finding: {
        key: `unsold_new.product.${target.id}`,
        text: `${name} is new and has not sold yet. In stock: ${cite(target, 'stock')}.`,
        confidence: 'medium',
        target: ref(target),
      },
      advice: {
        action: 'feature',
        target: ref(target),
        title: `Show ${name} where people look`,
        why: 'Nobody has bought one so far: give it a better place before its price is touched.',
        impact: `In stock: ${cite(target, 'stock')}`,
        confidence: 'low',
      },
    },
  ];
}
