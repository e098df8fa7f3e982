/** The sections of a report: markdown, figures, tables, charts, actions. */
import { z } from 'zod';

export const SafeUrl = z
  .url()
  .max(2000)
  .refine((url) => /^(?:https?|mailto):/i.test(url), 'must be an http, https or mailto address');

/** A change against an earlier value; `good` says which direction is good, so that a falling return rate is drawn as good. */
export const Delta = z.object({
  value: z.number(),
  unit: z.enum(['percent', 'percentage_point', 'absolute']).default('percent'),
  versus: z.string().min(1).max(60),
  good: z.enum(['up', 'down', 'neutral']).default('up'),
});
export type Delta = z.infer<typeof Delta>;

const SectionId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'must be kebab-case');

/** A number people look for; `display` is how it is written, `value` what it is. */
export const Figure = z.object({
  id: SectionId.exactOptional(),
  label: z.string().min(1).max(60),
  value: z.number().nullable(),
  display: z.string().min(1).max(40),
  delta: Delta.optional(),
  /** The values before it, oldest first, drawn as a small line. */
  spark: z.array(z.number()).min(2).max(60).exactOptional(),
});
export type Figure = z.infer<typeof Figure>;

export const Column = z.object({
  key: z.string().min(1).max(60),
  label: z.string().min(1).max(60),
  type: z.enum(['text', 'number', 'money', 'percent', 'date', 'link']).default('text'),
  /** Default: numbers to the right, the rest to the left. */
  align: z.enum(['left', 'right', 'center']).exactOptional(),
  /** ISO 4217, for `money`. */
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .exactOptional(),
  digits: z.number().int().min(0).max(4).exactOptional(),
});
export type Column = z.infer<typeof Column>;
/** `percent` is written as it is: 12.5 is 12.5%. Dates are ISO days or instants. */
export const Cell = z.union([
  z.string().max(4000),
  z.number(),
  z.null(),
  z.object({ text: z.string().max(4000), href: SafeUrl }),
]);
export type Cell = z.infer<typeof Cell>;

const Values = z.array(z.number().nullable());
const Named = z.string().min(1).max(80);
const Xy = z
  .object({
    type: z.enum(['line', 'bar', 'area']),
    categories: z.array(z.string().min(1).max(80)).min(1).max(400),
    /** A value is null where there is none: a gap. */
    series: z
      .array(z.object({ name: Named, values: Values }))
      .min(1)
      .max(12),
    unit: z.string().min(1).max(12).exactOptional(),
    xLabel: z.string().min(1).max(50).exactOptional(),
    yLabel: z.string().min(1).max(50).exactOptional(),
  })
  .refine(
    ({ categories, series }) => series.every(({ values }) => values.length === categories.length),
    'each series must have a value (or null) for each category',
  );
const Pie = z.object({
  type: z.literal('pie'),
  segments: z
    .array(z.object({ label: Named, value: z.number().positive() }))
    .min(1)
    .max(12),
  unit: z.string().min(1).max(12).exactOptional(),
});
/** What a chart shows. `unit` stands before a number when it is a currency sign, else behind it. */
export const Chart = z.union([Xy, Pie]);
export type Chart = z.infer<typeof Chart>;

const Action = z.object({
  title: z.string().min(1).max(200),
  why: z.string().min(1).max(1000).exactOptional(),
  href: SafeUrl.exactOptional(),
  impact: z.string().min(1).max(80).exactOptional(),
  /** The row of the job's memory that people answer with buttons: the run that recommended it, and the key of the advice. */
  advice: z
    .object({ runId: z.string().regex(/^run_[0-9a-z]{26}$/), key: z.string().regex(/^[0-9a-f]{12}$/) })
    .exactOptional(),
});
export type Action = z.infer<typeof Action>;

export const MAX_ROWS = 10_000;
export const MAX_COLUMNS = 256;
/** Rows times columns: what a renderer can write without holding up everybody else. */
const MAX_CELLS = 100_000;
const base = {
  id: SectionId.exactOptional(),
  title: z.string().min(1).max(120).optional(),
  /** `detail` goes to the thread in Slack; mail and terminal show everything. */
  priority: z.enum(['summary', 'detail']).default('summary'),
};
const Table = z
  .object({
    ...base,
    kind: z.literal('table'),
    /** What the table shows, for those who hear it as well. */
    caption: z.string().min(1).max(200),
    columns: z
      .array(Column)
      .min(1)
      .max(MAX_COLUMNS)
      .refine((columns) => new Set(columns.map(({ key }) => key)).size === columns.length, 'must not use a key twice'),
    rows: z.array(z.record(z.string(), Cell)).max(MAX_ROWS),
    /** Rows that a message shows; files have all of them. */
    preview: z.number().int().min(1).max(200).default(20),
  })
  .refine(
    ({ columns, rows }) => columns.length * rows.length <= MAX_CELLS,
    `must have at most ${MAX_CELLS} cells; attach larger ones as a file`,
  );

export const Section = z.discriminatedUnion('kind', [
  z.object({ ...base, kind: z.literal('markdown'), markdown: z.string().max(400_000) }),
  z.object({ ...base, kind: z.literal('figures'), figures: z.array(Figure).min(1).max(12) }),
  Table,
  z.object({
    ...base,
    kind: z.literal('chart'),
    /** What the chart says, in words: it stands for the chart where none can be drawn, or seen. */
    alt: z.string().min(10).max(2000),
    chart: Chart,
  }),
  z.object({ ...base, kind: z.literal('actions'), items: z.array(Action).min(1).max(20) }),
]);
export type Section = z.infer<typeof Section>;
export type TableSection = Extract<Section, { kind: 'table' }>;
export type ChartSection = Extract<Section, { kind: 'chart' }>;
