import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import { openStore } from '../../src/store/open.ts';
import type { Run } from '../../src/store/records.ts';
import { manualClock } from '../support/clock.ts';
import { faultyFiles } from '../support/store-faults.ts';
import { powerDisk } from '../support/store-powercut.ts';
import { accept as acceptRun, ana, claimOne, lowdbHarness, newRun } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

let h: LowdbHarness;
beforeEach(async () => {
  h = await lowdbHarness();
});
afterEach(() => h.dispose());

/** Accepts a run and brings it to its file. */
const accept: typeof acceptRun = async (store, over) => {
  const run = await acceptRun(store, over);
  await store.sweep();
  return run;
};
const recordPath = (run: Run): string => layoutOf(h.dir).record(run.id);
const json = async (path: string): Promise<Record<string, unknown>> => JSON.parse(await readFile(path, 'utf8'));
async function flipBit(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  await writeFile(path, bytes);
}
const quarantined = async (): Promise<string[]> => readdir(join(h.dir, 'quarantine')).catch(() => []);
const settleNext = async (): Promise<void> => {
  const { lease } = await claimOne(h.store);
  const deliveries = [
    { id: h.ids.next('dlv'), mode: 'report', destination: { kind: 'email', to: 'ana@example.com' } },
  ] as const;
  await h.store.settle([{ lease, end: 'completed', result: 1, deliveries: [...deliveries] }]);
  await h.store.sweep();
};

