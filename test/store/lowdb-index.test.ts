import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { accept, ana, lowdbHarness } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

let h: LowdbHarness;
beforeEach(async () => {
  h = await lowdbHarness();
});
afterEach(() => h.dispose());

const pagesRead = (): string[] =>
  h.faults.seen().flatMap(({ op, path }) => (op === 'read' && /index\/\d{4}-/.test(path) ? [path] : []));

/** One finished run of each job, a day for each, so that each has a page of its own. */
async function history(jobs: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < jobs; n++) {
    const { id } = await accept(h.store, { job: `job-${n}`, queue: 'q' });
    await h.store.cancel(id, ana);
    ids.push(id);
    await h.clock.advance(24 * 3_600_000);
  }
  await h.store.sweep();
  return ids;
}
const last = async (n: number): Promise<string | undefined> =>
  (await h.store.list({ job: `job-${n}`, limit: 1 })).items[0]?.id;

for (const how of ['clean', 'crash'] as const) {
  it(`the last run of every job is known after a ${how} end without reading a page`, async () => {
    const ids = await history(5);
    await h.reopen(how);
    for (const [n, id] of ids.entries()) expect(await last(n)).toBe(id);
    expect(pagesRead()).toEqual([]);
    expect(h.report).toMatchObject({ rebuilt: false, runs: 5 });
  });
}

it('the last run of a job is known after a rebuild, and an index that was rebuilt is not rebuilt again', async () => {
  const ids = await history(3);
  await h.store.close();
  await rm(join(h.dir, 'index'), { recursive: true });
  await h.reopen('clean');
  expect(h.report).toMatchObject({ rebuilt: true, runs: 3 });
  for (const [n, id] of ids.entries()) expect(await last(n)).toBe(id);
  await h.reopen('clean');
  expect(h.report).toMatchObject({ rebuilt: false, runs: 3 });
  for (const [n, id] of ids.entries()) expect(await last(n)).toBe(id);
});

it('a page that an earlier life wrote anew leaves nothing behind after the first checkpoint of this one', async () => {
  const ids = await history(2);
  const names = await readdir(join(h.dir, 'index'));
  h.faults.on(({ op, path }) => (op === 'unlink' && path.includes('index') ? 'EACCES' : undefined));
  const { id } = await accept(h.store, { job: 'job-0', queue: 'q' });
  await h.store.sweep();
  await h.store.remove(ids[0] ?? '', ana);
  await h.store.sweep();
  expect((await readdir(join(h.dir, 'index'))).length).toBeGreaterThan(names.length + 1);
  await h.reopen('crash');
  await h.store.cancel(id, ana);
  await h.store.sweep();
  const left = await readdir(join(h.dir, 'index'));
  expect(left.filter((name) => name.includes((ids[0] ?? '').slice(4))).map((name) => name.slice(-8))).toEqual([
    '.2.jsonl',
  ]);
  expect((await h.store.list({})).items.map((one) => one.id)).toEqual([id, ids[1]]);
});

it('the last run of a job is known although the checkpoint that brought it failed at first', async () => {
  const ids = await history(2);
  const { id } = await accept(h.store, { job: 'job-0', queue: 'q' });
  await h.store.cancel(id, ana);
  h.faults.on(({ op, path }) => (op === 'append' && path.includes('/index/') ? 'EACCES' : undefined));
  await h.store.sweep();
  h.faults.on(() => undefined);
  await h.store.sweep();
  await h.reopen('crash');
  expect([await last(0), await last(1)]).toEqual([id, ids[1]]);
  expect(pagesRead()).toEqual([]);
});
