import { cp, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import { nodeFiles } from '../../src/store/lowdb/files.ts';
import type { Files } from '../../src/store/lowdb/files.ts';
import { faultyFiles, NEEDS_SPACE, openOn } from '../support/store-faults.ts';
import type { Call } from '../support/store-faults.ts';
import { accept, ana, lowdbHarness, newRun, wanting } from '../support/store-harness.ts';
import { checkLedger, newLedger, workload } from '../support/store-workload.ts';

describe('no acknowledged change is lost, and no open fails', () => {
  it('when the file system takes seven bytes at a time', async () => {
    const h = await lowdbHarness();
    h.faults.on(({ op }) => (op === 'write' ? 7 : undefined));
    const ledger = newLedger();
    await workload({ store: h.store, ledger });
    expect(ledger.errors).toEqual([]);
    await h.reopen('crash');
    await checkLedger(h.store, ledger, 'short writes');
    expect(h.report?.quarantined).toEqual([]);
    await h.dispose();
  });
});

it('a folder on a full disk opens after a crash, and its runs can be read', async () => {
  const h = await lowdbHarness();
  const ledger = newLedger();
  await workload({ store: h.store, ledger });
  await h.faults.kill();
  for (const full of [true, false]) {
    const dir = await mkdtemp(join(tmpdir(), 'bellhop-full-'));
    await cp(h.dir, dir, { recursive: true });
    const faults = faultyFiles();
    faults.on(({ op }) => {
      if (!full) return undefined;
      return op === 'free' ? 0 : NEEDS_SPACE.has(op) ? 'ENOSPC' : undefined;
    });
    const { store } = await openOn(dir, faults);
    await checkLedger(store, ledger, `full: ${full}`);
    expect(store.health().state).toBe(full ? 'read_only' : 'ready');
    const outcome = await store.submit([newRun()]).catch((error: unknown) => codeOf(error));
    if (full) expect(outcome).toBe('STORE_FULL');
    else expect(outcome).toMatchObject([{ outcome: 'accepted' }]);
    // There is room again: the store heals without a restart.
    faults.on(() => undefined);
    expect(await store.submit([newRun()])).toMatchObject([{ outcome: 'accepted' }]);
    expect(store.health().state).toBe('ready');
    await store.close();
    await rm(dir, { recursive: true });
  }
  await h.dispose();
});

describe('after the disk failed', () => {
  const places: [Call['op'], string][] = [
    ['write', 'journal'],
    ['sync', 'records'],
    ['syncFolder', 'records'],
    ['rename', 'records'],
  ];
  for (const [op, place] of places) {
    it(`(${op} in ${place}) nothing is written any more, what was acknowledged stays visible, and health says so`, async () => {
      const h = await lowdbHarness();
      const run = await accept(h.store);
      let armed = true;
      h.faults.on((call) => {
        if (!armed || call.op !== op || !call.path.includes(place)) return undefined;
        armed = false;
        return 'EIO';
      });
      await h.store.submit([newRun()]).catch((error: unknown) => expect(codeOf(error)).toBe('STORE_FAILED'));
      await h.store.sweep();
      await expect(h.store.claim(wanting())).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: false });
      expect(await h.store.get(run.id)).toMatchObject({ state: 'queued', rev: 1 });
      await expect(h.store.appendAudit({ actor: ana, act: 'refused' })).rejects.toMatchObject({ code: 'STORE_FAILED' });
      expect(h.store.health()).toMatchObject({ state: 'failed', reason: expect.stringContaining(place) });
      await h.reopen('clean');
      expect(await h.store.get(run.id)).toMatchObject({ state: 'queued' });
      expect(h.store.health().state).toBe('ready');
      await h.dispose();
    });
  }
});

it('a full disk still takes removals and brings them to the files, and says that it is read-only', async () => {
  const h = await lowdbHarness();
  const run = await accept(h.store);
  await h.store.sweep();
  // Only what is new needs room: the reserve, once given up, is room for the journal.
  let reserved = true;
  h.faults.on(({ op, path }) => {
    if (op === 'unlink' && path.endsWith('RESERVE')) reserved = false;
    if (op === 'create' && path.endsWith('reserve')) return 'ENOSPC';
    return reserved && NEEDS_SPACE.has(op) && op !== 'sync' ? 'ENOSPC' : undefined;
  });
  await expect(h.store.submit([newRun()])).rejects.toMatchObject({ code: 'STORE_FULL', retryable: true });
  expect(h.store.health()).toMatchObject({ state: 'read_only' });
  expect(await h.store.remove(run.id, ana)).toMatchObject({ outcome: 'removed' });
  await expect(h.store.submit([newRun()])).rejects.toMatchObject({ code: 'STORE_FULL' });
  await h.store.sweep();
  await expect(stat(layoutOf(h.dir).record(run.id))).rejects.toMatchObject({ code: 'ENOENT' });
  h.faults.on(() => undefined);
  await h.store.sweep();
  expect(h.store.health().state).toBe('ready');
  await accept(h.store);
  await h.dispose();
});

it('a full disk refuses with a retryable error, changes nothing, and takes work again when there is room', async () => {
  const h = await lowdbHarness();
  h.faults.on(({ op }) => (NEEDS_SPACE.has(op) ? 'ENOSPC' : undefined));
  await expect(h.store.submit([newRun({ idempotencyKey: 'k' })])).rejects.toMatchObject({
    code: 'STORE_FULL',
    retryable: true,
  });
  expect((await h.store.list({})).items).toEqual([]);
  h.faults.on(() => undefined);
  expect(await h.store.submit([newRun({ idempotencyKey: 'k' })])).toMatchObject([{ outcome: 'accepted' }]);
  expect(h.store.health().state).toBe('ready');
  await h.dispose();
});

it('a write that a failed checkpoint left under way does not land on a newer one', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-late-'));
  const gate = Promise.withResolvers<void>();
  let held = '';
  const slow: Files = {
    ...nodeFiles,
    async rename(from, to) {
      if (held === '' && to.includes('/records/')) {
        held = to;
        await gate.promise;
      }
      return nodeFiles.rename(from, to);
    },
  };
  const faults = faultyFiles(slow);
  const { store, pause } = await openOn(dir, faults);
  const runs = [await accept(store), await accept(store)];
  const state = { failed: false };
  faults.on(({ op, path }) => {
    if (state.failed || held === '' || op !== 'rename' || path === held) return undefined;
    state.failed = true;
    return 'ENOSPC';
  });
  /** Lets the store work until `done`, or for as long as it would surely have taken. */
  const until = async (done: () => Promise<boolean>): Promise<void> => {
    for (let turn = 0; turn < 40 && !(await done()); turn++) {
      await pause();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await until(async () => state.failed);
  expect(state.failed).toBe(true);
  const late = runs.find(({ id }) => held.includes(id));
  const claimed = await store.claim(wanting());
  const lease = claimed.find(({ run }) => run.id === late?.id)?.lease;
  if (lease === undefined) throw new Error('not claimed');
  await store.settle([{ lease, end: 'completed', result: 1 }]);
  // Before the fix this write came through, and then the old one came over it.
  await until(async () => (await readFile(held, 'utf8').catch(() => '')).includes('"completed"'));
  gate.resolve();
  await store.close();
  await faults.kill();
  const next = await openOn(dir, faultyFiles());
  expect(await next.store.get(lease.runId)).toMatchObject({ state: 'completed', result: 1 });
  await next.store.close();
  await rm(dir, { recursive: true });
});
