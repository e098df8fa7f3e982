import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createIds, timeOfId } from '../../src/ids.ts';
import { MAX_JOBS_KNOWN } from '../../src/store/newest-runs.ts';
import { createRunIndex } from '../../src/store/run-index.ts';
import type { RunIndex } from '../../src/store/run-index.ts';
import type { IndexPage, LoadPage } from '../../src/store/run-pages.ts';
import { RUN_STATES } from '../../src/store/records.ts';
import type { RunState, RunSummary } from '../../src/store/records.ts';
import { manualClock } from '../support/clock.ts';

const clock = manualClock();
const ids = createIds(clock);

function summary(state: RunState, job = 'weekly-report', id = ids.next('run')): RunSummary {
  const at = new Date(timeOfId(id)).toISOString();
  const actor = { kind: 'slack', id: 'U0ANA' } as const;
  const rest = {
    trigger: 'slack',
    actor,
    priority: 0,
    createdAt: at,
    updatedAt: at,
    runAt: at,
    attemptsUsed: 0,
  } as const;
  return { id, rev: 1, job, kind: 'function', queue: job, state, ...rest };
}

/** Ten thousand runs in kept pages, of which one in a thousand failed, all of them in the oldest half. */
function keptPages(): { pages: IndexPage[]; load: LoadPage; reads: string[]; all: RunSummary[] } {
  const index = createRunIndex();
  const all: RunSummary[] = [];
  for (let n = 0; n < 10_000; n++) {
    const one = summary(n < 5000 && n % 1000 === 0 ? 'failed' : 'completed');
    index.put(one);
    all.push(one);
  }
  const reads: string[] = [];
  const files = new Map(index.pages().map((page) => [page.first, page.fresh]));
  const pages = index
    .pages()
    .map((page) => ({ ...page, bytes: 1, fresh: new Map(), order: undefined, base: undefined }));
  const load: LoadPage = async (page) => {
    reads.push(page.first);
    const entries = new Map<string, RunSummary>();
    for (const [id, entry] of files.get(page.first) ?? []) if (entry !== null) entries.set(id, entry);
    return { entries, anew: false };
  };
  return { pages, load, reads, all };
}

it('runs in many pages are listed newest first, each once, page by page', async () => {
  const { pages, load, all } = keptPages();
  const index = createRunIndex({ pages, newest: [] }, load);
  await index.warm();
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = await index.list({ limit: 200, ...(after === undefined ? {} : { after }) });
    seen.push(...page.items.map((one) => one.id));
    after = page.next;
  } while (after !== undefined);
  expect(seen).toEqual(all.map((one) => one.id).toReversed());
});

it('the newest runs cost one page, a rare state only the pages that have it, and an absent one none', async () => {
  const { pages, load, reads } = keptPages();
  const index = createRunIndex({ pages, newest: [] }, load);
  await index.warm();
  expect(reads).toEqual([]);
  expect((await index.list({ limit: 50 })).items).toHaveLength(50);
  expect(reads).toHaveLength(1);
  expect((await index.list({ states: ['failed'] })).items).toHaveLength(5);
  expect(reads.length).toBeLessThanOrEqual(1 + 5);
  const before = reads.length;
  expect((await index.list({ states: ['cancelled'] })).items).toEqual([]);
  expect((await index.list({ job: 'nothing' })).items).toEqual([]);
  expect(reads).toHaveLength(before);
  expect(index.count(undefined)).toMatchObject({ completed: 9995, failed: 5 });
});

it('changes are seen at once, whether their page is in memory or not', async () => {
  const { pages, load, all } = keptPages();
  const index = createRunIndex({ pages, newest: [] }, load);
  await index.warm();
  const old = all[10];
  if (old === undefined) throw new Error('no runs');
  index.drop(old);
  const queued = summary('queued');
  index.put(queued);
  index.put({ ...queued, state: 'running', rev: 2 });
  expect(index.unfinished()).toEqual([queued.id]);
  expect(await index.list({ states: ['running'] })).toMatchObject({ items: [{ id: queued.id, rev: 2 }] });
  expect(await index.discard(old.id)).toBe(false);
  expect(await index.discard(all[11]?.id ?? '')).toBe(true);
  expect(index.size()).toBe(9999);
});

it('the newest run of a job costs no page, and one page once when it was taken out', async () => {
  const { pages, load, reads, all } = keptPages();
  const newest = all.at(-1);
  if (newest === undefined) throw new Error('no runs');
  const index = createRunIndex({ pages, newest: [newest] }, load);
  expect(await index.list({ job: newest.job, limit: 1 })).toMatchObject({ items: [newest] });
  expect(reads).toEqual([]);
  index.drop(newest);
  for (let n = 0; n < 2; n++) {
    expect((await index.list({ job: newest.job, limit: 1 })).items).toEqual(all.slice(-2, -1));
    expect(reads).toHaveLength(1);
  }
  expect((await index.list({ job: newest.job, limit: 1, states: ['failed'] })).items[0]?.state).toBe('failed');
});

