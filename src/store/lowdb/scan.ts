/** Reads every record of the folder, to make what is derived of them. */
import type { KeyEntry } from '../backing.ts';
import { keyOf } from '../keys.ts';
import type { AuditEntry, Run, RunSummary } from '../records.ts';
import { summaryOf } from '../transitions.ts';
import { inBetween } from './archive.ts';
import { isTombstone, runOf } from './forms.ts';
import type { TombstoneFile } from './forms.ts';
import { inParallel, noteOpen, readRecord, runIdsIn } from './load.ts';
import type { Found, LoadDeps } from './load.ts';

/** What reading every record brings to light besides. */
export interface Scanned extends Found {
  keys: KeyEntry[];
  /** Entries that format 1 committed inside a record, and that may not have reached the audit file. */
  audits: AuditEntry[];
  tombstones: TombstoneFile[];
}

const SCAN_STEP = 1024;
const SAY_EVERY_MS = 5000;

/**
 * Reads every record: what a first start with an older format, or a lost index needs. It cannot be left for later, day by day: a run of
 * any age may be unfinished, have an open delivery or hold a key, and only its record says so. `put` gets the runs in the order of their
 * ids, and `pause` is called after each thousand of them.
 */
export async function loadAll(
  deps: LoadDeps,
  to: { put: (run: RunSummary) => void; pause: () => Promise<void> },
): Promise<Scanned> {
  const found: Scanned = {
    unfinished: [],
    deliveries: [],
    closed: [],
    lost: [],
    keys: [],
    audits: [],
    tombstones: [],
  };
  const delivering = await runIdsIn(deps, deps.layout.deliveries);
  const there = await runIdsIn(deps, deps.layout.records);
  for (const runId of deps.dirty.runIds()) there.add(runId);
  const ids = [...there].sort();
  const say = progressOf(deps, ids.length);
  let passed = 0;
  const archived = inBetween(deps.archive.runs(deps), async ({ id, run }) => {
    // A file wins over the archive.
    if (there.has(id)) return;
    to.put(summaryOf(run));
    if (delivering.has(id)) await noteOpen(deps, found, run);
    if (++passed % SCAN_STEP === 0) await to.pause();
  });
  for (let from = 0; from < ids.length; from += SCAN_STEP) {
    const runs: RunSummary[] = [];
    const step = ids.slice(from, from + SCAN_STEP);
    await inParallel(step, async (runId) => {
      const run = await scanOne(deps, found, runId);
      if (run !== undefined) runs.push(run);
    });
    runs.sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const run of runs) {
      await archived.upTo(run.id);
      to.put(run);
    }
    await to.pause();
    say(from + step.length);
  }
  await archived.upTo();
  return found;
}

/** Tells the operator who waits for a start how long that will be. */
function progressOf({ clock, log }: LoadDeps, of: number): (read: number) => void {
  const begun = clock.monotonic();
  let said = begun;
  return (read) => {
    const now = clock.monotonic();
    if (now - said < SAY_EVERY_MS) return;
    said = now;
    const perMs = read / (now - begun);
    const secondsLeft = Math.ceil((of - read) / perMs / 1000);
    log.info('making the index anew from the records', { read, of, perSecond: Math.round(perMs * 1000), secondsLeft });
  };
}

async function scanOne(deps: LoadDeps, found: Scanned, runId: string): Promise<RunSummary | undefined> {
  const record = await readRecord(deps, runId);
  if (record === undefined) return undefined;
  if (record.pendingAudit !== undefined) found.audits.push(...record.pendingAudit);
  const now = deps.clock.now();
  if (isTombstone(record)) {
    found.tombstones.push(record);
    noteKey(found.keys, record.run, { until: record.keyUntil, now, removed: record.run });
    return undefined;
  }
  const run = runOf(record);
  noteKey(found.keys, run, { until: Date.parse(run.createdAt) + deps.keyWindowMs, now });
  await noteOpen(deps, found, run);
  // A rebuild need not remember what is done with: the index of open runs begins empty.
  found.closed.length = 0;
  return summaryOf(run);
}

function noteKey(keys: KeyEntry[], run: Run, terms: { until: number; now: number; removed?: Run }): void {
  const { until, now, removed } = terms;
  if (run.idempotencyKey === undefined || until <= now) return;
  const key = keyOf(run.queue, run.idempotencyKey);
  keys.push({ key, runId: run.id, until, ...(removed === undefined ? {} : { removed }) });
}
