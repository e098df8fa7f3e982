import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { enableCompileCache, getCompileCacheDir } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createDisk } from '../../src/store/lowdb/disk.ts';
import type { Disk } from '../../src/store/lowdb/disk.ts';
import { nodeFiles } from '../../src/store/lowdb/files.ts';
import { createPlacer } from '../../src/store/lowdb/placer.ts';
import type { Placement, Placer, PlacerParts } from '../../src/store/lowdb/placer.ts';
import { openStore } from '../../src/store/open.ts';
import { manualClock } from '../support/clock.ts';
import { newRun } from '../support/store-harness.ts';

let root: string;
const placers: Placer[] = [];
/** From the test that turns it on, the compile cache is the process's, and every later thread makes this folder again. */
const cacheOfProcess = await mkdtemp(join(tmpdir(), 'bellhop-placer-cache-'));
afterAll(() => rm(cacheOfProcess, { recursive: true, force: true }));
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bellhop-placer-'));
});
afterEach(async () => {
  for (const placer of placers.splice(0)) await placer.close();
  await rm(root, { recursive: true, force: true });
});

function placerOf(parts: Partial<PlacerParts> = {}): Placer {
  const placer = createPlacer(parts);
  placers.push(placer);
  return placer;
}
/** The file of a thread that runs `code`. */
async function threadOf(code: string): Promise<string> {
  const entry = join(root, 'thread.mjs');
  await writeFile(entry, `import { parentPort } from 'node:worker_threads';\n${code}`);
  return entry;
}
const diskOver = (placer: Placer): Disk => createDisk({ files: nodeFiles, log: silentLog, root, placer });
const placement = (name: string): Placement => ({
  temp: join(root, `.tmp-${name}`),
  path: join(root, name),
  text: `text of ${name} é\n`,
  pace: 'at once',
});
const names = async (): Promise<string[]> => (await readdir(root)).toSorted((a, b) => a.localeCompare(b));

describe('files placed by a thread', () => {
  it('are in their places with their texts, for their owner only, and no temp file is left', async () => {
    expect(await placerOf().place([placement('a'), placement('b')])).toBeUndefined();
    expect(await names()).toEqual(['a', 'b']);
    expect(await readFile(join(root, 'b'), 'utf8')).toBe('text of b é\n');
    expect((await stat(join(root, 'a'))).mode & 0o777).toBe(0o600);
  });
  it('end with the first that cannot be written, which is named; none after it is there', async () => {
    const astray = { ...placement('b'), temp: join(root, 'nowhere', 'b') };
    const failure = await placerOf().place([placement('a'), astray, placement('c')]);
    expect(failure).toMatchObject({ at: 1, step: 'write', code: 'ENOENT' });
    expect(await names()).toEqual(['a']);
  });
  it('end with the first that cannot be renamed, and its temp file is gone', async () => {
    await mkdir(join(root, 'b', 'below'), { recursive: true });
    const failure = await placerOf().place([placement('a'), placement('b'), placement('c')]);
    expect(failure).toMatchObject({ at: 1, step: 'rename' });
    expect(await names()).toEqual(['a', 'b']);
  });
  it('are placed by the thread that placed the last ones, and by a new one after minutes without any', async () => {
    const clock = manualClock();
    // Says of each thread that it began, and answers as if all were placed.
    const began = join(root, 'began');
    const entry = await threadOf(
      `import { appendFileSync } from 'node:fs';
       appendFileSync(${JSON.stringify(began)}, 'x');
       parentPort.on('message', () => parentPort.postMessage({ failure: undefined, synced: true }));`,
    );
    const placer = placerOf({ clock, entry });
    const threads = async (): Promise<number> => (await readFile(began, 'utf8')).length;
    await placer.place([placement('a')]);
    await placer.rest();
    await clock.advance(4 * 60_000);
    await placer.rest();
    await placer.place([placement('b')]);
    expect(await threads()).toBe(1);
    await clock.advance(4 * 60_000);
    await placer.rest();
    await placer.place([placement('c')]);
    expect(await threads()).toBe(1);
    clock.step(24 * 60 * 60_000);
    await placer.rest();
    await placer.place([placement('c')]);
    expect(await threads()).toBe(1);
    await clock.advance(5 * 60_000);
    await placer.rest();
    await placer.place([placement('d')]);
    expect(await threads()).toBe(2);
  });
  it('are placed by a thread that has the compile cache of the main one', async () => {
    enableCompileCache(cacheOfProcess);
    const cache = getCompileCacheDir();
    expect(cache).toBeDefined();
    const entry = await threadOf(
      `import { getCompileCacheDir } from 'node:module';
       const synced = getCompileCacheDir() === ${JSON.stringify(cache)};
       parentPort.on('message', () => parentPort.postMessage({ failure: undefined, synced }));`,
    );
    expect(await placerOf({ entry }).syncAll(root)).toBe(true);
    expect(await placerOf().place([placement('a')])).toBeUndefined();
    expect(await readFile(join(root, 'a'), 'utf8')).toBe('text of a é\n');
    await expect(placerOf({ entry: join(root, 'none.ts') }).place([placement('b')])).rejects.toThrow('ended');
  });
  it('leave the processor to others after each, when nobody waits for them', async () => {
    let serial = 0;
    const placer = placerOf();
    const took = async (): Promise<number> => {
      const batch = Array.from({ length: 64 }, () => ({ ...placement(`${serial++}`), pace: 'calmly' as const }));
      const began = performance.now();
      await placer.place(batch);
      return performance.now() - began;
    };
    let least = Infinity;
    for (let turn = 0; turn < 5; turn++) least = Math.min(least, await took());
    // At least 0.2 ms each. What else the machine does makes one batch take as long without a pause, but hardly each of them.
    expect(least).toBeGreaterThan(64 * 0.2);
  });
  it('are not given up while they are under way, however long they take', async () => {
    const clock = manualClock();
    const placer = placerOf({ clock });
    const placed = placer.place([placement('a')]);
    await clock.advance(10 * 60_000);
    await placer.rest();
    expect(await placed).toBeUndefined();
  });
  it('are not said to be in their places by a thread that was ended before them', async () => {
    // The first thread answers, and its answer lies unread when it is ended; the second has nothing to say.
    const answered = join(root, 'answered');
    const entry = await threadOf(
      `import { existsSync, writeFileSync } from 'node:fs';
       const synced = !existsSync(${JSON.stringify(answered)});
       parentPort.on('message', () => {
         parentPort.postMessage({ failure: undefined, synced });
         writeFileSync(${JSON.stringify(answered)}, '');
       });`,
    );
    const placer = placerOf({ entry });
    const first = expect(placer.syncAll(root)).rejects.toThrow('it was closed');
    // Without a turn of the event loop, in which the answer would be taken.
    for (const hangs = performance.now() + 20_000; !existsSync(answered) && performance.now() < hangs;);
    const closed = placer.close();
    expect(await placer.syncAll(root)).toBe(false);
    await Promise.all([first, closed]);
  });
  it('are made durable by one call, where there is such a folder', async () => {
    const placer = placerOf();
    expect(await placer.syncAll(root)).toBe(true);
    expect(await placer.syncAll(join(root, 'nowhere'))).toBe(false);
  });
  it('reject when the thread ends without an error', async () => {
    const entry = await threadOf(`parentPort.on('message', () => process.exit(3));`);
    await expect(placerOf({ entry }).place([placement('a')])).rejects.toThrow('exit code 3');
  });
  it('reject when the thread cannot be started', async () => {
    const placer = placerOf({ entry: join(root, 'no-such-thread.ts') });
    await expect(placer.place([placement('a')])).rejects.toThrow('the thread that places files ended');
  });
});