describe('the files', () => {
  it('lie below the day of their id, readable by their owner alone', async () => {
    const run = await accept(h.store);
    const day = new Date(h.clock.now()).toISOString().slice(0, 10).replaceAll('-', '/');
    expect(recordPath(run)).toBe(join(h.dir, 'records', day, `${run.id}.json`));
    expect((await stat(recordPath(run))).mode & 0o777).toBe(0o600);
    expect((await stat(join(h.dir, 'records'))).mode & 0o777).toBe(0o700);
  });
  it('are indented JSON with the keys in one order, whatever happened to the run', async () => {
    const run = await accept(h.store);
    await settleNext();
    const text = await readFile(recordPath(run), 'utf8');
    expect(text).toBe(`${JSON.stringify(JSON.parse(text), null, 2)}\n`);
    const keys = Object.keys(JSON.parse(text));
    expect(keys.slice(0, 6)).toEqual(['v', 'id', 'rev', 'job', 'kind', 'queue']);
    expect(keys.indexOf('result')).toBeLessThan(keys.indexOf('deliveries'));
  });
  it('keep fields that a newer version wrote, at any depth, when they are changed by this one', async () => {
    const run = await accept(h.store);
    await h.reopen('clean');
    const record = await json(recordPath(run));
    const policy = record['policy'];
    await writeFile(
      recordPath(run),
      JSON.stringify({ ...record, mood: 'good', policy: { ...Object(policy), budget: 3 } }),
    );
    await h.reopen('crash');
    await settleNext();
    await h.store.sweep();
    expect(await json(recordPath(run))).toMatchObject({ state: 'completed', mood: 'good', policy: { budget: 3 } });
  });
  it('of another name, and links, are left alone', async () => {
    const run = await accept(h.store);
    const folder = join(recordPath(run), '..');
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await symlink('/etc/passwd', join(folder, `${h.ids.next('run')}.json`));
    await mkdir(join(h.dir, 'records', 'old'));
    await h.reopen('crash');
    expect(h.report).toMatchObject({ runs: 1, quarantined: [] });
    expect(await readFile(join(folder, 'notes.txt'), 'utf8')).toBe('mine');
  });
  it('that a crash left half-written are swept', async () => {
    await accept(h.store);
    const temp = join(h.dir, 'tmp', '.tmp-99-1');
    await writeFile(temp, '{"v":1');
    await h.reopen('crash');
    await expect(stat(temp)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(h.report?.runs).toBe(1);
  });
});

describe('a record that cannot be read', () => {
  const damages: [string, (text: string, other: string) => string | Uint8Array][] = [
    ['torn', (text) => text.slice(0, 200)],
    ['empty', () => ''],
    ['null', () => 'null'],
    ['full of zeros', () => new Uint8Array(512)],
    ['of another shape', () => '{"v":1,"state":"queued"}'],
    ['of a state nobody knows', (text) => text.replace('"queued"', '"dancing"')],
    ['of bytes that are no text', () => new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])],
    ['that of another run', (_, other) => other],
  ];
  for (const [what, damage] of damages) {
    it(`because it is ${what} is set aside with its reason, and stops nothing`, async () => {
      const broken = await accept(h.store);
      const sound = await accept(h.store);
      const text = await readFile(recordPath(broken), 'utf8');
      await writeFile(recordPath(broken), damage(text, await readFile(recordPath(sound), 'utf8')));
      await h.reopen('crash');
      expect(h.report?.quarantined).toMatchObject([{ path: expect.stringContaining(broken.id) }]);
      expect((await h.store.list({})).items.map((one) => one.id)).toEqual([sound.id]);
      expect(await h.store.get(broken.id)).toBeUndefined();
      expect(h.store.health().quarantined).toBe(1);
      const names = await quarantined();
      expect(names.map((name) => name.slice(name.lastIndexOf(broken.id)))).toEqual([
        `${broken.id}.json`,
        `${broken.id}.reason.txt`,
      ]);
      await h.reopen('crash');
      expect(h.report?.quarantined).toEqual([]);
      expect(h.store.health().quarantined).toBe(1);
    });
  }
  it('in the folder of another day is set aside', async () => {
    const run = await accept(h.store);
    await mkdir(join(h.dir, 'records/2020/01/01'), { recursive: true });
    await rename(recordPath(run), join(h.dir, 'records/2020/01/01', `${run.id}.json`));
    await rm(join(h.dir, 'index'), { recursive: true });
    await h.reopen('crash');
    expect(h.report?.quarantined).toHaveLength(1);
  });
  it('of a final run is found out when it is asked for', async () => {
    const run = await accept(h.store);
    await settleNext();
    await h.reopen('clean');
    // The deliveries are still open, so that the run was read at open; without them it is read when it is asked for.
    for (const { lease } of await h.store.claimDeliveries({ limit: 9, workerId: 'o', leaseMs: 1000 })) {
      await h.store.settleDelivery({ lease, outcome: 'delivered' });
    }
    await h.reopen('clean');
    await writeFile(recordPath(run), 'rubbish');
    expect(await h.store.get(run.id)).toBeUndefined();
    expect((await h.store.list({})).items).toEqual([]);
    expect(h.store.health()).toMatchObject({ state: 'ready', quarantined: 1 });
  });
  it('of a document is set aside, and the others stay', async () => {
    await h.store.putDoc({ kind: 'status', key: 'a', rev: 0, value: 1 });
    await h.store.putDoc({ kind: 'status', key: 'b', rev: 0, value: 2 });
    await h.store.sweep();
    await writeFile(layoutOf(h.dir).doc('status', 'a'), '{');
    await h.reopen('crash');
    expect((await h.store.listDocs('status', {})).items.map((doc) => doc.key)).toEqual(['b']);
    expect(h.report?.quarantined).toHaveLength(1);
  });
});

