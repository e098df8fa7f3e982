/** What a store is, said as simply as it can be: what the real one must agree with after every step. */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { BlobRef, Lease, RunState, StoreEvent } from '../../src/store/records.ts';
import type { ClaimedRun } from '../../src/store/store.ts';
import type { PowerHarness } from './store-power-harness.ts';

export interface ModelRun {
  state: RunState;
  used: number;
  runAt: number;
  lease?: { lease: Lease; until: number };
  /** A start found it running and made it claimable, which it does not write: the next start finds the same. */
  found?: boolean;
  deliveries: Map<string, 'open' | 'delivered'>;
  /** When it ended, in milliseconds. */
  finishedAt?: number;
  /** The hash of the blob that its end names. */
  blob?: string;
  queue: string;
  /** State waiting: until when somebody may approve it. */
  waitsUntil?: number;
}
export interface Model {
  runs: Map<string, ModelRun>;
  keys: Map<string, { id: string; until: number }>;
  /** Leases that are no longer current. */
  stale: Lease[];
  docs: Map<string, number>;
  /** What became of the delivery of each notice, by its key. */
  notices: Map<string, 'open' | 'delivered'>;
  paused: boolean;
  /** Hours that the schedule has come through. */
  hours: number;
  /** How much each unfinished run holds of the one counter, and what was used. */
  held: Map<string, number>;
  used: number;
  /** Runs that were deleted. */
  gone: string[];
  /** By run: what its document says. */
  owned: Map<string, number>;
  /** Each act that has an audit entry: `act` and the run, the queue or the mark. */
  acts: string[];
  /** How far the one part of a delivery is, by delivery. */
  parts: Map<string, 'pending' | 'sending' | 'sent'>;
  /** What the feed alone says of each run, up to `since`; and its newest events, for a second reading. */
  feed: { since: number; states: Map<string, string>; newest: StoreEvent[] };
  /** When retention looks again. */
  nextLook: number;
}

export const MAX_ATTEMPTS = 2;
export const LEASE_MS = 10_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const CAP = 10;
export const FINAL: readonly RunState[] = ['completed', 'failed', 'cancelled'];
/** What the store is opened with. Only a `sleep` is long enough to bring a run to the end of its keeping. */
export const MODEL_TERMS = { retainMs: 3 * DAY_MS, retainFailedMs: 5 * DAY_MS };

export const MODEL_POLICY = { maxAttempts: MAX_ATTEMPTS, timeoutMs: 1000, backoff: { baseMs: 1, maxMs: 1 } };

export interface Chart {
  bytes: Buffer;
  sha256: string;
  ref: BlobRef;
}
/** Contents whose hashes lie where the walk over the blobs begins. */
export const CHARTS: readonly Chart[] = Array.from({ length: 2_000 }, (_, n) => {
  const bytes = Buffer.from(`chart ${n}`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { bytes, sha256, ref: { sha256, bytes: bytes.length, name: 'chart.svg' } };
})
  .filter(({ sha256 }) => sha256.startsWith('00'))
  .slice(0, 3);

export const emptyModel = (): Model => ({
  runs: new Map(),
  keys: new Map(),
  stale: [],
  docs: new Map(),
  notices: new Map(),
  paused: false,
  hours: 0,
  held: new Map(),
  used: 0,
  gone: [],
  owned: new Map(),
  acts: [],
  parts: new Map(),
  feed: { since: 0, states: new Map(), newest: [] },
  nextLook: 0,
});

export function leased(model: Model): NonNullable<ModelRun['lease']>[] {
  return [...model.runs.values()].flatMap((run) => run.lease ?? []);
}

export function drop(model: Model, run: ModelRun): void {
  if (run.lease !== undefined) model.stale.push(run.lease.lease);
  delete run.lease;
}

export function must(model: Model, id: string): ModelRun {
  const run = model.runs.get(id);
  if (run === undefined) throw new Error(`the model has no ${id}`);
  return run;
}

export function nth<T>(items: readonly T[], n: number): T | undefined {
  return items.length === 0 ? undefined : items[n % items.length];
}

/** A run was accepted. */
export function admit(h: PowerHarness, model: Model, id: string, queue = 'weekly-report'): void {
  model.runs.set(id, { state: 'queued', used: 0, runAt: h.clock.now(), deliveries: new Map(), queue });
  model.acts.push(`run ${id}`);
}

export function isDue(run: ModelRun, now: number): boolean {
  return ['queued', 'retrying'].includes(run.state) && run.runAt <= now;
}

/** A run was claimed. */
export function taken(h: PowerHarness, model: Model, { lease, exhausted }: ClaimedRun): void {
  const run = must(model, lease.runId);
  expect(exhausted).toBe(run.used === MAX_ATTEMPTS);
  run.state = 'running';
  run.found = false;
  run.used++;
  run.lease = { lease, until: h.clock.now() + LEASE_MS };
}
