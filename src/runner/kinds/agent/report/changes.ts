/** The strip of figures, and what changed in it since the last report. Pure. */
import { daysOf, type Fact } from '../../../../store/agent-records.ts';
import type { MemoryEntry } from '../../../../store/memory-records.ts';
import type { Analysis } from '../../../agent-job.ts';
import type { DeltaInput, FigureInput } from '../../../report-input.ts';
import { dateText, formatFact, isChange } from '../fact-text.ts';
import { cutLine, escapeMarkdown } from '../harmless-text.ts';
import type { Pen } from './pen.ts';

const MAX_FIGURES = 12;
const MAX_SPARK = 60;
const MAX_LINES = 6;
/** Less is noise: percent of the earlier value, and percentage points of a share. */
const MATERIAL_PERCENT = 5;
const MATERIAL_POINTS = 1;

type Shown = NonNullable<Analysis['figures']>[number];
export type Kpi = MemoryEntry['kpis'][number];

/** The figures that have a value: a wall of n/a tells nobody anything. */
export function figuresOf(figures: readonly Shown[], pen: Pen): FigureInput[] {
  return figures.slice(0, MAX_FIGURES).flatMap((shown) => {
    const fact = pen.book.find(shown.fact);
    if (fact === undefined || fact.value === null) return [];
    pen.cite([fact]);
    const delta = deltaOf(fact, shown.versus, pen);
    const spark = (shown.spark ?? []).filter((value) => Number.isFinite(value)).slice(-MAX_SPARK);
    const figure: FigureInput = {
      label: cutLine(fact.label, 60) || '–',
      value: typeof fact.value === 'number' ? fact.value : null,
      display: cutLine(formatFact(fact, pen.locale), 40) || '–',
      ...(delta !== undefined && { delta }),
      // A line of zeros is no line.
      ...(spark.length > 1 && spark.some((value) => value !== 0) && { spark }),
    };
    return [figure];
  });
}

/** Against a fact that is a change already, or against the earlier value. */
function deltaOf(fact: Fact, versus: Shown['versus'], pen: Pen): DeltaInput | undefined {
  const other = versus === undefined ? undefined : pen.book.find(versus.fact);
  if (versus === undefined || other === undefined || typeof other.value !== 'number') return undefined;
  const change = isChange(other)
    ? {
        value: other.value,
        unit: other.unit === 'percentage_point' ? ('percentage_point' as const) : ('percent' as const),
      }
    : typeof fact.value === 'number'
      ? changeOf(fact.unit, other.value, fact.value)
      : undefined;
  if (change === undefined) return undefined;
  pen.cite([other]);
  const good = fact.good ?? 'neutral';
  return { ...change, value: rounded(change.value), versus: cutLine(versus.label, 60) || 'before', good };
}

/** In points between shares, else in percent; undefined where nothing was before. */
function changeOf(
  unit: Fact['unit'],
  before: number,
  after: number,
): { value: number; unit: 'percent' | 'percentage_point' } | undefined {
  if (unit === 'percent' || unit === 'percentage_point') return finite(after - before, 'percentage_point');
  return finite(((after - before) / Math.abs(before)) * 100, 'percent');
}

function finite<U>(value: number, unit: U): { value: number; unit: U } | undefined {
  return Number.isFinite(value) ? { value, unit } : undefined;
}

function rounded(value: number): number {
  // Of numbers without decimals to speak of, the tenfold may be none any more.
  return Math.abs(value) < 1e12 ? Math.round(value * 10) / 10 + 0 : value;
}

/** What the next report compares with. */
export function kpisOf(figures: readonly Shown[], pen: Pen): Kpi[] {
  const facts = figures.flatMap(({ fact }) => pen.book.find(fact) ?? []);
  return [...new Map(facts.map((fact) => [fact.key, fact])).values()]
    .slice(0, 30)
    .map((fact) => ({ ...remembered(fact), ...(fact.good !== undefined && { good: fact.good }) }));
}

/** A fact as memory keeps it. */
export function remembered({ key, label, value, unit, currency, source }: Fact): Omit<Kpi, 'good'> {
  return {
    key,
    label,
    value,
    unit,
    ...(currency !== undefined && { currency }),
    ...(source.window !== undefined && { days: daysOf(source.window) }),
  };
}

export interface Since {
  title: string;
  markdown: string;
}

