import { describe, expect, it } from 'vitest';
import { PALETTE, TEXT_ON } from '../../src/render/email/palette.ts';
import { renderEmail } from '../../src/render/email/report.ts';
import { renderHtml } from '../../src/render/html.ts';
import { renderMarkdown } from '../../src/render/markdown-file.ts';
import { displayWidth } from '../../src/render/format.ts';
import { makeReport, sampleNotice, sampleReport, sampleRun } from '../support/delivery-report.ts';

const run = sampleRun();

/** WCAG 2.2 relative luminance and contrast. */
function contrast(one: string, other: string): number {
  const luminance = (hex: string): number => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

describe('the colours of mail', () => {
  it.each(Object.entries(PALETTE))('have a contrast of 4.5 or more in %s', (_name, palette) => {
    for (const [ink, ground] of TEXT_ON) {
      expect([ink, ground, contrast(palette[ink], palette[ground]) >= 4.5]).toEqual([ink, ground, true]);
    }
  });
});

describe('a report as mail', () => {
  const { subject, html, text } = renderEmail(sampleReport(), { run });

  it('has one h1, a language, a preheader, and nothing that is fetched or run', () => {
    expect(subject).toBe('Weekly merchandising — W47 (16–22 Nov 2026) (incomplete)');
    expect(html.match(/<h1/g)).toHaveLength(1);
    expect(html).toContain('<html lang="en-US">');
    expect(html).toContain('display:none;max-height:0');
    expect(html).toContain('prefers-color-scheme:dark');
    expect(html).not.toMatch(/<(?:img|script|link|iframe|object)\b|url\(|@import|javascript:/i);
    expect(html).toContain('scope="col"');
  });

  it('says in text everything that it says in HTML', () => {
    for (const piece of ['$84.10', 'Trail Runner GTX', 'https://bi.example/d/9', 'Black Friday', run.id]) {
      expect(html).toContain(piece);
      expect(text).toContain(piece);
    }
    for (const line of text.split('\n')) if (!line.includes('http')) expect(displayWidth(line)).toBeLessThanOrEqual(78);
  });

  it('shows raw HTML as text, and images as links', () => {
    const markdown =
      '<img src=x onerror=alert(1)>\n\n<script>alert(1)</script>\n\n![logo](https://t.example/p.png) "q" & <b>';
    const evil = '</style><script>alert(1)</script>"';
    const report = makeReport({
      title: evil,
      summary: evil,
      warnings: [evil],
      sections: [
        { kind: 'markdown', title: evil, markdown },
        {
          kind: 'figures',
          figures: [{ label: evil, value: 1, display: evil.slice(0, 40), delta: { value: 1, versus: evil } }],
        },
      ],
      sources: [{ title: evil, url: 'https://example.com/?a="><script>' }],
      locale: '"><script>',
    });
    const mail = renderEmail(report, { run }).html;
    expect(mail).not.toMatch(/<(?:img|script|b)\b/i);
    expect(mail).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(mail).toContain('href="https://t.example/p.png"');
    expect(mail).toContain('<html lang="en">');
    expect(mail.match(/<\/style>/g)).toHaveLength(1);
  });

  it.each([
    ['a list', '- item with some words\n'.repeat(5_000)],
    ['a table', `| a | b |\n|---|---|\n${'| one | two |\n'.repeat(5_000)}`],
    ['code', `\`\`\`\n${'x = 1\n'.repeat(20_000)}\`\`\``],
    ['paragraphs', 'word word word\n\n'.repeat(6_000)],
    ['one paragraph', 'word '.repeat(30_000)],
  ])('stays below 90 kB with %s that is longer, and says that the report goes on', (_name, markdown) => {
    const long = renderEmail(makeReport({ sections: [{ kind: 'markdown', markdown }] }), { run }).html;
    expect(Buffer.byteLength(long)).toBeLessThan(90_000);
    expect(long).toContain('The report goes on.');
    expect(long).toContain(`bellhop runs show ${run.id}`);
    expect(long).toMatch(/<\/html>\s*$/);
  });

  it('is the same bytes every time', () => {
    expect(renderEmail(sampleReport(), { run })).toEqual({ subject, html, text });
  });
});

describe('a notice as mail', () => {
  it('names what it is about and itself, and no run', () => {
    const notice = sampleNotice();
    const { subject, html, text } = renderEmail(notice.report, { notice });
    expect(subject).toBe('weekly-report failed 3 times');
    for (const form of [html, text]) {
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

describe('a report as a page', () => {
  it('shows everything, and a policy forbids what it does not need', () => {
    const page = renderHtml(makeReport({ sections: [{ kind: 'markdown', markdown: 'word '.repeat(70_000) }] }), {
      run,
    });
    expect(page.match(/word/g)).toHaveLength(70_000);
    expect(page).toContain(`default-src 'none'`);
  });
});
