import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIds } from '../../src/ids.ts';
import type { Ids } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import type { StoreOptions } from '../../src/store/core.ts';
import { createEmbeddedStore } from '../../src/store/embedded.ts';
import { NOTHING } from '../../src/store/backing.ts';
import { createMemoryBacking } from '../../src/store/memory.ts';
import { nodeFiles } from '../../src/store/lowdb/files.ts';
import type { Files } from '../../src/store/lowdb/files.ts';
import { commitOf } from '../../src/store/lowdb/journal-forms.ts';
import { openStore } from '../../src/store/open.ts';
import { AuditEntry } from '../../src/store/records.ts';
import type { Actor, Run } from '../../src/store/records.ts';
import type { ClaimedRun, ClaimRequest, NewRun, OpenReport, Store } from '../../src/store/store.ts';
import { manualClock } from './clock.ts';
import type { ManualClock } from './clock.ts';
import { faultyFiles } from './store-faults.ts';
import type { FaultyFiles } from './store-faults.ts';

export interface Harness {
  readonly store: Store;
  readonly report: OpenReport | undefined;
  clock: ManualClock;
  ids: Ids;
  /** Ends the store, by a kill or by a close, and opens what it left. */
  reopen(how: 'crash' | 'clean'): Promise<void>;
  audit(): Promise<AuditEntry[]>;
  dispose(): Promise<void>;
}

export interface LowdbHarness extends Harness {
  dir: string;
  readonly faults: FaultyFiles;
}

export const ana: Actor = { kind: 'slack', id: 'U0ANA', name: 'Ana' };

/** A memory store on a clock that stands still; it cannot be reopened. */
export function memoryHarness(options: Partial<StoreOptions> = {}): Harness {
  const clock = manualClock();
  const ids = createIds(clock);
  const backing = createMemoryBacking();
  const { store } = createEmbeddedStore({ backing, clock, ids, log: silentLog }, NOTHING, options);
  return {
    store,
    report: undefined,
    clock,
    ids,
    reopen: () => Promise.reject(new Error('a memory store ends with its process')),
    audit: () => Array.fromAsync(backing.readAudit()),
    dispose: () => store.close(),
  };
}

/** A lowdb store in a temporary folder; its lock is replaced, for this process cannot die to release it. */
export async function lowdbHarness(options: Partial<StoreOptions> = {}): Promise<LowdbHarness> {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-store-'));
  const clock = manualClock();
  const open = async (
    faults: FaultyFiles,
  ): Promise<{ store: Store; report: OpenReport; ids: Ids; faults: FaultyFiles }> => {
    const ids = createIds(clock);
    const lock = async () => ({ release: () => undefined });
    const deps = { clock, ids, log: silentLog, version: '0.0.0-test', files: faults.files, lock };
    return {
      ...(await openStore({ backend: 'lowdb', dir }, deps, { reserveBytes: 4096, journalRoomBytes: 2048, ...options })),
      ids,
      faults,
    };
  };
  let life = await open(faultyFiles());
  return {
    dir,
    clock,
    get store() {
      return life.store;
    },
    get report() {
      return life.report;
    },
    get ids() {
      return life.ids;
    },
    get faults() {
      return life.faults;
    },
    async reopen(how) {
      if (how === 'clean') await life.store.close();
      await life.faults.kill();
      // A new life begins later than the old one ended; event numbers rest on it.
      clock.step(1);
      life = await open(faultyFiles());
    },
    audit: () => readAudit(dir),
    async dispose() {
      await life.store.close().catch(() => undefined);
      await life.faults.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Every act that a data folder holds: in the audit files, and in the journal as far as these do not have it yet. */
export async function readAudit(dir: string, files: Files = nodeFiles): Promise<AuditEntry[]> {
  const lines = await linesBelow(join(dir, 'audit'), files);
  const kept = lines.map((line) => AuditEntry.parse(JSON.parse(line)));
  const known = new Set(kept.map((entry) => entry.id));
  const journal = (await linesBelow(join(dir, 'journal'), files)).flatMap((line) => {
    const commit = commitOf(JSON.parse(line.slice(9)));
    return commit?.changes ?? [];
  });
  for (const change of journal) {
    const entry = change.kind === 'audit' ? change.entry : 'audit' in change ? change.audit : undefined;
    if (entry === undefined || known.has(entry.id)) continue;
    known.add(entry.id);
    kept.push(entry);
  }
  return kept;
}

const MAX_FILE_BYTES = 2 ** 26;

async function linesBelow(folder: string, files: Files): Promise<string[]> {
  const names = (await files.list(folder).catch(() => [])).map(({ name }) => name);
  const texts = await Promise.all(
    names
      .toSorted((a, b) => a.localeCompare(b))
      .map(async (name) => Buffer.from(await files.read(join(folder, name), MAX_FILE_BYTES)).toString()),
  );
  const lines = texts.join('\n').split('\n');
  // The journal ends in room for more lines.
  return lines.filter((line) => line.trim() !== '');
}

/** A run to submit; what matters to the test is given. */
export function newRun(over: Partial<NewRun> = {}): NewRun {
  return {
    job: 'weekly-report',
    kind: 'function',
    queue: 'weekly-report',
    trigger: 'slack',
    actor: ana,
    input: { week: 47 },
    policy: { maxAttempts: 3, timeoutMs: 60_000, backoff: { baseMs: 1000, maxMs: 60_000 } },
    ...over,
  };
}

/** Submits one run that must be accepted. */
export async function accept(store: Store, over: Partial<NewRun> = {}): Promise<Run> {
  const [outcome] = await store.submit([newRun(over)]);
  if (outcome?.outcome !== 'accepted') throw new Error(`not accepted: ${outcome?.outcome}`);
  return outcome.run;
}

/** What a worker asks for; everything of the usual queue unless told. */
export function wanting(over: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    queues: [{ name: 'weekly-report', limit: 1000 }],
    kinds: ['function', 'command'],
    limit: 1000,
    workerId: 'worker-1',
    leaseMs: 30_000,
    ...over,
  };
}

/** Claims exactly one run. */
export async function claimOne(store: Store, over: Partial<ClaimRequest> = {}): Promise<ClaimedRun> {
  const [claimed] = await store.claim(wanting({ limit: 1, ...over }));
  if (claimed === undefined) throw new Error('nothing to claim');
  return claimed;
}

/** Completes a run that names a blob. */
export async function completeWithChart(store: Store): Promise<{ sha256: string; runId: string }> {
  const put = await store.blobs.put(
    (async function* () {
      yield Buffer.from('a chart');
    })(),
  );
  if (put.outcome !== 'stored') throw new Error('not stored');
  const { sha256, bytes } = put;
  await accept(store);
  const { lease } = await claimOne(store);
  await store.settle([{ lease, end: 'completed', blobs: [{ sha256, bytes, name: 'chart.svg' }] }]);
  return { sha256, runId: lease.runId };
}

/** Lets the collector walk over all blobs: it takes a step at a sweep. */
export async function walkBlobs({ store, clock }: Pick<Harness, 'store' | 'clock'>): Promise<void> {
  for (let n = 0; n < 260; n++) {
    clock.step(60_000);
    await store.sweep();
  }
}
