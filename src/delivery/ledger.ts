/** What a claim writes to the store: parts, and the one settlement that ends it. */
import { backoffMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import { BellhopError, DeliveryError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Scrub } from '../scrub.ts';
import type { About } from '../store/notice-records.ts';
import type { Delivery, Failure } from '../store/records.ts';
import type { ClaimedDelivery, DeliverySettlement, PartChange, Store } from '../store/store.ts';
import type { Gates } from './gates.ts';
import type { OutboxOptions } from './outbox.ts';
import type { Transport } from './transport.ts';

/** What is known while one claim is worked on; `delivery` follows what is recorded. */
export interface Work {
  readonly claim: ClaimedDelivery;
  delivery: Delivery;
  about: About;
  readonly transport: Transport;
  readonly lane: string;
}

export interface Ledger {
  settle(work: Pick<Work, 'claim'>, settlement: Omit<DeliverySettlement, 'lease'>): Promise<void>;
  /** False when the claim is no longer ours: then nothing more may be done with it. */
  record(work: Work, change: Omit<PartChange, 'lease'>): Promise<boolean>;
  /** Hands the delivery back unchanged, to be claimed at or after `atMs`. */
  postpone(work: Work, atMs: number, error?: unknown): Promise<void>;
  /** Tries again in `waitMs`, unless the time for it is over: then it failed, or is unknown when a part may have arrived. */
  later(work: Work, error: unknown, waitMs: number): Promise<void>;
  /** Ends a claim whose send or edit surely did not happen. */
  notDone(work: Work, error: unknown, action: 'send' | 'edit'): Promise<void>;
  failure(error: unknown): Failure;
}

interface Deps {
  store: Store;
  clock: Clock;
  log: Log;
  scrub: Scrub;
  gates: Gates;
  random?: () => number;
}

/** A delivery that waited for our own process to come back is tried this often before its age counts. */
const MIN_ATTEMPTS = 8;

export function createLedger(deps: Deps, options: OutboxOptions): Ledger {
  const { store, clock, log, gates, scrub } = deps;

  async function settle(work: Pick<Work, 'claim'>, settlement: Omit<DeliverySettlement, 'lease'>): Promise<void> {
    const { lease, delivery } = work.claim;
    const outcome = await store.settleDelivery({ lease, ...settlement });
    log.info('delivery settled', {
      deliveryId: delivery.id,
      ...named(delivery),
      outcome: settlement.outcome,
      ...(settlement.error === undefined ? {} : { code: settlement.error.code }),
      ...(outcome.outcome === 'stale' ? { stale: true } : {}),
    });
  }

  async function record(work: Work, change: Omit<PartChange, 'lease'>): Promise<boolean> {
    const outcome = await store.recordPart({ lease: work.claim.lease, ...change });
    if (outcome.outcome === 'stale') return false;
    work.delivery = outcome.delivery;
    return true;
  }

  function failure(error: unknown): Failure {
    const known = error instanceof BellhopError ? error : undefined;
    const hint = known?.hint === undefined ? {} : { hint: scrub(known.hint) };
    return { code: known?.code ?? 'INTERNAL', message: scrub(messageOf(error)), ...hint };
  }

  function postpone(work: Work, atMs: number, error?: unknown): Promise<void> {
    const why = error === undefined ? {} : { error: failure(error) };
    return settle(work, { outcome: 'retrying', nextAt: iso(atMs), ...why });
  }

  async function later(work: Work, error: unknown, waitMs: number): Promise<void> {
    const { id, createdAt, attempts, mode, parts } = work.delivery;
    const nextAt = clock.now() + waitMs;
    if (attempts < MIN_ATTEMPTS || nextAt <= Date.parse(createdAt) + options.giveUpMs) {
      if (mode === 'report') gates.hold(work.lane, id, waitMs);
      return postpone(work, nextAt, error);
    }
    const last = failure(error);
    const hours = Math.round(options.giveUpMs / 3_600_000);
    const message = `Given up after ${hours} h and ${attempts} attempts; the last: ${last.message}`;
    const outcome = parts.some((part) => part.state === 'sending') ? 'unknown' : 'failed';
    await settle(work, { outcome, error: { ...last, code: 'GAVE_UP', message } });
  }

  async function notDone(work: Work, error: unknown, action: 'send' | 'edit'): Promise<void> {
    const known = error instanceof DeliveryError ? error : undefined;
    if (known?.permanent) return settle(work, { outcome: 'failed', error: failure(error) });
    const group = work.transport.group(action, work.delivery.destination);
    if (known?.code === 'SLACK_RATE_LIMITED') gates.pause(group, known.retryAfterMs ?? 1_000);
    else gates.failed(work.lane);
    const wait = known?.retryAfterMs ?? backoffMs(work.delivery.attempts, options.backoff, deps.random);
    await later(work, error, Math.max(wait, gates.waitOf(work.lane, group)));
  }

  return { settle, record, postpone, later, notDone, failure };
}

/** Whose it is, for the log. */
export function named({ runId, noticeId }: Delivery): { runId: string } | { noticeId: string | undefined } {
  return runId === undefined ? { noticeId } : { runId };
}
