import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accept, lowdbHarness, newRun } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

const LIMIT = 64 * 1024;
const BIG = { input: 'x'.repeat(10_000) };

let h: LowdbHarness;
beforeEach(async () => {
  h = await lowdbHarness({ maxDirtyBytes: LIMIT });
});
afterEach(() => h.dispose());

describe('when changes come in faster than the files take them', () => {
  it('writing waits for the checkpoint, and everything is accepted', async () => {
    for (let n = 0; n < 40; n++) await accept(h.store, BIG);
    expect((await h.store.list({ limit: 200 })).items).toHaveLength(40);
    await h.reopen('crash');
    expect(h.report).toMatchObject({ runs: 40, quarantined: [] });
  });
  it('and no checkpoint succeeds, changes are refused before any write, and taken again afterwards', async () => {
    h.faults.on(({ op, path }) => (op === 'create' && path.includes('tmp') ? 'EACCES' : undefined));
    let accepted = 0;
    const refused = async (): Promise<unknown> => {
      for (; accepted < 40; accepted++) {
        try {
          await accept(h.store, BIG);
        } catch (error) {
          return error;
        }
      }
      return undefined;
    };
    expect(await refused()).toMatchObject({ code: 'OVERLOADED', retryable: true });
    expect(accepted).toBeGreaterThan(3);
    expect(h.store.health().state).toBe('ready');
    expect((await h.store.list({ limit: 200 })).items).toHaveLength(accepted);
    h.faults.on(() => undefined);
    await h.store.sweep();
    await accept(h.store, BIG);
    await h.reopen('crash');
    expect(h.report).toMatchObject({ runs: accepted + 1, quarantined: [] });
  });
});

it('commits asked for at once share their writes, and an idle store does nothing', async () => {
  const idle = await lowdbHarness();
  await accept(idle.store);
  const writes = (): number =>
    idle.faults.seen().filter((one) => one.op === 'write' && one.path.includes('journal')).length;
  const before = writes();
  await Promise.all(Array.from({ length: 100 }, () => idle.store.submit([newRun()])));
  expect(writes() - before).toBeLessThan(20);
  await idle.store.sweep();
  const calls = idle.faults.calls();
  await idle.clock.advance(60_000);
  expect(idle.faults.calls()).toBe(calls);
  await idle.dispose();
});

it('where the file system cannot be synced as a whole, each file is synced', async () => {
  const off = await lowdbHarness();
  off.faults.on(({ op }) => (op === 'syncAll' ? 'ENOENT' : undefined));
  await Promise.all(Array.from({ length: 30 }, () => accept(off.store)));
  await off.store.sweep();
  const synced = off.faults.seen().filter((one) => one.op === 'sync' && one.path.includes('records'));
  expect(synced).toHaveLength(30);
  expect(off.store.health().state).toBe('ready');
  await off.dispose();
});
