import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CANARY, DAY, NOW, bookOf, entryOf, jobOf, rowOf } from '../../support/agent-words.ts';
import { adviceOf, standings as standingsAt } from '../../../src/runner/advice.ts';
import { adviceKey, whyNotAgain } from '../../../src/runner/kinds/agent/report/advice.ts';
import { lintAdvice, lintFinding, lintText, noteOf, problemText } from '../../../src/runner/kinds/agent/answer/lint.ts';
import type { Advice } from '../../../src/runner/kinds/agent/answer/lint.ts';
import type { AdviceRow, MemoryEntry } from '../../../src/store/memory-records.ts';

const book = bookOf();
book.know([
  { type: 'product', id: '4713', title: 'Shirt 2000' },
  { type: 'product', id: '4714', title: 'Up 40% today' },
  { type: 'product', id: '4715', title: 'Made 300 sales' },
  { type: 'product', id: '6789012345678', title: 'Socks' },
  { type: 'discount', id: '55', title: 'Autumn' },
  { type: 'product', id: '4716', title: '.' },
  { type: 'product', id: '4717', title: '14%' },
]);
const setting = { book, canary: CANARY, by: 'model' as const };
const standings = (memory: readonly MemoryEntry[]) => standingsAt(memory, NOW);
const rules = (text: string) => [...new Set(lintText(text, 'text', setting).map(({ rule }) => rule))];

test.each([
  'Revenue reached {{F1}}, {{F5}} on the week before.',
  'Orders: {{sales.orders}}. Refunds are at {{ F4 }}.',
  'Q4 begins well; H1 and W47 were quiet; SKU-9 and AB-1234 sell.',
  'A B2B order came in.',
  'Shirt 2000 sells best.',
  '{{product.4714}} and {{ product.4711 }} sell best.',
  'The product 6789012345678 is new.',
  'The first of the two best sellers is gone; check again in two weeks.',
  'Half-price socks; a double bed; one more thing.',
  'Sales fell; see the findings below. Then act.',
  'St. John shirts (blue) & more: 100 is no number here'.replace('100', 'hundred'),
  'Refund rate fell by {{F6}} and revenue rose {{F5}}.',
  // What a good model writes of a week.
  'Revenue was {{F1}}, down from {{F1}} the week before.',
  'Revenue fell because the best seller ran out mid-week.',
  'One product brought most of the growth: {{product.4711}}.',
  'Two of the three best sellers are running out.',
  'The first order of the week came late; two products explain it.',
  'Two products make up {{F4}} of revenue.',
  'Orders held at {{sales.orders}}, so the fall comes from smaller baskets.',
  'Restock it before the weekend; a delivery takes about two weeks.',
  'No orders at all came from the new collection, e.g. the linen line.',
  'Returns are up (see the size chart), i.e. sizing is the likely cause.',
  'The discount took {{F4}} of gross sales, and its orders earn next to nothing.',
  'At the current pace it is gone in {{F9}}.',
  'Check the price/quality balance of the shirt, and the A/B test of its page.',
  'Compare with last year’s Q4 before you decide.',
  'Refunds moved from {{F4}} to {{F4}}; that is {{F6}} on the week before.',
  'One-off orders from a single B2B customer explain it.',
  'There are two reasons: stock and price.',
  'None of the top sellers has more than a week of cover; one has none left.',
  'Two sales channels are quiet; weekend sales were strong.',
  'Stock is low.It sells fast.',
  'Support answers 24/7, and nobody has asked.',
  'It ran out twice, so order more at once -- people ask for it.',
  'Revenue came in at {{F1}} ({{F5}}), orders at {{F2}}–{{F7}}.',
  'Margin <{{F4}} would be weak; revenue is up {{F5}} and margin is thin.',
  'Of the ten best sellers, three are short.',
  'Refund rate: {{F4}} - nothing to do.',
  'Restock “{{product.4711}}”: {{F9}} are left.',
])('%j passes', (text) => {
  expect(rules(text)).toEqual([]);
});