describe('the index', () => {
  const indexFile = async (pattern: RegExp): Promise<string> => {
    const names = await readdir(join(h.dir, 'index'));
    return join(h.dir, 'index', names.find((name) => pattern.test(name)) ?? 'none');
  };
  const manifest = (): Promise<string> => indexFile(/^manifest/);
  const page = (): Promise<string> => indexFile(/^\d{4}-/);
  const history = async (): Promise<Run[]> => {
    const runs: Run[] = [];
    for (let n = 0; n < 5; n++) {
      const run = await acceptRun(h.store, n === 0 ? { idempotencyKey: 'k' } : {});
      await h.store.cancel(run.id, ana);
      runs.push(run);
    }
    await h.store.sweep();
    return runs;
  };

  for (const how of ['clean', 'crash'] as const) {
    it(`is trusted after a ${how} end, and then no record of the history is read`, async () => {
      await history();
      await h.reopen(how);
      expect(h.report).toMatchObject({ rebuilt: false, runs: 5 });
      expect(await h.store.count({})).toMatchObject({ cancelled: 5 });
      expect((await h.store.list({})).items).toHaveLength(5);
      expect(h.faults.seen().filter(({ op, path }) => op === 'read' && path.includes('records'))).toEqual([]);
      const [again] = await h.store.submit([newRun({ idempotencyKey: 'k' })]);
      expect(again).toMatchObject({ outcome: 'deduplicated' });
    });
  }
  const damages: [string, () => Promise<void>][] = [
    ['the manifest is damaged', async () => writeFile(await manifest(), 'rubbish\n')],
    ['the manifest is missing', async () => rm(await manifest())],
    ['the whole index is missing', async () => rm(join(h.dir, 'index'), { recursive: true })],
    ['a page is torn', async () => truncate(await page(), 100)],
    ['a page is missing', async () => rm(await page())],
    ['a page holds a flipped bit', async () => flipBit(await page(), 300)],
  ];
  for (const [what, damage] of damages) {
    it(`is made again from the records when ${what}`, async () => {
      const runs = await history();
      await accept(h.store);
      await h.store.remove(runs[0]?.id ?? '', ana);
      await h.store.close();
      await damage();
      for (let life = 0; life < 2; life++) {
        await h.reopen('crash');
        expect(h.report?.quarantined).toEqual([]);
        expect((await h.store.list({})).items.map((one) => one.id)).toHaveLength(5);
        expect(await h.store.count({})).toMatchObject({ cancelled: 4, queued: 1 });
        const [again] = await h.store.submit([newRun({ idempotencyKey: 'k' })]);
        expect(again).toMatchObject({ outcome: 'deduplicated', run: { id: runs[0]?.id } });
        await h.store.sweep();
      }
      expect(h.report).toMatchObject({ rebuilt: false, runs: 5 });
    });
  }
  it('that was made again is kept by the next checkpoint, also when nothing else has changed', async () => {
    await history();
    await h.clock.advance(2 * 24 * 3_600_000);
    await h.reopen('clean');
    await h.store.close();
    await rm(join(h.dir, 'index'), { recursive: true });
    await h.reopen('crash');
    expect(h.report).toMatchObject({ rebuilt: true, runs: 5 });
    await h.store.sweep();
    await h.reopen('crash');
    expect(h.report).toMatchObject({ rebuilt: false, runs: 5 });
  });
  it('takes in what the journal holds after a crash that followed a clean close', async () => {
    await accept(h.store);
    await h.reopen('clean');
    await acceptRun(h.store);
    await h.reopen('crash');
    expect(h.report).toMatchObject({ rebuilt: false, runs: 2 });
    expect((await h.store.list({})).items).toHaveLength(2);
  });
  it('that is older than the journal is made again from the records', async () => {
    await history();
    const old = await readFile(await manifest());
    await accept(h.store);
    await h.reopen('clean');
    await acceptRun(h.store);
    await writeFile(await manifest(), old);
    await h.reopen('crash');
    expect(h.report).toMatchObject({ rebuilt: true, runs: 7, quarantined: [] });
    expect((await h.store.list({})).items).toHaveLength(7);
  });
  it('never holds what is in a report or an input, and nothing of a removed run', async () => {
    const run = await accept(h.store, { input: { secret: 'quokka' }, actor: { kind: 'slack', id: 'U0WOMBAT' } });
    await settleNext();
    const texts = async (): Promise<string> => {
      const names = await readdir(join(h.dir, 'index'));
      return (await Promise.all(names.map((name) => readFile(join(h.dir, 'index', name), 'utf8')))).join('');
    };
    expect(await texts()).not.toContain('quokka');
    expect(await texts()).toContain('U0WOMBAT');
    await h.store.remove(run.id, ana);
    await h.store.sweep();
    expect(await texts()).not.toContain('U0WOMBAT');
    for (const name of await readdir(join(h.dir, 'journal'))) {
      expect(await readFile(join(h.dir, 'journal', name), 'utf8')).not.toContain('quokka');
    }
  });
});

