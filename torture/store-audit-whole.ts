/** Walks the whole of a store: lists, counts, batches, schedules, counters, and what time should have taken away. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isFinal } from '../src/store/records.ts';
import type { Run } from '../src/store/records.ts';
import { keepOf, tokenOf } from './store-audit.ts';
import type { Audit } from './store-audit.ts';
import { KEPT_SURELY_MS, WALK_STEP_MS } from './store-terms.ts';

/** What a walk found: every run that is there, by id. */
export type Walked = Map<string, Run>;

/** No key has two runs, none is unreadable or was never asked for, and the lists, the counts and the records say the same. */
export async function walk({ store, ledger, found }: Audit): Promise<Walked> {
  const walked: Walked = new Map();
  const byKey = new Map<string, string>();
  let after: string | undefined;
  do {
    const page = await store.list({ limit: 200, ...(after === undefined ? {} : { after }) });
    for (const { id, state, rev } of page.items) {
      const run = await store.get(id);
      found.check(
        'corrupt',
        run?.state === state && run.rev === rev,
        () => `${id} is listed as ${state} and is ${run?.state}`,
      );
      found.check('resurrected', !ledger.gone.has(id), () => `${id} was gone`);
      if (run === undefined) continue;
      const key = run.idempotencyKey ?? '';
      found.check('duplicates', !byKey.has(key), () => `${key}: ${byKey.get(key)} and ${id}`);
      found.check('corrupt', ledger.keys.has(key), () => `${id} was asked for by nobody`);
      byKey.set(key, id);
      walked.set(id, run);
    }
    after = page.next;
  } while (after !== undefined);
  const counted = Object.values(await store.count({})).reduce((sum, count) => sum + count, 0);
  found.check('corrupt', counted === walked.size, () => `the counts say ${counted}, the list has ${walked.size}`);
  return walked;
}

/** Of a batch all runs are there, or none; one that was removed since was there. */
export function auditBatches({ ledger, found, now }: Audit, walked: Walked): void {
  const there = keysOf(walked);
  const batches = new Map<string, { there: number; of: number }>();
  for (const [key, { batch, id, at }] of ledger.keys) {
    if (batch === undefined || at < now - KEPT_SURELY_MS) continue;
    const sum = batches.get(batch) ?? { there: 0, of: 0 };
    const is = there.has(key) || id !== undefined;
    batches.set(batch, { there: sum.there + (is ? 1 : 0), of: sum.of + 1 });
  }
  for (const [batch, sum] of batches) {
    found.check(
      'corrupt',
      sum.there === 0 || sum.there === sum.of,
      () => `of batch ${batch} there are ${sum.there} of ${sum.of}`,
    );
  }
}

/** Up to its watermark each slot of a schedule has its run, and beyond it none has. */
export async function auditSchedules({ store, ledger, found, now }: Audit, walked: Walked): Promise<void> {
  const there = keysOf(walked);
  for (const [name, { through, slots }] of ledger.schedules) {
    const stands = ((await store.getDoc('schedule', name))?.rev ?? 0) - 1;
    found.check('schedules', stands >= through, () => `${name} stands at ${stands}, was acknowledged at ${through}`);
    for (const [slot, { key, at }] of slots) {
      // Nobody removes these runs but retention.
      if (slot > stands)
        found.check('schedules', !there.has(key), () => `${key} has a run, and ${name} stands at ${stands}`);
      else if (at > now - KEPT_SURELY_MS)
        found.check('schedules', there.has(key), () => `${key} has no run, and ${name} stands at ${stands}`);
    }
  }
}

function keysOf(walked: Walked): Set<string> {
  return new Set([...walked.values()].map((run) => run.idempotencyKey ?? ''));
}

const CounterValue = z.object({ used: z.number(), held: z.record(z.string(), z.number()) });

