import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createLocks } from '../../src/store/locks.ts';
import { createMonth } from '../../src/store/lowdb/archive-month.ts';
import { beginRewrite } from '../../src/store/lowdb/archive-rewrite.ts';
import { createDisk } from '../../src/store/lowdb/disk.ts';
import { nodeFiles } from '../../src/store/lowdb/files.ts';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import { openStore } from '../../src/store/open.ts';
import type { Run } from '../../src/store/records.ts';
import { accept, ana, claimOne, completeWithChart, lowdbHarness, walkBlobs } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

const DAY_MS = 24 * 3_600_000;
const OPTIONS = { archiveAfterMs: 10 * DAY_MS, finalRunsKept: 0 };
const MONTH = '2026-11';

let h: LowdbHarness;
beforeEach(async () => {
  h = await lowdbHarness(OPTIONS);
});
afterEach(() => h.dispose());

const layout = () => layoutOf(h.dir);
const gz = (): string => layout().archiveMonth(MONTH);
const there = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
/** A run of which nothing can happen any more, with a delivered report. */
async function closed(result: unknown = 1): Promise<Run> {
  await accept(h.store, { input: { secret: `quokka-${String(result)}` } });
  const { lease } = await claimOne(h.store);
  const id = h.ids.next('dlv');
  const plan = { id, mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } } as const;
  await h.store.settle([{ lease, end: 'completed', result: String(result), deliveries: [plan] }]);
  for (const claimed of await h.store.claimDeliveries({ limit: 9, workerId: 'o', leaseMs: 1000 })) {
    await h.store.settleDelivery({ lease: claimed.lease, outcome: 'delivered' });
  }
  const run = await h.store.get(lease.runId);
  if (run === undefined) throw new Error('it is not there');
  return run;
}
/** Lets them grow old and packs them. */
async function pack(days = 12): Promise<void> {
  h.clock.step(days * DAY_MS);
  for (let n = 0; n < 2; n++) await h.store.sweep();
}
async function history(count = 3): Promise<Run[]> {
  const runs: Run[] = [];
  for (let n = 0; n < count; n++) runs.push(await closed(n));
  return runs;
}
/** What `zcat` prints. */
const zcat = async (path = gz()): Promise<string> => gunzipSync(await readFile(path)).toString();
const lines = async (path = gz()): Promise<{ id: string; run?: Run; removed?: true }[]> =>
  (await zcat(path))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
async function expectAll(runs: readonly Run[], when = ''): Promise<void> {
  for (const run of runs) {
    expect(await h.store.get(run.id), when).toEqual(run);
    expect(await h.store.deliveries(run.id), when).toMatchObject([{ state: 'delivered' }]);
  }
  expect(
    (await h.store.list({ limit: 200 })).items.map(({ id }) => id),
    when,
  ).toEqual(runs.map(({ id }) => id).toReversed());
}
const format = async (): Promise<unknown> => JSON.parse(await readFile(layout().format, 'utf8'));

