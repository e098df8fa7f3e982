import fc from 'fast-check';
import { Resvg } from '@resvg/resvg-js';
import { describe, expect, test } from 'vitest';
import { BUNDLED_FONTS } from '../../src/render/charts/fonts.ts';
import { fitText, textWidth } from '../../src/render/charts/measure.ts';
import { CHART_PALETTE } from '../../src/render/charts/palette.ts';
import { drawChart, drawSpark } from '../../src/render/charts/svg.ts';
import { contrast } from '../support/contrast.ts';
import type { Chart, ChartSection } from '../../src/store/report-sections.ts';
import { anyChart, attributesOf, labelsOf, overlapping } from '../support/chart-arbitrary.ts';

const WEEKS = ['W36', 'W37', 'W38', 'W39', 'W40', 'W41'];
const options = { locale: 'en-US', width: 600, theme: 'light' } as const;
const section = (chart: Chart, title = 'A title'): ChartSection => ({
  kind: 'chart',
  priority: 'summary',
  title,
  alt: 'What the chart says',
  chart,
});
const line = (...values: (number | null)[][]): ChartSection =>
  section({
    type: 'line',
    categories: (values[0] ?? []).map((_, index) => `W${index + 1}`),
    series: values.map((one, index) => ({ name: `Series ${index + 1}`, values: one })),
  });
const draw = (chart: ChartSection, over: Partial<{ width: number; theme: 'light' | 'dark'; locale: string }> = {}) =>
  drawChart(chart, { ...options, ...over });
const texts = (svg: string): string[] => labelsOf(svg).map(({ text }) => text);
const count = (svg: string, what: RegExp): number => [...svg.matchAll(what)].length;
/** Paths of lines, without the thin ones that lead to labels. */
const LINES = /<path d="[^"]*" fill="none" stroke="#\w+" stroke-width/g;

describe('every chart that a report may hold', () => {
  test('500 of them: well-formed, no number that is none, nothing unescaped, no label over another or off the card', () => {
    fc.assert(
      fc.property(anyChart, fc.constantFrom(300, 600, 900), fc.constantFrom('light', 'dark'), (chart, width, theme) => {
        const svg = drawChart(chart, { ...options, width, theme });
        const parsed = new Resvg(svg, { font: { loadSystemFonts: false } });
        expect(parsed.width).toBe(width);
        expect(parsed.height).toBeLessThanOrEqual(width * 5);
        expect(attributesOf(svg).filter(({ value }) => /NaN|Infinity|undefined|null/.test(value))).toEqual([]);
        const elements = new Set([...svg.matchAll(/<(\w+)/g)].map(([, name]) => name));
        const drawn = ['svg', 'title', 'rect', 'g', 'text', 'line', 'path', 'circle'];
        expect([...elements].filter((name) => !drawn.includes(name ?? ''))).toEqual([]);
        // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
        expect(svg).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/);
        const labels = labelsOf(svg);
        expect(overlapping(labels)).toEqual([]);
        expect(labels.filter(({ left, right }) => left < 0 || right > width)).toEqual([]);
        expect(drawChart(chart, { ...options, width, theme })).toBe(svg);
      }),
      { numRuns: 500, seed: 6 },
    );
  });

  test('a label that is written is there as text, not as markup', () => {
    const svg = draw(section({ type: 'pie', segments: [{ label: '<b>&"bold"', value: 1 }] }, '</svg><script>'));
    expect(svg).toContain('&lt;b&gt;&amp;&quot;bold&quot;');
    expect(svg).toContain('&lt;/svg&gt;&lt;script&gt;');
  });

  test('the alternative text is the name of the picture', () => {
    expect(draw(line([1, 2]))).toMatch(/^<svg [^>]*role="img"[^>]*><title>What the chart says<\/title><rect /);
  });

  test('the ground is opaque in both themes', () => {
    for (const theme of ['light', 'dark'] as const)
      expect(draw(line([1, 2]), { theme })).toContain(
        `<rect width="600" height="${/height="(\d+)"/.exec(draw(line([1, 2])))?.[1]}" fill="${CHART_PALETTE[theme].back}"/>`,
      );
  });

  test('a width that is none, or too large, is drawn within the limits', () => {
    expect(draw(line([1, 2]), { width: Number.NaN })).toContain('width="240"');
    expect(draw(line([1, 2]), { width: 1e9 })).toContain('width="1600"');
  });
});

test('every colour of a text or a series has a contrast of 4.5:1 or more on its ground, light and dark', () => {
  for (const { back, ink, muted, series } of Object.values(CHART_PALETTE)) {
    expect(new Set(series).size).toBe(12);
    for (const color of [ink, muted, ...series]) expect(contrast(color, back), color).toBeGreaterThanOrEqual(4.5);
  }
});

