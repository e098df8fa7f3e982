/** Reports as nobody would wish them: every kind of section, and text that mentions, reorders, rings, joins and does not end. */
import fc from 'fast-check';
import { Report } from '../../src/store/report.ts';

const FAMILY = '👩‍👩‍👧‍👦';
const HOSTILE = [
  '<!channel>',
  '<@U123>',
  '<#C1|general>',
  '<!here|x> & &lt;!channel&gt;',
  '*bold* _it_ ~no~ `code`',
  '\u001b[31mred\u001b[0m\u0007',
  '\u001b]8;;https://evil.example\u0007link\u001b]8;;\u0007',
  '\u202egnp.exe\u202c',
  '\u0000\u0085\u009b',
  '\ud800 half',
  'half \udc00',
  FAMILY,
  FAMILY.repeat(12),
  '🏳️‍🌈🇩🇪👍🏽',
  'مرحبا بالعالم',
  'שלום עולם',
  '売上は前週比',
  'e\u0301'.repeat(8),
  'z\u0301\u0302\u0303\u0304\u0305'.repeat(5),
  '</td><script>alert(1)</script>',
  '=cmd|x',
  '"quoted", and\nbroken\r\nlines\t',
  '   ',
] as const;

/** A word that can be looked for in what was rendered. */
const word = fc.integer({ min: 10_000, max: 99_999_999 }).map((n) => `zq${n}x`);
const piece = fc.oneof(
  { weight: 4, arbitrary: word },
  { weight: 3, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
);

/** Hostile text of 1 to `max` UTF-16 units; nothing in it is half a word. */
function text(max: number): fc.Arbitrary<string> {
  return fc.array(piece, { minLength: 1, maxLength: Math.max(1, max >> 4) }).map((parts) => {
    let kept = '';
    for (const part of parts) if (kept.length + part.length + 1 <= max) kept += kept === '' ? part : ` ${part}`;
    return kept || 'x';
  });
}

const MARKDOWN = [
  '```\ncode',
  '| a | b |\n|---|--:|\n| 1 | **2** |',
  '- one\n  - two\n    1. three\n- [x] four',
  '> quote\n> - list',
  '[press](javascript:alert(1)) ![pixel](https://t.example/p.png)',
  '# heading <!channel>',
  '前**「重点」**後 ~~「x」~~',
  '---',
  'a  \nb',
  '<b>raw</b>',
] as const;
const markdown = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: text(400) },
      { weight: 2, arbitrary: fc.constantFrom(...MARKDOWN) },
      { weight: 1, arbitrary: word.map((one) => `[${one}](https://example.com/${one}?a=1&b=2)`) },
      { weight: 1, arbitrary: fc.integer({ min: 100, max: 6_000 }).map((length) => 'x'.repeat(length)) },
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join('\n\n'));

const url = fc.oneof(
  fc.constantFrom('https://example.com/?a=<!channel>|x', 'mailto:a@example.com', 'https://example.com/p?q=%22&r=1#x'),
  fc.integer({ min: 1, max: 1_900 }).map((length) => `https://example.com/?${'&'.repeat(length)}`),
);
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });
const value = fc.double({ noNaN: true, noDefaultInfinity: true });
const delta = fc.record({
  value,
  unit: fc.constantFrom('percent', 'percentage_point', 'absolute'),
  versus: text(60),
  good: fc.constantFrom('up', 'down', 'neutral'),
});
const figure = fc.record({
  label: text(60),
  value: fc.option(value),
  display: text(40),
  delta: optional(delta),
  spark: optional(fc.array(value, { minLength: 2, maxLength: 60 })),
});

const cell = fc.oneof(
  { weight: 5, arbitrary: fc.oneof(value, fc.integer({ min: -9_999, max: 9_999 })) },
  { weight: 4, arbitrary: text(80) },
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: text(2_000) },
  { weight: 2, arbitrary: fc.record({ text: text(60), href: url }) },
);
const TYPES = ['text', 'number', 'money', 'percent', 'date', 'link'] as const;
const table = fc
  .record({
    width: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 1, max: 6 }) }, fc.integer({ min: 1, max: 40 })),
    height: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 8 }) }, fc.integer({ min: 0, max: 60 })),
    preview: fc.integer({ min: 1, max: 200 }),
    caption: text(200),
  })
  .chain(({ width, height, preview, caption }) =>
    fc.record({
      kind: fc.constant('table'),
      preview: fc.constant(preview),
      caption: fc.constant(caption),
      columns: fc
        .array(fc.record({ label: text(60), type: fc.constantFrom(...TYPES) }), { minLength: width, maxLength: width })
        .map((columns) => columns.map((column, n) => ({ ...column, key: `c${n}` }))),
      rows: fc
        .array(fc.array(cell, { minLength: 1, maxLength: 12 }), { minLength: height, maxLength: height })
        .map((rows) =>
          rows.map((cells) => Object.fromEntries(Array.from({ length: width }, (_, n) => [`c${n}`, cells[n] ?? n]))),
        ),
    }),
  );

