import {
  chmod,
  cp,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { nodeFiles } from '../../src/store/lowdb/files.ts';
import type { Files } from '../../src/store/lowdb/files.ts';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import type { Layout } from '../../src/store/lowdb/layout.ts';
import { CopyMark } from '../../src/store/copy.ts';
import { openCopyTarget, openStore } from '../../src/store/open.ts';
import type { Verdict } from '../../src/store/verdict.ts';
import { faultyFiles } from '../support/store-faults.ts';
import { inhabit, kindsOf, look, pictureOf } from '../support/store-folder.ts';
import type { Inhabitants } from '../support/store-folder.ts';
import { accept, ana, claimOne, lowdbHarness, memoryHarness, walkBlobs } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

let h: LowdbHarness;
let at: Layout;
let who: Inhabitants;
beforeEach(async () => {
  h = await lowdbHarness();
  at = layoutOf(h.dir);
  who = await inhabit(h);
});
afterEach(() => h.dispose());

async function edit(path: string, change: (text: string) => string): Promise<void> {
  const text = await readFile(path, 'utf8');
  expect(change(text)).not.toBe(text);
  await writeFile(path, change(text));
}
async function firstIn(folder: string, fits: (name: string) => boolean = () => true): Promise<string> {
  const name = (await readdir(folder)).toSorted((a, b) => a.localeCompare(b)).find(fits);
  if (name === undefined) throw new Error(`nothing in ${folder}`);
  return join(folder, name);
}
const indexPage = (): Promise<string> => firstIn(at.indexFolder, (name) => /^\d{4}.*\.jsonl$/.test(name));
const DAY_MS = 86_400_000;

describe('a healthy folder has no findings', () => {
  it('after a clean stop, and its counts are those of the store', async () => {
    await h.store.close();
    const { verdict } = await look(h.dir);
    expect(verdict).toMatchObject({
      sound: true,
      findings: [],
      counts: {
        runs: { queued: 1, running: 1, completed: 1, failed: 1, cancelled: 0 },
        tombstones: 1,
        docs: 1,
        blobs: 1,
        unnamedBlobs: 0,
        deliveryFiles: 1,
        auditEntries: 7,
        journalLines: 0,
        quarantined: 0,
      },
    });
  });
  it('after a kill -9, whose journal is merely unread: its runs are counted', async () => {
    await h.store.cancel(who.queued, ana);
    const late = await accept(h.store);
    await h.store.remove(who.failed, ana);
    await h.store.putDoc({ kind: 'status', key: 'late', rev: 0, value: 1 });
    await h.faults.kill();
    const { verdict } = await look(h.dir);
    expect(verdict.findings).toEqual([]);
    expect(verdict.counts).toMatchObject({
      journalLines: 4,
      runs: { queued: 1, running: 1, completed: 1, failed: 0, cancelled: 1 },
    });
    await h.reopen('crash');
    expect(await h.store.get(late.id)).toMatchObject({ state: 'queued' });
  });
  it('before its first checkpoint, and after a start that found a run of a dead process', async () => {
    const young = await lowdbHarness();
    await accept(young.store);
    await young.faults.kill();
    expect((await look(young.dir)).verdict.findings).toEqual([]);
    await young.dispose();
    await h.reopen('crash');
    await h.reopen('clean');
    await h.store.close();
    expect((await look(h.dir)).verdict.findings).toEqual([]);
  });
  it('after removals and retention, with blobs whose run is gone', async () => {
    await h.store.remove(who.completed, ana);
    await h.reopen('clean');
    await h.store.sweep();
    await h.store.close();
    const { verdict } = await look(h.dir);
    expect(verdict.findings).toEqual([]);
    expect(verdict.counts.runs).toMatchObject({ completed: 0, failed: 1 });
  });
  it('when blobs went because they were kept for a time only; in a backup too', async () => {
    const put = await h.store.blobs.put(
      (async function* () {
        yield Buffer.from('what was said');
      })(),
    );
    if (put.outcome !== 'stored') throw new Error('not stored');
    const until = new Date(h.clock.now() + 30 * DAY_MS).toISOString();
    const blobs = [{ sha256: put.sha256, bytes: put.bytes, name: 'transcript.json.gz', until }];
    await h.store.cancel(who.queued, ana);
    await accept(h.store);
    const { lease } = await claimOne(h.store);
    await h.store.settle([{ lease, end: 'completed', blobs }]);
    h.clock.step(31 * DAY_MS);
    await walkBlobs(h);
    expect(await h.store.blobs.get(put.sha256)).toBeUndefined();
    const copy = `${h.dir}-copy`;
    await h.store.backup(copy);
    await h.store.close();
    const now = h.clock.now();
    expect((await look(h.dir, { now })).verdict.findings).toEqual([]);
    expect((await look(copy, { now })).verdict.findings).toEqual([]);
    const before = Date.parse(until) - 1;
    expect(kindsOf((await look(h.dir, { now: before })).verdict)).toEqual(['blob-missing']);
    await rm(copy, { recursive: true });
  });
  it('when it is a backup, which has neither index nor reserve; one that was cut off is named', async () => {
    const copy = `${h.dir}-copy`;
    await h.store.backup(copy);
    expect((await look(copy)).verdict).toMatchObject({ sound: true, findings: [], lock: 'none' });
    await rm(join(copy, 'BACKUP.json'));
    expect(kindsOf((await look(copy)).verdict)).toEqual(['backup-incomplete']);
    await rm(copy, { recursive: true });
  });
  it('however many runs it has, over pages and days', async () => {
    for (let day = 0; day < 3; day++) {
      await h.clock.advance(DAY_MS);
      const runs = await Promise.all(Array.from({ length: 700 }, (_, n) => accept(h.store, { input: { n } })));
      for (const run of runs.slice(0, 50)) await h.store.cancel(run.id, ana);
      await h.store.remove(runs[0]?.id ?? '', ana);
    }
    await h.faults.kill();
    // A checkpoint may have been under way.
    const killed = (await look(h.dir, { now: h.clock.now() })).verdict;
    expect(kindsOf(killed).filter((kind) => kind !== 'temp')).toEqual(['tombstone-over']);
    await h.reopen('crash');
    await h.store.close();
    const { verdict } = await look(h.dir, { now: h.clock.now() });
    // The start cleared what no longer held.
    expect(verdict).toMatchObject({ findings: [], counts: { runs: { cancelled: 147 } } });
  });
});

describe('looking changes nothing', () => {
  it('neither a byte nor a time of change, on a sound folder, a killed one and a damaged one', async () => {
    await accept(h.store);
    await h.faults.kill();
    await writeFile(at.record(who.failed), '');
    await writeFile(join(at.temp, '.tmp-1-x-1'), 'half');
    await writeFile(at.lock, '');
    await writeFile(`${at.lock}-journal`, 'left by a kill -9');
    await rm(at.reserve);
    const before = await pictureOf(h.dir);
    const { verdict } = await look(h.dir);
    expect(verdict).toMatchObject({ sound: false, lock: 'held' });
    expect(await pictureOf(h.dir)).toEqual(before);
  });
  it('of a folder without write permission, which is looked at all the same', async () => {
    await h.store.close();
    await chmod(h.dir, 0o500);
    try {
      expect((await look(h.dir)).verdict).toMatchObject({ sound: true, findings: [] });
    } finally {
      await chmod(h.dir, 0o700);
    }
  });
  it('and follows no link, not even one in the place of a record', async () => {
    await h.store.close();
    const elsewhere = `${h.dir}-elsewhere`;
    await cp(at.record(who.failed), elsewhere);
    await rm(at.record(who.failed));
    await symlink(elsewhere, at.record(who.failed));
    expect(kindsOf((await look(h.dir)).verdict)).toEqual(['index-extra', 'stray']);
    await rm(elsewhere);
  });
  it('and is broken off when it is told to', async () => {
    await h.store.close();
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(look(h.dir, { signal })).rejects.toThrow('enough');
    const later = new AbortController();
    const progress = ({ what }: { what: string }): void => {
      if (what.startsWith('records/')) later.abort(new Error('enough of records'));
    };
    await expect(look(h.dir, { signal: later.signal, progress })).rejects.toThrow('enough of records');
  });
});

describe('what is no data folder of this version', () => {
  it('is refused: a folder that is not there, an empty one, one of somebody else, a store in memory', async () => {
    await mkdir(join(h.dir, 'reports'));
    for (const dir of [join(h.dir, 'none'), join(h.dir, 'reports'), join(h.dir, 'FORMAT.json'), '/usr']) {
      await expect(look(dir), dir).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    }
    await memoryHarness().dispose();
  });
  it('or of a newer one: that is the finding, nothing else is looked at, and a fix touches nothing', async () => {
    await h.store.close();
    await edit(at.format, (text) => text.replace(/"minReader": \d+/, '"minReader": 99'));
    await rm(at.record(who.failed));
    const before = await pictureOf(h.dir);
    const { verdict, mended } = await look(h.dir, { fix: true });
    expect(kindsOf(verdict)).toEqual(['format-newer']);
    expect(mended?.done).toEqual([expect.stringContaining('Nothing was changed')]);
    expect(await pictureOf(h.dir)).toEqual(before);
  });
});

/** Each damage, made on a folder that was stopped, and what is found; `after` is what a fix leaves. */
interface Damage {
  what: string;
  damage: () => Promise<unknown>;
  finds: string[];
  names: () => string;
  after: string[];
}
const damages: Damage[] = [
  {
    what: 'an empty record',
    damage: () => truncate(at.record(who.failed), 0),
    finds: ['record-unreadable'],
    names: () => who.failed,
    after: ['quarantined'],
  },
  {
    what: 'a record cut in the middle',
    damage: () => truncate(at.record(who.completed), 300),
    finds: ['record-unreadable'],
    names: () => who.completed,
    after: ['quarantined'],
  },
  {
    what: 'a record of zero bytes',
    damage: async () => writeFile(at.record(who.failed), Buffer.alloc(500)),
    finds: ['record-unreadable'],
    names: () => who.failed,
    after: ['quarantined'],
  },
  {
    what: 'a record that does not fit the schema',
    damage: () => edit(at.record(who.failed), (text) => text.replace('"failed"', '"fallen"')),
    finds: ['record-unreadable'],
    names: () => 'state',
    after: ['quarantined'],
  },
  {
    what: 'a record that was edited by hand',
    damage: () => edit(at.record(who.failed), (text) => text.replace('"weekly-report"', '"monthly-report"')),
    finds: ['index-stale'],
    names: () => 'the index says job "weekly-report", not "monthly-report"',
    after: [],
  },
  {
    what: 'a record under the name of another',
    damage: () => cp(at.record(who.queued), at.record(who.failed)),
    finds: ['record-unreadable'],
    names: () => `holds that of ${who.queued}`,
    after: ['quarantined'],
  },
  {
    what: 'a record in the folder of another day',
    damage: async () => {
      await mkdir(join(at.records, '2026/11/01'), { recursive: true });
      await rename(at.record(who.failed), join(at.records, '2026/11/01', `${who.failed}.json`));
    },
    finds: ['record-misplaced', 'index-extra'],
    names: () => `records/2026/11/01/${who.failed}.json`,
    after: ['quarantined'],
  },
  {
    what: 'a record that is gone, and a document of its run that is left',
    damage: async () => {
      const path = at.doc('memory', 'weekly-report.x');
      await mkdir(dirname(path), { recursive: true });
      const doc = { v: 1, kind: 'memory', key: 'weekly-report.x', rev: 1, updatedAt: '2026-11-23T09:00:00.000Z' };
      await writeFile(path, JSON.stringify({ ...doc, runId: who.failed, value: 1 }));
      await rm(at.record(who.failed));
    },
    finds: ['index-extra', 'doc-orphan'],
    names: () => 'weekly-report.x.json',
    after: ['doc-orphan', 'quarantined'],
  },
  {
    what: 'a record under a wrong name',
    damage: () => rename(at.record(who.failed), at.record(who.failed).replace('.json', '.jsno')),
    finds: ['index-extra', 'stray'],
    names: () => `${who.failed}.jsno`,
    after: ['stray', 'quarantined'],
  },
  {
    what: 'a record that is gone',
    damage: () => rm(at.record(who.failed)),
    finds: ['index-extra'],
    names: () => who.failed,
    after: ['quarantined'],
  },
  {
    what: 'deliveries that are cut off',
    damage: () => truncate(at.deliveriesOf(who.completed), 40),
    finds: ['deliveries-unreadable'],
    names: () => who.completed,
    after: ['quarantined'],
  },
  {
    what: 'deliveries whose record is gone',
    damage: () => rm(at.record(who.completed)),
    finds: ['deliveries-orphan', 'index-extra'],
    names: () => `deliveries/2026/11/23/${who.completed}.json`,
    after: ['quarantined'],
  },
  {
    what: 'deliveries that nobody planned',
    damage: () => edit(at.deliveriesOf(who.completed), (text) => text.replaceAll(who.delivery, h.ids.next('dlv'))),
    finds: ['deliveries-unplanned'],
    names: () => who.completed,
    after: ['deliveries-unplanned'],
  },
  {
    what: 'a manifest of the index that is damaged',
    damage: () => edit(join(at.indexFolder, 'manifest.jsonl'), (text) => text.replace('"pages"', '"pagez"')),
    finds: ['index-damaged'],
    names: () => 'index/manifest.jsonl',
    after: [],
  },
  {
    what: 'a page of the index that is cut off',
    damage: async () => truncate(await indexPage(), 10),
    finds: ['index-damaged'],
    names: () => 'index/2026-11-23',
    after: [],
  },
  {
    what: 'no index at all',
    damage: () => rm(at.indexFolder, { recursive: true }),
    finds: ['index-absent'],
    names: () => 'index/manifest.jsonl',
    after: [],
  },
  {
    what: 'a document that is no JSON',
    damage: () => writeFile(at.doc('status', 'here'), '{'),
    finds: ['doc-unreadable'],
    names: () => 'docs/status/here.json',
    after: ['quarantined'],
  },
  {
    what: 'a document under the name of another',
    damage: () => rename(at.doc('status', 'here'), at.doc('status', 'there')),
    finds: ['doc-unreadable'],
    names: () => 'holds status/here',
    after: ['quarantined'],
  },
  {
    what: 'a blob of which one bit has changed',
    damage: () => edit(join(at.blobs, who.blob.slice(0, 2), who.blob), (text) => text.replace('chart', 'charu')),
    finds: ['blob-damaged'],
    names: () => who.blob,
    after: ['blob-damaged'],
  },
  {
    what: 'a blob that is gone',
    damage: () => rm(join(at.blobs, who.blob.slice(0, 2), who.blob)),
    finds: ['blob-missing'],
    names: () => `chart.svg of ${who.completed}`,
    after: ['blob-missing'],
  },
  {
    what: 'a blob without the mark of its run',
    damage: () => rm(join(at.blobs, who.blob.slice(0, 2), `${who.blob}.${who.completed}`)),
    finds: ['blob-unmarked'],
    names: () => who.blob,
    after: [],
  },
  {
    what: 'a line of the audit log that was damaged',
    damage: async () => edit(await firstIn(at.audit), (text) => text.replace('{"id"', '{id"')),
    finds: ['audit-damaged'],
    names: () => 'line 1',
    after: ['audit-damaged'],
  },
  {
    what: 'a line of the event feed that was damaged',
    damage: async () => edit(await firstIn(at.events), (text) => text.replace('{"seq"', '{"seq')),
    finds: ['events-damaged'],
    names: () => 'line 1',
    after: ['events-damaged'],
  },
  {
    what: 'logs that end in the middle of a line',
    damage: async () => {
      for (const path of [await firstIn(at.events), await firstIn(at.audit)])
        await truncate(path, (await stat(path)).size - 5);
    },
    finds: ['events-torn', 'audit-torn'],
    names: () => 'after line',
    after: ['events-torn', 'audit-torn'],
  },
  { what: 'no reserve', damage: () => rm(at.reserve), finds: ['reserve-missing'], names: () => 'RESERVE', after: [] },
  {
    what: 'a reserve that is short',
    damage: () => truncate(at.reserve, 100),
    finds: ['reserve-missing'],
    names: () => '100 of 4096 bytes',
    after: [],
  },
  {
    what: 'no FORMAT.json',
    damage: () => rm(at.format),
    finds: ['format-missing'],
    names: () => 'FORMAT.json',
    after: [],
  },
  {
    what: 'a FORMAT.json that is no JSON',
    damage: () => writeFile(at.format, 'x'),
    finds: ['format-unreadable'],
    names: () => 'FORMAT.json',
    after: ['format-unreadable'],
  },
  {
    what: 'temp files that a crash left, also beside records and blobs',
    damage: async () => {
      for (const folder of [at.root, at.temp, at.blobs, dirname(at.record(who.failed))]) {
        await writeFile(join(folder, '.tmp-123-life-1'), 'half');
      }
    },
    finds: ['temp'],
    names: () => '.tmp-123-life-1',
    after: [],
  },
  {
    what: 'files of somebody else',
    damage: async () => {
      await writeFile(join(h.dir, 'notes.txt'), 'mine');
      await link(at.record(who.failed), join(dirname(at.record(who.failed)), 'copy.json'));
    },
    finds: ['stray', 'foreign'],
    names: () => 'notes.txt',
    after: ['stray', 'foreign'],
  },
];

describe.each(damages)('$what', ({ damage, finds, names, after }) => {
  it('is found and named; a fix leaves what it must, and the store opens with every other run', async () => {
    await h.store.close();
    await damage();
    const now = h.clock.now() + 2 * DAY_MS;
    const only = (verdict: Verdict): string[] => kindsOf(verdict).filter((kind) => kind !== 'tombstone-over');
    const before = await pictureOf(h.dir);
    const { verdict } = await look(h.dir, { now });
    expect(new Set(only(verdict))).toEqual(new Set(finds));
    expect(JSON.stringify(verdict.findings.map((one) => one.examples)).replaceAll('\\"', '"')).toContain(names());
    expect(await pictureOf(h.dir)).toEqual(before);

    const { mended } = await look(h.dir, { now, fix: true });
    expect(new Set(only(mended?.after ?? verdict))).toEqual(new Set(after));
    if (finds.includes('format-unreadable')) return;
    await h.reopen('crash');
    const broken = finds.some((kind) => kind.startsWith('record') || kind === 'index-extra');
    for (const id of [who.queued, who.running, who.completed, who.failed]) {
      const run = await h.store.get(id);
      if (!broken) expect(run, id).toBeDefined();
      if (run === undefined) continue;
      const { items } = await h.store.list({ idEnding: id });
      expect(items.map((one) => one.id)).toEqual([id]);
    }
    expect(await h.store.get(who.queued)).toMatchObject({ state: 'queued', input: { n: 5 } });
  });
});

describe('an index of another time', () => {
  it('is found by what it does not say, and a fix makes it from the records', async () => {
    const old = `${h.dir}-index`;
    await h.reopen('clean');
    await cp(at.indexFolder, old, { recursive: true });
    const { lease } = await claimOne(h.store);
    await h.store.settle([{ lease, end: 'completed' }]);
    const late = await accept(h.store);
    await h.store.close();
    await rm(at.indexFolder, { recursive: true });
    await rename(old, at.indexFolder);
    const { verdict } = await look(h.dir);
    expect(kindsOf(verdict)).toEqual(expect.arrayContaining(['index-stale', 'index-missing']));
    const { mended } = await look(h.dir, { fix: true });
    expect(mended?.after.findings).toEqual([]);
    await h.reopen('crash');
    expect((await h.store.list({})).items.map((one) => one.id)).toContain(late.id);
  });
  it('that is newer than the journal would have acknowledged changes passed over: that is an error, and a fix applies them', async () => {
    await accept(h.store);
    await h.reopen('clean');
    await h.store.close();
    const files = `${h.dir}-files`;
    await cp(h.dir, files, { recursive: true });
    // The journal of one life beside the index of a later one.
    await h.reopen('crash');
    await h.faults.kill();
    await rm(at.indexFolder, { recursive: true });
    await h.reopen('crash');
    const late = await accept(h.store, { input: { late: true } });
    await h.faults.kill();
    const [segment = ''] = await readdir(at.journal);
    const manifest = join(at.indexFolder, 'manifest.jsonl');
    await rm(at.indexFolder, { recursive: true }).catch(() => undefined);
    await cp(join(files, 'index'), at.indexFolder, { recursive: true });
    await rm(files, { recursive: true });
    const covered = /"covered":(\d+)/.exec(await readFile(manifest, 'utf8'))?.[1];
    expect(Number(covered)).toBeGreaterThan(Number(segment.slice(0, 12)));
    const { verdict } = await look(h.dir);
    expect(kindsOf(verdict)).toContain('journal-skipped');
    const { mended } = await look(h.dir, { fix: true });
    expect(mended?.after.findings).toEqual([]);
    await h.reopen('crash');
    expect(await h.store.get(late.id)).toMatchObject({ input: { late: true } });
  });
});

it('what has something left to deliver and is not on the list of the index is found', async () => {
  await h.store.close();
  const manifest = join(at.indexFolder, 'manifest.jsonl');
  const { lineOf, linesOf } = await import('../../src/store/lowdb/line.ts');
  const lines = [...linesOf(await readFile(manifest))].map(({ value }) => ({ ...(value as object), open: {} }));
  await writeFile(manifest, lines.map((line) => lineOf(JSON.stringify(line))).join(''));
  expect(kindsOf((await look(h.dir)).verdict)).toEqual(['index-open']);
  expect((await look(h.dir, { fix: true })).mended?.after.findings).toEqual([]);
});
it('a blob that nobody has named for a week is a note', async () => {
  await h.store.remove(who.completed, ana);
  await h.store.close();
  const path = join(at.blobs, who.blob.slice(0, 2), who.blob);
  await utimes(path, 0, h.clock.now() / 1000 - 8 * 86_400);
  const { verdict } = await look(h.dir);
  expect(verdict).toMatchObject({ sound: true, counts: { blobs: 1, unnamedBlobs: 1 } });
  expect(kindsOf(verdict)).toEqual(['blob-unnamed']);
});
it('nobody opens the folder while it is looked at, and several may look', async () => {
  await h.store.close();
  await writeFile(at.lock, '');
  const tried: unknown[] = [];
  let trying: Promise<unknown> | undefined;
  const progress = (): void => {
    trying ??= Promise.allSettled([openStore({ backend: 'lowdb', dir: h.dir }, depsOf()), look(h.dir)]).then((all) =>
      tried.push(...all),
    );
  };
  // The look goes on while the others try: each of its steps is an await.
  await look(h.dir, { progress, deps: { files: slowly(() => trying) } });
  expect(tried).toMatchObject([
    { status: 'rejected', reason: { code: 'STORE_LOCKED' } },
    { status: 'fulfilled', value: { verdict: { sound: true, lock: 'held' } } },
  ]);
});
it('a record that the disk does not give is no damaged record: it is named, and a fix leaves it in its place', async () => {
  await h.store.close();
  const failing = faultyFiles();
  failing.on(({ op, path }) => (op === 'read' && path === at.record(who.failed) ? 'EIO' : undefined));
  const { mended, verdict } = await look(h.dir, { fix: true, deps: { files: failing.files } });
  expect(kindsOf(verdict)).toEqual(['unreachable']);
  expect(mended?.after.findings).toMatchObject([{ kind: 'unreachable', path: expect.stringContaining(who.failed) }]);
  expect((await look(h.dir)).verdict.findings).toEqual([]);
});
it.each<[string, string, (line: string) => string]>([
  ['counts', 'index-counts', (line) => line.replaceAll('failed:1', 'failed:2')],
  ['a job that nobody counts', 'index-counts', (line) => line.replaceAll(/"counts":"[^"]*"/g, '"counts":""')],
  ['a state that nobody counts', 'index-counts', (line) => line.replaceAll(',failed:1', '')],
  ['a number of unfinished runs', 'index-counts', (line) => line.replaceAll(/"unfinished":\d+/g, '"unfinished":0')],
  [
    'the newest run of a job',
    'index-newest',
    (line) =>
      line.replaceAll(
        `"newest":{"weekly-report":{"id":"${who.queued}"`,
        `"newest":{"weekly-report":{"id":"${who.failed}"`,
      ),
  ],
  [
    'the state of the newest run of a job',
    'index-newest',
    (line) => line.replace(/("newest":\{.*"state":)"queued"/, '$1"failed"'),
  ],
])('of the index, %s that is wrong is found, and a fix makes it right', async (_what, kind, wrong) => {
  await h.store.close();
  const manifest = join(at.indexFolder, 'manifest.jsonl');
  const { lineOf, linesOf } = await import('../../src/store/lowdb/line.ts');
  const before = [...linesOf(await readFile(manifest))].map(({ value }) => JSON.stringify(value));
  const lines = before.map(wrong);
  expect(lines).not.toEqual(before);
  await writeFile(manifest, lines.map((line) => lineOf(line)).join(''));
  expect(kindsOf((await look(h.dir)).verdict)).toEqual([kind]);
  expect((await look(h.dir, { fix: true })).mended?.after.findings).toEqual([]);
});
it.each(['still in the journal', 'in its file'])(
  'a copy that was not finished, whose mark is %s, is named with its source',
  async (where) => {
    const value = {
      v: 1,
      from: { storeId: 'a', commits: 1, name: '/srv/bellhop' },
      section: 'runs',
      after: '',
      copied: 7,
    };
    const copy = `${h.dir}-copy`;
    const target = await openCopyTarget({ backend: 'lowdb', dir: copy }, depsOf(), { reserveBytes: 4096 });
    await target.write([], CopyMark.parse(value));
    if (where === 'in its file') await target.close();
    const seen = `${h.dir}-seen`;
    await cp(copy, seen, { recursive: true });
    if (where !== 'in its file') await target.close();
    await rm(join(seen, 'LOCK'));
    const { verdict } = await look(seen);
    expect(verdict).toMatchObject({
      sound: false,
      findings: [{ kind: 'copy-unfinished', examples: [{ detail: 'of /srv/bellhop, 7 things so far' }] }],
      counts: { journalLines: where === 'in its file' ? 0 : 1 },
    });
    for (const dir of [copy, seen]) await rm(dir, { recursive: true });
  },
);

function depsOf(): Parameters<typeof openStore>[1] {
  return { clock: h.clock, ids: h.ids, log: silentLog, version: '0.0.0-test', files: nodeFiles };
}

/** The files of the system, whose every read waits for what `until` answers. */
function slowly(until: () => Promise<unknown> | undefined): Files {
  return {
    ...nodeFiles,
    async read(path, maxBytes) {
      await until();
      return nodeFiles.read(path, maxBytes);
    },
  };
}
