/** The plain model that a store is held against, and the verbs done to both at once. */
import { expect } from 'vitest';
import { ana, newRun, wanting } from './store-harness.ts';
import { act, blob, copy, heartbeat, part, putChart, share } from './store-model-more.ts';
import { CAP, CHARTS, DAY_MS, drop, FINAL, HOUR_MS, leased, LEASE_MS, MAX_ATTEMPTS } from './store-model-state.ts';
import { admit, isDue, MODEL_POLICY, MODEL_TERMS, must, nth, taken } from './store-model-state.ts';
import type { Model } from './store-model-state.ts';
import { approve, ask, charge, giveUpWaits } from './store-model-waits.ts';
import { newNotice } from './store-notices.ts';
import type { Step } from './store-model-steps.ts';
import type { PowerHarness } from './store-power-harness.ts';

/** How long retention looks away when it found nothing. */
const LOOK_MS = 60_000;

/** Does one step to the store, checks its answer, and does it to the model. */
export async function apply(h: PowerHarness, model: Model, one: Step): Promise<void> {
  const verb: (h: PowerHarness, model: Model, one: never) => Promise<void> = VERBS[one.verb];
  // The table gives each verb its own kind of step; the type of a lookup does not carry that along.
  await verb(h, model, one as never);
}

type Verbs = { [V in Step['verb']]: (h: PowerHarness, model: Model, one: Extract<Step, { verb: V }>) => Promise<void> };

const VERBS: Verbs = {
  submit: (h, model, { key }) => submit(h, model, key),
  claim: (h, model, { limit }) => claim(h, model, limit),
  settle,
  release: (h, model, { nth: n }) => release(h, model, n),
  cancel,
  remove,
  async late(h, model, { nth: n }) {
    const lease = nth(model.stale, n);
    if (lease !== undefined)
      expect(await h.store.settle([{ lease, end: 'completed' }])).toEqual([{ outcome: 'stale' }]);
  },
  async notice(h, model, { key }) {
    const outcomes = await Promise.all([1, 2].map(() => h.store.addNotice(newNotice({ key }))));
    const known = model.notices.has(key);
    expect(outcomes.map((one) => one.outcome)).toEqual([known ? 'deduplicated' : 'added', 'deduplicated']);
    if (!known) model.notices.set(key, 'open');
  },
  deliver: (h, model, { limit }) => deliver(h, model, limit),
  doc: (h, model, { key }) => put(h, model, key),
  async undoc(h, model, { key }) {
    await h.store.removeDoc('status', key);
    model.docs.delete(key);
  },
  batch,
  ask,
  approve,
  charge,
  act,
  blob,
  copy,
  heartbeat,
  part,
  share,
  async collect(h, model) {
    // The walk over the blobs begins anew at an open, and after an hour it comes to the charts.
    await VERBS.reopen(h, model, { verb: 'reopen', how: 'clean' });
    await VERBS.sleep(h, model, { verb: 'sleep' });
    const named = new Set([...model.runs.values()].map((run) => run.blob));
    for (const { sha256 } of CHARTS) {
      expect((await h.store.blobs.get(sha256)) !== undefined, sha256).toBe(named.has(sha256));
    }
  },
  async pause(h, model) {
    if (model.paused) expect((await h.store.resume('weekly-report', ana)).outcome).toBe('resumed');
    else expect((await h.store.pause('weekly-report', ana)).outcome).toBe('paused');
    model.paused = !model.paused;
    model.acts.push(`${model.paused ? 'pause' : 'resume'} weekly-report`);
  },
  advance: (h, model, { behind }) => advance(h, model, behind),
  reserve,
  async sleep(h, model) {
    h.clock.step(DAY_MS);
    await pass(h, model, 1_500);
  },
  wait: (h, model, { ms }) => pass(h, model, ms),
  async reopen(h, model, { how }) {
    await h.reopen(how);
    expect(h.report.quarantined).toEqual([]);
    for (const run of model.runs.values()) {
      if (run.lease !== undefined) run.found = true;
      if (run.found === true && run.state === 'retrying') run.runAt = h.clock.now();
    }
    interrupt(h, model, () => true);
    model.nextLook = h.clock.now();
  },
};

/** Lets the time pass, and what the store does in it. */
async function pass(h: PowerHarness, model: Model, ms: number): Promise<void> {
  await h.clock.advance(ms);
  await h.store.sweep();
  interrupt(h, model, (until) => until <= h.clock.now());
  giveUpWaits(model, h.clock.now());
  retain(model, h.clock.now());
}

