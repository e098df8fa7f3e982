import { describe, expect, it } from 'vitest';
import { displayWidth } from '../../src/render/format.ts';
import { renderMarkdown } from '../../src/render/markdown-file.ts';
import { renderText } from '../../src/render/text.ts';
import { makeReport, sampleReport, sampleRun } from '../support/delivery-report.ts';

const plain = { width: 78, color: 'none' } as const;
// oxlint-disable-next-line no-control-regex -- colour codes are what this looks for
const ANSI = /\u001b\[\d+m/g;

describe('a report as text', () => {
  it('has every figure, word, table row and address, in 78 columns but for addresses', () => {
    const text = renderText(sampleReport(), plain);
    for (const piece of [
      '$55,930',
      '▲ up 9.5% vs W46',
      'Return rate',
      'OUT-1041',
      '売上 Beanie',
      'https://bi.example/d/9',
      '[x] bellhop',
      '! Ad spend',
    ])
      expect(text).toContain(piece);
    for (const line of text.split('\n')) if (!line.includes('http')) expect(displayWidth(line)).toBeLessThanOrEqual(78);
  });

  it('aligns a table by what is seen, not by characters', () => {
    const lines = renderText(sampleReport(), plain).split('\n');
    const rows = lines.filter((line) => /(?:OUT|FTW|ACC)-\d{4} /.test(line));
    expect(rows).toHaveLength(3);
    const starts = rows.map((row) => displayWidth(row.slice(0, row.search(/(?:OUT|FTW|ACC)-/))));
    expect(new Set(starts).size).toBe(1);
    expect(new Set(rows.map(displayWidth)).size).toBe(1);
  });

  it('gives each row of a table that is too wide its column names', () => {
    const markdown = `| Name | Comment |\n|---|---|\n| a | word${'-word'.repeat(30)} |`;
    const text = renderText(makeReport({ sections: [{ kind: 'markdown', markdown }] }), plain);
    expect(text).toContain('- Name: a');
    expect(text).toContain('Comment:');
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(78);
  });

  it('is the same with colour but for the colour', () => {
    const colored = renderText(sampleReport(), { width: 78, color: 'ansi' });
    expect(colored).toMatch(ANSI);
    expect(colored.replace(ANSI, '')).toBe(renderText(sampleReport(), plain));
    expect(renderText(sampleReport(), plain)).not.toMatch(ANSI);
  });

  it('lets no control character of a report reach the terminal', () => {
    const evil = 'x\u001b[2J\u001b]0;owned\u0007\u009b31m\u202ey';
    const report = makeReport({
      title: evil,
      summary: evil,
      warnings: [evil],
      sections: [
        {
          kind: 'markdown',
          title: evil,
          markdown: `${evil} \`${evil}\`\n\n    ${evil}\n\n| ${evil} |\n|---|\n| ${evil} |`,
        },
        { kind: 'figures', figures: [{ label: evil, value: 1, display: evil, delta: { value: 1, versus: evil } }] },
      ],
      sources: [{ title: evil }],
    });
    // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
    expect(renderText(report, plain)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });

  it('breaks a word that is wider than a line, and no address', () => {
    const url = `https://example.com/${'p'.repeat(200)}`;
    const report = makeReport({ sections: [{ kind: 'markdown', markdown: `${'語'.repeat(100)} <${url}>` }] });
    const text = renderText(report, plain);
    expect(text).toContain(url);
    expect(text.match(/語/g)).toHaveLength(100);
    for (const line of text.split('\n')) if (!line.includes('http')) expect(displayWidth(line)).toBeLessThanOrEqual(78);
  });

  it('takes a word of 400,000 characters in bounded time', { timeout: 10_000 }, () => {
    const report = makeReport({ sections: [{ kind: 'markdown', markdown: 'x'.repeat(400_000) }] });
    expect(renderText(report, plain).match(/x/g)).toHaveLength(400_000);
  });
});

describe('a report as a markdown file', () => {
  it('keeps the markup of its markdown and escapes the rest', () => {
    const report = makeReport({
      title: 'A *title*',
      sections: [
        { kind: 'markdown', markdown: '- **kept** as it is' },
        { kind: 'figures', figures: [{ label: 'a|b', value: 1, display: '1', delta: { value: 1, versus: 'W1' } }] },
      ],
    });
    const text = renderMarkdown(report, { run: sampleRun() });
    expect(text).toContain('# A \\*title\\*');
    expect(text).toContain('- **kept** as it is');
    expect(text).toContain('| a\\|b | 1 | ▲ up 1% vs W1 |');
  });
});
