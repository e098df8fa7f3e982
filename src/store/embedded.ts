/**
 * The whole port over an index in memory and a backing that makes changes durable: the store of one process. What runs under which
 * lock, and when memory may change, is said in core.ts.
 */
import { iso } from '../clock.ts';
import { DependencyError, UsageError } from '../errors.ts';
import { isId } from '../ids.ts';
import { createCore, DEFAULT_OPTIONS } from './core.ts';
import { createBlobs } from './blobs.ts';
import type { Core, CoreDeps, StoreOptions } from './core.ts';
import type { Loaded } from './backing.ts';
import { createDeliveryVerbs } from './delivery-verbs.ts';
import { createDocTable } from './doc-table.ts';
import { createDocVerbs } from './doc-verbs.ts';
import { keyHolds } from './keys.ts';
import { createNotices } from './notices.ts';
import { createQueues } from './queues.ts';
import { createLedger } from './reserve.ts';
import { createRunActs } from './run-acts.ts';
import { createRunVerbs, every } from './run-verbs.ts';
import { createRetention } from './retention.ts';
import { createAdvance } from './schedule-verbs.ts';
import type { Page, RunQuery } from './reader.ts';
import type { RunSummary } from './records.ts';
import type { Store } from './store.ts';
import { createSubmit } from './submit.ts';
import { summaryOf } from './transitions.ts';

const SWEEP_LIMIT = 200;

/** Makes a store over what its backing loaded; names the runs that a dead process had claimed, which are claimable again. */
export function createEmbeddedStore(
  deps: CoreDeps,
  loaded: Loaded,
  options: Partial<StoreOptions> = {},
): { store: Store; interrupted: string[] } {
  const core = createCore(deps, loaded, { ...DEFAULT_OPTIONS, ...options });
  const table = createDocTable(core, loaded.docs);
  const ledger = createLedger(core, table);
  const queues = createQueues(core, table);
  const blobs = createBlobs(core, core.backing.blobs);
  const runs = createRunVerbs(core, { docs: table, ledger, queues, blobs });
  const acts = createRunActs(core, { docs: table, ledger, blobs });
  const notices = createNotices(core, table);
  const outbox = createDeliveryVerbs(core, notices);
  const docs = createDocVerbs(core, table);
  const submit = createSubmit(core);
  const advance = createAdvance(core, { docs: table, submit });
  const retention = createRetention(core, { list: (query) => listRuns(core, query), remove: acts.remove });
  const gate = createGate();
  const { track } = gate;
  let closing: Promise<void> | undefined;

  async function sweep(): ReturnType<Store['sweep']> {
    const leases = await every([runs.expireLeases(SWEEP_LIMIT), outbox.expireLeases(SWEEP_LIMIT)]);
    await acts.expireWaits(SWEEP_LIMIT);
    const expiredDocs = await docs.expire(SWEEP_LIMIT);
    core.feed.forgetBefore(iso(core.clock.now() - core.options.eventsKeepMs));
    await forgetKeys(core);
    await ledger.reconcile(SWEEP_LIMIT);
    await blobs.walk();
    await retention.sweep();
    await notices.sweep(SWEEP_LIMIT);
    await core.backing.tidy();
    return { expiredLeases: leases.reduce((sum, count) => sum + count, 0), expiredDocs };
  }
  async function backup(dir: string, signal: AbortSignal | undefined): ReturnType<Store['backup']> {
    if (core.backing.backup !== undefined) return core.backing.backup(dir, signal);
    throw new UsageError('A store in memory has nothing to copy.', { code: 'INPUT_INVALID' });
  }
  async function close(): Promise<void> {
    await gate.shut();
    core.feed.end();
    await core.keysReady.catch(() => undefined);
    await core.backing.close();
  }

  const store: Store = {
    get: (runId) => track(() => core.getRun(runId)),
    list: (query) => track(() => listRuns(core, query)),
    count: (query) => track(async () => core.index.count(query.job)),
    deliveries: (id) =>
      track(async () => {
        if (isId(id, 'ntc')) return [...(notices.get(id)?.deliveries ?? [])];
        const run = await core.getRun(id);
        return run === undefined ? [] : [...(await core.getDeliveries(run))];
      }),
    listNotices: (query) => track(() => notices.list(query)),
    getDoc: (kind, key) => track(() => docs.getDoc(kind, key)),
    listDocs: (kind, query) => track(() => docs.listDocs(kind, query)),
    watch: (sinceSeq, signal) => core.feed.watch(sinceSeq, signal),
    health: () => ({ ...core.backing.health(), unfinished: core.hot.size }),
    submit: (wanted) => track(() => submit(wanted)),
    claim: (request) => track(() => runs.claim(request)),
    heartbeat: (beats) => track(() => runs.heartbeat(beats)),
    settle: (settlements) => track(() => runs.settle(settlements)),
    release: (leases) => track(() => runs.release(leases)),
    approve: (runId, actor) => track(() => acts.approve(runId, actor)),
    cancel: (runId, actor) => track(() => acts.cancel(runId, actor)),
    remove: (runId, actor) => track(() => acts.remove(runId, actor)),
    advance: (step) => track(() => advance(step)),
    reserve: (reservation) => track(() => ledger.reserve(reservation)),
    charge: (charge) => track(() => ledger.charge(charge)),
    pause: (queue, actor) => track(() => queues.pause(queue, actor)),
    resume: (queue, actor) => track(() => queues.resume(queue, actor)),
    pausedQueues: () => track(() => queues.pausedQueues()),
    blobs: {
      put: (source) => track(() => blobs.verbs.put(source)),
      get: (sha256) => track(() => blobs.verbs.get(sha256)),
      stream: (sha256) => track(() => blobs.verbs.stream(sha256)),
    },
    claimDeliveries: (request) => track(() => outbox.claimDeliveries(request)),
    addNotice: (notice) => track(() => notices.add(notice)),
    recordPart: (change) => track(() => outbox.recordPart(change)),
    settleDelivery: (settlement) => track(() => outbox.settleDelivery(settlement)),
    countDue: (what) => (what === 'delivery' ? outbox.countDue() : runs.countDue(what.queue)),
    nextDue: (what) => (what === 'run' ? runs.nextRunAt() : outbox.nextDeliveryAt()),
    putDoc: (doc) => track(() => docs.putDoc(doc)),
    removeDoc: (kind, key, audit) => track(() => docs.removeDoc(kind, key, audit)),
    appendAudit: (entry) => track(() => core.backing.commit([{ kind: 'audit', entry: core.auditEntry(entry) }])),
    backup: (dir, signal) => track(() => blobs.held(() => backup(dir, signal))),
    sweep: () => track(sweep),
    close: () => (closing ??= close()),
  };
  return { store, interrupted: core.interrupted };
}

