import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PALETTE, TEXT_ON } from '../../src/render/email/palette.ts';
import { renderEmail } from '../../src/render/email/report.ts';
import { renderHtml } from '../../src/render/html.ts';
import { renderMarkdown } from '../../src/render/markdown-file.ts';
import { displayWidth } from '../../src/render/format.ts';
import { formatCell, hrefOf } from '../../src/render/values.ts';
import { Report } from '../../src/store/report.ts';
import { contrast } from '../support/contrast.ts';
import { makeReport, sampleNotice, sampleReport, sampleRun } from '../support/delivery-report.ts';
import { readMarkup, textOf } from '../support/markup.ts';

const run = sampleRun();
const weekly = Report.parse(
  JSON.parse(readFileSync(new URL('../fixtures/reports/weekly.json', import.meta.url), 'utf8')),
);

/** The mail with its HTML, which is there unless text was asked for. */
function htmlMail(...asked: Parameters<typeof renderEmail>) {
  const { html = '', ...mail } = renderEmail(...asked);
  return { html, ...mail };
}

describe('the colours of mail', () => {
  it.each(Object.entries(PALETTE))('have a contrast of 4.5 or more in %s', (_name, palette) => {
    for (const [ink, ground] of TEXT_ON) {
      expect([ink, ground, contrast(palette[ink], palette[ground]) >= 4.5]).toEqual([ink, ground, true]);
    }
  });
});

