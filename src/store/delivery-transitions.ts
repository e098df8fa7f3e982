/**
 * Which state of a delivery may follow which: pure functions, like transitions.ts for runs. A delivery's `rev` counts its outcomes
 * (settled, or its holder died), because each of them changes what the run's card says; claims and parts do not.
 */
import { iso } from '../clock.ts';
import { isId } from '../ids.ts';
import { cardVersion } from './transitions.ts';
import { DELIVERY_FINAL, isFinal } from './records.ts';
import type { Delivery, DeliveryState, Part, PlannedDelivery, Run } from './records.ts';
import type { DeliveryLease, DeliverySettlement, PartChange } from './store.ts';

type DeliveryVerb = 'plan' | 'claim' | 'settle' | 'interrupt';

/** Every allowed move. `unknown` is left only while it has a `nextAt`; a `live` delivery goes back to `pending` when it was shown. */
export const DELIVERY_TRANSITIONS: readonly {
  verb: DeliveryVerb;
  from: readonly DeliveryState[];
  to: readonly DeliveryState[];
}[] = [
  { verb: 'plan', from: [], to: ['pending'] },
  { verb: 'claim', from: ['pending', 'retrying', 'unknown'], to: ['sending'] },
  { verb: 'settle', from: ['sending'], to: ['delivered', 'retrying', 'unknown', 'failed', 'pending'] },
  { verb: 'interrupt', from: ['sending'], to: ['retrying'] },
];

/** A run or a notice, as far as its deliveries follow from it. */
interface Planned {
  id: string;
  createdAt: string;
  finishedAt?: string | undefined;
  deliveries: readonly PlannedDelivery[];
}

/** The delivery of a plan of which nothing has happened yet; it follows from what planned it, so nothing has to be stored for it. */
function pendingDelivery(of: Planned, plan: PlannedDelivery): Delivery {
  const at = plan.mode === 'live' ? of.createdAt : (of.finishedAt ?? of.createdAt);
  return {
    ...plan,
    ...(isId(of.id, 'ntc') ? { noticeId: of.id } : { runId: of.id }),
    rev: 0,
    state: 'pending',
    createdAt: at,
    updatedAt: at,
    fence: 0,
    attempts: 0,
    parts: [],
  };
}

/** The deliveries of a run or a notice in planning order: what is known of each, `pending` for the rest. */
export function mergeDeliveries(of: Planned, known: readonly Delivery[] | undefined): Delivery[] {
  return of.deliveries.map((plan) => known?.find((delivery) => delivery.id === plan.id) ?? pendingDelivery(of, plan));
}

/** Whether anything can still happen to the delivery. */
export function isOpen(delivery: Delivery): boolean {
  return !DELIVERY_FINAL.includes(delivery.state) || (delivery.state === 'unknown' && delivery.nextAt !== undefined);
}

/**
 * The instant from which the delivery may be claimed, or undefined when nothing is to be done now: it is final, held, or a card that
 * shows the present version.
 */
export function dueAt(delivery: Delivery, version: number): string | undefined {
  if (!isOpen(delivery) || delivery.state === 'sending') return undefined;
  if (delivery.mode === 'live' && delivery.state === 'pending' && delivery.shownVersion === version) return undefined;
  return delivery.nextAt ?? delivery.createdAt;
}

/** Whether this lease is the current one. */
export function holdsDelivery(delivery: Delivery, lease: DeliveryLease): boolean {
  return delivery.state === 'sending' && delivery.fence === lease.fence && delivery.claimedBy === lease.workerId;
}

/** Leases a delivery for `leaseMs` milliseconds; `attempts` counts the claim. */
export function claimDelivery(delivery: Delivery, terms: { now: number; workerId: string; leaseMs: number }): Delivery {
  const { nextAt: _nextAt, ...rest } = delivery;
  return {
    ...rest,
    state: 'sending',
    fence: delivery.fence + 1,
    attempts: delivery.attempts + 1,
    claimedBy: terms.workerId,
    leaseExpiresAt: iso(terms.now + terms.leaseMs),
    updatedAt: iso(terms.now),
  };
}

/** Freezes parts and moves one: a part that is sent, or may have been, keeps its body and its receipt whatever is frozen later. */
export function changePart(delivery: Delivery, change: PartChange, now: number): Delivery {
  let parts = delivery.parts;
  if (change.freeze !== undefined) parts = frozenParts(parts, change.freeze);
  const move = change.part;
  if (move !== undefined) {
    const before: Part = parts.find((part) => part.n === move.n) ?? { n: move.n, state: 'pending' };
    parts = byNumber([...parts.filter((part) => part.n !== move.n), movedPart(before, move)]);
  }
  return { ...delivery, parts, updatedAt: iso(now) };
}

