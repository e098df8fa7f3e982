/** Holds the feed against what was acknowledged. */
import { systemClock } from '../src/clock.ts';
import type { StoreEvent } from '../src/store/records.ts';
import type { Store } from '../src/store/store.ts';
import { addEvent } from './ledger.ts';
import type { Audit } from './store-audit.ts';
import type { Walked } from './store-audit-whole.ts';
import { factOf } from './store-facts.ts';

const HANG_GUARD_MS = 30_000;
const AUDITOR = { kind: 'system', id: 'auditor' } as const;
/** How the queues begin that an auditor pauses and resumes to see them in the feed. */
export const AUDIT_QUEUE = 'audit-';
/** How far back a second watcher begins. */
const AGAIN = 300;

/** Reads on where the writers' watcher was cut off: what was acknowledged must have been said, in order and without a gap. */
export async function auditFeed({ store, ledger, found, now }: Audit, walked: Walked): Promise<void> {
  const { feed } = ledger;
  const from = feed.newest.at(-AGAIN)?.seq ?? feed.since;
  const since = feed.since ?? 0;
  const again = new Set<string>();
  let last = from ?? 0;
  for (const { seq, fact } of await eventsUntilNow(store, from ?? 0, `${AUDIT_QUEUE}${now}`)) {
    found.check('events', seq > last || from === undefined, () => `event ${seq} (${fact}) came after ${last}`);
    found.check('events', fact !== 'resync' || from === undefined, () => `a watcher at ${from} was told to begin anew`);
    last = seq;
    again.add(`${seq} ${fact}`);
    if (seq <= since) continue;
    addEvent(ledger, { seq, fact });
  }
  // What a run says about its progress is shown and not stored.
  const stored = feed.newest.filter(
    (one) => one.seq > (from ?? 0) && one.seq <= since && !one.fact.endsWith(' running'),
  );
  for (const { seq, fact } of stored)
    found.check('events', again.has(`${seq} ${fact}`), () => `event ${seq} (${fact}) was seen and is not there`);
  for (const fact of feed.owed)
    found.check('events', feed.seen.has(fact), () => `${fact} was acknowledged and never said`);
  auditSaid({ ledger, found }, walked);
  feed.owed.clear();
  feed.seen.clear();
}

/** The feed alone says which runs there are and in which state; only what an open finds running is claimable without a word. */
function auditSaid({ ledger, found }: Pick<Audit, 'ledger' | 'found'>, walked: Walked): void {
  const { states } = ledger.feed;
  for (const [id, { state }] of walked) {
    const said = states.get(id);
    const holds = said === state || (said === 'running' && state === 'retrying');
    found.check('events', holds, () => `${id} is ${state}, and was said to be ${said ?? 'nowhere'}`);
  }
  for (const [id, said] of states) {
    found.check('events', walked.has(id), () => `${id} is gone, and was said to be ${said}`);
  }
}

/** Everything after `since`; it ends at an event that is made for this. */
async function eventsUntilNow(store: Store, since: number, mark: string): Promise<{ seq: number; fact: string }[]> {
  const stop = new AbortController();
  const guard = systemClock.after(HANG_GUARD_MS, () => stop.abort());
  const seen: StoreEvent[] = [];
  const feed = store.watch(since, stop.signal);
  await store.pause(mark, AUDITOR);
  for await (const event of feed) {
    seen.push(event);
    if (event.queue === mark || event.type === 'resync') break;
  }
  guard.cancel();
  await store.resume(mark, AUDITOR);
  if (stop.signal.aborted) throw new Error(`the feed did not come to its end in ${HANG_GUARD_MS} ms`);
  return seen.map((event) => ({ seq: event.seq, fact: factOf(event) }));
}
