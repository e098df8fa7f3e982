/**
 * What a way of sending must offer to the outbox. A transport renders and sends; it never decides whether to send again: it says what
 * it knows about a failure (DeliveryError: permanent, ambiguous, or surely not sent) and, where it can, looks for what it sent.
 */
import type { About } from '../store/notice-records.ts';
import type { Destination, Receipt } from '../store/destinations.ts';
import type { Delivery } from '../store/records.ts';
import type { Problem } from '../store/preflight-records.ts';
import type { Report } from '../store/report.ts';
import type { Json } from '../store/store.ts';

export interface RenderRequest {
  delivery: Delivery;
  about: About;
  /** All deliveries of the run or the notice: the card shows them. */
  deliveries: readonly Delivery[];
}

export interface SendRequest {
  delivery: Delivery;
  about: About;
  /** The part's number, from 1. */
  n: number;
  /** The part as it was frozen before the first send. */
  body: Json;
  /** The receipts of the parts before it. */
  previous: readonly Receipt[];
  /** True when the part may have arrived already: where readers can see it, the transport says so. */
  resent: boolean;
}

/** `unknowable`: the transport may not look, or cannot look now. */
export type Found = 'absent' | 'unknowable' | Receipt;

/**
 * What may be done with a part that may have arrived. `probe`: look for it, and send it again when it is absent `afterMs` after it was
 * begun. `once`: send it one more time after `afterMs`, recognisable as the same (Message-ID). `repeat`: sending twice is the same as
 * once.
 */
export type Ambiguity = { policy: 'probe' | 'once'; afterMs: number } | { policy: 'repeat' };

/** A token bucket: `perSecond` refills it, up to `burst`. */
export interface Pace {
  key: string;
  perSecond: number;
  burst: number;
}

/** What is known of a destination before a report goes there. */
export interface CheckFacts {
  /** The last report that went there, for its size and its files. */
  report?: Report;
  /** The Slack channel in which the last report for this destination arrived. */
  channelId?: string;
  /** Why nothing may be sent there any more. */
  suppressed?: string;
}

export interface Transport {
  readonly kind: Destination['kind'];
  readonly ambiguity: Ambiguity;
  /** One send is under way a lane, in planning order. */
  lane(destination: Destination): string;
  /** What a "wait" of the other side covers: all lanes of this group wait too. */
  group(action: 'send' | 'edit', destination: Destination): string;
  pace(action: 'send' | 'edit', destination: Destination): Pace;
  /** The bodies of the parts, at least one; mode `live` has exactly one. */
  prepare(request: RenderRequest): Json[];
  /** Sends one part. Throws DeliveryError; anything else is taken for "may have arrived". */
  send(request: SendRequest, signal: AbortSignal): Promise<Receipt>;
  /** Looks for a part that may have arrived since `since` (ISO instant). */
  probe?(request: Omit<SendRequest, 'resent' | 'body'> & { since: string }, signal: AbortSignal): Promise<Found>;
  /** Replaces a message that was posted; repeating it is harmless. */
  edit?(request: { delivery: Delivery; receipt: Receipt; body: Json }, signal: AbortSignal): Promise<void>;
  /** Closes what was kept open between sends; called when nothing is under way any more. */
  stop?(): void;
  /** Looks whether a report could arrive there, and posts nothing; what stands in the way. A throw is "could not be seen". */
  check?(destination: Destination, facts: CheckFacts, signal: AbortSignal): Promise<Problem[]>;
}
