import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  ANALYSIS,
  BY_MODEL,
  DAY,
  NOW,
  RUN,
  SALES,
  WEEK,
  bookOf,
  entryOf,
  jobOf,
  partsOf,
  rowOf,
} from '../../support/agent-words.ts';
import type { NewFact } from '../../../src/runner/agent-job.ts';
import { adviceKey } from '../../../src/runner/kinds/agent/report/advice.ts';
import type { HouseAnswer } from '../../../src/runner/kinds/agent/answer/answer.ts';
import { compose } from '../../../src/runner/kinds/agent/report/compose.ts';
import { createFactBook } from '../../../src/runner/kinds/agent/facts.ts';
import { MemoryEntry } from '../../../src/store/memory-records.ts';
import { Report } from '../../../src/store/report.ts';

type Parts = Parameters<typeof partsOf>[0];

function composed(changes: Parts = {}) {
  const made = compose(partsOf(changes));
  const report = Report.parse(made.report);
  const section = (title: string) => report.sections.find((one) => one.title?.startsWith(title) === true);
  const text = (title: string) => {
    const found = section(title);
    return found?.kind === 'markdown' ? found.markdown : undefined;
  };
  const actions = report.sections.flatMap((one) => (one.kind === 'actions' ? one.items : []));
  const figures = report.sections.flatMap((one) => (one.kind === 'figures' ? one.figures : []));
  return { ...made, report, section, text, actions, figures, method: text('How this was made') ?? '' };
}

const answerOf = (changes: Partial<HouseAnswer> = {}): HouseAnswer => ({
  headline: 'A good week: {{F1}}',
  summary: 'Refunds are down.',
  findings: [],
  recommendations: [],
  ...changes,
});
const finding = (text: string, id: string | null = null): HouseAnswer['findings'][number] => ({
  text,
  confidence: 'high',
  targetType: id === null ? null : 'product',
  targetId: id,
});
const recommendation = (
  changes: Partial<HouseAnswer['recommendations'][number]> = {},
): HouseAnswer['recommendations'][number] => ({
  action: 'restock',
  targetId: '4711',
  title: 'Order more of the Linen shirt',
  why: '{{F9}} are left',
  impact: null,
  confidence: 'high',
  repeatReason: null,
  ...changes,
});
const byModel = (answer: HouseAnswer, changes: Parts = {}) => composed({ answer, account: BY_MODEL, ...changes });

