import { expect, test } from 'vitest';
import { conversationSignal } from '../../../src/runner/kinds/agent/converse.ts';
import { manualClock } from '../../support/clock.ts';

test('a conversation ends early enough for the figures, where those are better than nothing', async () => {
  const clock = manualClock();
  const { signal } = new AbortController();
  const time = conversationSignal({ clock, signal }, { leftMs: 1000, fallback: true });
  await clock.advance(849);
  expect(time.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(time.signal.reason).toMatchObject({ code: 'TIMED_OUT' });
});

test('a conversation that is over is ended by nobody any more', async () => {
  const clock = manualClock();
  const time = conversationSignal({ clock, signal: new AbortController().signal }, { leftMs: 1000, fallback: true });
  time.close();
  await clock.advance(2000);
  expect(time.signal.aborted).toBe(false);
});

test('a conversation that nothing can stand in for has the whole time', async () => {
  const clock = manualClock();
  const time = conversationSignal({ clock, signal: new AbortController().signal }, { leftMs: 1000, fallback: false });
  await clock.advance(2000);
  expect(time.signal.aborted).toBe(false);
  time.close();
});
