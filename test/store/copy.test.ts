import { readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { codeOf } from '../../src/errors.ts';
import { createIds } from '../../src/ids.ts';
import { COPY } from '../../src/store/doc-table.ts';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import { checkApart, readTarget } from '../../src/store/open.ts';
import { manualClock } from '../support/clock.ts';
import type { Call } from '../support/store-faults.ts';
import {
  copied,
  eventsAfter,
  fill,
  finished,
  folderPlace,
  hashOfBytes,
  memoryPlace,
  verified,
  view,
} from '../support/store-copy.ts';
import type { Filled, FolderPlace, Place } from '../support/store-copy.ts';
import { accept, ana, claimOne, newRun, wanting } from '../support/store-harness.ts';
import type { BlobRef } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';

const clock = manualClock();
const places: Place[] = [];
afterEach(async () => {
  for (const place of places.splice(0)) await place.dispose();
});
const kept = <T extends Place>(place: T): T => {
  places.push(place);
  return place;
};
const memory = async (): Promise<Place> => kept(memoryPlace(clock));
const folder = async (): Promise<FolderPlace> => kept(await folderPlace(clock));

async function filled(place: Place): Promise<Filled> {
  const store = await place.store();
  const what = await fill(store, clock);
  await store.close();
  clock.step(1);
  return what;
}

/** A run whose report was delivered. */
async function delivered(place: Place): Promise<string> {
  const store = await place.store();
  const { id } = await accept(store);
  const { lease } = await claimOne(store);
  const destination = { kind: 'file', path: 'a.html' } as const;
  const deliveries = [{ id: createIds(clock).next('dlv'), mode: 'report', destination }] as const;
  await store.settle([{ lease, end: 'completed', deliveries: [...deliveries] }]);
  const [claimed] = await store.claimDeliveries({ limit: 1, workerId: 'outbox-1', leaseMs: 1000 });
  if (claimed === undefined) throw new Error('nothing to deliver');
  await store.settleDelivery({ lease: claimed.lease, outcome: 'delivered' });
  await store.close();
  return id;
}

/** A run that waits for somebody. */
async function addWaiting(place: Place): Promise<string> {
  const store = await place.store();
  const { id } = await accept(store, { waits: 'approval' });
  await store.close();
  return id;
}

/** Every file of a folder with what it holds and when it was changed, but for those of the lock. */
async function traceOf(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('LOCK'));
  const lines = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    return `${path} ${hashOfBytes(await readFile(path))} ${(await stat(path)).mtimeMs}`;
  });
  return (await Promise.all(lines)).sort();
}

const DAY_MS = 86_400_000;
/** Leaves a run that names a transcript until then. */
async function transcript(store: Store, until: string): Promise<BlobRef> {
  const put = await store.blobs.put(
    (async function* () {
      yield Buffer.from('what was said');
    })(),
  );
  if (put.outcome !== 'stored') throw new Error('not stored');
  await accept(store);
  const { lease } = await claimOne(store);
  const ref = { sha256: put.sha256, bytes: put.bytes, name: 'transcript.json.gz', until };
  await store.settle([{ lease, end: 'completed', blobs: [ref] }]);
  return ref;
}

const PAIRS: [string, () => Promise<Place>, () => Promise<Place>][] = [
  ['memory to lowdb', memory, folder],
  ['lowdb to memory', folder, memory],
  ['lowdb to lowdb', folder, folder],
  ['memory to memory', memory, memory],
];

