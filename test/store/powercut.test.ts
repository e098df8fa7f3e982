import { constants, existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { nodeFiles } from '../../src/store/lowdb/files.ts';
import { openStore } from '../../src/store/open.ts';
import type { OpenReport, Store } from '../../src/store/store.ts';
import { manualClock } from '../support/clock.ts';
import { chanceOf, powerDisk } from '../support/store-powercut.ts';
import type { Chance, PowerDisk } from '../support/store-powercut.ts';
import { checkLedger, copyOf, newLedger, workload } from '../support/store-workload.ts';
import type { Ledger } from '../support/store-workload.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bellhop-power-'));
});
afterAll(() => rm(root, { recursive: true }));

/** Each life begins a day after the one before. */
const DAY_MS = 24 * 3_600_000;

interface Life {
  store: Store;
  report: OpenReport;
  pause: () => Promise<void>;
}

async function live(disk: PowerDisk, day: number): Promise<Life> {
  const clock = manualClock(Date.UTC(2026, 10, 23, 9) + day * DAY_MS);
  const lock = async () => ({ release: () => undefined });
  const deps = { clock, ids: createIds(clock), log: silentLog, version: '0.0.0-test', files: disk.files, lock };
  const { store, report } = await openStore({ backend: 'lowdb', dir: root }, deps, {
    reserveBytes: 4096,
    journalRoomBytes: 2048,
  });
  return { store, report, pause: () => clock.advance(1_500) };
}

interface Cut {
  k: number;
  /** What was being done. */
  call: string;
  ledger: Ledger;
  disk: PowerDisk;
}

/** Lives one day on the disk and cuts the power before every call of it, without the day noticing; then closes. */
async function cutEverywhere(disk: PowerDisk, ledger: Ledger, how: { day: number; chance?: Chance }): Promise<Cut[]> {
  const cuts: Cut[] = [];
  disk.onCall(({ op, path }) => {
    const call = `${op} ${path.slice(root.length)}`;
    cuts.push({ k: cuts.length + 1, call, ledger: copyOf(ledger), disk: disk.cut(how.chance) });
  });
  const { store, pause } = await live(disk, how.day);
  await workload({ store, ledger, pause, name: `${how.day}-` });
  await store.close();
  disk.onCall(() => undefined);
  cuts.push({ k: cuts.length + 1, call: 'the end', ledger: copyOf(ledger), disk: disk.cut(how.chance) });
  return cuts;
}

async function audit(cut: Cut, day: number): Promise<Life> {
  const when = `cut ${cut.k}, before ${cut.call}`;
  const life = await live(cut.disk, day).catch((error: unknown) => {
    throw new Error(`${when}: the store does not open`, { cause: error });
  });
  expect(life.report.quarantined, when).toEqual([]);
  await checkLedger(life.store, cut.ledger, when);
  return life;
}

describe('after a power cut at any call of a day, everything acknowledged is there, and the store opens', () => {
  it('when nothing that was not fsynced is left', async () => {
    const cuts = await cutEverywhere(powerDisk(root), newLedger(), { day: 0 });
    expect(cuts.length).toBeGreaterThan(50);
    expect(cuts.map(({ call }) => call)).toContain('syncAll ');
    for (const cut of cuts) await (await audit(cut, 1)).store.close();
  });
  for (const seed of [1, 2, 3, 4]) {
    it(`when some of it is left, whole or torn (seed ${seed})`, async () => {
      const cuts = await cutEverywhere(powerDisk(root), newLedger(), { day: 0, chance: chanceOf(seed) });
      for (const cut of cuts) await (await audit(cut, 1)).store.close();
    });
  }
  it('when the file system cannot be synced as a whole, and each file is', async () => {
    const cuts = await cutEverywhere(powerDisk(root, { syncAll: false }), newLedger(), { day: 0, chance: chanceOf(6) });
    for (const cut of cuts) await (await audit(cut, 1)).store.close();
  });
  it('when the power goes again while the day after is lived on what the first cut left', async () => {
    const chance = chanceOf(5);
    const first = await cutEverywhere(powerDisk(root), newLedger(), { day: 0, chance });
    for (const cut of first.filter(({ k }) => k % 7 === 0)) {
      const again = await cutEverywhere(cut.disk, cut.ledger, { day: 1, chance });
      for (const one of again.filter(({ k }) => k % 5 === cut.k % 5)) await (await audit(one, 2)).store.close();
    }
  });
});

it('the disk forgets what was not fsynced: a file that was only renamed into place is not there', async () => {
  const disk = powerDisk('/disk');
  const file = await disk.files.create('/disk/temp');
  await file.write(Buffer.from('text'), 0);
  await disk.files.rename('/disk/temp', '/disk/kept');
  await expect(disk.cut().files.read('/disk/kept', 10)).rejects.toMatchObject({ code: 'ENOENT' });
  await disk.files.syncFolder('/disk');
  expect(await disk.cut().files.read('/disk/kept', 10)).toHaveLength(0);
  await file.sync();
  expect(Buffer.from(await disk.cut().files.read('/disk/kept', 10)).toString()).toBe('text');
});

it.runIf(existsSync('/proc/self/fdinfo'))(
  'a write to the journal is answered when the disk has it: O_DSYNC',
  async () => {
    const path = join(root, 'journal.jsonl');
    const file = await nodeFiles.journal(path);
    const open = await readdir('/proc/self/fd');
    const links = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
    const info = await readFile(`/proc/self/fdinfo/${open[links.indexOf(path)]}`, 'utf8');
    const flags = Number.parseInt(/^flags:\s+(\d+)/m.exec(info)?.[1] ?? '', 8);
    expect(flags & constants.O_DSYNC).not.toBe(0);
    await file.close();
  },
);
