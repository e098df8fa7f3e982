/**
 * Notices and the progress of their deliveries. Each is one document (kind `notice`, its id as key) that only these verbs write: so adding
 * one with its plan, an intent, a receipt, and its end are one commit each, and a notice never lies about without its deliveries. All of
 * them are in memory, and the oldest that are ended make room when there are too many.
 */
import { z } from 'zod';
import { iso } from '../clock.ts';
import { DependencyError, UsageError } from '../errors.ts';
import { isId } from '../ids.ts';
import type { Change } from './backing.ts';
import type { Core } from './core.ts';
import { interruptDelivery, isOpen, mergeDeliveries } from './delivery-transitions.ts';
import { NOTICE } from './doc-table.ts';
import type { DocTable } from './doc-table.ts';
import { checked, frozen, graft, jsonBytes } from './json.ts';
import { Notice } from './notice-records.ts';
import type { NoticeView } from './notice-records.ts';
import type { Page, Reader } from './reader.ts';
import { MAX_DESTINATIONS } from './destinations.ts';
import { Delivery } from './records.ts';
import type { Destination } from './destinations.ts';
import type { PlannedDelivery } from './records.ts';
import { clampLimit } from './run-index.ts';
import { every } from './run-verbs.ts';
import type { NewNotice, Store } from './store.ts';

export interface Notices {
  add: Store['addNotice'];
  list: Reader['listNotices'];
  /** The notice with its deliveries in planning order; undefined when none has this id. */
  get(noticeId: string): Held | undefined;
  /** Makes its deliveries durable as they are now, and shows them. Call it under its lock. */
  save(noticeId: string, deliveries: readonly Delivery[]): Promise<void>;
  locked<T>(noticeId: string, work: () => Promise<T>): Promise<T>;
  /** Removes what ended long enough ago; at most `limit` a call. */
  sweep(limit: number): Promise<number>;
}

interface Held {
  notice: Notice;
  deliveries: readonly Delivery[];
  /** What else the document holds: a newer version wrote it. */
  more: Readonly<Record<string, unknown>>;
}

/** What is for people who need to know now; with its renderings it must fit into a document. */
const MAX_REPORT_BYTES = 64 * 1024;
const Value = z.looseObject({ notice: Notice, deliveries: z.array(Delivery).max(MAX_DESTINATIONS).exactOptional() });

/** Makes the verbs over the documents; what a dead process was sending is claimable again, without writing anything. */
export function createNotices(core: Core, docs: DocTable): Notices {
  const { options } = core;
  const byId = new Map<string, Held>();
  const byKey = new Map<string, string>();
  for (const doc of docs.ofKind(NOTICE, '')) {
    const parsed = Value.safeParse(doc.value);
    if (!parsed.success || parsed.data.notice.id !== doc.key) {
      core.log.error('a notice cannot be read; it is left where it is', { noticeId: doc.key });
      continue;
    }
    const { notice, deliveries, ...more } = graft(parsed.data, doc.value);
    const merged = mergeDeliveries(notice, deliveries);
    show({ notice, deliveries: merged.map((one) => (one.state === 'sending' ? interrupted(one) : one)), more });
  }

  function interrupted(delivery: Delivery): Delivery {
    return interruptDelivery(delivery, core.clock.now());
  }
  function show(held: Held): void {
    const { notice } = held;
    const deliveries = frozen(held.deliveries);
    byId.set(notice.id, { ...held, deliveries });
    byKey.set(notice.key, notice.id);
    if (deliveries.some(isOpen)) core.deliveries.set(notice.id, deliveries);
    else core.deliveries.delete(notice.id);
  }
  function forget({ notice }: Held): void {
    byId.delete(notice.id);
    byKey.delete(notice.key);
  }

  async function commit(held: Held, value: z.input<typeof Value>, others: readonly Held[] = []): Promise<void> {
    const { notice } = held;
    const doc = docs.stage({ kind: NOTICE, key: notice.id, value });
    const gone = others.map((one): Change => ({ kind: 'doc-removal', docKind: NOTICE, key: one.notice.id }));
    await core.commit({
      changes: [{ kind: 'doc', doc }, ...gone],
      facts: core.factsOfDeliveries(notice, held.deliveries),
      show() {
        docs.keep(doc);
        show(held);
        for (const one of others) drop(one);
      },
    });
  }
  function drop(held: Held): void {
    docs.drop({ kind: NOTICE, key: held.notice.id });
    forget(held);
  }

  /** The oldest ended ones, as many as must go before one more is taken. */
  function inTheWay(): Held[] {
    const over = byId.size + 1 - options.maxNotices;
    if (over <= 0) return [];
    const ended = [...byId.values()].filter((held) => endOf(held) !== undefined).slice(0, over);
    if (ended.length === over) return ended;
    throw new DependencyError(`The store holds ${byId.size} notices that are not delivered yet, and takes no more.`, {
      code: 'OVERLOADED',
      retryable: true,
      hint: 'See bellhop notices for what stands in the way of them.',
    });
  }
  async function addFirst(wanted: NewNotice): ReturnType<Notices['add']> {
    const known = byId.get(byKey.get(wanted.key) ?? '');
    if (known !== undefined) return { outcome: 'deduplicated', notice: known.notice };
    const { destinations, ...rest } = wanted;
    const id = core.ids.next('ntc');
    const raw = { v: 1, id, ...rest, createdAt: iso(core.clock.now()), deliveries: planOf(core, destinations) };
    const notice = checked(Notice, raw, `The notice ${wanted.key}`);
    checkSize(notice);
    const held = { notice, deliveries: mergeDeliveries(notice, undefined), more: {} };
    await locked(id, () => commit(held, { notice }, inTheWay()));
    return { outcome: 'added', notice };
  }
  const locked: Notices['locked'] = (noticeId, work) => docs.locked([{ kind: NOTICE, key: noticeId }], work);

  return {
    // Of many that add one notice at once the first adds it.
    add: (wanted) => core.locks.run(`notice ${wanted.key}`, () => addFirst(wanted)),
    async list(query) {
      return pageOf(byId, query);
    },
    get: (noticeId) => byId.get(noticeId),
    async save(noticeId, deliveries) {
      const held = byId.get(noticeId);
      if (held === undefined) return;
      await commit({ ...held, deliveries }, { ...held.more, notice: held.notice, deliveries: [...deliveries] });
    },
    locked,
    async sweep(limit) {
      const before = iso(core.clock.now() - options.noticeKeepMs);
      const isOver = (held: Held): boolean => (endOf(held) ?? before) < before;
      const over = [...byId.values()].filter(isOver).slice(0, limit);
      const remove = async (held: Held): Promise<void> => {
        if (byId.get(held.notice.id) !== held) return;
        await core.backing.commit([{ kind: 'doc-removal', docKind: NOTICE, key: held.notice.id }]);
        drop(held);
      };
      await every(over.map((held) => locked(held.notice.id, () => remove(held))));
      return over.length;
    },
  };
}

