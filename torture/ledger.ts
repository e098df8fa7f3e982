/**
 * What a writer asked for and what it was answered, kept outside the store. A wish counts from before the call on: what was asked for and
 * never answered may be there or not, and a ledger of answers alone would take such a removal for a loss.
 */
import { z } from 'zod';

const Id = z.string();
const entry = z.discriminatedUnion('note', [
  z.object({ note: z.literal('wish-submit'), key: z.string(), queue: z.string(), batch: z.string().optional() }),
  z.object({ note: z.literal('submitted'), key: z.string(), id: Id }),
  z.object({ note: z.literal('claimed'), id: Id, fence: z.number() }),
  z.object({ note: z.literal('wish-settle'), id: Id, result: z.string() }),
  z.object({ note: z.literal('settled'), id: Id, result: z.string() }),
  z.object({ note: z.literal('wish-end'), id: Id, end: z.enum(['cancel', 'remove']) }),
  z.object({ note: z.literal('ended'), id: Id, end: z.enum(['cancel', 'remove']) }),
  z.object({ note: z.literal('delivered'), id: Id, delivery: z.string() }),
  z.object({ note: z.literal('wish-doc'), key: z.string(), rev: z.number() }),
  z.object({ note: z.literal('stored-doc'), key: z.string(), rev: z.number() }),
]);
/** One line of a writer's ledger file. */
export type Entry = z.infer<typeof entry>;

/** What must be true of one run, and what may be. */
export interface RunNote {
  key: string;
  fence: number;
  /** Results that were asked to be stored; one that was never asked for must not be there. */
  resultsWished: Set<string>;
  result?: string;
  cancelWished: boolean;
  cancelled: boolean;
  removeWished: boolean;
  removed: boolean;
  delivered: Set<string>;
}

export interface Ledger {
  /** Every key ever asked for. */
  keys: Map<string, { queue: string; id?: string; batch?: string }>;
  runs: Map<string, RunNote>;
  docs: Map<string, { wished: number; stored: number }>;
  answers: number;
  /** Answers that contradict each other, whatever the store holds: one key with two runs. */
  duplicates: string[];
  /** Fences that did not grow. */
  fenceBreaks: string[];
}

export function newLedger(): Ledger {
  return { keys: new Map(), runs: new Map(), docs: new Map(), answers: 0, duplicates: [], fenceBreaks: [] };
}

/** The keys that were asked for and never answered: the next life asks again. */
export function unansweredOf(ledger: Ledger): { key: string; queue: string }[] {
  return [...ledger.keys].filter(([, { id }]) => id === undefined).map(([key, { queue }]) => ({ key, queue }));
}

/** Reads what a writer left; a last line that the kill cut off was never written as far as anybody knows. */
export function parseEntries(text: string): Entry[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => entry.parse(JSON.parse(line)));
}

/** Adds one life's entries, in their order. */
export function addEntries(ledger: Ledger, entries: readonly Entry[]): void {
  for (const one of entries) add(ledger, one);
}

function add(ledger: Ledger, one: Entry): void {
  if (!one.note.startsWith('wish')) ledger.answers++;
  switch (one.note) {
    case 'wish-submit': {
      const known = ledger.keys.get(one.key);
      if (known === undefined) {
        ledger.keys.set(one.key, { queue: one.queue, ...(one.batch === undefined ? {} : { batch: one.batch }) });
      }
      return;
    }
    case 'submitted':
      return submitted(ledger, one);
    case 'wish-doc':
    case 'stored-doc': {
      const doc = ledger.docs.get(one.key) ?? { wished: 0, stored: 0 };
      const field = one.note === 'wish-doc' ? 'wished' : 'stored';
      ledger.docs.set(one.key, { ...doc, [field]: Math.max(doc[field], one.rev) });
      return;
    }
    default:
      return ofRun(noteOf(ledger, one.id), { ledger, one });
  }
}

function submitted(ledger: Ledger, { key, id }: { key: string; id: string }): void {
  const known = ledger.keys.get(key);
  if (known?.id !== undefined && known.id !== id) ledger.duplicates.push(`${key}: ${known.id} and ${id}`);
  ledger.keys.set(key, { queue: '', ...known, id });
  noteOf(ledger, id).key = key;
}

type OfRun = Exclude<Entry, { note: 'wish-submit' | 'submitted' | 'wish-doc' | 'stored-doc' }>;

function ofRun(run: RunNote, { ledger, one }: { ledger: Ledger; one: OfRun }): void {
  switch (one.note) {
    case 'claimed':
      if (one.fence <= run.fence) ledger.fenceBreaks.push(`${one.id}: ${one.fence} after ${run.fence}`);
      run.fence = Math.max(run.fence, one.fence);
      return;
    case 'wish-settle':
      run.resultsWished.add(one.result);
      return;
    case 'settled':
      run.result = one.result;
      return;
    case 'delivered':
      run.delivered.add(one.delivery);
      return;
    case 'wish-end':
      run[one.end === 'cancel' ? 'cancelWished' : 'removeWished'] = true;
      return;
    case 'ended':
      run[one.end === 'cancel' ? 'cancelled' : 'removed'] = true;
      return;
    default:
      return one satisfies never;
  }
}

function noteOf(ledger: Ledger, id: string): RunNote {
  let note = ledger.runs.get(id);
  if (note === undefined) {
    note = {
      key: '',
      fence: 0,
      resultsWished: new Set(),
      cancelWished: false,
      cancelled: false,
      removeWished: false,
      removed: false,
      delivered: new Set(),
    };
    ledger.runs.set(id, note);
  }
  return note;
}
