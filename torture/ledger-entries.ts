/**
 * The lines of a writer's ledger. A wish is noted before the call and an answer after it: what was asked for and never answered may be
 * there or not, and a ledger of answers alone would take such a removal for a loss.
 */
import { z } from 'zod';
import { LAW_NAMES } from './store-laws.ts';

const Id = z.string();
/** Milliseconds of the clock of the life. */
const At = z.number();
const End = z.enum(['cancel', 'remove']);

export const Entry = z.discriminatedUnion('note', [
  z.object({
    note: z.literal('wish-submit'),
    key: z.string(),
    queue: z.string(),
    at: At,
    batch: z.string().optional(),
  }),
  z.object({ note: z.literal('submitted'), key: z.string(), id: Id }),
  z.object({ note: z.literal('claimed'), id: Id, fence: z.number() }),
  z.object({
    note: z.literal('wish-settle'),
    id: Id,
    end: z.enum(['completed', 'failed']),
    /** The result, or the message of the error: nobody else gives the same. */
    token: z.string(),
    at: At,
    counter: z.string().optional(),
    amount: z.number().optional(),
  }),
  z.object({ note: z.literal('settled'), id: Id, token: z.string() }),
  z.object({ note: z.literal('wish-end'), id: Id, end: End, at: At }),
  z.object({ note: z.literal('ended'), id: Id, end: End }),
  z.object({
    note: z.literal('part'),
    id: Id,
    delivery: Id,
    body: z.string(),
    state: z.enum(['frozen', 'sending', 'sent']),
  }),
  z.object({ note: z.literal('delivered'), id: Id, delivery: Id }),
  // One thing that holds one value: a document, or whether a queue is paused. Null: it is not there.
  z.object({ note: z.literal('wish-set'), register: z.string(), value: z.json() }),
  z.object({ note: z.literal('set'), register: z.string(), value: z.json() }),
  z.object({ note: z.literal('not-set'), register: z.string(), value: z.json() }),
  z.object({
    note: z.literal('wish-advance'),
    schedule: z.string(),
    slot: z.number(),
    key: z.string(),
    queue: z.string(),
    at: At,
  }),
  z.object({ note: z.literal('advanced'), schedule: z.string(), slot: z.number() }),
  z.object({ note: z.literal('wish-reserve'), id: Id, counter: z.string(), amount: z.number(), cap: z.number() }),
  z.object({ note: z.literal('reserved'), id: Id, counter: z.string() }),
  z.object({ note: z.literal('wish-act'), mark: z.string() }),
  z.object({ note: z.literal('acted'), mark: z.string() }),
  z.object({ note: z.literal('event'), seq: z.number(), fact: z.string() }),
  z.object({ note: z.literal('wish-backup'), dir: z.string() }),
  z.object({ note: z.literal('backup'), dir: z.string() }),
  /** What a writer looked at by itself. */
  z.object({ note: z.literal('check'), law: z.enum(LAW_NAMES), holds: z.boolean(), what: z.string() }),
]);
/** One line of a writer's ledger file. */
export type Entry = z.infer<typeof Entry>;
export type EntryOf<N extends Entry['note']> = Extract<Entry, { note: N }>;

/** Reads what a writer left; a last line that the kill cut off was never written as far as anybody knows. */
export function parseEntries(text: string): Entry[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Entry.parse(JSON.parse(line)));
}
