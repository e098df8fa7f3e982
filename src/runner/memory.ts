/**
 * What a job's reports recommended and what became of it. A report has one document (kind `memory`, key `<job>.<run id>`, removed with its
 * run), and people answer its rows. The same advice has the same key in every report: what was said last about a key holds for all of them.
 */
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { lowestIdAt } from '../ids.ts';
import { MEMORY, MemoryEntry } from '../store/memory-records.ts';
import type { AdviceRow } from '../store/memory-records.ts';
import type { Actor, Doc } from '../store/records.ts';
import type { Json, NewAudit, NewDoc, Store } from '../store/store.ts';
import { adviceOf } from './advice.ts';
import type { AdviceView } from './advice.ts';

export type { AdviceView } from './advice.ts';

export interface Remembered {
  entry: MemoryEntry;
  rev: number;
}
export const ANSWERS = ['done', 'later', 'never', 'open'] as const;
export type Answered = (typeof ANSWERS)[number];
export type AdviseOutcome =
  | { outcome: 'noted'; row: AdviceView; job: string }
  | { outcome: 'unchanged'; row: AdviceView; job: string }
  | { outcome: 'not_found' };

export interface Memory {
  /** Entries of the last `weeks` weeks, newest first, at most 60; behind them, older ones in which something was dismissed for good. */
  recall(job: string, weeks: number): Promise<Remembered[]>;
  /** What is written with the settle: the entry of this run, and earlier ones that changed, each only if nobody wrote it meanwhile. */
  docs(entry: MemoryEntry, changed: readonly Remembered[]): NewDoc[];
  /** The rows of a job, newest first; the same advice once, as it stands. */
  list(job: string, query?: { limit?: number }): Promise<AdviceView[]>;
  /** `later`: not for four weeks; `open` takes an answer back. The act stands in the audit log in the same commit. Twice is once. */
  advise(asked: { runId: string; key: string; as: Answered; actor: Actor }): Promise<AdviseOutcome>;
}

export interface MemoryDeps {
  store: Pick<Store, 'get' | 'getDoc' | 'listDocs' | 'putDoc'>;
  clock: Pick<Clock, 'now'>;
}

const DAY_MS = 24 * 60 * 60_000;
const WEEK_MS = 7 * DAY_MS;
/** What people see goes back this far, and over no more than `MAX_WALKED` reports. */
const SHOWN_MS = 52 * WEEK_MS;
const LATER_MS = 4 * WEEK_MS;
const MAX_RECALLED = 60;
const MAX_WALKED = 500;
const MAX_SHOWN = 200;
/** A run may have waited for this long, in a queue or for an approval, before it made its report. */
const WAITED_MS = 2 * WEEK_MS;
const PAGE = 200;
/** Of one stretch of time: 10,000 reports. */
const MAX_PAGES = 50;
const MAX_TRIES = 10;

/** Where the job is told what was dismissed for good, however old: kind `memory-never`, key the job. Only a hint: the entries say it. */
const NEVER = 'memory-never';
const MAX_NEVER = 40;

/** Makes the service; it holds nothing in memory. */
export function createMemory({ store, clock }: MemoryDeps): Memory {
  /** The newest entries made after `since`, newest first. Goes back in growing stretches, so that years of reports are never read. */
  async function walk(job: string, { since, most }: { since: number; most: number }): Promise<Remembered[]> {
    const found: Remembered[] = [];
    let before: string | undefined;
    for (let back = DAY_MS; found.length < most; back *= 8) {
      const from = Math.max(since - WAITED_MS, clock.now() - back);
      const docs = await stretch(job, { from: keyOf(job, lowestIdAt('run', from)), before });
      for (const doc of docs.toReversed()) found.push(...read(doc));
      if (from === since - WAITED_MS) break;
      before = keyOf(job, lowestIdAt('run', from));
    }
    const recent = found.filter(({ entry }) => Date.parse(entry.at) >= since);
    return recent.toSorted((a, b) => Date.parse(b.entry.at) - Date.parse(a.entry.at)).slice(0, most);
  }
  async function stretch(job: string, keys: { from: string; before: string | undefined }): Promise<Doc[]> {
    const docs: Doc[] = [];
    let after: string | undefined = cursorOf(keys.from);
    for (let page = 0; page < MAX_PAGES && after !== undefined; page++) {
      const { items, next } = await store.listDocs(MEMORY, { limit: PAGE, after });
      const own = items.filter(
        ({ key }) => key.startsWith(`${job}.`) && (keys.before === undefined || key < keys.before),
      );
      docs.push(...own);
      after = own.length < items.length ? undefined : next;
    }
    return docs;
  }
  async function entryOf(job: string, runId: string): Promise<Remembered | undefined> {
    const doc = await store.getDoc(MEMORY, keyOf(job, runId));
    return doc === undefined ? undefined : read(doc)[0];
  }
  /** Entries that the walk did not reach and that hold something dismissed for good. */
  async function dismissed(job: string, known: readonly Remembered[]): Promise<Remembered[]> {
    const ids = neverIn(await store.getDoc(NEVER, job)).filter((id) => !known.some(({ entry }) => entry.runId === id));
    const found = await Promise.all(ids.toReversed().map((id) => entryOf(job, id)));
    return found.filter((one) => one !== undefined).filter(({ entry }) => entry.advice.some(isNever));
  }
  /** Before the row: a crash between the two leaves a hint that names nothing, never a row that nobody finds. */
  async function hint(job: string, runId: string): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const doc = await store.getDoc(NEVER, job);
      const ids = neverIn(doc);
      if (ids.includes(runId)) return;
      const value = { runs: [...ids, runId].toSorted().slice(-MAX_NEVER) };
      const put = await store.putDoc({ kind: NEVER, key: job, rev: doc?.rev ?? 0, value });
      if (put.outcome === 'stored') return;
    }
  }
  const known = async (job: string): Promise<Remembered[]> => {
    const recent = await walk(job, { since: clock.now() - SHOWN_MS, most: MAX_WALKED });
    return [...recent, ...(await dismissed(job, recent))];
  };

  async function advise(asked: Parameters<Memory['advise']>[0], job: string): Promise<AdviseOutcome | 'again'> {
    const held = await entryOf(job, asked.runId);
    const row = held?.entry.advice.find(({ key }) => key === asked.key);
    if (held === undefined || row === undefined) return { outcome: 'not_found' };
    const others = (await known(job)).filter(({ entry }) => entry.runId !== asked.runId);
    const all = [held, ...others].map(({ entry }) => entry);
    const stands = adviceOf(all, clock.now()).find(({ key }) => key === asked.key);
    if (stands !== undefined && isAnswered(stands, asked.as)) return { outcome: 'unchanged', row: stands, job };
    if (asked.as === 'never') await hint(job, asked.runId);
    const answered = answer(row, { asked, now: clock.now(), last: stands });
    const entry = { ...held.entry, advice: held.entry.advice.map((one) => (one === row ? answered : one)) };
    const put = await store.putDoc({ ...docOf(entry), rev: held.rev, audit: auditOf(asked, { job, row }) });
    if (put.outcome === 'conflict') return 'again';
    const [now] = adviceOf([entry, ...others.map((one) => one.entry)], clock.now()).filter(
      ({ key }) => key === asked.key,
    );
    return now === undefined ? { outcome: 'not_found' } : { outcome: 'noted', row: now, job };
  }

  return {
    async recall(job, weeks) {
      const recent = await walk(job, { since: clock.now() - weeks * WEEK_MS, most: MAX_RECALLED });
      return [...recent, ...(await dismissed(job, recent))];
    },
    docs: (entry, changed) => [
      { ...docOf(entry), rev: 0 },
      ...changed.map((one) => ({ ...docOf(one.entry), rev: one.rev })),
    ],
    async list(job, { limit = MAX_SHOWN } = {}) {
      const entries = (await known(job)).map(({ entry }) => entry);
      return adviceOf(entries, clock.now()).slice(0, limit);
    },
    async advise(asked) {
      const run = await store.get(asked.runId);
      if (run === undefined) return { outcome: 'not_found' };
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const done = await advise(asked, run.job);
        if (done !== 'again') return done;
      }
      throw new Error(`the advice ${asked.key} of ${asked.runId} was changed by others ${MAX_TRIES} times in a row`);
    },
  };
}

