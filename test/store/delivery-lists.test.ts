import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { iso } from '../../src/clock.ts';
import { createDeliveryLists } from '../../src/store/delivery-lists.ts';
import type { DeliveryLists } from '../../src/store/delivery-lists.ts';
import { dueAt } from '../../src/store/delivery-transitions.ts';
import type { Delivery } from '../../src/store/records.ts';
import { cardVersion } from '../../src/store/transitions.ts';

const START = Date.UTC(2026, 10, 23, 9);
const at = (second: number): string => iso(START + second * 1_000);

function delivery(of: { id: string; createdAt: number; nextAt?: number; sending?: boolean }): Delivery {
  return {
    id: of.id,
    runId: 'run_1',
    mode: 'report',
    destination: { kind: 'file', path: 'x' },
    rev: 0,
    state: of.sending === true ? 'sending' : of.nextAt === undefined ? 'pending' : 'retrying',
    createdAt: at(of.createdAt),
    updatedAt: at(of.createdAt),
    ...(of.nextAt === undefined ? {} : { nextAt: at(of.nextAt) }),
    fence: 0,
    attempts: 0,
    parts: [],
  };
}
const lists = (): DeliveryLists => createDeliveryLists(new Map(), () => 1);
const nobody = (): boolean => false;
const ids = (due: { delivery: Delivery }[]): string[] => due.map((one) => one.delivery.id);

describe('the deliveries that wait', () => {
  it('are answered oldest first, those of one owner in planning order, up to the limit', () => {
    const all = lists();
    all.set('b', [delivery({ id: 'b1', createdAt: 5 }), delivery({ id: 'b2', createdAt: 5 })]);
    all.set('a', [delivery({ id: 'a1', createdAt: 5 })]);
    all.set('c', [delivery({ id: 'c1', createdAt: 1 }), delivery({ id: 'c2', createdAt: 9 })]);
    expect(ids(all.due(at(10), 10, nobody))).toEqual(['c1', 'a1', 'b1', 'b2', 'c2']);
    expect(ids(all.due(at(10), 2, nobody))).toEqual(['c1', 'a1']);
    expect(ids(all.due(at(10), 2, ({ id }) => id === 'c1'))).toEqual(['a1', 'b1']);
    expect(all.countDue(at(10), ({ id }) => id === 'c1')).toBe(4);
  });
  it('count once when the same list is set twice', () => {
    const all = lists();
    const list = [delivery({ id: 'a1', createdAt: 1 })];
    all.set('a', list);
    expect(all.countDue(at(1), nobody)).toBe(1);
    all.set('a', list);
    expect(ids(all.due(at(1), 10, nobody))).toEqual(['a1']);
  });
  it('are due again when a version rose that their card has to show', () => {
    let rev = 1;
    const card = (): Delivery => ({ ...delivery({ id: 'a1', createdAt: 1 }), mode: 'live', shownVersion: 1 });
    const all = createDeliveryLists(new Map([['a', [card()]]]), () => rev);
    expect(all.due(at(9), 10, nobody)).toEqual([]);
    rev = 2;
    all.set('a', [card()]);
    expect(ids(all.due(at(9), 10, nobody))).toEqual(['a1']);
  });
  it('are not answered before their time when the wall clock was set back', () => {
    const all = lists();
    all.set('a', [delivery({ id: 'a1', createdAt: 1, nextAt: 50 })]);
    expect(ids(all.due(at(60), 10, nobody))).toEqual(['a1']);
    expect(all.due(at(40), 10, nobody)).toEqual([]);
    expect(all.countDue(at(40), nobody)).toBe(0);
    expect(all.next()).toBe(at(50));
    expect(ids(all.due(at(50), 10, nobody))).toEqual(['a1']);
    expect(all.countDue(at(40), nobody)).toBe(0);
  });
  it('are all still there after thousands of changes of one', () => {
    const all = lists();
    all.set('due', [delivery({ id: 'due', createdAt: 1 })]);
    all.set('later', [delivery({ id: 'later', createdAt: 2, nextAt: 50 })]);
    for (const nextAt of [3, 90]) {
      for (let n = 0; n < 3_000; n++) {
        all.set('busy', [delivery({ id: `busy${n}`, createdAt: 2, nextAt })]);
        expect(all.countDue(at(5), nobody)).toBe(nextAt === 3 ? 2 : 1);
      }
    }
    expect(ids(all.due(at(50), 10, nobody))).toEqual(['due', 'later']);
    expect(ids(all.due(at(90), 10, nobody))).toEqual(['due', 'busy2999', 'later']);
  });
  it('cost a question what it answers, however many there are', () => {
    let asked = 0;
    const all = createDeliveryLists(new Map(), () => {
      asked++;
      return 1;
    });
    for (let n = 0; n < 5_000; n++) all.set(`o${n}`, [delivery({ id: `d${n}`, createdAt: n % 100 })]);
    expect(all.countDue(at(100), nobody)).toBe(5_000);
    asked = 0;
    let looked = 0;
    const passed = (): boolean => {
      looked++;
      return false;
    };
    expect(all.due(at(100), 3, passed)).toHaveLength(3);
    all.set('o7', [delivery({ id: 'd7', createdAt: 7, sending: true })]);
    expect(all.due(at(100), 3, passed)).toHaveLength(3);
    expect(all.sending()).toEqual(['o7']);
    expect([looked, asked]).toEqual([6, 1]);
  });
});