describe('a disk with such a thread', () => {
  const many = Array.from({ length: 200 }, (_, n) => `records/${n % 7}/${n}.json`);

  it('places two hundred at once, in folders that were not there', async () => {
    const disk = diskOver(placerOf());
    await Promise.all(many.map((name) => disk.placeTogether(join(root, name), name)));
    for (const name of many) expect(await readFile(join(root, name), 'utf8')).toBe(name);
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });
  it('places them one by one when the thread is dead', async () => {
    const disk = diskOver(placerOf({ entry: join(root, 'no-such-thread.ts') }));
    await Promise.all(many.map((name) => disk.placeTogether(join(root, name), name)));
    for (const name of many) expect(await readFile(join(root, name), 'utf8')).toBe(name);
    expect(disk.stopped()).toBeUndefined();
  });
  it('stops all writing when a rename fails, for nobody knows what the disk holds', async () => {
    await mkdir(join(root, 'taken', 'below'), { recursive: true });
    const disk = diskOver(placerOf());
    const failure = await disk.placeTogether(join(root, 'taken'), 'text').catch(codeOf);
    expect(failure).toBe('STORE_FAILED');
    expect(disk.stopped()).toContain('rename');
  });
  it('says that the disk is full, and goes on', async () => {
    const full: Placer = {
      place: async () => ({ at: 0, step: 'rename', code: 'ENOSPC', message: 'no space left on device' }),
      syncAll: async () => false,
      rest: async () => undefined,
      close: async () => undefined,
    };
    const disk = diskOver(full);
    expect(await disk.placeTogether(join(root, 'a'), 'text').catch(codeOf)).toBe('STORE_FULL');
    expect(disk.stopped()).toBeUndefined();
  });
});

it('a checkpoint of hundreds of runs leaves each of them in its own readable file', async () => {
  const clock = manualClock();
  const lock = async () => ({ release: () => undefined });
  const deps = { clock, ids: createIds(clock), log: silentLog, version: '0.0.0-test', lock };
  const { store } = await openStore({ backend: 'lowdb', dir: root }, deps, { reserveBytes: 4096 });
  await store.submit(Array.from({ length: 300 }, (_, week) => newRun({ input: { week } })));
  await store.close();
  const records = await readdir(join(root, 'records'), { recursive: true });
  const files = records.filter((name) => name.endsWith('.json'));
  expect(files).toHaveLength(300);
  for (const name of files.slice(0, 20)) {
    expect(await readFile(join(root, 'records', name), 'utf8')).toMatch(/^\{\n {2}"v": 1,\n {2}"id": "run_/);
  }
});

it('a checkpoint goes calmly while nobody waits for it, and at once when the store is closed', async () => {
  const clock = manualClock();
  const real = placerOf();
  const paces: Placement['pace'][] = [];
  const placer: Placer = {
    ...real,
    place: (batch) => {
      paces.push(...batch.map(({ pace }) => pace));
      return real.place(batch);
    },
  };
  const lock = async () => ({ release: () => undefined });
  const deps = { clock, ids: createIds(clock), log: silentLog, version: '0.0.0-test', lock, placer };
  const { store } = await openStore({ backend: 'lowdb', dir: root }, deps, { reserveBytes: 4096 });
  const runs = (from: number) => Array.from({ length: 20 }, (_, week) => newRun({ input: { week: from + week } }));
  await store.submit(runs(0));
  await clock.advance(2_000);
  await vi.waitFor(() => expect(paces.length).toBeGreaterThanOrEqual(20), 20_000);
  expect(new Set(paces)).toEqual(new Set(['calmly']));
  paces.length = 0;
  await store.submit(runs(20));
  await store.close();
  expect(paces.length).toBeGreaterThanOrEqual(20);
  expect(new Set(paces)).toEqual(new Set(['at once']));
});