/** An answer by job and key, for who has no report before them: that of the newest report that recommends it. */
export async function adviseOn(
  memory: Pick<Memory, 'list' | 'advise'>,
  { job, key, as, actor }: { job: string; key: string; as: Answered; actor: Actor },
): Promise<AdviseOutcome> {
  const rows = await memory.list(job, { limit: Number.POSITIVE_INFINITY });
  const row = rows.find((one) => one.key === key);
  return row === undefined ? { outcome: 'not_found' } : memory.advise({ runId: row.runId, key, as, actor });
}

function keyOf(job: string, runId: string): string {
  return `${job}.${runId}`;
}

function cursorOf(key: string): string {
  return Buffer.from(key).toString('base64url');
}

/** One that cannot be read is of a later version; it is left alone. */
function read(doc: Doc): Remembered[] {
  const parsed = MemoryEntry.safeParse(doc.value);
  return parsed.success ? [{ entry: parsed.data, rev: doc.rev }] : [];
}

function docOf(entry: MemoryEntry): NewDoc {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every field of the schema is JSON
  return { kind: MEMORY, key: keyOf(entry.job, entry.runId), value: entry as Json, runId: entry.runId };
}

function neverIn(doc: Doc | undefined): string[] {
  const { value } = doc ?? {};
  const runs = typeof value === 'object' && value !== null && 'runs' in value ? value['runs'] : [];
  return Array.isArray(runs) ? runs.filter((id) => typeof id === 'string') : [];
}

function isNever({ status, until }: AdviceRow): boolean {
  return status === 'dismissed' && until === undefined;
}

function isAnswered({ status, until }: AdviceView, as: Answered): boolean {
  if (as === 'done') return status === 'done';
  if (as === 'open') return status === 'open' || status === 'expired';
  return status === 'dismissed' && (until !== undefined) === (as === 'later');
}

/** Later than the newest report and every answer before it, whatever the clock says: the latest one holds. */
function answer(
  { until: _until, ...row }: AdviceRow,
  { asked, now, last }: { asked: { as: Answered; actor: Actor }; now: number; last: AdviceView | undefined },
): AdviceRow {
  const at = Math.max(now, timeOf(last?.at), timeOf(last?.statusAt) + 1);
  const said = { ...row, statusAt: iso(at), by: asked.actor };
  if (asked.as === 'done' || asked.as === 'open') return { ...said, status: asked.as };
  return { ...said, status: 'dismissed', ...(asked.as === 'later' && { until: iso(at + LATER_MS) }) };
}

function timeOf(instant: string | undefined): number {
  return instant === undefined ? 0 : Date.parse(instant);
}

const WORDS: Readonly<Record<Answered, string>> = {
  done: 'done',
  later: 'not for four weeks',
  never: 'never again',
  open: 'open again',
};

function auditOf(asked: { runId: string; as: Answered; actor: Actor }, of: { job: string; row: AdviceRow }): NewAudit {
  const note = `${WORDS[asked.as]}: ${of.row.title} (${of.row.key})`;
  return { act: 'advice', actor: asked.actor, runId: asked.runId, job: of.job, note };
}