test('a key that two queries answered is not named by a model; ids and the texts of code are clear', () => {
  const two = bookOf();
  two.add([{ key: 'sales.orders', label: 'Orders', value: 999, unit: 'count' }], {
    tool: 'sales',
    query: '{"days":28}',
  });
  const of = (text: string, by: 'model' | 'code') => lintText(text, 'text', { ...setting, book: two, by });
  expect(of('Orders: {{sales.orders}}.', 'model').map(({ rule }) => rule)).toEqual(['several_facts']);
  expect(problemText({ rule: 'several_facts', where: 'summary', saw: 'sales.orders' })).toContain('write the id');
  expect(of('Orders: {{sales.orders}}.', 'code')).toEqual([]);
  expect(of(`Orders: {{${two.find('sales.orders')?.id}}}.`, 'model')).toEqual([]);
});

test.each([
  ['Revenue rose 14%', 'digits'],
  ['Revenue rose by $18,000', 'digits'],
  ['12 orders', 'digits'],
  ['the 1st of three', 'digits'],
  ['on 23 November', 'digits'],
  ['rose ½', 'digits'],
  ['rose to １２', 'digits'],
  ['٣ orders', 'digits'],
  ['USD-18000 was sold', 'digits'],
  ['as F7 says', 'digits'],
  ['Up 40% today', 'digits'],
  ['Made 300 sales', 'digits'],
  ['the product 4711', 'digits'],
  ['Shirt 20005', 'digits'],
  ['rose by Ⅻ', 'digits'],
  ['rose to ➓ percent', 'digits'],
  ['rose ⁵⁰', 'digits'],
  ['refunds are lO% of it', 'digits'],
  ['三十% more', 'digits'],
  ['it made $l8,OOO', 'digits'],
  ['Revenue is -{{F1}}', 'digits'],
  ['{{F2}}{{F2}} orders', 'digits'],
  ['{{F2}},{{F2}} orders', 'digits'],
  ['ten {{F2}}', 'number_word'],
  ['twice {{F1}} came in', 'number_word'],
  ['half {{F1}} came in', 'number_word'],
  ['It was {{F1}}k', 'number_word'],
  ['It was {{F1}} million', 'number_word'],
  ['twelve products sell', 'number_word'],
  ['thousands of people came', 'number_word'],
  ['five customers left', 'number_word'],
  ['three times as many', 'number_word'],
  ['fourteen percent more', 'number_word'],
  ['twenty-five per cent', 'number_word'],
  ['two thousand visitors', 'number_word'],
  ['ten dollars', 'number_word'],
  ['three orders', 'number_word'],
  ['Sales doubled', 'number_word'],
  ['half of the stock', 'number_word'],
  ['a threefold rise', 'number_word'],
  ['Revenue was {{F99}}', 'unknown_fact'],
  ['Revenue was {{sales.profit}}', 'unknown_fact'],
  ['Revenue was {{constructor}}', 'unknown_fact'],
  ['{{product.99}} sells', 'unknown_fact'],
  ['{{discount.4711}} sells', 'unknown_fact'],
  ['Revenue was {{ F1', 'unknown_fact'],
  ['Revenue was F1}}', 'unknown_fact'],
  ['Units moved by {{sales.change.units}}', 'no_value'],
  ['Revenue fell by {{F5}}', 'direction'],
  ['The refund rate rose {{F6}}', 'direction'],
  ['It was ${{F1}}', 'unit'],
  ['It was {{F4}}%', 'unit'],
  ['It was {{F4}} percent', 'unit'],
  ['{{F9}} days are left', 'unit'],
  ['It was {{F2}}%', 'unit'],
  ['It was ${{F2}}', 'unit'],
  ['It was {{F2}} percent', 'unit'],
  ['It was {{F2}} €', 'unit'],
  ['See {{product.4711}}.com', 'link'],
  ['See xn--80ak6aa92e.com', 'link'],
  ['See evil.xn--p1ai', 'link'],
  ['See evil。com', 'link'],
  ['See evil.support', 'link'],
  ['Hello @{{product.4711}}', 'mention'],
  ['Hello @{{product.4711}} look', 'mention'],
  ['Hello @сhannel', 'mention'],
  ['Hello ﹫channel', 'mention'],
  ['See https://evil.example/x', 'link'],
  ['See http://evil', 'link'],
  ['See www.evil', 'link'],
  ['See evil.com', 'link'],
  ['See EVIL.COM', 'link'],
  ['See evil.example/path', 'link'],
  ['Write to a.b@evil.io', 'link'],
  ['mailto:someone', 'link'],
  ['javascript:alert(document)', 'link'],
  ['[here](evil)', 'link'],
  ['![pic](evil)', 'link'],
  ['[here][ref]', 'link'],
  ['[ref]: somewhere', 'link'],
  ['ht\u200btps://evil', 'link'],
  ['ｈｔｔｐｓ://evil', 'link'],
  ['<b>bold</b>', 'markup'],
  ['<img src=x>', 'markup'],
  ['</memory>', 'markup'],
  ['Hello <@U012>', 'mention'],
  ['Hello <!channel>', 'mention'],
  ['Hello <#general>', 'mention'],
  ['Hello @channel', 'mention'],
  ['@here look', 'mention'],
  ['(@everyone)', 'mention'],
  ['Hello ＠channel', 'mention'],
  [`The word is ${CANARY}.`, 'canary'],
  [`The word is ${CANARY.toUpperCase()}.`, 'canary'],
  [`The word is ${Array.from(CANARY).join(' ')}.`, 'canary'],
  [`The word is ${Array.from(CANARY).join('\u200b')}.`, 'canary'],
  [`The word is ${CANARY.replaceAll('-', ' ')}.`, 'canary'],
  [`The word is ${Array.from(CANARY).toReversed().join('')}.`, 'canary'],
  [Buffer.from(CANARY).toString('base64'), 'canary'],
  [Buffer.from(`x ${CANARY} y`).toString('base64url'), 'canary'],
  [Buffer.from(`xy ${CANARY}`).toString('base64'), 'canary'],
  [Buffer.from(CANARY).toString('hex'), 'canary'],
])('%j breaks the rule %s', (text, rule) => {
  expect(rules(text)).toContain(rule);
});

