import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneLine } from '../../src/render/format.ts';
import { renderEmail } from '../../src/render/email/report.ts';
import type { RenderedEmail } from '../../src/render/email/report.ts';
import type { Cell, Section } from '../../src/store/report-sections.ts';
import { Report } from '../../src/store/report.ts';
import type { ReportInput } from '../../src/store/report.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';
import { readMarkup, textOf } from '../support/markup.ts';

const run = sampleRun();
const LIMIT = 90_000;

function mailOf(input: Partial<ReportInput>): RenderedEmail & { html: string } {
  const { html = '', ...mail } = renderEmail(makeReport(input), { run });
  return { html, ...mail };
}

const attachesReport = ({ files }: RenderedEmail): boolean => files.some(({ source }) => source.is === 'report');

describe('a mail of a long report', () => {
  it.each([
    ['a list', '- item with some words\n'.repeat(5_000)],
    ['a table', `| a | b |\n|---|---|\n${'| one | two |\n'.repeat(5_000)}`],
    ['code', `\`\`\`\n${'x = 1\n'.repeat(20_000)}\`\`\``],
    ['paragraphs', 'word word word\n\n'.repeat(6_000)],
    ['one paragraph', 'word '.repeat(30_000)],
  ])(
    'stays below 90 kB with %s that is longer, says that the report goes on, and has it attached',
    (_name, markdown) => {
      const mail = mailOf({ sections: [{ kind: 'markdown', title: 'All of it', markdown }] });
      expect(Buffer.byteLength(mail.html)).toBeLessThan(LIMIT);
      expect(mail.html).toContain('The report goes on.');
      expect(mail.html).toContain('What is not shown here (All of it) stands in the attached');
      expect(mail.html).toContain(`bellhop runs show ${run.id}`);
      expect(mail.files.map(({ source }) => source)).toEqual([{ is: 'report', format: 'html' }]);
      expect(mail.html).toContain(mail.files[0]?.name);
      expect(readMarkup(mail.html).problems).toEqual([]);
    },
  );

  it('uses the room that it has', () => {
    const mail = mailOf({ sections: [{ kind: 'markdown', markdown: '- item with some words\n'.repeat(5_000) }] });
    expect(Buffer.byteLength(mail.html)).toBeGreaterThan(LIMIT * 0.85);
  });

  it('leaves out what is only detail before anything else', () => {
    const markdown = 'word word word\n\n'.repeat(700);
    const mail = mailOf({
      sections: [
        { kind: 'markdown', title: 'Background', priority: 'detail', markdown: `Behind. ${markdown}` },
        { kind: 'markdown', title: 'Findings', markdown: `Found. ${markdown}` },
        { kind: 'markdown', title: 'Small print', priority: 'detail', markdown: 'Printed small.' },
      ],
    });
    expect(mail.html).toContain('Found.');
    expect(mail.html).not.toContain('Behind.');
    expect(mail.html).toContain('What is not shown here (Background) stands in');
    expect(mail.html).toContain('Printed small.');
  });

  it('gives short sections their place behind a long one', () => {
    const mail = mailOf({
      sections: [
        { kind: 'markdown', title: 'Long', markdown: 'word word word\n\n'.repeat(6_000) },
        { kind: 'figures', figures: [{ label: 'Revenue', value: 1, display: '$55,930' }] },
      ],
      sources: [{ title: 'Orders' }],
    });
    expect(mail.html).toContain('$55,930');
    expect(textOf(mail.html)).toContain('Long word word');
    expect(mail.html).toContain('It goes on in the attached report.');
    expect(textOf(mail.html)).toContain('Sources Orders');
  });

  it('shows fewer rows than a table asks for when they do not fit, and says how many', () => {
    const columns = Array.from({ length: 6 }, (_, n) => ({ key: `c${n}`, label: `C ${n}` }));
    const rows = Array.from({ length: 200 }, (_, n) =>
      Object.fromEntries(columns.map(({ key }) => [key, `${n}:${'ab '.repeat(40)}`])),
    );
    const mail = mailOf({ sections: [{ kind: 'table', title: 'Big', caption: 'Big', columns, rows, preview: 200 }] });
    const shown = Number(/(\d+) of 200 rows/.exec(mail.html)?.[1]);
    expect(Buffer.byteLength(mail.html)).toBeLessThan(LIMIT);
    expect(shown).toBeGreaterThan(20);
    expect(mail.html.match(/<tr>/g)?.length).toBeGreaterThan(shown);
    expect(mail.files.some(({ source }) => source.is === 'table')).toBe(true);
  });

  it('stays below 90 kB however long its addresses, warnings and sources are', () => {
    const url = `https://example.com/?${'a&'.repeat(980)}`;
    const mail = mailOf({
      title: '"'.repeat(150),
      summary: '"'.repeat(600),
      url,
      warnings: Array.from({ length: 20 }, () => '"'.repeat(500)),
      sources: Array.from({ length: 20 }, () => ({ title: '"'.repeat(200), url })),
      sections: Array.from({ length: 40 }, (_, n) => ({
        kind: 'actions' as const,
        title: `${'&'.repeat(110)} ${n}`,
        items: Array.from({ length: 20 }, () => ({ title: '"'.repeat(200), href: url, why: '&'.repeat(1_000) })),
      })),
    });
    expect(Buffer.byteLength(mail.html)).toBeLessThan(LIMIT);
    expect(mail.html).toContain('The report goes on.');
    expect(readMarkup(mail.html).problems).toEqual([]);
  });
});

