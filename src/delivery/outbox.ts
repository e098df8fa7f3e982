/**
 * The outbox: drains planned deliveries and stores the receipts. It meets the runner only in the store.
 *
 * Order of writes for each part: the intent (with the frozen bodies, in the same write) BEFORE the send, the receipt right after it.
 * So a crash leaves one of: no intent (send it), an intent without a receipt (it may have arrived: see parts.ts), a receipt (done).
 */
import type { Clock, Timer } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Scrub } from '../scrub.ts';
import type { Destination } from '../store/destinations.ts';
import type { ClaimedDelivery, Store } from '../store/store.ts';
import { createAttempt } from './attempt.ts';
import { createGates } from './gates.ts';
import { createLanes } from './lanes.ts';
import { createLedger, named } from './ledger.ts';
import { createPacer } from './pace.ts';
import { createParts } from './parts.ts';
import type { Transport } from './transport.ts';

export interface OutboxDeps {
  store: Store;
  /** A kind without a transport is off: its deliveries fail with TRANSPORT_OFF. */
  transports: Partial<Record<Destination['kind'], Transport>>;
  clock: Clock;
  log: Log;
  scrub: Scrub;
  random?: () => number;
}

export interface OutboxOptions {
  workerId: string;
  /** Sends under way at once. Default 8. */
  concurrency: number;
  /** Deliveries claimed and waiting for their lane. Default 64. */
  held: number;
  /** Long enough for `held` parts in one lane at one a second. Default 10 min. */
  leaseMs: number;
  /** A delivery that keeps failing is given up this long after it was planned. Default 24 h. */
  giveUpMs: number;
  backoff: { baseMs: number; maxMs: number };
  /** What to do with a Slack post that may have arrived and cannot be looked for. Default `resend-labelled`. */
  unprobed: 'resend-labelled' | 'hold';
  /** A delivery whose claims died this often in a row is given up. Default 3. */
  maxDeaths: number;
  /** One edit of a card in this time. Default 3 s. */
  editEveryMs: number;
  /** How long stop() waits for sends under way before it abandons them as "may have arrived". Default 10 s. */
  graceMs: number;
}

export interface Outbox {
  start(): void;
  /** Stops claiming, waits for what is under way, then abandons it; idempotent. */
  stop(): Promise<void>;
  /** Resolves when nothing is in hand and nothing is due now; what is due later may remain. */
  idle(): Promise<void>;
  /** Looks for due deliveries now. */
  wake(): void;
  /** Takes up to `limit` due deliveries now, as far as it may hold them; answers once they are claimed. `remaining` are due and wait. */
  process(limit: number): Promise<{ started: number; remaining: number }>;
  [Symbol.asyncDispose](): Promise<void>;
}

const DEFAULTS: OutboxOptions = {
  workerId: `outbox-${process.pid}`,
  concurrency: 8,
  held: 64,
  leaseMs: 600_000,
  giveUpMs: 86_400_000,
  backoff: { baseMs: 2_000, maxMs: 900_000 },
  unprobed: 'resend-labelled',
  maxDeaths: 3,
  editEveryMs: 3_000,
  graceMs: 10_000,
};
/** Nothing tells the outbox of a delivery that falls due, but time; it looks at least this often. */
const LOOK_EVERY_MS = 30_000;
const MIN_TIMER_MS = 20;
const STORE_PAUSE_MS = 1_000;

