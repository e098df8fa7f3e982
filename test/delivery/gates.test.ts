import { expect, test } from 'vitest';
import { createGates } from '../../src/delivery/gates.ts';
import { manualClock } from '../support/clock.ts';

test.each([
  ['slack:C0SALES', 'SLACK_UNAVAILABLE'],
  ['email:ana@example.com', 'MAIL_UNAVAILABLE'],
  ['webhook:hooks.example.com', 'WEBHOOK_UNAVAILABLE'],
  ['file:reports/x.html', 'FILE_FAILED'],
])('after five failures in a row %s waits a minute, and its reason is %s', (lane, code) => {
  const gates = createGates(manualClock());
  for (let n = 0; n < 5; n++) gates.failed(lane);
  expect(gates.waitOf(lane, lane)).toBe(60_000);
  expect(gates.reasonOf(lane)).toMatchObject({ code, message: expect.stringContaining('failed 5 times in a row') });
});
