import { describe, expect, test } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { createLog, silentLog } from '../../src/log.ts';
import { createFollowers, type Follower } from '../../src/runner/followers.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock } from '../support/clock.ts';
import { accept } from '../support/store-harness.ts';

function stage() {
  const clock = manualClock();
  const store = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
  const lines: string[] = [];
  const log = createLog({ write: (line) => void lines.push(line), scrub: (text) => text, clock }, 'info');
  const follow = (followers: Follower[], over: Partial<Store> = {}) =>
    createFollowers({ store: { ...store, ...over }, clock, log, followers });
  return { clock, store, lines, follow };
}
/** Remembers what it was told; throws so many times first. */
function listener(name: string, failures = 0): Follower & { heard: string[] } {
  const heard: string[] = [];
  let left = failures;
  return {
    name,
    heard,
    wants: () => true,
    noticed(event) {
      if (event.type !== 'resync' && left-- > 0) return Promise.reject(new Error(`${name} is not in the mood`));
      heard.push(event.runId ?? event.type);
      return Promise.resolve();
    },
  };
}

describe('followers', () => {
  test('hear what happened while they were away, each event once, in order', async () => {
    const { clock, store, follow } = stage();
    const first = listener('first');
    const followers = follow([first]);
    await followers.start();
    const a = await accept(store);
    await clock.advance(1);
    await followers.stop();
    const b = await accept(store);
    const c = await accept(store);
    const second = listener('second');
    const next = follow([second]);
    await next.start();
    await clock.advance(1);
    expect(first.heard).toEqual(['resync', a.id]);
    expect(second.heard).toEqual([b.id, c.id]);
    await next.stop();
  });

  test('know where they were also after a crash, up to a second', async () => {
    const { clock, store, follow } = stage();
    await follow([listener('first')]).start();
    await accept(store);
    await clock.advance(1500);
    const b = await accept(store);
    await clock.advance(1);
    const second = listener('second');
    await follow([second]).start();
    await clock.advance(1);
    expect(second.heard).toEqual([b.id]);
  });

  test('one that throws is asked again, and does not keep the event from the others', async () => {
    const { clock, store, follow } = stage();
    const moody = listener('moody', 2);
    const calm = listener('calm');
    const followers = follow([moody, calm]);
    await followers.start();
    const run = await accept(store);
    await clock.advance(10_000);
    expect(moody.heard).toEqual(['resync', run.id]);
    expect(calm.heard).toEqual(['resync', run.id]);
    await followers.stop();
  });

  test('one that throws for ever gives the event up after three tries, and says so', async () => {
    const { clock, store, lines, follow } = stage();
    const broken = listener('broken', 3);
    const followers = follow([broken]);
    await followers.start();
    await accept(store);
    const second = await accept(store);
    await clock.advance(20_000);
    expect(broken.heard).toEqual(['resync', second.id]);
    expect(lines.filter((line) => line.includes('gave up on an event'))).toHaveLength(1);
    await followers.stop();
  });

  test('an event whose follower was cut short by the stop comes again in the next life', async () => {
    const { clock, store, follow } = stage();
    const followers = follow([listener('broken', 100)]);
    await followers.start();
    const run = await accept(store);
    await clock.advance(1);
    await followers.stop();
    const next = listener('next');
    await follow([next]).start();
    await clock.advance(1);
    expect(next.heard).toEqual([run.id]);
  });

  test('one that hangs does not hold up the stop for long', async () => {
    const { clock, store, follow } = stage();
    const followers = follow([{ name: 'stuck', wants: () => true, noticed: () => new Promise(() => undefined) }]);
    await followers.start();
    await accept(store);
    const stopped = followers.stop().then(() => 'stopped');
    await clock.advance(2000);
    expect(await stopped).toBe('stopped');
  });

  test('go on where they were when the feed breaks', async () => {
    const { clock, store, follow } = stage();
    let broken = true;
    const heard = listener('heard');
    const followers = follow([heard], {
      watch(since, signal) {
        if (!broken) return store.watch(since, signal);
        broken = false;
        return breaking(store.watch(since, signal));
      },
    });
    await followers.start();
    const run = await accept(store);
    await clock.advance(2000);
    expect(heard.heard).toEqual(['resync', run.id]);
    await followers.stop();
  });
});

/** Breaks after its first event. */
async function* breaking(events: ReturnType<Store['watch']>): ReturnType<Store['watch']> {
  for await (const event of events) {
    yield event;
    break;
  }
  throw new Error('the feed broke');
}
