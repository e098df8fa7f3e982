/** Ending and deleting runs, and what readers and watchers see. */
import { describe, expect } from 'vitest';
import type { Run, StoreEvent } from '../../src/store/records.ts';
import { account } from '../support/store-agents.ts';
import { accept, ana, claimOne, newRun, wanting } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const bo = { kind: 'operator', id: 'bo@host' } as const;

const OUT = { limit: 100, workerId: 'outbox-1', leaseMs: 30_000 };

export function describeReads({ fact, h, reopenWith, report, live, completed }: Suite): void {
  describe('cancelling and removing', () => {
    fact('G13 a cancelled run never starts, and cancelling again answers its state', async () => {
      const run = await accept(h.store);
      expect(await h.store.cancel(run.id, bo)).toMatchObject({
        outcome: 'cancelled',
        run: { state: 'cancelled', cancelledBy: bo },
      });
      expect(await h.store.claim(wanting())).toEqual([]);
      expect(await h.store.cancel(run.id, ana)).toMatchObject({ outcome: 'already_final', run: { cancelledBy: bo } });
      expect(await h.store.cancel('run_00000000000000000000000000', bo)).toEqual({ outcome: 'not_found' });
    });
    fact('G13 the lease of a cancelled run is stale, and its heartbeat says cancelled', async () => {
      await accept(h.store);
      const { lease, run } = await claimOne(h.store);
      await h.store.cancel(run.id, ana);
      expect(await h.store.heartbeat([{ lease, leaseMs: 1000 }])).toEqual({ lost: [], cancelled: [run.id] });
      expect(await h.store.settle([{ lease, end: 'completed' }])).toEqual([{ outcome: 'stale' }]);
      expect(await h.store.get(run.id)).toMatchObject({ state: 'cancelled', attempts: [{ end: 'cancelled' }] });
    });
    fact('G13 a cancel survives a crash', async () => {
      const run = await accept(h.store);
      await h.store.cancel(run.id, ana);
      await h.reopen('crash');
      expect(await h.store.get(run.id)).toMatchObject({ state: 'cancelled' });
      expect(await h.store.claim(wanting())).toEqual([]);
    });
    fact('a removed run is gone with its report and deliveries, and stays gone', async () => {
      const run = await accept(h.store);
      await completed([report()]);
      const kept = await accept(h.store);
      expect(await h.store.remove(run.id, ana)).toMatchObject({
        outcome: 'removed',
        run: { id: run.id, state: 'completed' },
      });
      expect(await h.store.get(run.id)).toBeUndefined();
      expect(await h.store.deliveries(run.id)).toEqual([]);
      expect(await h.store.claimDeliveries(OUT)).toEqual([]);
      expect(await h.store.remove(run.id, ana)).toEqual({ outcome: 'not_found' });
      expect((await h.store.list({})).items.map((one) => one.id)).toEqual([kept.id]);
      expect(await h.store.count({})).toMatchObject({ completed: 0, queued: 1 });
    });
    fact('a removed run does not come back after a crash', async () => {
      const run = await accept(h.store, { deliveries: [live()] });
      await h.store.claimDeliveries(OUT);
      await h.store.remove(run.id, ana);
      await h.reopen('crash');
      expect(await h.store.get(run.id)).toBeUndefined();
      expect((await h.store.list({})).items).toEqual([]);
      expect(h.report?.quarantined).toEqual([]);
    });
    fact('an unfinished run is cancelled first, so its lease is stale', async () => {
      await accept(h.store);
      const { lease, run } = await claimOne(h.store);
      expect(await h.store.remove(run.id, ana)).toMatchObject({ outcome: 'removed', run: { state: 'cancelled' } });
      expect(await h.store.settle([{ lease, end: 'completed' }])).toEqual([{ outcome: 'stale' }]);
    });
  });
  describe('reading', () => {
    fact('pages go newest first and stay whole while runs come and go', async () => {
      const runs: Run[] = [];
      for (let n = 0; n < 25; n++) {
        runs.push(await accept(h.store));
        await h.clock.advance(n % 2);
      }
      const newest = runs.toReversed().map((run) => run.id);
      const first = await h.store.list({ limit: 10 });
      expect(first.items.map((one) => one.id)).toEqual(newest.slice(0, 10));
      await accept(h.store);
      await h.store.remove(newest[9] ?? '', ana);
      await h.store.remove(newest[12] ?? '', ana);
      const second = await h.store.list({ limit: 10, after: first.next ?? '' });
      expect(second.items.map((one) => one.id)).toEqual(newest.slice(10, 21).filter((id) => id !== newest[12]));
      const third = await h.store.list({ limit: 10, after: second.next ?? '' });
      expect(third.items.map((one) => one.id)).toEqual(newest.slice(21));
      expect(third.next).toBeUndefined();
    });
    fact('filters are combined, limits clamped, and a broken cursor is a usage error', async () => {
      const mine = await accept(h.store, { job: 'b', queue: 'b' });
      await accept(h.store, { job: 'b', queue: 'b', actor: bo });
      await accept(h.store);
      await h.store.cancel(mine.id, ana);
      const found = async (query: Parameters<typeof h.store.list>[0]): Promise<string[]> =>
        (await h.store.list(query)).items.map((one) => one.id);
      expect(await found({ job: 'b', states: ['cancelled'], actorId: ana.id })).toEqual([mine.id]);
      expect(await found({ job: 'b', states: ['failed'] })).toEqual([]);
      expect(await found({ idEnding: mine.id.slice(-6) })).toEqual([mine.id]);
      expect(await found({ limit: 0 })).toHaveLength(1);
      expect(await found({ limit: 100_000 })).toHaveLength(3);
      expect(await h.store.count({ job: 'b' })).toMatchObject({ queued: 1, cancelled: 1 });
      expect(await h.store.count({ job: 'nothing' })).toMatchObject({ queued: 0 });
      await expect(h.store.list({ after: 'garbage' })).rejects.toMatchObject({ code: 'USAGE' });
    });
    fact('a list may be of several jobs, and begin behind a run that is not there any more', async () => {
      const runs: Run[] = [];
      for (const job of ['a', 'b', 'c', 'a', 'b']) runs.push(await accept(h.store, { job, queue: job }));
      const [a, b, , again, newest] = runs.map((run) => run.id);
      const found = async (query: Parameters<typeof h.store.list>[0]): Promise<(string | undefined)[]> =>
        (await h.store.list(query)).items.map((one) => one.id);
      expect(await found({ jobs: ['a', 'b'] })).toEqual([newest, again, b, a]);
      expect(await found({ jobs: ['a', 'nothing'], states: ['queued'] })).toEqual([again, a]);
      expect(await found({ jobs: ['b'], job: 'a' })).toEqual([]);
      expect(await found({ jobs: ['b'], job: 'a', limit: 1 })).toEqual([]);
      expect(await found({ jobs: [] })).toEqual([]);
      await h.store.remove(again ?? '', ana);
      expect(await found({ jobs: ['a', 'b'], olderThan: again ?? '' })).toEqual([b, a]);
      expect(await found({ job: 'b', limit: 1, olderThan: newest ?? '' })).toEqual([b]);
      await expect(h.store.list({ olderThan: 'garbage' })).rejects.toMatchObject({ code: 'USAGE' });
    });
    fact('a list says what a run of an agent cost, from its first account on, and of other runs nothing', async () => {
      await accept(h.store);
      await accept(h.store, { kind: 'agent' });
      const cost = async () => (await h.store.list({ limit: 1 })).items[0]?.microUsd;
      const kinds = ['agent'] as const;
      const first = await claimOne(h.store, { kinds });
      const retryAt = new Date(h.clock.now()).toISOString();
      await h.store.settle([{ lease: first.lease, end: 'failed', retryAt, agent: account(100) }]);
      expect(await cost()).toBe(100);
      const second = await claimOne(h.store, { kinds });
      const agent = account(250, { why: 'api_error', cutShort: true });
      await h.store.settle([{ lease: second.lease, end: 'failed', agent }]);
      expect(await cost()).toBe(250);
      expect(await h.store.get(first.run.id)).toMatchObject({ state: 'failed', agent });
      expect((await h.store.list({})).items[1]).not.toHaveProperty('microUsd');
    });
    fact('what is left of a removed agent run holds nothing that its tools found', async () => {
      await accept(h.store, { kind: 'agent', idempotencyKey: 'k' });
      const { lease } = await claimOne(h.store, { kinds: ['agent'] });
      await h.store.settle([{ lease, end: 'completed', agent: account(1) }]);
      await h.store.remove(lease.runId, ana);
      const [again] = await h.store.submit([newRun({ kind: 'agent', idempotencyKey: 'k' })]);
      expect(again).toMatchObject({ outcome: 'deduplicated', run: { id: lease.runId } });
      expect(JSON.stringify(again)).not.toContain('18235.5');
    });
    fact('the newest run of a job is its last, also when the newest was removed', async () => {
      const last = async (job: string): Promise<unknown> => {
        const { items, next } = await h.store.list({ job, limit: 1 });
        return items.map(({ id, state }) => [id, state, next !== undefined]).at(0);
      };
      const first = await accept(h.store, { job: 'a', queue: 'a' });
      const second = await accept(h.store, { job: 'a', queue: 'a' });
      const other = await accept(h.store, { job: 'b', queue: 'b' });
      expect(await last('a')).toEqual([second.id, 'queued', true]);
      expect(await last('b')).toEqual([other.id, 'queued', false]);
      expect(await last('c')).toBeUndefined();
      await h.store.cancel(second.id, ana);
      expect(await last('a')).toEqual([second.id, 'cancelled', true]);
      await h.store.remove(second.id, ana);
      for (let n = 0; n < 2; n++) expect(await last('a')).toEqual([first.id, 'queued', false]);
      const third = await accept(h.store, { job: 'a', queue: 'a' });
      expect(await last('a')).toEqual([third.id, 'queued', true]);
      await h.store.remove(first.id, ana);
      await h.store.remove(third.id, ana);
      expect(await last('a')).toBeUndefined();
      expect(await last('b')).toEqual([other.id, 'queued', false]);
    });
    fact('G19 each change is read by the process that made it', async () => {
      const run = await accept(h.store, { deliveries: [live()] });
      expect((await h.store.list({ states: ['queued'] })).items[0]?.id).toBe(run.id);
      await claimOne(h.store);
      expect((await h.store.list({ states: ['queued'] })).items).toEqual([]);
      expect((await h.store.get(run.id))?.state).toBe('running');
      expect(h.store.health()).toMatchObject({ state: 'ready', unfinished: 1 });
    });
    fact('G19 each change of state emits one event, in the order of seq', async () => {
      const stop = new AbortController();
      const events: StoreEvent[] = [];
      const watching = collect(h.store.watch('now', stop.signal), events);
      const run = await accept(h.store);
      await completed([report()]);
      await h.store.remove(run.id, ana);
      await until(() => events.length >= 5);
      stop.abort();
      await watching;
      expect(events.map((one) => [one.type, one.state])).toEqual([
        ['run', 'queued'],
        ['run', 'running'],
        ['run', 'completed'],
        ['delivery', 'pending'],
        ['removed', undefined],
      ]);
      expect(events.map((one) => one.seq)).toEqual([...new Set(events.map((one) => one.seq))].sort((a, b) => a - b));
    });
    fact('G19 a watcher takes up where it left off', async () => {
      const first: StoreEvent[] = [];
      const stop = new AbortController();
      const watching = collect(h.store.watch('now', stop.signal), first);
      await accept(h.store);
      await until(() => first.length === 1);
      stop.abort();
      await watching;
      const missed = await accept(h.store);
      const events: StoreEvent[] = [];
      const again = new AbortController();
      const rest = collect(h.store.watch(first[0]?.seq ?? 0, again.signal), events);
      await until(() => events.length >= 1);
      again.abort();
      await rest;
      expect(events).toMatchObject([{ type: 'run', runId: missed.id }]);
    });
    fact('G19 a watcher that asks for events no longer kept is told to read the present state', async () => {
      await reopenWith({ eventsKept: 4 });
      const stop = new AbortController();
      const events: StoreEvent[] = [];
      const past = h.clock.now() * 1000;
      for (let n = 0; n < 20; n++) await accept(h.store);
      const watching = collect(h.store.watch(past, stop.signal), events);
      await until(() => events.length >= 1);
      expect(events).toMatchObject([{ type: 'resync' }]);
      await accept(h.store);
      await until(() => events.length >= 2);
      stop.abort();
      await watching;
      expect(events[1]?.seq).toBeGreaterThan(events[0]?.seq ?? 0);
    });
    fact('G21 business outcomes are answers, not errors', async () => {
      const lease = {
        runId: 'run_00000000000000000000000000',
        fence: 1,
        workerId: 'w',
        expiresAt: new Date(0).toISOString(),
      };
      const parcel = { deliveryId: 'dlv_00000000000000000000000000', runId: lease.runId, fence: 1, workerId: 'w' };
      expect(await h.store.settle([{ lease, end: 'completed' }])).toEqual([{ outcome: 'stale' }]);
      expect(await h.store.heartbeat([{ lease, leaseMs: 1 }])).toEqual({ lost: [lease.runId], cancelled: [] });
      await expect(h.store.release([lease])).resolves.toBeUndefined();
      expect(await h.store.remove(lease.runId, ana)).toEqual({ outcome: 'not_found' });
      expect(await h.store.recordPart({ lease: parcel })).toEqual({ outcome: 'stale' });
      expect(await h.store.settleDelivery({ lease: parcel, outcome: 'delivered' })).toEqual({ outcome: 'stale' });
      expect(await h.store.get('nonsense')).toBeUndefined();
      expect(await h.store.deliveries('nonsense')).toEqual([]);
    });
    fact('a closed store refuses further verbs, and closing again is fine', async () => {
      await h.store.close();
      await h.store.close();
      await expect(h.store.submit([newRun()])).rejects.toMatchObject({ code: 'STORE_FAILED' });
    });
  });
}

async function collect(events: AsyncIterable<StoreEvent>, into: StoreEvent[]): Promise<void> {
  for await (const event of events) into.push(event);
}

/** Waits for what is under way in this process; the guard is far beyond what it takes. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000 && !condition(); turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(condition()).toBe(true);
}
