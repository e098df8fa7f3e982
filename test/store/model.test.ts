import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { StoreOptions } from '../../src/store/core.ts';
import type { RunState } from '../../src/store/records.ts';
import { apply } from '../support/store-model.ts';
import { agreeOnFeed } from '../support/store-model-more.ts';
import { agreeOnOwned } from '../support/store-model-waits.ts';
import { emptyModel, MAX_ATTEMPTS, MODEL_TERMS } from '../support/store-model-state.ts';
import type { Model } from '../support/store-model-state.ts';
import { step } from '../support/store-model-steps.ts';
import { powerHarness } from '../support/store-power-harness.ts';
import type { PowerHarness } from '../support/store-power-harness.ts';

const DAY_MS = 86_400_000;
const WAYS: [string, { options: Partial<StoreOptions>; sleepEvery: number; numRuns: number }][] = [
  ['leaves what a plain map of runs would hold', { options: {}, sleepEvery: Number.POSITIVE_INFINITY, numRuns: 60 }],
  [
    'does so too when old runs are archived as soon as they can be',
    { options: { archiveAfterMs: 0, finalRunsKept: 0, eventsKeepMs: 1000 * DAY_MS }, sleepEvery: 5, numRuns: 30 },
  ],
];
for (const [what, { options, sleepEvery, numRuns }] of WAYS) {
  // Some thousand lives; the bound is for a hang.
  it(`any sequence of verbs, crashes, power cuts and restarts ${what}`, { timeout: 180_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 60 }), fc.integer(), async (steps, seed) => {
        const h = await powerHarness(seed, { ...MODEL_TERMS, ...options });
        const model = emptyModel();
        try {
          await agree(h, model);
          for (const [at, one] of steps.entries()) {
            await apply(h, model, one);
            await agree(h, model);
            if (at % sleepEvery !== sleepEvery - 1) continue;
            for (let n = 0; n < 3; n++) await apply(h, model, { verb: 'sleep' });
            await agree(h, model);
          }
          await apply(h, model, { verb: 'reopen', how: 'clean' });
          await agree(h, model);
          const acts = (await h.acts()).map((one) => `${one.act} ${one.runId ?? one.queue ?? one.note}`);
          expect(acts.toSorted()).toEqual(model.acts.toSorted());
        } finally {
          await h.dispose();
        }
      }),
      { numRuns, seed: 20261123 },
    );
  });
}

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
    for (const { id: delivery, parts } of await h.store.deliveries(id)) {
      expect(parts[0]?.state, delivery).toBe(model.parts.get(delivery));
    }
    if (expected.blob !== undefined) expect(await h.store.blobs.get(expected.blob), id).toBeDefined();
  }
  const counts = await h.store.count({});
  for (const state of ['waiting', 'queued', 'running', 'retrying', 'completed', 'failed', 'cancelled'] as const) {
    expect(counts[state], state).toBe([...model.runs.values()].filter((run) => run.state === state).length);
  }
  await agreeOnPages(h, model);
  await agreeOnDocs(h, model);
  await agreeOnOwned(h, model);
  await agreeOnFeed(h.store, model);
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
  const newest = (await h.store.list({ job: 'weekly-report', limit: 1 })).items;
  expect(newest.map(({ id, state }) => [id, state])).toEqual(
    [...model.runs].slice(-1).map(([id, { state }]) => [id, state]),
  );
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
