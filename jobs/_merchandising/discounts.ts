/** Discounts that cost more than they bring. */
import type { Evidence, KnownTarget } from 'bellhop';
import { called, cite, ref } from '../_agents/words.ts';
import { known, number, span, unique } from './evidence.ts';
import { LIMITS } from './limits.ts';
import type { Signal } from './signal.ts';

export function discountSignals(evidence: Evidence): Signal[] {
  return unique(known(evidence, 'discount')).flatMap((target) => tooDear(evidence, target));
}

function tooDear(evidence: Evidence, target: KnownTarget): Signal[] {
  const of = (what: string): number | undefined => number(evidence, `discount.${target.id}.${what}`);
  const gross = number(evidence, 'sales.gross') ?? 0;
  const [uses = 0, given = 0, rate = 0, margin] = [of('uses'), of('given'), of('rate'), of('margin')];
  if (uses < LIMITS.discountUses || given < (gross * LIMITS.discountGiven) / 100) return [];
  if (margin === undefined ? rate < LIMITS.discountRate : margin >= LIMITS.discountMargin) return [];
  const name = called(target);
  const left =
    margin === undefined
      ? `It takes ${cite(target, 'rate')} off, and the costs of what it sells are not known.`
      : `${margin < 0 ? 'Its orders lose money: their margin is' : 'The margin left on its orders is'} ${cite(target, 'margin')}.`;
  return [
    {
      kind: 'discount_margin',
      weight: margin !== undefined && margin < 0 ? 950 : 750,
      head: `the discount ${name} costs too much`,
      finding: {
        key: `discount_margin.discount.${target.id}`,
        text: `The discount ${name} gave away ${cite(target, 'given')}, in ${cite(target, 'uses')} orders. ${left}`,
        confidence: margin === undefined ? 'medium' : 'high',
        target: ref(target),
      },
      advice: {
        action: 'end_discount',
        target: ref(target),
        title: `End or lower the discount ${name}`,
        why: left,
        impact: `Gives away ${cite(target, 'given')} a ${span(evidence)}`,
        confidence: margin === undefined ? 'low' : 'high',
      },
    },
  ];
}