describe.each(PAIRS)('a copy from %s', (_name, openFrom, openTo) => {
  it('holds everything as it was, and a copy back is equal again', async () => {
    const [from, to, back] = [await openFrom(), await openTo(), await openFrom()];
    const { sha256 } = await filled(from);
    const waiting = await addWaiting(from);
    const before = await from.store();
    const seen = await view(before);
    await before.close();
    expect(await copied(from, to)).toMatchObject({ outcome: 'copied', lostBlobs: { count: 0 } });
    const verdicts = await verified(from, to);
    expect(verdicts.filter((one) => !one.same)).toEqual([]);
    expect(verdicts.filter((one) => one.source.count === 0)).toEqual([]);
    await finished(to);
    const store = await to.store();
    expect(await view(store)).toEqual(seen);
    expect((await store.get(waiting))?.state).toBe('waiting');
    expect(hashOfBytes((await store.blobs.get(sha256)) ?? new Uint8Array())).toBe(sha256);
    await store.close();
    await copied(to, back);
    expect((await verified(from, back)).filter((one) => !one.same)).toEqual([]);
  });

  it('goes on as the source would have: keys, running runs, pauses, the feed, deliveries under way', async () => {
    const [from, to] = [await openFrom(), await openTo()];
    const { running, removed, completed, seq } = await filled(from);
    await copied(from, to);
    await finished(to);
    const [source, store] = [await from.store(), await to.store()];
    for (const [idempotencyKey, id] of [
      ['done', completed],
      ['ends up removed', removed.id],
    ]) {
      const [outcome] = await store.submit([newRun({ idempotencyKey: idempotencyKey ?? '' })]);
      expect(outcome).toMatchObject({ outcome: 'deduplicated', run: { id } });
    }
    expect((await store.get(removed.id)) === undefined).toBe(true);
    expect(await eventsAfter(store, seq, 20)).toEqual(await eventsAfter(source, seq, 20));
    expect(await eventsAfter(store, seq, 1)).not.toMatchObject([{ type: 'resync' }]);
    expect(await eventsAfter(store, 1, 1)).toMatchObject([{ type: 'resync' }]);
    const [first] = await store.claim(wanting({ limit: 1 }));
    expect(first?.run).toMatchObject({ id: running, attemptsUsed: 2, fence: 2 });
    expect(await store.claim(wanting({ queues: [{ name: 'paused', limit: 9 }] }))).toEqual([]);
    const due = await store.claimDeliveries({ limit: 9, workerId: 'outbox-2', leaseMs: 1000 });
    expect(due.map((one) => one.delivery.parts.map((part) => part.state)).toSorted()).toContainEqual([
      'sent',
      'sending',
    ]);
    await Promise.all([source.close(), store.close()]);
  });

  it('keeps blobs that runs name, also when blobs that nobody names are collected', async () => {
    const [from, to] = [await openFrom(), await openTo()];
    const { sha256 } = await filled(from);
    await copied(from, to);
    await finished(to);
    const store = await to.store();
    await clock.advance(3_600_000);
    for (let part = 0; part < 256; part++) {
      await store.sweep();
      clock.step(30_000);
    }
    expect(await store.blobs.get(sha256)).toBeDefined();
    await store.close();
  });
});

describe('resuming', () => {
  it('goes on where it was broken off, however often, and copies no batch twice', async () => {
    const [from, to] = [await folder(), await folder()];
    await filled(from);
    const marks: number[] = [];
    let outcome = 'interrupted';
    for (let turn = 0; outcome === 'interrupted'; turn++) {
      if (turn > 100) throw new Error('it does not end');
      const stop = new AbortController();
      const progress = (at: number) => {
        marks.push(at);
        stop.abort();
      };
      ({ outcome } = await copied(from, to, { signal: stop.signal, progress }));
    }
    expect(marks.length).toBeGreaterThan(10);
    expect(marks.every((at, n) => n === 0 || at > (marks[n - 1] ?? 0))).toBe(true);
    const total = (await verified(from, to)).reduce((sum, one) => {
      return ['deliveries', 'blobs'].includes(one.kind) ? sum : sum + one.source.count;
    }, 0);
    expect(marks.at(-1)).toBe(total);
    expect((await verified(from, to)).filter((one) => !one.same)).toEqual([]);
  });

  it('an unfinished copy is no store: a server and a copy from it are refused, and told the way out', async () => {
    const [from, to, other] = [await folder(), await folder(), await folder()];
    await filled(from);
    const stop = new AbortController();
    await copied(from, to, { signal: stop.signal, progress: () => stop.abort() });
    const hint = `bellhop store copy --from ${from.dir} --to ${to.dir} goes on with it; or delete it.`;
    await expect(to.store()).rejects.toMatchObject({ code: 'STORE_UNFINISHED', hint });
    await expect(copied(to, other)).rejects.toMatchObject({ code: 'STORE_UNFINISHED' });
    // Also when everything is there: it was not yet compared.
    expect((await copied(from, to)).outcome).toBe('copied');
    await expect(to.store()).rejects.toMatchObject({ code: 'STORE_UNFINISHED' });
    await finished(to);
    await (await to.store()).close();
  });

  it('is refused for another source, and for one that has changed since', async () => {
    const [from, other, to] = [await folder(), await folder(), await folder()];
    await filled(from);
    await filled(other);
    const stop = new AbortController();
    await copied(from, to, { signal: stop.signal, progress: () => stop.abort() });
    await expect(copied(other, to)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('another store') as string,
    });
    const store = await from.store();
    await store.appendAudit({ actor: ana, act: 'refused' });
    await store.close();
    await expect(copied(from, to)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('has changed') as string,
    });
  });

  it('a server that only looked at the source does not count as a change', async () => {
    const [from, to] = [await folder(), await folder()];
    await filled(from);
    const stop = new AbortController();
    await copied(from, to, { signal: stop.signal, progress: () => stop.abort() });
    const store = await from.store();
    await store.list({});
    await store.close();
    expect((await copied(from, to)).outcome).toBe('copied');
  });
});