const word = fc.oneof(
  fc.string({ maxLength: 12, unit: 'grapheme' }),
  fc.constantFrom('売上', 'مرحبا', '👩‍👩‍👧‍👦', '<b>', '"&', '</td>', '\u202e', 'javascript:x', '<!channel>', '| a |', '**'),
);
const line = (max: number): fc.Arbitrary<string> =>
  fc
    .array(word, { minLength: 1, maxLength: 12 })
    .map((words) => `x${words.join(' ')}`.toWellFormed().slice(0, max).toWellFormed());
const title = fc.option(line(100), { nil: undefined });
const priority = fc.constantFrom('summary' as const, 'detail' as const);
const base = { title, priority };
const cell = fc.oneof(
  line(300),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constant(null),
  fc.record({ text: line(60), href: fc.webUrl({ withQueryParameters: true }) }),
);
const KEYS = Array.from({ length: 30 }, (_, n) => `k${n}`);
const table = fc.record({
  ...base,
  kind: fc.constant('table' as const),
  caption: line(200),
  columns: fc.integer({ min: 1, max: 30 }).chain((count) =>
    fc.tuple(
      ...KEYS.slice(0, count).map((key) =>
        fc.record({
          key: fc.constant(key),
          label: line(60),
          type: fc.constantFrom('text' as const, 'number' as const, 'date' as const),
        }),
      ),
    ),
  ),
  rows: fc.array(fc.dictionary(fc.constantFrom(...KEYS), cell, { maxKeys: 8 }), { maxLength: 40 }),
  preview: fc.integer({ min: 1, max: 200 }),
});
const figures = fc.record({
  ...base,
  kind: fc.constant('figures' as const),
  figures: fc.array(
    fc.record({
      label: line(60),
      value: fc.constant(1),
      display: line(40),
      spark: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 2, maxLength: 60 }),
    }),
    { minLength: 1, maxLength: 12 },
  ),
});
const chart = fc.record({
  ...base,
  kind: fc.constant('chart' as const),
  alt: line(300).map((alt) => `What it shows: ${alt}`),
  chart: fc.record({
    type: fc.constant('pie' as const),
    segments: fc.array(fc.record({ label: line(80), value: fc.integer({ min: 1 }) }), { minLength: 1, maxLength: 12 }),
  }),
});
const actions = fc.record({
  ...base,
  kind: fc.constant('actions' as const),
  items: fc.array(fc.record({ title: line(200), why: line(900), impact: line(80) }), { minLength: 1, maxLength: 20 }),
});
const markdown = fc.record({
  ...base,
  kind: fc.constant('markdown' as const),
  markdown: fc.tuple(line(2_000), fc.integer({ min: 1, max: 60 })).map(([text, times]) => `${text}\n\n`.repeat(times)),
});
const reports = fc
  .record({
    title: line(150),
    summary: line(600),
    status: fc.constantFrom('ok' as const, 'partial' as const, 'failed' as const),
    warnings: fc.array(line(500), { maxLength: 4 }),
    sections: fc.array(fc.oneof(table, figures, chart, actions, markdown), { maxLength: 12 }),
  })
  .map((input) => numberCells(Report.parse(JSON.parse(JSON.stringify(input)))));

