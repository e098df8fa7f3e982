import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { iso } from '../../src/clock.ts';
import { createMemory, type Memory } from '../../src/runner/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { adviceKey, AGENT, reporter, type Told } from '../support/memory-rows.ts';
import { ana, memoryHarness, type Harness } from '../support/store-harness.ts';
import type { Run } from '../../src/store/records.ts';

const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

let harness: Harness;
let memory: Memory;
let report: (told: Told) => Promise<Run>;
beforeEach(() => {
  harness = memoryHarness();
  memory = createMemory(harness);
  report = reporter(harness);
});
afterEach(() => harness.dispose());

const statuses = async (): Promise<Record<string, string>> =>
  Object.fromEntries((await memory.list(AGENT)).map(({ key, status }) => [key, status]));

describe('recall', () => {
  test('entries of the job alone come back, newest first, as far as the weeks go', async () => {
    const old = await report({ advice: [1] });
    harness.clock.step(3 * WEEK);
    const first = await report({ advice: [1] });
    await report({ job: 'weekly', advice: [7] });
    await report({ job: `${AGENT}-two`, advice: [8] });
    harness.clock.step(DAY);
    const second = await report({ advice: [2] });
    const ids = async (weeks: number): Promise<string[]> =>
      (await memory.recall(AGENT, weeks)).map(({ entry }) => entry.runId);
    expect(await ids(2)).toEqual([second.id, first.id]);
    expect(await ids(8)).toEqual([second.id, first.id, old.id]);
    expect(await memory.recall('nobody', 8)).toEqual([]);
  });

  test('of many reports the newest 60 come back', async () => {
    const made: string[] = [];
    for (let n = 0; n < 70; n++) {
      harness.clock.step(6 * HOUR);
      made.push((await report({ advice: [n] })).id);
    }
    const ids = (await memory.recall(AGENT, 52)).map(({ entry }) => entry.runId);
    expect(ids).toEqual(made.toReversed().slice(0, 60));
  });

  test('years of daily reports are not read to recall the newest, however many weeks are asked for', async () => {
    for (let n = 0; n < 900; n++) {
      harness.clock.step(DAY);
      await report({ advice: [1] });
    }
    let read = 0;
    const counting: Store = {
      ...harness.store,
      async listDocs(kind, query) {
        const page = await harness.store.listDocs(kind, query);
        read += page.items.length;
        return page;
      },
    };
    expect(await createMemory({ store: counting, clock: harness.clock }).recall(AGENT, 520)).toHaveLength(60);
    expect(read).toBeLessThan(250);
  });

  test('what was dismissed for good is recalled however old it is, and only while its report is there', async () => {
    const run = await report({ advice: [1, 2] });
    await memory.advise({ runId: run.id, key: adviceKey(1), as: 'never', actor: ana });
    harness.clock.step(60 * WEEK);
    const [found] = await memory.recall(AGENT, 12);
    expect(found?.entry.runId).toBe(run.id);
    expect(await statuses()).toMatchObject({ [adviceKey(1)]: 'dismissed', [adviceKey(2)]: 'expired' });
    await harness.store.remove(run.id, ana);
    expect(await memory.recall(AGENT, 12)).toEqual([]);
  });
});

describe('list', () => {
  test('the same advice is there once, worded as in its newest report', async () => {
    await report({ advice: [1, 2] });
    harness.clock.step(WEEK);
    const newest = await report({ advice: [1], titleOf: () => 'Reorder it now' });
    const rows = await memory.list(AGENT);
    expect(rows.map(({ key, title }) => [key, title])).toEqual([
      [adviceKey(1), 'Reorder it now'],
      [adviceKey(2), 'Reorder product 2'],
    ]);
    expect(rows[0]).toMatchObject({ runId: newest.id, status: 'open' });
    expect(rows[0]?.then).toMatchObject([{ label: 'Stock', value: 1 }]);
    expect(await memory.list(AGENT, { limit: 1 })).toHaveLength(1);
  });

  test('open advice that is older than twelve weeks is expired', async () => {
    await report({ advice: [1] });
    harness.clock.step(12 * WEEK);
    expect(await statuses()).toEqual({ [adviceKey(1)]: 'open' });
    harness.clock.step(1);
    expect(await statuses()).toEqual({ [adviceKey(1)]: 'expired' });
  });

  test('what was done and is recommended again by a later report is open again', async () => {
    const first = await report({ advice: [1] });
    await memory.advise({ runId: first.id, key: adviceKey(1), as: 'done', actor: ana });
    expect(await statuses()).toEqual({ [adviceKey(1)]: 'done' });
    harness.clock.step(WEEK);
    const second = await report({ advice: [1] });
    expect(await statuses()).toEqual({ [adviceKey(1)]: 'open' });
    // The button of the older report counts for the newer one.
    await memory.advise({ runId: first.id, key: adviceKey(1), as: 'done', actor: ana });
    expect(await statuses()).toEqual({ [adviceKey(1)]: 'done' });
    expect(await memory.advise({ runId: second.id, key: adviceKey(1), as: 'done', actor: ana })).toMatchObject({
      outcome: 'unchanged',
    });
  });

  test('what was put off comes back after four weeks; what was dismissed for good does not, even when recommended again', async () => {
    const run = await report({ advice: [1, 2] });
    await memory.advise({ runId: run.id, key: adviceKey(1), as: 'later', actor: ana });
    await memory.advise({ runId: run.id, key: adviceKey(2), as: 'never', actor: ana });
    const [later] = await memory.list(AGENT);
    expect(later).toMatchObject({ status: 'dismissed', until: iso(harness.clock.now() + 4 * WEEK), by: ana });
    harness.clock.step(4 * WEEK - 1);
    expect(await statuses()).toEqual({ [adviceKey(1)]: 'dismissed', [adviceKey(2)]: 'dismissed' });
    harness.clock.step(1);
    await report({ advice: [2] });
    expect(await statuses()).toEqual({ [adviceKey(1)]: 'open', [adviceKey(2)]: 'dismissed' });
  });
});

