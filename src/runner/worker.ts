/**
 * Claims due runs and sees each attempt to its end. Invariants: a slot is taken from the claim until nothing of the attempt runs any
 * more; a lease is renewed until its end is stored. Nothing is written down here: what a dying process leaves is claimed again when
 * the store takes its leases away.
 */
import { KINDS } from '../store/records.ts';
import { createHandover } from './handover.ts';
import { createOrphans } from './orphans.ts';
import type { Clock, Timer } from '../clock.ts';
import type { Log } from '../log.ts';
import type { StoreEvent } from '../store/records.ts';
import type { ClaimedRun, Store } from '../store/store.ts';
import type { AttemptUnderway, Executor } from './execute.ts';
import type { Registry } from './registry.ts';

export interface WorkerDeps {
  store: Store;
  registry: Registry;
  clock: Clock;
  log: Log;
  execute: Executor;
}

export interface WorkerOptions {
  workerId: string;
  concurrency: number;
  leaseMs: number;
}

export interface Worker {
  start(): void;
  stop(graceMs: number): Promise<void>;
  active(): number;
  /** Takes due runs of one queue now, as many as asked, its job and the free slots allow; answers how many began. */
  process(queue: string, limit: number): Promise<number>;
}

const SWEEP_MS = 2000;
const POLL_MS = 250;
const PROGRESS_MS = 500;
const ORPHANS_AT_ONCE = 10;
const MAX_ROUNDS = 50;
const REWATCH_MS = 1000;
// The kill of a process group takes up to 6 s, storing its end a little more.
const STOPPED_MS = 9000;
const IGNORES_MS = 2000;

interface Slot {
  claimed: ClaimedRun;
  attempt: AttemptUnderway;
  /** False once the end is stored: then a function that ignores its signal is all that is left. */
  leased: boolean;
}