/** Lets verbs through until it is shut, and then waits for those that are under way. */
interface Gate {
  track: <T>(work: () => Promise<T>) => Promise<T>;
  shut: () => Promise<void>;
}

function createGate(): Gate {
  const underWay = new Set<Promise<unknown>>();
  let shut = false;
  return {
    async track(work) {
      if (shut) throw new DependencyError('The store is closed.', { code: 'STORE_FAILED' });
      const mine = work();
      underWay.add(mine);
      try {
        return await mine;
      } finally {
        underWay.delete(mine);
      }
    },
    async shut() {
      shut = true;
      await Promise.allSettled(underWay);
    },
  };
}

/** Forgets keys whose window ended, and with them what is left of removed runs. Looks at the oldest; bounded. */
async function forgetKeys(core: Core): Promise<void> {
  const now = core.clock.now();
  for (const entry of [...core.keys.values()].slice(0, SWEEP_LIMIT)) {
    await core.locks.run(`key ${entry.key}`, async () => {
      if (core.keys.get(entry.key) !== entry) return;
      core.keys.delete(entry.key);
      // The key of a long run goes to the end of the line, so that it does not hold up the others.
      if (keyHolds(core, entry, now)) core.keys.set(entry.key, entry);
      else if (entry.removed !== undefined) await core.backing.commit([{ kind: 'forget', runId: entry.runId }]);
    });
  }
}

/** The index knows the states; what a run says about its progress is only in memory. */
async function listRuns(core: Core, query: RunQuery): Promise<Page<RunSummary>> {
  const page = await core.index.list(query);
  const items = page.items.map((item) => {
    const live = core.hot.get(item.id);
    return live !== undefined && live.state === item.state && live.rev > item.rev ? summaryOf(live) : item;
  });
  return { ...page, items };
}
