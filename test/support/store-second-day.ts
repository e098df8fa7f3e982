/**
 * A second day of a small server, of everything that the first leaves out: blobs, events, acts, queues, counters, schedules, parts,
 * keeping, and a copy of the store made in between. Every step may fail or be the last.
 */
import { createHash } from 'node:crypto';
import { iso } from '../../src/clock.ts';
import { codeOf } from '../../src/errors.ts';
import type { Run, StoreEvent } from '../../src/store/records.ts';
import type { ClaimedRun, Store } from '../../src/store/store.ts';
import { ana, newRun, wanting } from './store-harness.ts';

/** One value: what was promised last, and what was asked for since. */
interface Promised<T> {
  value: T;
  wished: T[];
}

/** What the caller asked for, and what it was promised. */
export interface SecondLedger {
  accepted: Set<string>;
  /** By run: what its end was told apart by. */
  ended: Map<string, 'completed' | 'failed'>;
  /** Runs whose money was counted on the way. */
  charged: Set<string>;
  approved: Set<string>;
  removeWished: Set<string>;
  removed: Set<string>;
  /** Failed runs are kept for a moment only; those that were seen gone stay gone. */
  over: Set<string>;
  /** By run: the blob that its end names. */
  blobs: Map<string, string>;
  acts: Set<string>;
  paused: Promised<boolean>;
  note: Promised<number | null>;
  slots: Promised<number>;
  /** What the one counter must hold, by run, and what was spent; a wish that got no answer may have been granted. */
  held: Map<string, number>;
  spent: { surely: number; perhaps: number };
  parts: Promised<'none' | 'pending' | 'sending' | 'sent'>;
  feed: { since: number; seen: { seq: number; fact: string }[]; owed: Set<string> };
  /** The ledger as it was when a copy was begun that was then completed. */
  copied?: SecondLedger;
  errors: string[];
}

const promised = <T>(value: T): Promised<T> => ({ value, wished: [] });

export function newSecondLedger(): SecondLedger {
  return {
    accepted: new Set(),
    ended: new Map(),
    charged: new Set(),
    approved: new Set(),
    removeWished: new Set(),
    removed: new Set(),
    over: new Set(),
    blobs: new Map(),
    acts: new Set(),
    paused: promised(false),
    note: promised<number | null>(null),
    slots: promised(0),
    held: new Map(),
    spent: { surely: 0, perhaps: 0 },
    parts: promised<'none' | 'pending' | 'sending' | 'sent'>('none'),
    feed: { since: 0, seen: [], owed: new Set() },
    errors: [],
  };
}

export const SIDE = 'side';
export const SCHEDULE = 'every-hour';
export const COUNTER = 'usd';
export const CAP = 12;
/** What the store of such a day is opened with: a failed run is over at once. */
export const SECOND_TERMS = { retainFailedMs: 1000, reserveBytes: 4096, journalRoomBytes: 2048 };

export interface SecondDay {
  store: Store;
  ledger: SecondLedger;
  /** Where the copy goes; a new folder. */
  copyTo: string;
  pause: () => Promise<void>;
}

/** Lives the day; the caller of a step that failed goes on with the next one. */
export async function secondDay(day: SecondDay): Promise<void> {
  const { store, ledger, pause } = day;
  const step = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      ledger.errors.push(codeOf(error) ?? String(error));
    }
  };
  const stop = new AbortController();
  const watching = watch(day, stop.signal);
  await step(() => failOne(day));
  for (const text of ['shared', 'shared', 'own']) await step(() => executeOne(day, text));
  await step(() => putBlob(store, 'named by nobody'));
  await pause();
  await step(() => advance(day));
  await step(() => holdOne(day));
  await step(() => approveOne(day));
  await step(() => pauseSide(day));
  await step(() => sendParts(day));
  await step(() => noteAndForget(day));
  await step(() => copy(day));
  await step(() => removeFirst(day));
  await step(() => advance(day));
  await step(() => act(day, 'mark'));
  await step(() => store.sweep());
  await step(() => seeWhatIsOver(day));
  await pause();
  stop.abort();
  await watching;
}

