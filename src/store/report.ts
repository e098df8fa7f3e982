/**
 * The report as an object: what every kind of job hands over and every renderer draws. This is the first model (title, summary,
 * figures, markdown); tables, charts and actions join as further section kinds.
 */
import { z } from 'zod';

/** A change against an earlier value; `good` says which direction is good, so that a falling return rate is drawn as good. */
export const Delta = z.object({
  value: z.number(),
  unit: z.enum(['percent', 'percentage_point', 'absolute']).default('percent'),
  versus: z.string().min(1).max(60),
  good: z.enum(['up', 'down', 'neutral']).default('up'),
});
export type Delta = z.infer<typeof Delta>;

/** A number people look for; `display` is how it is written, `value` what it is. */
export const Figure = z.object({
  label: z.string().min(1).max(60),
  value: z.number().nullable(),
  display: z.string().min(1).max(40),
  delta: Delta.optional(),
});
export type Figure = z.infer<typeof Figure>;

const base = {
  title: z.string().min(1).max(120).optional(),
  /** `detail` goes to the thread in Slack; mail and terminal show everything. */
  priority: z.enum(['summary', 'detail']).default('summary'),
};
export const Section = z.discriminatedUnion('kind', [
  z.object({ ...base, kind: z.literal('markdown'), markdown: z.string().max(400_000) }),
  z.object({ ...base, kind: z.literal('figures'), figures: z.array(Figure).min(1).max(12) }),
]);
export type Section = z.infer<typeof Section>;

const SafeUrl = z
  .url()
  .max(2000)
  .refine((url) => /^(?:https?|mailto):/i.test(url), 'must be an http, https or mailto address');

export const Report = z.object({
  schema: z.literal('bellhop.report/1').default('bellhop.report/1'),
  title: z.string().min(1).max(150),
  summary: z.string().min(1).max(600),
  status: z.enum(['ok', 'partial', 'failed']).default('ok'),
  sections: z.array(Section).max(40).default([]),
  warnings: z.array(z.string().min(1).max(500)).max(20).default([]),
  sources: z
    .array(z.object({ title: z.string().min(1).max(200), url: SafeUrl.optional(), asOf: z.iso.datetime().optional() }))
    .max(20)
    .default([]),
  url: SafeUrl.optional(),
  locale: z.string().max(35).default('en-US'),
  timeZone: z.string().max(60).default('UTC'),
  generatedAt: z.iso.datetime().optional(),
});
export type Report = z.infer<typeof Report>;
/** What a job may write: the report before its defaults are filled in. */
export type ReportInput = z.input<typeof Report>;
