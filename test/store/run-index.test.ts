import { expect, it } from 'vitest';
import { createIds, timeOfId } from '../../src/ids.ts';
import { createRunIndex } from '../../src/store/run-index.ts';
import type { IndexPage, LoadPage } from '../../src/store/run-pages.ts';
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
  const index = createRunIndex(pages, load);
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
  const index = createRunIndex(pages, load);
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
  const index = createRunIndex(pages, load);
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