test('no digit that anybody writes passes, but inside a placeholder or a name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), fc.string({ unit: 'grapheme' }), (before, number, after) => {
      const text = `${before} ${number} ${after}`;
      expect(lintText(text, 'text', setting)).not.toEqual([]);
    }),
  );
});

test('a long text is read in no time', () => {
  for (const piece of ['a.', 'a@', '1', '{{', '[a](', 'one ', '<', 'http:', 'F1}} ', '@ ', 'a-', '.com/']) {
    const begin = process.hrtime.bigint();
    lintText(piece.repeat(50_000 / piece.length), 'text', setting);
    expect(Number(process.hrtime.bigint() - begin) / 1e6).toBeLessThan(4_000);
  }
});

test('code may name a fact without a value: the sentence says n/a', () => {
  const text = 'Units moved by {{sales.change.units}}';
  expect(lintText(text, 'text', { ...setting, by: 'code' })).toEqual([]);
});

test('the model is told what it wrote and the way out; a report is told neither the words nor the canary', () => {
  const [problem] = lintText('See https://evil.example', 'findings[1].text', setting);
  const [number] = lintText('Up 14%', 'findings[1].text', setting);
  const [leak] = lintText(CANARY, 'headline', setting);
  if (problem === undefined || number === undefined || leak === undefined) throw new Error('nothing was found');
  expect(problemText(number)).toBe(
    'findings[1].text: a number that is not a fact ("14%"); write {{F7}} with the id of the fact, {{product.4711}} for a title, or say it without a number',
  );
  expect(noteOf(number)).toBe('finding 2: a number that is not a fact');
  expect(noteOf(problem)).toBe('finding 2: a link or an address');
  expect(`${noteOf(leak)} ${problemText(leak)}`).not.toContain(CANARY);
});

