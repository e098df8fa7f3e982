/**
 * The files of the run index: one of lines a page, and a manifest that says how much of each page counts, how many runs are in which state,
 * and up to which line of the journal all of it is. A checkpoint appends to the pages, and after the sync to the manifest: so a kill -9
 * costs nothing but the lines of the journal after it, whatever the size of the history.
 *
 * All of it is derived. When the manifest cannot be trusted the records are read; when a page cannot, its records are.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { timeOfId } from '../../ids.ts';
import type { Log } from '../../log.ts';
import type { RunSummary } from '../records.ts';
import { newPage } from '../run-index.ts';
import type { IndexPage } from '../run-pages.ts';
import { countsIn, textOf } from '../tally.ts';
import { storeError, writeAll } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';
import { lineOf, linesOf } from './line.ts';

const PageLine = z.object({
  first: z.string(),
  newest: z.string(),
  generation: z.number().int().positive(),
  bytes: z.number().int().nonnegative(),
  runs: z.number().int().nonnegative(),
  unfinished: z.number().int().nonnegative(),
  /** `JOB=STATE:N,STATE:N;JOB=…`: a text, for a start has no use for the counts of most pages. */
  counts: z.string(),
});
type PageLine = z.infer<typeof PageLine>;
/** Each line adds to those before it; the first holds everything. */
const ManifestLine = z.object({
  v: z.literal(2),
  covered: z.number().int().nonnegative(),
  pages: z.array(PageLine),
  /** Final runs that have deliveries of which something can still happen: whether they came or went. */
  open: z.record(z.string(), z.boolean()),
  /** The newest run of each job that has a new one; null: not known any more. */
  newest: z.record(z.string(), z.custom<RunSummary>(isSummary).nullable()),
});
type ManifestLine = z.infer<typeof ManifestLine>;

export interface Manifest {
  covered: number;
  pages: IndexPage[];
  /** What it says of each page. */
  lines: PageLine[];
  open: Set<string>;
  newest: RunSummary[];
}

export interface IndexFiles {
  /** The manifest, or undefined when it is not there or cannot be trusted. */
  read(): Promise<Manifest | undefined>;
  /** Writes what of the page is being flushed; answers the path and what the manifest has to say, and leaves the sync to the caller. */
  writePage(page: IndexPage, all: (() => Iterable<RunSummary>) | undefined): Promise<PageState & { path: string }>;
  /** The entries of a page's file; undefined when it is damaged. */
  readPage(page: IndexPage): Promise<Map<string, RunSummary> | undefined>;
  /** Durable when it resolves. `whole` is asked for when the manifest is written anew, which it always is without a line. */
  note(line: ManifestLine | undefined, whole: () => ManifestLine): Promise<void>;
  pathOf(page: Pick<IndexPage, 'first' | 'generation'>): string;
  /** Takes the manifest away, durably, and every page with it. */
  forget(): Promise<void>;
  /** Removes every file of the index that no page names. */
  sweep(pages: readonly IndexPage[]): Promise<void>;
}

export type PageState = Pick<IndexPage, 'generation' | 'bytes'>;

const MAX_BYTES = 256 * 1024 * 1024;
export const INDEX_FILE = /^(?:\d{4}-\d{2}-\d{2}-[0-9a-z]{26}\.\d+|manifest)\.jsonl$/;