describe('figures only', () => {
  const { report, figures, actions, text, entry, lint, method, changed } = composed();

  test('the title is the job and its period, the summary the headline and a sentence', () => {
    expect(report).toMatchObject({
      title: 'Weekly merchandising · 16–22 Nov 2026',
      summary:
        'Revenue reached $18,236, +12.3% against the week before. The Linen shirt sells out in 3 days unless it is reordered.',
      status: 'ok',
      period: WEEK,
      timeZone: 'Europe/Berlin',
      generatedAt: '2026-11-23T08:00:00.000Z',
      cost: { ms: 1840 },
      warnings: [],
    });
    expect(report.sections.map(({ title }) => title)).toEqual([
      undefined,
      'Since the last report',
      'What we found',
      'What to do',
      'How this was made',
    ]);
  });
  test('the strip has figures as people read them, with their change and its good direction', () => {
    expect(figures).toEqual([
      {
        label: 'Revenue',
        value: 18_235.5,
        display: '$18,236',
        delta: { value: 12.3, unit: 'percent', versus: 'week before', good: 'up' },
        spark: [4, 6, 5, 9],
      },
      {
        label: 'Orders',
        value: 284,
        display: '284',
        delta: { value: 13.6, unit: 'percent', versus: 'week before', good: 'up' },
      },
      { label: 'Average order', value: 64.21, display: '$64.21' },
      {
        label: 'Refund rate',
        value: 3.14,
        display: '3.1%',
        delta: { value: -1.4, unit: 'percentage_point', versus: 'week before', good: 'down' },
      },
    ]);
  });
  test('findings have their confidence, and advice the key of its row', () => {
    expect(text('What we found')).toBe(
      '- The Linen shirt has 41 left, which is 3 days of sales.\n' +
        '- The Denim jacket has not sold for 74 days; $2,310 is bound in it. *(medium confidence)*',
    );
    expect(actions).toEqual([
      {
        title: 'Reorder the Linen shirt today',
        why: '41 are left, enough for 3 days.',
        impact: 'keeps the best seller in stock',
        advice: { runId: RUN, key: adviceKey('restock', 'product', '4711') },
      },
      {
        title: 'Mark down the Denim jacket',
        why: 'Nothing was sold for 74 days. Confidence: medium.',
        impact: 'frees $2,310',
        advice: { runId: RUN, key: adviceKey('mark_down', 'product', '4712') },
      },
    ]);
  });
  test('the method says that no model was asked, and that each fact can be traced', () => {
    expect(method).toContain(String.raw`Figures only: no ANTHROPIC\_API\_KEY is set`);
    expect(method).toContain('12 facts found, 11 shown here');
    expect(report.sections.at(-1)).toMatchObject({ priority: 'detail' });
    expect(report.sources).toEqual([
      { title: 'Sales summary, 16–22 Nov 2026', asOf: '2026-11-23T08:00:00.000Z' },
      { title: 'Inventory risk', asOf: '2026-11-23T08:00:00.000Z' },
    ]);
  });
  test('what is remembered is headline, figures and advice with the facts that it rests on', () => {
    expect(MemoryEntry.parse(entry)).toMatchObject({
      job: 'weekly-merchandising',
      runId: RUN,
      at: '2026-11-23T08:00:00.000Z',
      headline: 'Revenue reached $18,236, +12.3% against the week before',
      kpis: [
        { key: 'sales.revenue', value: 18_235.5 },
        { key: 'sales.orders' },
        { key: 'sales.aov' },
        { key: 'sales.refund_rate' },
      ],
      advice: [
        {
          action: 'restock',
          targetId: '4711',
          title: 'Reorder the Linen shirt today',
          status: 'open',
          // oxlint-disable-next-line unicorn/no-thenable -- a list, which nothing can call
          then: [
            { key: 'product.4711.stock', value: 41 },
            { key: 'product.4711.days_of_cover', value: 3 },
          ],
        },
        { action: 'mark_down', targetId: '4712' },
      ],
    });
    expect(lint).toEqual([]);
    expect(changed).toEqual([]);
  });
});

describe('since the last report', () => {
  test('the first report says that it is one', () => {
    expect(composed().text('Since')).toBe(
      'This is the first report. The next one says what changed, and what became of the advice.',
    );
  });
  test('figures that moved materially are told with what they were; the others are not', () => {
    const { text, section } = composed({ memory: [entryOf(7)] });
    expect(section('Since')?.title).toBe('Since the last report (Nov 16, 2026)');
    expect(text('Since')).toBe('- Revenue: $18,236, was $16,590 (+9.9%)\n- Refund rate: 3.1%, was 4.6% (-1.5 pp)');
  });
  test('nothing that moved is said in one sentence', () => {
    const kpis = entryOf(7).kpis.map((kpi) => ({
      ...kpi,
      value: SALES.find(({ key }) => key === kpi.key)?.value ?? null,
    }));
    expect(composed({ memory: [entryOf(7, { kpis })] }).text('Since')).toBe('No key figure moved by more than 5%.');
  });
  test('other units and currencies are not compared', () => {
    const kpis = entryOf(7).kpis.map((kpi) => ({ ...kpi, currency: 'EUR' }));
    expect(composed({ memory: [entryOf(7, { kpis })] }).section('Since')).toBeUndefined();
  });
  test('sums over another number of days are not compared, and the report says so', () => {
    const window = { from: '2026-11-16', to: '2026-11-22', label: 'last 7 days' };
    const book = createFactBook();
    book.add(
      SALES.map((fact) => ({ ...fact, window })),
      { tool: 'sales_summary', query: '{"days":7}' },
    );
    const kpis = entryOf(7).kpis.map((kpi) => ({ ...kpi, days: 14 }));
    const analysis = { ...ANALYSIS, findings: [], advice: [] };
    const { text, entry } = composed({ book, analysis, memory: [entryOf(7, { kpis })] });
    expect(text('Since')).toBe('Not compared: this report speaks of 7 days, the last one of 14 days.');
    expect(entry.kpis.map(({ days }) => days)).toEqual([7, 7, 7, 7]);
  });
  test('from nothing is no percentage', () => {
    const kpis = [{ key: 'sales.orders', label: 'Orders', value: 0, unit: 'count' as const }];
    expect(composed({ memory: [entryOf(7, { kpis })] }).text('Since')).toBe('- Orders: 284, was 0');
  });
  test('at most six figures are told, and the rest is counted', () => {
    const book = createFactBook();
    const facts = Array.from({ length: 9 }, (_, at): NewFact => ({
      key: `a.k${at}`,
      label: `K${at}`,
      value: 10,
      unit: 'count',
    }));
    book.add(facts, { tool: 'x', query: '' });
    const kpis = facts.map(({ key, label, unit }) => ({ key, label, unit, value: 5 }));
    const analysis = {
      ...ANALYSIS,
      headline: 'x',
      summary: 'y',
      findings: [],
      advice: [],
      figures: facts.map(({ key }) => ({ fact: key })),
    };
    const lines = composed({ book, analysis, memory: [entryOf(7, { kpis })] })
      .text('Since')
      ?.split('\n');
    expect(lines).toHaveLength(7);
    expect(lines?.at(-1)).toBe('- and 3 more');
  });
  test('a job without memory neither compares nor follows nor asks', () => {
    const { section, actions, changed } = composed({
      job: jobOf({ memory: undefined, followUp: () => ({ status: 'done', note: '' }) }),
      memory: [entryOf(7, { advice: [rowOf()] })],
    });
    expect(section('Since')).toBeUndefined();
    expect(section('What became')).toBeUndefined();
    expect(actions.every(({ advice }) => advice === undefined)).toBe(true);
    expect(changed).toEqual([]);
  });
});

