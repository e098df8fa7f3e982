import { describe, expect, test } from 'vitest';
import { FilePlan } from '../../src/render/file-plan.ts';
import { plainBlocks, rowsNote } from '../../src/render/sections.ts';
import { alignOf, chartRows, formatCell, formatShort, formatUnit } from '../../src/render/values.ts';
import { Column, Section } from '../../src/store/report-sections.ts';

const PLACE = { locale: 'en-US', timeZone: 'Europe/Berlin' };
const column = (more: object) => Column.parse({ key: 'k', label: 'K', ...more });

describe('cells', () => {
  test.each([
    [1204.5, { type: 'money', currency: 'USD' }, '$1,204.50'],
    [1204, { type: 'money', currency: 'USD' }, '$1,204'],
    [12.46, { type: 'percent' }, '12.5%'],
    [0.1 + 0.2, { type: 'number' }, '0.3'],
    [3, { type: 'number', digits: 2 }, '3.00'],
    ['2026-11-23', { type: 'date' }, 'Nov 23, 2026'],
    ['2026-11-22T23:30:00Z', { type: 'date' }, 'Nov 23, 2026'],
    ['no date', { type: 'date' }, 'no date'],
    [{ text: 'Shop', href: 'https://example.com' }, { type: 'link' }, 'Shop'],
    ['two\nlines', {}, 'two lines'],
    [null, { type: 'number' }, '–'],
    ['', {}, '–'],
  ])('%j as %j is %s', (cell, more, text) => {
    expect(formatCell(cell, column(more), PLACE)).toBe(text);
  });

  test('an unknown locale or zone is written as English and UTC', () => {
    expect(formatCell(1.5, column({ type: 'number' }), { locale: 'no such', timeZone: 'No/Where' })).toBe('1.5');
    expect(
      formatCell('2026-11-23T12:00:00Z', column({ type: 'date' }), { locale: 'en-US', timeZone: 'No/Where' }),
    ).toBe('Nov 23, 2026');
  });

  test('numbers stand to the right unless it is said otherwise', () => {
    expect([
      alignOf(column({ type: 'money' })),
      alignOf(column({})),
      alignOf(column({ type: 'number', align: 'left' })),
    ]).toEqual(['right', 'left', 'left']);
  });
});

test('values of charts carry their unit, and the short form has three digits', () => {
  expect(formatUnit(3047.7, '€', 'en-US')).toBe('€3,047.70');
  expect([formatUnit(55_930, '$', 'en-US'), formatUnit(-4.125, '%', 'en-US'), formatUnit(12, 'kg', 'de-DE')]).toEqual([
    '$55,930',
    '−4.13%',
    '12 kg',
  ]);
  expect([
    formatShort(55_930, '$', 'en-US'),
    formatShort(1_250_000, undefined, 'en-US'),
    formatShort(0, '$', 'en-US'),
  ]).toEqual(['$55.9k', '1.25M', '$0']);
});

test('a gap in a chart is a dash in its rows, and a pie says its shares', () => {
  const line = { type: 'line' as const, categories: ['a', 'b'], series: [{ name: 'x', values: [1, null] }] };
  expect(chartRows(line, 'en-US')).toEqual([
    ['', 'x'],
    ['a', '1'],
    ['b', '–'],
  ]);
  const pie = {
    type: 'pie' as const,
    segments: [
      { label: 'a', value: 1 },
      { label: 'b', value: 3 },
    ],
    unit: '€',
  };
  expect(chartRows(pie, 'en-US').slice(1)).toEqual([
    ['a', '€1', '25%'],
    ['b', '€3', '75%'],
  ]);
});

test('the plain form of a chart names its axes, and its unit also where no value carries it', () => {
  const section = (chart: object) =>
    Section.parse({ kind: 'chart', alt: 'Nothing was measured', chart: { type: 'line', categories: ['a'], ...chart } });
  const gap = [{ name: 'x', values: [null] }];
  expect(JSON.stringify(plainBlocks(section({ series: gap, unit: 'kWh' }), PLACE))).toContain('Value (kWh)');
  const named = { series: [{ name: 'x', values: [1] }], yLabel: 'Power', xLabel: 'Hour' };
  expect(JSON.stringify(plainBlocks(section(named), PLACE))).toContain('Power by Hour');
});

test('a table as plain blocks says how many rows it leaves out', () => {
  const table = Section.parse({
    kind: 'table',
    caption: 'Stock',
    columns: [{ key: 'n', label: 'N', type: 'number' }],
    rows: [{ n: 1 }, { n: 2 }, { n: 3 }],
  });
  expect(JSON.stringify(plainBlocks(table, PLACE, 2)[0])).toContain('2 of 3 rows');
  expect(rowsNote(3, 3)).toBeUndefined();
});

test('a file plan names where its bytes come from', () => {
  const plan = { name: 'a.csv', mediaType: 'text/csv', title: 'A', source: { is: 'table', section: 2 } };
  expect(FilePlan.parse(plan)).toEqual(plan);
  expect(FilePlan.safeParse({ ...plan, source: { is: 'path', path: '/etc/passwd' } }).success).toBe(false);
});
