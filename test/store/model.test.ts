import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RunState } from '../../src/store/records.ts';
import { apply, emptyModel, MAX_ATTEMPTS } from '../support/store-model.ts';
import type { Model } from '../support/store-model.ts';
import { step } from '../support/store-model-steps.ts';
import { powerHarness } from '../support/store-power-harness.ts';
import type { PowerHarness } from '../support/store-power-harness.ts';

it('any sequence of verbs, crashes, power cuts and restarts leaves what a plain map of runs would hold', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 60 }), fc.integer(), async (steps, seed) => {
      const h = await powerHarness(seed);
      const model = emptyModel();
      try {
        for (const one of steps) {
          await apply(h, model, one);
          await agree(h, model);
        }
      } finally {
        await h.dispose();
      }
    }),
    { numRuns: 60, seed: 20261123 },
  );
});

async function agree(h: PowerHarness, model: Model): Promise<void> {
  const { items } = await h.store.list({ limit: 200 });
  expect(items.map((one) => one.id)).toEqual([...model.runs.keys()].toReversed());
  for (const [id, expected] of model.runs) {
    const run = await h.store.get(id);
    expect(run).toMatchObject({ state: expected.state, attemptsUsed: Math.min(expected.used, MAX_ATTEMPTS) });
    const states = (await h.store.deliveries(id)).map((one) => [
      one.id,
      one.state === 'delivered' ? 'delivered' : 'open',
    ]);
    expect(states).toEqual([...expected.deliveries]);
  }
  const counts = await h.store.count({});
  for (const state of ['queued', 'running', 'retrying', 'completed', 'failed', 'cancelled'] as const) {
    expect(counts[state], state).toBe([...model.runs.values()].filter((run) => run.state === state).length);
  }
  await agreeOnPages(h, model);
  await agreeOnDocs(h, model);
  const notices = (await h.store.listNotices({})).items.toReversed();
  expect(
    notices.map(({ notice, deliveries }) => [
      notice.key,
      deliveries.map((one) => (one.state === 'delivered' ? 'delivered' : 'open')).join(),
    ]),
  ).toEqual([...model.notices]);
}

/** A filtered list in small pages says what the whole list says. */
async function agreeOnPages(h: PowerHarness, model: Model): Promise<void> {
  for (const states of [
    ['failed', 'cancelled'],
    ['queued', 'retrying'],
  ] satisfies RunState[][]) {
    const listed: string[] = [];
    let after: string | undefined;
    do {
      const page = await h.store.list({
        states,
        job: 'weekly-report',
        limit: 2,
        ...(after === undefined ? {} : { after }),
      });
      listed.push(...page.items.map((one) => one.id));
      after = page.next;
    } while (after !== undefined);
    const expected = [...model.runs].filter(([, run]) => states.some((state) => state === run.state)).map(([id]) => id);
    expect(listed, states.join()).toEqual(expected.toReversed());
  }
  expect((await h.store.list({ job: 'another-job' })).items).toEqual([]);
}

async function agreeOnDocs(h: PowerHarness, model: Model): Promise<void> {
  for (const key of ['x', 'y']) {
    const rev = model.docs.get(key);
    const doc = await h.store.getDoc('status', key);
    expect(doc?.rev, key).toBe(rev);
  }
  expect((await h.store.pausedQueues()).length).toBe(model.paused ? 1 : 0);
  const counter = (await h.store.getDoc('ledger', 'usd'))?.value;
  const held = Object.fromEntries(model.held);
  if (counter !== undefined) expect(counter).toEqual({ used: model.used, held });
  else expect({ used: model.used, held }).toEqual({ used: 0, held: {} });
}
