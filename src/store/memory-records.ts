/** What a report of a job recommended and what became of it: one document a report (kind `memory`, key `<job>.<run id>`), removed with its run. */
import { z } from 'zod';
import { Fact } from './agent-records.ts';
import { Actor, Instant, JobName, RunId } from './records.ts';

export const MEMORY = 'memory';

/** How many days a fact spoke of: a sum over other days is no later value of it. */
const Days = z.number().int().min(1).max(100_000).exactOptional();

/** `dismissed` with `until`: not now; without it: never. An open one that is older than the job remembers is expired; nobody writes that. */
const ADVICE_STATES = ['open', 'done', 'dismissed', 'expired'] as const;
export const AdviceState = z.enum(ADVICE_STATES);
export type AdviceState = z.infer<typeof AdviceState>;

/** The first 12 hex digits of sha256(`action|targetType|targetId`): the same advice has the same key in every report. */
export const AdviceKey = z.string().regex(/^[0-9a-f]{12}$/);

export const AdviceRow = z.object({
  key: AdviceKey,
  action: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/),
  targetType: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/),
  targetId: z.string().min(1).max(200),
  /** As it was shown, cut; never the raw text of a tool. */
  title: z.string().min(1).max(120),
  status: AdviceState.exclude(['expired']).default('open'),
  statusAt: Instant.exactOptional(),
  by: Actor.exactOptional(),
  until: Instant.exactOptional(),
  /** What code saw of its outcome. */
  note: z.string().max(300).exactOptional(),
  /** The facts it rested on, as they were. */
  // oxlint-disable-next-line unicorn/no-thenable -- a list, never a function: awaiting a row is harmless
  then: z
    .array(Fact.pick({ key: true, label: true, value: true, unit: true, currency: true }).extend({ days: Days }))
    .max(6)
    .default([]),
});
export type AdviceRow = z.infer<typeof AdviceRow>;

export const MemoryEntry = z.object({
  job: JobName,
  runId: RunId,
  at: Instant,
  headline: z.string().min(1).max(200),
  /** The figures of the report by fact key: what the next report compares with. */
  kpis: z
    .array(
      Fact.pick({ key: true, label: true, value: true, unit: true, currency: true, good: true }).extend({ days: Days }),
    )
    .max(30),
  advice: z.array(AdviceRow).max(20),
});
export type MemoryEntry = z.infer<typeof MemoryEntry>;