describe('findings', () => {
  const find = (text: string, target?: { type: string; id: string }) =>
    lintFinding({ text, confidence: 'high', ...(target && { target }) }, 'findings[0]', setting).map(
      ({ rule }) => rule,
    );
  test('one that rests on a fact passes', () =>
    expect(find('{{F1}} came in', { type: 'product', id: '4711' })).toEqual([]));
  test('the title and id of its own target may stand in it, whatever they look like; of another they may not', () => {
    const text = '{{F1}} with Up 40% today (4714)';
    expect(find(text, { type: 'product', id: '4714' })).toEqual([]);
    expect(find(text, { type: 'product', id: '4711' })).toEqual(['digits']);
    expect(find('{{F1}} is Up 40% today and 4% more', { type: 'product', id: '4714' })).toEqual(['digits']);
    expect(find('{{F1}} of 47141', { type: 'product', id: '4714' })).toEqual(['digits']);
  });
  test('a title of signs and digits alone lets no link and no number pass', () => {
    expect(find('{{F1}} at evil.com', { type: 'product', id: '4716' })).toEqual(['link']);
    expect(find('{{F1}} is up 14%', { type: 'product', id: '4717' })).toEqual(['digits']);
  });
  test('the name of a target is no evidence', () => expect(find('{{product.4711}} sells')).toEqual(['no_fact']));
  test('one that rests on no fact is refused', () => expect(find('It went well')).toEqual(['no_fact']));
  test('one that names only what is no fact rests on none', () =>
    expect(find('{{F99}}')).toEqual(['unknown_fact', 'no_fact']));
  test('one that says nothing is refused', () => expect(find('  ')).toEqual(['empty']));
  test('one about a target that no tool returned is refused', () =>
    expect(find('{{F1}}', { type: 'product', id: '1' })).toEqual(['unknown_target']));
  test('a target has its type', () =>
    expect(find('{{F1}}', { type: 'discount', id: '4711' })).toEqual(['unknown_target']));
});

describe('advice', () => {
  const advise = (changes: Partial<Advice> = {}, memory: readonly MemoryEntry[] = []) =>
    lintAdvice(
      {
        action: 'restock',
        target: { type: 'product', id: '4711' },
        title: 'Reorder it',
        why: '{{F9}} are left',
        ...changes,
      },
      'recommendations[0]',
      {
        ...setting,
        actions: jobOf().actions,
        standings: new Map(standings(memory).map((one) => [one.row.key, one])),
        now: NOW,
      },
    ).map(({ rule }) => rule);
  const before = (days: number, row: Partial<AdviceRow>) => [entryOf(days, { advice: [rowOf(row)] })];
  const ago = (days: number) => new Date(NOW - days * DAY).toISOString();

  test('of the job and about a known target passes', () => expect(advise()).toEqual([]));
  test('an action that the job does not have is refused', () => {
    expect(advise({ action: 'close_shop' })).toEqual(['unknown_action']);
    expect(advise({ action: 'constructor' })).toEqual(['unknown_action']);
  });
  test('a target that no tool returned, or of another type than the action has, is refused', () => {
    expect(advise({ target: { type: 'product', id: '99' } })).toEqual(['unknown_target']);
    expect(advise({ target: { type: 'discount', id: '4711' } })).toEqual(['unknown_target']);
    expect(advise({ target: { type: 'discount', id: '55' } })).toEqual(['unknown_target']);
  });
  test.each(['title', 'why', 'impact', 'repeatReason'])('its %s is checked', (name) => {
    expect(advise({ [name]: 'Up 14%' })).toEqual(['digits']);
  });
  test('without words it is refused', () => expect(advise({ why: ' ' })).toEqual(['empty']));

  test('what people said never to is not advised again, whatever the reason', () => {
    expect(advise({ repeatReason: 'it matters' }, before(70, { status: 'dismissed', statusAt: ago(60) }))).toEqual([
      'repeat',
    ]);
  });
  test('what people said not now to is advised again after its day, not before', () => {
    const until = (days: number) => before(14, { status: 'dismissed', statusAt: ago(13), until: ago(-days) });
    expect(advise({ repeatReason: 'new' }, until(1))).toEqual(['repeat']);
    expect(advise({}, until(-1))).toEqual([]);
  });
  test('what was put off comes back once: given again, it is open, and not said every week', () => {
    const given = (days: number) => [
      entryOf(days, { advice: [rowOf()] }),
      ...before(35, { status: 'dismissed', statusAt: ago(34), until: ago(6) }),
    ];
    expect(advise({}, given(5))).toEqual(['repeat']);
    expect(advise({ repeatReason: 'worse' }, given(5))).toEqual([]);
    // Given while it was put off: somebody forced it; it comes back all the same.
    expect(advise({}, given(7))).toEqual([]);
  });
  test('what is open for longer than twelve weeks has expired, and is as if it were new', () => {
    expect(advise({}, before(83, {}))).toEqual(['repeat']);
    expect(advise({}, before(85, {}))).toEqual([]);
  });
  test('what was done is advised again after four weeks, not before', () => {
    expect(advise({ repeatReason: 'new' }, before(40, { status: 'done', statusAt: ago(27) }))).toEqual(['repeat']);
    expect(advise({}, before(40, { status: 'done', statusAt: ago(29) }))).toEqual([]);
  });
  test('what is open is repeated with a reason, and only once in four weeks', () => {
    expect(advise({}, before(7, {}))).toEqual(['repeat']);
    expect(advise({ repeatReason: ' ' }, before(7, {}))).toEqual(['repeat']);
    expect(advise({ repeatReason: 'worse' }, before(7, {}))).toEqual([]);
    expect(advise({ repeatReason: 'worse' }, [...before(7, {}), ...before(14, {})])).toEqual(['repeat']);
    expect(advise({ repeatReason: 'worse' }, [...before(7, {}), ...before(35, {})])).toEqual([]);
  });
  test('other advice about the same target is no repeat', () => {
    expect(advise({ action: 'mark_down' }, before(7, {}))).toEqual([]);
  });
});