/** What is due goes; what is not, or has still something to deliver, stays. */
function retain(model: Model, now: number): void {
  if (now < model.nextLook) return;
  const due = [...model.runs].filter(([, run]) => {
    const keepMs = run.state === 'failed' ? MODEL_TERMS.retainFailedMs : MODEL_TERMS.retainMs;
    const owes = [...run.deliveries.values()].includes('open');
    return run.finishedAt !== undefined && run.finishedAt + keepMs <= now && !owes;
  });
  for (const [id] of due) forget(model, id);
  if (due.length === 0) model.nextLook = now + LOOK_MS;
}

function forget(model: Model, id: string): void {
  model.acts.push(`delete ${id}`);
  for (const delivery of must(model, id).deliveries.keys()) model.parts.delete(delivery);
  model.held.delete(id);
  model.owned.delete(id);
  model.gone.push(id);
  model.runs.delete(id);
}

async function cancel(h: PowerHarness, model: Model, one: { nth: number }): Promise<void> {
  const id = nth([...model.runs.keys()], one.nth);
  if (id === undefined) return;
  const run = must(model, id);
  const final = FINAL.includes(run.state);
  expect((await h.store.cancel(id, ana)).outcome).toBe(final ? 'already_final' : 'cancelled');
  if (final) return;
  run.state = 'cancelled';
  run.finishedAt = h.clock.now();
  model.acts.push(`cancel ${id}`);
  model.held.delete(id);
  drop(model, run);
}

async function remove(h: PowerHarness, model: Model, one: { nth: number }): Promise<void> {
  const id = nth([...model.runs.keys()], one.nth);
  if (id === undefined) return;
  expect((await h.store.remove(id, ana)).outcome).toBe('removed');
  drop(model, must(model, id));
  forget(model, id);
}

async function batch(h: PowerHarness, model: Model, one: { size: number }): Promise<void> {
  const outcomes = await h.store.submit(Array.from({ length: one.size }, () => newRun({ policy: MODEL_POLICY })));
  for (const outcome of outcomes) {
    if (outcome.outcome !== 'accepted') throw new Error(`not accepted: ${outcome.outcome}`);
    admit(h, model, outcome.run.id);
  }
}

async function submit(h: PowerHarness, model: Model, key: string | undefined): Promise<void> {
  const wanted = newRun({ policy: MODEL_POLICY, ...(key === undefined ? {} : { idempotencyKey: key }) });
  const [outcome] = await h.store.submit([wanted]);
  if (outcome === undefined || !('run' in outcome)) throw new Error(`not accepted: ${outcome?.outcome}`);
  const first = key === undefined ? undefined : holderOf(h, model, key);
  expect(outcome.outcome).toBe(first === undefined ? 'accepted' : 'deduplicated');
  if (first !== undefined) expect(outcome.run.id).toBe(first);
  else {
    admit(h, model, outcome.run.id);
    if (key !== undefined) model.keys.set(key, { id: outcome.run.id, until: h.clock.now() + DAY_MS });
  }
}

/** The run that answers for a key: for a day, and while it is unfinished. */
function holderOf(h: PowerHarness, model: Model, key: string): string | undefined {
  const entry = model.keys.get(key);
  if (entry === undefined) return undefined;
  const run = model.runs.get(entry.id);
  const holds = entry.until > h.clock.now() || (run !== undefined && !FINAL.includes(run.state));
  return holds ? entry.id : undefined;
}

async function advance(h: PowerHarness, model: Model, behind: boolean): Promise<void> {
  const at = (hour: number): string => new Date(Date.UTC(2026, 0, 1) + hour * HOUR_MS).toISOString();
  // Somebody who decided before the last step was made.
  const seen = behind ? model.hours - 1 : model.hours;
  if (seen < 0) return;
  const outcome = await h.store.advance({
    schedule: 'weekly-report.0',
    expectedWatermark: seen === 0 ? null : at(seen),
    watermark: at(model.hours + 1),
    runs: [newRun({ policy: MODEL_POLICY, trigger: 'schedule' })],
    skips: [],
  });
  expect(outcome.outcome).toBe(behind ? 'stale' : 'advanced');
  if (outcome.outcome !== 'advanced') return;
  model.hours++;
  const [run] = outcome.runs;
  if (run === undefined || !('run' in run)) throw new Error('the schedule started nothing');
  admit(h, model, run.run.id);
}

async function reserve(h: PowerHarness, model: Model, one: { nth: number; amount: number }): Promise<void> {
  const runId = nth([...model.runs.keys()], one.nth);
  if (runId === undefined) return;
  const { amount } = one;
  const outcome = await h.store.reserve({ runId, counters: [{ key: 'usd', amount, cap: CAP }] });
  const mine = model.held.get(runId);
  const total = model.used + [...model.held.values()].reduce((sum, held) => sum + held, 0);
  const expected = FINAL.includes(must(model, runId).state)
    ? 'already_final'
    : mine !== undefined || total + amount <= CAP
      ? 'reserved'
      : 'refused';
  expect(outcome.outcome).toBe(expected);
  if (expected === 'reserved' && mine === undefined) model.held.set(runId, amount);
}