/** Gives every text of a table a first and a last word that stand nowhere else, for a narrow column breaks it between words. */
function numberCells(report: Report): Report {
  let n = 0;
  const mark = (text: string): string => `${++n}a ${text} ${n}z`;
  const numbered = (value: Cell): Cell => {
    if (typeof value === 'string') return mark(value);
    return typeof value === 'object' && value !== null ? { ...value, text: mark(value.text) } : value;
  };
  const sections = report.sections.map((section): Section => {
    if (section.kind !== 'table') return section;
    const rows = section.rows.map((row) =>
      Object.fromEntries(section.columns.map(({ key }) => [key, numbered(row[key] ?? null)])),
    );
    return { ...section, rows };
  });
  return { ...report, sections };
}

/** Every cell of the report stands in the text part, and what the HTML does not show is said and attached. */
function checkTables(report: Report, mail: RenderedEmail & { html: string }): void {
  const words = new Set(mail.text.split(/\s+/));
  for (const [at, section] of report.sections.entries()) {
    if (section.kind !== 'table') continue;
    for (const cell of section.rows.flatMap((row) => Object.values(row))) {
      const text = typeof cell === 'object' ? (cell?.text ?? '') : String(cell);
      const marks = text.match(/^\d+a |\d+z$/g) ?? [];
      for (const mark of marks) if (!words.has(mark.trim())) throw new Error(`The text lacks ${mark} of ${text}`);
      const href = typeof cell === 'object' ? cell?.href : undefined;
      if (href !== undefined && !mail.text.includes(href)) throw new Error(`The text lacks ${href}`);
    }
    const hasFile = mail.files.some(({ source }) => source.is === 'table' && source.section === at);
    const caption = textOf(mail.html).includes(
      textOf(oneLine(section.caption).replace(/&/g, '&amp;').replace(/</g, '&lt;')),
    );
    expect(caption || attachesReport(mail)).toBe(true);
    const wide = section.columns.length > 10 && section.rows.length > 0;
    const long = section.rows.length > section.preview;
    if (wide || long) expect(hasFile || attachesReport(mail)).toBe(true);
    if (hasFile) expect(mail.html).toMatch(/ of \d+ (?:rows|columns)|ong texts are cut/);
  }
}

describe('200 generated reports as mail', () => {
  it('are well-formed, below 90 kB, and lose nothing', () => {
    fc.assert(
      fc.property(reports, (report) => {
        const { html = '', ...rest } = renderEmail(report, { run });
        const mail = { html, ...rest };
        expect(Buffer.byteLength(html)).toBeLessThan(LIMIT);
        const { elements, problems } = readMarkup(html);
        expect(problems).toEqual([]);
        expect(elements.filter(({ tag }) => tag === 'h1')).toHaveLength(1);
        const shown = elements.filter(({ tag }) => tag === 'img').map(({ attributes }) => attributes);
        for (const { alt, width } of shown) expect(Boolean(alt) && Number(width) > 0).toBe(true);
        const cids = mail.files.flatMap(({ cid }) => (cid === undefined ? [] : `cid:${cid}`));
        expect(shown.map(({ src }) => src).toSorted()).toEqual(cids.toSorted());
        expect(html.includes('The report goes on.')).toBe(attachesReport(mail));
        checkTables(report, mail);
      }),
      { numRuns: 200, seed: 47 },
    );
  });
});
