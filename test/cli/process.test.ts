import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { onStopSignal } from '../../src/cli/process.ts';
import { manualClock } from '../support/clock.ts';

test('the echo of a signal is the same signal; one that comes later is a second', async () => {
  const clock = manualClock();
  const signals = new EventEmitter();
  const heard: string[] = [];
  onStopSignal(
    { clock, signals },
    (signal) => heard.push(signal),
    () => heard.push('again'),
  );
  signals.emit('SIGINT');
  signals.emit('SIGINT');
  await clock.advance(400);
  signals.emit('SIGTERM');
  expect(heard).toEqual(['SIGINT']);
  await clock.advance(200);
  signals.emit('SIGINT');
  expect(heard).toEqual(['SIGINT', 'again']);
});
