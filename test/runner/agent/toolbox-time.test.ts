import { describe, expect, test } from 'vitest';
import { manualClock } from '../../support/clock.ts';
import { tool, toolbox } from '../../support/claude-loop.ts';
import type { ToolAnswer, Toolbox } from '../../../src/runner/kinds/agent/tools/toolbox.ts';

const never = new AbortController().signal;
const ask = (box: Toolbox, name: string, input: unknown = {}, signal = never): Promise<ToolAnswer> =>
  box.call({ name, input, by: 'model' }, signal);
const hang = (): Promise<never> => new Promise(() => undefined);

describe('time', () => {
  test('a tool that does not answer is left behind at its timeout, and is told', async () => {
    const clock = manualClock();
    let told: unknown;
    const slow = tool(
      'sales',
      (_, signal) => (signal.addEventListener('abort', () => (told = signal.reason)), hang()),
      {
        timeoutMs: 1500,
      },
    );
    const box = toolbox([slow], { clock });
    const answer = ask(box, 'sales');
    await clock.advance(1499);
    expect(box.calls()).toEqual([]);
    await clock.advance(1);
    expect((await answer).text).toContain('sales did not answer within 1500 ms');
    expect(box.calls()).toMatchObject([{ state: 'failed', ms: 1500 }]);
    expect(told).toMatchObject({ code: 'TIMED_OUT' });
    expect(box.failures()[0]?.error.permanent).toBe(false);
  });

  test('a tool that has answered leaves no timer behind, nor does one that failed', async () => {
    const clock = manualClock();
    let waiting = 0;
    const after: typeof clock.after = (ms, fn) => {
      waiting++;
      const timer = clock.after(ms, fn);
      return { cancel: () => (waiting--, timer.cancel()) };
    };
    const down = tool('stock', () => Promise.reject(new Error('down')));
    const box = toolbox([tool('sales'), down], { clock: { ...clock, after } });
    await Promise.all([ask(box, 'sales'), ask(box, 'stock')]);
    expect(waiting).toBe(0);
  });

  test('a signal ends a call at once with its reason, also when the tool ignores it', async () => {
    const stop = new AbortController();
    const begun = Promise.withResolvers<void>();
    const box = toolbox([tool('sales', () => (begun.resolve(), hang()))]);
    const answer = ask(box, 'sales', {}, stop.signal);
    await begun.promise;
    const reason = new Error('stop');
    stop.abort(reason);
    await expect(answer).rejects.toBe(reason);
    expect(box.calls()).toMatchObject([{ state: 'failed' }]);
    await expect(ask(box, 'sales', {}, stop.signal)).rejects.toBe(reason);
  });

  test('a signal ends the wait for the same call of another at once, and that goes on', async () => {
    const stop = new AbortController();
    const done = Promise.withResolvers<object>();
    const box = toolbox([tool('sales', () => done.promise)]);
    const first = ask(box, 'sales');
    const second = ask(box, 'sales', {}, stop.signal);
    const reason = new Error('stop');
    stop.abort(reason);
    await expect(second).rejects.toBe(reason);
    done.resolve({});
    expect((await first).ok).toBe(true);
  });

  test('at most four calls run at once, and a place that becomes free is used', async () => {
    const gates = [...Array(9).keys()].map(() => Promise.withResolvers<void>());
    let [now, most] = [0, 0];
    const box = toolbox([
      tool('sales', async ({ days }) => {
        most = Math.max(most, ++now);
        await gates[Number(days)]?.promise;
        now--;
        return {};
      }),
    ]);
    const answers = gates.map((_, days) => ask(box, 'sales', { days }));
    for (const gate of gates) {
      await new Promise(setImmediate);
      expect(now).toBeLessThanOrEqual(4);
      gate.resolve();
    }
    expect((await Promise.all(answers)).every(({ ok }) => ok)).toBe(true);
    expect(most).toBe(4);
  });

  test('a call that waits for a place leaves the line with its signal, and takes no place with it', async () => {
    const gate = Promise.withResolvers<void>();
    const meeting = Promise.withResolvers<void>();
    let here = 0;
    const box = toolbox([
      tool('sales', async ({ days }) => {
        await gate.promise;
        // Those of the second day wait for each other: they meet only where there are four places.
        if (Number(days) > 10 && ++here === 4) meeting.resolve();
        if (Number(days) > 10) await meeting.promise;
        return {};
      }),
    ]);
    const running = [1, 2, 3, 4].map((days) => ask(box, 'sales', { days }));
    const stop = new AbortController();
    const waiting = ask(box, 'sales', { days: 5 }, stop.signal);
    const behind = ask(box, 'sales', { days: 6 });
    stop.abort(new Error('stop'));
    await expect(waiting).rejects.toThrow('stop');
    gate.resolve();
    expect((await Promise.all([...running, behind])).every(({ ok }) => ok)).toBe(true);
    expect(box.calls()).toHaveLength(5);
    expect((await Promise.all([11, 12, 13, 14].map((days) => ask(box, 'sales', { days })))).every(({ ok }) => ok)).toBe(
      true,
    );
  });
});

describe('the same call', () => {
  test('is carried out once, at the same time and later, in whatever order its members stand', async () => {
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    const box = toolbox([tool('sales', () => (runs++, gate.promise.then(() => ({ data: runs }))))]);
    const both = [ask(box, 'sales', { days: 7 }), ask(box, 'sales', {})];
    gate.resolve();
    const [first, second] = await Promise.all(both);
    expect(second).toEqual(first);
    expect(await box.call({ name: 'sales', input: { days: 7 }, by: 'code' }, never)).toEqual(first);
    expect([runs, box.calls().length]).toEqual([1, 1]);
    await ask(box, 'sales', { days: 8 });
    expect(runs).toBe(2);
  });

  test('is carried out again when it failed', async () => {
    let runs = 0;
    const box = toolbox([tool('sales', () => (++runs === 1 ? Promise.reject(new Error('down')) : { data: runs }))]);
    expect((await ask(box, 'sales')).ok).toBe(false);
    expect((await ask(box, 'sales')).ok).toBe(true);
    expect(box.calls().map(({ state }) => state)).toEqual(['failed', 'ok']);
  });

  test('is carried out for who still waits when who asked first was stopped', async () => {
    let runs = 0;
    const box = toolbox([tool('sales', () => (++runs === 1 ? hang() : { data: runs }))]);
    const stop = new AbortController();
    const first = ask(box, 'sales', {}, stop.signal);
    const second = ask(box, 'sales');
    stop.abort(new Error('stop'));
    await expect(first).rejects.toThrow('stop');
    expect((await second).ok).toBe(true);
  });
});
