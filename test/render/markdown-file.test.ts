import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderMarkdown } from '../../src/render/markdown-file.ts';
import { sectionBlocks } from '../../src/render/markdown.ts';
import type { Block } from '../../src/render/markdown.ts';
import { Report } from '../../src/store/report.ts';
import { makeReport, sampleRun } from '../support/delivery-report.ts';
import { anyReport, hostileReport } from '../support/report-arbitrary.ts';
import { wordsOf } from '../support/report-words.ts';

const about = { run: sampleRun() };
const weekly = Report.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/reports/weekly.json'), 'utf8')),
);
const parsed = (markdown: string): Block[] => sectionBlocks({ kind: 'markdown', markdown, priority: 'summary' });
const ofMarkdown = (markdown: string): string =>
  renderMarkdown(makeReport({ sections: [{ kind: 'markdown', markdown }], sources: [{ title: 'The end' }] }), about);

describe('a report as a markdown file', () => {
  it('has tables with their alignment, actions as a list, and period, sources and cost at its end', () => {
    const text = renderMarkdown(weekly, about);
    expect(text).toContain('| Revenue | $55,930 | ▲ up 9.5% vs W46 |');
    expect(text).toContain(
      '| Product | Sold | Revenue | vs W46 | Days of stock |\n| --- | ---: | ---: | ---: | ---: |',
    );
    expect(text).toContain('| [Cedar shelf](<https://example.com/p/2>) | 51 | $7,599 | -3.1% | 33.0 |');
    expect(text).toContain(
      '1. **[Reorder the Birch stool today](<https://example.com/p/birch-stool>)** · ≈ $3,900 at risk',
    );
    expect(text).toContain('Period: 2026-11-16 to 2026-11-22');
    expect(text).toContain('- [Shop orders](<https://example.com/admin/orders>) (as of');
    expect(text).toContain('Cost: figures only · 41.2 s');
  });

  it('has the words and the values of a chart', () => {
    expect(renderMarkdown(weekly, about)).toMatch(/Revenue by week rose from[\s\S]+\| W47 \| \$55,930 \| \$47,100 \|/);
  });

  it.each([
    '```\nopen',
    '~~~~\nopen',
    '<!-- open',
    '<script>',
    '<pre>',
    '- a\n\n  ```\n  open',
    '[a]: https://a.example "',
  ])('ends a section where it ends, whatever it leaves open: %j', (markdown) => {
    const blocks = parsed(ofMarkdown(markdown));
    expect(blocks).toContainEqual(expect.objectContaining({ kind: 'heading', inlines: [{ text: 'Sources' }] }));
  });

  it('makes no picture, no script and no address of a kind that is not safe of what a job wrote', () => {
    const text = ofMarkdown('![pixel](https://t.example/p.png) <img src=x onerror=alert(1)> [x](javascript:alert(1))');
    expect(text).toContain('[pixel](<https://t.example/p.png>)');
    expect(text).not.toMatch(/!\[|(?<!\\)<img|\]\(<?javascript/);
  });

  it('says the same when it is read again as markdown', () => {
    const markdown = [
      '# One\n\n## Two',
      'A *b* **c** ~~d~~ `e` [f](https://f.example/?a=1&b=2)  \nnext line',
      '- one\n  - two\n    1. three\n- [x] four',
      '3. c\n4. d',
      '> quote\n>\n> - list',
      '```\nlet a = `b`;\n```',
      '| a | b |\n|---|--:|\n| 1 \\| 2 | **3** |',
      '1\\. no list\n\n\\# no heading\n\n\\- no item\n\n\\*no\\* snake_case\n\n2\\) x',
    ].join('\n\n');
    const again = ofMarkdown(markdown).split('All is well.\n\n')[1]?.split('\n\n## Sources')[0] ?? '';
    const raised = parsed(markdown).map((block) => (block.kind === 'heading' ? { ...block, depth: 2 } : block));
    expect(parsed(again)).toEqual(raised);
  });

  it('has every word of any report, and no control character', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(anyReport(), (report) => {
        const text = renderMarkdown(report, about);
        expect(wordsOf(report).filter((word) => !text.includes(word))).toEqual([]);
        // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
        expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it('keeps all links of 40,000 characters', () => {
    const text = renderMarkdown(hostileReport(), about);
    expect(new Set(text.match(/https:\/\/example\.com\/p\/\d+/g)).size).toBe(222);
  });
});
