/** Figures and actions as lines. */
import type { Action, Figure } from '../../store/report-sections.ts';
import { describeDelta, oneLine, padColumns, widest } from '../format.ts';
import type { Inline } from '../markdown.ts';
import { blocksOf, rangeOf } from './spark.ts';
import { hang, span, widthOf } from './pen.ts';
import type { Line, Pen, Span } from './pen.ts';

const GAP = 2;

/** Label, value, small line and change in columns; what does not fit beside the value goes to a line of its own. */
export function figureLines(figures: readonly Figure[], context: { locale: string; pen: Pen }): Line[] {
  const { locale, pen } = context;
  const rows = figures.map((figure) => ({
    label: oneLine(figure.label),
    value: oneLine(figure.display),
    spark: figure.spark === undefined ? '' : blocksOf(figure.spark, rangeOf(figure.spark)),
    delta: figure.delta === undefined ? undefined : describeDelta(figure.delta, locale),
  }));
  const labels = widest(rows.map(({ label }) => label));
  const values = widest(rows.map(({ value }) => value));
  const sparks = widest(rows.map(({ spark }) => spark));
  const changes = widest(rows.map(({ delta }) => (delta === undefined ? '' : oneLine(delta.text))));
  const narrow = labels + GAP + values > pen.width;
  // A column of small lines that would push the changes out of the page is left out as a whole, so that the rest stays aligned.
  const roomy = sparks > 0 && labels + values + sparks + changes + 3 * GAP <= pen.width;
  const gap = span(' '.repeat(GAP));
  return rows.flatMap(({ label, value, spark, delta }) => {
    const head: Span[] = narrow
      ? []
      : [span(padColumns(label, labels)), gap, span(padColumns(value, values, 'right'), 'bold')];
    const first: Line[] = narrow
      ? hang(span(''), [{ text: `${label}: ` }, { text: value, bold: true }], pen)
      : [roomy ? [...head, gap, span(padColumns(spark, sparks), 'dim')] : head];
    if (delta === undefined) return first;
    const change = span(oneLine(delta.text), delta.tone);
    const [line] = first;
    const fits = !narrow && line !== undefined && widthOf(line) + GAP + widthOf([change]) <= pen.width;
    return fits ? [[...line, gap, change]] : [...first, ...below(change, pen)];
  });
}

/** Under what it belongs to; longer than the page only where one word is. */
function below(change: Span, pen: Pen): Line[] {
  const lines = hang(span(' '.repeat(GAP)), [{ text: change.text }], pen);
  return lines.map((line) => line.map((one) => ({ ...one, styles: change.styles ?? [] })));
}

/** Numbered, with what each is worth and why; the address below where the title cannot be clicked. */
export function actionLines(items: readonly Action[], pen: Pen): Line[] {
  const lead = `${items.length}. `.length;
  return items.flatMap(({ title, impact, why, href }, at) => {
    const number = span(`${at + 1}. `.padStart(lead));
    const space = span(' '.repeat(lead));
    const name: Inline = { text: oneLine(title), bold: true };
    const clickable = href !== undefined && pen.links === 'osc8';
    const head: Inline[] = [clickable ? { ...name, href } : name];
    if (impact !== undefined) head.push({ text: ' · ' }, { text: oneLine(impact), italic: true });
    const reason = why === undefined ? [] : hang(space, [{ text: oneLine(why) }], pen);
    const address = href === undefined || clickable ? [] : hang(space, [{ text: href, href }], pen);
    return [...hang(number, head, pen), ...reason, ...address];
  });
}
