/** What a store must hold after the second day, wherever it was broken off. */
import { expect } from 'vitest';
import { z } from 'zod';
import { isFinal } from '../../src/store/records.ts';
import type { AuditEntry, Run } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { ana } from './store-harness.ts';
import { CAP, COUNTER, factOf, hashOf, hour, SCHEDULE, SIDE } from './store-second-day.ts';
import type { SecondLedger } from './store-second-day.ts';

/** Fails when something acknowledged is missing, something removed is there, or two things that belong together are not. */
export async function checkSecond(store: Store, ledger: SecondLedger, when: string): Promise<void> {
  const runs = await everyRun(store);
  checkRuns(runs, { ledger, when });
  await checkBlobs(store, runs, { ledger, when });
  const { paused, note, slots, parts } = ledger;
  const queues = (await store.pausedQueues()).map(({ name }) => name);
  expect([paused.value, ...paused.wished], `${when}: the queue`).toContain(queues.includes(SIDE));
  const value = (await store.getDoc('status', 'note'))?.value ?? null;
  expect([note.value, ...note.wished], `${when}: the note`).toContain(value);
  const schedule = await store.getDoc('schedule', SCHEDULE);
  const stands = schedule?.rev ?? 0;
  expect([slots.value, ...slots.wished], `${when}: the schedule`).toContain(stands);
  if (schedule !== undefined) expect(schedule.value, when).toMatchObject({ watermark: hour(stands) });
  const started = [...runs.values()].filter((run) => run.trigger === 'schedule').map((run) => run.input);
  expect(started.toSorted(), `${when}: a watermark without its runs, or runs without it`).toEqual(
    Array.from({ length: stands }, (_, n) => n + 1),
  );
  await checkCounter(store, runs, { ledger, when });
  await checkOwned(store, runs, { ledger, when });
  for (const id of ledger.approved) expect(runs.get(id)?.state, `${when}: ${id} waits again`).toBe('queued');
  const states = await Promise.all([...runs.keys()].map((id) => store.deliveries(id)));
  const part = states.flat().find((one) => one.parts.length > 0)?.parts[0];
  // A run whose removal was asked for takes its delivery with it.
  if (ledger.removeWished.size === 0 || part !== undefined) {
    expect([parts.value, ...parts.wished], `${when}: the part`).toContain(part?.state ?? 'none');
  }
  if (part !== undefined) expect(part.body, when).toBe('frozen');
  if (part?.state === 'sent') expect(part.receipt, when).toMatchObject({ kind: 'slack', ts: '1.2' });
}

type At = { ledger: SecondLedger; when: string };

async function everyRun(store: Store): Promise<Map<string, Run>> {
  const { items } = await store.list({ limit: 200 });
  const runs = await Promise.all(items.map(({ id }) => store.get(id)));
  return new Map(runs.flatMap((run) => (run === undefined ? [] : [[run.id, run]])));
}

function checkRuns(runs: ReadonlyMap<string, Run>, { ledger, when }: At): void {
  for (const id of [...ledger.removed, ...ledger.over]) expect(runs.has(id), `${when}: ${id} came back`).toBe(false);
  for (const id of ledger.accepted) {
    // A failed run is kept for a moment only.
    if (ledger.removeWished.has(id) || ledger.ended.get(id) === 'failed') continue;
    expect(runs.has(id), `${when}: ${id} is lost`).toBe(true);
    if (ledger.ended.has(id)) expect(runs.get(id)?.state, when).toBe(ledger.ended.get(id));
  }
}

async function checkBlobs(store: Store, runs: ReadonlyMap<string, Run>, { ledger, when }: At): Promise<void> {
  for (const run of runs.values()) {
    for (const { sha256 } of run.blobs ?? []) {
      const text = Buffer.from((await store.blobs.get(sha256)) ?? []).toString();
      expect(hashOf(text), `${when}: the blob of ${run.id}`).toBe(sha256);
    }
    if (run.state !== 'completed') continue;
    expect(typeof run.result === 'string' ? hashOf(run.result) : '', when).toBe(run.blobs?.[0]?.sha256);
  }
  const ends = [...runs.values()].filter((run) => run.state === 'completed').map(({ id }) => id);
  const last = (await store.getDoc('status', 'of-settle'))?.value;
  // The document rides in the settle; runs are removed only by wish.
  const newest = ends.toSorted().at(-1);
  if (newest !== undefined && ledger.removeWished.size === 0) expect(last, when).toBe(newest);
}

const CounterValue = z.object({ used: z.number(), held: z.record(z.string(), z.number()) });

