/**
 * Keeps the run index in step with the journal: every change is put into it in the step in which it is applied, and a checkpoint takes what
 * is not in the files, as of the same line of the journal as the records that it writes.
 */
import { isOpen } from '../delivery-transitions.ts';
import type { Change } from '../backing.ts';
import { isFinal } from '../records.ts';
import type { RunSummary } from '../records.ts';
import { createRunIndex } from '../run-index.ts';
import type { RunIndex } from '../run-index.ts';
import type { IndexPage, LoadPage } from '../run-pages.ts';
import { summaryOf } from '../transitions.ts';
import { pageLine } from './index-files.ts';
import type { IndexFiles, Manifest, PageState } from './index-files.ts';

/** What a checkpoint takes of the index. */
export interface IndexSet {
  pages: { page: IndexPage; line: (state: PageState) => ReturnType<typeof pageLine>; anew: boolean }[];
  open: Map<string, boolean>;
  written: { page: IndexPage; state: PageState; old: string | undefined }[];
}

export interface IndexKeeper {
  index: RunIndex;
  /** Final runs with deliveries of which something can still happen; may name more than there are. */
  open: ReadonlySet<string>;
  apply(changes: readonly Change[]): void;
  /** A run in `open` turned out to have none. */
  close(runId: string): void;
  /** A final run turned out to have deliveries of which something can still happen. */
  reopen(runId: string): void;
  isDirty(): boolean;
  take(): IndexSet;
  /** Writes the pages; answers the paths that need a sync. */
  write(set: IndexSet): Promise<string[]>;
  /** After that sync: makes it count. */
  confirm(set: IndexSet, covered: number): Promise<void>;
  failed(set: IndexSet): void;
  /** Writes what can be written and forgets it, before there is a manifest: for a rebuild, whose history need not fit into memory. */
  spill(): Promise<void>;
}

interface KeeperDeps {
  files: IndexFiles;
  drop: (path: string) => Promise<unknown>;
  load: LoadPage;
}

/** Makes the keeper of what the manifest says; an empty one without it. */
export function createIndexKeeper(deps: KeeperDeps, manifest: Manifest | undefined): IndexKeeper {
  const { files } = deps;
  const index = createRunIndex(manifest?.pages ?? [], deps.load);
  const open = new Set(manifest?.open);
  /** What the manifest says now, for the day when it is written anew. */
  const noted = new Map(index.pages().map((page) => [page, pageLine(page, page)]));
  const openNoted = new Set(open);
  let openChanged = new Map<string, boolean>();
  let spilled: string[] = [];

  function setOpen(runId: string, is: boolean): void {
    if (open.has(runId) === is) return;
    if (is) open.add(runId);
    else open.delete(runId);
    openChanged.set(runId, is);
  }
  function apply(change: Change): void {
    switch (change.kind) {
      case 'run':
        index.put(summaryOf(change.run));
        if (isFinal(change.run.state) && change.run.deliveries.length > 0) setOpen(change.run.id, true);
        return;
      case 'deliveries':
        return setOpen(change.runId, change.deliveries.some(isOpen));
      case 'removal':
        index.drop(change.tombstone.run);
        return setOpen(change.tombstone.run.id, false);
      default:
        return undefined;
    }
  }
  function dirtyPages(): IndexPage[] {
    return index.pages().filter((page) => page.fresh.size > 0 || page.damaged);
  }
  function take(): IndexSet {
    const pages = dirtyPages().map((page) => {
      page.flushing = page.fresh;
      page.fresh = new Map();
      // A run that was taken out must not be found in the file either.
      const anew = page.damaged || (page.bytes > 0 && [...page.flushing.values()].includes(null));
      const line = pageLine(page, page);
      return { page, anew, line: (state: PageState) => ({ ...line, ...state }) };
    });
    const set: IndexSet = { pages, open: openChanged, written: [] };
    openChanged = new Map();
    return set;
  }
  async function write(set: IndexSet): Promise<string[]> {
    const paths: string[] = [];
    for (const { page, anew } of set.pages) {
      const base = anew ? await baseOf(page) : undefined;
      const all = base === undefined ? undefined : () => flushedOver(base, page);
      const old = anew ? files.pathOf(page) : undefined;
      const { path, ...state } = await files.writePage(page, all);
      set.written.push({ page, state, old });
      paths.push(path);
    }
    return [...paths, ...spilled];
  }
  async function baseOf(page: IndexPage): Promise<Map<string, RunSummary>> {
    return page.base ?? (await deps.load(page)).entries;
  }
  /** From here on the file holds what was flushed. */
  function settle({ page, state }: IndexSet['written'][number]): void {
    page.bytes = state.bytes;
    page.generation = state.generation;
    if (page.base !== undefined) for (const [id, entry] of page.flushing ?? []) put(page.base, id, entry);
    page.flushing = undefined;
    page.damaged = false;
  }
  /** Takes over what the set says, as of the moment at which it was taken. */
  function note(set: IndexSet): void {
    const lines = new Map(set.pages.map(({ page, line }) => [page, line]));
    for (const { page, state } of set.written) {
      const line = lines.get(page)?.(state);
      if (line !== undefined) noted.set(page, line);
    }
    for (const [id, is] of set.open) {
      if (is) openNoted.add(id);
      else openNoted.delete(id);
    }
  }
  async function confirm(set: IndexSet, covered: number): Promise<void> {
    note(set);
    const lines = set.pages.flatMap(({ page }) => noted.get(page) ?? []);
    await files.note({ v: 1, covered, pages: lines, open: Object.fromEntries(set.open) }, () => ({
      v: 1,
      covered,
      pages: [...noted.values()],
      open: Object.fromEntries([...openNoted].map((id) => [id, true])),
    }));
    spilled = [];
    for (const one of set.written) settle(one);
    for (const { old } of set.written) if (old !== undefined) await deps.drop(old);
  }
  function failed(set: IndexSet): void {
    for (const { page } of set.pages) {
      page.fresh = new Map([...(page.flushing ?? []), ...page.fresh]);
      page.flushing = undefined;
    }
    openChanged = new Map([...set.open, ...openChanged]);
  }

  return {
    index,
    open,
    apply: (changes) => changes.forEach(apply),
    close: (runId) => setOpen(runId, false),
    reopen: (runId) => setOpen(runId, true),
    // What was spilled counts only when the manifest says so: without that the next start would read everything again.
    isDirty: () => openChanged.size > 0 || spilled.length > 0 || dirtyPages().length > 0,
    take,
    write,
    confirm,
    failed,
    async spill() {
      const set = take();
      try {
        spilled = await write(set);
        note(set);
        for (const one of set.written) settle(one);
      } catch {
        // On a full disk it stays in memory.
        failed(set);
      }
    },
  };
}

function put(entries: Map<string, RunSummary>, id: string, entry: RunSummary | null): void {
  if (entry === null) entries.delete(id);
  else entries.set(id, entry);
}

function* flushedOver(base: Map<string, RunSummary>, page: IndexPage): Generator<RunSummary> {
  const all = new Map(base);
  for (const [id, entry] of page.flushing ?? []) put(all, id, entry);
  yield* all.values();
}
