/**
 * The report as an object: what every kind of job hands over and every renderer draws. Its sections stand in report-sections.ts.
 * What is stored stays readable: fields are only added, and what is added is optional or has a default.
 */
import { z } from 'zod';
import { SafeUrl, Section } from './report-sections.ts';

/** A file that comes with the report; its bytes are a blob of the store. */
const Attachment = z.object({
  name: z.string().regex(/^[\w][\w.\- ]{0,99}$/, 'must be a plain file name'),
  mediaType: z
    .string()
    .regex(/^[\w.+-]+\/[\w.+-]+$/)
    .max(100),
  title: z.string().min(1).max(200).exactOptional(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.number().int().nonnegative(),
});
export type Attachment = z.infer<typeof Attachment>;
export const MAX_ATTACHMENTS = 10;
export const Report = z.object({
  schema: z.literal('bellhop.report/1').default('bellhop.report/1'),
  title: z.string().min(1).max(150),
  summary: z.string().min(1).max(600),
  status: z.enum(['ok', 'partial', 'failed']).default('ok'),
  /** What the report speaks of, as days. */
  period: z
    .object({ from: z.iso.date(), to: z.iso.date(), label: z.string().min(1).max(80) })
    .refine(({ from, to }) => from <= to, 'must not end before it begins')
    .exactOptional(),
  /** Reports of one series follow each other; default: the job. */
  series: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,79}$/)
    .exactOptional(),
  sections: z
    .array(Section)
    .max(40)
    .refine(
      (sections) =>
        new Set(sections.flatMap(({ id }) => id ?? [])).size === sections.flatMap(({ id }) => id ?? []).length,
      'must not use an id twice',
    )
    .default([]),
  warnings: z.array(z.string().min(1).max(500)).max(20).default([]),
  sources: z
    .array(z.object({ title: z.string().min(1).max(200), url: SafeUrl.optional(), asOf: z.iso.datetime().optional() }))
    .max(20)
    .default([]),
  attachments: z.array(Attachment).max(MAX_ATTACHMENTS).exactOptional(),
  url: SafeUrl.optional(),
  /** What making it cost: model, micro-dollars, milliseconds. */
  cost: z
    .object({
      model: z.string().max(80).exactOptional(),
      microUsd: z.number().int().nonnegative().exactOptional(),
      ms: z.number().nonnegative().exactOptional(),
    })
    .exactOptional(),
  locale: z.string().max(35).default('en-US'),
  timeZone: z.string().max(60).default('UTC'),
  generatedAt: z.iso.datetime().optional(),
});
export type Report = z.infer<typeof Report>;
/** What a job may write: the report before its defaults are filled in. */
export type ReportInput = z.input<typeof Report>;