describe('what a copy refuses', () => {
  it('a target that holds anything, naming it, and does not touch it', async () => {
    const [from, to] = [await folder(), await folder()];
    await filled(from);
    await writeFile(join(to.dir, 'notes.txt'), 'mine');
    await expect(copied(from, to)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('notes.txt') as string,
    });
    expect(await readdir(to.dir)).toEqual(['notes.txt']);
    const full = await folder();
    await filled(full);
    await expect(copied(from, full)).rejects.toMatchObject({
      message: expect.stringMatching(/not empty: it holds \d+ runs/) as string,
    });
    await (await full.store()).close();
    const emptied = await folder();
    const store = await emptied.store();
    await store.remove((await accept(store)).id, ana);
    await store.close();
    await expect(copied(from, emptied)).rejects.toMatchObject({
      message: expect.stringMatching(/not empty: it holds events/) as string,
    });
  });

  it('a folder without a store as source, two folders that are one, and stores that this build does not have', async () => {
    const [from, to] = [await folder(), await folder()];
    await expect(copied(from, to)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('no store') as string,
    });
    expect(await readdir(from.dir)).toEqual([]);
    const at = (dir: string) => readTarget(dir);
    for (const [a, b] of [
      [from.dir, from.dir],
      [from.dir, join(from.dir, 'new', 'copy')],
      [join(to.dir, 'x'), to.dir],
    ]) {
      await expect(checkApart(at(a ?? ''), at(`lowdb:${b}`))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    }
    await checkApart(at(from.dir), at(`${from.dir}-new`));
    expect(() => readTarget('postgres://db/bellhop')).toThrow('This build has no Postgres store.');
    expect(() => readTarget('redis:x')).toThrow('This build has no “redis” store.');
  });

  it('a source with a record or deliveries that cannot be read: nothing is left out silently', async () => {
    for (const spoil of ['record', 'deliveriesOf'] as const) {
      const [from, to] = [await folder(), await folder()];
      // Nothing can happen to it any more, so no open reads it.
      const path = layoutOf(from.dir)[spoil](await delivered(from));
      await writeFile(path, '{"torn');
      const before = await traceOf(from.dir);
      await expect(copied(from, to), spoil).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      expect(await traceOf(from.dir)).toEqual(before);
    }
  });

  it('documents of its own kind by anybody else', async () => {
    const store = await (await folder()).store();
    await expect(store.putDoc({ kind: COPY, key: 'progress', rev: 0, value: 1 })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    await store.close();
  });
});

describe('the source', () => {
  it('is left as it was, byte for byte: closed, killed with a journal, and without an index', async () => {
    const from = await folder();
    await filled(from);
    const killed = await folder();
    const faults = killed.faults();
    await fill(await killed.store(), clock);
    await faults.kill();
    killed.faults();
    for (const one of [from, killed]) {
      const to = await folder();
      // So that a file written anew shows, even with the same bytes.
      for (const line of await traceOf(one.dir)) await utimes(line.split(' ')[0] ?? '', 1, 1);
      const before = await traceOf(one.dir);
      await copied(one, to);
      expect((await verified(one, to)).filter((verdict) => !verdict.same)).toEqual([]);
      expect(await traceOf(one.dir)).toEqual(before);
    }
    await rm(layoutOf(from.dir).indexFolder, { recursive: true });
    const [before, to] = [await traceOf(from.dir), await folder()];
    await copied(from, to);
    expect((await verified(from, to)).filter((verdict) => !verdict.same)).toEqual([]);
    expect(await traceOf(from.dir)).toEqual(before);
  });

  it('whose blob was kept for a time that is over misses nothing, whether the bytes are still there or not', async () => {
    const [from, to, again] = [await folder(), await folder(), await folder()];
    const store = await from.store();
    const until = new Date(clock.now() + 30 * DAY_MS).toISOString();
    const ref = await transcript(store, until);
    await store.close();
    clock.step(31 * DAY_MS);
    expect((await copied(from, to)).lostBlobs).toEqual({ count: 0, first: [] });
    await rm(join(from.dir, 'blobs', ref.sha256.slice(0, 2), ref.sha256));
    expect((await copied(from, again)).lostBlobs).toEqual({ count: 0, first: [] });
    for (const one of [to, again]) {
      expect((await verified(from, one)).filter((verdict) => !verdict.same)).toEqual([]);
      await finished(one);
      const copy = await one.store();
      expect((await copy.list({})).items).toHaveLength(1);
      expect(await copy.blobs.get(ref.sha256)).toBeUndefined();
      await copy.close();
    }
  });
  it('whose blob is gone is copied all the same, and the blob is named', async () => {
    const [from, to] = [await folder(), await folder()];
    const { sha256, completed } = await filled(from);
    await writeFile(join(from.dir, 'blobs', sha256.slice(0, 2), sha256), 'other bytes');
    const { lostBlobs } = await copied(from, to);
    expect(lostBlobs).toEqual({ count: 1, first: [`${sha256} of ${completed}`] });
    expect((await verified(from, to)).filter((verdict) => !verdict.same)).toEqual([]);
  });
});

