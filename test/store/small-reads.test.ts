import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createSmallReads } from '../../src/store/lowdb/small-reads.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bellhop-reads-'));
  path = join(dir, 'record.json');
  await writeFile(path, 'text');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A clock on which every read takes so long. */
const taking = (ms: number): { monotonic: () => number } => {
  let now = 0;
  return { monotonic: () => (now += ms) };
};

it('a small file is read as it is, an empty one is empty, and a missing one is missing', async () => {
  const reads = createSmallReads(taking(0.01));
  expect(Buffer.from((await reads.read(path, 100)) ?? []).toString()).toBe('text');
  await writeFile(path, '');
  expect(await reads.read(path, 100)).toHaveLength(0);
  await expect(reads.read(join(dir, 'none'), 100)).rejects.toMatchObject({ code: 'ENOENT' });
});

it('what is large, no file, or more than asked for is left to the other way, and a link is not followed', async () => {
  const reads = createSmallReads(taking(0.01));
  expect(await reads.read(dir, 100)).toBeUndefined();
  expect(await reads.read(path, 3)).toBeUndefined();
  await writeFile(path, 'x'.repeat(64 * 1024 + 1));
  expect(await reads.read(path, 1_000_000)).toBeUndefined();
  await symlink(path, join(dir, 'link'));
  await expect(reads.read(join(dir, 'link'), 100)).rejects.toMatchObject({ code: 'ELOOP' });
});

it('many reads at once let the event loop go on in between', async () => {
  const reads = createSmallReads(taking(0.4));
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(Array.from({ length: 50 }, () => reads.read(path, 100)));
  done = true;
  expect(turns).toBeGreaterThanOrEqual(7);
});

it('a disk that is slow to answer is asked the other way for a while, and then tried again', async () => {
  const reads = createSmallReads(taking(20));
  expect(await reads.read(path, 100)).toBeDefined();
  for (let n = 0; n < 64; n++) expect(await reads.read(path, 100)).toBeUndefined();
  expect(await reads.read(path, 100)).toBeDefined();
});
