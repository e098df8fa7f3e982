import { expect, test } from 'vitest';
import { createLogLines } from '../../src/cli/log-lines.ts';
import { manualClock } from '../support/clock.ts';

function setUp() {
  const clock = manualClock();
  const written: string[] = [];
  return { clock, written, lines: createLogLines({ write: (text) => written.push(text), clock }) };
}

test('lines of one moment are written together, in order, within 25 ms', async () => {
  const { clock, written, lines } = setUp();
  lines.write('a\n', 'info');
  lines.write('b\n', 'debug');
  expect(written).toEqual([]);
  await clock.advance(25);
  expect(written).toEqual(['a\nb\n']);
  lines.write('c\n', 'info');
  await clock.advance(25);
  expect(written).toEqual(['a\nb\n', 'c\n']);
});

test.each(['warn', 'error'] as const)('a line of level %s is written at once, after those before it', async (level) => {
  const { clock, written, lines } = setUp();
  lines.write('a\n', 'info');
  lines.write('b\n', level);
  expect(written).toEqual(['a\nb\n']);
  await clock.advance(100);
  expect(written).toEqual(['a\nb\n']);
});

test('a flood is not held, and the end writes what is', () => {
  const { written, lines } = setUp();
  lines.write('x'.repeat(40_000), 'info');
  expect(written).toHaveLength(1);
  lines.write('last\n', 'info');
  lines.flush();
  lines.flush();
  expect(written.slice(1)).toEqual(['last\n']);
});