/** One fact of the feed in a line. */
export function factOf({ type, runId, deliveryId, queue, state, paused }: StoreEvent): string {
  return [type, deliveryId ?? runId ?? queue, state ?? paused].filter((word) => word !== undefined).join(' ');
}

async function watch({ store, ledger: { feed } }: SecondDay, signal: AbortSignal): Promise<void> {
  for await (const event of store.watch(feed.since, signal)) {
    feed.since = event.seq;
    feed.seen.push({ seq: event.seq, fact: factOf(event) });
  }
}

async function keep<T>(at: Promised<T>, value: T, work: () => Promise<unknown>): Promise<void> {
  at.wished.push(value);
  await work();
  at.value = value;
  at.wished = [];
}

async function accept({ store, ledger }: SecondDay): Promise<Run> {
  const [outcome] = await store.submit([newRun()]);
  if (outcome?.outcome !== 'accepted') throw new Error(`not accepted: ${outcome?.outcome}`);
  ledger.accepted.add(outcome.run.id);
  ledger.feed.owed.add(`run ${outcome.run.id} queued`);
  return outcome.run;
}

async function claim(day: SecondDay): Promise<ClaimedRun> {
  await accept(day);
  const [claimed] = await day.store.claim(wanting({ limit: 1 }));
  if (claimed === undefined) throw new Error('nothing to claim');
  return claimed;
}

async function failOne(day: SecondDay): Promise<void> {
  const { lease } = await claim(day);
  day.ledger.ended.set(lease.runId, 'failed');
  await day.store.settle([{ lease, end: 'failed' }]);
  day.ledger.feed.owed.add(`run ${lease.runId} failed`);
}

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

async function putBlob(store: Store, text: string): Promise<void> {
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  };
  await store.blobs.put(source());
}

/** Everything that can ride in a settle does. */
async function executeOne(day: SecondDay, text: string): Promise<void> {
  const { store, ledger } = day;
  const { lease } = await claim(day);
  await store.reserve({ runId: lease.runId, counters: [{ key: COUNTER, amount: 2, cap: CAP }] });
  ledger.held.set(lease.runId, 2);
  await store.heartbeat([{ lease, leaseMs: 60_000 }]);
  ledger.spent.perhaps += 1;
  ledger.held.delete(lease.runId);
  await store.charge({
    runId: lease.runId,
    spend: [{ key: COUNTER, amount: 1 }],
    docs: [{ kind: 'agent-run', key: lease.runId, value: text, runId: lease.runId }],
  });
  ledger.spent.surely += 1;
  ledger.charged.add(lease.runId);
  // One of the two is spent, the other is held until the end.
  ledger.held.set(lease.runId, 1);
  await putBlob(store, text);
  ledger.spent.perhaps += 1;
  ledger.held.delete(lease.runId);
  const [outcome] = await store.settle([
    {
      lease,
      end: 'completed',
      result: text,
      blobs: [{ sha256: hashOf(text), bytes: text.length, name: 'chart.svg' }],
      spend: [{ key: COUNTER, amount: 1 }],
      docs: [
        { kind: 'status', key: 'of-settle', value: lease.runId },
        { kind: 'memory', key: lease.runId, value: text, runId: lease.runId },
      ],
      deliveries: [
        { id: `dlv${lease.runId.slice(3)}`, mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } },
      ],
    },
  ]);
  if (outcome?.outcome !== 'settled') throw new Error(`not settled: ${outcome?.outcome}`);
  ledger.spent.surely += 1;
  ledger.ended.set(lease.runId, 'completed');
  ledger.blobs.set(lease.runId, hashOf(text));
  ledger.feed.owed.add(`run ${lease.runId} completed`);
}

/** A run that stays unfinished holds its part of the counter; the next one is refused. */
async function holdOne(day: SecondDay): Promise<void> {
  const { store, ledger } = day;
  const { lease } = await claim(day);
  const reserved = await store.reserve({ runId: lease.runId, counters: [{ key: COUNTER, amount: 5, cap: CAP }] });
  if (reserved.outcome === 'reserved') ledger.held.set(lease.runId, 5);
  const other = await accept(day);
  const refused = await store.reserve({ runId: other.id, counters: [{ key: COUNTER, amount: CAP, cap: CAP }] });
  if (refused.outcome !== 'refused' && ledger.held.has(lease.runId)) throw new Error(`not refused: ${refused.outcome}`);
  await store.release([lease]);
}

