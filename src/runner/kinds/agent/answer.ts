/** What the model answers: its schema on the wire, and how an answer is read, linted and repaired. */
import { z } from 'zod';
import type { MemoryEntry } from '../../../store/memory-records.ts';
import type { LoadedAgent } from '../../jobs.ts';
import type { FactBook } from './facts.ts';
import type { ReadAnswer } from './loop.ts';

const Confidence = z.enum(['high', 'medium', 'low']);
export const HouseAnswer = z.object({
  headline: z.string(),
  summary: z.string(),
  findings: z.array(
    z.object({
      text: z.string(),
      confidence: Confidence,
      targetType: z.string().nullable(),
      targetId: z.string().nullable(),
    }),
  ),
  recommendations: z.array(
    z.object({
      action: z.string(),
      targetId: z.string(),
      title: z.string(),
      why: z.string(),
      impact: z.string().nullable(),
      confidence: Confidence,
      repeatReason: z.string().nullable(),
    }),
  ),
});
export type HouseAnswer = z.infer<typeof HouseAnswer>;

/** The JSON schema without limits: what the service does not hold would only be lost. */
export function answerSchema(_job: LoadedAgent): Record<string, unknown> {
  throw new Error('placeholder');
}
/** Reads an answer of the house or of the job's own schema (then a plain object). */
export function createReader(_deps: {
  job: LoadedAgent;
  book: FactBook;
  memory: readonly MemoryEntry[];
  now: number;
  canary: string;
}): ReadAnswer<Record<string, unknown>> {
  throw new Error('placeholder');
}
