/**
 * The tokens in memory, and the way of a change to the disk. This process holds the data folder alone, so what is in memory is what is
 * stored; memory changes only when the commit of a change has resolved.
 */
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Doc } from '../store/records.ts';
import type { Json, NewAudit, Store } from '../store/store.ts';
import { forgottenAt, KEPT_MS, stateOf, TokenRecord } from './token-record.ts';

const TOKEN = 'token';
const PAGE = 200;
/** More than this create refuses to make; a folder that has more is read up to here. */
const MAX_READ = 2_000;

export interface Held {
  id: string;
  rev: number;
  record: TokenRecord;
}

export interface TokenBook {
  /** Reads the stored tokens; one that cannot be read is named in the log and opens nothing. */
  load(): Promise<void>;
  get(id: string): Held | undefined;
  /** All that are still listed. */
  all(): Held[];
  /** Makes it, or makes it so; memory follows the commit. */
  write(next: Omit<Held, 'rev'>, audit?: NewAudit): Promise<Held>;
  /** Forgets one that is over. */
  drop(id: string): Promise<void>;
  /** One change after the other: what a change decides by stays true until its commit. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
}

export interface TokenBookDeps {
  store: Pick<Store, 'listDocs' | 'putDoc' | 'removeDoc'>;
  clock: Pick<Clock, 'now'>;
  log: Log;
}

/** Makes an empty book; `load` fills it. */
export function createTokenBook({ store, clock, log }: TokenBookDeps): TokenBook {
  const tokens = new Map<string, Held>();
  let line: Promise<unknown> = Promise.resolve();

  function take(doc: Doc): void {
    const parsed = TokenRecord.safeParse(doc.value);
    if (parsed.success) tokens.set(doc.key, { id: doc.key, rev: doc.rev, record: parsed.data });
    else log.error('a token cannot be read and opens nothing', { token: doc.key, error: messageOf(parsed.error) });
  }
  /** The store forgets the document at the same instant. */
  function isForgotten({ record }: Held, now: string): boolean {
    const at = forgottenAt(record);
    return at !== undefined && at <= now;
  }

  return {
    async load() {
      let after: string | undefined;
      do {
        const page = await store.listDocs(TOKEN, { limit: PAGE, ...(after === undefined ? {} : { after }) });
        for (const doc of page.items) take(doc);
        after = page.next;
      } while (after !== undefined && tokens.size < MAX_READ);
    },
    get: (id) => tokens.get(id),
    all() {
      const now = iso(clock.now());
      for (const held of tokens.values()) if (isForgotten(held, now)) tokens.delete(held.id);
      return [...tokens.values()];
    },
    async write({ id, record }, audit) {
      const expiresAt = forgottenAt(record);
      const put = await store.putDoc({
        kind: TOKEN,
        key: id,
        rev: tokens.get(id)?.rev ?? 0,
        value: jsonOf(record),
        ...(expiresAt === undefined ? {} : { expiresAt }),
        ...(audit === undefined ? {} : { audit }),
      });
      if (put.outcome === 'conflict') throw new Error(`the token ${id} was changed by somebody else`);
      const held = { id, rev: put.doc.rev, record };
      tokens.set(id, held);
      return held;
    },
    async drop(id) {
      await store.removeDoc(TOKEN, id);
      tokens.delete(id);
    },
    inTurn(work) {
      const turn = line.then(work);
      line = turn.catch(() => undefined);
      return turn;
    },
  };
}

/** The one that has been over for the longest, of more than `limit` such. */
export function oldestOver(all: readonly Held[], terms: { now: number; limit: number }): Held | undefined {
  const over = all.filter(({ record }) => stateOf(record, terms.now) !== 'live');
  if (over.length <= terms.limit) return undefined;
  const end = ({ record }: Held): number => Date.parse(forgottenAt(record) ?? '') - KEPT_MS;
  return over.reduce((oldest, one) => (end(one) < end(oldest) ? one : oldest));
}

/** The oldest first; of one instant, in the order they were made or read. */
export function byAge(all: readonly Held[]): Held[] {
  return all.toSorted((a, b) => Date.parse(a.record.createdAt) - Date.parse(b.record.createdAt));
}

function jsonOf(record: TokenRecord): Json {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every field of the schema is JSON
  return record as Json;
}
