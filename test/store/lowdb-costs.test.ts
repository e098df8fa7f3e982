/** What a run of an agent cost stands in the index beside it, wherever the index comes from. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import { account } from '../support/store-agents.ts';
import { kindsOf, look } from '../support/store-folder.ts';
import { accept, claimOne, lowdbHarness } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

const DAY_MS = 24 * 3_600_000;
let h: LowdbHarness;
let priced = '';
beforeEach(async () => {
  h = await lowdbHarness({ archiveAfterMs: 10 * DAY_MS, finalRunsKept: 0 });
  for (const microUsd of [1_250_000, null]) {
    await accept(h.store, { kind: 'agent' });
    const { lease } = await claimOne(h.store, { kinds: ['agent'] });
    await h.store.settle([{ lease, end: 'completed', agent: account(microUsd) }]);
    if (microUsd !== null) priced = lease.runId;
  }
  await accept(h.store);
});
afterEach(() => h.dispose());

const costs = async (): Promise<unknown[]> =>
  (await h.store.list({})).items.map((one) => one.microUsd ?? typeof one.microUsd);
const EXPECTED = ['undefined', 'object', 1_250_000];

it('it is listed after a clean end, a kill, and a rebuild of the index', async () => {
  expect(await costs()).toEqual(EXPECTED);
  for (const how of ['clean', 'crash'] as const) {
    await h.reopen(how);
    expect(await costs(), how).toEqual(EXPECTED);
  }
  await h.store.close();
  await rm(join(h.dir, 'index'), { recursive: true });
  await h.reopen('clean');
  expect(h.report).toMatchObject({ rebuilt: true });
  expect(await costs()).toEqual(EXPECTED);
});
it('it is listed of archived runs too, also when both indexes are made anew', async () => {
  h.clock.step(20 * DAY_MS);
  for (let n = 0; n < 2; n++) await h.store.sweep();
  await expect(readFile(layoutOf(h.dir).record(priced))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await costs()).toEqual(EXPECTED);
  await h.store.close();
  for (const path of ['index', 'archive/2026-11.index']) await rm(join(h.dir, path), { recursive: true });
  await h.reopen('crash');
  expect(await costs()).toEqual(EXPECTED);
});
it('the doctor compares it with the record', async () => {
  await h.store.close();
  expect((await look(h.dir)).verdict.findings).toEqual([]);
  const path = layoutOf(h.dir).record(priced);
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace('"runMicroUsd": 1250000', '"runMicroUsd": 1'));
  expect(kindsOf((await look(h.dir)).verdict)).toEqual(['index-stale']);
});
