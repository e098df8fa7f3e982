import { describe, expect, it } from 'vitest';
import { lateSentence } from '../../src/runner/late.ts';
import { contentHash, reasonToWithhold, type Outcome } from '../../src/runner/withhold.ts';
import type { Destination } from '../../src/store/destinations.ts';
import { Report, type ReportInput } from '../../src/store/report.ts';
import { sampleRun } from '../support/delivery-report.ts';

const run = sampleRun();
const weekly = (over: Partial<ReportInput> = {}): Report =>
  Report.parse({
    title: 'Weekly',
    summary: 'All is well.',
    sections: [{ kind: 'markdown', markdown: 'A line.' }],
    ...over,
  });
const to = (over: Partial<Destination> = {}): Destination => {
  const place: Destination = { kind: 'slack', channel: '#sales' };
  return Object.assign(place, over);
};
const of = (report: Report, over: Partial<Outcome> = {}): Outcome => ({
  run,
  report,
  failed: false,
  spoken: false,
  ...over,
});
const table = { kind: 'table' as const, caption: 'Orders', columns: [{ key: 'a', label: 'A' }] };

describe('what a report says', () => {
  const hash = (over: Partial<ReportInput> = {}): string => contentHash(weekly(over), run);
  it('is the same whenever it was made, at whatever cost, of whatever period and age of its sources', () => {
    const period = { from: '2026-11-16', to: '2026-11-22', label: 'W47' };
    const sources = [{ title: 'Shop', asOf: '2026-11-23T09:00:00.000Z' }];
    const later = { generatedAt: '2026-11-24T09:00:00.000Z', cost: { microUsd: 12 }, period, sources };
    expect(hash(later)).toBe(hash());
  });
  it.each<[string, Partial<ReportInput>]>([
    ['its title', { title: 'Other' }],
    ['its summary', { summary: 'Other.' }],
    ['its status', { status: 'partial' }],
    ['its warnings', { warnings: ['one'] }],
    ['its sections', { sections: [{ kind: 'markdown', markdown: 'Another line.' }] }],
    ['its files', { attachments: [{ name: 'a.csv', mediaType: 'text/csv', sha256: 'a'.repeat(64), bytes: 1 }] }],
  ])('is another with %s', (_what, over) => {
    expect(hash(over)).not.toBe(hash());
  });
  it('is another when another run recommends the same: nobody has been shown its buttons', () => {
    const advice = (runId: string): Partial<ReportInput> => ({
      sections: [{ kind: 'actions', items: [{ title: 'Restock', advice: { runId, key: '0123456789ab' } }] }],
    });
    expect(hash(advice(`run_${'0'.repeat(26)}`))).not.toBe(hash(advice(`run_${'0'.repeat(25)}1`)));
  });
  it('is the same in whatever order a row names its cells', () => {
    const rows = (row: Record<string, string>): Partial<ReportInput> => ({ sections: [{ ...table, rows: [row] }] });
    expect(hash(rows({ a: '1', b: '2' }))).toBe(hash(rows({ b: '2', a: '1' })));
    expect(hash(rows({ a: '1', b: '2' }))).not.toBe(hash(rows({ a: '2', b: '1' })));
  });
  it('does not speak of how late its run was', () => {
    const late = { ms: 5_000, reason: 'Bellhop was down' };
    const slot = '2026-11-23T08:00:00.000Z';
    const lateRun = sampleRun({ schedule: { name: 'weekly-report', slot, late } });
    const sentence = lateSentence(lateRun) ?? 'none';
    expect(contentHash(weekly({ warnings: [sentence] }), lateRun)).toBe(contentHash(weekly(), run));
    expect(contentHash(weekly({ warnings: [sentence] }), run)).not.toBe(contentHash(weekly(), run));
  });
});

describe('a place that wants failures only', () => {
  const place = to({ onlyIf: 'failed' });
  it('is not told of a report that is ok, and of every other', () => {
    expect(reasonToWithhold(place, of(weekly()), undefined)).toContain('only failures are wanted');
    expect(reasonToWithhold(place, of(weekly({ status: 'partial' })), undefined)).toBeUndefined();
    expect(reasonToWithhold(place, of(weekly({ status: 'failed' })), undefined)).toBeUndefined();
    expect(reasonToWithhold(place, of(weekly(), { failed: true }), undefined)).toBeUndefined();
  });
});

describe('a place that wants changes only', () => {
  const place = to({ onlyIf: 'changed' });
  const same = { runId: run.id, hash: contentHash(weekly(), run) };
  it('is not told the same twice, and of everything new', () => {
    expect(reasonToWithhold(place, of(weekly()), same)).toMatch(/nothing has changed since run \w+/);
    expect(reasonToWithhold(place, of(weekly({ summary: 'Other.' })), same)).toBeUndefined();
    expect(reasonToWithhold(place, of(weekly()), undefined)).toBeUndefined();
    expect(reasonToWithhold(to(), of(weekly()), same)).toBeUndefined();
  });
  it('is told of a failure, also of the same one again', () => {
    const failed = weekly({ status: 'failed' });
    const before = { runId: run.id, hash: contentHash(failed, run) };
    expect(reasonToWithhold(place, of(failed), before)).toBeUndefined();
    expect(reasonToWithhold(place, of(weekly(), { failed: true }), same)).toBeUndefined();
  });
});

describe('a place that wants no empty reports', () => {
  const place = to({ skipIfEmpty: true });
  const why = (over: Partial<ReportInput>, outcome: Partial<Outcome> = {}) =>
    reasonToWithhold(place, of(weekly(over), outcome), undefined);
  it.each<[string, ReportInput['sections']]>([
    ['none', []],
    ['a blank one', [{ kind: 'markdown', markdown: ' \n ' }]],
    ['a table without rows', [{ ...table, rows: [] }]],
    [
      'a chart of gaps',
      [
        {
          kind: 'chart',
          alt: 'No orders came in.',
          chart: { type: 'line', categories: ['Mon'], series: [{ name: 'Orders', values: [null] }] },
        },
      ],
    ],
  ])('does not get one whose sections are %s', (_what, sections) => {
    expect(why({ sections: sections ?? [] })).toBe('the report is empty');
  });
  it.each<[string, Partial<ReportInput>, Partial<Outcome>]>([
    ['a line', {}, {}],
    ['a row', { sections: [{ ...table, rows: [{ a: 1 }] }] }, {}],
    ['a figure, also of 0', { sections: [{ kind: 'figures', figures: [{ label: 'A', value: 0, display: '0' }] }] }, {}],
    ['a warning', { sections: [], warnings: ['one'] }, {}],
    [
      'a file',
      { sections: [], attachments: [{ name: 'a.csv', mediaType: 'text/csv', sha256: 'a'.repeat(64), bytes: 1 }] },
      {},
    ],
    ['a status that is not ok', { sections: [], status: 'partial' }, {}],
    ['a failure', { sections: [] }, { failed: true }],
    ['a text of its job, which became the summary', { sections: [] }, { spoken: true }],
  ])('gets one with %s', (_what, over, outcome) => {
    expect(why(over, outcome)).toBeUndefined();
  });
});
