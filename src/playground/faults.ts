import { z } from 'zod';
import { UsageError } from '../errors.ts';
import type { Json } from './state.ts';

/**
 * What can go wrong between us and Slack. `accepted: true` means that the call took effect before its answer was lost or spoilt;
 * the default is that it did not.
 */
const Accepted = z.boolean().optional();
export const Fault = z.discriminatedUnion('kind', [
  /** 429; `retryAfter` is the header as it stands (seconds, negative, huge, a date); without it there is no header. */
  z.object({ kind: z.literal('rate_limited'), retryAfter: z.union([z.string(), z.number()]).optional() }),
  z.object({ kind: z.literal('status'), status: z.number().int().min(201).max(599), accepted: Accepted }),
  z.object({ kind: z.literal('hang'), accepted: Accepted }),
  /** The connection is refused: nothing was sent. Over HTTP the socket is closed unread. */
  z.object({ kind: z.literal('refuse') }),
  z.object({ kind: z.literal('drop_before') }),
  z.object({ kind: z.literal('drop_after') }),
  z.object({ kind: z.literal('malformed_json'), accepted: Accepted }),
  z.object({ kind: z.literal('html'), accepted: Accepted }),
  /** `ok: false` with this code. */
  z.object({ kind: z.literal('error'), error: z.string().min(1), detail: z.record(z.string(), z.json()).optional() }),
  z.object({ kind: z.literal('slow'), ms: z.number().nonnegative().max(120_000) }),
  /** The message is posted, and the answer names a ts that does not exist. */
  z.object({ kind: z.literal('wrong_ts') }),
]);
export type Fault = z.infer<typeof Fault>;

export const FaultRule = z.object({
  /** A Web API method, `*` for all of them, `response_url`, or `upload` for the bytes of a file. */
  method: z.string().min(1),
  fault: Fault,
  /** How many matching calls are hit; default 1. */
  times: z.number().int().positive().optional(),
  /** How many matching calls are let through first; default 0. */
  skip: z.number().int().nonnegative().optional(),
  /** Only calls to this channel, as the app wrote it. */
  channel: z.string().optional(),
});
export type FaultRule = z.infer<typeof FaultRule>;

interface FaultCall {
  method: string;
  args: Json;
}

export interface Faults {
  /** Adds a rule; `when` narrows it further, in this process only. Rules are tried in the order they were added. */
  add(rule: FaultRule, when?: (call: FaultCall) => boolean): void;
  /** The fault that hits this call, counted. */
  next(call: FaultCall): Fault | undefined;
  clear(): void;
  pending(): number;
}

const MAX_RULES = 1_000;

/** Switches that make the fake workspace fail as the real one can. */
export function createFaults(): Faults {
  interface Entry {
    rule: FaultRule;
    when: ((call: FaultCall) => boolean) | undefined;
    skip: number;
    times: number;
  }
  let entries: Entry[] = [];
  function matches(entry: Entry, call: FaultCall): boolean {
    const { method, channel } = entry.rule;
    if (method !== '*' && method !== call.method) return false;
    if (channel !== undefined && call.args['channel'] !== channel) return false;
    return entry.when?.(call) ?? true;
  }
  return {
    add(rule, when) {
      if (entries.length >= MAX_RULES) {
        throw new UsageError(`More than ${MAX_RULES} fault rules are waiting.`, {
          code: 'USAGE',
          hint: 'Call clear().',
        });
      }
      entries.push({ rule, when, skip: rule.skip ?? 0, times: rule.times ?? 1 });
    },
    next(call) {
      for (const entry of entries) {
        if (!matches(entry, call)) continue;
        if (entry.skip > 0) {
          entry.skip -= 1;
          continue;
        }
        entry.times -= 1;
        if (entry.times <= 0) entries = entries.filter((other) => other !== entry);
        return entry.rule.fault;
      }
      return undefined;
    },
    clear() {
      entries = [];
    },
    pending: () => entries.length,
  };
}
