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
import { DAYS, firstDay } from '../support/store-days.ts';
import type { Trial } from '../support/store-days.ts';
import { readAudit } from '../support/store-harness.ts';
import { SECOND_TERMS } from '../support/store-second-day.ts';

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

async function live(disk: PowerDisk, day: number, dir = join(root, 'data')): Promise<Life> {
  const clock = manualClock(Date.UTC(2026, 10, 23, 9) + day * DAY_MS);
  const lock = async () => ({ release: () => undefined });
  const deps = { clock, ids: createIds(clock), log: silentLog, version: '0.0.0-test', files: disk.files, lock };
  const { store, report } = await openStore({ backend: 'lowdb', dir }, deps, SECOND_TERMS);
  return { store, report, pause: () => clock.advance(1_500) };
}

interface Cut {
  k: number;
  /** What was being done. */
  call: string;
  trial: Trial;
  disk: PowerDisk;
}

/** An empty disk with the folder of the store in it. */
async function newDisk(able?: { syncAll: boolean }): Promise<PowerDisk> {
  const disk = powerDisk(root, able);
  await disk.files.mkdir(join(root, 'data'));
  await disk.files.syncFolder(root);
  return disk;
}

/** Lives one day on the disk and cuts the power before every call of it, without the day noticing; then closes. */
async function cutEverywhere(disk: PowerDisk, trial: Trial, how: { day: number; chance?: Chance }): Promise<Cut[]> {
  const cuts: Cut[] = [];
  disk.onCall(({ op, path }) => {
    const call = `${op} ${path.slice(root.length)}`;
    cuts.push({ k: cuts.length + 1, call, trial: trial.now(), disk: disk.cut(how.chance) });
  });
  const { store, pause } = await live(disk, how.day);
  await trial.live(store, { name: `${how.day}-`, pause });
  await store.close();
  disk.onCall(() => undefined);
  cuts.push({ k: cuts.length + 1, call: 'the end', trial: trial.now(), disk: disk.cut(how.chance) });
  return cuts;
}

/** Opens what a cut left, as on the day `day`, and holds it against what was promised before the cut. */
async function audit(cut: Cut, day: number): Promise<void> {
  const when = `cut ${cut.k}, before ${cut.call}`;
  const life = await live(cut.disk, day).catch((error: unknown) => {
    throw new Error(`${when}: the store does not open`, { cause: error });
  });
  expect(life.report.quarantined, when).toEqual([]);
  await cut.trial.audit(life.store, when);
  await life.store.close();
  cut.trial.acts(await readAudit(join(root, 'data'), cut.disk.files), when);
  const copy = cut.trial.copy?.();
  if (copy === undefined) return;
  const restored = await live(cut.disk, day, copy.dir);
  await copy.audit(restored.store, when);
  await restored.store.close();
}

for (const { of, day } of DAYS) {
  describe(`after a power cut at any call of a day of ${of}, everything acknowledged is there, and the store opens`, () => {
    it('when nothing that was not fsynced is left', async () => {
      const cuts = await cutEverywhere(await newDisk(), day(root), { day: 0 });
      expect(cuts.length).toBeGreaterThan(50);
      expect(cuts.map(({ call }) => call)).toContain('syncAll /data');
      for (const cut of cuts) await audit(cut, 1);
    });
    for (const seed of [1, 2, 3, 4]) {
      it(`when some of it is left, whole or torn (seed ${seed})`, async () => {
        const cuts = await cutEverywhere(await newDisk(), day(root), { day: 0, chance: chanceOf(seed) });
        for (const cut of cuts) await audit(cut, 1);
      });
    }
    it('when the file system cannot be synced as a whole, and each file is', async () => {
      const cuts = await cutEverywhere(await newDisk({ syncAll: false }), day(root), { day: 0, chance: chanceOf(6) });
      for (const cut of cuts) await audit(cut, 1);
    });
  });
}

it('nothing is lost when the power goes again while the day after is lived on what the first cut left', async () => {
  const chance = chanceOf(5);
  const first = await cutEverywhere(await newDisk(), firstDay(root), { day: 0, chance });
  for (const cut of first.filter(({ k }) => k % 7 === 0)) {
    const again = await cutEverywhere(cut.disk, cut.trial, { day: 1, chance });
    for (const one of again.filter(({ k }) => k % 5 === cut.k % 5)) await audit(one, 2);
  }
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