describe('advise', () => {
  test('an answer says who and when, and stands in the audit log; the same again changes nothing', async () => {
    const run = await report({ advice: [1] });
    const asked = { runId: run.id, key: adviceKey(1), as: 'done', actor: ana } as const;
    expect(await memory.advise(asked)).toMatchObject({
      outcome: 'noted',
      job: AGENT,
      row: { status: 'done', by: ana },
    });
    harness.clock.step(DAY);
    expect(await memory.advise({ ...asked, actor: { kind: 'slack', id: 'U0BEN' } })).toMatchObject({
      outcome: 'unchanged',
      row: { by: ana },
    });
    const notes = (await harness.audit()).filter(({ act }) => act === 'advice');
    expect(notes).toMatchObject([
      { actor: ana, runId: run.id, job: AGENT, note: 'done: Reorder product 1 (000000000001)' },
    ]);
  });

  test('an answer can be taken back', async () => {
    const run = await report({ advice: [1] });
    const asked = { runId: run.id, key: adviceKey(1), actor: ana };
    expect(await memory.advise({ ...asked, as: 'open' })).toMatchObject({ outcome: 'unchanged' });
    await memory.advise({ ...asked, as: 'never' });
    expect(await memory.advise({ ...asked, as: 'open' })).toMatchObject({ outcome: 'noted', row: { status: 'open' } });
    const [row] = await memory.list(AGENT);
    expect(row).not.toHaveProperty('until');
    expect(await memory.advise({ ...asked, as: 'open' })).toMatchObject({ outcome: 'unchanged' });
  });

  test('a deleted run, a run without memory and a key that its report did not have are not found', async () => {
    const run = await report({ advice: [1] });
    const asked = { runId: run.id, key: adviceKey(1), as: 'done', actor: ana } as const;
    expect(await memory.advise({ ...asked, key: adviceKey(9) })).toEqual({ outcome: 'not_found' });
    expect(await memory.advise({ ...asked, runId: `run_${'0'.repeat(26)}` })).toEqual({ outcome: 'not_found' });
    await harness.store.remove(run.id, ana);
    expect(await harness.store.getDoc('memory', `${AGENT}.${run.id}`)).toBeUndefined();
    expect(await memory.list(AGENT)).toEqual([]);
    expect(await memory.advise(asked)).toEqual({ outcome: 'not_found' });
  });

  test('answers to several rows of a report at the same time are all kept', async () => {
    const run = await report({ advice: [1, 2, 3, 4, 5, 6] });
    const keys = [1, 2, 3, 4, 5, 6].map(adviceKey);
    await Promise.all(keys.map((key) => memory.advise({ runId: run.id, key, as: 'done', actor: ana })));
    expect(Object.values(await statuses())).toEqual(['done', 'done', 'done', 'done', 'done', 'done']);
  });

  test('of answers to two reports in the same millisecond the later one holds', async () => {
    const runs = [await report({ advice: [1] }), await report({ advice: [1] })];
    for (const as of ['done', 'open', 'never', 'open', 'done'] as const) {
      for (const { id } of as === 'open' ? runs : runs.toReversed()) {
        await memory.advise({ runId: id, key: adviceKey(1), as, actor: ana });
        expect(await statuses()).toEqual({ [adviceKey(1)]: as === 'never' ? 'dismissed' : as });
      }
    }
  });

  test('an answer holds although the clock was stepped back behind its report', async () => {
    const run = await report({ advice: [1] });
    harness.clock.step(-DAY);
    await memory.advise({ runId: run.id, key: adviceKey(1), as: 'done', actor: ana });
    expect(await statuses()).toEqual({ [adviceKey(1)]: 'done' });
    await memory.advise({ runId: run.id, key: adviceKey(1), as: 'open', actor: ana });
    expect(await statuses()).toEqual({ [adviceKey(1)]: 'open' });
  });

  test('property: whatever is reported and answered in whatever order, each key has one status, that of its last word', async () => {
    const key = fc.integer({ min: 1, max: 3 });
    const step = fc.oneof(
      fc.record({ do: fc.constant('report' as const), advice: fc.uniqueArray(key, { minLength: 1 }) }),
      fc.record({
        do: fc.constant('answer' as const),
        key,
        which: fc.nat(20),
        as: fc.constantFrom('done' as const, 'never' as const, 'open' as const),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const own = memoryHarness();
        const kept = createMemory(own);
        const tell = reporter(own);
        const runs: { id: string; advice: readonly number[] }[] = [];
        const expected = new Map<string, string>();
        for (const one of steps) {
          own.clock.step(1000);
          if (one.do === 'report') {
            runs.push({ id: (await tell({ advice: one.advice })).id, advice: one.advice });
            for (const n of one.advice)
              if (expected.get(adviceKey(n)) !== 'dismissed') expected.set(adviceKey(n), 'open');
            continue;
          }
          const having = runs.filter(({ advice }) => advice.includes(one.key));
          const run = having[one.which % Math.max(1, having.length)];
          if (run === undefined) continue;
          await kept.advise({ runId: run.id, key: adviceKey(one.key), as: one.as, actor: ana });
          expected.set(adviceKey(one.key), one.as === 'never' ? 'dismissed' : one.as);
        }
        const rows = await kept.list(AGENT);
        expect(new Map(rows.map((row) => [row.key, row.status]))).toEqual(expected);
        expect(rows).toHaveLength(expected.size);
        await own.dispose();
      }),
      { numRuns: 60 },
    );
  });
});
