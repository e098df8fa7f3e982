/**
 * Brings one part to its receipt. The rule for a part in state `sending`: it may have arrived, and is never sent again blindly. It is
 * looked for where that is possible; what cannot be looked for is sent once more, marked as such, or held.
 */
import { backoffMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import { DeliveryError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Receipt } from '../store/destinations.ts';
import type { Delivery, Part } from '../store/records.ts';
import type { PartChange } from '../store/store.ts';
import type { Gates } from './gates.ts';
import type { Ledger, Work } from './ledger.ts';
import type { OutboxOptions } from './outbox.ts';
import type { Pacer } from './pace.ts';
import type { Transport } from './transport.ts';

/** `ended`: the delivery has been settled, or the claim is no longer ours. */
export type PartOutcome = { is: 'sent'; receipt: Receipt } | { is: 'ended' };

/** How a part is sent: freezing the bodies with the first intent; again, knowing or not knowing that the first did not arrive. */
interface Terms {
  freeze?: PartChange['freeze'];
  resent: 'no' | 'absent' | 'blind';
}

interface Deps {
  clock: Clock;
  log: Log;
  ledger: Ledger;
  gates: Gates;
  pacer: Pacer;
  random?: () => number;
  /** Begin nothing new. */
  stopping: AbortSignal;
  /** Abandon what is under way: it may have arrived. */
  abandoned: AbortSignal;
}

export interface Parts {
  bring(work: Work, part: Part, freeze: PartChange['freeze']): Promise<PartOutcome>;
}

export function createParts(deps: Deps, options: OutboxOptions): Parts {
  const { clock, log, ledger, gates, pacer } = deps;
  const ended = { is: 'ended' } as const;

  async function send(work: Work, part: Part, terms: Terms): Promise<PartOutcome> {
    const { transport } = work;
    const turn = pacer.take(transport.pace('send', work.delivery.destination));
    if (turn > 0) await clock.sleep(turn, deps.stopping);
    if (deps.stopping.aborted) {
      await ledger.postpone(work, clock.now());
      return ended;
    }
    const freeze = terms.freeze === undefined ? {} : { freeze: terms.freeze };
    const begun = { n: part.n, state: 'sending' as const, at: iso(clock.now()) };
    if (!(await ledger.record(work, { ...freeze, part: begun }))) return ended;
    const { delivery, about } = work;
    const request = { delivery, about, n: part.n, body: part.body ?? null, previous: receiptsBefore(delivery, part.n) };
    let receipt: Receipt;
    try {
      receipt = await transport.send({ ...request, resent: terms.resent !== 'no' }, deps.abandoned);
    } catch (error) {
      await sendFailed(work, part, { error, terms });
      return ended;
    }
    gates.worked(work.lane);
    return keep(work, part, receipt);
  }

  async function keep(work: Work, part: Part, receipt: Receipt): Promise<PartOutcome> {
    const stored = await ledger.record(work, { part: { n: part.n, state: 'sent', at: receipt.at, receipt } });
    return stored ? { is: 'sent', receipt } : ended;
  }

  async function sendFailed(work: Work, part: Part, fact: { error: unknown; terms: Terms }): Promise<void> {
    const { error, terms } = fact;
    // What a transport throws that is no DeliveryError is a bug in it, and says nothing about what was sent.
    if (error instanceof DeliveryError && !error.ambiguous) {
      // After a blind resend it is still not known whether the first send arrived: the part goes back to when that one was begun.
      const first = terms.resent === 'blind' ? part.startedAt : undefined;
      const state = first === undefined ? 'pending' : 'sending';
      if (!(await ledger.record(work, { part: { n: part.n, state, at: first ?? iso(clock.now()) } }))) return;
      if (first !== undefined && error.permanent)
        return ledger.settle(work, { outcome: 'unknown', error: ledger.failure(error) });
      return ledger.notDone(work, error, 'send');
    }
    if (!(error instanceof DeliveryError))
      log.error('outbox: a transport broke', { deliveryId: work.delivery.id, error });
    gates.failed(work.lane);
    if (terms.resent === 'blind') return ledger.settle(work, { outcome: 'unknown', error: ledger.failure(error) });
    await ledger.later(work, error, waitBeforeLooking(work));
  }

  function waitBeforeLooking(work: Work): number {
    const { ambiguity } = work.transport;
    const wait = backoffMs(work.delivery.attempts, options.backoff, deps.random);
    return ambiguity.policy === 'repeat' ? wait : Math.max(ambiguity.afterMs, wait);
  }

  /** A part that may have arrived: found, or to be sent again, or (settled) to be looked for later or never. */
  async function resolve(work: Work, part: Part): Promise<PartOutcome | { is: 'resend'; resent: Terms['resent'] }> {
    const { transport, delivery, about } = work;
    const { ambiguity } = transport;
    if (ambiguity.policy === 'repeat') return { is: 'resend', resent: 'absent' };
    const since = part.startedAt ?? delivery.createdAt;
    const request = { delivery, about, n: part.n, previous: receiptsBefore(delivery, part.n), since };
    const found = (await transport.probe?.(request, deps.abandoned).catch(() => 'unknowable' as const)) ?? 'unknowable';
    if (typeof found !== 'string') return keep(work, part, found);
    const error = mayHaveArrived(part, transport);
    if (found === 'unknowable' && ambiguity.policy === 'probe' && options.unprobed === 'hold') {
      await ledger.settle(work, { outcome: 'unknown', error: ledger.failure(error) });
      return ended;
    }
    const early = Date.parse(since) + ambiguity.afterMs - clock.now();
    if (early > 0) {
      await ledger.later(work, error, early);
      return ended;
    }
    return { is: 'resend', resent: found === 'absent' ? 'absent' : 'blind' };
  }

  return {
    async bring(work, part, freeze) {
      if (part.state === 'sent' && part.receipt !== undefined) return { is: 'sent', receipt: part.receipt };
      if (part.state !== 'sending') return send(work, part, { ...(freeze ? { freeze } : {}), resent: 'no' });
      const decided = await resolve(work, part);
      return decided.is === 'resend' ? send(work, part, { resent: decided.resent }) : decided;
    },
  };
}

function receiptsBefore(delivery: Delivery, n: number): Receipt[] {
  return delivery.parts.flatMap((part) => (part.n < n && part.receipt !== undefined ? [part.receipt] : []));
}

function mayHaveArrived(part: Part, transport: Transport): DeliveryError {
  const code = transport.kind === 'email' ? 'MAIL_AMBIGUOUS' : 'SLACK_AMBIGUOUS';
  const when = part.startedAt === undefined ? '' : ` at ${part.startedAt}`;
  return new DeliveryError(`Part ${part.n} was begun${when} and its answer was lost; it may have arrived.`, {
    code,
    ambiguous: true,
  });
}