const names = (max: number): fc.Arbitrary<string[]> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.uniqueArray(word, { minLength: 1, maxLength: max }) },
    { weight: 1, arbitrary: fc.array(text(80), { minLength: 1, maxLength: max }) },
    { weight: 1, arbitrary: word.map((one) => [`${one} and much more A`, `${one} and much more B`]) },
    { weight: 1, arbitrary: fc.constantFrom<string[]>(['same', 'same'], ['q'.repeat(80), `${'q'.repeat(79)}r`]) },
  );
const xy = fc
  .record({
    type: fc.constantFrom('line', 'bar', 'area'),
    categories: fc.oneof({ weight: 4, arbitrary: names(8) }, names(30)),
    series: fc.oneof({ weight: 4, arbitrary: names(3) }, names(12)),
    gaps: fc.boolean(),
    unit: optional(text(12)),
    xLabel: optional(text(50)),
    yLabel: optional(text(50)),
  })
  .map(({ categories, series, gaps, ...rest }) => ({
    ...rest,
    categories,
    series: series.map((name, n) => ({
      name,
      values: categories.map((_, at) => (gaps && (at + n) % 3 === 0 ? null : at * 1.5 - n)),
    })),
  }));
const pie = fc.record({
  type: fc.constant('pie'),
  segments: names(8).map((labels) => labels.slice(0, 12).map((label, n) => ({ label, value: n + 0.5 }))),
  unit: optional(text(12)),
});
const chart = fc.record({
  kind: fc.constant('chart'),
  alt: text(400).map((alt) => `Shown: ${alt} `.padEnd(12, '.')),
  chart: fc.oneof({ weight: 3, arbitrary: xy }, pie),
});
const actions = fc.record({
  kind: fc.constant('actions'),
  items: fc.array(
    fc.record({ title: text(200), why: optional(text(600)), href: optional(url), impact: optional(text(80)) }),
    { minLength: 1, maxLength: 8 },
  ),
});

const section = fc
  .record({
    body: fc.oneof(
      fc.record({ kind: fc.constant('markdown'), markdown }),
      fc.record({ kind: fc.constant('figures'), figures: fc.array(figure, { minLength: 1, maxLength: 12 }) }),
      table,
      chart,
      actions,
    ),
    title: optional(text(120)),
    priority: fc.constantFrom('summary', 'summary', 'detail'),
  })
  .map(({ body, ...base }) => ({ ...base, ...body }));

const input = fc.record({
  title: text(150),
  summary: text(600),
  status: fc.constantFrom('ok', 'partial', 'failed'),
  sections: fc.oneof(
    { weight: 9, arbitrary: fc.array(section, { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.array(section, { minLength: 7, maxLength: 24 }) },
  ),
  warnings: fc.oneof(
    { weight: 4, arbitrary: fc.array(text(200), { maxLength: 2 }) },
    fc.array(text(500), { maxLength: 20 }),
  ),
  sources: fc.array(
    fc.record({ title: text(200), url: optional(url), asOf: optional(fc.constant('2026-11-23T08:00:00Z')) }),
    {
      maxLength: 3,
    },
  ),
  url: optional(url),
  period: optional(text(80).map((label) => ({ from: '2026-11-16', to: '2026-11-22', label }))),
  cost: optional(fc.record({ model: text(80), microUsd: fc.nat(), ms: fc.nat() })),
  locale: fc.constantFrom('en-US', 'de-DE', 'ar-EG', 'ja-JP', 'not a locale'),
  timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Nowhere/Else'),
});

/** A field that is undefined is left out: the schema tells the two apart. */
function stripped(report: unknown): unknown {
  return JSON.parse(JSON.stringify(report));
}

/** Reports that the schema lets in, with every kind of section and hostile text in every field. */
export function anyReport(): fc.Arbitrary<Report> {
  return input.map((report) => Report.parse(stripped(report)));
}

/** More than 40,000 characters of the worst in one report: 222 links (`/p/N`), words `wNa`, `wNb`, `wNc`, one word of 8,000, 600 emoji. */
export function hostileReport(): Report {
  const paragraphs = Array.from({ length: 222 }, (_, n) =>
    [
      `Paragraph w${n}a with **bold w${n}b** and [link w${n}c](https://example.com/p/${n}?a=1&b=2) <!channel> <@U123> <#C1|x>`,
      n < 100 ? FAMILY.repeat(3) : '🎉🇩🇪👍🏽',
      n % 3 === 0 ? 'مرحبا بالعالم' : n % 3 === 1 ? 'שלום עולם' : '売上は**前週比**でした',
    ].join(' '),
  );
  const code = Array.from({ length: 150 }, (_, n) => `select ${n} from orders; -- <!channel> w${n}d`).join('\n');
  const body = [...paragraphs.slice(0, 111), 'x'.repeat(8_000), `\`\`\`sql\n${code}\n\`\`\``, ...paragraphs.slice(111)];
  return Report.parse({
    title: 'Hostile <!channel> \u202e report',
    summary: 'It is long. <@U123> \u001b[31m',
    sections: [
      { kind: 'markdown', markdown: body.join('\n\n') },
      { kind: 'markdown', markdown: '🎉'.repeat(600), title: 'Emoji' },
    ],
    warnings: ['<!here> is not here'],
  });
}
