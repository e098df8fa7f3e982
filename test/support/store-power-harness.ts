import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIds } from '../../src/ids.ts';
import type { Ids } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import type { StoreOptions } from '../../src/store/core.ts';
import { openStore } from '../../src/store/open.ts';
import type { OpenReport, Store } from '../../src/store/store.ts';
import type { AuditEntry } from '../../src/store/records.ts';
import { manualClock } from './clock.ts';
import type { ManualClock } from './clock.ts';
import { faultyFiles } from './store-faults.ts';
import { readAudit } from './store-harness.ts';
import { chanceOf, powerDisk } from './store-powercut.ts';

/** A close, a kill -9 (what was written stays), or a power cut (only what was fsynced surely stays). */
export type Ending = 'clean' | 'crash' | 'power';

export interface PowerHarness {
  readonly store: Store;
  readonly report: OpenReport;
  readonly ids: Ids;
  clock: ManualClock;
  reopen(how: Ending): Promise<void>;
  /** Makes a copy of the store, opens it, looks at it, and removes nothing. */
  copied(look: (copy: Store) => Promise<void>): Promise<void>;
  /** The acts in the folder; call it after a clean reopen, when nothing waits for the files. */
  acts(): Promise<AuditEntry[]>;
  dispose(): Promise<void>;
}

/** A store on a disk in memory that can lose its power; the same seed loses the same. */
export async function powerHarness(seed: number, options: Partial<StoreOptions> = {}): Promise<PowerHarness> {
  const root = await mkdtemp(join(tmpdir(), 'bellhop-power-'));
  const clock = manualClock();
  const chance = chanceOf(seed);
  let disk = powerDisk(root);
  const data = join(root, 'data');
  await disk.files.mkdir(data);
  await disk.files.syncFolder(root);
  const open = async (dir = data) => {
    const ids = createIds(clock);
    const faults = faultyFiles(disk.files);
    const lock = async () => ({ release: () => undefined });
    const deps = { clock, ids, log: silentLog, version: '0.0.0-test', files: faults.files, lock };
    return { ...(await openStore({ backend: 'lowdb', dir }, deps, options)), ids, faults };
  };
  let life = await open();
  let copies = 0;
  return {
    clock,
    get store() {
      return life.store;
    },
    get report() {
      return life.report;
    },
    get ids() {
      return life.ids;
    },
    async reopen(how) {
      if (how === 'clean') await life.store.close();
      if (how === 'power') disk = disk.cut(chance);
      await life.faults.kill();
      clock.step(1);
      life = await open();
    },
    async copied(look) {
      const dir = join(root, `copy-${++copies}`);
      await life.store.backup(dir);
      const copy = await open(dir);
      await look(copy.store);
      await copy.store.close();
    },
    acts: () => readAudit(data, disk.files),
    async dispose() {
      await life.store.close().catch(() => undefined);
      await life.faults.kill();
      await rm(root, { recursive: true, force: true });
    },
  };
}
