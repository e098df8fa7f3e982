/** What is out of stock, about to run out, or does not move. */
import type { Evidence, KnownTarget } from 'bellhop';
import { called, cite, ref } from '../_agents/words.ts';
import { days, known, number, span, stockRows, unique, type StockRow } from './evidence.ts';
import { LIMITS } from './limits.ts';
import type { Signal } from './signal.ts';

interface Item {
  target: KnownTarget;
  row: StockRow;
  soldPerDay: number;
  /** Percent of the shop's units, or of its revenue, whichever is more. */
  share: number;
  /** What is ordered already covers the time that a delivery takes. */
  coming: boolean;
}

export function stockSignals(evidence: Evidence): Signal[] {
  const rows = stockRows(evidence);
  if (rows === undefined) return [];
  const items = (from: readonly StockRow[]): Item[] => unique(from).flatMap((row) => item(evidence, row) ?? []);
  return [
    ...items(rows.outOfStock)
      .filter(
        ({ target, share, soldPerDay }) =>
          (share >= LIMITS.bestSellerShare && soldPerDay >= LIMITS.soldPerDay) || fellToNothing(evidence, target),
      )
      .map((one) => stockOut(evidence, one)),
    ...items(rows.atRisk)
      .filter((one) => runningOut(evidence, one))
      .map(low),
    ...items(rows.dead)
      .filter(({ target }) => isDead(evidence, target))
      .map((one) => dead(evidence, one)),
  ];
}

function item(evidence: Evidence, row: StockRow): Item | undefined {
  const target = known(evidence, 'product').find(({ id }) => id === row.id);
  if (target === undefined) return undefined;
  const soldPerDay = number(evidence, `product.${row.id}.sold_per_day`) ?? 0;
  const perDay = (number(evidence, 'sales.units') ?? 0) / days(evidence);
  const ofUnits = perDay > 0 ? (soldPerDay / perDay) * 100 : 0;
  const share = Math.max(ofUnits, number(evidence, `product.${row.id}.share`) ?? 0);
  return { target, row, soldPerDay, share, coming: row.incoming >= soldPerDay * LIMITS.leadDays && row.incoming > 0 };
}

/** It sold well in the period before and not at all in this one. */
function fellToNothing(evidence: Evidence, { id }: KnownTarget): boolean {
  const before = number(evidence, `product.${id}.previous_units`) ?? 0;
  return number(evidence, `product.${id}.units`) === 0 && before >= LIMITS.unitsForTrend;
}

function stockOut(evidence: Evidence, { target, share, coming }: Item): Signal {
  const name = called(target);
  const pace = fellToNothing(evidence, target)
    ? `it sold nothing after ${cite(target, 'previous_units')} in the period before`
    : `it sold ${cite(target, 'sold_per_day')} a day`;
  const sold = number(evidence, `product.${target.id}.revenue`) ?? 0;
  const finding = {
    key: `stockout.product.${target.id}`,
    text: `${name} is out of stock; ${pace}.${coming ? ' More is on its way.' : ''}`,
    confidence: 'high' as const,
    target: ref(target),
  };
  const head = `${name} is out of stock`;
  if (coming) return { kind: 'stockout', weight: 400 + share, head, finding };
  const advice = {
    action: 'restock',
    target: ref(target),
    title: `Restock ${name}`,
    why: `It is sold out, and ${pace} while it was there.`,
    ...(sold > 0 && { impact: `Sold ${cite(target, 'revenue')} in the ${span(evidence)}` }),
    confidence: 'high' as const,
  };
  return { kind: 'stockout', weight: 1000 + share, head, finding, advice };
}

function runningOut(evidence: Evidence, { target, soldPerDay, share }: Item): boolean {
  const cover = number(evidence, `product.${target.id}.days_of_cover`);
  if (cover === undefined || cover > LIMITS.leadDays) return false;
  return soldPerDay >= LIMITS.soldPerDay && share >= LIMITS.runningOutShare;
}

function low({ target, share, coming }: Item): Signal {
  const name = called(target);
  const left = `${cite(target, 'stock')} left, enough for ${cite(target, 'days_of_cover')}`;
  const head = `${name} is running out`;
  const finding = {
    key: `low_stock.product.${target.id}`,
    text: `${name} is running out: ${left} at ${cite(target, 'sold_per_day')} sold a day.${coming ? ' More is on its way.' : ''}`,
    confidence: 'high' as const,
    target: ref(target),
  };
  if (coming) return { kind: 'low_stock', weight: 150 + share, head, finding };
  const advice = {
    action: 'restock',
    target: ref(target),
    title: `Reorder ${name} now`,
    why: 'At this pace it is gone before a delivery that is ordered later would come.',
    impact: `${cite(target, 'stock')} left, ${cite(target, 'days_of_cover')} of sales`,
    confidence: 'high' as const,
  };
  return { kind: 'low_stock', weight: 700 + share, head, finding, advice };
}

function isDead(evidence: Evidence, { id }: KnownTarget): boolean {
  const revenue = number(evidence, 'sales.revenue') ?? 0;
  const value = number(evidence, `product.${id}.stock_value`) ?? 0;
  return value > 0 && value >= (revenue * LIMITS.deadShare) / 100;
}

function dead(evidence: Evidence, { target }: Item): Signal {
  const name = called(target);
  const last = `None was sold for ${cite(target, 'days_since_sale')} or longer`;
  const value = number(evidence, `product.${target.id}.stock_value`) ?? 0;
  const revenue = number(evidence, 'sales.revenue') ?? 0;
  return {
    kind: 'dead_stock',
    weight: 400 + Math.min(100, revenue > 0 ? (value / revenue) * 100 : 100),
    head: `${name} does not move`,
    finding: {
      key: `dead_stock.product.${target.id}`,
      text: `${name} does not move. ${last}; ${cite(target, 'stock_value')} is tied up in it.`,
      confidence: 'high',
      target: ref(target),
    },
    advice: {
      action: 'mark_down',
      target: ref(target),
      title: `Mark down ${name}`,
      why: 'A lower price turns stock that stands still back into money.',
      impact: `Frees up to ${cite(target, 'stock_value')}`,
      confidence: 'medium',
    },
  };
}