/**
 * Ends the current claim. `shown` leaves a live delivery waiting for the card's next change, or `delivered` when the run and all its
 * reports are final and shown.
 */
export function settleDelivery(
  delivery: Delivery,
  settlement: DeliverySettlement,
  context: { run: Pick<Run, 'state' | 'rev'>; siblings: readonly Delivery[]; now: number },
): Delivery {
  const { error: _error, deaths: _deaths, ...free } = unleased(delivery);
  const base: Delivery = {
    ...free,
    rev: delivery.rev + 1,
    updatedAt: iso(context.now),
    ...(settlement.shownVersion === undefined ? {} : { shownVersion: settlement.shownVersion }),
    ...(settlement.error === undefined ? {} : { error: settlement.error }),
  };
  const later = settlement.nextAt === undefined ? {} : { nextAt: iso(Date.parse(settlement.nextAt)) };
  switch (settlement.outcome) {
    case 'delivered':
      return { ...base, state: 'delivered', parts: withoutBodies(delivery.parts) };
    case 'failed':
      return { ...base, state: 'failed' };
    case 'retrying':
      return { ...base, state: 'retrying', nextAt: later.nextAt ?? iso(context.now) };
    case 'unknown':
      return { ...base, state: 'unknown', ...later };
    case 'shown':
      if (cardIsDone(base, context)) return { ...base, state: 'delivered', parts: withoutBodies(delivery.parts) };
      // A shown card is a success: what counts towards poison starts again.
      return { ...base, state: 'pending', attempts: 0, ...later };
    default:
      return settlement.outcome satisfies never;
  }
}

/** Takes the claim from a holder that died: claimable at once, and a part it left `sending` stays so, for it may have arrived. */
export function interruptDelivery(delivery: Delivery, now: number): Delivery {
  const at = iso(now);
  const holder = delivery.claimedBy ?? 'unknown';
  const error = { code: 'LEASE_EXPIRED', message: `The sender ${holder} died or stopped answering.` };
  const deaths = (delivery.deaths ?? 0) + 1;
  return { ...unleased(delivery), rev: delivery.rev + 1, state: 'retrying', nextAt: at, updatedAt: at, error, deaths };
}

function cardIsDone(
  live: Delivery,
  context: { run: Pick<Run, 'state' | 'rev'>; siblings: readonly Delivery[] },
): boolean {
  const reports = context.siblings.filter((other) => other.mode === 'report');
  return (
    isFinal(context.run.state) &&
    reports.every((other) => !isOpen(other)) &&
    live.shownVersion === cardVersion(context.run, reports)
  );
}

function unleased(delivery: Delivery): Delivery {
  const { claimedBy: _claimedBy, leaseExpiresAt: _leaseExpiresAt, nextAt: _nextAt, ...rest } = delivery;
  return rest;
}

function frozenParts(present: readonly Part[], freeze: readonly Pick<Part, 'n' | 'body'>[]): Part[] {
  const begun = present.filter((part) => part.state !== 'pending');
  const fresh = freeze.filter(({ n }) => !begun.some((part) => part.n === n));
  return byNumber([
    ...begun,
    ...fresh.map(({ n, body }): Part => ({ n, state: 'pending', ...(body === undefined ? {} : { body }) })),
  ]);
}

function movedPart(part: Part, move: NonNullable<PartChange['part']>): Part {
  const { startedAt, receipt, ...rest } = part;
  switch (move.state) {
    case 'sending':
      return { ...rest, state: 'sending', startedAt: move.at, ...(receipt === undefined ? {} : { receipt }) };
    case 'sent': {
      const proof = move.receipt ?? receipt;
      return {
        ...rest,
        state: 'sent',
        ...(startedAt === undefined ? {} : { startedAt }),
        ...(proof === undefined ? {} : { receipt: proof }),
      };
    }
    case 'pending':
      return { ...rest, state: 'pending' };
    default:
      return move.state satisfies never;
  }
}

function withoutBodies(parts: readonly Part[]): Part[] {
  return parts.map(({ body: _body, ...part }) => part);
}

function byNumber(parts: Part[]): Part[] {
  return parts.sort((a, b) => a.n - b.n);
}
