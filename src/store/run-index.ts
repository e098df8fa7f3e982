/**
 * The summaries of all runs in the order of their ids (which is the order of acceptance), in pages of about a thousand. In memory stand,
 * for each page, how many runs each job has in each state, and what is not yet in the page's file; the rest of a page is read when it is
 * asked for and forgotten again, so the size of the history does not matter. A page whose counts match nothing is never read.
 *
 * Derived from the records alone; never holds an input, a result or a report.
 */
import { timeOfId } from '../ids.ts';
import { createNewestRuns } from './newest-runs.ts';
import type { NewestRuns } from './newest-runs.ts';
import { isFinal, RUN_STATES } from './records.ts';
import type { Run, RunState, RunSummary } from './records.ts';
import type { Page, RunQuery } from './reader.ts';
import { startOf, writeCursor } from './run-cursor.ts';
import { createPageCache } from './run-pages.ts';
import type { IndexPage, LoadPage } from './run-pages.ts';
import { addAll, addTo, noRuns, sumOf } from './tally.ts';
import type { Counts } from './tally.ts';

export interface RunIndex {
  /** Notes the state of a run; a final one never changes again. */
  put(summary: RunSummary): void;
  /** Takes a run out; `state` is its newest when it is final. */
  drop(run: Pick<RunSummary, 'id' | 'job' | 'state'>): void;
  /** Takes out a run of which only the id is known; answers whether it was there. */
  discard(runId: string): Promise<boolean>;
  list(query: RunQuery): Promise<Page<RunSummary>>;
  /** Ids greater than `after` in their order, at most `limit`. */
  idsAfter(after: string, limit: number): Promise<string[]>;
  count(job: string | undefined): Record<RunState, number>;
  size(): number;
  /** The ids of the runs that are not final. */
  unfinished(): string[];
  /** The pages, oldest first: for whoever keeps them. */
  pages(): readonly IndexPage[];
  /** The newest run of each job: for whoever keeps them. */
  newest: Pick<NewestRuns, 'take' | 'putBack'>;
  /** Reads what the pages say is unfinished; must be done before anything is put into an index of kept pages. */
  warm(): Promise<void>;
}

const PAGE_RUNS = 1024;

/** What an index begins with: pages, oldest first, and the newest runs of jobs as far as they are known. */
export interface KeptIndex {
  pages: readonly IndexPage[];
  newest: readonly RunSummary[];
}

