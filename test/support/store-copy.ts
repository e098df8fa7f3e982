/** Stores to copy from and to, and one filled with everything that a store can keep. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { copyStore } from '../../src/store/copy.ts';
import type { BatchTerms, Copied, CopySource, CopyTarget } from '../../src/store/copy.ts';
import { embeddedSource, embeddedTarget } from '../../src/store/copy-embedded.ts';
import { verifyCopy } from '../../src/store/copy-verify.ts';
import type { Verdict } from '../../src/store/copy-verify.ts';
import { DEFAULT_OPTIONS } from '../../src/store/core.ts';
import { createEmbeddedStore } from '../../src/store/embedded.ts';
import { createMemoryBacking } from '../../src/store/memory.ts';
import { openCopySource, openCopyTarget, openStore } from '../../src/store/open.ts';
import type { Run } from '../../src/store/records.ts';
import { Report } from '../../src/store/report.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock } from './clock.ts';
import type { ManualClock } from './clock.ts';
import { faultyFiles } from './store-faults.ts';
import type { FaultyFiles } from './store-faults.ts';
import { account } from './store-agents.ts';
import { accept, ana, claimOne, newRun } from './store-harness.ts';

/** Where a store is, open or not. */
export interface Place {
  clock: ManualClock;
  store(): Promise<Store>;
  source(): Promise<CopySource>;
  target(): Promise<CopyTarget>;
  dispose(): Promise<void>;
}

export interface FolderPlace extends Place {
  dir: string;
  /** A new life of the file system, in which calls can be made to fail. */
  faults(): FaultyFiles;
}

export function memoryPlace(clock = manualClock()): Place {
  const backing = createMemoryBacking();
  const opened = () => ({ name: 'memory', backing, loaded: backing.load(), close: async () => undefined });
  return {
    clock,
    store: async () =>
      createEmbeddedStore({ backing, clock, ids: createIds(clock), log: silentLog }, backing.load()).store,
    source: async () => embeddedSource(opened(), DEFAULT_OPTIONS),
    target: async () => embeddedTarget(opened(), clock),
    dispose: async () => undefined,
  };
}

