/** Charts as jobs may hand them over, the hostile ones too, and what is drawn of them, read back. */
import fc from 'fast-check';
import { textWidth } from '../../src/render/charts/measure.ts';
import type { ChartSection } from '../../src/store/report-sections.ts';

const HOSTILE = [
  '<!channel>',
  '</text><script>alert(1)</script>',
  '"><image href="https://example.com/x.png"/>',
  '&amp; & &#0;',
  '\u001b[31mred\u001b[0m \u0007\u0000',
  '\u202egnp.exe\u202c',
  '売上高の推移',
  'مبيعات العام الماضي',
  'הכנסות',
  '👨‍👩‍👧‍👦 family',
  '\ud83d lone \ufffe\uffff',
  'e\u0301'.repeat(20),
  'W'.repeat(80),
  'a very long name that goes on and on, until nobody reads it',
  ']]>',
];
const short = fc.string({ unit: 'grapheme-composite', minLength: 1, maxLength: 12 });
const name = fc.oneof({ weight: 3, arbitrary: short }, { weight: 2, arbitrary: fc.constantFrom(...HOSTILE) }).map(fit);
const number = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -1_000_000, max: 1_000_000 }) },
  { weight: 2, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, 0.1 + 0.2, 1e15) },
);
const unit = fc.option(fc.constantFrom('$', '€', '%', 'kg', '°C', '<b>', 'requests/min'), { nil: undefined });

/** The schema's limit of a name. */
function fit(text: string): string {
  return text.slice(0, 80);
}

const xy = fc
  .record({
    type: fc.constantFrom('line' as const, 'bar' as const, 'area' as const),
    categories: fc.oneof(
      { weight: 6, arbitrary: fc.array(name, { minLength: 1, maxLength: 24 }) },
      { weight: 1, arbitrary: fc.constant(Array.from({ length: 400 }, (_, index) => `item ${index}`)) },
    ),
    names: fc.array(name, { minLength: 1, maxLength: 12 }),
    values: fc.infiniteStream(fc.option(number, { freq: 6 })),
    flat: fc.option(number, { freq: 8, nil: undefined }),
    unit,
    xLabel: fc.option(
      name.map((text) => text.slice(0, 50)),
      { nil: undefined },
    ),
    yLabel: fc.option(
      name.map((text) => text.slice(0, 50)),
      { nil: undefined },
    ),
  })
  .map(({ names, values, flat, xLabel, yLabel, unit: sign, ...rest }) => ({
    ...rest,
    series: names.map((one) => ({
      name: one,
      values: rest.categories.map(() => (flat === undefined ? (values.next().value ?? null) : flat)),
    })),
    ...(sign === undefined ? {} : { unit: sign }),
    ...(xLabel === undefined ? {} : { xLabel }),
    ...(yLabel === undefined ? {} : { yLabel }),
  }));
const positive = number.map(Math.abs).filter((value) => value > 0);
const pie = fc
  .record({ segments: fc.array(fc.record({ label: name, value: positive }), { minLength: 1, maxLength: 12 }), unit })
  .map(({ segments, unit: sign }) => ({
    type: 'pie' as const,
    segments,
    ...(sign === undefined ? {} : { unit: sign }),
  }));

export const anyChart: fc.Arbitrary<ChartSection> = fc
  .record({
    title: fc.option(fc.oneof(name, fc.constantFrom(...HOSTILE)), { nil: undefined }),
    alt: fc.constantFrom(...HOSTILE).map((text) => `${text} in ten characters`),
    chart: fc.oneof({ weight: 5, arbitrary: xy }, { weight: 1, arbitrary: pie }),
  })
  .map((section) => ({ kind: 'chart', priority: 'summary', ...section }));

export interface Attribute {
  key: string;
  value: string;
}

/** Every attribute of the document. */
export function attributesOf(svg: string): Attribute[] {
  return [...svg.matchAll(/ ([\w:-]+)="([^"]*)"/g)].map(([, key = '', value = '']) => ({ key, value }));
}

export interface Box {
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Where each label stands, by its measure. */
export function labelsOf(svg: string): Box[] {
  return [...svg.matchAll(/<text ([^>]*)>([^<]*)<\/text>/g)].map(([, written = '', escaped = '']) => {
    const at = Object.fromEntries(attributesOf(` ${written}`).map(({ key, value }) => [key, value]));
    const text = unescape(escaped);
    const size = Number(at['font-size']);
    const width = textWidth(text, size, at['font-weight'] === '700' ? 'bold' : 'regular');
    const before = at['text-anchor'] === 'end' ? width : at['text-anchor'] === 'middle' ? width / 2 : 0;
    const [left, y] = [Number(at['x']) - before, Number(at['y'])];
    return { text, left, right: left + width, top: y - size * 0.74, bottom: y + size * 0.2 };
  });
}

function unescape(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

export function overlapping(boxes: readonly Box[]): string[] {
  return boxes.flatMap((one, at) =>
    boxes
      .slice(at + 1)
      .filter((two) => one.left < two.right && two.left < one.right && one.top < two.bottom && two.top < one.bottom)
      .map((two) => `${one.text} / ${two.text}`),
  );
}
