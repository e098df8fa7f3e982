import { expect, test } from 'vitest';
import { normalise } from '../../src/runner/normalise.ts';

function reportOf(text: string) {
  const read = normalise('hello', { form: 'value', value: text });
  if (!read.ok) throw new Error(read.reason);
  return read.report;
}

test('one paragraph is the summary and is not said twice, whatever its emphasis', () => {
  expect(reportOf('Hello, **Ana**.')).toMatchObject({ summary: 'Hello, Ana.', sections: [] });
});

test.each(['See [the page](https://example.com).', 'Run `uptime` now.', 'It is at https://example.com today.'])(
  '%s keeps its body, which shows more than the summary can',
  (text) => {
    expect(reportOf(text).sections).toMatchObject([{ kind: 'markdown', markdown: text }]);
  },
);

const valueOf = (value: unknown) => normalise('hello', { form: 'value', value });

test('a list of flat objects is a table whose columns are its members, and its result', () => {
  const list = [
    { id: 1234, name: 'Ana', amount: 12.5, ok: true },
    { id: 5678, amount: -3, note: null },
  ];
  expect(valueOf(list)).toMatchObject({
    ok: true,
    result: list,
    report: {
      summary: 'hello returned a list of 2.',
      sections: [
        {
          kind: 'table',
          columns: [
            { label: 'id', type: 'text' },
            { label: 'name', type: 'text' },
            { label: 'amount', type: 'number' },
            { label: 'ok', type: 'text' },
            { label: 'note', type: 'text' },
          ],
          rows: [
            { c0: '1234', c1: 'Ana', c2: 12.5, c3: 'true', c4: null },
            { c0: '5678', c1: null, c2: -3, c3: null, c4: null },
          ],
        },
      ],
    },
  });
});

test.each([
  [[]],
  [[1, 2]],
  [[{ a: { b: 1 } }]],
  [[{ a: 1 }, 'x']],
  [[{}]],
  [[{ a: 'x'.repeat(4_001) }]],
  [[Object.fromEntries(Array.from({ length: 257 }, (_, n) => [`c${n}`, n]))]],
])('a list that is no table stays as it is written: %#', (list) => {
  expect(valueOf(list)).toMatchObject({ report: { sections: [{ kind: 'markdown', title: 'Result' }] }, result: list });
});

test('members may be called anything', () => {
  const read = valueOf(JSON.parse('[{"": 2, "constructor": "x"}]'));
  expect(read).toMatchObject({ report: { sections: [{ kind: 'table', rows: [{ c0: 2, c1: 'x' }] }] } });
});

test('a report may be larger than a result, and one that is too large says how large it may be', () => {
  const report = (chars: number) => ({
    title: 't',
    summary: 's',
    sections: [
      {
        kind: 'table',
        caption: 'Long texts',
        columns: [{ key: 'a', label: 'A' }],
        rows: Array.from({ length: chars / 4_000 }, () => ({ a: 'x'.repeat(4_000) })),
      },
    ],
  });
  expect(valueOf(report(1_500_000)).ok).toBe(true);
  expect(valueOf({ report: report(1_500_000), result: 1 })).toMatchObject({ ok: true, result: 1 });
  const reason = expect.stringMatching(/more than 2000000; put what is large into an attachment/) as string;
  expect(valueOf(report(2_100_000))).toMatchObject({ ok: false, reason });
  expect(valueOf({ report: report(100_000), result: 'x'.repeat(1_100_000) })).toMatchObject({ ok: false });
});

test('what is wrong inside of a choice is named where it is', () => {
  const columns = [{ key: 'a', label: 'A' }];
  const table = { kind: 'table', caption: 'c', columns, rows: [{ a: { text: 'x', href: 'javascript:1' } }] };
  expect(valueOf({ title: 't', summary: 's', sections: [table] })).toMatchObject({
    ok: false,
    issues: [{ path: 'sections.0.rows.0.a.href', message: 'must be an http, https or mailto address' }],
  });
});

test.each([
  ['a chart without words', { kind: 'chart' }, 'sections.0.alt'],
  ['a chart with hardly a word', { kind: 'chart', alt: 'Sales.' }, 'sections.0.alt'],
  ['a table without caption', { kind: 'table', columns: [{ key: 'a', label: 'A' }], rows: [] }, 'sections.0.caption'],
])('%s is no report: who sees no picture would have nothing', (_what, given, path) => {
  const chart = { type: 'pie', segments: [{ label: 'a', value: 1 }] };
  const read = valueOf({ title: 't', summary: 's', sections: [given.kind === 'chart' ? { ...given, chart } : given] });
  expect(read).toMatchObject({ ok: false, issues: [{ path }] });
});

test('one table has at most 100,000 cells', () => {
  const table = (columns: number, rows: number) => ({
    kind: 'table',
    caption: 'Large',
    columns: Array.from({ length: columns }, (_, at) => ({ key: `c${at}`, label: `C ${at}` })),
    rows: Array.from({ length: rows }, () => ({})),
  });
  const given = (columns: number, rows: number) =>
    valueOf({ title: 'T', summary: 'S', sections: [table(columns, rows)] });
  expect(given(10, 10_000).ok).toBe(true);
  expect(given(11, 9_091)).toMatchObject({ ok: false, reason: expect.stringContaining('at most 100000 cells') });
});

test('rows without values count as the cells they are drawn as, in all tables together', () => {
  const columns = Array.from({ length: 10 }, (_, at) => ({ key: `c${at}`, label: `C ${at}` }));
  const table = (rows: number) => ({
    kind: 'table',
    caption: 'Empty',
    columns,
    rows: Array.from({ length: rows }, () => ({})),
  });
  const given = (...rows: number[]) => valueOf({ title: 'T', summary: 'S', sections: rows.map(table) });
  expect(given(10_000, 10_000).ok).toBe(true);
  expect(given(10_000, 10_000, 1)).toMatchObject({
    ok: false,
    reason: expect.stringContaining('have 200010 cells and values together, more than 200000'),
  });
});

test('the values of charts count among the cells, and the markdown of all sections is bounded', () => {
  const chart = {
    kind: 'chart',
    alt: 'Everything that there is',
    chart: {
      type: 'line',
      categories: Array.from({ length: 400 }, (_, at) => `C${at}`),
      series: Array.from({ length: 12 }, (_, at) => ({ name: `S${at}`, values: Array.from({ length: 400 }, () => 1) })),
    },
  };
  const table = (rows: number) => ({
    kind: 'table',
    caption: 'One',
    columns: [{ key: 'a', label: 'A' }],
    rows: Array.from({ length: rows }, () => ({})),
  });
  const charts = Array.from({ length: 38 }, () => chart);
  const given = (rows: number) =>
    valueOf({ title: 'T', summary: 'S', sections: [...charts, table(rows), table(8_000)] });
  expect(given(9_600).ok).toBe(true);
  expect(given(9_601)).toMatchObject({ ok: false, reason: expect.stringContaining('have 200001 cells') });
  const markdown = { kind: 'markdown', markdown: 'a'.repeat(200_001) };
  expect(valueOf({ title: 'T', summary: 'S', sections: [markdown] }).ok).toBe(true);
  expect(valueOf({ title: 'T', summary: 'S', sections: [markdown, markdown] })).toMatchObject({
    ok: false,
    reason: expect.stringContaining('400002 characters, more than 400000'),
  });
});
