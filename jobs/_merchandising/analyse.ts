/**
 * What the week was, by code alone: the strip of figures, what was seen, what to do. The whole report where no model is asked, and what
 * a model starts from where one is. Pure: the same evidence gives the same analysis.
 */
import type { Analysis, Evidence } from 'bellhop';
import { rangeLabel } from '../_agents/words.ts';
import { sections } from './charts.ts';
import { discountSignals } from './discounts.ts';
import { DEMO_NOTE, daily, days, isDemo, number, span } from './evidence.ts';
import { followUp } from './follow-up.ts';
import { LIMITS } from './limits.ts';
import { comparable, productSignals, shopSignals } from './sales.ts';
import type { Signal } from './signal.ts';
import { stockSignals } from './stock.ts';

export function analyse(evidence: Evidence): Analysis {
  const fresh = ranked(evidence);
  // What is only on its way, or said before, is no reason to write again; a shop that moved, or something new to do, is.
  const quiet =
    !isFirst(evidence) &&
    !anyDone(evidence) &&
    fresh.every(({ kind, advice }) => advice === undefined && ON_ITS_WAY.has(kind));
  return {
    ...words(evidence, { fresh, quiet }),
    figures: figures(evidence),
    findings: fresh.slice(0, LIMITS.findings).map(({ finding }) => finding),
    advice: fresh.flatMap(({ advice }) => advice ?? []).slice(0, LIMITS.advice),
    sections: quiet ? [] : sections(evidence),
    ...periodOf(evidence),
    ...(isDemo(evidence) && { warnings: [DEMO_NOTE] }),
    quiet,
  };
}

/** Kinds that need nobody when they come without advice: what was ordered is coming. */
const ON_ITS_WAY: ReadonlySet<string> = new Set(['stockout', 'low_stock']);

/** Earlier advice that was followed since: somebody wants to read that. */
function anyDone(evidence: Evidence): boolean {
  const open = evidence.memory.flatMap(({ advice }) => advice).filter(({ status }) => status === 'open');
  return open.some((row) => followUp(row, evidence)?.status === 'done');
}

/** The days of the sales; the title of the report has their name, so what is a sample says so there. */
function periodOf(evidence: Evidence): Pick<Analysis, 'period'> {
  const window = evidence.output('sales_summary')?.window;
  if (window === undefined) return {};
  const label = rangeLabel(window);
  return { period: { ...window, label: isDemo(evidence) ? `${label}, demo shop` : label } };
}

/** The first period in which anything was sold: all of it is news. */
function isFirst(evidence: Evidence): boolean {
  return (number(evidence, 'sales.orders') ?? 0) > 0 && number(evidence, 'sales.previous.orders') === 0;
}

/**
 * What was not said before, the heaviest first, at most two of a kind: ten products that run out are one story, told by the table, and
 * the next two come when the first are in hand.
 */
function ranked(evidence: Evidence): Signal[] {
  const all = [
    ...shopSignals(evidence),
    ...stockSignals(evidence),
    ...discountSignals(evidence),
    ...productSignals(evidence),
  ]
    .filter(({ advice }) => advice === undefined || evidence.mayAdvise(advice.action, advice.target))
    .sort((a, b) => b.weight - a.weight || (a.finding.key < b.finding.key ? -1 : 1));
  const seen = new Map<string, number>();
  return all.filter(({ kind }) => {
    const count = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, count);
    return count <= LIMITS.perKind;
  });
}

const STRIP = ['revenue', 'orders', 'aov', 'units', 'discount_rate', 'refund_rate'] as const;

function figures(evidence: Evidence): Analysis['figures'] {
  const rows = daily(evidence).slice(-days(evidence));
  return STRIP.filter((name) => evidence.fact(`sales.${name}`) !== undefined).map((name) => {
    const before = number(evidence, `sales.previous.${name}`);
    const spark =
      name === 'revenue' || name === 'orders' || name === 'units' ? rows.map((row) => row[name]) : ([] as const);
    return {
      fact: `sales.${name}`,
      ...(before !== undefined && {
        versus: { fact: `sales.previous.${name}`, label: `the ${span(evidence)} before` },
      }),
      ...(spark.length >= 2 && spark.some((value) => value > 0) && { spark }),
    };
  });
}

interface Judged {
  fresh: readonly Signal[];
  quiet: boolean;
}

function words(evidence: Evidence, judged: Judged): Pick<Analysis, 'headline' | 'summary'> {
  const { headline, summary } = plainWords(evidence, judged);
  return { headline: `${headline.charAt(0).toUpperCase()}${headline.slice(1)}`, summary };
}

function plainWords(evidence: Evidence, { fresh, quiet }: Judged): Pick<Analysis, 'headline' | 'summary'> {
  const orders = number(evidence, 'sales.orders');
  if (orders === undefined)
    return {
      headline: headlineOf(fresh, 'what could be read of the shop'),
      summary: 'The sales of this period could not be read.',
    };
  const sold = 'Revenue was {{sales.revenue}} from {{sales.orders}} orders';
  if (orders === 0)
    return {
      headline: headlineOf(fresh, `no orders in the ${span(evidence)}`),
      summary: 'Nobody ordered. If that is a surprise, try to buy something in the shop yourself.',
    };
  const change =
    number(evidence, 'sales.change.revenue') === undefined
      ? ''
      : ` ({{sales.change.revenue}} on the ${span(evidence)} before)`;
  if (quiet)
    return { headline: 'nothing material has changed', summary: `${sold}${change}. Nothing new needs your attention.` };
  const few = comparable(evidence) ? '' : ' There is too little to compare it with.';
  return {
    headline: headlineOf(fresh, isFirst(evidence) ? 'the first figures' : `the ${span(evidence)} in figures`),
    summary: `${sold}${change}.${few}`,
  };
}

/** The two heaviest things in one line, of two kinds: the second of a kind is in the findings. */
function headlineOf(fresh: readonly Signal[], otherwise: string): string {
  const first = fresh.filter(({ kind }, at) => fresh.findIndex((one) => one.kind === kind) === at);
  const heads = first.slice(0, 2).map(({ head }) => head);
  return heads.length === 0 ? otherwise : heads.join(', and ');
}
