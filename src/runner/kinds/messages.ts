/** What an isolated function's process and its parent say to each other over IPC; each side parses what the other sent. */
import { z } from 'zod';
import { Actor, Progress } from '../../store/records.ts';

export const ToChild = z.object({
  type: z.literal('start'),
  dir: z.string(),
  file: z.string(),
  version: z.string(),
  runId: z.string(),
  job: z.string(),
  attempt: z.number(),
  actor: Actor,
  targets: z.array(z.string()),
  input: z.json(),
});
export type ToChild = z.infer<typeof ToChild>;

export const ToParent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), progress: Progress }),
  z.object({ type: z.literal('log'), line: z.string() }),
  z.object({
    type: z.literal('file'),
    name: z.string(),
    mediaType: z.string(),
    title: z.string().optional(),
    base64: z.string(),
  }),
  z.object({ type: z.literal('file_left_out'), problem: z.string() }),
  z.object({ type: z.literal('done'), value: z.json().optional() }),
  z.object({
    type: z.literal('error'),
    /** Set when the job threw one of our own errors. */
    code: z.string().optional(),
    message: z.string(),
    hint: z.string().optional(),
    permanent: z.boolean(),
    retryAfterMs: z.number().optional(),
  }),
]);
export type ToParent = z.infer<typeof ToParent>;