describe('a month of the archive', () => {
  it('is a gzip file of one JSON line a run, with its deliveries; the files of the runs and their folders are gone', async () => {
    const runs = await history();
    await pack();
    const text = await lines();
    expect(text.map(({ id, run }) => [id, run])).toEqual(runs.map((run) => [run.id, run]));
    expect(text[0]).toMatchObject({ deliveries: [{ state: 'delivered', runId: runs[0]?.id }] });
    for (const root of [layout().records, layout().deliveries]) expect(await readdir(root)).toEqual([]);
    expect((await stat(gz())).mode & 0o777).toBe(0o600);
    await expectAll(runs);
    for (const how of ['crash', 'clean'] as const) {
      await h.reopen(how);
      expect(h.report).toMatchObject({ quarantined: [], rebuilt: false, runs: 3 });
      await expectAll(runs, how);
    }
  });
  it('takes whole days, so that a quiet server does not pack its runs one by one', async () => {
    await history(1);
    h.clock.step(10 * DAY_MS);
    await h.store.sweep();
    expect(await there(gz())).toBe(false);
    h.clock.step(DAY_MS);
    await h.store.sweep();
    expect(await lines()).toHaveLength(1);
  });
  it('is written in members of which each can be read alone, and grows when more of it is old', async () => {
    const runs: Run[] = [];
    for (let day = 0; day < 3; day++) {
      for (let n = 0; n < 2; n++) runs.push(await closed('x'.repeat(70_000)));
      h.clock.step(DAY_MS);
    }
    await pack(9);
    const first = await readFile(gz());
    await pack(10);
    const all = await readFile(gz());
    expect(all.length).toBeGreaterThan(first.length);
    expect(all.subarray(0, first.length).equals(first)).toBe(true);
    expect((await lines()).map(({ id }) => id)).toEqual(runs.map(({ id }) => id));
    const begin = h.faults.seen().length;
    await h.store.get(runs[3]?.id ?? '');
    const read = h.faults
      .seen()
      .slice(begin)
      .filter(({ op, path }) => op === 'readPart' && path === gz());
    expect(read).toHaveLength(1);
  });
  it('that a run comes to late, after its day was packed, has it too', async () => {
    const late = await accept(h.store);
    const held = await claimOne(h.store, { leaseMs: 100 * DAY_MS });
    const runs = await history(2);
    await pack();
    expect(await lines()).toHaveLength(2);
    await h.store.settle([{ lease: held.lease, end: 'completed', result: 'late' }]);
    await pack();
    expect((await lines()).map(({ id }) => id)).toEqual([...runs, late].map(({ id }) => id));
    expect(await there(dirname(layout().record(late.id)))).toBe(false);
    expect(await h.store.get(late.id)).toMatchObject({ result: 'late' });
  });
  it('is only made where that is set, and read where it is set no more', async () => {
    const off = await lowdbHarness();
    await accept(off.store);
    const { lease } = await claimOne(off.store);
    await off.store.settle([{ lease, end: 'completed' }]);
    off.clock.step(1000 * DAY_MS);
    await off.store.sweep();
    expect(await there(join(off.dir, 'archive'))).toBe(false);
    await off.dispose();
    const runs = await history();
    await pack();
    await h.store.close();
    const lock = async () => ({ release: () => undefined });
    const deps = { clock: h.clock, ids: createIds(h.clock), log: silentLog, version: '0.0.0-test', lock };
    const { store } = await openStore({ backend: 'lowdb', dir: h.dir }, deps, { reserveBytes: 4096 });
    for (const run of runs) expect(await store.get(run.id)).toEqual(run);
    await store.remove(runs[0]?.id ?? '', ana);
    for (let n = 0; n < 2; n++) await store.sweep();
    expect((await lines()).map(({ id }) => id)).toEqual(runs.slice(1).map(({ id }) => id));
    await store.close();
  });
  it('is kept from a reader of format 3, which would miss the runs in it', async () => {
    await history();
    await pack();
    expect(await format()).toMatchObject({ minReader: 7, storeId: expect.any(String) });
  });
  it('does not lower the format of a newer version', async () => {
    await history();
    await h.store.close();
    await writeFile(layout().format, JSON.stringify({ format: 8, minReader: 7, createdBy: 'x', storeId: 'mine' }));
    await h.reopen('crash');
    await pack();
    expect(await format()).toMatchObject({ format: 8, minReader: 7, storeId: 'mine' });
  });
  it('is in a backup, whole', async () => {
    const runs = await history();
    await pack();
    const to = await mkdtemp(join(tmpdir(), 'bellhop-copy-'));
    await h.store.backup(join(to, 'copy'));
    expect((await readFile(join(to, 'copy/archive', `${MONTH}.jsonl.gz`))).equals(await readFile(gz()))).toBe(true);
    await h.store.close();
    await rm(h.dir, { recursive: true });
    await cp(join(to, 'copy'), h.dir, { recursive: true });
    await h.reopen('crash');
    expect(h.report).toMatchObject({ quarantined: [], runs: 3 });
    await expectAll(runs);
    await rm(to, { recursive: true });
  });
  it('has no run that is unfinished, or has something to deliver', async () => {
    const waiting = await accept(h.store, { queue: 'another' });
    const [packed] = await history(1);
    await accept(h.store);
    const { lease } = await claimOne(h.store);
    const id = h.ids.next('dlv');
    const plan = { id, mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } } as const;
    await h.store.settle([{ lease, end: 'completed', deliveries: [plan] }]);
    for (const claimed of await h.store.claimDeliveries({ limit: 9, workerId: 'o', leaseMs: 1000 })) {
      await h.store.settleDelivery({ lease: claimed.lease, outcome: 'retrying', nextAt: '2027-01-01T00:00:00.000Z' });
    }
    await pack();
    expect((await lines()).map((line) => line.id)).toEqual([packed?.id]);
    for (const runId of [waiting.id, lease.runId]) expect(await there(layout().record(runId))).toBe(true);
  });
  it('is not written while a backup is made', async () => {
    const runs = await history();
    h.clock.step(DAY_MS);
    runs.push(...(await history()));
    h.clock.step(12 * DAY_MS);
    const to = await mkdtemp(join(tmpdir(), 'bellhop-copy-'));
    const order: string[] = [];
    let copying: Promise<unknown> | undefined;
    h.faults.on(({ op, path }) => {
      // It is asked for while the first day is packed.
      if (op === 'append' && path === gz())
        copying ??= h.store.backup(join(to, 'copy')).then(() => order.push('copied'));
      if (op === 'create' && path.startsWith(to)) order.push('copies');
      if (['write', 'unlink', 'rmdir'].includes(op) && /archive|records/.test(path.slice(h.dir.length))) {
        if (!path.startsWith(to)) order.push('packs');
      }
      return undefined;
    });
    await pack(0);
    await copying;
    expect(order).toContain('packs');
    expect(order.slice(order.indexOf('copies'), order.indexOf('copied'))).not.toContain('packs');
    await rm(to, { recursive: true });
  });
});

