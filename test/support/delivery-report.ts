import { Notice } from '../../src/store/notice-records.ts';
import { Run } from '../../src/store/records.ts';
import { Report } from '../../src/store/report.ts';
import type { ReportInput } from '../../src/store/report.ts';

const AT = '2026-11-23T09:00:00.000Z';

/** A run as the store would hand it over; override what a test is about. */
export function sampleRun(over: Partial<Run> = {}): Run {
  return Run.parse({
    v: 1,
    id: 'run_01k9zzzzzzzzzzzzzzzzzzzz8d',
    rev: 3,
    job: 'weekly-merchandising',
    kind: 'function',
    queue: 'weekly-merchandising',
    state: 'completed',
    trigger: 'slack',
    actor: { kind: 'slack', id: 'U0ANA', name: 'ana' },
    priority: 0,
    policy: { maxAttempts: 3, timeoutMs: 600_000, backoff: { baseMs: 1_000, maxMs: 60_000 } },
    input: {},
    createdAt: AT,
    updatedAt: AT,
    runAt: AT,
    startedAt: AT,
    finishedAt: '2026-11-23T09:00:04.200Z',
    fence: 1,
    attemptsUsed: 1,
    attempts: [],
    deliveries: [],
    ...over,
  });
}

/** A notice as the store would hand it over. */
export function sampleNotice(over: Partial<Notice> = {}): Notice {
  return Notice.parse({
    v: 1,
    id: 'ntc_01k9zzzzzzzzzzzzzzzzzzn7ce',
    key: 'incident weekly-report 1',
    kind: 'incident',
    schedule: 'weekly-report',
    createdAt: AT,
    report: makeReport({ title: 'weekly-report failed 3 times', summary: 'No such sheet.', status: 'failed' }),
    deliveries: [],
    ...over,
  });
}

/** A report with its defaults. */
export function makeReport(input: Partial<ReportInput> = {}): Report {
  return Report.parse({ title: 'Weekly report', summary: 'All is well.', ...input });
}

/** A report with every element that a renderer knows. */
export function sampleReport(): Report {
  return makeReport({
    title: 'Weekly merchandising — W47 (16–22 Nov 2026)',
    summary:
      'Revenue is up 9.5% on last week, led by outerwear. Two best sellers will be out of stock before Friday; reorder today.',
    status: 'partial',
    generatedAt: AT,
    warnings: ['Ad spend for 22 Nov was not available when the report ran.'],
    url: 'https://bellhop.example/r/47',
    sources: [
      { title: 'Orders', url: 'https://shop.example/admin/orders?week=47&sort=desc', asOf: '2026-11-23T08:55:00.000Z' },
      { title: 'Stock count' },
    ],
    sections: [
      {
        kind: 'figures',
        figures: [
          { label: 'Net revenue', value: 55_930, display: '$55,930', delta: { value: 9.5, versus: 'W46' } },
          { label: 'Average order', value: 84.1, display: '$84.10', delta: { value: -2.1, versus: 'W46' } },
          {
            label: 'Return rate',
            value: 6.2,
            display: '6.2%',
            delta: { value: -0.8, unit: 'percentage_point', versus: 'W46', good: 'down' },
          },
        ],
      },
      {
        kind: 'markdown',
        title: 'Recommendations',
        markdown: [
          '1. [Reorder Canvas Tote & Strap (12 left, 2 days of cover)](https://shop.example/p/BAG-0042) (≈ $5.9k at risk)  ',
          '   Sold 176 last week; supplier lead time is 9 days.',
          '2. **Reorder Wool Overcoat in M and L** (≈ $2.1k at risk)',
          '3. **End the Merino Crew discount** (+ $0.9k margin)',
        ].join('\n'),
      },
      {
        kind: 'markdown',
        title: 'Top products',
        priority: 'detail',
        markdown: [
          '| Product | SKU | Units | Revenue | vs W46 |',
          '|---|---|---:|---:|---:|',
          '| [Alpine Shell Jacket](https://shop.example/p/OUT-1041) | OUT-1041 | 132 | $18,216 | +14.2% |',
          '| Trail Runner GTX | FTW-2207 | 118 | $14,042 | +9.1% |',
          '| 売上 Beanie 🎉 | ACC-0901 | 241 | $5,302 | +5.0% |',
        ].join('\n'),
      },
      {
        kind: 'markdown',
        title: 'Notes',
        priority: 'detail',
        markdown: [
          'Traffic from **organic search** rose 12% ([dashboard](https://bi.example/d/9)). <!channel> <@U123> must *not* ping.',
          '',
          '- Paid social: flat',
          '  - CPM up 8%, **CTR** up 11%',
          '- Email: 3 sends, 1 delayed',
          '- [x] `bellhop runs show` checked',
          '',
          '> Black Friday starts on 27 November.',
          '',
          '```',
          'select sum(total) from orders',
          '```',
          '',
          '売上は前週比9.5%増でした。 مرحبا بالعالم 🎉',
        ].join('\n'),
      },
    ],
  });
}
