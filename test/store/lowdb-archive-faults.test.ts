import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import type { Files } from '../../src/store/lowdb/files.ts';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import { openStore } from '../../src/store/open.ts';
import { manualClock } from '../support/clock.ts';
import { ARCHIVING, firstDays, laterWeeks, sweepTwice } from '../support/store-archive-workload.ts';
import type { Weeks } from '../support/store-archive-workload.ts';
import { faultyFiles } from '../support/store-faults.ts';
import type { Call, FaultyFiles } from '../support/store-faults.ts';
import { chanceOf, powerDisk } from '../support/store-powercut.ts';
import type { Chance, PowerDisk } from '../support/store-powercut.ts';
import { checkLedger, newLedger } from '../support/store-workload.ts';
import type { Ledger } from '../support/store-workload.ts';

const START = Date.UTC(2026, 9, 25, 9);
const DAY_MS = 24 * 3_600_000;

async function openIn(
  dir: string,
  life: { files: Files; at: number },
): Promise<Awaited<ReturnType<typeof openStore>> & { step: (ms: number) => void; now: () => number }> {
  const clock = manualClock(life.at);
  const lock = async () => ({ release: () => undefined });
  const deps = { clock, ids: createIds(clock), log: silentLog, version: '0.0.0-test', files: life.files, lock };
  const opened = await openStore({ backend: 'lowdb', dir }, deps, ARCHIVING);
  return { ...opened, step: (ms) => clock.step(ms), now: () => clock.now() };
}

/** Each run is there once or not at all, now, after the passes to come, and when the index is made again from what there is. */
async function auditLives(dir: string, life: { files: Files; at: number }, terms: { ledger: Ledger; when: string }) {
  const { ledger, when } = terms;
  const first = await openIn(dir, life).catch((error: unknown) => {
    throw new Error(`${when}: the store does not open`, { cause: error });
  });
  expect(first.report.quarantined, when).toEqual([]);
  await checkLedger(first.store, ledger, `${when}, next life`);
  const due = await first.store.claimDeliveries({ limit: 9, workerId: 'o', leaseMs: 1000 });
  expect(due.filter(({ delivery }) => ledger.delivered.has(delivery.id), `${when}: sent again`)).toEqual([]);
  for (const { lease } of due) await first.store.settleDelivery({ lease, outcome: 'delivered' });
  first.step(30 * DAY_MS);
  for (let n = 0; n < 2; n++) await sweepTwice({ ...first, ledger });
  await checkLedger(first.store, ledger, `${when}, after its passes`);
  expect(first.store.health(), when).toMatchObject({ state: 'ready', quarantined: 0 });
  await first.store.close();
  const { indexFolder } = layoutOf(dir);
  for (const { name } of await life.files.list(indexFolder)) await life.files.unlink(join(indexFolder, name));
  const second = await openIn(dir, { ...life, at: first.now() });
  expect(second.report, when).toMatchObject({ rebuilt: ledger.removed.size < ledger.accepted.size, quarantined: [] });
  await checkLedger(second.store, ledger, `${when}, with a new index`);
  await second.store.close();
}

/** What lies in the folder at the end: every run that is left in the archive, once, and no byte of a removed one. */
async function expectPacked(dir: string, files: Files, terms: { ledger: Ledger; when: string }): Promise<void> {
  const { ledger, when } = terms;
  const { archive, records, deliveries } = layoutOf(dir);
  const left = [...ledger.accepted].filter((id) => ledger.completed.has(id) && !ledger.removeWished.has(id));
  const months = (await files.list(archive)).filter(({ name }) => name.endsWith('.gz'));
  const bytes = await Promise.all(months.map(({ name }) => files.read(join(archive, name), 10_000_000)));
  const lines = bytes.flatMap((month) => gunzipSync(month).toString().split('\n')).filter((line) => line !== '');
  const ids = lines.map((line): unknown => JSON.parse(line).id);
  for (const id of left)
    expect(
      ids.filter((one) => one === id),
      `${when}: ${id}`,
    ).toHaveLength(1);
  for (const id of ledger.removed) expect(ids, when).not.toContain(id);
  // What was never finished, or may be removed or not, may have its files.
  if (left.length + ledger.removed.size < ledger.accepted.size) return;
  for (const root of [records, deliveries]) expect(await filesBelow(files, root), when).toEqual([]);
}

async function filesBelow(files: Files, folder: string): Promise<string[]> {
  const entries = await files.list(folder).catch(() => []);
  const below = entries.map(async ({ name, kind }) =>
    kind === 'folder' ? filesBelow(files, join(folder, name)) : [join(folder, name)],
  );
  return (await Promise.all(below)).flat();
}

const EVERY = new Set<Call['op']>([
  'read',
  'create',
  'append',
  'journal',
  'tail',
  'readPart',
  'rename',
  'unlink',
  'mkdir',
  'rmdir',
  'list',
  'syncFolder',
  'syncAll',
  'free',
  'write',
  'sync',
  'truncate',
]);
const NEEDS_SPACE = new Set<Call['op']>(['create', 'append', 'journal', 'write', 'sync', 'rename', 'mkdir']);

