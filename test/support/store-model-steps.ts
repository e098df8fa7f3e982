import fc from 'fast-check';
import { LEASE_MS } from './store-model-state.ts';

/** One verb with what it needs; `nth` picks one of what there is. */
export const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ verb: fc.constant('submit' as const), key: fc.constantFrom(undefined, 'a', 'b') }),
  },
  { weight: 5, arbitrary: fc.record({ verb: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      verb: fc.constant('settle' as const),
      end: fc.constantFrom('completed', 'failed', 'retry'),
      nth: fc.nat(9),
      chart: fc.constantFrom(undefined, 0, 1, 2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('release' as const), nth: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('cancel' as const), nth: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('remove' as const), nth: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('late' as const), nth: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constant('deliver' as const), limit: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('notice' as const), key: fc.constantFrom('m', 'n', 'o') }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('doc' as const), key: fc.constantFrom('x', 'y') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant('wait' as const),
      ms: fc.constantFrom(500, 1_500, LEASE_MS - 1_000, LEASE_MS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('undoc' as const), key: fc.constantFrom('x', 'y') }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('batch' as const), size: fc.integer({ min: 2, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('pause' as const) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('advance' as const), behind: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      verb: fc.constant('reserve' as const),
      nth: fc.nat(9),
      amount: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      verb: fc.constant('charge' as const),
      nth: fc.nat(9),
      amount: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('ask' as const) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('approve' as const), nth: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('act' as const) }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('blob' as const), chart: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('collect' as const) }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('copy' as const) }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('heartbeat' as const), nth: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant('part' as const),
      state: fc.constantFrom('pending' as const, 'sending' as const, 'sent' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant('share' as const),
      heavy: fc.nat(3),
      light: fc.nat(3),
      idle: fc.nat(2),
      limit: fc.integer({ min: 1, max: 5 }),
    }),
  },
  // Another day of the records: what the days before hold is then no longer at hand.
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('sleep' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant('reopen' as const),
      how: fc.constantFrom('crash' as const, 'clean' as const, 'power' as const),
    }),
  },
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
