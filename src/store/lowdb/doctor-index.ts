/** The index beside the records: both come in the order of their ids, a page is in memory at a time. */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { silentLog } from '../../log.ts';
import type { RunSummary } from '../records.ts';
import { isFinal } from '../records.ts';
import type { IndexPage } from '../run-pages.ts';
import { countsOf, isSameCounts } from '../tally.ts';
import type { Journaled } from './doctor-journal.ts';
import type { Look } from './doctor-look.ts';
import { fileAt, namesIn } from './doctor-look.ts';
import { createIndexFiles, INDEX_FILE } from './index-files.ts';
import type { IndexFiles, Manifest } from './index-files.ts';
import { KEY_FILE } from './key-log.ts';

export interface IndexLook {
  /** Everything up to this line of the journal is to be in the files; 0 without an index. */
  covered: number;
  /** Begins the comparison, once the journal was read. */
  join(journaled: Journaled): IndexJoin;
}

export interface IndexJoin {
  /** What a record says; ids must only grow. `open`: something is left to deliver. */
  beside(record: RunSummary, open: boolean): Promise<void>;
  /** A record with which nothing is compared: it cannot be read, or the journal knows better. */
  pass(runId: string): Promise<void>;
  /** After the last record. */
  end(): Promise<void>;
}

/** Reads the manifest. */
export async function lookAtIndex(look: Look): Promise<IndexLook> {
  const { layout, disk, tally } = look;
  await namesIn(look, layout.indexFolder, { kind: 'file', name: INDEX_FILE, also: (name) => KEY_FILE.test(name) });
  const files = createIndexFiles({ disk, layout, log: silentLog });
  const path = join(layout.indexFolder, 'manifest.jsonl');
  const there = await fileAt(path);
  const manifest = await files.read();
  if (manifest !== undefined) {
    return { covered: manifest.covered, join: (journaled) => createJoin({ look, files, manifest, journaled }) };
  }
  if (there !== undefined) tally.note('index-damaged', { path });
  return { covered: 0, join: (journaled) => createAbsent({ look, path, journaled, damaged: there !== undefined }) };
}

/** Without a manifest there is nothing to compare with. */
function createAbsent(deps: { look: Look; path: string; journaled: Journaled; damaged: boolean }): IndexJoin {
  const { look, path, journaled, damaged } = deps;
  let unindexed = 0;
  return {
    async beside(record) {
      if (!journaled.runs.has(record.id)) unindexed++;
    },
    pass: async () => undefined,
    async end() {
      // A copy of the store has none; neither has a folder whose first checkpoint is still to come.
      if (damaged || unindexed === 0) return;
      const isCopy = (await fileAt(join(look.layout.root, 'BACKUP.json'))) !== undefined;
      if (!isCopy && !look.tally.has('backup-incomplete')) look.tally.note('index-absent', { path });
    },
  };
}

function createJoin(deps: { look: Look; files: IndexFiles; manifest: Manifest; journaled: Journaled }): IndexJoin {
  const { look, files, manifest, journaled } = deps;
  const { tally } = look;
  const { pages } = manifest;
  const manifestPath = join(look.layout.indexFolder, 'manifest.jsonl');
  let at = -1;
  /** What of the page at hand no record was found for; undefined when the page is damaged. */
  let left: Map<string, RunSummary> | undefined = new Map();
  /** What the pages say of the jobs whose newest run the manifest names; undefined when one of them is damaged. */
  let newest: Map<string, RunSummary> | undefined = new Map();
  const named = new Set(manifest.newest.map(({ job }) => job));

  async function turnTo(id: string | undefined): Promise<void> {
    for (let next = pages[at + 1]; next !== undefined; next = pages[at + 1]) {
      // What comes before the first page is put into it.
      if (id !== undefined && next.first > id && at >= 0) return;
      noteLeft();
      at++;
      left = await files.readPage(next);
      look.step('records and index');
      if (left === undefined) {
        tally.note('index-damaged', { path: files.pathOf(next) });
        newest = undefined;
        continue;
      }
      for (const entry of left.values()) {
        if (named.has(entry.job) && entry.id >= (newest?.get(entry.job)?.id ?? '')) newest?.set(entry.job, entry);
      }
      if (!countsFit(next, left)) tally.note('index-counts', { path: files.pathOf(next) });
    }
  }
  function noteLeft(): void {
    for (const id of left?.keys() ?? []) {
      // What the journal has to say about it comes on top, or is noted as passed over.
      const newer = journaled.runs.get(id);
      if (newer !== undefined && (!newer.covered || !newer.gone)) continue;
      tally.note('index-extra', { path: look.layout.record(id) });
    }
  }
  function noteNewest(): void {
    if (newest === undefined) return;
    for (const one of manifest.newest) {
      const really = newest.get(one.job);
      if (isDeepStrictEqual(one, really)) continue;
      const detail = `of ${one.job} it is ${really?.id ?? 'none'}, the index says ${one.id}`;
      tally.note('index-newest', { path: manifestPath, detail: one.id === really?.id ? `${one.job}: stale` : detail });
    }
  }
  return {
    async beside(record, open) {
      await turnTo(record.id);
      if (left === undefined) return;
      const entry = left.get(record.id);
      left.delete(record.id);
      const path = look.layout.record(record.id);
      if (entry === undefined) tally.note('index-missing', { path });
      else if (!isSame(entry, record)) tally.note('index-stale', { path, detail: difference(entry, record) });
      if (open && !manifest.open.has(record.id)) tally.note('index-open', { path });
    },
    async pass(runId) {
      await turnTo(runId);
      left?.delete(runId);
    },
    async end() {
      await turnTo(undefined);
      noteLeft();
      noteNewest();
    },
  };
}

/** A start takes what a dead process held as retrying, and notes it in the index alone until it is claimed. */
function isSame(entry: RunSummary, record: RunSummary): boolean {
  if (isDeepStrictEqual(entry, record)) return true;
  return (
    record.state === 'running' && entry.state === 'retrying' && entry.rev >= record.rev && entry.job === record.job
  );
}

function difference(entry: RunSummary, record: RunSummary): string {
  const known = new Map<string, unknown>(Object.entries(entry));
  const fields = Object.entries(record).filter(([name, value]) => !isDeepStrictEqual(known.get(name), value));
  const said = fields
    .slice(0, 3)
    .map(([name, value]) => `${name} ${JSON.stringify(known.get(name))}, not ${JSON.stringify(value)}`);
  return said.length === 0 ? 'the index says more than the record' : `the index says ${said.join('; ')}`;
}

/** Of a page that claims to have no unfinished run, a start reads none. */
function countsFit(page: IndexPage, entries: ReadonlyMap<string, RunSummary>): boolean {
  const all = [...entries.values()];
  const unfinished = all.filter(({ state }) => !isFinal(state)).length;
  return page.runs === all.length && page.unfinished === unfinished && isSameCounts(page.counts, countsOf(all));
}
