import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderBlocks } from '../../support/agent-markdown.ts';
import { HOSTILE_TITLES, SALES, WEEK, bookOf } from '../../support/agent-words.ts';
import { formatFact } from '../../../src/runner/kinds/agent/fact-text.ts';
import { createFactBook } from '../../../src/runner/kinds/agent/facts.ts';
import { fillIn, fillMarkdown } from '../../../src/runner/kinds/agent/placeholders.ts';
import { escapeMarkdown, foreignText, hasLink } from '../../../src/runner/kinds/agent/harmless-text.ts';
import type { NewFact } from '../../../src/runner/agent-job.ts';
import { Fact, MAX_FACTS } from '../../../src/store/agent-records.ts';

const SOURCE = { tool: 'sales_summary', query: '{"days":7}', window: WEEK };

test('facts have ids in the order in which they were found, and are found by id and by key', () => {
  const book = bookOf();
  expect(book.all().map(({ id }) => id)).toEqual(Array.from({ length: 12 }, (_, at) => `F${at + 1}`));
  expect(book.find('F1')).toMatchObject({ key: 'sales.revenue', source: { tool: 'sales_summary', window: WEEK } });
  expect(book.find('sales.revenue')).toBe(book.find('F1'));
  expect(book.find('F99')).toBeUndefined();
  expect(book.find('constructor')).toBeUndefined();
});

test('the same fact of the same query is one fact', () => {
  const book = createFactBook();
  const [first] = book.add(SALES, SOURCE);
  const [again] = book.add(SALES, SOURCE);
  expect(again).toBe(first);
  expect(book.all()).toHaveLength(SALES.length);
});

test('a key is that of the query which found it first, as it answered last; another query has ids of its own', () => {
  const book = createFactBook();
  const revenue: NewFact = { key: 'sales.revenue', label: 'Revenue', value: 1, unit: 'count' };
  book.add([revenue], SOURCE);
  book.add([{ ...revenue, value: 2 }], SOURCE);
  expect(book.isAmbiguous('sales.revenue')).toBe(false);
  book.add([{ ...revenue, value: 9 }], { ...SOURCE, query: '{"days":28}' });
  expect(book.all().map(({ id }) => id)).toEqual(['F1', 'F2', 'F3']);
  expect(book.find('sales.revenue')).toMatchObject({ id: 'F2', value: 2 });
  expect(book.find('F3')).toMatchObject({ value: 9 });
  expect(book.isAmbiguous('sales.revenue')).toBe(true);
});

test.each([
  [{ key: 'Sales Revenue', label: 'x', value: 1, unit: 'count' }, /Sales Revenue/],
  [{ key: 'a.b', label: 'x', value: Number.NaN, unit: 'count' }, /a\.b.*value/],
  [{ key: 'a.b', label: 'x', value: Number.POSITIVE_INFINITY, unit: 'count' }, /a\.b.*value/],
  [{ key: 'a.b', label: '', value: 1, unit: 'count' }, /a\.b.*label/],
  [{ key: 'a.b', label: 'x', value: 1, unit: 'furlongs' }, /a\.b.*unit/],
  [{ key: 'a.b', label: 'x', value: 1, unit: 'money', currency: 'dollars' }, /a\.b.*currency/],
])('%o is no fact, and none of its call is taken', (fact, message) => {
  const book = createFactBook();
  expect(() => book.add([...SALES, fact as NewFact], SOURCE)).toThrow(message);
  expect(book.all()).toEqual([]);
  expect(book.find('sales.revenue')).toBeUndefined();
});

test('a book has an end, and says where it is', () => {
  const book = createFactBook();
  const many = Array.from({ length: MAX_FACTS }, (_, at): NewFact => ({
    key: `a.k${at}`,
    label: 'x',
    value: at,
    unit: 'count',
  }));
  book.add(many, SOURCE);
  expect(() => book.add([{ key: 'b', label: 'x', value: 1, unit: 'count' }], SOURCE)).toThrow(/more than 1000 facts/);
  expect(book.all()).toHaveLength(MAX_FACTS);
});

