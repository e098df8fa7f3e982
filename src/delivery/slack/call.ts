import { DeliveryError } from '../../errors.ts';
import { toDeliveryError } from './errors.ts';

/**
 * What the transport needs of a WebClient. Make it with `retryConfig: { retries: 0 }`, `rejectRateLimitedCalls: true` and a timeout:
 * with the SDK's defaults one post becomes three when an answer is lost (RELIABILITY finding 5).
 */
export interface SlackClient {
  apiCall(method: string, options?: Record<string, unknown>): Promise<object>;
}

/** One Web API call; throws DeliveryError. `what` names it where the channel does not. */
export type Call = (method: string, args: Record<string, unknown>, what?: string) => Promise<Record<string, unknown>>;

/** Calls until the signal aborts. A call cannot be taken back, so one that was under way then may have happened; none is begun after it. */
export function createCall(client: SlackClient, signal: AbortSignal): Call {
  return async (method, args, what) => {
    if (signal.aborted) throw stopped();
    try {
      return fieldsOf(await client.apiCall(method, args));
    } catch (error) {
      throw toDeliveryError(error, what ?? `${method} to ${String(args['channel'])}`);
    }
  };
}

/** The result of the work, or "may have arrived" as soon as the signal aborts. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw stopped();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(stopped());
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The own fields of an answer, or none. */
export function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function stopped(): DeliveryError {
  return new DeliveryError('Stopped while Slack was being asked; the message may have been posted.', {
    code: 'SLACK_AMBIGUOUS',
    ambiguous: true,
  });
}