describe('lines', () => {
  test('a line of high values does not begin at zero, and its lowest tick is labelled', () => {
    const svg = draw(line([41_200, 43_900, 55_930]));
    expect(texts(svg)).toContain('40k');
    expect(texts(svg)).not.toContain('0');
  });

  test('an area begins at zero', () => {
    const chart = {
      type: 'area',
      categories: WEEKS.slice(0, 2),
      series: [{ name: 'GB', values: [900, 950] }],
    } as const;
    expect(
      texts(
        draw(section({ ...chart, categories: [...chart.categories], series: [{ name: 'GB', values: [900, 950] }] })),
      ),
    ).toContain('0');
  });

  test('the last value of each series stands at its end, with three digits and its name', () => {
    const svg = draw(line([41_200, 55_930], [38_400, 47_100]));
    expect(texts(svg)).toEqual(expect.arrayContaining(['55.9k', 'Series 1', '47.1k', 'Series 2']));
  });

  test('names that do not fit at the ends are a legend, whole', () => {
    const name = 'A name that is much too long for the end of a line';
    const svg = draw(
      section({
        type: 'line',
        categories: ['a', 'b'],
        series: [
          { name, values: [1, 2] },
          { name: 'B', values: [2, 1] },
        ],
      }),
    );
    expect(texts(svg)).toContain(name);
    expect(labelsOf(svg).find(({ text }) => text === name)?.bottom).toBeLessThan(
      Math.min(...[...svg.matchAll(/<line [^>]*y1="([\d.]+)"/g)].map(([, y]) => Number(y))),
    );
  });

  test('a gap is a gap: two pieces of line, and a lone value between gaps is a dot', () => {
    expect(count(draw(line([1, 2, 3, 4])), LINES)).toBe(1);
    expect(count(draw(line([1, 2, null, 4, 5])), LINES)).toBe(2);
    const svg = draw(line([1, 2, null, 4, null, 5, 6]));
    expect([count(svg, LINES), count(svg, /<circle/g)]).toEqual([2, 2]);
  });

  test('one value is a dot, equal values are a line in the middle, none at all is an empty plot', () => {
    expect(count(draw(line([5])), /<circle/g)).toBe(1);
    const y = /<path d="M[\d.]+ ([\d.]+)/.exec(draw(line([7, 7, 7])))?.[1];
    const ticks = [...draw(line([7, 7, 7])).matchAll(/<line [^>]*y1="([\d.]+)"/g)].map(([, at]) => Number(at));
    expect(Number(y)).toBeCloseTo((Math.min(...ticks) + Math.max(...ticks)) / 2, 0);
    expect(texts(draw(line([null, null])))).toContain('–');
  });

  test('the largest and the smallest numbers there are keep their place', () => {
    const heights = (svg: string): number[] =>
      [...(/<path d="(M[^"]*)"/.exec(svg)?.[1] ?? '').matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y));
    const [top, bottom, middle] = heights(draw(line([Number.MAX_VALUE, -Number.MAX_VALUE, 0])));
    expect((top ?? 0) < (middle ?? 0) && (middle ?? 0) < (bottom ?? 0)).toBe(true);
    const [low, high] = heights(draw(line([5e-324, 5e-320])));
    expect(high).toBeLessThan(low ?? 0);
    expect(texts(draw(line([1e300, 2e300])))).toContain('2E300');
  });

  test('ticks that would read alike with three digits have all of them', () => {
    const written = texts(draw(line([100_010, 100_090])));
    expect(written).toEqual(expect.arrayContaining(['100,000', '100,050']));
  });
});