/** Which figures moved since the report before, by code; undefined when there is no figure to compare. */
export function sinceLast(
  kpis: readonly Kpi[],
  memory: readonly MemoryEntry[],
  at: { pen: Pen; timeZone: string; strip?: readonly Shown[] },
): Since | undefined {
  const [last] = memory;
  if (last === undefined) {
    if (kpis.length === 0) return undefined;
    return {
      title: 'Since the last report',
      markdown: 'This is the first report. The next one says what changed, and what became of the advice.',
    };
  }
  const day = dateText(Date.parse(last.at), at.pen.locale, at.timeZone);
  const before = new Map(last.kpis.map((kpi) => [kpi.key, kpi]));
  const pairs = kpis.flatMap((kpi) => {
    const old = before.get(kpi.key);
    return old !== undefined && comparable(kpi, old) ? [{ kpi, old }] : [];
  });
  if (pairs.length === 0) return undefined;
  const title = `Since the last report (${day})`;
  const same = pairs.filter(({ kpi, old }) => sameSpan(kpi, old));
  if (same.length === 0) return { title, markdown: otherSpan(pairs) };
  // Where the last report spoke of the days that the strip compares with, the strip has said it.
  const inStrip = ({ kpi, old }: Pair): boolean => stripCompares(kpi, old, at);
  const moved = same.filter(({ kpi, old }) => changeLine(kpi, old, at.pen) !== undefined);
  const lines = moved.filter((pair) => !inStrip(pair)).flatMap(({ kpi, old }) => changeLine(kpi, old, at.pen) ?? []);
  const shown = lines.slice(0, MAX_LINES).map((line) => `- ${line}`);
  const more = lines.length > shown.length ? [`- and ${lines.length - shown.length} more`] : [];
  const still = `No key figure moved by more than ${MATERIAL_PERCENT}%.`;
  return {
    title,
    markdown: [
      ...(moved.some(inStrip) ? ['The figures above are compared with it.'] : lines.length === 0 ? [still] : []),
      ...(lines.length === 0 ? [] : [[...shown, ...more].join('\n')]),
    ].join('\n\n'),
  };
}

interface Pair {
  kpi: Kpi;
  old: Kpi;
}

/** The strip shows the change against just that value. */
function stripCompares(now: Kpi, old: Kpi, { pen, strip = [] }: { pen: Pen; strip?: readonly Shown[] }): boolean {
  const versus = strip.find(({ fact }) => pen.book.find(fact)?.key === now.key)?.versus;
  const other = versus === undefined ? undefined : pen.book.find(versus.fact);
  return other !== undefined && !isChange(other) && other.value === old.value;
}

function comparable(now: Kpi, old: Kpi): boolean {
  return now.unit === old.unit && now.currency === old.currency;
}

/** Two weeks sell more than one: sums over other numbers of days say nothing of each other. */
function sameSpan(now: Kpi, old: Kpi): boolean {
  return now.days === old.days || now.days === undefined || old.days === undefined;
}

function otherSpan(pairs: readonly { kpi: Kpi; old: Kpi }[]): string {
  const [first] = pairs;
  const long = (days = 1): string => (days === 1 ? 'one day' : `${days} days`);
  return `Not compared: this report speaks of ${long(first?.kpi.days)}, the last one of ${long(first?.old.days)}.`;
}

/** `Revenue: $18,235, was $16,590 (+9.9%)`; undefined when it hardly moved. */
function changeLine(now: Kpi, old: Kpi, pen: Pen): string | undefined {
  if (typeof now.value !== 'number' || typeof old.value !== 'number' || now.value === old.value) return undefined;
  const change = changeOf(now.unit, old.value, now.value);
  const least = change?.unit === 'percentage_point' ? MATERIAL_POINTS : MATERIAL_PERCENT;
  if (change !== undefined && Math.abs(change.value) < least) return undefined;
  const fact = pen.book.find(now.key);
  const digits = fact?.digits === undefined ? {} : { digits: fact.digits };
  const write = (kpi: Kpi): string => formatFact({ ...kpi, ...digits }, pen.locale);
  const moved =
    change === undefined
      ? ''
      : ` (${formatFact({ key: 'kpi.change', value: change.value, unit: change.unit }, pen.locale)})`;
  return escapeMarkdown(`${cutLine(now.label, 60)}: ${write(now)}, was ${write(old)}${moved}`);
}
