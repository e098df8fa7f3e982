/** The pages of the run index: what of them is in memory, and for how long. */
import type { RunSummary } from './records.ts';
import type { Counts } from './tally.ts';

/** Null in a map: the run was taken out. Newer first: `fresh`, then `flushing`, then `base`. */
export interface IndexPage {
  /** The page holds the runs from this id on, up to where the next page begins. */
  first: string;
  /** The greatest id it ever held. */
  newest: string;
  /** Grows when the page is written anew instead of being appended to. */
  generation: number;
  /** How much of its file counts. */
  bytes: number;
  /** How many runs it holds. */
  runs: number;
  /** For each job; made of the manifest's text when it is first asked for: most pages never are. */
  readonly counts: Counts;
  /** How many of its runs are not final. */
  unfinished: number;
  /** What is not in its file. */
  fresh: Map<string, RunSummary | null>;
  /** What is being written to it. */
  flushing: Map<string, RunSummary | null> | undefined;
  /** What its file holds; undefined when it is not in memory. */
  base: Map<string, RunSummary> | undefined;
  /** Its file cannot be read: it is to be written anew. */
  damaged: boolean;
  /** All ids in order; undefined when they have to be put in order again. */
  order: string[] | undefined;
}

/** Reads the file of a page up to its `bytes`; `anew`: it was damaged, and this is what the records say. */
export type LoadPage = (page: IndexPage) => Promise<{ entries: Map<string, RunSummary>; anew: boolean }>;

export interface PageCache {
  change(page: IndexPage, id: string, entry: RunSummary | null): void;
  /** Brings the page to memory; it is there when this resolves, until the next await. */
  load(page: IndexPage): Promise<void>;
  entry(page: IndexPage, id: string): RunSummary | undefined;
  /** The ids of a loaded page in order; some may have been taken out. */
  ids(page: IndexPage): readonly string[];
}

interface Terms {
  /** So many runs of pages are kept in memory. */
  runs: number;
  /** Counts a page anew. */
  recount: (page: IndexPage, entries: Iterable<RunSummary>) => void;
}

/** Makes the cache; it forgets the page that was asked for longest ago. */
export function createPageCache(read: LoadPage | undefined, terms: Terms): PageCache {
  const loaded = new Set<IndexPage>();

  function entry(page: IndexPage, id: string): RunSummary | undefined {
    const known = page.fresh.get(id) ?? (page.fresh.has(id) ? null : page.flushing?.get(id));
    if (known !== undefined) return known ?? undefined;
    return page.base?.get(id);
  }
  async function readPage(page: IndexPage): Promise<void> {
    // What is flushed while its file is being read may be missing from what was read: then it is read again.
    for (let stable = false; !stable;) {
      const { bytes, generation } = page;
      const { entries, anew } =
        read === undefined || bytes === 0 ? { entries: new Map<string, RunSummary>(), anew: false } : await read(page);
      stable = page.base !== undefined || (page.bytes === bytes && page.generation === generation);
      if (!stable || page.base !== undefined) continue;
      page.base = entries;
      page.order = undefined;
      if (!anew) continue;
      page.damaged = true;
      terms.recount(page, entriesOf(page));
    }
  }
  function* entriesOf(page: IndexPage): Generator<RunSummary> {
    for (const id of ids(page)) {
      const one = entry(page, id);
      if (one !== undefined) yield one;
    }
  }
  function ids(page: IndexPage): readonly string[] {
    if (page.order !== undefined) return page.order;
    const all = new Set([...(page.base?.keys() ?? []), ...(page.flushing?.keys() ?? []), ...page.fresh.keys()]);
    return (page.order = [...all].filter((id) => entry(page, id) !== undefined).sort());
  }
  function keepFew(): void {
    let held = 0;
    for (const page of loaded) held += page.runs;
    for (const page of loaded) {
      if (held <= terms.runs || loaded.size === 1) return;
      loaded.delete(page);
      page.base = undefined;
      page.order = undefined;
      held -= page.runs;
    }
  }

  return {
    change(page, id, summary) {
      const known = page.order !== undefined && entry(page, id) !== undefined;
      page.fresh.set(id, summary);
      if (id > page.newest) page.newest = id;
      if (page.order === undefined || known) return;
      if (summary !== null && id > (page.order.at(-1) ?? '')) page.order.push(id);
      else page.order = undefined;
    },
    async load(page) {
      if (page.base === undefined) await readPage(page);
      loaded.delete(page);
      loaded.add(page);
      keepFew();
    },
    entry,
    ids,
  };
}