/** Makes the outbox; it does nothing before start(). */
export function createOutbox(deps: OutboxDeps, options: Partial<OutboxOptions> = {}): Outbox {
  const { store, clock, log } = deps;
  const settings = { ...DEFAULTS, ...options };
  const stopping = new AbortController();
  const abandoned = new AbortController();
  const lanes = createLanes(settings.concurrency);
  const signals = { stopping: stopping.signal, abandoned: abandoned.signal };
  const gates = createGates(clock);
  const pacer = createPacer(clock);
  const ledger = createLedger({ ...deps, gates }, settings);
  const parts = createParts({ ...deps, ...signals, ledger, gates, pacer }, settings);
  const attempt = createAttempt({ ...deps, ...signals, ledger, parts, gates, pacer }, settings);
  const waiters = new Set<() => void>();
  let state: 'new' | 'started' | 'stopped' = 'new';
  let looking = false;
  let again = false;
  let timer: Timer | undefined;
  let watching: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;
  let newestClaim: Promise<unknown> = Promise.resolve();

  function wake(): void {
    if (state !== 'started') return;
    again = true;
    if (!looking) void look();
  }

  async function look(): Promise<void> {
    looking = true;
    try {
      while (again && !stopping.signal.aborted) {
        again = false;
        await claimSome();
      }
    } catch (error) {
      log.error('outbox: the store cannot be asked for deliveries', { error });
      arm(STORE_PAUSE_MS);
    } finally {
      looking = false;
      settleWaiters();
    }
  }

  /** One claim after the other: two at once would count the same free places. */
  function claimUpTo(wanted: number): Promise<{ claimed: number; limit: number }> {
    const turn = newestClaim.then(async () => {
      const limit = state === 'started' ? Math.min(wanted, settings.held - lanes.size()) : 0;
      if (limit <= 0) return { claimed: 0, limit: 0 };
      const { workerId, leaseMs } = settings;
      const claims = await store.claimDeliveries({ limit, workerId, leaseMs });
      for (const claim of claims) take(claim);
      return { claimed: claims.length, limit };
    });
    newestClaim = turn.catch(() => undefined);
    return turn;
  }

  async function claimSome(): Promise<void> {
    const { claimed, limit } = await claimUpTo(settings.held);
    if (limit === 0) return;
    if (claimed === limit) again = true;
    const due = store.nextDue('delivery');
    arm(due === undefined ? LOOK_EVERY_MS : Date.parse(due) - clock.now());
  }

  function take(claim: ClaimedDelivery): void {
    const { destination, id } = claim.delivery;
    const lane = deps.transports[destination.kind]?.lane(destination) ?? `off:${destination.kind}`;
    const work = lanes.run(lane, () => attempt(claim, lane));
    void work
      .catch((error: unknown) => {
        // The store did not take the outcome: the claim stays until its lease ends or the process does, and a part that was begun is
        // looked for then.
        log.error('outbox: a delivery could not be settled', { deliveryId: id, ...named(claim.delivery), error });
      })
      .finally(wakeOrSettle);
  }

  function wakeOrSettle(): void {
    wake();
    settleWaiters();
  }

  function arm(ms: number): void {
    timer?.cancel();
    if (state === 'started') timer = clock.after(Math.min(LOOK_EVERY_MS, Math.max(MIN_TIMER_MS, ms)), wake);
  }

  function settleWaiters(): void {
    if (looking || again || lanes.size() > 0) return;
    for (const done of waiters) done();
    waiters.clear();
  }

  /** A feed that ends is read anew; what was missed meanwhile is found by looking. */
  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        for await (const event of store.watch('now', stopping.signal)) if (event.type !== 'removed') wake();
      } catch (error) {
        log.error('outbox: the feed of the store ended', { error });
      }
      await clock.sleep(STORE_PAUSE_MS, stopping.signal);
      wake();
    }
  }

  async function shutDown(): Promise<void> {
    const begun = state === 'started';
    state = 'stopped';
    timer?.cancel();
    stopping.abort();
    if (!begun) return;
    const giveUp = new AbortController();
    await Promise.race([lanes.idle(), clock.sleep(settings.graceMs, giveUp.signal)]);
    giveUp.abort();
    abandoned.abort();
    await lanes.idle();
    await watching;
    for (const transport of Object.values(deps.transports)) transport.stop?.();
    settleWaiters();
  }

  const stop = (): Promise<void> => (stopped ??= shutDown());
  return {
    start() {
      if (state !== 'new') return;
      state = 'started';
      watching = watch();
      wake();
    },
    stop,
    idle() {
      if (state !== 'started') return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      waiters.add(resolve);
      wake();
      return promise;
    },
    wake,
    async process(limit) {
      const { claimed } = await claimUpTo(limit);
      return { started: claimed, remaining: store.countDue('delivery') };
    },
    [Symbol.asyncDispose]: stop,
  };
}