/** The instant after which nothing can happen to it any more; undefined while something can. */
function endOf({ notice, deliveries }: Held): string | undefined {
  if (deliveries.some(isOpen)) return undefined;
  return deliveries.reduce((latest, one) => (one.updatedAt > latest ? one.updatedAt : latest), notice.createdAt);
}

/** Each place once. Nobody asked for a notice, so there is nobody to fall back to in a direct message. */
function planOf(core: Core, destinations: readonly Destination[]): PlannedDelivery[] {
  const places = new Map(destinations.map((destination) => [JSON.stringify(destination), destination]));
  return [...places.values()].map((destination) => ({ id: core.ids.next('dlv'), mode: 'report', destination }));
}

function checkSize({ key, report }: Notice): void {
  const bytes = jsonBytes(report, key);
  if (bytes <= MAX_REPORT_BYTES) return;
  throw new UsageError(`The report of the notice ${key} has ${bytes} bytes; at most ${MAX_REPORT_BYTES} are kept.`, {
    code: 'TOO_LARGE',
    hint: 'Say how many there are and show the first of them.',
  });
}

const CURSOR = 'notices:';

/** Newest first; a cursor names the last notice of its page. */
function pageOf(byId: ReadonlyMap<string, Held>, query: Parameters<Notices['list']>[0]): Page<NoticeView> {
  const before = query.after === undefined ? undefined : readCursor(query.after);
  const limit = clampLimit(query.limit);
  const ids = [...byId.keys()].filter((id) => before === undefined || id < before).toSorted((a, b) => (a < b ? 1 : -1));
  const items = ids.slice(0, limit).flatMap((id) => viewOf(byId.get(id)));
  const last = items.at(-1)?.notice.id;
  const more = ids.length > limit && last !== undefined;
  return { items, ...(more ? { next: Buffer.from(`${CURSOR}${last}`).toString('base64url') } : {}) };
}

function viewOf(held: Held | undefined): NoticeView[] {
  return held === undefined ? [] : [{ notice: held.notice, deliveries: [...held.deliveries] }];
}

function readCursor(cursor: string): string {
  const text = Buffer.from(cursor.slice(0, 200), 'base64url').toString();
  const id = text.startsWith(CURSOR) ? text.slice(CURSOR.length) : '';
  if (isId(id, 'ntc')) return id;
  throw new UsageError('The page cursor cannot be read.', {
    code: 'USAGE',
    hint: 'Pass the `next` of the page before, unchanged, or begin without a cursor.',
  });
}