/** Lives the weeks once for every k until the k-th of these calls is never reached. */
async function sweepFaults(
  ops: ReadonlySet<Call['op']>,
  verdict: (seen: number, k: number, faults: FaultyFiles) => string | undefined,
): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-archive-'));
  for (let k = 1; k < 2000; k++) {
    // In memory: some thousand lives.
    const { files } = powerDisk(dir);
    const faults = faultyFiles(files);
    const ledger = newLedger();
    const life = await openIn(dir, { files: faults.files, at: START });
    const weeks: Weeks = { ...life, ledger };
    await firstDays(weeks);
    const state = { hit: false, seen: 0 };
    faults.on(({ op }) => {
      const answer = ops.has(op) ? verdict(++state.seen, k, faults) : undefined;
      if (answer !== undefined) state.hit = true;
      return answer;
    });
    await laterWeeks(weeks);
    await life.store.close().catch(() => undefined);
    await faults.kill();
    await auditLives(dir, { files, at: life.now() }, { ledger, when: `k=${k}` });
    await expectPacked(dir, files, { ledger, when: `k=${k}` });
    if (state.hit) continue;
    await rm(dir, { recursive: true });
    return k;
  }
  throw new Error('the weeks have no end');
}

// Some hundred lives each; on a busy disk that takes a while.
describe('while runs are archived and removed from the archive, none is lost, doubled, sent again or brought back', () => {
  const long = { timeout: 300_000 };
  it('when the disk is full at any one call', long, async () => {
    expect(await sweepFaults(NEEDS_SPACE, (seen, k) => (seen === k ? 'ENOSPC' : undefined))).toBeGreaterThan(50);
  });
  it('when the disk is full from any call on', long, async () => {
    expect(await sweepFaults(NEEDS_SPACE, (seen, k) => (seen >= k ? 'ENOSPC' : undefined))).toBeGreaterThan(50);
  });
  it('when the disk fails at any one call', long, async () => {
    expect(await sweepFaults(EVERY, (seen, k) => (seen === k ? 'EIO' : undefined))).toBeGreaterThan(100);
  });
  it('when the process is killed at any call', long, async () => {
    const trials = await sweepFaults(EVERY, (seen, k, faults) => {
      if (seen !== k) return undefined;
      void faults.kill();
      return 'EIO';
    });
    expect(trials).toBeGreaterThan(100);
  });
  it('when the file system takes some bytes at a time', long, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'bellhop-archive-'));
    const { files } = powerDisk(dir);
    const faults = faultyFiles(files);
    const ledger = newLedger();
    const life = await openIn(dir, { files: faults.files, at: START });
    await firstDays({ ...life, ledger });
    faults.on(({ op, path }) => (op === 'write' && path.includes('2026-') ? 7 : undefined));
    await laterWeeks({ ...life, ledger });
    expect(ledger.errors).toEqual([]);
    await life.store.close();
    await auditLives(dir, { files, at: life.now() }, { ledger, when: 'short writes' });
    await expectPacked(dir, files, { ledger, when: 'short writes' });
    await rm(dir, { recursive: true });
  });
});

describe('after a power cut at any call of the weeks of an archive, no run is lost, doubled, sent again or brought back', () => {
  interface Cut {
    when: string;
    at: number;
    ledger: Ledger;
    disk: PowerDisk;
  }
  async function cutEverywhere(disk: PowerDisk, root: string, chance?: Chance): Promise<Cut[]> {
    const cuts: Cut[] = [];
    const ledger = newLedger();
    const life = await openIn(root, { files: disk.files, at: START });
    await firstDays({ ...life, ledger });
    disk.onCall(({ op, path }) => {
      const when = `cut ${cuts.length + 1}, before ${op} ${path.slice(root.length)}`;
      cuts.push({ when, at: life.now(), ledger: structuredClone(ledger), disk: disk.cut(chance) });
    });
    await laterWeeks({ ...life, ledger });
    expect(ledger.errors).toEqual([]);
    await life.store.close();
    disk.onCall(() => undefined);
    cuts.push({ when: 'the end', at: life.now(), ledger: structuredClone(ledger), disk: disk.cut(chance) });
    return cuts;
  }
  const ways: [string, { syncAll: boolean }, number | undefined][] = [
    ['when nothing that was not fsynced is left', { syncAll: true }, undefined],
    ...[1, 2, 3].map((seed): (typeof ways)[number] => [
      `when some of it is left, whole or torn (seed ${seed})`,
      { syncAll: true },
      seed,
    ]),
    ['when each file is synced on its own', { syncAll: false }, 4],
  ];
  for (const [how, able, seed] of ways) {
    it(how, { timeout: 300_000 }, async () => {
      const root = await mkdtemp(join(tmpdir(), 'bellhop-archive-power-'));
      const cuts = await cutEverywhere(powerDisk(root, able), root, seed === undefined ? undefined : chanceOf(seed));
      const calls = cuts.map(({ when }) => when).join('\n');
      for (const call of [
        'append /archive/2026-10.jsonl.gz',
        'rename /archive/2026-10.jsonl.gz',
        'rmdir /records/2026/10',
      ]) {
        expect(calls).toContain(call);
      }
      for (const { disk, at, ledger, when } of cuts)
        await auditLives(root, { files: disk.files, at }, { ledger, when });
      await rm(root, { recursive: true });
    });
  }
});