describe('when a derived file of the archive is lost or of another time', () => {
  const damages: [string, () => Promise<void>][] = [
    ['the index of the runs is gone', () => rm(layout().indexFolder, { recursive: true })],
    ['the index of the month is gone', () => rm(layout().archiveIndex(MONTH))],
    ['the index of the month is rubbish', () => writeFile(layout().archiveIndex(MONTH), 'rubbish\n')],
    [
      'both are gone',
      async () => {
        await rm(layout().indexFolder, { recursive: true });
        await rm(layout().archiveIndex(MONTH));
      },
    ],
  ];
  for (const [what, damage] of damages) {
    it(`${what}: every run is there all the same`, async () => {
      const runs = await history();
      await pack();
      const [young] = await history(1);
      if (young === undefined) throw new Error('none');
      await h.store.close();
      await damage();
      for (const how of ['crash', 'clean'] as const) {
        await h.reopen(how);
        expect(h.report?.quarantined).toEqual([]);
        await expectAll([...runs, young], what);
        expect(await h.store.count({})).toMatchObject({ completed: 4 });
        await h.store.sweep();
      }
      expect(h.report).toMatchObject({ rebuilt: false });
    });
  }
  it('the index of the month is of an older file: what it does not know is read', async () => {
    const runs = [await closed()];
    h.clock.step(DAY_MS);
    runs.push(await closed());
    await pack(10);
    const old = await readFile(layout().archiveIndex(MONTH));
    expect(await lines()).toHaveLength(1);
    await pack(2);
    expect(await lines()).toHaveLength(2);
    await h.store.close();
    await writeFile(layout().archiveIndex(MONTH), old);
    await h.reopen('clean');
    await expectAll(runs);
  });
  it('a page of the run index is damaged: its archived runs are found again', async () => {
    const runs = await history();
    await pack();
    await h.store.close();
    const names = await readdir(layout().indexFolder);
    const page = join(layout().indexFolder, names.find((name) => /^\d{4}-/.test(name)) ?? '');
    await writeFile(page, 'rubbish');
    await h.reopen('clean');
    await expectAll(runs);
  });
});

