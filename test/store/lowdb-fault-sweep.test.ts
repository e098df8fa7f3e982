import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVERY_CALL, faultyFiles, NEEDS_SPACE, openOn } from '../support/store-faults.ts';
import type { Call } from '../support/store-faults.ts';
import { readAudit } from '../support/store-harness.ts';
import { powerDisk } from '../support/store-powercut.ts';
import { DAYS } from '../support/store-days.ts';
import type { Day } from '../support/store-days.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'bellhop-fault-'));
});
afterAll(() => rm(home, { recursive: true }));

/**
 * Lives the day once for every k until the k-th of these calls is never reached, and audits what a fresh open finds. `verdict` is asked
 * with the number of the call; answers how many trials there were. The disk is one in memory: a few thousand lives need no real one.
 */
async function sweepFaults(
  day: Day,
  ops: ReadonlySet<Call['op']>,
  verdict: (seen: number, k: number) => string | undefined,
): Promise<number> {
  for (let k = 1; k < 1000; k++) {
    const dir = join(home, 'data');
    const disk = powerDisk(home);
    await disk.files.mkdir(dir);
    const faults = faultyFiles(disk.files);
    const trial = day(home);
    const state = { hit: false, seen: 0, armed: true };
    faults.on(({ op }) => {
      const answer = state.armed && ops.has(op) ? verdict(++state.seen, k) : undefined;
      if (answer !== undefined) state.hit = true;
      return answer;
    });
    try {
      const { store, pause } = await openOn(dir, faults);
      await trial.live(store, { name: '', pause });
      // The audit is not part of the day: what it reads must not fail.
      state.armed = false;
      if (store.health().state === 'ready') await trial.audit(store, `k=${k}, same life`);
      state.armed = true;
      await store.close();
    } catch (error) {
      // Only a folder that is not yet a store may refuse to open.
      expect(trial.promised(), `k=${k}: ${String(error)}`).toBe(false);
    }
    await faults.kill();
    const { store, report } = await openOn(dir, faultyFiles(disk.files));
    expect(report.quarantined, `k=${k}`).toEqual([]);
    await trial.audit(store, `k=${k}, next life`);
    await store.close();
    trial.acts(await readAudit(dir, disk.files), `k=${k}`);
    const copy = trial.copy?.();
    if (copy !== undefined) {
      const restored = await openOn(copy.dir, faultyFiles(disk.files));
      await copy.audit(restored.store, `k=${k}`);
      await restored.store.close();
    }
    if (!state.hit) return k;
  }
  throw new Error('the workload has no end');
}

// A few hundred lives each; on a busy disk that takes a while.
for (const { of, day } of DAYS) {
  describe(`of ${of} no acknowledged change is lost, and no open fails`, { timeout: 300_000 }, () => {
    it('when the disk is full at any one call', async () => {
      const trials = await sweepFaults(day, NEEDS_SPACE, (seen, k) => (seen === k ? 'ENOSPC' : undefined));
      expect(trials).toBeGreaterThan(50);
    });
    it('when the disk is full from any call on', async () => {
      const trials = await sweepFaults(day, NEEDS_SPACE, (seen, k) => (seen >= k ? 'ENOSPC' : undefined));
      expect(trials).toBeGreaterThan(50);
    });
    it('when the disk fails at any one call', async () => {
      const trials = await sweepFaults(day, EVERY_CALL, (seen, k) => (seen === k ? 'EIO' : undefined));
      expect(trials).toBeGreaterThan(100);
    });
    it('when the disk fails from any call on', async () => {
      const trials = await sweepFaults(day, EVERY_CALL, (seen, k) => (seen >= k ? 'EIO' : undefined));
      expect(trials).toBeGreaterThan(50);
    });
  });
}