/** Makes the files of the folder `index`. */
export function createIndexFiles(deps: { disk: Disk; layout: Layout; log: Log }): IndexFiles {
  const { disk, layout, log } = deps;
  const manifestPath = join(layout.indexFolder, 'manifest.jsonl');
  /** How long the manifest is, and when it is worth writing it anew; undefined until this life has written it whole. */
  let manifest: { bytes: number; limit: number } | undefined;

  const pathOf: IndexFiles['pathOf'] = ({ first, generation }) => {
    const day = new Date(timeOfId(first)).toISOString().slice(0, 10);
    return join(layout.indexFolder, `${day}-${first.slice(first.indexOf('_') + 1)}.${generation}.jsonl`);
  };

  async function append(page: IndexPage): Promise<PageState & { path: string }> {
    const path = pathOf(page);
    const bytes = Buffer.from([...(page.flushing ?? [])].map(([id, entry]) => entryLine(id, entry)).join(''));
    await disk.folder(layout.indexFolder);
    try {
      const file = await disk.files.append(path);
      try {
        // What a checkpoint left that did not come to its end does not count.
        await file.truncate(page.bytes);
        await writeAll(file, bytes);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw storeError(`${path} could not be written`, error);
    }
    return { path, generation: page.generation, bytes: page.bytes + bytes.length };
  }
  async function rewrite(page: IndexPage, all: Iterable<RunSummary>): Promise<PageState & { path: string }> {
    const generation = page.generation + 1;
    const path = pathOf({ first: page.first, generation });
    const text = [...all].map((entry) => entryLine(entry.id, entry)).join('');
    await disk.place(path, text);
    return { path, generation, bytes: Buffer.byteLength(text) };
  }

  return {
    pathOf,
    writePage: (page, all) => (all === undefined ? append(page) : rewrite(page, all())),
    async read() {
      const bytes = await disk.files.read(manifestPath, MAX_BYTES).catch(() => undefined);
      const lines = bytes === undefined ? undefined : manifestLines(bytes);
      if (lines === undefined || lines.length === 0) return undefined;
      return folded(lines);
    },
    async readPage(page) {
      const path = pathOf(page);
      const bytes = await disk.files.read(path, MAX_BYTES).catch(() => new Uint8Array());
      if (bytes.length < page.bytes) return undefined;
      const entries = entriesIn(bytes.subarray(0, page.bytes));
      if (entries === undefined)
        log.error('a page of the index is damaged; it is made anew from the records', { path });
      return entries;
    },
    async note(line, whole) {
      if (line === undefined || manifest === undefined || manifest.bytes > manifest.limit) {
        manifest = undefined;
        const all = lineOf(JSON.stringify(whole()));
        await disk.write(manifestPath, all);
        manifest = { bytes: all.length, limit: Math.max(64 * 1024, all.length * 2) };
        return;
      }
      const text = lineOf(JSON.stringify(line));
      const { limit, bytes } = manifest;
      // Until this has succeeded, nobody knows how the file ends: then it is written anew.
      manifest = undefined;
      try {
        const file = await disk.files.journal(manifestPath);
        try {
          await writeAll(file, Buffer.from(text));
        } finally {
          await file.close();
        }
      } catch (error) {
        throw storeError(`${manifestPath} could not be written`, error);
      }
      manifest = { bytes: bytes + text.length, limit };
    },
    async forget() {
      await disk.remove(manifestPath);
      await sweep([]);
    },
    sweep,
  };
  async function sweep(pages: readonly IndexPage[]): Promise<void> {
    const wanted = new Set([manifestPath, ...pages.map(pathOf)]);
    const entries = await disk.files.list(layout.indexFolder).catch(() => []);
    for (const { name, kind } of entries) {
      const path = join(layout.indexFolder, name);
      if (kind !== 'file' || !INDEX_FILE.test(name) || wanted.has(path)) continue;
      await disk.files.unlink(path).catch(() => undefined);
    }
  }
}

/** What the manifest says of a page. */
export function pageLine(page: IndexPage, state: PageState): PageLine {
  const { first, newest, runs, unfinished } = page;
  return {
    first,
    newest,
    runs,
    generation: state.generation,
    bytes: state.bytes,
    counts: textOf(page.counts),
    unfinished,
  };
}

function keptPage({ counts: text, ...line }: PageLine): IndexPage {
  let counts: IndexPage['counts'] | undefined;
  return {
    ...newPage(line.first),
    ...line,
    get counts() {
      return (counts ??= countsIn(text));
    },
  };
}

/** The lines of a manifest; undefined when it is damaged. A last line without an end was cut off by a crash, and does not count. */
function manifestLines(bytes: Uint8Array): ManifestLine[] | undefined {
  const lines: ManifestLine[] = [];
  const end = bytes.lastIndexOf(0x0a) + 1;
  for (const { value } of linesOf(bytes.subarray(0, end))) {
    const parsed = ManifestLine.safeParse(value);
    if (!parsed.success) return undefined;
    lines.push(parsed.data);
  }
  return lines;
}

function folded(lines: readonly ManifestLine[]): Manifest {
  const pages = new Map<string, PageLine>();
  const open = new Set<string>();
  const newest = new Map<string, RunSummary | null>();
  for (const line of lines) {
    for (const page of line.pages) pages.set(page.first, page);
    for (const [id, isOpen] of Object.entries(line.open)) {
      if (isOpen) open.add(id);
      else open.delete(id);
    }
    for (const [job, summary] of Object.entries(line.newest)) newest.set(job, summary);
  }
  const inOrder = [...pages.values()].sort((a, b) => (a.first < b.first ? -1 : 1));
  return {
    covered: lines.at(-1)?.covered ?? 0,
    lines: inOrder,
    pages: inOrder.map(keptPage),
    open,
    newest: [...newest.values()].filter((one) => one !== null),
  };
}

function entryLine(id: string, entry: RunSummary | null): string {
  return lineOf(JSON.stringify(entry ?? { id, gone: true }));
}

/** The newest entry of each run; undefined when a line is damaged. The lines were written by this program: their sum is trusted. */
function entriesIn(bytes: Uint8Array): Map<string, RunSummary> | undefined {
  const entries = new Map<string, RunSummary>();
  for (const { value } of linesOf(bytes)) {
    if (!isEntry(value)) return undefined;
    if ('gone' in value) entries.delete(value.id);
    else entries.set(value.id, value);
  }
  return entries;
}

function isSummary(value: unknown): boolean {
  return isEntry(value) && !('gone' in value);
}

function isEntry(value: unknown): value is RunSummary | { id: string; gone: true } {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string';
}
