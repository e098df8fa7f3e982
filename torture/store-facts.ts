import type { StoreEvent } from '../src/store/records.ts';

/** What an event says, in one line: what the ledger of the feed is made of. */
export function factOf(event: StoreEvent): string {
  switch (event.type) {
    case 'run':
      return `run ${event.runId} ${event.state}`;
    case 'delivery':
      return `delivery ${event.deliveryId} ${event.state}`;
    case 'removed':
      return `removed ${event.runId}`;
    case 'queue':
      return `queue ${event.queue} ${event.paused === true ? 'paused' : 'resumed'}`;
    case 'resync':
      return 'resync';
    default:
      return event.type satisfies never;
  }
}
