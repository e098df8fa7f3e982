import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime from 'postal-mime';
import { WriteStream } from 'node:tty';
import { describe, expect, test } from 'vitest';
import { looksOf } from '../../src/cli/looks.ts';
import { openShell, type Ended, type Shell } from '../support/cli.ts';

const WEEKLY = join(import.meta.dirname, '../fixtures/reports/weekly.json');
const BROKEN = {
  url: 'javascript:alert(1)',
  title: 'x'.repeat(151),
  sections: [
    {
      kind: 'chart',
      alt: 'Too few values are here.',
      chart: { type: 'bar', categories: ['a'], series: [{ name: 's', values: [1, 2] }] },
    },
    {
      kind: 'table',
      caption: 'c',
      columns: [{ key: 'a', label: 'A' }],
      rows: [{ a: { text: 'x', href: 'javascript:1' } }],
    },
  ],
};

async function alone<T>(act: (own: Shell) => Promise<T>): Promise<T> {
  await using own = await openShell({});
  return await act(own);
}
const preview = (own: Shell, ...args: string[]): Promise<Ended> => own.type(['report', 'preview', ...args]);

describe.concurrent('bellhop report preview', () => {
  test('shows a report as it would stand in a terminal, without colour where there is none', () =>
    alone(async (own) => {
      const { code, stdout } = await preview(own, WEEKLY);
      expect([code, stdout]).toEqual([
        0,
        expect.stringContaining('Revenue      $55,930  ▁▂▁▂▃▃▄▅▅▅▆█  ▲ up 9.5% vs W46'),
      ]);
      expect(stdout).not.toContain('\u001b');
    }));

  test.each([
    ['slack', '── 1 of 2, in the channel\n│ Weekly merchandising'],
    ['email', 'Subject: Weekly merchandising · Hazel & Oak'],
    ['text', '[1] https://example.com/p/0'],
    ['html', '<!doctype html>'],
    ['markdown', '| Revenue | $55,930 | ▲ up 9.5% vs W46 |'],
    ['csv', 'Product,Product URL,Sold'],
    ['json', '"schema": "bellhop.report/1"'],
  ])('shows it as %s', (as, text) =>
    alone(async (own) => {
      const { code, stdout, stderr } = await preview(own, WEEKLY, '--as', as);
      expect([code, stderr, stdout]).toEqual([0, '', expect.stringContaining(text)]);
    }),
  );

  test('lists every problem with its place and the way out, and ends with 65', () =>
    alone(async (own) => {
      await writeFile(join(own.folder, 'broken.json'), JSON.stringify(BROKEN));
      const { code, stdout, stderr } = await preview(own, 'broken.json');
      expect([code, stdout]).toEqual([65, '']);
      expect(stderr).toContain('  title: Too big');
      expect(stderr).toContain('  summary: is missing');
      expect(stderr).toContain('  sections.0.chart: each series must have a value (or null) for each category');
      expect(stderr).toContain('  sections.1.rows.0.a.href: must be an http, https or mailto address');
      expect(stderr).toContain('  url: must be an http, https or mailto address\n');
      expect(stderr).toContain('docs/reports.md');
    }));

  test('says which members of a report are not part of one', () =>
    alone(async (own) => {
      await writeFile(join(own.folder, 'typo.json'), JSON.stringify({ title: 't', summary: 's', sectoins: [] }));
      const { code, stderr } = await preview(own, 'typo.json');
      expect([code, stderr]).toEqual([
        0,
        expect.stringContaining('sectoins is not part of a report (did you mean sections'),
      ]);
    }));

  test('takes markdown and any JSON as a job may return them', () =>
    alone(async (own) => {
      await writeFile(join(own.folder, 'note.md'), '# Hello\n\nIt **works**.\n\n- one');
      await writeFile(join(own.folder, 'rows.json'), JSON.stringify([{ name: 'Lamp', sold: 3 }]));
      expect((await preview(own, 'note.md')).stdout).toMatch(/^Hello\n=+\nIt works\.\n\n- one\n/);
      expect((await preview(own, 'rows.json')).stdout).toMatch(/name {2}sold\n-{4} {2}-{4}\nLamp {5}3\n/);
    }));

  test('writes a mail that a mail program reads, and a page, by the ending', () =>
    alone(async (own) => {
      const [eml, html] = [join(own.folder, 'w.eml'), join(own.folder, 'w.html')];
      await preview(own, WEEKLY, '--out', eml);
      await preview(own, WEEKLY, '--out', html);
      const mail = await new PostalMime().parse(await readFile(eml));
      expect(mail.subject).toBe('Weekly merchandising · Hazel & Oak · W47, 16–22 Nov 2026');
      expect(mail.attachments.filter(({ disposition }) => disposition === 'inline')).toHaveLength(4);
      expect(mail.html).toContain('Birch stool');
      expect(mail.text).toContain('Birch stool');
      expect(await readFile(html, 'utf8')).toMatch(/^<!doctype html>/);
    }));

  test('as Slack and JSON is the blocks', () =>
    alone(async (own) => {
      const { stdout } = await preview(own, WEEKLY, '--as', 'slack', '--json');
      expect(JSON.parse(stdout)).toMatchObject([{ text: expect.any(String), blocks: expect.any(Array) }, {}]);
    }));

  test.each([
    [['nothing.json'], 'there is no such file'],
    [[WEEKLY, '--as', 'pdf'], 'slack, email'],
    [[WEEKLY, '--width', '3'], 'from 20 to 400'],
    [[], 'Preview which file?'],
    [[WEEKLY, '--out', 'week.pdf'], 'no form has the ending .pdf'],
    [[WEEKLY, '--as', 'email', '--json'], 'with --as slack the blocks'],
    [[WEEKLY, '--out', 'week.html', '--json'], '--json does not go with the form html'],
  ])('%j is refused with the way out', (args, said) =>
    alone(async (own) => {
      expect(await preview(own, ...args)).toMatchObject({ code: 64, stderr: expect.stringContaining(said) });
    }),
  );
});

describe('what a report looks like on a standard output', () => {
  const screen = (isTTY: boolean) => ({ isTTY, columns: 300, hasColors: WriteStream.prototype.hasColors });
  const XTERM = { TERM: 'xterm-256color' };

  test('is coloured for a person only, and never where NO_COLOR is set', () => {
    expect(looksOf(screen(true), XTERM)).toEqual({ width: 200, color: 'ansi', links: 'osc8' });
    for (const plain of [looksOf(screen(false), XTERM), looksOf(screen(true), { ...XTERM, NO_COLOR: '1' })])
      expect(plain).toMatchObject({ color: 'none', links: 'written' });
    expect(looksOf(screen(true), { TERM: 'dumb' }).color).toBe('none');
    expect(looksOf(screen(true), { TERM: 'linux' })).toMatchObject({ color: 'ansi', links: 'written' });
    expect(looksOf({ columns: 10 }, {}).width).toBe(40);
  });
});
