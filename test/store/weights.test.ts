import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createWeights } from '../../src/store/weights.ts';

const backlog = (names: readonly string[], each = 2000) =>
  names.flatMap((queue) => Array.from({ length: each }, () => ({ queue })));
const asked = (weights: Record<string, number>, limit: number) => ({
  queues: Object.entries(weights).map(([name, weight]) => ({ name, weight, limit: 10_000 })),
  limit,
});
const counts = (picked: readonly { queue: string }[]): Record<string, number> => {
  const found: Record<string, number> = {};
  for (const { queue } of picked) found[queue] = (found[queue] ?? 0) + 1;
  return found;
};

it('G11 over 1,000 claims each queue with a backlog gets its share within a tenth, and none starves', () => {
  const weight = fc.integer({ min: 1, max: 20 });
  fc.assert(
    fc.property(fc.record({ a: weight, b: weight, c: weight }), fc.integer({ min: 1, max: 50 }), (wanted, limit) => {
      const weights = createWeights();
      const picked: { queue: string }[] = [];
      const waiting = backlog(['a', 'b', 'c'], 200);
      while (picked.length < 1000) picked.push(...weights.share(waiting, asked(wanted, limit)));
      const total = wanted.a + wanted.b + wanted.c;
      for (const [name, share] of Object.entries(wanted)) {
        const expected = (picked.length * share) / total;
        const got = counts(picked)[name] ?? 0;
        expect(Math.abs(got - expected)).toBeLessThanOrEqual(Math.max(1, expected / 10));
      }
    }),
    { seed: 20261123, numRuns: 100 },
  );
});
it('G11 a queue that had nothing to do does not catch up on what it did not want', () => {
  const weights = createWeights();
  weights.share(backlog(['a']), asked({ a: 1, b: 1 }, 1000));
  expect(counts(weights.share(backlog(['a', 'b']), asked({ a: 1, b: 1 }, 100)))).toEqual({ a: 50, b: 50 });
});
it('a queue of weight 0 gets what the others leave, and limits of queues hold', () => {
  const weights = createWeights();
  const due = [...backlog(['idle'], 5), ...backlog(['a'], 3)];
  expect(counts(weights.share(due, asked({ idle: 0, a: 1 }, 4)))).toEqual({ a: 3, idle: 1 });
  const queues = [
    { name: 'a', limit: 2, weight: 9 },
    { name: 'b', limit: 9, weight: 1 },
  ];
  expect(counts(weights.share(backlog(['a', 'b']), { queues, limit: 6 }))).toEqual({ a: 2, b: 4 });
  expect(() => weights.share([], asked({ a: Number.NaN }, 1))).toThrow(/weight/);
});