async function claim(h: PowerHarness, model: Model, limit: number): Promise<void> {
  const due = [...model.runs]
    .filter(([, run]) => !model.paused && run.queue === 'weekly-report' && isDue(run, h.clock.now()))
    .toSorted(([a, x], [b, y]) => x.runAt - y.runAt || (a < b ? -1 : 1))
    .slice(0, limit);
  const claimed = await h.store.claim(wanting({ limit, leaseMs: LEASE_MS }));
  expect(claimed.map((one) => one.run.id)).toEqual(due.map(([id]) => id));
  for (const one of claimed) taken(h, model, one);
}

async function settle(
  h: PowerHarness,
  model: Model,
  one: { end: string; nth: number; chart: number | undefined },
): Promise<void> {
  const held = nth(leased(model), one.nth);
  if (held === undefined) return;
  const run = must(model, held.lease.runId);
  const id = h.ids.next('dlv');
  const plan = { id, mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } } as const;
  const runAt = h.clock.now() + 500;
  const retry = one.end === 'retry' && run.used < MAX_ATTEMPTS;
  const chart = retry || one.chart === undefined ? undefined : CHARTS[one.chart];
  if (chart !== undefined) await putChart(h, chart);
  const [outcome] = await h.store.settle([
    {
      lease: held.lease,
      end: one.end === 'completed' ? 'completed' : 'failed',
      ...(retry ? { retryAt: new Date(runAt).toISOString() } : { deliveries: [plan] }),
      spend: [{ key: 'usd', amount: 1 }],
      ...(chart === undefined ? {} : { blobs: [chart.ref] }),
      docs: [{ kind: 'status', key: 'of-settle', value: held.lease.runId }],
    },
  ]);
  expect(outcome?.outcome).toBe('settled');
  model.used++;
  const mine = model.held.get(held.lease.runId);
  if (!retry) model.held.delete(held.lease.runId);
  else if (mine !== undefined) model.held.set(held.lease.runId, Math.max(0, mine - 1));
  expect(await h.store.getDoc('status', 'of-settle')).toMatchObject({ value: held.lease.runId });
  if (retry) Object.assign(run, { state: 'retrying', runAt });
  else {
    run.state = one.end === 'completed' ? 'completed' : 'failed';
    run.finishedAt = h.clock.now();
    run.deliveries.set(id, 'open');
    if (chart !== undefined) run.blob = chart.sha256;
  }
  if (run.used > MAX_ATTEMPTS) run.used = MAX_ATTEMPTS;
  drop(model, run);
}

async function release(h: PowerHarness, model: Model, n: number): Promise<void> {
  const held = nth(leased(model), n);
  if (held === undefined) return;
  await h.store.release([held.lease]);
  const run = must(model, held.lease.runId);
  const exhausted = run.used > MAX_ATTEMPTS;
  run.state = exhausted ? 'retrying' : 'queued';
  run.used = exhausted ? MAX_ATTEMPTS : run.used - 1;
  drop(model, run);
}

async function put(h: PowerHarness, model: Model, key: string): Promise<void> {
  const rev = model.docs.get(key) ?? 0;
  const wrong = await h.store.putDoc({ kind: 'status', key, rev: rev + 1, value: 0 });
  expect(wrong).toEqual({ outcome: 'conflict', rev });
  expect(await h.store.putDoc({ kind: 'status', key, rev, value: rev })).toMatchObject({ outcome: 'stored' });
  model.docs.set(key, rev + 1);
}

async function deliver(h: PowerHarness, model: Model, limit: number): Promise<void> {
  const ofRuns = [...model.runs.values()].flatMap((run) => [...run.deliveries.values()]);
  const open = [...ofRuns, ...model.notices.values()].filter((state) => state === 'open');
  const claimed = await h.store.claimDeliveries({ limit, workerId: 'o', leaseMs: LEASE_MS });
  expect(claimed).toHaveLength(Math.min(limit, open.length));
  for (const { about, lease } of claimed) {
    expect((await h.store.settleDelivery({ lease, outcome: 'delivered' })).outcome).toBe('recorded');
    if (about.kind === 'notice') model.notices.set(about.notice.key, 'delivered');
    else must(model, about.run.id).deliveries.set(lease.deliveryId, 'delivered');
  }
}

/** Leases end: by time, or because their process died. */
function interrupt(h: PowerHarness, model: Model, ends: (until: number) => boolean): void {
  for (const run of model.runs.values()) {
    if (run.lease === undefined || !ends(run.lease.until)) continue;
    Object.assign(run, { state: 'retrying', runAt: h.clock.now(), used: Math.min(run.used, MAX_ATTEMPTS) });
    drop(model, run);
  }
}