/** Used is what was surely spent, and at most what may have been besides; held is what unfinished runs have reserved. */
export async function auditCounters(audit: Audit, walked: Walked): Promise<void> {
  const { store, ledger, found } = audit;
  for (const [key, { cap, spent, open }] of ledger.counters) {
    const doc = await store.getDoc('ledger', key);
    const { used, held } = doc === undefined ? { used: 0, held: {} } : CounterValue.parse(doc.value);
    let [least, most] = [spent, spent];
    for (const [token, { id, amount }] of open) {
      const run = walked.get(id);
      if (run !== undefined && tokenOf(run) === token) least += amount;
      if (run === undefined || tokenOf(run) === token) most += amount;
    }
    found.check('counters', used >= least && used <= most, () => `${key} used ${used}, was spent ${least} to ${most}`);
    const total = Object.values(held).reduce((sum, amount) => sum + amount, used);
    found.check('counters', total <= cap, () => `${key} stands at ${total} of ${cap}`);
    for (const [id, amount] of Object.entries(held)) {
      const run = walked.get(id);
      const right = run !== undefined && !isFinal(run.state) && ledger.runs.get(id)?.reserve?.amount === amount;
      found.check('counters', right, () => `${key}: ${amount} is held by ${id}, which is ${run?.state ?? 'gone'}`);
    }
  }
  await auditHolds(audit, walked);
}

async function auditHolds({ store, ledger, found }: Audit, walked: Walked): Promise<void> {
  for (const run of walked.values()) {
    const reserve = ledger.runs.get(run.id)?.reserve;
    if (reserve?.acknowledged !== true || isFinal(run.state)) continue;
    const value = CounterValue.safeParse((await store.getDoc('ledger', reserve.counter))?.value);
    const holds = value.success && value.data.held[run.id] === reserve.amount;
    found.check(
      'counters',
      holds,
      () => `${reserve.counter}: ${run.id} is unfinished and does not hold its ${reserve.amount}`,
    );
  }
}

/** Each takes some hundred runs. */
const MAX_SWEEPS = 1_000;
const IDLE_SWEEPS = 8;

/** Sweeps until nothing more goes; only then does time pass, and then nothing may go for some steps. */
export async function sweepOut(store: Audit['store'], step: (ms: number) => void): Promise<void> {
  let before = -1;
  for (let sweeps = 0, idle = 0; sweeps < MAX_SWEEPS && idle < IDLE_SWEEPS; sweeps++) {
    await store.sweep();
    const left = Object.values(await store.count({})).reduce((sum, count) => sum + count, 0);
    idle = left === before ? idle + 1 : 0;
    // Longer than retention looks away, and a step of the walk over the blobs.
    if (idle > 0) step(2 * WALK_STEP_MS);
    before = left;
  }
}

export async function auditRetention({ store, found, now }: Audit, walked: Walked): Promise<void> {
  for (const run of walked.values()) {
    if (!isFinal(run.state) || run.finishedAt === undefined) continue;
    const due = Date.parse(run.finishedAt) + keepOf(run.state) <= now;
    const owes =
      due && (await store.deliveries(run.id)).some((one) => !['delivered', 'failed', 'unknown'].includes(one.state));
    found.check('retention', !due || owes, () => `${run.id} finished at ${run.finishedAt} and is still there`);
  }
}

const BLOB_FILE = /^([0-9a-f]{64})(?:\.(run_\w+))?$/;

/** Each blob on the disk is named by a run, or an unfinished one may still come to name it. */
export async function auditGarbage({ found }: Audit, walked: Walked, dir: string): Promise<void> {
  const folder = join(dir, 'blobs');
  const named = new Set([...walked.values()].flatMap((run) => (run.blobs ?? []).map(({ sha256 }) => sha256)));
  const names = (await readdir(folder, { recursive: true }).catch(() => [])).map((path) =>
    BLOB_FILE.exec(path.slice(path.lastIndexOf('/') + 1)),
  );
  const files = names.filter((one) => one !== null);
  const waiting = new Set<string>();
  for (const [, sha256 = '', id] of files) {
    const run = id === undefined ? undefined : walked.get(id);
    if (run !== undefined && !isFinal(run.state)) waiting.add(sha256);
  }
  for (const [, sha256 = '', id] of files) {
    if (id !== undefined) continue;
    found.check('collected', named.has(sha256) || waiting.has(sha256), () => `${sha256} is there, and no run names it`);
  }
}
