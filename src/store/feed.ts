/**
 * The newest events, read by any number of watchers at their own pace. A watcher holds only a position, so a slow one costs nothing; when
 * it falls behind what is kept it is told to read the present state (`resync`).
 *
 * An event gets its `seq` before its commit and rides in it, so a crash keeps both or neither. Commits may end in another order than they
 * began; events are shown in the order of `seq` all the same, for a watcher that has seen n never looks for n - 1 again.
 * `seq` is max(last + 1, milliseconds * 1000): what was shown and not stored (progress) leaves a gap and never a number used twice, as long
 * as the wall clock does not go back over a restart.
 */
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import type { StoreEvent } from './records.ts';

type Fact = Omit<StoreEvent, 'seq' | 'at'>;

/** What a former life left: its newest events in order, and the seq after which nothing is missing. */
export interface PastEvents {
  events: readonly StoreEvent[];
  floor: number;
  /** What comes before, down to its own floor; read when a watcher asks for it, so that it costs no start. */
  older?: OlderEvents;
}

export interface OlderEvents {
  floor: number;
  load(): Promise<PastEvents>;
}

/** The place of events in the line: to be stored with their change, and then shown or dropped. */
interface Ticket {
  events: readonly StoreEvent[];
  show(): void;
  drop(): void;
}

export interface Feed {
  /** Numbers the facts. Every ticket must be shown or dropped, or the line stands still. */
  number(facts: readonly Fact[]): Ticket;
  /** Shows a fact that is not stored. */
  emit(fact: Fact): void;
  watch(sinceSeq: number | 'now', signal: AbortSignal): AsyncIterable<StoreEvent>;
  /** Forgets events older than this instant (ISO 8601). */
  forgetBefore(at: string): void;
  /** Ends all watchers. */
  end(): void;
}

/** Makes a feed that keeps the newest `size` events. */
export function createFeed(clock: Pick<Clock, 'now'>, size: number, past?: PastEvents): Feed {
  let ring: StoreEvent[] = past === undefined ? [] : past.events.slice(-size);
  let numbered = Math.max(clock.now() * 1000, past?.floor ?? 0, ring.at(-1)?.seq ?? 0);
  /** The newest seq that was shown. */
  let last = numbered;
  /** Everything after this seq is in the ring. */
  let floor = floorOf(past, ring) ?? last;
  const line: { events: readonly StoreEvent[]; ended: boolean }[] = [];
  let older = past === undefined || past.events.length > size ? undefined : past.older;
  const life = { ended: false };
  const waiters = new Set<() => void>();

  function number(facts: readonly Fact[]): Ticket {
    const now = clock.now();
    const events = facts.map((fact) => ({
      seq: (numbered = Math.max(numbered + 1, now * 1000)),
      at: iso(now),
      ...fact,
    }));
    const place: (typeof line)[number] = { events, ended: false };
    line.push(place);
    const end = (shown: readonly StoreEvent[]): void => {
      place.events = shown;
      place.ended = true;
      proceed();
    };
    return { events, show: () => end(events), drop: () => end([]) };
  }
  function proceed(): void {
    for (let first = line[0]; first?.ended === true; first = line[0]) {
      line.shift();
      ring.push(...first.events);
      last = ring.at(-1)?.seq ?? last;
    }
    // Trimmed in halves: amortised constant time.
    if (ring.length >= size * 2) keepFrom(ring.length - size);
    wake();
  }
  function keepFrom(at: number): void {
    if (at <= 0) return;
    floor = ring[at - 1]?.seq ?? floor;
    older = undefined;
    ring = ring.slice(at);
  }
  function wake(): void {
    const woken = [...waiters];
    waiters.clear();
    for (const waiter of woken) waiter();
  }
  /** Resolves with the next change, or when all are woken because one of them is to end. */
  function changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted || life.ended) return resolve();
      waiters.add(resolve);
    });
  }
  /** Puts what came before in front, unless the present moved on meanwhile; what cannot be read becomes a resync. */
  async function recall(wanted: OlderEvents): Promise<void> {
    const found = await wanted.load().catch(() => undefined);
    if (older !== wanted) return;
    older = undefined;
    if (found === undefined) return;
    ring = [...found.events.filter((event) => event.seq <= floor), ...ring];
    floor = found.floor;
  }
  async function* follow(from: number, signal: AbortSignal): AsyncGenerator<StoreEvent, void, undefined> {
    // Once for all its waits: they are many.
    signal.addEventListener('abort', wake, { once: true });
    let position = from;
    try {
      while (!signal.aborted && !life.ended) {
        if (position < floor && older !== undefined && position >= older.floor) {
          await recall(older);
          continue;
        }
        // A position beyond the newest event is from another life of the store, whose clock ran ahead.
        if (position < floor || position > last) {
          position = last;
          yield { seq: last, at: iso(clock.now()), type: 'resync' };
          continue;
        }
        const event = ring[firstAfter(ring, position)];
        if (event === undefined) await changed(signal);
        else {
          position = event.seq;
          yield event;
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  return {
    number,
    emit: (fact) => number([fact]).show(),
    forgetBefore(at) {
      const fresh = ring.findIndex((event) => event.at >= at);
      keepFrom(fresh === -1 ? ring.length : fresh);
    },
    // The position is taken now, not at the first read: nothing that happens after the call is missed.
    watch: (sinceSeq, signal) => follow(sinceSeq === 'now' ? last : sinceSeq, signal),
    end() {
      life.ended = true;
      wake();
    },
  };
}

function floorOf(past: PastEvents | undefined, ring: readonly StoreEvent[]): number | undefined {
  if (past === undefined || past.events.length === ring.length) return past?.floor;
  return past.events[past.events.length - ring.length - 1]?.seq;
}

/** The index of the first event after `seq`, by halving. */
function firstAfter(ring: readonly StoreEvent[], seq: number): number {
  let low = 0;
  let high = ring.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const event = ring[middle];
    if (event !== undefined && event.seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
