/** Holds a store against the ledger of what its writers asked for and were answered. */
import type { Run } from '../src/store/records.ts';
import type { Store } from '../src/store/store.ts';
import type { Ledger, RunNote } from './ledger.ts';

/** Each entry names the thing and what is wrong with it. */
export interface Findings {
  /** Acknowledged and not there. */
  lost: string[];
  /** There, but older than what was acknowledged. */
  stale: string[];
  /** Removed, and there again. */
  resurrected: string[];
  /** One key, two runs. */
  duplicates: string[];
  /** Unreadable, never asked for, or a batch of which only a part is there. */
  corrupt: string[];
}

export const noFindings = (): Findings => ({ lost: [], stale: [], resurrected: [], duplicates: [], corrupt: [] });

export function addFindings(sum: Findings, more: Findings): void {
  sum.lost.push(...more.lost);
  sum.stale.push(...more.stale);
  sum.resurrected.push(...more.resurrected);
  sum.duplicates.push(...more.duplicates);
  sum.corrupt.push(...more.corrupt);
}

/** Checks the runs whose id `wanted` accepts, and every document. */
export async function auditAnswers(store: Store, ledger: Ledger, wanted: (id: string) => boolean): Promise<Findings> {
  const found = noFindings();
  for (const [id, note] of ledger.runs) {
    if (wanted(id)) await auditRun(store, { id, note, found });
  }
  for (const [key, { wished, stored }] of ledger.docs) {
    const doc = await store.getDoc('status', key);
    const rev = doc?.rev ?? 0;
    if (rev < stored) found.stale.push(`document ${key} has rev ${rev} of ${stored}`);
    if (rev > wished || (doc !== undefined && doc.value !== rev)) found.corrupt.push(`document ${key} has rev ${rev}`);
  }
  found.duplicates.push(...ledger.duplicates);
  found.stale.push(...ledger.fenceBreaks);
  return found;
}

async function auditRun(store: Store, at: { id: string; note: RunNote; found: Findings }): Promise<void> {
  const { id, note, found } = at;
  const run = await store.get(id);
  if (run === undefined) {
    if (!note.removeWished) found.lost.push(`${id} (${note.key})`);
    return;
  }
  if (note.removed) found.resurrected.push(id);
  if (run.fence < note.fence) found.stale.push(`${id} has fence ${run.fence} of ${note.fence}`);
  if (note.cancelled && run.state !== 'cancelled') found.stale.push(`${id} is ${run.state}, was cancelled`);
  if (note.result !== undefined && (run.state !== 'completed' || run.result !== note.result)) {
    found.stale.push(`${id} is ${run.state}, was completed`);
  }
  if (run.state === 'completed' && !hasResult(note, run)) {
    found.corrupt.push(`${id} has a result that nobody gave`);
  }
  if (run.state === 'cancelled' && !note.cancelWished) found.corrupt.push(`${id} was cancelled by nobody`);
  for (const delivery of await store.deliveries(id)) {
    if (note.delivered.has(delivery.id) && delivery.state !== 'delivered') {
      found.stale.push(`${delivery.id} of ${id} is ${delivery.state}, was delivered`);
    }
  }
}

function hasResult(note: RunNote, { result }: Run): boolean {
  return typeof result === 'string' && note.resultsWished.has(result);
}

/** Walks every run of the store: no key has two, none is unreadable or was never asked for, and no batch is there in part. */
export async function auditWhole(store: Store, ledger: Ledger): Promise<Findings> {
  const found = noFindings();
  const seen = new Map<string, string>();
  let runs = 0;
  for await (const run of everyRun(store, found)) {
    runs++;
    const key = run.idempotencyKey ?? '';
    const other = seen.get(key);
    if (other !== undefined) found.duplicates.push(`${key}: ${other} and ${run.id}`);
    seen.set(key, run.id);
    if (!ledger.keys.has(key)) found.corrupt.push(`${run.id} was asked for by nobody`);
  }
  const counted = Object.values(await store.count({})).reduce((sum, count) => sum + count, 0);
  if (counted !== runs) found.corrupt.push(`the counts say ${counted}, the list has ${runs}`);
  auditBatches(ledger, { seen, found });
  return found;
}

function auditBatches(ledger: Ledger, { seen, found }: { seen: Map<string, string>; found: Findings }): void {
  const batches = new Map<string, { there: number; of: number }>();
  for (const [key, { batch, id }] of ledger.keys) {
    if (batch === undefined) continue;
    // One that was removed since was there.
    const there = seen.has(key) || id !== undefined;
    const sum = batches.get(batch) ?? { there: 0, of: 0 };
    batches.set(batch, { there: sum.there + (there ? 1 : 0), of: sum.of + 1 });
  }
  for (const [batch, { there, of }] of batches) {
    if (there !== 0 && there !== of) found.corrupt.push(`of batch ${batch} there are ${there} of ${of}`);
  }
}

async function* everyRun(store: Store, found: Findings): AsyncGenerator<Run> {
  let after: string | undefined;
  do {
    const page = await store.list({ limit: 200, ...(after === undefined ? {} : { after }) });
    for (const { id, state, rev } of page.items) {
      const run = await store.get(id);
      if (run === undefined) found.corrupt.push(`${id} is listed and cannot be read`);
      else if (run.state !== state || run.rev !== rev)
        found.stale.push(`${id} is listed as ${state} and is ${run.state}`);
      if (run !== undefined) yield run;
    }
    after = page.next;
  } while (after !== undefined);
}