test('the newest word about a piece of advice holds, in whichever report it stands', () => {
  const answered = rowOf({ status: 'done', statusAt: new Date(NOW - 2 * DAY).toISOString() });
  const old = rowOf({ status: 'dismissed', statusAt: new Date(NOW - 20 * DAY).toISOString() });
  const [one] = standings([
    entryOf(7, { advice: [rowOf()] }),
    entryOf(14, { advice: [answered] }),
    entryOf(21, { advice: [old] }),
  ]);
  expect(one).toMatchObject({
    row: { status: 'done', at: new Date(NOW - 7 * DAY).toISOString() },
    given: [7, 14, 21].map((days) => NOW - days * DAY),
  });
  // The report of a week ago was being made when somebody said never.
  const [never] = standings([entryOf(7, { advice: [rowOf()] }), entryOf(21, { advice: [old] })]);
  expect(never).toMatchObject({ row: { status: 'dismissed' } });
  const before = rowOf({ status: 'done', statusAt: new Date(NOW - 10 * DAY).toISOString() });
  const [again] = standings([entryOf(7, { advice: [rowOf()] }), entryOf(21, { advice: [before] })]);
  expect(again).toMatchObject({ row: { status: 'open' }, isBack: false });
  expect(whyNotAgain(undefined, NOW, false)).toBeUndefined();
});

const anyState = fc.record({
  status: fc.constantFrom('open' as const, 'done' as const, 'dismissed' as const),
  said: fc.option(fc.integer({ min: 0, max: 100 })),
  isPutOff: fc.boolean(),
});
const anyReport = fc.record({ days: fc.constantFrom(1, 8, 8, 20, 40, 90), state: anyState });

test('property: what people see of advice and what the next report may say agree, in whatever order the reports are read', () => {
  fc.assert(
    fc.property(fc.array(anyReport, { minLength: 1, maxLength: 6 }), fc.boolean(), (reports, hasReason) => {
      const entries = reports.map(({ days, state }, at): MemoryEntry => {
        const { status, said, isPutOff } = state;
        const answered = said !== null && {
          status,
          statusAt: new Date(NOW - said * DAY).toISOString(),
          ...(status === 'dismissed' && isPutOff && { until: new Date(NOW - (said - 28) * DAY).toISOString() }),
        };
        const row = rowOf({ ...answered });
        return { ...entryOf(days), runId: `run_${String(at).padStart(26, '0')}`, advice: [row] };
      });
      const [standing] = standings(entries);
      expect(standings(entries.toReversed())).toEqual([standing]);
      const [seen] = adviceOf(entries, NOW);
      expect(seen).toEqual(standing?.row);
      const again = whyNotAgain(standing, NOW, hasReason);
      if (seen?.status === 'dismissed') expect(again).toMatch(/^people said/);
      if (seen?.status === 'expired') expect(again).toBeUndefined();
      if (seen?.status === 'done') expect(again === undefined).toBe(NOW - Date.parse(seen.statusAt ?? '') >= 28 * DAY);
      if (seen?.status === 'open' && !hasReason) expect(again === undefined).toBe(standing?.isBack === true);
    }),
  );
});

test('the key of advice is the same in every report', () => {
  expect(adviceKey('restock', 'product', '4711')).toMatch(/^[0-9a-f]{12}$/);
  // printf 'restock|product|4711' | sha256sum
  expect(adviceKey('restock', 'product', '4711')).toBe('15e4b697509a');
});