describe('earlier advice', () => {
  const ago = (days: number) => new Date(NOW - days * DAY).toISOString();
  test('is counted, and what was done since the last report or is open is told', () => {
    const memory = [
      entryOf(7, { advice: [rowOf({ id: '4712', action: 'mark_down', title: 'Mark down *it*' })] }),
      entryOf(14, {
        advice: [
          rowOf({ id: '1', title: 'Done lately', status: 'done', statusAt: ago(2), note: 'Well sold.' }),
          rowOf({ id: '2', title: 'Done long ago', status: 'done', statusAt: ago(10) }),
          rowOf({ id: '3', title: 'Never', status: 'dismissed', statusAt: ago(10) }),
        ],
      }),
    ];
    expect(composed({ memory }).text('What became')).toBe(
      '1 open, 2 done, 1 set aside.\n\n- **Done:** Done lately. Well sold.\n' +
        String.raw`- **Open since Nov 16, 2026:** Mark down \*it\*.`,
    );
  });
  test('that code sees done is done in every report that has it, and is told', () => {
    const job = jobOf({
      followUp: (row) =>
        row.targetId === '9' ? { status: 'done', note: '{{product.4711.stock}} came in.' } : undefined,
    });
    const memory = [
      entryOf(7, { advice: [rowOf({ id: '9' }), rowOf({ id: '8' })] }),
      entryOf(14, { advice: [rowOf({ id: '9' })] }),
      entryOf(21, { advice: [rowOf({ id: '8' })] }),
    ];
    const { changed, text } = composed({ job, memory });
    expect(changed.map(({ runId }) => runId)).toEqual([memory[0]?.runId, memory[1]?.runId]);
    for (const entry of changed)
      expect(MemoryEntry.parse(entry).advice[0]).toMatchObject({
        status: 'done',
        statusAt: '2026-11-23T08:00:00.000Z',
        note: '41 came in.',
      });
    expect(changed[0]?.advice[1]).toEqual(rowOf({ id: '8' }));
    expect(text('What became')).toContain('- **Done:** Reorder the Linen shirt today. 41 came in.');
  });
  test('that was put off until lately is open again, once in the report, and done when code sees it', () => {
    const row = rowOf({ status: 'dismissed', statusAt: ago(30), until: ago(2), by: { kind: 'slack', id: 'U0ANA' } });
    const memory = [entryOf(35, { advice: [row] })];
    const again = composed({ memory });
    expect(again.actions.map(({ title }) => title)).toContain('Reorder the Linen shirt today');
    expect(again.text('What became')).toBe('1 open.');
    const done = composed({ memory, job: jobOf({ followUp: () => ({ status: 'done', note: 'It came in.' }) }) });
    expect(done.text('What became')).toBe('0 open, 1 done.\n\n- **Done:** Reorder the Linen shirt today. It came in.');
    const [kept] = done.changed[0]?.advice ?? [];
    expect(kept).toMatchObject({ status: 'done', note: 'It came in.' });
    expect(kept).not.toHaveProperty('until');
    expect(kept).not.toHaveProperty('by');
  });
  test('that is open has the note of today', () => {
    const job = jobOf({ followUp: () => ({ status: 'open', note: 'It has {{product.4711.days_of_cover}} left.' }) });
    const { text, changed } = composed({ job, memory: [entryOf(7, { advice: [rowOf()] })] });
    expect(text('What became')).toContain('It has 3 days left.');
    expect(changed).toEqual([]);
  });
  test('of a note that breaks the rules only the state is told', () => {
    const job = jobOf({ followUp: () => ({ status: 'done', note: 'See http://evil.example' }) });
    const { text, lint, changed } = composed({ job, memory: [entryOf(7, { advice: [rowOf()] })] });
    expect(text('What became')).toBe('0 open, 1 done.\n\n- **Done:** Reorder the Linen shirt today.');
    expect(lint).toEqual(['followUp of restock: a link or an address']);
    expect(changed[0]?.advice[0]).not.toHaveProperty('note');
  });
  test('that the job stumbles over is as it was', () => {
    const followUp = () => {
      throw new Error('no such row');
    };
    const { text, lint } = composed({ job: jobOf({ followUp }), memory: [entryOf(7, { advice: [rowOf()] })] });
    expect(text('What became')).toContain('1 open.');
    expect(lint).toContain('followUp of restock product failed: no such row');
  });
  test('of which there is much is cut, and counted', () => {
    const advice = Array.from({ length: 20 }, (_, at) => rowOf({ id: String(at) }));
    expect(composed({ memory: [entryOf(7, { advice })] }).text('What became')).toMatch(
      /^20 open\.\n\n(?:- \*\*Open.*\n){8}- and 12 more$/,
    );
  });
  test('is not said again by code, and that is noted', () => {
    const { actions, method, entry } = composed({ memory: [entryOf(7, { advice: [rowOf()] })] });
    expect(actions.map(({ title }) => title)).toEqual(['Mark down the Denim jacket']);
    expect(entry.advice).toHaveLength(1);
    expect(method).toContain('1 piece of advice from earlier reports was not repeated');
  });
  test('that code sees done today is not given again today, by code or by model', () => {
    const job = jobOf({ followUp: () => ({ status: 'done', note: '' }) });
    const memory = [entryOf(7, { advice: [rowOf()] })];
    const { actions } = byModel(answerOf({ recommendations: [recommendation({ repeatReason: 'worse' })] }), {
      job,
      memory,
    });
    expect(actions).toEqual([]);
  });
});

