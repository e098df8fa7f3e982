import { expect, test } from 'vitest';
import { createZones } from '../../src/bot/zones.ts';
import { silentLog } from '../../src/log.ts';
import { manualClock } from '../support/clock.ts';

const HOUR = 3_600_000;

function asking(answer: () => Promise<string | undefined>) {
  const clock = manualClock();
  const asked: string[] = [];
  const ask = (user: string): Promise<string | undefined> => {
    asked.push(user);
    return answer();
  };
  return { clock, asked, zones: createZones({ ask, clock, log: silentLog }) };
}

test('a person is asked about once an hour', async () => {
  const { zones, asked, clock } = asking(() => Promise.resolve('Asia/Tokyo'));
  expect(await Promise.all([zones.of('U1'), zones.of('U1'), zones.of('U2')])).toEqual(Array(3).fill('Asia/Tokyo'));
  await zones.of('U1');
  expect(asked).toEqual(['U1', 'U2']);
  await clock.advance(HOUR + 1);
  await zones.of('U1');
  expect(asked).toEqual(['U1', 'U2', 'U1']);
});

test('a Slack that refuses is not asked again for some minutes, and nobody is told of a zone', async () => {
  const { zones, asked, clock } = asking(() => Promise.reject(new Error('missing_scope')));
  expect([await zones.of('U1'), await zones.of('U1')]).toEqual([undefined, undefined]);
  expect(asked).toHaveLength(1);
  await clock.advance(HOUR / 12 + 1);
  await zones.of('U1');
  expect(asked).toHaveLength(2);
});

test('an answer that takes longer than a command may wait is there for the next one', async () => {
  const late = Promise.withResolvers<string>();
  const { zones, asked, clock } = asking(() => late.promise);
  const first = zones.of('U1');
  await clock.advance(1_000);
  expect(await first).toBeUndefined();
  late.resolve('Asia/Tokyo');
  expect(await zones.of('U1')).toBe('Asia/Tokyo');
  expect(asked).toHaveLength(1);
});