async function approveOne({ store, ledger }: SecondDay): Promise<void> {
  const [outcome] = await store.submit([newRun({ queue: 'hourly', waits: 'approval' })]);
  if (outcome?.outcome !== 'accepted') throw new Error(`not accepted: ${outcome?.outcome}`);
  const { id } = outcome.run;
  ledger.accepted.add(id);
  ledger.feed.owed.add(`run ${id} waiting`);
  await store.approve(id, ana);
  ledger.approved.add(id);
  ledger.feed.owed.add(`run ${id} queued`);
}

async function pauseSide({ store, ledger }: SecondDay): Promise<void> {
  for (const value of [true, false, true]) {
    await keep(ledger.paused, value, () => (value ? store.pause(SIDE, ana) : store.resume(SIDE, ana)));
    ledger.feed.owed.add(`queue ${SIDE} ${value}`);
  }
}

export const hour = (n: number): string => iso(Date.UTC(2026, 10, 1, n));

async function advance({ store, ledger }: SecondDay): Promise<void> {
  const slot = ledger.slots.value + ledger.slots.wished.length + 1;
  const stands = (await store.getDoc('schedule', SCHEDULE))?.rev ?? 0;
  if (slot !== stands + 1) return;
  await keep(ledger.slots, slot, async () => {
    const runs = [newRun({ trigger: 'schedule', queue: 'hourly', input: slot })];
    const at = { expectedWatermark: slot === 1 ? null : hour(slot - 1), watermark: hour(slot) };
    const outcome = await store.advance({ schedule: SCHEDULE, ...at, runs, skips: [] });
    if (outcome.outcome !== 'advanced') throw new Error(`not advanced: ${outcome.outcome}`);
  });
}

async function sendParts({ store, ledger }: SecondDay): Promise<void> {
  const [claimed] = await store.claimDeliveries({ limit: 1, workerId: 'o', leaseMs: 60_000 });
  if (claimed === undefined) return;
  const { lease } = claimed;
  const at = hour(1);
  await keep(ledger.parts, 'pending', () => store.recordPart({ lease, freeze: [{ n: 1, body: 'frozen' }] }));
  await keep(ledger.parts, 'sending', () => store.recordPart({ lease, part: { n: 1, state: 'sending', at } }));
  const receipt = { kind: 'slack', at, channel: 'C0SALES', ts: '1.2' } as const;
  await keep(ledger.parts, 'sent', () => store.recordPart({ lease, part: { n: 1, state: 'sent', at, receipt } }));
}

async function noteAndForget({ store, ledger }: SecondDay): Promise<void> {
  const put = (rev: number): Promise<unknown> => store.putDoc({ kind: 'status', key: 'note', rev, value: rev + 1 });
  await keep(ledger.note, 1, () => put(0));
  await keep(ledger.note, 2, () => put(1));
  await keep(ledger.note, null, () => store.removeDoc('status', 'note'));
}

async function copy({ store, ledger, copyTo }: SecondDay): Promise<void> {
  const { copied: _copied, ...then } = ledger;
  const begun = structuredClone(then);
  await store.backup(copyTo);
  ledger.copied = begun;
}

/** The first of the two that name one blob; what the other names stays. */
async function removeFirst({ store, ledger }: SecondDay): Promise<void> {
  const [first] = ledger.blobs.keys();
  if (first === undefined) return;
  ledger.removeWished.add(first);
  await store.remove(first, ana);
  ledger.removed.add(first);
  ledger.feed.owed.add(`removed ${first}`);
}

async function act({ store, ledger }: SecondDay, mark: string): Promise<void> {
  await store.appendAudit({ actor: ana, act: 'refused', note: mark });
  ledger.acts.add(mark);
}

async function seeWhatIsOver({ store, ledger }: SecondDay): Promise<void> {
  for (const [id, end] of ledger.ended) {
    if (end === 'failed' && (await store.get(id)) === undefined) ledger.over.add(id);
  }
}