const Step = fc.record({
  owner: fc.constantFrom('a', 'b', 'c', 'd'),
  wait: fc.integer({ min: -2, max: 6 }),
  list: fc.option(
    fc.array(
      fc.record({
        createdAt: fc.integer({ min: 0, max: 40 }),
        nextAt: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
        sending: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
    { nil: undefined },
  ),
});

it('after any changes the answers are those of a look at every delivery', () => {
  fc.assert(
    fc.property(fc.array(Step, { maxLength: 40 }), fc.integer({ min: 0, max: 4 }), (steps, limit) => {
      const all = lists();
      const model = new Map<string, Delivery[]>();
      let now = 0;
      let serial = 0;
      for (const { owner, wait, list } of steps) {
        now = Math.max(0, now + wait);
        if (list === undefined) {
          all.delete(owner);
          model.delete(owner);
        } else {
          const made = list.map(({ nextAt, ...one }) =>
            delivery({ ...one, ...(nextAt === undefined ? {} : { nextAt }), id: `d${serial++}` }),
          );
          all.set(owner, made);
          model.set(owner, made);
        }
        const entries = [...model].flatMap(([of, mine]) =>
          mine.map((one, place) => ({ of, one, place, due: dueAt(one, cardVersion({ rev: 1 }, mine)) })),
        );
        const expected = entries
          .filter(({ due }) => due !== undefined && due <= at(now))
          .toSorted(
            (a, b) => a.one.createdAt.localeCompare(b.one.createdAt) || a.of.localeCompare(b.of) || a.place - b.place,
          )
          .map(({ one }) => one.id);
        expect(ids(all.due(at(now), 1_000, nobody))).toEqual(expected);
        expect(ids(all.due(at(now), limit, nobody))).toEqual(expected.slice(0, limit));
        expect(all.countDue(at(now), nobody)).toBe(expected.length);
        const next = entries.flatMap(({ due }) => due ?? []).toSorted()[0];
        if (next === undefined || next > at(now)) expect(all.next()).toBe(next);
        else expect((all.next() ?? '') <= at(now)).toBe(true);
        const sending = [...model].filter(([, mine]) => mine.some((one) => one.state === 'sending')).map(([of]) => of);
        expect(all.sending().toSorted()).toEqual(sending.toSorted());
        expect(all.get(owner)).toBe(model.get(owner));
      }
    }),
  );
});
