import { expect, test } from 'vitest';
import { CASES } from './cases.ts';
import { examine, grade } from './grade.ts';

test('the set has at least twelve shops, each with its own name', () => {
  expect(CASES.length).toBeGreaterThanOrEqual(12);
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
});

test.each(CASES.map((one) => [one.name, one] as const))(
  '%s: all that was planted is found, and nothing else',
  async (_name, one) => {
    const examined = await examine(one);
    const { missed, alarms, lint, bare, quiet } = grade(examined);
    expect({ missed, alarms, lint, bare }).toEqual({ missed: [], alarms: [], lint: [], bare: [] });
    expect(quiet).toBe(one.truth.quiet ?? false);
    const down = examined.evidence.calls.filter(({ state }) => state === 'failed').map(({ name }) => name);
    expect(down).toEqual(one.truth.down ?? []);
  },
);

test.each(CASES.map((one) => [one.name, one] as const))(
  '%s: every figure is what the rows say, reckoned another way',
  async (_name, one) => {
    const { wrong, checked } = grade(await examine(one));
    expect(wrong).toEqual([]);
    expect(checked).toBeGreaterThanOrEqual(one.name === 'empty' ? 15 : 20);
  },
);
