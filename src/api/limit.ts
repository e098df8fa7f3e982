import { z } from 'zod';

/** A whole number from 1 to `most` in a query; what lies outside is brought inside, what is no number is refused. */
export function limitBetween(most: number, fallback: number): z.ZodType<number, string | undefined> {
  return z
    .string()
    .regex(/^[+-]?\d{1,20}$/, 'must be a whole number')
    .transform((text) => Math.min(most, Math.max(1, Number(text))))
    .default(fallback);
}
