import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { accept, ana, claimOne, lowdbHarness, memoryHarness, newRun, readAudit } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

let h: LowdbHarness;
let outside: string;
beforeEach(async () => {
  // How many runs a writer brings in while a copy is made depends on the disk.
  h = await lowdbHarness({ maxUnfinished: 1_000_000 });
  outside = await mkdtemp(join(tmpdir(), 'bellhop-backup-'));
});
afterEach(async () => {
  await h.dispose();
  await rm(outside, { recursive: true, force: true });
});
const to = (name = 'copy'): string => join(outside, name);

/** Opens the copy, looks at it, and closes it. */
async function restored<T>(dir: string, look: (store: Store) => Promise<T>): Promise<T> {
  const lock = async () => ({ release: () => undefined });
  const deps = { clock: h.clock, ids: createIds(h.clock), log: silentLog, version: '0.0.0-test', lock };
  const { store, report } = await openStore({ backend: 'lowdb', dir }, deps, {
    reserveBytes: 4096,
    journalRoomBytes: 2048,
  });
  expect(report.quarantined).toEqual([]);
  try {
    return await look(store);
  } finally {
    await store.close();
  }
}

it('everything that was committed is in the copy: runs, deliveries, documents, acts, events, blobs', async () => {
  const bytes = Buffer.from('a chart');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await h.store.blobs.put(
    (async function* () {
      yield bytes;
    })(),
  );
  const stop = new AbortController();
  const feed = h.store.watch('now', stop.signal);
  await accept(h.store);
  let seq = 0;
  for await (const event of feed) {
    seq = event.seq;
    break;
  }
  const { lease } = await claimOne(h.store);
  const blobs = [{ sha256, bytes: bytes.length, name: 'chart.svg' }];
  const deliveries = [
    { id: h.ids.next('dlv'), mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } },
  ] as const;
  await h.store.settle([{ lease, end: 'completed', blobs, deliveries: [...deliveries] }]);
  await h.store.sweep();
  const queued = await accept(h.store);
  await h.store.putDoc({ kind: 'status', key: 'late', rev: 0, value: 'only in the journal' });
  const info = await h.store.backup(to());
  expect(info).toMatchObject({ dir: to(), files: expect.any(Number) });
  expect(await readdir(to())).toContain('BACKUP.json');
  await restored(to(), async (store) => {
    expect(await store.get(lease.runId)).toEqual(await h.store.get(lease.runId));
    expect(await store.get(queued.id)).toEqual(queued);
    expect(await store.deliveries(lease.runId)).toMatchObject([{ id: deliveries[0].id, state: 'pending' }]);
    expect(await store.getDoc('status', 'late')).toMatchObject({ value: 'only in the journal' });
    expect(Buffer.from((await store.blobs.get(sha256)) ?? [])).toEqual(bytes);
    for await (const event of store.watch(seq, stop.signal)) {
      expect(event).toMatchObject({ type: 'run', runId: lease.runId, state: 'running' });
      break;
    }
  });
  expect((await readAudit(to())).map((one) => one.act)).toEqual(['run', 'run']);
});
it('a copy made under writers holds what was acknowledged before it, and of each writer no later run without the earlier ones', async () => {
  const acked: string[][] = [[], [], [], []];
  const end = new AbortController();
  const writers = acked.map(async (mine, at) => {
    while (!end.signal.aborted) {
      const run = await accept(h.store, { input: { at, n: mine.length } });
      mine.push(run.id);
      if (mine.length % 5 === 0) await h.store.cancel(run.id, ana);
      if (mine.length % 7 === 0) await h.clock.advance(1000);
    }
  });
  const before: number[][] = [];
  for (const name of ['a', 'b', 'c']) {
    before.push(acked.map((mine) => mine.length));
    await h.store.backup(to(name));
  }
  end.abort();
  await Promise.all(writers);
  for (const [at, name] of ['a', 'b', 'c'].entries()) {
    await restored(to(name), async (store) => {
      for (const [writer, mine] of acked.entries()) {
        const there = await Promise.all(mine.map(async (id) => (await store.get(id)) !== undefined));
        const held = there.lastIndexOf(true) + 1;
        expect(there.slice(0, held).every(Boolean)).toBe(true);
        expect(held).toBeGreaterThanOrEqual(before[at]?.[writer] ?? 0);
      }
    });
  }
});
it('no file of the store is written or removed while it is copied; what is committed meanwhile waits in the journal', async () => {
  await Promise.all(Array.from({ length: 60 }, () => accept(h.store)));
  await h.store.sweep();
  const order: string[] = [];
  let meanwhile: Promise<unknown> | undefined;
  h.faults.on(({ op, path }) => {
    if (op === 'create' && path.startsWith(to())) {
      meanwhile ??= accept(h.store)
        .then(() => order.push('committed'))
        .then(() => h.store.sweep())
        .then(() => order.push('in its file'));
    }
    return undefined;
  });
  await h.store.backup(to()).then(() => order.push('copied'));
  await meanwhile;
  expect(order).toEqual(['committed', 'copied', 'in its file']);
});
it('a store copied back goes on, and a run that was removed meanwhile has its blobs in the copy', async () => {
  const { store } = h;
  const source = async function* () {
    yield Buffer.from('kept');
  };
  const put = await store.blobs.put(source());
  if (put.outcome !== 'stored') throw new Error('not stored');
  await accept(store);
  const { lease } = await claimOne(store);
  await store.settle([{ lease, end: 'completed', blobs: [{ sha256: put.sha256, bytes: 4, name: 'k' }] }]);
  await Promise.all([store.backup(to()), store.remove(lease.runId, ana)]);
  await cp(to(), to('again'), { recursive: true });
  await restored(to('again'), async (copy) => {
    const run = await copy.get(lease.runId);
    if (run !== undefined) expect(await copy.blobs.get(put.sha256)).toBeDefined();
    expect(await copy.submit([newRun()])).toMatchObject([{ outcome: 'accepted' }]);
  });
});
it('a folder that holds something, or lies in the data folder, is refused and not touched', async () => {
  await mkdir(to());
  await writeFile(join(to(), 'mine.txt'), 'x');
  for (const dir of [to(), h.dir, join(h.dir, 'records', 'copy')]) {
    await expect(h.store.backup(dir)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  }
  expect(await readdir(to())).toEqual(['mine.txt']);
  const memory = memoryHarness();
  await expect(memory.store.backup(to('m'))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});
it('a backup that fails or is broken off leaves no BACKUP.json, and the store goes on', async () => {
  await accept(h.store);
  h.faults.on(({ op, path }) => (op === 'create' && path.startsWith(to('full')) ? 'ENOSPC' : undefined));
  await expect(h.store.backup(to('full'))).rejects.toMatchObject({ code: 'STORE_FULL' });
  h.faults.on(() => undefined);
  await expect(h.store.backup(to('off'), AbortSignal.abort())).rejects.toThrow(/abort/);
  for (const name of ['full', 'off']) expect(await readdir(to(name))).not.toContain('BACKUP.json');
  await accept(h.store);
  await h.store.sweep();
  expect(h.store.health()).toMatchObject({ state: 'ready', unfinished: 2 });
});