describe('with a model', () => {
  test('its words come first', () => {
    const { report, text, actions, method } = byModel(
      answerOf({
        findings: [finding('Stock is {{F10}}', '4711')],
        recommendations: [recommendation({ impact: 'safe' })],
      }),
    );
    expect(report.summary).toBe('A good week: $18,236. Refunds are down.');
    expect(report.cost).toEqual({ model: 'claude-sonnet-5-5', microUsd: 48_200, ms: 41_200 });
    expect(text('What we found')).toBe('- Stock is 41');
    expect(actions).toMatchObject([
      { title: 'Order more of the Linen shirt', why: '3 days are left.', impact: 'safe' },
    ]);
    expect(method).toContain('Worded by claude-sonnet-5-5; every figure was filled in');
  });
  test('what code is sure of stays in, whatever the model leaves out', () => {
    const { text, actions } = byModel(answerOf({ findings: [finding('{{F1}} came in')] }));
    expect(text('What we found')?.split('\n')).toEqual([
      '- $18,236 came in',
      '- The Linen shirt has 41 left, which is 3 days of sales.',
    ]);
    expect(actions.map(({ title }) => title)).toEqual(['Reorder the Linen shirt today']);
  });
  test('five claims of a model make room for what code is sure of', () => {
    const findings = Array.from({ length: 5 }, () => finding('{{F1}} came in'));
    const lines = byModel(answerOf({ findings })).text('What we found')?.split('\n');
    expect(lines).toHaveLength(5);
    expect(lines?.at(-1)).toContain('Linen shirt');
  });
  test('the words of code stand where the model has none left, and what was left out is told without its words', () => {
    const { report, method } = byModel(answerOf({ headline: '', summary: '' }), {
      lint: ['headline: a number that is not a fact'],
    });
    expect(report.summary).toMatch(/^Revenue reached \$18,236/);
    expect(method).toContain('Left out or mended by the checks: headline: a number that is not a fact.');
  });
  test('a repetition says why', () => {
    const { actions } = byModel(
      answerOf({ recommendations: [recommendation({ repeatReason: 'cover fell to {{F9}}' })] }),
      {
        memory: [entryOf(7, { advice: [rowOf()] })],
      },
    );
    expect(actions[0]?.why).toBe('3 days are left. Again, because: cover fell to 3 days.');
  });
  test('the same advice twice is given once', () => {
    const { actions } = byModel(answerOf({ recommendations: [recommendation(), recommendation({ title: 'Twice' })] }));
    expect(new Set(actions.map(({ advice }) => advice?.key)).size).toBe(actions.length);
  });
  test('an unknown price is no price', () => {
    expect(byModel(answerOf(), { account: { ...BY_MODEL, microUsd: null } }).report.cost).toEqual({
      model: 'claude-sonnet-5-5',
      ms: 41_200,
    });
  });
});