describe('after a crash', () => {
  for (const left of ['the records', 'the deliveries', 'both'] as const) {
    it(`between the archive and the removal of the files (${left} are still there) every run is one run, and the next pass ends it`, async () => {
      const runs = await history();
      await h.store.sweep();
      const copy = await mkdtemp(join(tmpdir(), 'bellhop-left-'));
      await cp(h.dir, copy, { recursive: true });
      await pack();
      const packed = await readFile(gz());
      await h.store.close();
      for (const name of ['records', 'deliveries']) {
        if (left !== 'both' && !left.endsWith(name)) continue;
        await cp(join(copy, name), join(h.dir, name), { recursive: true });
      }
      await h.reopen('crash');
      expect(h.report).toMatchObject({ runs: 3, quarantined: [] });
      await expectAll(runs, left);
      await rm(layout().indexFolder, { recursive: true });
      await h.reopen('crash');
      expect(h.report).toMatchObject({ runs: 3, quarantined: [] });
      await expectAll(runs, `${left}, without the index`);
      expect(await h.store.claimDeliveries({ limit: 9, workerId: 'o', leaseMs: 1000 })).toEqual([]);
      for (let n = 0; n < 2; n++) await h.store.sweep();
      expect((await readFile(gz())).equals(packed)).toBe(true);
      for (const root of [layout().records, layout().deliveries]) expect(await readdir(root)).toEqual([]);
      await expectAll(runs, `${left}, after the next pass`);
      await rm(copy, { recursive: true });
    });
  }
  it('in the middle of an append the torn member is cut off, and its runs, whose files are there, are packed again', async () => {
    const runs = [await closed()];
    h.clock.step(DAY_MS);
    runs.push(await closed());
    await pack(10);
    const size = (await stat(gz())).size;
    // The second day: 40 bytes of it come to the file, and then the process dies.
    let armed = true;
    h.faults.on(({ op, path }) => {
      if (path !== gz()) return undefined;
      if (op === 'write' && armed) {
        armed = false;
        return 40;
      }
      return op === 'readPart' || op === 'tail' || op === 'append' || (op === 'truncate' && armed) ? undefined : 'EIO';
    });
    await pack(2);
    expect((await stat(gz())).size).toBe(size + 40);
    await h.reopen('crash');
    expect(h.report?.quarantined).toEqual([]);
    await expectAll(runs);
    await h.store.sweep();
    expect(await lines()).toHaveLength(2);
    await expectAll(runs);
    expect(h.store.health()).toMatchObject({ state: 'ready', quarantined: 0 });
  });
  it('the torn end of a month that nothing comes to any more is cut off too', async () => {
    const runs = await history();
    await pack();
    await h.store.close();
    const whole = await readFile(gz());
    await writeFile(gz(), Buffer.concat([whole, whole.subarray(0, 50)]));
    await h.reopen('crash');
    await expectAll(runs);
    await h.store.sweep();
    expect((await readFile(gz())).equals(whole)).toBe(true);
  });
});

describe('a damaged member', () => {
  /** Three days, a member each; the second is damaged at a share of its length. */
  async function damagedAt(share: number): Promise<Run[]> {
    const runs: Run[] = [];
    const ends: number[] = [];
    for (let day = 0; day < 3; day++) {
      runs.push(await closed(`${day}${'x'.repeat(100)}`));
      h.clock.step(DAY_MS);
    }
    for (const days of [8, 1, 1]) {
      await pack(days);
      ends.push((await stat(gz())).size);
    }
    await h.store.close();
    const bytes = await readFile(gz());
    const [from = 0, to = 0] = ends;
    const at = from + Math.floor((to - from - 1) * share);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
    await writeFile(gz(), bytes);
    return runs;
  }
  for (const share of [0, 0.1, 0.3, 0.6, 0.9, 1]) {
    it(`(at ${share} of its length) is named, stays where it is, and the others are read; the store opens`, async () => {
      const [first, second, third] = await damagedAt(share);
      const bytes = await readFile(gz());
      for (const lost of ['nothing', 'the index of the month', 'the index of the runs'] as const) {
        if (lost === 'the index of the month') await rm(layout().archiveIndex(MONTH), { force: true });
        if (lost === 'the index of the runs') await rm(layout().indexFolder, { recursive: true });
        await h.reopen('crash');
        expect(await h.store.get(first?.id ?? ''), lost).toEqual(first);
        expect(await h.store.get(second?.id ?? ''), lost).toBeUndefined();
        expect(await h.store.get(third?.id ?? ''), lost).toEqual(third);
        expect((await h.store.list({})).items.map(({ id }) => id)).toEqual([third?.id, first?.id]);
        expect(h.store.health()).toMatchObject({
          state: 'ready',
          quarantined: 1,
          reason: expect.stringContaining(`archive/${MONTH}.jsonl.gz is damaged at byte`),
        });
        await h.store.sweep();
      }
      expect((await readFile(gz())).equals(bytes)).toBe(true);
      expect(h.report?.quarantined).toMatchObject([{ path: `archive/${MONTH}.jsonl.gz` }]);
    });
  }
  it('keeps the blobs of its runs: somebody may bring the month back from a backup', async () => {
    const { sha256 } = await completeWithChart(h.store);
    await pack();
    await h.store.close();
    const bytes = await readFile(gz());
    bytes.writeUInt8(bytes.readUInt8(150) ^ 1, 150);
    await writeFile(gz(), bytes);
    await h.reopen('crash');
    h.clock.step(2 * 3_600_000);
    await walkBlobs(h);
    expect(h.store.health().quarantined).toBe(1);
    expect(await h.store.blobs.get(sha256)).toBeDefined();
  });
  it('in a file that somebody packed anew with gzip is named too, and nothing of it is cut off', async () => {
    const runs = await history();
    await pack();
    await h.store.close();
    const foreign = gzipSync(await zcat());
    await writeFile(gz(), foreign);
    await h.reopen('crash');
    expect(await h.store.get(runs[0]?.id ?? '')).toBeUndefined();
    await h.store.sweep();
    expect((await readFile(gz())).equals(foreign)).toBe(true);
    expect(h.store.health()).toMatchObject({ state: 'ready', quarantined: 1 });
  });
});

