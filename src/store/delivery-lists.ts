/**
 * The deliveries that something can still happen to, by the run or notice that owns them, and the order in which they fall due. Behind a
 * slow channel thousands wait, and the outbox asks at every event: so each question costs what it answers, and not what waits.
 *
 * An owner's list is set as a whole by every change of its run or of a delivery, and all its entries are made anew then: what the two
 * queues hold of earlier lists counts no more, and is dropped when it comes to the top.
 */
import TinyQueue from 'tinyqueue';
import { dueAt } from './delivery-transitions.ts';
import type { Delivery } from './records.ts';
import { cardVersion } from './transitions.ts';

export interface DueDelivery {
  owner: string;
  delivery: Delivery;
}

export interface DeliveryLists {
  get(owner: string): readonly Delivery[] | undefined;
  set(owner: string, list: readonly Delivery[]): void;
  delete(owner: string): void;
  /** At most `limit` due ones that are not passed over: oldest first, those of one owner in planning order. */
  due(nowIso: string, limit: number, passed: (delivery: Delivery) => boolean): DueDelivery[];
  /** How many there are of those. */
  countDue(nowIso: string, passed: (delivery: Delivery) => boolean): number;
  /** When the next falls due; an instant that is past when some are due. */
  next(): string | undefined;
  /** Owners of deliveries that are being sent. */
  sending(): string[];
}

/** The entries of one owner. */
interface Batch {
  entries: number;
}

interface Entry extends DueDelivery {
  batch: Batch;
  place: number;
  due: string;
}

/** So many outdated entries are kept at least before they are swept. */
const SLACK = 1_000;

/** Makes the lists; `revOf` answers the version of an owner that is a run, which its card has to show. */
export function createDeliveryLists(
  known: ReadonlyMap<string, readonly Delivery[]>,
  revOf: (owner: string) => number,
): DeliveryLists {
  const lists = new Map(known);
  /** Owners whose entries are not made yet: a list is set before all that its entries follow from is. */
  const changed = new Set<string>(lists.keys());
  const batches = new Map<string, Batch>();
  const held = new Set<string>();
  let live = 0;
  /** All of them by when they fall due, without those that were seen to be due: these wait by age. */
  let later = new TinyQueue<Entry>([], byTime);
  let ready = new TinyQueue<Entry>([], byAge);

  const isLive = (entry: Entry): boolean => batches.get(entry.owner) === entry.batch;

  function settleChanges(): void {
    for (const owner of changed) {
      live -= batches.get(owner)?.entries ?? 0;
      batches.delete(owner);
      held.delete(owner);
      const list = lists.get(owner);
      if (list !== undefined) enter(owner, list);
    }
    changed.clear();
    if (later.length + ready.length > 2 * live + SLACK) {
      later = new TinyQueue(later.data.filter(isLive), byTime);
      ready = new TinyQueue(ready.data.filter(isLive), byAge);
    }
  }
  function enter(owner: string, list: readonly Delivery[]): void {
    const version = cardVersion({ rev: revOf(owner) }, list);
    const batch: Batch = { entries: 0 };
    for (const [place, delivery] of list.entries()) {
      if (delivery.state === 'sending') held.add(owner);
      const due = dueAt(delivery, version);
      if (due === undefined) continue;
      later.push({ owner, delivery, batch, place, due });
      batch.entries++;
    }
    if (batch.entries > 0) batches.set(owner, batch);
    live += batch.entries;
  }
  /** Moves what has fallen due; when the wall clock was set back, what is no longer due goes back when its turn comes. */
  function fallDue(nowIso: string): void {
    for (let next = later.peek(); next !== undefined && next.due <= nowIso; next = later.peek()) {
      later.pop();
      if (isLive(next)) ready.push(next);
    }
  }
  function firstLive(queue: TinyQueue<Entry>): Entry | undefined {
    let first = queue.peek();
    while (first !== undefined && !isLive(first)) {
      queue.pop();
      first = queue.peek();
    }
    return first;
  }

  return {
    get: (owner) => lists.get(owner),
    set(owner, list) {
      lists.set(owner, list);
      changed.add(owner);
    },
    delete(owner) {
      if (lists.delete(owner)) changed.add(owner);
    },
    due(nowIso, limit, passed) {
      settleChanges();
      fallDue(nowIso);
      const taken: DueDelivery[] = [];
      const seen: Entry[] = [];
      while (taken.length < limit) {
        const entry = firstLive(ready);
        if (entry === undefined) break;
        ready.pop();
        if (entry.due > nowIso) {
          later.push(entry);
          continue;
        }
        seen.push(entry);
        if (!passed(entry.delivery)) taken.push(entry);
      }
      // Whoever takes one gives its owner a new list; until then it is due.
      for (const entry of seen) ready.push(entry);
      return taken;
    },
    countDue(nowIso, passed) {
      settleChanges();
      fallDue(nowIso);
      const isDue = (entry: Entry): boolean => isLive(entry) && entry.due <= nowIso && !passed(entry.delivery);
      return ready.data.filter(isDue).length;
    },
    next() {
      settleChanges();
      return (firstLive(ready) ?? firstLive(later))?.due;
    },
    sending() {
      settleChanges();
      return [...held];
    },
  };
}

function byTime(a: Entry, b: Entry): number {
  return a.due < b.due ? -1 : Number(a.due > b.due);
}

function byAge(a: Entry, b: Entry): number {
  if (a.delivery.createdAt !== b.delivery.createdAt) return a.delivery.createdAt < b.delivery.createdAt ? -1 : 1;
  if (a.owner !== b.owner) return a.owner < b.owner ? -1 : 1;
  return a.place - b.place;
}