describe('a report as mail', () => {
  const { subject, html, text } = htmlMail(sampleReport(), { run });

  it('has one h1, a language, a preheader, and nothing that is fetched or run', () => {
    expect(subject).toBe('Weekly merchandising — W47 (16–22 Nov 2026) (incomplete)');
    expect(html.match(/<h1/g)).toHaveLength(1);
    expect(html).toContain('<html lang="en-US">');
    expect(html).toContain('display:none;max-height:0');
    expect(html).toContain('prefers-color-scheme:dark');
    expect(html).not.toMatch(/<(?:img|script|link|iframe|object)\b|url\(|@import|javascript:/i);
    expect(html).toContain('scope="col"');
    expect(readMarkup(html).problems).toEqual([]);
  });

  it('has a style sheet that Gmail does not drop for its length', () => {
    for (const [, sheet = ''] of html.matchAll(/<style>([\s\S]*?)<\/style>/g)) expect(sheet.length).toBeLessThan(8_192);
  });

  it('says in text everything that it says in HTML', () => {
    for (const piece of ['$84.10', 'Trail Runner GTX', 'https://bi.example/d/9', 'Black Friday', run.id]) {
      expect(html).toContain(piece);
      expect(text).toContain(piece);
    }
    for (const line of text.split('\n')) if (!line.includes('http')) expect(displayWidth(line)).toBeLessThanOrEqual(78);
  });

  it('has in its text every figure, row and address of a report, on lines of at most 78 columns', () => {
    const { text: whole } = renderEmail(weekly, { run });
    const flat = whole.replace(/\s+/g, ' ');
    for (const section of weekly.sections) {
      if (section.kind === 'figures') for (const { display } of section.figures) expect(flat).toContain(display);
      if (section.kind === 'chart') expect(flat).toContain(section.alt);
      if (section.kind === 'actions')
        for (const { href, title } of section.items) expect(flat).toContain(href ?? title);
      if (section.kind !== 'table') continue;
      for (const row of section.rows) {
        for (const column of section.columns) expect(flat).toContain(formatCell(row[column.key], column, weekly));
        expect(flat).toContain(hrefOf(row['name']));
      }
    }
    for (const { url } of weekly.sources) expect(flat).toContain(url ?? '');
    expect(flat).toContain(weekly.url);
    for (const line of whole.split('\n'))
      if (!line.includes('http')) expect(displayWidth(line)).toBeLessThanOrEqual(78);
  });

  it('shows raw HTML as text, and images as links', () => {
    const markdown =
      '<img src=x onerror=alert(1)>\n\n<script>alert(1)</script>\n\n![logo](https://t.example/p.png) "q" & <b>';
    const evil = '</style><script>alert(1)</script>"';
    const report = makeReport({
      title: evil,
      summary: evil,
      period: { from: '2026-11-16', to: '2026-11-22', label: evil },
      warnings: [evil, evil],
      sections: [
        { kind: 'markdown', title: evil, markdown },
        {
          kind: 'figures',
          figures: [{ label: evil, value: 1, display: evil.slice(0, 40), delta: { value: 1, versus: evil } }],
        },
        { kind: 'table', title: evil, caption: evil, columns: [{ key: 'a', label: evil }], rows: [{ a: evil }] },
        { kind: 'table', caption: evil, columns: [{ key: 'a', label: evil }], rows: [] },
        {
          kind: 'actions',
          title: evil,
          items: [{ title: evil, why: evil, impact: evil, href: `https://x.example/?${evil}` }],
        },
        { kind: 'chart', alt: evil, chart: { type: 'pie', segments: [{ label: evil, value: 1 }], unit: '"<b>' } },
      ],
      sources: [{ title: evil, url: 'https://example.com/?a="><script>' }],
      cost: { model: evil },
      locale: '"><script>',
    });
    const options = { unsubscribeUrl: 'javascript:alert(1)' };
    const mail = htmlMail(report, { run }, options).html;
    for (const form of [mail, renderHtml(report, { run })]) {
      expect(form).not.toMatch(/<(?:script|b)\b|\son\w+="/i);
      expect(form).toContain('&lt;img src=x onerror=alert(1)&gt;');
      expect(form).toContain('href="https://t.example/p.png"');
      expect(form).toContain('<html lang="en">');
      expect(readMarkup(form).problems).toEqual([]);
      const links = readMarkup(form).elements.flatMap(({ attributes }) => attributes['href'] ?? []);
      for (const href of links) expect(href).toMatch(/^(?:https?:|mailto:)/);
    }
    expect(mail).not.toContain('javascript:');
    expect(
      readMarkup(mail).elements.every(({ tag, attributes }) => tag !== 'img' || attributes['src']?.startsWith('cid:')),
    ).toBe(true);
  });

  it('is the same bytes every time', () => {
    expect(htmlMail(sampleReport(), { run })).toMatchObject({ subject, html, text });
  });

  it('has the period under the title unless the title says it', () => {
    const label = 'W47, 16–22 Nov 2026';
    expect(htmlMail(weekly, { run }).html.split(label)).toHaveLength(3);
    expect(htmlMail({ ...weekly, title: `Weekly, ${label}` }, { run }).html).not.toContain(`${label}</p>`);
  });

  it('lists actions by number, with address, worth and reason', () => {
    const { html: drawn } = htmlMail(weekly, { run });
    expect(readMarkup(drawn).elements.filter(({ attributes }) => attributes['role'] === 'listitem')).toHaveLength(5);
    expect(textOf(drawn)).toContain(
      '1 Reorder the Birch stool today ≈ $3,900 at risk 41 left, 9.8 a day; the supplier needs six days.',
    );
    expect(drawn).toContain('href="https://example.com/p/birch-stool"');
  });

  it('says in its last lines what it cost, and how to leave', () => {
    const unsubscribeUrl = 'https://bellhop.example/unsubscribe?t=a.b&s=1';
    const mail = htmlMail(weekly, { run }, { unsubscribeUrl });
    expect(mail.html).toContain('href="https://bellhop.example/unsubscribe?t=a.b&amp;s=1"');
    expect(textOf(mail.html)).toContain('Unsubscribe from these mails');
    expect(textOf(mail.html)).toContain('figures only');
    expect(mail.text).toContain(`Unsubscribe: ${unsubscribeUrl}`);
    expect(textOf(htmlMail(weekly, { run }).html)).not.toContain('Unsubscribe');
  });

  it('without HTML is the whole text and the files that were asked for', () => {
    const mail = renderEmail(weekly, { run }, { format: 'text', attach: ['csv'] });
    expect(mail.html).toBeUndefined();
    expect(mail.text).toBe(renderEmail(weekly, { run }).text);
    expect(mail.files.map(({ source }) => source.is)).toEqual(['table']);
  });
});

describe('the figures of a mail', () => {
  const figures = (count: number, spark: number[]) =>
    htmlMail(
      makeReport({
        sections: [
          {
            kind: 'figures',
            figures: Array.from({ length: count }, (_, n) => ({
              label: `Label ${n}`,
              value: n,
              display: `${n} kg`,
              spark,
            })),
          },
        ],
      }),
      { run },
    ).html;
  const bars = (html: string): number => html.match(/class="(?:bar|now)"/g)?.length ?? 0;

  it('stand three to a row, and four in two pairs', () => {
    for (const [count, width] of [
      [1, 100],
      [2, 49],
      [3, 32],
      [4, 49],
      [5, 32],
      [12, 32],
    ] as const) {
      const tiles = readMarkup(figures(count, [1, 2])).elements.filter(
        ({ attributes }) => attributes['class'] === 'fig tile',
      );
      expect(tiles.map(({ attributes }) => attributes['width'])).toEqual(
        Array.from({ length: count }, () => `${width}%`),
      );
    }
  });

  it('have bars for their last twelve values, which screen readers skip and which a value below zero rules out', () => {
    expect(bars(figures(1, [1, 2, 3]))).toBe(3);
    expect(
      bars(
        figures(
          1,
          Array.from({ length: 60 }, (_, n) => n),
        ),
      ),
    ).toBe(12);
    expect(bars(figures(1, [1, -2, 3]))).toBe(0);
    expect(bars(figures(1, [0, 0]))).toBe(0);
    expect(figures(1, [1, 2])).toContain('aria-hidden="true" class="spark"');
    expect(figures(1, [1, 2])).not.toContain('<svg');
  });
});

describe('the charts of a mail', () => {
  it('are pictures for light and for dark, each with words, a width and the file that it shows', () => {
    const { html, files } = htmlMail(weekly, { run });
    const pictures = readMarkup(html).elements.filter(({ tag }) => tag === 'img');
    expect(pictures).toHaveLength(4);
    for (const { attributes } of pictures) {
      expect(attributes['alt']).toMatch(/\w{3}/);
      expect(Number(attributes['width'])).toBeGreaterThan(300);
    }
    const shown = pictures.map(({ attributes }) => attributes['src']);
    const attached = files.flatMap(({ cid }) => (cid === undefined ? [] : `cid:${cid}`));
    expect(shown.toSorted()).toEqual(attached.toSorted());
    expect(new Set(attached).size).toBe(4);
    expect(
      files.map(({ source }) => (source.is === 'chart' ? `${source.section} ${source.theme ?? 'light'}` : '')),
    ).toEqual(['2 light', '2 dark', '3 light', '3 dark']);
    expect(new Set(files.map(({ name }) => name)).size).toBe(4);
  });

  it('have their words below them where no title says what they are', () => {
    const chart = { type: 'bar' as const, categories: ['a'], series: [{ name: 's', values: [1] }] };
    const draw = (title?: string): string =>
      textOf(
        htmlMail(
          makeReport({ sections: [{ kind: 'chart', alt: 'One bar of one.', chart, ...(title && { title }) }] }),
          { run },
        ).html,
      );
    expect(draw()).toContain('One bar of one.');
    expect(draw('Bars')).not.toContain('One bar of one.');
  });
});

describe('the tables of a mail', () => {
  it('have a caption, header cells with a scope, and numbers to the right', () => {
    const { elements } = readMarkup(htmlMail(weekly, { run }).html);
    expect(elements.filter(({ tag }) => tag === 'caption')).toHaveLength(1);
    const heads = elements.filter(({ tag }) => tag === 'th');
    expect(heads.filter(({ attributes }) => attributes['scope'] === 'col')).toHaveLength(5);
    expect(heads.filter(({ attributes }) => attributes['scope'] === 'row')).toHaveLength(8);
    const cells = elements.filter(({ tag, attributes }) => tag === 'td' && attributes['class'] === 'cell line');
    expect(cells).toHaveLength(32);
    expect(cells.every(({ attributes }) => attributes['align'] === 'right')).toBe(true);
  });

  it('show their preview, say how much that is, and have the rest attached', () => {
    const rows = Array.from({ length: 240 }, (_, n) => ({ name: `Item ${n}.`, sold: n }));
    const columns = [
      { key: 'name', label: 'Product' },
      { key: 'sold', label: 'Sold', type: 'number' as const },
    ];
    const report = makeReport({ sections: [{ kind: 'table', caption: 'Everything', columns, rows, preview: 8 }] });
    const { html, text, files } = htmlMail(report, { run });
    expect(html.match(/Item \d+\./g)).toHaveLength(8);
    expect(textOf(html)).toContain(`8 of 240 rows. All of it is in the attached ${files[0]?.name}.`);
    expect(files.map(({ source }) => source)).toEqual([{ is: 'table', section: 0 }]);
    for (const { name } of rows) expect(text).toContain(name);
    expect(htmlMail(report, { run }, { attach: ['csv'] }).files).toHaveLength(1);
  });

  it('show the columns that fit and say how many there are', () => {
    const columns = Array.from({ length: 216 }, (_, n) => ({
      key: `k${n}`,
      label: `Measure ${n}`,
      type: 'number' as const,
    }));
    const row = Object.fromEntries(columns.map(({ key }, n) => [key, n * 1_000]));
    const report = makeReport({ sections: [{ kind: 'table', caption: 'Wide', columns, rows: [row] }] });
    const { html, files, text } = htmlMail(report, { run });
    const shown = Number(/(\d+) of 216 columns/.exec(html)?.[1]);
    expect(shown).toBeGreaterThanOrEqual(4);
    expect(shown).toBeLessThanOrEqual(10);
    expect(html.match(/scope="col"/g)).toHaveLength(shown);
    expect(files).toHaveLength(1);
    expect(text).toContain('215,000');
    expect(renderHtml(report, { run }).match(/scope="col"/g)).toHaveLength(216);
  });

  it('cut a text that is longer than a cell, and say so', () => {
    const columns = [{ key: 'a', label: 'A' }];
    const report = makeReport({
      sections: [{ kind: 'table', caption: 'C', columns, rows: [{ a: 'word '.repeat(500) }] }],
    });
    const { html, files } = htmlMail(report, { run });
    expect(html.match(/word/g)?.length).toBeLessThan(40);
    expect(textOf(html)).toContain('Long texts are cut. All of it is in the attached');
    expect(files).toHaveLength(1);
  });

  it('without rows say that there are none', () => {
    const columns = [{ key: 'a', label: 'A' }];
    const { html, files } = htmlMail(
      makeReport({ sections: [{ kind: 'table', caption: 'Returns', columns, rows: [] }] }),
      { run },
    );
    expect(textOf(html)).toContain('Returns: no rows.');
    expect(files).toEqual([]);
  });
});

describe('a notice as mail', () => {
  it('names what it is about and itself, and no run', () => {
    const notice = sampleNotice();
    const { subject, html, text } = htmlMail(notice.report, { notice });
    expect(subject).toBe('weekly-report failed 3 times');
    for (const form of [textOf(html), text]) {
      expect(form).toContain(`Sent by Bellhop · weekly-report · incident ${notice.id.slice(-6)}`);
      expect(form).toContain(notice.id);
      expect(form).not.toContain('run');
    }
    expect(html).toContain('Somebody should look at this.');
    expect(renderMarkdown(notice.report, { notice })).toContain('weekly-report · incident');
  });
  it('of no schedule and no job is still from somebody', () => {
    const { schedule: _schedule, ...rest } = sampleNotice({ kind: 'digest' });
    expect(renderEmail(rest.report, { notice: rest }).text).toContain('Bellhop · what was missed');
  });
});