describe('bars', () => {
  const bars = (categories: string[], ...values: (number | null)[][]): ChartSection =>
    section({ type: 'bar', categories, series: values.map((one, at) => ({ name: `S${at + 1}`, values: one })) });
  const rects = (svg: string): Record<string, number>[] =>
    [...svg.matchAll(/<rect ([^>]*rx="2"[^>]*)\/>/g)].map(([, one = '']) =>
      Object.fromEntries(attributesOf(` ${one}`).map(({ key, value }) => [key, Number(value)])),
    );

  test('their lengths are as their values: bars begin at zero', () => {
    const [one, two] = rects(draw(bars(['a', 'b'], [100, 50])));
    expect((one?.['height'] ?? 0) / (two?.['height'] ?? 0)).toBeCloseTo(2, 1);
  });

  test('a negative one hangs below the line of zero', () => {
    const svg = draw(bars(['a', 'b'], [4, -2]));
    const [up, downwards] = rects(svg);
    expect(downwards?.['y']).toBeCloseTo((up?.['y'] ?? 0) + (up?.['height'] ?? 0), 1);
    expect(texts(svg)).toContain('−2');
  });

  test('they lie down when their names are long, and a cut name is whole in its title', () => {
    const name = 'The name of a product that nobody would ever write on a label of this width';
    const svg = draw(bars([name, 'b'], [1, 2]));
    expect(texts(svg).filter((text) => text.endsWith('…') && name.startsWith(text.slice(0, -1)))).toHaveLength(1);
    expect(svg).toContain(`<title>${name}</title>`);
    expect(new Set(rects(svg).map(({ x }) => x)).size).toBe(1);
  });

  test('a missing value is no bar but a dash; zero is written', () => {
    const svg = draw(bars(['a', 'b', 'c'], [1, null, 0]));
    expect(rects(svg).filter(({ height }) => (height ?? 0) > 0)).toHaveLength(1);
    expect(texts(svg)).toEqual(expect.arrayContaining(['–', '0']));
  });

  test('of 400 categories the last is named, and as many others as fit, evenly', () => {
    const names = Array.from({ length: 400 }, (_, index) => `item ${index}`);
    const svg = draw(
      bars(
        names,
        names.map((_, index) => index + 1),
      ),
    );
    const written = texts(svg)
      .flatMap((text) => /^item (\d+)$/.exec(text)?.[1] ?? [])
      .map(Number);
    expect(written.at(-1)).toBe(399);
    expect(written.length).toBeGreaterThan(3);
    expect(new Set(written.slice(1).map((value, at) => value - (written[at] ?? 0))).size).toBe(1);
  });
});

test('shares are of the whole, and a part that is there is never 0%', () => {
  const segments = [
    { label: 'Lamps', value: 1.5e308 },
    { label: 'Stools', value: 5e307 },
    { label: 'Cards', value: 1 },
  ];
  expect(texts(draw(section({ type: 'pie', segments })))).toEqual(expect.arrayContaining(['75%', '25%', '<0.1%']));
});

test('numbers are written as in the locale of the report, and an unknown one does no harm', () => {
  expect(texts(draw(line([1.25, 2.5]), { locale: 'de-DE' }))).toContain('2,5');
  expect(texts(draw(line([1.25, 2.5]), { locale: 'no such' }))).toContain('2.5');
});

describe('sparks', () => {
  test('a row of values is a line with a dot at its end', () => {
    const svg = drawSpark([1, 3, 2], { width: 80, height: 20, color: '#1d4ed8' });
    expect(svg).toContain('d="M3 17L40 3L77 10"');
    expect(svg).toContain('<circle cx="77" cy="10"');
  });

  test('equal, single, no and extreme values are drawn all the same', () => {
    for (const values of [[2, 2], [1], [], [Number.MAX_VALUE, -Number.MAX_VALUE], [5e-324, 0]]) {
      const svg = drawSpark(values, { width: 80, height: 20, color: '#000' });
      expect(svg).not.toMatch(/NaN|Infinity/);
      expect(new Resvg(svg, { font: { loadSystemFonts: false } }).width).toBe(80);
    }
  });
});

describe('measuring', () => {
  test('ASCII is as wide as the font draws it', () => {
    for (const [weight, file] of [
      ['regular', BUNDLED_FONTS[0]],
      ['bold', BUNDLED_FONTS[1]],
    ] as const) {
      for (const text of ['H$55,930 This yearH', 'HiiillWWW@@ 1234%H']) {
        const bold = weight === 'bold' ? ' font-weight="700"' : '';
        const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="60"><text x="10" y="40" font-size="20" font-family="DejaVu Sans"${bold}>${text}</text></svg>`;
        const box = new Resvg(svg, { font: { loadSystemFonts: false, fontFiles: [file ?? ''] } }).getBBox();
        // The box is of the ink: an H has some air on both sides. Pairs of letters move a little (kerning).
        expect(Math.abs((box?.width ?? 0) - textWidth(text, 20, weight))).toBeLessThan(20 * 0.35);
      }
    }
  });

  test('what is cut ends with an ellipsis, on a grapheme, and fits', () => {
    const cut = fitText('👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦', 150, { size: 15 });
    expect(cut.text).toMatch(/^(?:👨‍👩‍👧‍👦)+…$/u);
    expect(fitText('short', 200, { size: 15 })).toEqual({ text: 'short', state: 'whole' });
  });
});
