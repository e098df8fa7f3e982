import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linksIn, renderBlocks } from '../../support/agent-markdown.ts';
import { CANARY, HOSTILE_TITLES, NOW, RUN, WEEK, evidenceOf, jobOf, rowOf } from '../../support/agent-words.ts';
import { createReader } from '../../../src/runner/kinds/agent/answer/answer.ts';
import { compose } from '../../../src/runner/kinds/agent/report/compose.ts';
import { createFactBook } from '../../../src/runner/kinds/agent/facts.ts';
import { AGENT_WHYS, FACT_UNITS } from '../../../src/store/agent-records.ts';
import { MemoryEntry } from '../../../src/store/memory-records.ts';
import { Report } from '../../../src/store/report.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(...HOSTILE_TITLES),
  fc.constantFrom('{{F1}}', '{{a.k0}} came in', '{{F2}} of {{F3}}', 'Sales fell by {{a.k1}}', 'Calm words.'),
);
const confidence = fc.constantFrom('high' as const, 'medium' as const, 'low' as const);
const id = fc.constantFrom('0', '1', '2', '99');
const target = fc.record({ type: fc.constantFrom('product', 'discount'), id });
const anyFact = fc.record({
  label: anyText,
  value: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null), anyText),
  unit: fc.constantFrom(...FACT_UNITS),
  isMoney: fc.boolean(),
});
const anyAdvice = fc.record({
  action: fc.constantFrom('restock', 'mark_down', '__proto__', 'x'),
  target,
  title: anyText,
  why: anyText,
  impact: anyText,
  confidence,
});
const anyAnalysis = fc.record({
  headline: anyText,
  summary: anyText,
  figures: fc.array(
    fc.record({
      fact: fc.constantFrom('F1', 'a.k0', 'a.k1', 'a.k2', 'nothing'),
      versus: fc.record({ fact: fc.constantFrom('F2', 'a.k1', 'nothing'), label: anyText }),
      spark: fc.array(fc.double(), { maxLength: 80 }),
    }),
    { maxLength: 20 },
  ),
  findings: fc.array(fc.record({ key: fc.constant('k'), text: anyText, confidence, target }), { maxLength: 8 }),
  advice: fc.array(anyAdvice, { maxLength: 8 }),
});
const anyRecommendation = fc.record({
  action: fc.constantFrom('restock', 'mark_down', 'x'),
  targetId: id,
  title: anyText,
  why: anyText,
  impact: fc.option(anyText),
  confidence,
  repeatReason: fc.option(anyText),
});
const anyAnswer = fc.record({
  headline: anyText,
  summary: anyText,
  findings: fc.array(
    fc.record({
      text: anyText,
      confidence,
      targetType: fc.option(fc.constantFrom('product', 'x')),
      targetId: fc.option(id),
    }),
    { maxLength: 8 },
  ),
  recommendations: fc.array(anyRecommendation, { maxLength: 8 }),
});
const anyRow = fc.record({
  id,
  title: anyText,
  status: fc.constantFrom('open' as const, 'done' as const, 'dismissed' as const),
});
const anyMemory = fc.array(
  fc.record({
    days: fc.integer({ min: 0, max: 80 }),
    headline: anyText,
    rows: fc.array(anyRow, { maxLength: 20 }),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
  }),
  { maxLength: 6 },
);

const anything = fc.record({
  facts: fc.oneof(fc.array(anyFact, { maxLength: 6 }), fc.array(anyFact, { minLength: 100, maxLength: 200 })),
  analysis: fc.option(anyAnalysis, { nil: undefined }),
  answer: fc.option(anyAnswer, { nil: undefined }),
  memory: anyMemory,
  note: anyText,
  error: anyText,
  gaps: fc.array(anyText, { maxLength: 30 }),
  why: fc.constantFrom(...AGENT_WHYS),
  cutShort: fc.boolean(),
  locale: fc.constantFrom('en-US', 'de-DE', 'ar-EG', 'not a locale at all, by far'),
});

test('whatever a shop, a model and a memory say, the report is one, links nowhere, and the memory can be kept', () => {
  fc.assert(
    fc.property(anything, ({ facts, analysis, answer, memory, note, error, gaps, why, cutShort, locale }) => {
      const book = createFactBook();
      book.add(
        facts.map(({ isMoney, label, ...fact }, at) => ({
          ...fact,
          label: `L${label}`,
          key: `a.k${at}`,
          ...(isMoney && { currency: 'USD' }),
        })),
        { tool: 'sales_summary', query: note, window: WEEK },
      );
      book.know(['0', '1', '2'].map((one, at) => ({ type: 'product', id: one, title: HOSTILE_TITLES[at] ?? '' })));
      const entries = memory.map(({ days, headline, rows, value }): MemoryEntry => ({
        job: 'weekly-merchandising',
        runId: RUN,
        at: new Date(NOW - days * 86_400_000).toISOString(),
        headline: headline.slice(0, 200) || 'x',
        kpis: [{ key: 'a.k0', label: 'x', value, unit: 'count' }],
        advice: rows.map(({ title, ...row }) => rowOf({ ...row, title: title.slice(0, 120) || 'x' })),
      }));
      const job = jobOf({ followUp: (row) => ({ status: row.targetId === '1' ? 'done' : 'open', note }) });
      const read =
        answer && createReader({ job, book, memory: entries, now: NOW, canary: CANARY })(JSON.stringify(answer), true);
      const evidence = evidenceOf(book, {
        memory: entries,
        calls: [
          { name: 'sales_summary', by: 'code', state: 'ok', ms: 1 },
          { name: 'active_discounts', by: 'model', state: 'failed', ms: 1, error },
        ],
      });
      const { report, entry, changed, lint } = compose({
        job,
        runId: RUN,
        evidence,
        book,
        analysis,
        answer: read?.ok === true ? read.value : undefined,
        account: { mode: read === undefined ? 'figures' : 'model', why, cutShort, model: 'm', microUsd: 5, ms: 5 },
        gaps,
        locale,
        lint: read?.ok === true ? read.lint : [],
      });
      const parsed = Report.safeParse(report);
      expect(parsed.error?.issues).toBeUndefined();
      for (const one of [entry, ...changed]) expect(MemoryEntry.safeParse(one).error?.issues).toBeUndefined();
      expect(lint.every((line) => line.length <= 300)).toBe(true);
      for (const section of parsed.data?.sections ?? [])
        if (section.kind === 'markdown') {
          const blocks = renderBlocks(section.markdown);
          expect(linksIn(blocks)).toEqual([]);
          expect(blocks.every(({ kind }) => kind === 'paragraph' || kind === 'list')).toBe(true);
        }
      expect(JSON.stringify(report)).not.toMatch(/NaN|\bInfinity\b|"undefined"/);
    }),
    { numRuns: 200 },
  );
});