/** Makes the worker of this process. */
export function createWorker(deps: WorkerDeps, options: WorkerOptions): Worker {
  const { store, registry, clock, log, execute } = deps;
  const { workerId, concurrency, leaseMs } = options;
  const slots = new Set<Slot>();
  const underway = new Set<Promise<void>>();
  const orphans = createOrphans(deps);
  const handOver = createHandover(deps);
  const watching = new AbortController();
  const timers: Timer[] = [];
  let due: Timer | undefined;
  let news: Timer | undefined;
  let pumping = false;
  let again = false;
  let sweeping = false;
  let stopping = false;
  let newestClaim: Promise<unknown> = Promise.resolve();

  function openQueues(): { name: string; limit: number }[] {
    const busy = new Map<string, number>();
    for (const { claimed } of slots) busy.set(claimed.run.queue, (busy.get(claimed.run.queue) ?? 0) + 1);
    const jobs = registry.list().map((job) => ({ name: job.name, limit: job.concurrency - (busy.get(job.name) ?? 0) }));
    const gone = orphans.queues().map((name) => ({ name, limit: ORPHANS_AT_ONCE }));
    return [...jobs, ...gone].filter((queue) => queue.limit > 0);
  }

  async function claimSome(wanted = { queue: (_name: string): boolean => true, limit: concurrency }): Promise<number> {
    const limit = Math.min(wanted.limit, concurrency - slots.size);
    const queues = openQueues().filter(({ name }) => wanted.queue(name));
    if (stopping || limit <= 0 || queues.length === 0) return 0;
    const claimed = await store.claim({ queues, kinds: KINDS, limit, workerId, leaseMs });
    // The shutdown began while the claim was written: it goes back uncounted.
    if (stopping && claimed.length > 0) await store.release(claimed.map(({ lease }) => lease));
    else for (const one of claimed) begin(one);
    return stopping ? 0 : claimed.length;
  }

  /** One claim after the other: two at once would count the same free slots. */
  function inTurn(work: () => Promise<number>): Promise<number> {
    const turn = newestClaim.then(work);
    newestClaim = turn.catch(() => undefined);
    return waitedFor(turn);
  }

  async function pump(): Promise<void> {
    again = true;
    if (pumping || stopping) return;
    pumping = true;
    try {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        again = false;
        const claimed = await inTurn(() => claimSome());
        if (stopping || (claimed === 0 && !again)) break;
      }
    } catch (error) {
      log.warn('runs could not be claimed', { error });
    } finally {
      pumping = false;
      arm();
    }
  }

  /** A stop waits for this work as well: the store is closed right after it. */
  async function waitedFor<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    underway.add(settled);
    return work.finally(() => underway.delete(settled));
  }

  /** Sleeps until the next run is due; a full worker needs no timer, for the end of an attempt pumps. */
  function arm(): void {
    due?.cancel();
    if (stopping || slots.size >= concurrency) return;
    const next = store.nextDue('run');
    if (next !== undefined) due = clock.after(Math.max(POLL_MS, Date.parse(next) - clock.now()), () => void pump());
  }

  function begin(claimed: ClaimedRun): void {
    const job = registry.get(claimed.run.job);
    const slot: Slot = { claimed, attempt: execute(claimed, job, progressed), leased: true };
    slots.add(slot);
    const handed = handOver(claimed, slot.attempt).finally(() => {
      slot.leased = false;
      underway.delete(handed);
    });
    underway.add(handed);
    void leave(slot, handed);
  }

  async function leave(slot: Slot, handed: Promise<void>): Promise<void> {
    const { id: runId, job } = slot.claimed.run;
    await handed;
    const patience = clock.after(IGNORES_MS, () =>
      log.warn('a function ignores its signal; its slot stays taken', { runId, job }),
    );
    await slot.attempt.gone;
    patience.cancel();
    slots.delete(slot);
    await pump();
  }

  /** Progress is shown at most twice a second. */
  function progressed(): void {
    news ??= clock.after(PROGRESS_MS, () => {
      news = undefined;
      void beat();
    });
  }

  async function beat(): Promise<void> {
    const held = [...slots].filter((slot) => slot.leased && slot.attempt.stopped() === undefined);
    if (held.length === 0) return;
    const beats = held.map(({ claimed, attempt }) => {
      const progress = attempt.progress();
      return { lease: claimed.lease, leaseMs, ...(progress !== undefined && { progress }) };
    });
    try {
      const { lost, cancelled } = await store.heartbeat(beats);
      for (const slot of held) {
        const { runId } = slot.claimed.lease;
        if (cancelled.includes(runId)) slot.attempt.stop('cancelled');
        // A run that was settled meanwhile is no longer ours either; stopping it then changes nothing.
        else if (lost.includes(runId)) slot.attempt.stop('lost');
      }
    } catch (error) {
      log.warn('leases could not be renewed', { error, runs: held.length });
    }
  }

  function noticed(event: StoreEvent): void {
    if (event.type === 'resync') void beat().then(pump);
    if (event.type === 'removed' || event.state === 'cancelled') {
      for (const slot of slots) if (slot.claimed.run.id === event.runId) slot.attempt.stop('cancelled');
    }
    const { state } = event;
    if (event.type === 'queue' && event.paused === false) void pump();
    if (event.type === 'run' && (state === 'queued' || state === 'scheduled' || state === 'retrying')) void pump();
  }

  async function watch(): Promise<void> {
    while (!watching.signal.aborted) {
      try {
        for await (const event of store.watch('now', watching.signal)) noticed(event);
      } catch (error) {
        log.warn('the events of the store could not be read', { error });
      }
      // The store ended the feed, or it failed; what was missed meanwhile is found by the sweep.
      if (!watching.signal.aborted) await clock.sleep(REWATCH_MS, watching.signal);
    }
  }

  async function sweep(): Promise<void> {
    if (sweeping) return;
    sweeping = true;
    try {
      await store.sweep();
      if (store.health().unfinished > slots.size) await orphans.look();
      const next = store.nextDue('run');
      if (next !== undefined && Date.parse(next) <= clock.now()) await pump();
    } catch (error) {
      log.warn('the store could not be swept', { error });
    } finally {
      sweeping = false;
    }
  }

  async function ended(ms: number): Promise<boolean> {
    const timeout = new AbortController();
    const late = clock.sleep(ms, timeout.signal).then(() => false);
    const all = Promise.all(underway).then(() => true);
    const done = await Promise.race([all, late]);
    timeout.abort();
    return done;
  }

  return {
    start() {
      void watch();
      timers.push(clock.every(Math.max(1, Math.floor(leaseMs / 3)), () => void beat()));
      timers.push(clock.every(SWEEP_MS, () => void sweep()));
      void pump();
    },
    async stop(graceMs) {
      stopping = true;
      due?.cancel();
      if (!(await ended(graceMs))) {
        for (const slot of slots) if (slot.leased) slot.attempt.stop('drained');
        if (!(await ended(STOPPED_MS))) log.error('some attempts did not stop', { runs: underway.size });
      }
      watching.abort();
      news?.cancel();
      for (const timer of timers) timer.cancel();
    },
    active: () => slots.size,
    process: (queue, limit) => inTurn(() => claimSome({ queue: (name) => name === queue, limit })),
  };
}
