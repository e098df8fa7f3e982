/** What the model knows of runs that wait for somebody, of money that is counted on the way, and of documents that go with their run. */
import { expect } from 'vitest';
import { ana, newRun } from './store-harness.ts';
import { admit, DAY_MS, MODEL_POLICY, must, nth } from './store-model-state.ts';
import type { Model } from './store-model-state.ts';
import type { PowerHarness } from './store-power-harness.ts';

const WAIT_MS = 7 * DAY_MS;

export async function ask(h: PowerHarness, model: Model): Promise<void> {
  const [outcome] = await h.store.submit([newRun({ policy: MODEL_POLICY, waits: 'approval' })]);
  if (outcome?.outcome !== 'accepted') throw new Error(`not accepted: ${outcome?.outcome}`);
  const { id } = outcome.run;
  admit(h, model, id);
  Object.assign(must(model, id), { state: 'waiting', waitsUntil: h.clock.now() + WAIT_MS });
}

export async function approve(h: PowerHarness, model: Model, one: { nth: number }): Promise<void> {
  const waiting = [...model.runs].filter(([, run]) => run.state === 'waiting').map(([id]) => id);
  const id = nth(waiting, one.nth) ?? nth([...model.runs.keys()], one.nth);
  if (id === undefined) return;
  const run = must(model, id);
  const waits = run.state === 'waiting';
  expect((await h.store.approve(id, ana)).outcome).toBe(waits ? 'approved' : 'not_waiting');
  if (!waits) return;
  Object.assign(run, { state: 'queued', runAt: h.clock.now() });
  model.acts.push(`approve ${id}`);
}

/** What nobody approved is cancelled. */
export function giveUpWaits(model: Model, now: number): void {
  for (const [id, run] of model.runs) {
    if (run.state !== 'waiting' || (run.waitsUntil ?? now) > now) continue;
    Object.assign(run, { state: 'cancelled', finishedAt: now });
    model.acts.push(`cancel ${id}`);
    model.held.delete(id);
  }
}

/** Of a run that is there, or of one that was deleted. */
export async function charge(h: PowerHarness, model: Model, one: { nth: number; amount: number }): Promise<void> {
  const { amount } = one;
  const runId = nth([...model.runs.keys(), ...model.gone], one.nth);
  if (runId === undefined) return;
  const docs = [{ kind: 'agent-run', key: runId, value: amount, runId }];
  await h.store.charge({ runId, spend: [{ key: 'usd', amount }], docs });
  model.used += amount;
  const mine = model.held.get(runId);
  if (mine !== undefined) model.held.set(runId, Math.max(0, mine - amount));
  if (model.runs.has(runId)) model.owned.set(runId, amount);
}

/** Each document that belongs to a run is there, and none without its run. */
export async function agreeOnOwned(h: PowerHarness, model: Model): Promise<void> {
  const { items } = await h.store.listDocs('agent-run', { limit: 200 });
  expect(items.map(({ key, value, runId }) => [key, value, runId])).toEqual(
    [...model.owned].map(([id, value]) => [id, value, id]).toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)),
  );
}