describe('confidence is capped by code', () => {
  const first = (changes: Parts) =>
    byModel(answerOf({ findings: [finding('{{F1}} came in'), finding('{{F10}} left', '4711')] }), changes).text(
      'What we found',
    );
  test('where data of the tool is missing', () => {
    const text = first({ outputs: { sales_summary: { gaps: ['only the newest 2,000 orders were read'] } } });
    expect(text).toBe('- $18,236 came in *(medium confidence: some of the data is missing)*\n- 41 left');
  });
  test('where the last call of the tool failed', () => {
    const calls = [
      { name: 'sales_summary', by: 'code' as const, state: 'ok' as const, ms: 1 },
      { name: 'sales_summary', by: 'model' as const, state: 'failed' as const, ms: 1 },
    ];
    expect(first({ calls })).toContain('came in *(medium confidence: some of the data is missing)*');
  });
  const fewOrders = () => {
    const book = bookOf();
    book.add([{ key: 'sales.orders', label: 'Orders', value: 9, unit: 'count' }], {
      tool: 'sales_summary',
      query: 'other',
      window: WEEK,
    });
    return book;
  };
  test('where there were fewer than ten orders in those days', () => {
    expect(first({ book: fewOrders() })).toBe('- $18,236 came in *(low confidence: fewer than 10 orders)*\n- 41 left');
    const { actions } = byModel(answerOf({ recommendations: [recommendation({ why: '{{F1}}' })] }), {
      book: fewOrders(),
    });
    expect(actions[0]?.why).toBe('$18,236. Confidence: low: fewer than 10 orders.');
  });
  test('but how many orders there were is sure', () => {
    const book = fewOrders();
    const last = `{{F${book.all().length}}} came in`;
    const text = byModel(answerOf({ findings: [finding(last)] }), { book }).text('What we found');
    expect(text).toContain('- 9 came in');
  });
});

