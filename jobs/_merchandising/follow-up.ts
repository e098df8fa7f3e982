/** What became of earlier advice, by the facts of today; nothing is said of what could not be read. */
import type { AdviceRow, Evidence } from 'bellhop';
import { daysOf, number, span, stockRows } from './evidence.ts';
import { LIMITS } from './limits.ts';

type Outcome = { status: 'open' | 'done'; note: string } | undefined;
type Judge = (row: AdviceRow, evidence: Evidence) => Outcome;

/** A list with gaps does not prove that something has left it. */
function whole(evidence: Evidence, tool: string): boolean {
  const output = evidence.output(tool);
  return output !== undefined && (output.gaps ?? []).length === 0;
}

const restock: Judge = ({ targetId: id }, evidence) => {
  const rows = stockRows(evidence);
  if (rows === undefined) return undefined;
  const has = (list: readonly { id: string }[]): boolean => list.some((row) => row.id === id);
  if (has(rows.outOfStock)) return { status: 'open', note: 'Still out of stock.' };
  if (has(rows.atRisk)) {
    const cover = number(evidence, `product.${id}.days_of_cover`);
    if (cover !== undefined && cover > LIMITS.leadDays)
      return {
        status: 'done',
        note: `Restocked: {{product.${id}.stock}} are there, enough for {{product.${id}.days_of_cover}}.`,
      };
    return { status: 'open', note: `Still short: {{product.${id}.stock}} left.` };
  }
  if (number(evidence, `product.${id}.stock`) !== undefined)
    return { status: 'done', note: `Restocked: {{product.${id}.stock}} are there.` };
  return whole(evidence, 'inventory_risk') ? { status: 'done', note: 'It is no longer short.' } : undefined;
};

const markDown: Judge = ({ targetId: id }, evidence) => {
  const units = number(evidence, `product.${id}.units`) ?? 0;
  if (units > 0) return { status: 'done', note: `It sells again: {{product.${id}.units}} in the ${span(evidence)}.` };
  const rows = stockRows(evidence);
  if (rows === undefined) return undefined;
  if (rows.dead.some((row) => row.id === id))
    return { status: 'open', note: `Still not sold: {{product.${id}.stock_value}} is tied up.` };
  return whole(evidence, 'inventory_risk')
    ? { status: 'done', note: 'It is no longer among the stock that does not sell.' }
    : undefined;
};

const endDiscount: Judge = ({ targetId: id }, evidence) => {
  if (evidence.output('active_discounts') === undefined) return undefined;
  if (evidence.fact(`discount.${id}.given`) !== undefined)
    return { status: 'open', note: `Still active: it gave away {{discount.${id}.given}} in the ${span(evidence)}.` };
  return whole(evidence, 'active_discounts') ? { status: 'done', note: 'It is no longer active.' } : undefined;
};

const checkQuality: Judge = ({ targetId: id }, evidence) => {
  const rate = number(evidence, `product.${id}.refund_rate`);
  if (rate === undefined) return undefined;
  const facts = `{{product.${id}.refund_rate}} of its sales went back`;
  return rate < LIMITS.refundRate
    ? { status: 'done', note: `Better: ${facts}.` }
    : { status: 'open', note: `No better yet: ${facts}.` };
};

const sales: Judge = ({ targetId: id, then }, evidence) => {
  const units = number(evidence, `product.${id}.units`);
  if (units === undefined) return undefined;
  const before = then.find(({ key }) => key === `product.${id}.units`);
  const days = daysOf(evidence, `product.${id}.units`);
  // Two weeks sell more than one, and hold days from before the advice: nothing has risen because a longer period was asked for.
  const isSameSpan = before?.days === undefined || days === undefined || days === before.days;
  const rose = isSameSpan && units > (typeof before?.value === 'number' ? before.value : 0);
  return { status: rose ? 'done' : 'open', note: `{{product.${id}.units}} sold in the ${span(evidence)}.` };
};

const JUDGES: Readonly<Record<string, Judge>> = {
  restock,
  mark_down: markDown,
  end_discount: endDiscount,
  check_quality: checkQuality,
  feature: sales,
  review_price: sales,
};

export function followUp(row: AdviceRow, evidence: Evidence): Outcome {
  return JUDGES[row.action]?.(row, evidence);
}