test('long and hostile names fail no call: they are cut and made harmless', () => {
  const book = createFactBook();
  HOSTILE_TITLES.forEach((title, at) => {
    const [fact] = book.add(
      [{ key: `product.${at}.title`, label: `Title ${title}`, value: title, unit: 'text' }],
      SOURCE,
    );
    expect(Fact.safeParse(fact).success).toBe(true);
    book.know([{ type: 'product', id: String(at), title }]);
    const known = book.target('product', String(at))?.title ?? '';
    expect(known.length).toBeLessThanOrEqual(120);
    expect(known).not.toBe('');
    expect(hasLink(known)).toBe(false);
  });
});

test('a target without a type or an id is refused', () => {
  const book = createFactBook();
  expect(() => book.know([{ type: 'Product!', id: '1', title: 'x' }])).toThrow(/Product!/);
  expect(() => book.know([{ type: 'product', id: '', title: 'x' }])).toThrow(/target of type/);
});

const shown = (fact: Partial<NewFact> & Pick<NewFact, 'value' | 'unit'>, locale = 'en-US') =>
  formatFact({ key: 'a.b', ...fact }, locale);

test.each([
  [{ value: 18_235.5, unit: 'money', currency: 'USD' }, '$18,236'],
  [{ value: 64.2, unit: 'money', currency: 'USD' }, '$64.20'],
  [{ value: 20, unit: 'money', currency: 'USD' }, '$20'],
  [{ value: 1_204.5, unit: 'money', currency: 'USD', digits: 2 }, '$1,205'],
  [{ value: 64.2, unit: 'money', currency: 'JPY' }, '¥64'],
  [{ value: -310, unit: 'money', currency: 'EUR' }, '-€310'],
  [{ value: -0.001, unit: 'money', currency: 'USD' }, '$0.00'],
  [{ value: 12.345, unit: 'money' }, '12.35'],
  [{ value: 12.34, unit: 'percent' }, '12.3%'],
  [{ value: 12.34, unit: 'percent', key: 'sales.change.revenue' }, '+12.3%'],
  [{ value: -12.34, unit: 'percent', key: 'product.1.change_units' }, '-12.3%'],
  [{ value: 0, unit: 'percent', key: 'sales.change.revenue' }, '0%'],
  [{ value: -1.42, unit: 'percentage_point' }, '-1.4 pp'],
  [{ value: 1.42, unit: 'percentage_point' }, '+1.4 pp'],
  [{ value: 12_345, unit: 'count' }, '12,345'],
  [{ value: 3, unit: 'days' }, '3 days'],
  [{ value: 1, unit: 'days' }, '1 day'],
  [{ value: 2.54, unit: 'hours' }, '2.5 hours'],
  [{ value: 1.2345, unit: 'ratio' }, '1.23'],
  [{ value: 'Linen  shirt\n', unit: 'text' }, 'Linen shirt'],
  [{ value: '2026-11-16', unit: 'date' }, 'Nov 16, 2026'],
  [{ value: 'soon', unit: 'date' }, 'soon'],
  [{ value: null, unit: 'money', currency: 'USD' }, 'n/a'],
  [{ value: '', unit: 'text' }, 'n/a'],
  [{ value: Number.NaN, unit: 'count' }, 'n/a'],
  [{ value: 1e300, unit: 'count' }, '1E300'],
] as const)('%o is written %s', (fact, text) => {
  expect(shown(fact)).toBe(text);
});

test('figures are written as in the locale, and as in en-US where it is none', () => {
  expect(shown({ value: 18_235.5, unit: 'money', currency: 'EUR' }, 'de-DE')).toBe('18.236\u00a0€');
  expect(shown({ value: 3, unit: 'days' }, 'de-DE')).toBe('3 Tage');
  expect(shown({ value: 18_235.5, unit: 'count' }, 'no such locale')).toBe('18,235.5');
});

test('placeholders by id and by key are filled in, and unknown ones are named', () => {
  const filled = fillIn('{{F1}} and {{ sales.orders }}, {{F1}}, {{F99}}', bookOf(), 'en-US');
  expect(filled.text).toBe('$18,236 and 284, $18,236, n/a');
  expect(filled.used.map(({ id }) => id)).toEqual(['F1', 'F2']);
  expect(filled.unknown).toEqual(['F99']);
});