async function checkCounter(store: Store, runs: ReadonlyMap<string, Run>, { ledger, when }: At): Promise<void> {
  const doc = await store.getDoc('ledger', COUNTER);
  const { used, held } = doc === undefined ? { used: 0, held: {} } : CounterValue.parse(doc.value);
  expect(used, `${when}: more was spent`).toBeGreaterThanOrEqual(ledger.spent.surely);
  expect(used, `${when}: less was spent`).toBeLessThanOrEqual(ledger.spent.perhaps);
  const total = Object.values(held).reduce((sum, amount) => sum + amount, used);
  expect(total, `${when}: past the cap`).toBeLessThanOrEqual(CAP);
  for (const id of Object.keys(held)) {
    const run = runs.get(id);
    expect(run === undefined || isFinal(run.state), `${when}: ${id} is ${run?.state} and holds`).toBe(false);
  }
  for (const [id, amount] of ledger.held) expect(held[id], `${when}: ${id} does not hold`).toBe(amount);
}

/** What belongs to a run is there with it, and not without it. */
async function checkOwned(store: Store, runs: ReadonlyMap<string, Run>, { ledger, when }: At): Promise<void> {
  for (const kind of ['agent-run', 'memory']) {
    const owned = (await store.listDocs(kind, {})).items;
    for (const { key, runId } of owned) expect([runId, runs.has(key)], `${when}: ${kind}/${key}`).toEqual([key, true]);
    const keys = new Set(owned.map(({ key }) => key));
    for (const [id, run] of runs) {
      const isOwed = kind === 'memory' ? run.state === 'completed' : ledger.charged.has(id);
      if (isOwed) expect(keys, `${when}: ${kind} of ${id}`).toContain(id);
    }
  }
}

let watches = 0;

/** A watcher goes on where it was: each event once, in order, and nothing that was acknowledged is missing. Leaves a mark in the feed. */
export async function checkFeed(store: Store, { feed }: SecondLedger, when: string): Promise<void> {
  // The position of somebody who has seen no event yet may be taken for too old: then a resync says so.
  const events = feed.seen.filter(({ fact }) => fact !== 'resync');
  const first = events[0]?.seq ?? 0;
  const again = await eventsUntilNow(store, first);
  const seqs = again.map(({ seq }) => seq);
  expect(seqs, `${when}: out of order`).toEqual(seqs.toSorted((a, b) => a - b));
  expect(new Set(seqs).size, when).toBe(seqs.length);
  const before = events.slice(1);
  expect(again.slice(0, before.length), `${when}: what was seen is not there`).toEqual(before);
  const facts = new Set([...events.slice(0, 1), ...again].map(({ fact }) => fact));
  for (const fact of feed.owed) expect(facts, `${when}: never said`).toContain(fact);
}

async function eventsUntilNow(store: Store, since: number): Promise<{ seq: number; fact: string }[]> {
  const end = `end-of-watch-${++watches}`;
  const stop = new AbortController();
  const feed = store.watch(since, stop.signal);
  await store.pause(end, ana);
  const seen: { seq: number; fact: string }[] = [];
  for await (const event of feed) {
    // After a resync the mark does not come any more.
    if (event.queue === end || event.type === 'resync') break;
    if (event.queue?.startsWith('end-of-watch') !== true) seen.push({ seq: event.seq, fact: factOf(event) });
  }
  await store.resume(end, ana);
  return seen;
}

/** Each act has one entry, and it has it as soon as it is acknowledged. */
export function checkActs(audit: readonly AuditEntry[], ledger: SecondLedger, when: string): void {
  const ofRuns = audit.filter((one) => one.queue === undefined).map((one) => `${one.act} ${one.runId ?? one.note}`);
  expect(new Set(ofRuns).size, `${when}: an act is noted twice`).toBe(ofRuns.length);
  for (const id of ledger.accepted) expect(ofRuns, when).toContain(`run ${id}`);
  for (const id of [...ledger.removed, ...ledger.over]) expect(ofRuns, when).toContain(`delete ${id}`);
  for (const id of ledger.approved) expect(ofRuns, when).toContain(`approve ${id}`);
  for (const mark of ledger.acts) expect(ofRuns, when).toContain(`refused ${mark}`);
  const pauses = audit.filter((one) => one.queue === SIDE).map((one) => one.act);
  const promised = ledger.paused.value ? 'pause' : 'resume';
  if (ledger.paused.wished.length === 0 && pauses.length > 0) expect(pauses.at(-1), when).toBe(promised);
}