describe('honesty', () => {
  const failed = {
    name: 'active_discounts',
    by: 'code' as const,
    state: 'failed' as const,
    ms: 3,
    error: 'THROTTLED, see https://evil.example *now*',
  };
  const ok = { name: 'sales_summary', by: 'code' as const, state: 'ok' as const, ms: 3 };
  test('a tool that failed makes the report partial, and is told with its error', () => {
    const { report, method } = composed({ calls: [ok, failed] });
    expect(report).toMatchObject({
      status: 'partial',
      warnings: ['Active discounts failed: THROTTLED, see (link removed) *now*. What it would have told is missing.'],
    });
    expect(method).toContain(String.raw`Active discounts failed (THROTTLED, see (link removed) \*now\*)`);
    expect(report.sources.map(({ title }) => title)).toEqual(['Sales summary, 16–22 Nov 2026']);
  });
  test('a tool that failed first and answered then is no failure', () => {
    const { report, method } = composed({ calls: [{ ...ok, state: 'failed' }, ok] });
    expect(report).toMatchObject({ status: 'ok', warnings: [] });
    expect(method).toContain('Sales summary (after 1 failed call, 1 good)');
  });
  test('a report that was cut short says so, and by what', () => {
    const { report, method } = byModel(answerOf(), { account: { ...BY_MODEL, cutShort: true, why: 'budget_usd' } });
    expect(report).toMatchObject({
      status: 'partial',
      warnings: [expect.stringMatching(/^Cut short: the limit on money was reached/)],
    });
    expect(method).toContain('cut short by the limit on money');
  });
  test('gaps are told, each once, at most ten', () => {
    const { method } = composed({
      gaps: ['a *gap*', 'a *gap*', ...Array.from({ length: 20 }, (_, at) => `gap ${at}`)],
    });
    expect(method).toContain(String.raw`- Missing: a \*gap\*.`);
    expect(method.match(/^- Missing/gm)).toHaveLength(10);
    expect(method).toContain('- and 11 more gaps');
  });
  test('claims of code that break the rules are left out, and noted', () => {
    const analysis = {
      ...ANALYSIS,
      headline: 'Up 14%',
      findings: [...ANALYSIS.findings, { key: 'bad', text: 'See https://evil.example', confidence: 'high' as const }],
      advice: ANALYSIS.advice.map((one) => ({ ...one, action: 'close_shop' })),
    };
    const { report, actions, lint, text } = composed({ analysis });
    expect(actions).toEqual([]);
    expect(text('What we found')).not.toContain('evil');
    expect(report.summary).toMatch(/^11 figures found; nobody has judged them\. The Linen shirt/);
    expect(lint).toEqual([
      'advice close_shop product: an action that the job does not have',
      'finding bad: a link or an address',
      'finding bad: it rests on no fact',
      'headline: a number that is not a fact',
    ]);
  });
});

describe('little to say', () => {
  test('a quiet report has its figures, one line and what is open', () => {
    const analysis = { ...ANALYSIS, headline: 'A quiet week', summary: 'Nothing moved.', quiet: true };
    const { report, text, entry, method } = composed({
      analysis,
      account: { mode: 'figures', why: 'quiet', cutShort: false, microUsd: 0, ms: 9 },
      memory: [
        entryOf(7, { advice: [rowOf(), rowOf({ id: '5', status: 'done', statusAt: new Date(NOW).toISOString() })] }),
      ],
    });
    expect(report.summary).toBe('A quiet week. Nothing moved.');
    expect(report.sections.map(({ title, kind }) => title ?? kind)).toEqual([
      'figures',
      'What became of earlier advice',
      'How this was made',
    ]);
    expect(text('What became')).toBe(
      '1 open, 1 done.\n\n- **Open since Nov 16, 2026:** Reorder the Linen shirt today.',
    );
    expect(method).toContain('Nothing material has changed, so the model was not asked.');
    expect(entry.advice).toEqual([]);
    expect(entry.kpis).toHaveLength(4);
  });
  test('an empty shop has a sentence instead of a wall of n/a', () => {
    const book = createFactBook();
    book.add(
      SALES.map((fact) => ({ ...fact, value: fact.unit === 'count' ? 0 : null })),
      { tool: 'sales_summary', query: '', window: WEEK },
    );
    const analysis = {
      ...ANALYSIS,
      headline: '',
      summary: '',
      findings: [],
      advice: [],
      figures: [{ fact: 'sales.revenue' }, { fact: 'sales.aov' }, { fact: 'nothing' }],
    };
    const { report } = composed({ book, analysis });
    expect(report.summary).toBe('There is nothing to report yet: the tools found no figures for this period.');
    expect(JSON.stringify(report)).not.toMatch(/NaN|n\/a|Infinity|undefined/);
    expect(report.sections.map(({ kind }) => kind)).not.toContain('figures');
  });
  test('nothing at all is a report as well', () => {
    const { report } = composed({ book: createFactBook(), analysis: undefined });
    expect(report.title).toBe('Weekly merchandising · Nov 23, 2026');
    expect(report.sections.map(({ title }) => title)).toEqual(['How this was made']);
  });
  test('a job without judgement shows what was found', () => {
    const { section, report } = composed({ analysis: undefined });
    expect(report.summary).toBe('11 figures found; nobody has judged them.');
    expect(section('Figures')).toMatchObject({
      kind: 'table',
      rows: expect.arrayContaining([{ label: 'Revenue', value: '$18,236' }]),
    });
  });
  test('a change without measure is a number all the same', () => {
    const book = createFactBook();
    book.add(
      SALES.map((fact) => (fact.key === 'sales.change.revenue' ? { ...fact, value: 1e308 } : fact)),
      { tool: 'sales_summary', query: '' },
    );
    expect(composed({ book }).figures[0]?.delta).toMatchObject({ value: 1e308 });
  });
  test('a delta against nothing is none', () => {
    const book = createFactBook();
    book.add(
      SALES.map((fact) => (fact.key === 'sales.previous.orders' ? { ...fact, value: 0 } : fact)),
      { tool: 'sales_summary', query: '' },
    );
    expect(composed({ book }).figures[1]).toEqual({ label: 'Orders', value: 284, display: '284' });
  });
});