describe('the journal', () => {
  const segment = async (): Promise<string> => {
    const [name = 'none'] = await readdir(join(h.dir, 'journal'));
    return join(h.dir, 'journal', name);
  };
  it('holds each commit as one line with its checksum, before any file does', async () => {
    await h.store.submit([newRun(), newRun()]);
    const lines = (await readFile(await segment(), 'utf8')).split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[1]?.trim()).toBe('');
    expect(lines[0]).toMatch(/^[0-9a-f]{8} \{"lsn":1,"changes":\[/);
    expect(await readdir(join(h.dir, 'records')).catch(() => 'none yet')).toBe('none yet');
  });
  it('loses a torn last line, which was never acknowledged, and nothing else', async () => {
    const run = await acceptRun(h.store);
    await acceptRun(h.store);
    const path = await segment();
    await truncate(path, (await readFile(path, 'utf8')).trimEnd().length - 10);
    await h.reopen('crash');
    expect((await h.store.list({})).items.map((one) => one.id)).toEqual([run.id]);
    expect(h.report?.quarantined).toEqual([]);
    await acceptRun(h.store);
    await h.reopen('crash');
    expect(h.report).toMatchObject({ runs: 2, quarantined: [] });
  });
  it('of which a line in the middle is damaged is copied to the quarantine, its sound lines are applied, and health tells', async () => {
    const runs = [await acceptRun(h.store), await acceptRun(h.store), await acceptRun(h.store)];
    const text = await readFile(await segment(), 'utf8');
    await flipBit(await segment(), text.indexOf('\n') + 200);
    await h.reopen('crash');
    expect((await h.store.list({})).items.map((one) => one.id)).toEqual([runs[2]?.id, runs[0]?.id]);
    expect(h.report?.quarantined).toMatchObject([{ path: expect.stringContaining('journal') }]);
    expect(await quarantined()).toHaveLength(2);
    expect(h.store.health()).toMatchObject({
      state: 'ready',
      quarantined: 1,
      reason: expect.stringContaining('journal'),
    });
  });
});

describe('a removal', () => {
  it('that was cut off before its checkpoint is completed at open: no deliveries, no record, and one audit entry', async () => {
    const run = await accept(h.store);
    await settleNext();
    await h.store.claimDeliveries({ limit: 9, workerId: 'o', leaseMs: 1000 });
    await h.store.sweep();
    const deliveries = layoutOf(h.dir).deliveriesOf(run.id);
    expect((await stat(deliveries)).isFile()).toBe(true);
    expect(await h.store.remove(run.id, ana)).toMatchObject({ outcome: 'removed' });
    await h.reopen('crash');
    expect(await h.store.get(run.id)).toBeUndefined();
    await h.store.sweep();
    await expect(stat(deliveries)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(stat(recordPath(run))).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await h.audit()).map((one) => one.act)).toEqual(['run', 'delete']);
    expect(h.report?.quarantined).toEqual([]);
  });
  it('whose checkpoint failed once stays removed over a power cut after the next', async () => {
    const root = await mkdtemp(join(tmpdir(), 'bellhop-power-'));
    const disk = powerDisk(root);
    const faults = faultyFiles(disk.files);
    const clock = manualClock();
    const lock = async () => ({ release: () => undefined });
    const deps = { clock, ids: createIds(clock), log: silentLog, version: '0.0.0-test', lock };
    const target = { backend: 'lowdb', dir: root } as const;
    const { store } = await openStore(
      target,
      { ...deps, files: faults.files },
      { reserveBytes: 4096, journalRoomBytes: 2048 },
    );
    const run = await accept(store);
    await store.remove(run.id, ana);
    let armed = true;
    faults.on(({ path, op }) => {
      if (!armed || op !== 'append' || !path.includes('audit')) return undefined;
      armed = false;
      return 'EACCES';
    });
    await store.sweep();
    expect(armed).toBe(false);
    await store.sweep();
    const { store: next } = await openStore(
      target,
      { ...deps, files: disk.cut().files },
      { reserveBytes: 4096, journalRoomBytes: 2048 },
    );
    expect(await next.get(run.id)).toBeUndefined();
    await next.close();
    await store.close();
    await rm(root, { recursive: true });
  });
  it('keeps nothing of the run but what its key needs', async () => {
    const run = await accept(h.store, {
      idempotencyKey: 'k',
      input: 'quokka',
      origin: { kind: 'slack', channel: 'C0SECRET' },
    });
    await settleNext();
    await h.store.remove(run.id, ana);
    await h.store.sweep();
    const text = await readFile(recordPath(run), 'utf8');
    expect(text).not.toContain('quokka');
    expect(text).not.toContain('C0SECRET');
    await h.clock.advance(24 * 3_600_000);
    await h.store.sweep();
    await h.store.sweep();
    await expect(stat(recordPath(run))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('the format', () => {
  it('of a newer version that this one cannot read stops the start and changes nothing', async () => {
    await accept(h.store);
    await h.store.close();
    const path = join(h.dir, 'FORMAT.json');
    await writeFile(path, JSON.stringify({ format: 8, minReader: 8, createdBy: 'bellhop 9', storeId: 'x' }));
    const before = await readdir(h.dir);
    await expect(h.reopen('crash')).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
    expect(await readdir(h.dir)).toEqual(before);
  });
  it('of a newer version that this one can read is opened', async () => {
    await accept(h.store);
    await writeFile(
      join(h.dir, 'FORMAT.json'),
      JSON.stringify({ format: 8, minReader: 7, createdBy: 'x', storeId: 'x' }),
    );
    await h.reopen('crash');
    expect(h.report?.runs).toBe(1);
  });
});

describe('the audit file', () => {
  it('loses its torn last line, and nothing else', async () => {
    await accept(h.store);
    await h.store.appendAudit({ actor: ana, act: 'refused' });
    await h.store.close();
    const path = layoutOf(h.dir).auditMonth(new Date(h.clock.now()).toISOString());
    const text = await readFile(path, 'utf8');
    await writeFile(path, `${text}{"id":"aud_0`);
    await h.reopen('crash');
    await h.store.appendAudit({ actor: ana, act: 'refused' });
    await h.store.sweep();
    expect((await h.audit()).map((one) => one.act)).toEqual(['run', 'refused', 'refused']);
  });
  it('is whole again after a full disk cut an entry off in the middle', async () => {
    await h.store.appendAudit({ actor: ana, act: 'refused', note: 'one' });
    await h.store.sweep();
    let taken = 0;
    h.faults.on(({ op, path }) => {
      if (op !== 'write' || !path.includes('audit')) return undefined;
      return taken++ === 0 ? 30 : 'ENOSPC';
    });
    await h.store.appendAudit({ actor: ana, act: 'refused', note: 'two' });
    await h.store.sweep();
    h.faults.on(() => undefined);
    await h.store.sweep();
    await h.store.appendAudit({ actor: ana, act: 'refused', note: 'three' });
    await h.store.close();
    expect((await h.audit()).map((one) => one.note)).toEqual(['one', 'two', 'three']);
  });
});

describe('a store of format 2', () => {
  it('is opened with all that was in it, and is marked before an act is noted that format 2 does not know', async () => {
    const run = await accept(h.store);
    const path = join(h.dir, 'FORMAT.json');
    const mine = await json(path);
    await writeFile(path, JSON.stringify(Object.assign({}, mine, { format: 2, minReader: 2 })));
    await h.reopen('crash');
    expect(await json(path)).toEqual(mine);
    expect(await h.store.get(run.id)).toEqual(run);
    await h.store.appendAudit({ actor: ana, act: 'snooze', schedule: 'weekly-report' });
    await h.reopen('crash');
    expect((await h.audit()).map((one) => one.act)).toEqual(['run', 'snooze']);
  });
});

describe('a store of format 1', () => {
  const fixture = new URL('../fixtures/', import.meta.url);
  for (const how of ['after a clean close', 'after a crash'] as const) {
    it(`${how} is opened with all that was in it, and is of the present format from then on`, async () => {
      const was: Record<string, string> = JSON.parse(await readFile(new URL('store-format-1.json', fixture), 'utf8'));
      await h.store.close();
      await rm(h.dir, { recursive: true });
      await cp(new URL('store-format-1', fixture), h.dir, { recursive: true });
      if (how === 'after a crash') await rm(join(h.dir, 'CLEAN'));
      h.clock.step(Date.parse(was['now'] ?? '') - h.clock.now());
      for (const then of ['crash', 'clean', 'crash'] as const) {
        await h.reopen(then);
        expect(h.report?.quarantined).toEqual([]);
        expect(await h.store.count({})).toMatchObject({
          completed: 1,
          failed: 1,
          cancelled: 1,
          retrying: 1,
          queued: 1,
        });
        expect(await h.store.get(was['done'] ?? '')).toMatchObject({ state: 'completed', result: 42 });
        expect(await h.store.deliveries(was['done'] ?? '')).toMatchObject([{ state: 'delivered' }]);
        expect(await h.store.deliveries(was['failed'] ?? '')).toMatchObject([{ state: 'pending' }]);
        expect(await h.store.get(was['removed'] ?? '')).toBeUndefined();
        expect(await h.store.getDoc('status', 'a')).toMatchObject({ rev: 1, value: { n: 1 } });
        for (const key of ['gone', 'running', 'queued']) {
          const [again] = await h.store.submit([newRun({ idempotencyKey: key })]);
          const id = was[key === 'gone' ? 'removed' : key];
          expect(again, key).toMatchObject({ outcome: 'deduplicated', run: { id } });
        }
      }
      expect(await json(join(h.dir, 'FORMAT.json'))).toMatchObject({ format: 7, minReader: 7 });
      expect(await readdir(h.dir)).not.toContain('index.json');
      const acts = (await h.audit()).map((one) => one.act).sort();
      expect(acts).toEqual(['cancel', 'delete', 'run', 'run', 'run', 'run', 'run', 'run']);
    });
  }
  it('on a full disk is read, and stays as it is until there is room', async () => {
    await h.store.close();
    const dir = await mkdtemp(join(tmpdir(), 'bellhop-old-'));
    await cp(new URL('store-format-1', fixture), dir, { recursive: true });
    const faults = faultyFiles();
    const full = new Set(['create', 'append', 'journal', 'write', 'mkdir']);
    faults.on(({ op }) => (op === 'free' ? 0 : full.has(op) ? 'ENOSPC' : undefined));
    const clock = manualClock();
    const lock = async () => ({ release: () => undefined });
    const deps = { clock, ids: createIds(clock), log: silentLog, version: '0.0.0-test', files: faults.files, lock };
    const { store, report } = await openStore({ backend: 'lowdb', dir }, deps, {
      reserveBytes: 4096,
      journalRoomBytes: 2048,
    });
    expect(report).toMatchObject({ runs: 5, quarantined: [] });
    expect(store.health().state).toBe('read_only');
    const [run] = (await store.list({ states: ['completed'] })).items;
    await expect(store.remove(run?.id ?? '', ana)).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(await json(join(dir, 'FORMAT.json'))).toMatchObject({ format: 1 });
    faults.on(() => undefined);
    expect(await store.remove(run?.id ?? '', ana)).toMatchObject({ outcome: 'removed' });
    expect(await json(join(dir, 'FORMAT.json'))).toMatchObject({ format: 7 });
    await store.close();
    await rm(dir, { recursive: true });
  });
});
