import { expect, it } from 'vitest';
import { createFeed } from '../../src/store/feed.ts';
import type { Feed } from '../../src/store/feed.ts';
import type { StoreEvent } from '../../src/store/records.ts';
import { manualClock } from '../support/clock.ts';

const fact = (job: string) => ({ type: 'run', job }) as const;

/** What a watcher is given at once from this position on. */
async function seen(feed: Feed, from: number): Promise<StoreEvent[]> {
  const stop = new AbortController();
  const events: StoreEvent[] = [];
  const watching = (async () => {
    for await (const event of feed.watch(from, stop.signal)) events.push(event);
  })();
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await watching;
  return events;
}
const jobs = (events: readonly StoreEvent[]): (string | undefined)[] => events.map((event) => event.job ?? event.type);

it('events are shown in the order of their numbers, whatever order their commits end in', async () => {
  const feed = createFeed(manualClock(), 100);
  const [a, b, c] = [feed.number([fact('a')]), feed.number([fact('b')]), feed.number([fact('c1'), fact('c2')])];
  const before = (a.events[0]?.seq ?? 0) - 1;
  c.show();
  expect(jobs(await seen(feed, before))).toEqual([]);
  a.show();
  expect(jobs(await seen(feed, before))).toEqual(['a']);
  b.drop();
  expect(jobs(await seen(feed, before))).toEqual(['a', 'c1', 'c2']);
});
it('G19 a watcher goes on over a restart where it was', async () => {
  const clock = manualClock();
  const first = createFeed(clock, 100).number([fact('a'), fact('b')]);
  const [a, b] = first.events;
  const feed = createFeed(clock, 100, { events: first.events, floor: (a?.seq ?? 0) - 1 });
  feed.emit(fact('c'));
  expect(jobs(await seen(feed, a?.seq ?? 0))).toEqual(['b', 'c']);
  expect(jobs(await seen(feed, b?.seq ?? 0))).toEqual(['c']);
  expect(jobs(await seen(feed, (a?.seq ?? 0) - 2))).toEqual(['resync']);
});
it('G19 a clock that went back over the restart makes no number twice', () => {
  const clock = manualClock();
  const first = createFeed(clock, 100).number([fact('a')]);
  clock.step(-3_600_000);
  const feed = createFeed(clock, 100, { events: first.events, floor: 0 });
  expect(feed.number([fact('b')]).events[0]?.seq).toBeGreaterThan(first.events[0]?.seq ?? 0);
});
it('events are forgotten by count and by age, and a watcher that needs them is told', async () => {
  const clock = manualClock();
  const feed = createFeed(clock, 2);
  const from = clock.now() * 1000;
  for (const job of ['a', 'b', 'c', 'd']) feed.emit(fact(job));
  expect(jobs(await seen(feed, from))).toEqual(['resync']);
  expect(jobs(await seen(feed, from + 2))).toEqual(['c', 'd']);
  clock.step(1000);
  feed.emit(fact('e'));
  feed.forgetBefore(new Date(clock.now()).toISOString());
  expect(jobs(await seen(feed, from + 2))).toEqual(['resync']);
  expect(jobs(await seen(feed, from + 4))).toEqual(['e']);
});
it('what a former life left in older files is read when a watcher needs it, and only then', async () => {
  const clock = manualClock();
  const all = createFeed(clock, 100).number([fact('a'), fact('b'), fact('c')]).events;
  const [a, , c] = all;
  const floor = (c?.seq ?? 0) - 1;
  let loads = 0;
  const load = async () => {
    loads++;
    return { events: all.slice(0, 2), floor: (a?.seq ?? 0) - 1 };
  };
  const older = { floor: (a?.seq ?? 0) - 1, load };
  const feed = createFeed(clock, 100, { events: all.slice(2), floor, older });
  expect(jobs(await seen(feed, floor))).toEqual(['c']);
  expect(loads).toBe(0);
  expect(jobs(await seen(feed, a?.seq ?? 0))).toEqual(['b', 'c']);
  expect(jobs(await seen(feed, older.floor))).toEqual(['a', 'b', 'c']);
  expect(loads).toBe(1);
  const broken = { floor: 0, load: () => Promise.reject(new Error('gone')) };
  const poor = createFeed(clock, 100, { events: all.slice(2), floor, older: broken });
  expect(jobs(await seen(poor, a?.seq ?? 0))).toEqual(['resync']);
});