describe('sections of the job', () => {
  const table = {
    kind: 'table' as const,
    caption: 'Best of {{sales.revenue}}',
    columns: [{ key: 'a', label: 'A' }],
    rows: [{ a: '{{sales.revenue}}' }],
  };
  test('stand before the method; their words have facts in them, their data stays data', () => {
    const { report } = composed({
      analysis: { ...ANALYSIS, sections: [table, { kind: 'markdown', title: 'Of {{F1}}', markdown: '**{{F1}}**' }] },
    });
    expect(report.sections.slice(-3)).toMatchObject([
      { caption: 'Best of $18,236', rows: [{ a: '{{sales.revenue}}' }] },
      { title: 'Of $18,236', markdown: '**$18,236**' },
      { title: 'How this was made' },
    ]);
  });
  test('that are not valid are left out, and noted', () => {
    const bad = { ...table, columns: [] };
    const { lint, report } = composed({
      analysis: { ...ANALYSIS, sections: [bad, { ...table, id: 'x' }, { ...table, id: 'x' }] },
    });
    expect(lint).toEqual([
      expect.stringMatching(/^section 1 of the job was left out/),
      'section 3 of the job was left out: its id is used twice',
    ]);
    expect(report.sections.filter(({ kind }) => kind === 'table')).toHaveLength(1);
  });
  test('are at most thirty', () => {
    const { report, lint } = composed({ analysis: { ...ANALYSIS, sections: Array.from({ length: 50 }, () => table) } });
    expect(report.sections.filter(({ kind }) => kind === 'table')).toHaveLength(30);
    expect(lint).toContain('the job made 50 sections; at most 30 are shown');
  });
});

describe('a report of the job', () => {
  const job = jobOf({
    output: {
      schema: z.object({ mood: z.string() }),
      report: ({ mood }, evidence) => ({
        title: `A ${String(mood)} day`,
        summary: 'It brought {{F1}}',
        status: 'ok',
        warnings: ['Only {{sales.orders}} were seen'],
        sections: [
          {
            kind: 'table',
            caption: 'Facts',
            columns: [{ key: 'a', label: 'A' }],
            rows: [{ a: `${evidence.facts.length} and {{F2}}` }],
          },
        ],
      }),
    },
  });
  test('has its facts filled in, and what the house says of every report', () => {
    const { report, entry } = composed({
      job,
      answer: { mood: 'good' },
      account: { ...BY_MODEL, cutShort: true, why: 'max_turns' },
    });
    expect(report).toMatchObject({
      title: 'A good day',
      summary: 'It brought $18,236',
      status: 'partial',
      warnings: [expect.stringMatching(/^Cut short: the limit on turns/), 'Only 284 were seen'],
      sections: [{ rows: [{ a: '12 and 284' }] }, { title: 'How this was made', priority: 'detail' }],
      cost: { model: 'claude-sonnet-5-5' },
    });
    expect(entry).toMatchObject({ headline: 'A good day', advice: [] });
  });
  test('is that of the house where no model was asked', () => {
    expect(composed({ job }).report.title).toBe('Weekly merchandising · 16–22 Nov 2026');
  });
});