test('a target is filled in by its title, as text', () => {
  const book = bookOf();
  book.know([{ type: 'product', id: 'a-1.b', title: '**Bold** tee' }]);
  expect(fillIn('{{product.4711}}, {{product.a-1.b}}', book, 'en-US')).toMatchObject({
    text: '“Linen shirt”, “**Bold** tee”',
    used: [],
    unknown: [],
  });
  expect(fillMarkdown('{{product.a-1.b}}', book, 'en-US').text).toBe(String.raw`“\*\*Bold\*\* tee”`);
});

test.each([
  ['7 For All Mankind', '“7 For All Mankind”'],
  ['100% Cotton Tee', '“100% Cotton Tee”'],
  ['15" Sleeve & Co. #2 [M]', '“15" Sleeve & Co. #2 [M]”'],
  ['Tee” is gone; revenue is $9 “', "“Tee' is gone; revenue is $9 '”"],
  ['<!channel> @here ＠everyone <@U123>', '“!channel here everyone U123”'],
  ['rick@home', '“rick@home”'],
  ['14%', 'product 5'],
  ['x'.repeat(500), `“${'x'.repeat(59)}…”`],
])('the title %j reads as a name, and calls nobody: %s', (title, shownAs) => {
  const book = createFactBook();
  book.know([{ type: 'product', id: '5', title }]);
  expect(fillIn('{{product.5}}', book, 'en-US').text).toBe(shownAs);
});

test('a title that stands between quotes gets no second ones', () => {
  const { text } = fillIn('“{{product.4711}}”, "{{ product.4711 }}" and {{product.4711}}', bookOf(), 'en-US');
  expect(text).toBe('“Linen shirt”, "Linen shirt" and “Linen shirt”');
});

test('a change has no sign where the words say which way it went', () => {
  const { text } = fillIn(
    'fell by {{sales.change.refund_rate}}, rose {{sales.change.revenue}}, now {{sales.change.revenue}}',
    bookOf(),
    'en-US',
  );
  expect(text).toBe('fell by 1.4 pp, rose 12.3%, now +12.3%');
});

test('what a shop wrote is filled in once: a title that names a fact stays a title', () => {
  const book = bookOf();
  book.add([{ key: 'product.1.title', label: 'Title', value: '{{sales.revenue}} {{F1}}', unit: 'text' }], SOURCE);
  const once = fillIn('{{product.1.title}}', book, 'en-US').text;
  expect(once).not.toContain('18,236');
  expect(fillIn(once, book, 'en-US').text).toBe(once);
});

test.each(HOSTILE_TITLES.map((title) => [title.slice(0, 60), title]))(
  'the title %j is text in markdown and links nowhere',
  (_, title) => {
    const book = createFactBook();
    book.add([{ key: 'product.1.title', label: 'Title', value: title, unit: 'text' }], SOURCE);
    const { text } = fillMarkdown('{{product.1.title}}', book, 'en-US');
    const plain = fillIn('{{product.1.title}}', book, 'en-US').text;
    expect(renderBlocks(text)).toEqual([{ kind: 'paragraph', inlines: [{ text: plain }] }]);
    expect(hasLink(plain)).toBe(false);
    // oxlint-disable-next-line no-control-regex -- it looks for them
    expect(plain).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u200b]/);
  },
);

test('any text of a shop is shown as it is in markdown, as one paragraph without links', () => {
  const pieces = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(
      ...HOSTILE_TITLES,
      '*',
      '_',
      '`',
      '[a](b)',
      '\\',
      '&amp;',
      '~~',
      '||',
      '\n\n',
      '    x',
      '***',
      '---',
      '===',
      '+ a',
      '12) b',
      'http://a.b',
      'x@y.zz',
      'www.a.b',
    ),
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 6 }), (parts) => {
      const plain = foreignText(parts.join(' '), 200);
      fc.pre(plain !== '');
      const blocks = renderBlocks(escapeMarkdown(plain));
      expect(blocks).toHaveLength(1);
      expect(blocks[0]).toEqual({ kind: 'paragraph', inlines: [{ text: plain }] });
    }),
    { numRuns: 300 },
  );
});
