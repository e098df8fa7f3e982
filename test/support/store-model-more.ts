/** More verbs of the model: blobs, acts, copies, parts, shares, and the feed. */
import { expect } from 'vitest';
import type { StoreEvent } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { ana, newRun, wanting } from './store-harness.ts';
import { admit, CHARTS, isDue, leased, LEASE_MS, MODEL_POLICY, nth, taken } from './store-model-state.ts';
import type { Chart, Model } from './store-model-state.ts';
import type { PowerHarness } from './store-power-harness.ts';

export async function putChart(h: PowerHarness, { bytes, sha256 }: Chart): Promise<void> {
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes;
  };
  expect(await h.store.blobs.put(source())).toEqual({ outcome: 'stored', sha256, bytes: bytes.length });
}

/** A blob that no run comes to name. */
export async function blob(h: PowerHarness, _model: Model, one: { chart: number }): Promise<void> {
  const chart = CHARTS[one.chart];
  if (chart !== undefined) await putChart(h, chart);
}

export async function act(h: PowerHarness, model: Model): Promise<void> {
  const mark = `mark ${model.acts.length}`;
  await h.store.appendAudit({ actor: ana, act: 'refused', note: mark });
  model.acts.push(`refused ${mark}`);
}

/** A copy has what the store has. */
export async function copy(h: PowerHarness, model: Model): Promise<void> {
  await h.copied(async (store) => {
    expect((await store.list({ limit: 200 })).items.map((one) => one.id)).toEqual([...model.runs.keys()].toReversed());
    for (const [key, rev] of model.docs) expect((await store.getDoc('status', key))?.rev).toBe(rev);
    expect((await store.pausedQueues()).length).toBe(model.paused ? 1 : 0);
    for (const run of model.runs.values()) {
      if (run.blob !== undefined) expect(await store.blobs.get(run.blob)).toBeDefined();
    }
  });
}

export async function heartbeat(h: PowerHarness, model: Model, one: { nth: number }): Promise<void> {
  const held = nth(leased(model), one.nth);
  if (held === undefined) return;
  const beat = { lease: held.lease, leaseMs: LEASE_MS };
  expect(await h.store.heartbeat([beat])).toEqual({ lost: [], cancelled: [] });
  held.until = h.clock.now() + LEASE_MS;
}

const BODY = 'as rendered';

/** Brings the part of one delivery on to a state, and hands the delivery back. */
export async function part(
  h: PowerHarness,
  model: Model,
  { state }: { state: 'pending' | 'sending' | 'sent' },
): Promise<void> {
  const [claimed] = await h.store.claimDeliveries({ limit: 1, workerId: 'o', leaseMs: LEASE_MS });
  if (claimed === undefined) return;
  const { lease, delivery } = claimed;
  const at = new Date(h.clock.now()).toISOString();
  const receipt = { kind: 'slack', at, channel: 'C0SALES', ts: '1.2' } as const;
  if (delivery.parts.length === 0) await h.store.recordPart({ lease, freeze: [{ n: 1, body: BODY }] });
  const change = { n: 1, state, at, ...(state === 'sent' ? { receipt } : {}) };
  const outcome = await h.store.recordPart({ lease, part: change });
  expect(outcome).toMatchObject({ outcome: 'recorded', delivery: { parts: [{ n: 1, state, body: BODY }] } });
  await h.store.settleDelivery({ lease, outcome: 'retrying', nextAt: at });
  model.parts.set(lease.deliveryId, state);
}

/** Three queues share a claim: each gives its oldest, none more than its limit, and the idle one only what the others leave. */
export async function share(
  h: PowerHarness,
  model: Model,
  one: { heavy: number; light: number; idle: number; limit: number },
): Promise<void> {
  const sizes = [
    ['heavy', one.heavy],
    ['light', one.light],
    ['idle', one.idle],
  ] as const;
  for (const [queue, count] of sizes) {
    const wanted = Array.from({ length: count }, () => newRun({ queue, policy: MODEL_POLICY }));
    for (const outcome of await h.store.submit(wanted)) {
      if (outcome.outcome === 'accepted') admit(h, model, outcome.run.id, queue);
    }
  }
  const EACH = 2;
  const dueOf = (queue: string): string[] =>
    [...model.runs]
      .filter(([, run]) => run.queue === queue && isDue(run, h.clock.now()))
      .toSorted(([a, x], [b, y]) => x.runAt - y.runAt || (a < b ? -1 : 1))
      .map(([id]) => id)
      .slice(0, EACH);
  const [heavy, light, idle] = [dueOf('heavy'), dueOf('light'), dueOf('idle')];
  const queues = [
    { name: 'heavy', limit: EACH, weight: 3 },
    { name: 'light', limit: EACH, weight: 1 },
    { name: 'idle', limit: EACH, weight: 0 },
  ];
  const claimed = await h.store.claim(wanting({ queues, limit: one.limit, leaseMs: LEASE_MS }));
  const got = (queue: string): string[] => claimed.filter(({ run }) => run.queue === queue).map(({ run }) => run.id);
  expect(heavy.slice(0, got('heavy').length)).toEqual(got('heavy'));
  expect(light.slice(0, got('light').length)).toEqual(got('light'));
  const weighted = Math.min(one.limit, heavy.length + light.length);
  expect(got('heavy').length + got('light').length).toBe(weighted);
  expect(got('idle')).toEqual(idle.slice(0, one.limit - weighted));
  for (const each of claimed) taken(h, model, each);
}

/** How many events are read a second time. */
const AGAIN = 12;

/** The feed alone says which runs there are and in which state; only what an open finds running is claimable without a word. */
export async function agreeOnFeed(store: Store, model: Model): Promise<void> {
  const { feed } = model;
  const [first, ...after] = feed.newest;
  const again = first === undefined ? [] : await drain(store, first.seq);
  expect(again.slice(0, after.length)).toEqual(after);
  for (const event of await drain(store, feed.since)) {
    // Who has seen nothing yet may be told to begin with the present.
    if (event.type === 'resync') expect(feed.states.size + model.runs.size).toBe(0);
    else expect(event.seq).toBeGreaterThan(feed.since);
    feed.since = event.seq;
    if (event.type !== 'resync') feed.newest = [...feed.newest, event].slice(-AGAIN);
    if (event.type === 'run') feed.states.set(event.runId ?? '', event.state ?? '');
    if (event.type === 'removed') feed.states.delete(event.runId ?? '');
  }
  expect([...feed.states.keys()].toSorted()).toEqual([...model.runs.keys()].toSorted());
  for (const [id, { state }] of model.runs) {
    const said = feed.states.get(id);
    expect(said === 'running' && state === 'retrying' ? state : said, id).toBe(state);
  }
}

/** Everything that the feed has to say now; a store whose disk is in memory needs no more than these turns to say it. */
async function drain(store: Store, since: number): Promise<StoreEvent[]> {
  const stop = new AbortController();
  const feed = store.watch(since, stop.signal)[Symbol.asyncIterator]();
  const events: StoreEvent[] = [];
  for (;;) {
    const said = await Promise.race([feed.next(), silence()]);
    if (said === undefined || said.done === true) break;
    events.push(said.value);
  }
  stop.abort();
  return events;
}

async function silence(): Promise<undefined> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  return undefined;
}
