/**
 * Eight writers on a store until they are killed: `node store-writer.main.ts DIR LIFE [UNANSWERED.json]`; prints `ready` when the store is
 * open. Every wish and every answer is one line on file descriptor 3, written before the next step, so that it outlives the process.
 */
import { readFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import { systemClock } from '../src/clock.ts';
import { codeOf } from '../src/errors.ts';
import { createIds } from '../src/ids.ts';
import { silentLog } from '../src/log.ts';
import { openStore } from '../src/store/open.ts';
import type { Actor } from '../src/store/records.ts';
import type { ClaimedRun, NewRun, Store } from '../src/store/store.ts';
import type { Entry } from './ledger.ts';

const WRITERS = 8;
const ana: Actor = { kind: 'slack', id: 'U0ANA' };
const Unanswered = z.array(z.object({ key: z.string(), queue: z.string() }));

const [dir, life = '0', unansweredPath] = process.argv.slice(2);
if (dir === undefined) throw new Error('which folder?');
const ids = createIds(systemClock);
const deps = { clock: systemClock, ids, log: silentLog, version: '0.0.0-torture' };
const { store } = await openStore({ backend: 'lowdb', dir }, deps);
process.stdout.write('ready\n');
const unanswered =
  unansweredPath === undefined ? [] : Unanswered.parse(JSON.parse(readFileSync(unansweredPath, 'utf8')));
for (const { key, queue } of unanswered) await submit(store, [{ key, queue }]);
await Promise.all(Array.from({ length: WRITERS }, (_, n) => write(store, `w${n}`)));

function note(entry: Entry): void {
  writeSync(3, `${JSON.stringify(entry)}\n`);
}

async function write(to: Store, queue: string): Promise<void> {
  const finished: string[] = [];
  for (let n = 0; ; n++) {
    try {
      await turn(to, { queue, name: `${life}-${queue}-${n}`, finished });
    } catch (error) {
      // No answer is an answer that the ledger understands; too much work at once is no harm.
      if (!['OVERLOADED', 'STORE_FULL'].includes(codeOf(error) ?? '')) throw error;
      await systemClock.sleep(5);
    }
  }
}

/** One submit, and one of the other verbs by lot. */
async function turn(to: Store, at: { queue: string; name: string; finished: string[] }): Promise<void> {
  const { queue, name, finished } = at;
  const lot = Math.random();
  if (lot < 0.1) {
    await submit(
      to,
      ['a', 'b', 'c'].map((part) => ({ key: `${name}${part}`, queue, batch: name })),
    );
  } else {
    const [id] = await submit(to, [{ key: name, queue }]);
    if (id !== undefined && lot < 0.2) await end(to, { id, end: 'cancel' });
  }
  const wanted = { queues: [{ name: queue, limit: 2 }], kinds: ['function'] as const, limit: 2 };
  for (const one of await to.claim({ ...wanted, workerId: `${life}-${queue}`, leaseMs: 60_000 })) {
    note({ note: 'claimed', id: one.run.id, fence: one.lease.fence });
    if (await settle(to, one, name)) finished.push(one.run.id);
  }
  if (lot > 0.6) await deliver(to, `${life}-${queue}`);
  if (lot > 0.85) await end(to, { id: finished.shift(), end: 'remove' });
  if (lot > 0.5 && lot < 0.7) await putDoc(to, queue);
}

async function submit(to: Store, wanted: { key: string; queue: string; batch?: string }[]): Promise<string[]> {
  for (const one of wanted) note({ note: 'wish-submit', ...one });
  const outcomes = await to.submit(wanted.map((one) => newRun(one)));
  return outcomes.flatMap((outcome, n) => {
    const key = wanted[n]?.key;
    if (key === undefined || !('run' in outcome)) return [];
    note({ note: 'submitted', key, id: outcome.run.id });
    return [outcome.run.id];
  });
}

function newRun({ key, queue }: { key: string; queue: string }): NewRun {
  return {
    job: 'weekly-report',
    kind: 'function',
    queue,
    trigger: 'api',
    actor: ana,
    input: { key, padding: 'x'.repeat(Math.floor(Math.random() * 2_000)) },
    policy: { maxAttempts: 20, timeoutMs: 60_000, backoff: { baseMs: 1, maxMs: 1 } },
    idempotencyKey: key,
  };
}

async function settle(to: Store, claimed: ClaimedRun, name: string): Promise<boolean> {
  const { run, lease } = claimed;
  if (claimed.exhausted || Math.random() < 0.1) {
    const retry = claimed.exhausted ? {} : { retryAt: new Date(systemClock.now()).toISOString() };
    await to.settle([{ lease, end: 'failed', ...retry }]);
    return false;
  }
  const result = `${name}-${lease.fence}`;
  note({ note: 'wish-settle', id: run.id, result });
  const delivery = { id: ids.next('dlv'), mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } } as const;
  const [outcome] = await to.settle([{ lease, end: 'completed', result, deliveries: [delivery] }]);
  if (outcome?.outcome !== 'settled') return false;
  note({ note: 'settled', id: run.id, result });
  return true;
}

async function deliver(to: Store, workerId: string): Promise<void> {
  for (const { lease } of await to.claimDeliveries({ limit: 3, workerId, leaseMs: 60_000 })) {
    const { outcome } = await to.settleDelivery({ lease, outcome: 'delivered' });
    if (outcome === 'recorded' && lease.runId !== undefined)
      note({ note: 'delivered', id: lease.runId, delivery: lease.deliveryId });
  }
}

async function end(to: Store, wish: { id: string | undefined; end: 'cancel' | 'remove' }): Promise<void> {
  const { id, end: how } = wish;
  if (id === undefined) return;
  note({ note: 'wish-end', id, end: how });
  const { outcome } = how === 'cancel' ? await to.cancel(id, ana) : await to.remove(id, ana);
  if (outcome === 'cancelled' || outcome === 'removed') note({ note: 'ended', id, end: how });
}

async function putDoc(to: Store, key: string): Promise<void> {
  const rev = (await to.getDoc('status', key))?.rev ?? 0;
  note({ note: 'wish-doc', key, rev: rev + 1 });
  const { outcome } = await to.putDoc({ kind: 'status', key, rev, value: rev + 1 });
  if (outcome === 'stored') note({ note: 'stored-doc', key, rev: rev + 1 });
}