export async function folderPlace(clock = manualClock()): Promise<FolderPlace> {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-copy-'));
  let life = faultyFiles();
  const target = { backend: 'lowdb', dir } as const;
  const lock = async () => ({ release: () => undefined });
  const deps = () => ({
    clock,
    ids: createIds(clock),
    log: silentLog,
    version: '0.0.0-test',
    files: life.files,
    lock,
  });
  const options = { reserveBytes: 4096 };
  return {
    dir,
    clock,
    faults: () => (life = faultyFiles()),
    store: async () => (await openStore(target, deps(), options)).store,
    source: () => openCopySource(target, deps(), options),
    target: () => openCopyTarget(target, deps(), options),
    async dispose() {
      await life.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export type PartialCopy = Partial<BatchTerms> & { signal?: AbortSignal; progress?: (copied: number) => void };

/** Copies with small batches, and closes both ends whatever becomes of it. */
export async function copied(from: Place, to: Place, how: PartialCopy = {}): Promise<Copied> {
  const { signal = new AbortController().signal, progress = () => undefined, items = 3, bytes = 4096 } = how;
  const source = await from.source();
  try {
    const target = await to.target();
    try {
      const deps = { now: from.clock.now(), signal, progress: (mark: Copied['mark']) => progress(mark.copied) };
      return await copyStore({ source, target }, deps, { items, bytes });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

export async function verified(from: Place, to: Place): Promise<Verdict[]> {
  const [source, target] = [await from.source(), await to.source()];
  try {
    const deps = { now: from.clock.now(), signal: new AbortController().signal, progress: () => undefined };
    return (await verifyCopy({ source, target }, deps)) ?? [];
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}

export async function finished(to: Place): Promise<void> {
  const target = await to.target();
  await target.finish();
  await target.close();
}

const BLOB = new TextEncoder().encode('<svg>a chart</svg>'.repeat(5000));

/** What a test needs to know of a filled store. */
export interface Filled {
  sha256: string;
  running: string;
  removed: Run;
  completed: string;
  /** A position in the middle of the feed. */
  seq: number;
}

/** Brings a store into every state that verbs lead to. */
export async function fill(store: Store, clock: ManualClock): Promise<Filled> {
  const ids = createIds(clock);
  const report = () =>
    ({ id: ids.next('dlv'), mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } }) as const;
  const live = { ...report(), mode: 'live' as const };
  const put = await store.blobs.put(
    (async function* () {
      yield BLOB;
    })(),
  );
  if (put.outcome !== 'stored') throw new Error('not stored');
  const { sha256 } = put;

  const done = await accept(store, { idempotencyKey: 'done', origin: { kind: 'slack', channel: 'C0SALES' } });
  const { lease } = await claimOne(store);
  const seq = await newestSeq(store, async () => void (await accept(store, { idempotencyKey: 'ends up removed' })));
  await store.reserve({ runId: done.id, counters: [{ key: '2026-11.usd', amount: 60, cap: 100 }] });
  await store.settle([
    {
      lease,
      end: 'completed',
      result: { rows: 12, ключ: '✓' },
      report: Report.parse({ title: 'Weekly', summary: 'Fine', sections: [{ kind: 'markdown', markdown: '# Fine' }] }),
      deliveries: Array.from({ length: 6 }, report),
      blobs: [{ sha256, bytes: BLOB.length, name: 'chart.svg' }],
      spend: [{ key: '2026-11.usd', amount: 25 }],
      docs: [{ kind: 'memory', key: 'weekly-report', value: { seen: [1, 2, 3] }, runId: done.id }],
      agent: account(1_250_000),
    },
  ]);
  await deliverInEveryWay(store, clock);

  const [removedOne] = (await store.list({ states: ['queued'] })).items;
  const removed = await store.get(removedOne?.id ?? '');
  if (removed === undefined) throw new Error('nothing to remove');
  await store.remove(removed.id, ana);

  await accept(store);
  const failing = await claimOne(store);
  const error = { code: 'JOB_FAILED', message: 'no such sheet' };
  await store.settle([{ lease: failing.lease, end: 'failed', error }]);
  await accept(store);
  const retrying = await claimOne(store);
  const retryAt = new Date(clock.now() + 60_000).toISOString();
  await store.settle([{ lease: retrying.lease, end: 'failed', error, retryAt }]);
  await store.cancel((await accept(store)).id, ana);
  await accept(store, { runAt: new Date(clock.now() + 3_600_000).toISOString(), deliveries: [live] });
  const running = await accept(store, { priority: 9 });
  await claimOne(store);
  await accept(store, { queue: 'paused', idempotencyKey: 'waits' });
  await store.pause('paused', ana);

  await store.putDoc({ kind: 'status', key: 'home', rev: 0, value: [1] });
  await store.putDoc({ kind: 'status', key: 'home', rev: 1, value: { a: null } });
  const expiresAt = new Date(clock.now() + 600_000).toISOString();
  await store.putDoc({ kind: 'inbound', key: 'v0-abc', rev: 0, value: true, expiresAt });
  const slot = new Date(clock.now()).toISOString();
  await store.advance({
    schedule: 'mondays',
    expectedWatermark: null,
    watermark: slot,
    nextSlot: null,
    runs: [newRun({ trigger: 'schedule' })],
    skips: [{ from: slot, to: slot, count: 1, reason: 'paused' }],
  });
  await store.appendAudit({ actor: ana, act: 'refused', note: 'not yours' });
  return { sha256, running: running.id, removed, completed: done.id, seq };
}

/** Leaves deliveries of one run delivered, retrying, unknown, failed, and sending with one part sent and one under way. */
async function deliverInEveryWay(store: Store, clock: ManualClock): Promise<void> {
  const at = new Date(clock.now()).toISOString();
  const claimed = await store.claimDeliveries({ limit: 5, workerId: 'outbox-1', leaseMs: 30_000 });
  const [delivered, retrying, unknown, failed, sending] = claimed.map((one) => one.lease);
  if (delivered === undefined || retrying === undefined || unknown === undefined) throw new Error('too few');
  if (failed === undefined || sending === undefined) throw new Error('too few');
  const receipt = { kind: 'slack', at, channel: 'C0SALES', ts: '1.2', permalink: 'https://x.example/p1' } as const;
  for (const lease of [delivered, sending]) {
    const freeze = [1, 2].map((n) => ({ n, body: { text: `part ${n}` } }));
    await store.recordPart({ lease, freeze, part: { n: 1, state: 'sending', at } });
    await store.recordPart({ lease, part: { n: 1, state: 'sent', at, receipt } });
    await store.recordPart({ lease, part: { n: 2, state: 'sending', at } });
  }
  await store.recordPart({ lease: delivered, part: { n: 2, state: 'sent', at, receipt } });
  await store.settleDelivery({ lease: delivered, outcome: 'delivered' });
  const error = { code: 'SLACK_UNAVAILABLE', message: 'away' };
  const nextAt = new Date(clock.now() + 5000).toISOString();
  await store.settleDelivery({ lease: retrying, outcome: 'retrying', nextAt, error });
  await store.settleDelivery({ lease: unknown, outcome: 'unknown', error });
  await store.settleDelivery({ lease: failed, outcome: 'failed', error });
}

/** The number of the first event that `act` makes. */
async function newestSeq(store: Store, act: () => Promise<void>): Promise<number> {
  const stop = new AbortController();
  const feed = store.watch('now', stop.signal);
  await act();
  for await (const event of feed) return event.seq;
  throw new Error('no event');
}

/** The events after `seq` that are there now, at most `limit`. */
export async function eventsAfter(store: Store, seq: number, limit: number): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const event of store.watch(seq, new AbortController().signal)) {
    found.push(event);
    if (found.length === limit) break;
  }
  return found;
}

/** Everything that a reader of the port can see, as one value. */
export async function view(store: Store): Promise<unknown> {
  const page = await store.list({ limit: 200 });
  const runs = [];
  for (const { id } of page.items) runs.push({ run: await store.get(id), deliveries: await store.deliveries(id) });
  const docs = [];
  for (const kind of ['memory', 'status', 'inbound', 'schedule', 'ledger', 'queues']) {
    docs.push((await store.listDocs(kind, {})).items);
  }
  return { page, runs, docs, counts: await store.count({}), paused: await store.pausedQueues() };
}

export function hashOfBytes(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