describe('comparing', () => {
  it('finds a record that was changed by hand, one that is missing, and one too many, by their ids', async () => {
    const [from, to] = [await folder(), await folder()];
    const { completed } = await filled(from);
    await copied(from, to);
    const path = layoutOf(to.dir).record(completed);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"rows": 12', '"rows": 13'));
    const doc = layoutOf(to.dir).doc('status', 'home');
    await writeFile(doc, (await readFile(doc, 'utf8')).replace('"rev": 2', '"rev": 3'));
    const month = layoutOf(to.dir).auditMonth(new Date(clock.now()).toISOString());
    const acts = (await readFile(month, 'utf8')).trimEnd().split('\n');
    await writeFile(month, `${acts.slice(1).join('\n')}\n`);
    const differing = (await verified(from, to)).filter((one) => !one.same);
    const lost = JSON.parse(acts[0] ?? '') as { id: string };
    expect(differing.map(({ kind, differences }) => [kind, differences])).toEqual([
      ['runs', [{ id: completed, how: 'differs' }]],
      ['documents', [{ id: 'status/home', how: 'differs' }]],
      ['audit', [{ id: lost.id, how: 'only in the source' }]],
    ]);
    for (const { source, target } of differing) expect(source.digest).not.toBe(target.digest);
    const other = (await verified(to, from)).find((one) => one.kind === 'audit');
    expect(other?.differences).toEqual([{ id: lost.id, how: 'only in the target' }]);
  });

  it('finds a key, deliveries, a blob and an event that are not the same', async () => {
    const [from, to] = [await folder(), await folder()];
    const { completed, removed, sha256 } = await filled(from);
    await copied(from, to);
    const layout = layoutOf(to.dir);
    await rm(layout.record(removed.id));
    await rm(layout.deliveriesOf(completed));
    await rm(join(layout.blobs, sha256.slice(0, 2), sha256));
    const [name] = await readdir(layout.events);
    const events = join(layout.events, name ?? '');
    await writeFile(events, (await readFile(events, 'utf8')).replace('"state":"completed"', '"state":"failed"'));
    const differing = (await verified(from, to)).filter((one) => !one.same).map((one) => one.kind);
    expect(differing).toEqual(['deliveries', 'blobs', 'keys', 'events']);
  });
});

/** The calls that a full disk can refuse, and all that write. */
const WRITES = new Set<Call['op']>(['create', 'append', 'journal', 'write', 'sync', 'rename', 'mkdir', 'syncFolder']);

describe('faults of the target', { timeout: 120_000 }, () => {
  it.each(['ENOSPC', 'EIO'])('%s at any call breaks off, and the next try ends with an equal copy', async (code) => {
    const from = await folder();
    await filled(from);
    let broken = 0;
    let k = 1;
    for (let hit = true; hit; k += 6) {
      if (k > 3000) throw new Error('it does not end');
      const to = await folder();
      let seen = 0;
      hit = false;
      to.faults().on(({ op }) => {
        if (!WRITES.has(op) || ++seen < k) return undefined;
        hit = true;
        // A full disk stays full.
        return code === 'EIO' && seen > k ? undefined : code;
      });
      const first = await copied(from, to, { items: 12 }).catch((error: unknown) => codeOf(error));
      if (typeof first === 'string' || first === undefined) {
        broken++;
        expect(['STORE_FULL', 'STORE_FAILED', 'ENOSPC', 'EIO'], `k=${k}`).toContain(first);
      }
      to.faults();
      await copied(from, to, { items: 12 });
      const differing = (await verified(from, to)).filter((one) => !one.same);
      expect(differing, `k=${k}`).toEqual([]);
      await to.dispose();
    }
    expect(broken).toBeGreaterThan(5);
  });
});
