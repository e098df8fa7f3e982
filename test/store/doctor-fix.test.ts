import { cp, mkdir, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import type { Layout } from '../../src/store/lowdb/layout.ts';
import { faultyFiles } from '../support/store-faults.ts';
import { inhabit, kindsOf, look } from '../support/store-folder.ts';
import type { Inhabitants } from '../support/store-folder.ts';
import { accept, lowdbHarness } from '../support/store-harness.ts';
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

/** A bit of everything that a fix mends. */
async function damage(): Promise<string> {
  const late = await accept(h.store, { input: { late: true } });
  await h.faults.kill();
  await truncate(at.record(who.failed), 20);
  await rm(at.record(who.completed));
  await writeFile(at.doc('status', 'here'), '');
  await writeFile(join(at.temp, '.tmp-9-x-1'), 'half');
  await writeFile(join(at.indexFolder, 'manifest.jsonl'), 'x\n');
  await rm(at.reserve);
  return late.id;
}

it('a fix says what it did, line by line, and then looks again', async () => {
  await damage();
  const said: string[] = [];
  const { verdict, mended } = await look(h.dir, { fix: true, say: (line) => said.push(line) });
  expect(new Set(kindsOf(verdict))).toEqual(
    new Set(['record-unreadable', 'doc-unreadable', 'deliveries-orphan', 'index-damaged', 'reserve-missing', 'temp']),
  );
  expect(mended?.done).toEqual(said);
  for (const line of [
    'Removed 1 temp file.',
    /^Moved 1 file of deliveries without a run to quarantine/,
    'Took the index away, so that every record is read.',
    new RegExp(`^Moved records/.*${who.failed}.json to quarantine/: `),
    /^Moved docs\/status\/here.json to quarantine/,
    'Brought 1 change from the journal to the files.',
    'Made the index again: 3 runs.',
  ]) {
    expect(said).toContainEqual(expect.stringMatching(line));
  }
  expect(mended?.after).toMatchObject({ findings: [{ kind: 'quarantined', count: 3 }], counts: { journalLines: 0 } });
});
it('a fix on a sound folder does nothing', async () => {
  await h.store.close();
  const { mended } = await look(h.dir, { fix: true });
  expect(mended).toMatchObject({ done: ['Nothing was to be mended.'], after: { sound: true } });
});
it('a fix that is killed at any call leaves a folder that the next one completes, and no run is lost', async () => {
  const late = await damage();
  const whole = faultyFiles();
  const picture = `${h.dir}-picture`;
  await copy(h.dir, picture);
  await look(h.dir, { fix: true, deps: { files: whole.files } });
  // To be killed at a call that only reads is to be killed at the next one that writes.
  const writes = whole.seen().filter(({ op }) => !['read', 'list', 'tail', 'free', 'close'].includes(op));
  expect(writes.length).toBeGreaterThan(40);
  for (const { n: k } of writes) {
    await rm(h.dir, { recursive: true });
    await copy(picture, h.dir);
    const faults = faultyFiles();
    faults.on(({ n }) => (n >= k ? 'EIO' : undefined));
    await look(h.dir, { fix: true, deps: { files: faults.files } }).catch(() => undefined);
    await faults.kill();
    const { mended, verdict } = await look(h.dir, { fix: true });
    const left = (mended?.after ?? verdict).findings.filter(({ kind }) => kind !== 'quarantined');
    expect(left, `killed at call ${k}`).toEqual([]);
    await h.reopen('crash');
    for (const id of [late, who.queued, who.running]) expect(await h.store.get(id), `${k}`).toBeDefined();
    const kept = (await readdir(at.quarantine)).filter((name) => name.endsWith('.json')).join(' ');
    for (const name of [who.failed, who.completed, 'here']) expect(kept, `${k}`).toContain(name);
    await h.store.close();
  }
  await rm(picture, { recursive: true });
}, 120_000);
it('a fix on a full disk says so, keeps everything, and is completed when there is room', async () => {
  const late = await damage();
  const faults = faultyFiles();
  faults.on(({ op }) => (op === 'write' ? 'ENOSPC' : undefined));
  await expect(look(h.dir, { fix: true, deps: { files: faults.files } })).rejects.toMatchObject({ code: 'STORE_FULL' });
  expect((await look(h.dir, { fix: true })).mended?.after).toMatchObject({ findings: [{ kind: 'quarantined' }] });
  await h.reopen('crash');
  expect(await h.store.get(late)).toMatchObject({ input: { late: true } });
});
it('a record in the folder of another day is set aside whole, never deleted', async () => {
  await h.store.close();
  const astray = join(at.records, '2026/11/01');
  await mkdir(astray, { recursive: true });
  await rename(at.record(who.failed), join(astray, `${who.failed}.json`));
  await look(h.dir, { fix: true });
  const kept = (await readdir(at.quarantine)).find((name) => name.endsWith(`${who.failed}.json`));
  await rename(join(at.quarantine, kept ?? ''), at.record(who.failed));
  await rm(at.quarantine, { recursive: true });
  expect((await look(h.dir, { fix: true })).mended?.after.findings).toEqual([]);
  await h.reopen('crash');
  expect(await h.store.get(who.failed)).toMatchObject({ state: 'failed' });
});

async function copy(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, preserveTimestamps: true });
}