it('a page that had to be made anew says what the newest run is', async () => {
  const { pages, load, all } = keptPages();
  const [lost] = all.slice(-1);
  if (lost === undefined) throw new Error('no runs');
  const index = createRunIndex({ pages, newest: [lost] }, async (page) => {
    const { entries } = await load(page);
    entries.delete(lost.id);
    return { entries, anew: page.newest === lost.id };
  });
  await index.list({});
  expect((await index.list({ job: lost.job, limit: 1 })).items).toEqual(all.slice(-2, -1));
});

it('a run that came while a page was read is not passed over for an older one of that page', async () => {
  const { pages, load } = keptPages();
  await clock.advance(24 * 3_600_000);
  const others = [summary('completed', 'other')];
  const late = summary('completed');
  others.push(summary('completed', 'other'));
  const index = createRunIndex({ pages, newest: [] }, async (page) => {
    // Into the page that was passed over, below the newest of all: the clock of an earlier life was ahead.
    index.put(late);
    return load(page);
  });
  for (const one of others) index.put(one);
  await index.list({ job: 'weekly-report', limit: 1 });
  expect((await index.list({ job: 'weekly-report', limit: 1 })).items.map((one) => one.id)).toEqual([late.id]);
});

it('the jobs that ran last are known when there are too many to know', async () => {
  const index = createRunIndex();
  const all = Array.from({ length: MAX_JOBS_KNOWN + 10 }, (_, n) => summary('completed', `job-${n}`));
  for (const one of all) index.put(one);
  const changes = index.newest.take();
  expect([...changes].filter(([, one]) => one !== null)).toHaveLength(MAX_JOBS_KNOWN);
  for (const one of all) expect((await index.list({ job: one.job, limit: 1 })).items).toEqual([one]);
});

/** An index over what another one has, as after a restart: pages that are to be read, and the newest runs that its changes say. */
function reopened(index: RunIndex, newest: Map<string, RunSummary>): RunIndex {
  for (const [job, one] of index.newest.take()) {
    if (one === null) newest.delete(job);
    else newest.set(job, one);
  }
  const files = new Map<string, Map<string, RunSummary>>();
  const pages = index.pages().map((page): IndexPage => {
    const entries = new Map(page.base);
    for (const [id, entry] of page.fresh) {
      if (entry === null) entries.delete(id);
      else entries.set(id, entry);
    }
    files.set(page.first, entries);
    return { ...page, bytes: 1, fresh: new Map(), order: undefined, base: undefined };
  });
  const load: LoadPage = async (page) => ({ entries: new Map(files.get(page.first)), anew: false });
  return createRunIndex({ pages, newest: [...newest.values()] }, load);
}

const verb = fc.record({
  verb: fc.constantFrom('put', 'put', 'settle', 'drop', 'drop newest', 'list', 'sleep', 'reopen', 'late'),
  job: fc.constantFrom('a', 'b', 'c'),
  nth: fc.nat(30),
});

it('the newest run of a job is what the pages say, whatever comes, goes and is reopened', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(verb, { minLength: 10, maxLength: 80 }), async (verbs) => {
      const kept = new Map<string, RunSummary>();
      let index = createRunIndex();
      let all: RunSummary[] = [];
      const put = (one: RunSummary): void => {
        index.put(one);
        all = [...all.filter(({ id }) => id !== one.id), one].sort((a, b) => (a.id < b.id ? -1 : 1));
      };
      const drop = (one: RunSummary | undefined): void => {
        if (one !== undefined) index.drop(one);
        all = all.filter((other) => other !== one);
      };
      const spare: string[] = [];
      for (const { verb: what, job, nth } of verbs) {
        if (what === 'put') put(summary('queued', job));
        if (what === 'sleep') await clock.advance(24 * 3_600_000);
        if (what === 'late') {
          // An id that was minted before others came: a clock that was set back.
          spare.push(ids.next('run'));
          if (spare.length > 2) put(summary('queued', job, spare.shift()));
        }
        const open = all.filter(({ state }) => state === 'queued');
        const one = open[nth % Math.max(1, open.length)];
        if (what === 'settle' && one !== undefined) put({ ...one, state: 'completed', rev: 2 });
        if (what === 'drop') drop(all[nth % Math.max(1, all.length)]);
        if (what === 'drop newest') drop(all.findLast((other) => other.job === job));
        if (what === 'reopen') await (index = reopened(index, kept)).warm();
        if (what === 'list' || nth === 0) await index.list({ job, limit: 1 });
        for (const each of ['a', 'b', 'c']) {
          // The counts and the pages are asked another way; what is known of the newest is not used there.
          const mine = all.filter((other) => other.job === each);
          expect((await index.list({ job: each, states: RUN_STATES, limit: 200 })).items).toEqual(mine.toReversed());
          const tally = index.count(each);
          expect(Object.values(tally).reduce((sum, count) => sum + count, 0)).toBe(mine.length);
        }
        const page = await index.list({ job, limit: 1 });
        const mine = all.filter((other) => other.job === job);
        expect(page.items).toEqual(mine.slice(-1));
        expect(page.next !== undefined).toBe(mine.length > 1);
      }
    }),
    { numRuns: 100, seed: 20261122 },
  );
});
