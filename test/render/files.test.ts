import { describe, expect, it } from 'vitest';
import { attachmentPlans, renderFile } from '../../src/render/files.ts';
import { renderJson } from '../../src/render/json.ts';
import { Report } from '../../src/store/report.ts';
import { makeReport, sampleReport, sampleRun } from '../support/delivery-report.ts';

const table = (title: string | undefined) => ({
  kind: 'table' as const,
  caption: 'What was sold',
  columns: [{ key: 'a', label: 'A' }],
  rows: [{ a: 'x' }],
  ...(title === undefined ? {} : { title }),
});
const blob = (name: string) => ({ name, mediaType: 'text/csv', sha256: 'a'.repeat(64), bytes: 3 });
const namesOf = (report: Report, attach: Parameters<typeof attachmentPlans>[1]): string[] =>
  attachmentPlans(report, attach, 'Weekly report').map(({ name }) => name);

describe('the files of a report', () => {
  it('are its own first, then what is asked for, CSV being one a table', () => {
    const report = makeReport({ sections: [table('Best sellers'), table(undefined)], attachments: [blob('raw.csv')] });
    expect(namesOf(report, ['csv', 'html', 'md', 'json'])).toEqual([
      'raw.csv',
      'best-sellers.csv',
      'what-was-sold.csv',
      'weekly-report.html',
      'weekly-report.md',
      'weekly-report.json',
    ]);
    expect(namesOf(report, [])).toEqual(['raw.csv']);
  });

  it('draw a chart on the ground that it is asked for, light when nothing is said', async () => {
    const chart = { type: 'bar' as const, categories: ['a'], series: [{ name: 'x', values: [1] }] };
    const report = makeReport({ sections: [{ kind: 'chart', alt: 'One bar of one', chart }] });
    const drawn = async (theme: object): Promise<string> => {
      let seen = '';
      const png = (svg: string) => {
        seen = svg;
        return Promise.resolve(new Uint8Array());
      };
      await renderFile({ is: 'chart', section: 0, ...theme }, { report, subject: { run: sampleRun({ report }) }, png });
      return seen;
    };
    const light = await drawn({});
    expect(await drawn({ theme: 'light' })).toBe(light);
    expect(await drawn({ theme: 'dark' })).not.toBe(light);
  });

  it('have names that no two of them share, whatever letters they are written in', () => {
    const report = makeReport({
      sections: [table('Orders'), table('orders'), table('Orders 2')],
      attachments: [blob('ORDERS.csv')],
    });
    expect(namesOf(report, ['csv', 'csv'])).toEqual(['ORDERS.csv', 'orders-2.csv', 'orders-3.csv', 'orders-2-2.csv']);
  });

  it.each([
    ['../../etc/passwd', 'etc-passwd.csv'],
    ['-rf *', 'rf.csv'],
    ['CON', 'report-con.csv'],
    ['.hidden\u202egnp', 'hiddengnp.csv'],
    ['売上 W47', '売上-w47.csv'],
    ['!!!', 'report.csv'],
    ['x'.repeat(120), `${'x'.repeat(60)}.csv`],
  ])('have plain names: %j is %s', (title, name) => {
    expect(namesOf(makeReport({ sections: [table(title)] }), ['csv'])).toEqual([name]);
  });

  it('are the same bytes whenever they are made', async () => {
    const about = { report: sampleReport(), subject: { run: sampleRun() }, png: () => Promise.resolve(Buffer.of(1)) };
    for (const format of ['html', 'md', 'txt', 'json'] as const) {
      const one = await renderFile({ is: 'report', format }, about);
      expect(one.length).toBeGreaterThan(100);
      expect(await renderFile({ is: 'report', format }, about)).toEqual(one);
    }
  });

  it('are drawn twice as large as they are shown when they are charts, and nothing else is drawn', async () => {
    const drawn: number[] = [];
    const png = (svg: string, width: number): Promise<Uint8Array> => {
      expect(svg).toContain('All of it is A.');
      drawn.push(width);
      return Promise.resolve(Buffer.of(1));
    };
    const segments = [{ label: 'A', value: 1 }];
    const report = makeReport({
      sections: [{ kind: 'chart', alt: 'All of it is A.', chart: { type: 'pie', segments } }, table('T')],
    });
    const about = { report, subject: { run: sampleRun() }, png };
    await renderFile({ is: 'chart', section: 0 }, about);
    expect(drawn).toEqual([1200]);
    expect(Buffer.from(await renderFile({ is: 'table', section: 1 }, about)).toString()).toBe('\ufeffA\r\nx\r\n');
    await expect(renderFile({ is: 'chart', section: 1 }, about)).rejects.toThrow(RangeError);
    await expect(renderFile({ is: 'table', section: 7 }, about)).rejects.toThrow(RangeError);
  });
});

describe('a report as JSON', () => {
  it('is the same report when it is read again, and ends with a newline', () => {
    const text = renderJson(sampleReport());
    expect(text.endsWith('}\n')).toBe(true);
    expect(Report.parse(JSON.parse(text))).toEqual(sampleReport());
    expect(renderJson(Report.parse(JSON.parse(text)))).toBe(text);
  });
});
