import { cp, open, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import type { Layout } from '../../src/store/lowdb/layout.ts';
import { inhabit, kindsOf, look, pictureOf } from '../support/store-folder.ts';
import type { Inhabitants } from '../support/store-folder.ts';
import { claimOne, lowdbHarness } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

const DAY_MS = 86_400_000;
const MONTH = '2026-11';
let h: LowdbHarness;
let at: Layout;
let who: Inhabitants;
/** Runs of which nothing can happen any more, and the blob of the last. */
let packed: string[];
let table: string;
/** The folder before its old runs were packed. */
let before: string;
beforeEach(async () => {
  h = await lowdbHarness({ archiveAfterMs: 10 * DAY_MS, finalRunsKept: 0 });
  at = layoutOf(h.dir);
  who = await inhabit(h);
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('a table');
  };
  const put = await h.store.blobs.put(bytes());
  if (put.outcome !== 'stored') throw new Error('the blob was not stored');
  table = put.sha256;
  const { lease } = await claimOne(h.store);
  packed = [who.failed, lease.runId];
  const blobs = [{ sha256: table, bytes: put.bytes, name: 'table.csv' }];
  const plan = { id: h.ids.next('dlv'), mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } } as const;
  await h.store.settle([{ lease, end: 'completed', blobs, deliveries: [plan] }]);
  for (const claimed of await h.store.claimDeliveries({ limit: 9, workerId: 'o', leaseMs: 1000 })) {
    await h.store.settleDelivery({ lease: claimed.lease, outcome: 'delivered' });
  }
  await h.store.sweep();
  before = `${h.dir}-before`;
  await cp(h.dir, before, { recursive: true });
});
afterEach(async () => {
  await rm(before, { recursive: true });
  await h.dispose();
});

async function pack(): Promise<void> {
  h.clock.step(12 * DAY_MS);
  for (let n = 0; n < 2; n++) await h.store.sweep();
}
const now = (): { now: number } => ({ now: h.clock.now() });
/** A key of the removed run may be over by now. */
const kinds = (found: Awaited<ReturnType<typeof look>>['verdict']): string[] =>
  kindsOf(found).filter((kind) => kind !== 'tombstone-over');

it('a folder with an archive is sound: what is packed is counted, and its blobs are named', async () => {
  await pack();
  for (const id of packed) {
    await expect(stat(at.record(id))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await h.store.get(id)).toMatchObject({ id });
  }
  await h.store.close();
  await utimes(join(at.blobs, table.slice(0, 2), table), 0, h.clock.now() / 1000 - 8 * 86_400);
  const picture = await pictureOf(h.dir);
  const { verdict } = await look(h.dir, now());
  expect(kinds(verdict)).toEqual([]);
  expect(verdict.counts).toMatchObject({ runs: { completed: 2, failed: 1, retrying: 1 }, blobs: 2, unnamedBlobs: 0 });
  expect(await pictureOf(h.dir)).toEqual(picture);
});
it('what a crash leaves of packing, both places or deliveries alone, is sound', async () => {
  await pack();
  await h.store.close();
  await cp(join(before, 'deliveries'), at.deliveries, { recursive: true });
  expect(kinds((await look(h.dir, now())).verdict)).toEqual([]);
  await cp(join(before, 'records'), at.records, { recursive: true });
  const { verdict } = await look(h.dir, now());
  expect(kinds(verdict).filter((kind) => kind !== 'index-stale')).toEqual([]);
  expect(verdict.counts.runs).toMatchObject({ completed: 2, failed: 1 });
});
it('a damaged part is named, and the runs that it held; a fix leaves it in its place', async () => {
  await pack();
  await h.store.close();
  const file = await open(at.archiveMonth(MONTH), 'r+');
  await file.write(Buffer.alloc(40, 0x5a), 0, 40, (await file.stat()).size - 80);
  await file.close();
  const { verdict } = await look(h.dir, now());
  expect(kinds(verdict)).toEqual(expect.arrayContaining(['archive-damaged', 'index-extra']));
  expect(verdict.findings.find(({ kind }) => kind === 'archive-damaged')).toMatchObject({
    severity: 'error',
    path: `archive/${MONTH}.jsonl.gz`,
  });
  const { mended } = await look(h.dir, { ...now(), fix: true });
  expect(kinds(mended?.after ?? verdict)).toEqual(['archive-damaged', 'quarantined']);
});
it('an index that is gone is made of the archive too, and what is not of Bellhop is named', async () => {
  await pack();
  await h.store.close();
  await writeFile(join(at.archive, 'notes.txt'), 'mine');
  await rm(at.indexFolder, { recursive: true });
  const { verdict } = await look(h.dir, now());
  expect(kinds(verdict)).toEqual(['stray', 'index-absent']);
  const { mended } = await look(h.dir, { ...now(), fix: true });
  expect(kinds(mended?.after ?? verdict)).toEqual(['stray']);
  await h.reopen('crash');
  expect((await h.store.list({})).items).toHaveLength(4);
});