/** Makes an index over what is kept; `load` reads a page. Without it everything stays in memory. */
export function createRunIndex(kept: KeptIndex = { pages: [], newest: [] }, load?: LoadPage): RunIndex {
  const pages = [...kept.pages];
  const newest = createNewestRuns(kept.newest);
  /** How many runs came: what a list found before it waited may not be the newest after it. */
  let arrivals = 0;
  const cache = createPageCache(load, { runs: 32 * PAGE_RUNS, recount });
  const open = new Map<string, RunSummary>();
  /** Over all pages; undefined until somebody asks. */
  let totals: Counts | undefined;

  function totalsNow(): Counts {
    if (totals !== undefined) return totals;
    totals = new Map();
    for (const page of pages) addAll(totals, page.counts, 1);
    return totals;
  }
  function tally(page: IndexPage, one: Pick<RunSummary, 'job' | 'state'>, by: 1 | -1): void {
    addTo(page.counts, one, by);
    if (totals !== undefined) addTo(totals, one, by);
    if (!isFinal(one.state)) page.unfinished += by;
  }
  /** What a page that had to be made anew really holds. */
  function recount(page: IndexPage, entries: Iterable<RunSummary>): void {
    if (totals !== undefined) addAll(totals, page.counts, -1);
    for (const { id, job } of newest.all()) if (pageOf(id) === page) newest.forget(job);
    page.counts.clear();
    page.runs = 0;
    page.unfinished = 0;
    for (const entry of entries) {
      page.runs++;
      tally(page, entry, 1);
    }
  }
  function pageOf(id: string): IndexPage | undefined {
    return pages[Math.max(0, position(pages, id) - 1)];
  }
  function pageFor(id: string): IndexPage {
    const page = pageOf(id);
    const last = pages.at(-1);
    const beyond = last === undefined || (page === last && id > last.newest);
    if (page !== undefined && !(beyond && (page.runs >= PAGE_RUNS || dayOf(page.newest) < dayOf(id)))) return page;
    const made = newPage(id);
    pages.push(made);
    return made;
  }
  function put(summary: RunSummary): void {
    const before = open.get(summary.id);
    noteNewest(summary);
    const page = pageFor(summary.id);
    if (before === undefined) page.runs++;
    else tally(page, before, -1);
    if (before === undefined) arrivals++;
    tally(page, summary, 1);
    cache.change(page, summary.id, summary);
    if (isFinal(summary.state)) open.delete(summary.id);
    else open.set(summary.id, summary);
  }
  function noteNewest(summary: RunSummary): void {
    // Of a job of which nothing is known: no run is newer than the newest of all.
    const atLeast = newest.get(summary.job)?.id ?? pages.at(-1)?.newest ?? '';
    if (summary.id >= atLeast) newest.note(summary);
  }
  function drop(run: Pick<RunSummary, 'id' | 'job' | 'state'>): void {
    const page = pageOf(run.id);
    if (page === undefined) return;
    if (newest.get(run.job)?.id === run.id) newest.forget(run.job);
    tally(page, open.get(run.id) ?? run, -1);
    page.runs--;
    open.delete(run.id);
    cache.change(page, run.id, null);
  }
  async function loaded(page: IndexPage): Promise<void> {
    // Others may have pushed it out before this one goes on.
    do await cache.load(page);
    while (page.base === undefined);
  }
  async function discard(runId: string): Promise<boolean> {
    const page = pageOf(runId);
    if (page === undefined) return false;
    await loaded(page);
    const entry = cache.entry(page, runId);
    if (entry === undefined) return false;
    drop(entry);
    return true;
  }

  async function list(query: RunQuery): Promise<Page<RunSummary>> {
    const limit = clampLimit(query.limit);
    const before = startOf(query);
    const items: RunSummary[] = [];
    const job = byJobAlone(query) ? query.job : undefined;
    const last = job === undefined || limit > 1 ? undefined : newest.get(job);
    if (last !== undefined) return { items: [last], ...(runsOf(last.job) > 1 ? { next: writeCursor(last.id) } : {}) };
    const arrived = arrivals;
    const start = before === undefined ? pages.length : Math.max(1, position(pages, before));
    for (let at = start - 1; at >= 0; at--) {
      const page = pages[at];
      if (page === undefined || matching(page.counts, query) === 0) continue;
      await loaded(page);
      for (const summary of entriesOf(page, query, before)) {
        if (items.length === limit) return { items, next: writeCursor(items.at(-1)?.id ?? '') };
        items.push(summary);
        if (job !== undefined && items.length === 1 && arrived === arrivals) newest.note(summary);
      }
    }
    return { items };
  }
  async function idsAfter(after: string, limit: number): Promise<string[]> {
    const found: string[] = [];
    const start = Math.max(0, position(pages, after) - 1);
    for (const page of pages.slice(start)) {
      if (found.length >= limit) break;
      if (page.runs === 0 || page.newest <= after) continue;
      await loaded(page);
      const ids = cache.ids(page).filter((id) => id > after && cache.entry(page, id) !== undefined);
      found.push(...ids.slice(0, limit - found.length));
    }
    return found;
  }
  function runsOf(job: string): number {
    return sumOf(totalsNow().get(job) ?? {});
  }
  /** The matching runs of a loaded page, newest first, as long as there can be any. */
  function* entriesOf(page: IndexPage, query: RunQuery, before: string | undefined): Generator<RunSummary> {
    const ids = cache.ids(page);
    let left = before === undefined ? matching(page.counts, query) : Number.POSITIVE_INFINITY;
    for (let at = ids.length - 1; at >= 0 && left > 0; at--) {
      const id = ids[at] ?? '';
      if (before !== undefined && id >= before) continue;
      const summary = cache.entry(page, id);
      if (summary === undefined || !inStateAndJob(summary, query)) continue;
      left--;
      if (byPerson(summary, query)) yield summary;
    }
  }

  return {
    put,
    drop,
    discard,
    list,
    idsAfter,
    count(job) {
      const found = noRuns();
      for (const [one, some] of totalsNow()) {
        if (job === undefined || job === one) for (const state of RUN_STATES) found[state] += some[state] ?? 0;
      }
      return found;
    },
    size: () => pages.reduce((all, page) => all + page.runs, 0),
    unfinished: () => [...open.keys()],
    pages: () => pages,
    newest,
    async warm() {
      for (const page of pages) {
        if (page.unfinished === 0) continue;
        await loaded(page);
        for (const id of cache.ids(page)) {
          const entry = cache.entry(page, id);
          if (entry !== undefined && !isFinal(entry.state)) open.set(id, entry);
        }
      }
    },
  };
}

/** A page that begins with this run. */
export function newPage(first: string): IndexPage {
  return {
    first,
    newest: first,
    generation: 1,
    bytes: 0,
    runs: 0,
    counts: new Map(),
    unfinished: 0,
    fresh: new Map(),
    flushing: undefined,
    base: undefined,
    damaged: false,
    order: undefined,
  };
}

/** A page's size: 1 to 200, default 50. */
export function clampLimit(limit: number | undefined): number {
  const wanted = Math.trunc(limit ?? 50);
  return Number.isNaN(wanted) ? 50 : Math.min(200, Math.max(1, wanted));
}

/** How many runs can match at most, from the counts alone: a filter without matches costs nothing. */
function matching(counts: Counts, { job, jobs, states }: Pick<RunQuery, 'job' | 'jobs' | 'states'>): number {
  let found = 0;
  const asked = job === undefined ? jobs : [job];
  for (const tally of asked?.map((name) => counts.get(name) ?? {}) ?? counts.values()) found += sumOf(tally, states);
  return found;
}

/** Whether the first answer is the newest run of a job. */
function byJobAlone({ job, jobs, states, actorId, idEnding, after, olderThan }: RunQuery): boolean {
  return job !== undefined && (jobs ?? states ?? actorId ?? idEnding ?? after ?? olderThan) === undefined;
}

function inStateAndJob(summary: RunSummary, query: RunQuery): boolean {
  if (query.states !== undefined && !query.states.includes(summary.state)) return false;
  if (query.jobs !== undefined && !query.jobs.includes(summary.job)) return false;
  return query.job === undefined || summary.job === query.job;
}

function byPerson(summary: RunSummary, query: RunQuery): boolean {
  if (query.actorId !== undefined && summary.actor.id !== query.actorId) return false;
  return query.idEnding === undefined || summary.id.endsWith(query.idEnding);
}

const DAY_MS = 86_400_000;

function dayOf(id: Run['id']): number {
  return Math.floor(timeOfId(id) / DAY_MS);
}

/** How many pages begin at or before `id`. */
function position(pages: readonly IndexPage[], id: string): number {
  let low = 0;
  let high = pages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pages[middle]?.first ?? '') <= id) low = middle + 1;
    else high = middle;
  }
  return low;
}
