import { expect, test } from 'vitest';
import { createPlaces } from '../../../src/runner/kinds/agent/tools/at-once.ts';

const never = new AbortController().signal;

test('a place that is given to one who leaves the line in the same moment goes to the next', async () => {
  const places = createPlaces(1);
  const leave = await places.take(never);
  const stop = new AbortController();
  const reason = new Error('stop');
  const second = places.take(stop.signal);
  const third = places.take(never);
  stop.abort(reason);
  leave();
  await expect(second).rejects.toBe(reason);
  (await third)();
  (await places.take(never))();
});

test('one who left the line is passed over', async () => {
  const places = createPlaces(1);
  const leave = await places.take(never);
  const stop = new AbortController();
  const second = places.take(stop.signal);
  stop.abort(new Error('stop'));
  await expect(second).rejects.toThrow('stop');
  const third = places.take(never);
  leave();
  (await third)();
});
