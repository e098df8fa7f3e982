import { describe, expect, it } from 'vitest';
import { createLanes } from '../../src/delivery/lanes.ts';
import { createPacer } from '../../src/delivery/pace.ts';
import { manualClock } from '../support/clock.ts';

describe('lanes', () => {
  it('never have more works under way than hands, nor two of one lane', async () => {
    const clock = manualClock();
    const lanes = createLanes(3);
    const busy = new Map<string, number>();
    let most = 0;
    let mostOfOne = 0;
    for (let n = 0; n < 40; n++) {
      const lane = `lane-${n % 8}`;
      void lanes.run(lane, async () => {
        busy.set(lane, (busy.get(lane) ?? 0) + 1);
        most = Math.max(
          most,
          [...busy.values()].reduce((sum, count) => sum + count, 0),
        );
        mostOfOne = Math.max(mostOfOne, ...busy.values());
        await clock.sleep(10);
        busy.set(lane, (busy.get(lane) ?? 0) - 1);
      });
    }
    expect(lanes.size()).toBe(40);
    await clock.advance(1_000);
    await lanes.idle();
    expect([most, mostOfOne, lanes.size()]).toEqual([3, 1, 0]);
  });

  it('go on after a work that failed, and its caller sees the failure', async () => {
    const lanes = createLanes(1);
    const failed = lanes.run('a', () => Promise.reject(new Error('broken')));
    const order: string[] = [];
    const next = lanes.run('a', async () => void order.push('next'));
    await expect(failed).rejects.toThrow('broken');
    await next;
    expect(order).toEqual(['next']);
  });
});

describe('the pacer', () => {
  it('lets a burst through at once and then one in each interval', async () => {
    const clock = manualClock();
    const pacer = createPacer(clock);
    const pace = { key: 'C0ONE', perSecond: 1, burst: 2 };
    expect([1, 2, 3, 4].map(() => pacer.take(pace))).toEqual([0, 0, 1_000, 2_000]);
    await clock.advance(10_000);
    expect([1, 2, 3].map(() => pacer.take(pace))).toEqual([0, 0, 1_000]);
    expect(pacer.take({ ...pace, key: 'C0TWO' })).toBe(0);
  });
});
