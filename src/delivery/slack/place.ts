import { DeliveryError } from '../../errors.ts';
import type { Destination, Receipt } from '../../store/destinations.ts';
import type { SendRequest } from '../transport.ts';
import type { Place } from './posts.ts';

export type SlackDestination = Extract<Destination, { kind: 'slack' }>;
export type SlackReceipt = Extract<Receipt, { kind: 'slack' }>;

export function slackDestination(destination: Destination): SlackDestination {
  if (destination.kind === 'slack') return destination;
  throw new DeliveryError(`A ${destination.kind} destination came to the Slack transport.`, {
    code: 'INTERNAL',
    permanent: true,
  });
}

/** The first message of the delivery, when this part comes after it. */
export function headOf(request: Pick<SendRequest, 'n' | 'previous'>): SlackReceipt | undefined {
  const [head] = request.previous;
  return request.n > 1 && head?.kind === 'slack' ? head : undefined;
}

/**
 * The first part goes to the channel, or under the message that the destination names; the others to the thread of that message, or of
 * the first part. What fell back to direct messages has its thread there.
 */
export function placeOf(request: Pick<SendRequest, 'delivery' | 'n' | 'previous'>): Place {
  const { channel, threadTs } = slackDestination(request.delivery.destination);
  const head = headOf(request);
  if (head === undefined) return { channel, ...(threadTs === undefined ? {} : { threadTs }) };
  return { channel: head.channel, threadTs: head.insteadOf === undefined ? (threadTs ?? head.ts) : head.ts };
}