describe('the removal of an archived run', () => {
  it('is a line of the month at its checkpoint, and its bytes are gone with the sweep after', async () => {
    const runs = await history();
    await pack();
    const [first, second, third] = runs;
    await h.store.remove(second?.id ?? '', ana);
    // The checkpoint of its own, without a sweep.
    await h.clock.advance(1500);
    await vi.waitFor(async () => expect((await lines()).at(-1)).toEqual({ id: second?.id, removed: true }));
    await h.store.sweep();
    expect(await zcat()).not.toContain('quokka-1');
    expect((await lines()).map(({ id }) => id)).toEqual([first?.id, third?.id]);
    expect(await h.store.get(third?.id ?? '')).toEqual(third);
    for (const file of await readdir(h.dir, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const text = await readFile(join(file.parentPath, file.name), 'latin1');
      expect(text.includes('quokka-1'), file.name).toBe(false);
    }
  });
  it('of all of them takes the month away', async () => {
    const runs = await history();
    await pack();
    for (const { id } of runs) await h.store.remove(id, ana);
    await h.store.sweep();
    expect(await readdir(layout().archive)).toEqual([]);
    await h.reopen('crash');
    expect(h.report).toMatchObject({ runs: 0, quarantined: [] });
  });
  it('while the month is written anew is kept, and so is what is packed meanwhile', async () => {
    const runs = await history(4);
    const late = await accept(h.store);
    const held = await claimOne(h.store, { leaseMs: 100 * DAY_MS });
    await pack();
    await h.store.settle([{ lease: held.lease, end: 'completed', result: 'late' }]);
    h.clock.step(12 * DAY_MS);
    const [first, second, third, fourth] = runs.map(({ id }) => id);
    await h.store.remove(second ?? '', ana);
    let other: Promise<unknown> | undefined;
    h.faults.on(({ op, path }) => {
      if (op === 'create' && path.endsWith(MONTH)) other ??= h.store.remove(third ?? '', ana);
      return undefined;
    });
    for (let n = 0; n < 2; n++) await h.store.sweep();
    await other;
    expect(other).toBeDefined();
    for (let n = 0; n < 3; n++) {
      h.clock.step(3_700_000);
      await h.store.sweep();
    }
    expect((await lines()).map(({ id }) => id)).toEqual([first, fourth, late.id]);
    for (const how of ['crash', 'clean'] as const) {
      await h.reopen(how);
      expect((await h.store.list({})).items.map(({ id }) => id)).toEqual([late.id, fourth, first]);
      expect(await h.store.get(late.id)).toMatchObject({ result: 'late' });
      expect(await h.store.get(third ?? '')).toBeUndefined();
    }
  });
  for (const lost of ['nothing', 'the index of the runs', 'the index of the month'] as const) {
    it(`survives a crash before its checkpoint (and ${lost} is lost), and one after it`, async () => {
      const runs = await history();
      await pack();
      const gone = runs[1]?.id ?? '';
      await h.store.remove(gone, ana);
      const lose = async (): Promise<void> => {
        if (lost === 'the index of the runs') await rm(layout().indexFolder, { recursive: true, force: true });
        if (lost === 'the index of the month') await rm(layout().archiveIndex(MONTH), { force: true });
      };
      for (let life = 0; life < 3; life++) {
        await lose();
        await h.reopen('crash');
        expect(await h.store.get(gone), `life ${life}`).toBeUndefined();
        expect((await h.store.list({})).items).toHaveLength(2);
        // Only its checkpoint in the second life, and the rewrite in the third.
        if (life > 0) await h.store.sweep();
      }
      expect(await zcat()).not.toContain('quokka-1');
      expect((await h.audit()).filter(({ act }) => act === 'delete')).toHaveLength(1);
    });
  }
});

describe('on a disk that is nearly full', () => {
  it('nothing is packed and no month is written anew, removals are taken, and both are done when there is room', async () => {
    const runs = await history();
    await pack();
    const [young] = await history(1);
    h.clock.step(12 * DAY_MS);
    await h.store.remove(runs[0]?.id ?? '', ana);
    h.faults.on(({ op }) => (op === 'free' ? 10 * 1024 * 1024 : undefined));
    for (let n = 0; n < 2; n++) await h.store.sweep();
    expect(await there(layout().record(young?.id ?? ''))).toBe(true);
    expect(await lines()).toHaveLength(4);
    expect(await h.store.get(runs[0]?.id ?? '')).toBeUndefined();
    h.faults.on(() => undefined);
    for (let n = 0; n < 2; n++) await h.store.sweep();
    expect((await lines()).map(({ id }) => id)).toEqual(runs.slice(1).map(({ id }) => id));
    expect((await lines(layout().archiveMonth('2026-12'))).map(({ id }) => id)).toEqual([young?.id]);
  });
  it('a pass that runs out of room leaves nothing half, does not give the reserve up, and is tried again later', async () => {
    const runs = await history();
    let armed = true;
    h.faults.on(({ op, path }) => {
      if (!armed || !path.includes('archive')) return undefined;
      return op === 'write' ? 'ENOSPC' : undefined;
    });
    await pack();
    expect(h.store.health()).toMatchObject({ state: 'ready' });
    expect(await there(layout().reserve)).toBe(true);
    expect((await stat(gz())).size).toBe(0);
    await expectAll(runs);
    armed = false;
    await h.store.sweep();
    expect((await stat(gz())).size).toBe(0);
    h.clock.step(3_600_000);
    await h.store.sweep();
    expect(await lines()).toHaveLength(3);
    await expectAll(runs);
  });
});

it('a file of another name in the archive, and in the folder of a day, is left alone', async () => {
  const runs = await history();
  await h.store.sweep();
  const note = join(dirname(layout().record(runs[0]?.id ?? '')), 'notes.txt');
  await writeFile(note, 'mine');
  await mkdir(layout().archive);
  await writeFile(join(layout().archive, 'readme.txt'), 'mine');
  await pack();
  for (const path of [note, join(layout().archive, 'readme.txt')]) expect(await readFile(path, 'utf8')).toBe('mine');
  await h.reopen('crash');
  await expectAll(runs);
});

it('a truncated month loses only what was in the part that is gone', async () => {
  const runs = [await closed()];
  h.clock.step(DAY_MS);
  runs.push(await closed());
  await pack(12);
  await h.store.close();
  await truncate(gz(), (await stat(gz())).size - 20);
  await h.reopen('crash');
  expect(await h.store.get(runs[0]?.id ?? '')).toEqual(runs[0]);
  expect(await h.store.get(runs[1]?.id ?? '')).toBeUndefined();
});

it('what is deleted or comes to a month while it is written anew is taken along', async () => {
  const disk = createDisk({ files: nodeFiles, log: silentLog, root: h.dir });
  const deps = { disk, layout: layout(), locks: createLocks(), damaged: () => undefined };
  const month = createMonth(MONTH, deps);
  const [first, second, third, fourth, late] = await history(5);
  if (!first || !second || !third || !fourth || !late) throw new Error('none');
  await month.append([first, second, third, fourth].map((run) => ({ id: run.id, run })));
  await month.bury([second.id]);
  const rewrite = await beginRewrite({ disk, layout: layout() }, month);
  await month.bury([third.id]);
  await month.append([{ id: late.id, run: late }]);
  expect(await rewrite.step()).toBe(true);
  for (const now of [month, createMonth(MONTH, deps)]) {
    expect(await now.buried()).toBe(1);
    expect(await now.read(second.id)).toBeUndefined();
    expect(await now.read(third.id)).toBeUndefined();
    for (const run of [first, fourth, late]) expect((await now.read(run.id))?.run).toEqual(run);
  }
  expect((await lines()).map(({ id }) => id)).toEqual([first.id, third.id, fourth.id, third.id, late.id]);
  expect(await readdir(join(h.dir, 'tmp'))).toEqual([]);
});
