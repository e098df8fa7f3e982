import { expect, test } from 'vitest';
import { CANARY, NOW, bookOf, jobOf, partsOf } from '../../support/agent-words.ts';
import { createReader } from '../../../src/runner/kinds/agent/answer/answer.ts';
import { compose } from '../../../src/runner/kinds/agent/report/compose.ts';
import { createNames } from '../../../src/runner/kinds/agent/answer/names.ts';

const TITLES = [
  'Two Pieces Set',
  '100% Cotton Tee',
  '7 For All Mankind',
  'iPhone 15',
  'Three Stripes',
  '3-in-1 Jacket',
];
const book = bookOf();
book.know(TITLES.map((title, at) => ({ type: 'product', id: `90${at}`, title })));
book.know([
  { type: 'product', id: '4714', title: 'Up 40% today' },
  { type: 'product', id: '4715', title: 'Made 300 sales' },
  { type: 'product', id: '4717', title: '14%' },
  { type: 'product', id: 'not/a name', title: 'Lamp 9000' },
]);
const name = createNames(book);

test.each([
  ['Two Pieces Set sells best, then Three Stripes', '{{product.900}} sells best, then Three Stripes'],
  ['100% Cotton Tee is out', '{{product.901}} is out'],
  ["7 For All Mankind's jeans", "{{product.902}}'s jeans"],
  ['“iPhone 15” and iPhone 150', '“{{product.903}}” and iPhone 150'],
  ['{{product.901}} of {{F1}}', '{{product.901}} of {{F1}}'],
  ['Revenue is Up 40% today; it Made 300 sales; up 14%', 'Revenue is Up 40% today; it Made 300 sales; up 14%'],
  ['Lamp 9000', 'Lamp 9000'],
])('%j becomes %j', (text, made) => {
  expect(name(text)).toBe(made);
});

test('what a text is about is named by its title, whatever it looks like', () => {
  expect(name('Up 40% today is out', { type: 'product', id: '4714' })).toBe('{{product.4714}} is out');
  expect(name('up 14%', { type: 'product', id: '4717' })).toBe('up 14%');
});

test.each(TITLES)('a model may write out %j: nothing is refused, and it is shown whole', (title) => {
  const target = { type: 'product', id: `90${TITLES.indexOf(title)}` };
  const text = `${title} brought {{F1}}.`;
  const answer = {
    headline: `${title} sells`,
    summary: `More of ${title}.`,
    findings: [{ text, confidence: 'medium', targetType: target.type, targetId: target.id }],
    recommendations: [
      {
        action: 'restock',
        targetId: target.id,
        title: `Restock ${title}`,
        why: text,
        impact: null,
        confidence: 'high',
        repeatReason: null,
      },
    ],
  };
  const read = createReader({ job: jobOf(), book, memory: [], now: NOW, canary: CANARY })(
    JSON.stringify(answer),
    false,
  );
  if (!read.ok) throw new Error(read.problems.join('\n'));
  const { report, lint, entry } = compose(partsOf({ book, answer: read.value }));
  expect(lint).toEqual([]);
  expect(report.summary).toContain(title);
  const shown = JSON.stringify(report.sections).replaceAll('\\\\', '');
  expect(shown).toContain(title);
  expect(entry.advice.map((row) => row.title).join()).toContain(title);
});

test('code that writes out a title loses no finding, and no headline', () => {
  for (const title of TITLES) {
    const text = `${title} has {{product.4711.stock}} left.`;
    const analysis = {
      headline: `${title} is running out`,
      summary: `${title} first.`,
      figures: [],
      findings: [{ key: 'k', text, confidence: 'high' as const }],
      advice: [],
    };
    const { report, lint } = compose(partsOf({ book, analysis }));
    expect(lint).toEqual([]);
    expect(report.summary).toContain(title);
  }
});
