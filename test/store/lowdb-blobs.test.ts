import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { createBlobFiles } from '../../src/store/lowdb/blobs.ts';
import { createDisk } from '../../src/store/lowdb/disk.ts';
import { nodeFiles } from '../../src/store/lowdb/files.ts';
import type { Files } from '../../src/store/lowdb/files.ts';
import { createIds } from '../../src/ids.ts';
import { manualClock } from '../support/clock.ts';
import { faultyFiles } from '../support/store-faults.ts';
import { completeWithChart, lowdbHarness, walkBlobs } from '../support/store-harness.ts';
import { layoutOf } from '../../src/store/lowdb/layout.ts';

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bellhop-blobs-'));
  folder = join(root, 'blobs');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const ids = createIds(manualClock());
const open = (files: Files = nodeFiles) =>
  createBlobFiles({ disk: createDisk({ files, log: silentLog, root }), root: folder });
async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  for (const char of text) yield Buffer.from(char);
}
async function keep(shelf: ReturnType<typeof open>, text: string): Promise<string> {
  const staged = await shelf.stage(bytes(text), 1000);
  if (staged === undefined) throw new Error('too large');
  await staged.keep();
  return staged.sha256;
}
async function* givenAs(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}
async function read(shelf: ReturnType<typeof open>, sha256: string, into: Uint8Array[] = []): Promise<Uint8Array[]> {
  for await (const part of (await shelf.open(sha256)) ?? []) into.push(part);
  return into;
}
const everything = async (): Promise<string[]> =>
  (await readdir(folder, { recursive: true }).catch(() => [])).filter((name) => !/^[0-9a-f]{2}$/.test(name));

it('a blob is a plain file with its bytes, named by its hash, and those who name it stand beside it', async () => {
  const shelf = open();
  const sha256 = await keep(shelf, 'a chart');
  const runId = ids.next('run');
  await shelf.name(sha256, runId);
  const path = join(folder, sha256.slice(0, 2), sha256);
  expect(await readFile(path, 'utf8')).toBe('a chart');
  expect(await open().part(sha256.slice(0, 2))).toEqual([{ sha256, runIds: [runId] }]);
  await shelf.unname(sha256, runId);
  await shelf.drop(sha256);
  expect(await everything()).toEqual([]);
});
it('changed bytes are never handed out', async () => {
  const shelf = open();
  const sha256 = await keep(shelf, 'a chart');
  await writeFile(join(folder, sha256.slice(0, 2), sha256), 'a churt');
  await expect(read(shelf, sha256)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
});
it('a large blob is read by parts, and of one that was changed the last part never comes', async () => {
  const shelf = open();
  const large = Buffer.alloc(1_000_000, 'a chart ');
  const staged = await shelf.stage(givenAs(large), 2_000_000);
  await staged?.keep();
  const sha256 = staged?.sha256 ?? '';
  const parts = await read(shelf, sha256);
  expect(parts.length).toBeGreaterThan(2);
  expect(Buffer.concat(parts).equals(large)).toBe(true);
  await writeFile(join(folder, sha256.slice(0, 2), sha256), Buffer.from(large).fill('x', 0, 1));
  const got: Uint8Array[] = [];
  await expect(read(shelf, sha256, got)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  expect(Buffer.concat(got).length).toBeLessThan(large.length);
});
it('what a crash cut off is swept before the next blob', async () => {
  await mkdir(join(folder, 'ab'), { recursive: true });
  for (const left of ['.tmp-1-1', 'ab/.tmp-1-2']) await writeFile(join(folder, left), 'half');
  const sha256 = await keep(open(), 'a chart');
  expect(await everything()).toEqual([join(sha256.slice(0, 2), sha256)]);
});
it('on a full disk nothing half is left, whichever call found it out, and the next try succeeds', async () => {
  for (let k = 1; k <= 10; k++) {
    await rm(folder, { recursive: true, force: true });
    const faults = faultyFiles();
    const shelf = open(faults.files);
    faults.on(({ n, op }) => (n === k && op !== 'sync' && op !== 'syncFolder' ? 'ENOSPC' : undefined));
    const failure = await keep(shelf, 'abc').catch((error: unknown) => error);
    if (typeof failure === 'string') continue;
    expect(failure).toMatchObject({ code: 'STORE_FULL' });
    expect(await everything()).toEqual([]);
    expect(await keep(shelf, 'abc')).toMatch(/^ba7816bf/);
  }
});
it('a blob stays whose run turns out to be unreadable only when the collector asks for it', async () => {
  const h = await lowdbHarness({ finalRunsKept: 0 });
  const { sha256, runId } = await completeWithChart(h.store);
  await h.reopen('clean');
  await writeFile(layoutOf(h.dir).record(runId), '{');
  h.clock.step(2 * 3_600_000);
  await walkBlobs(h);
  expect(h.store.health().quarantined).toBe(1);
  expect(await h.store.blobs.get(sha256)).toBeDefined();
  await h.dispose();
});
