import type { App, ReceiverEvent } from '@slack/bolt';
import type { Log } from '../log.ts';

/**
 * Makes sure that every genuine request is answered as soon as it is worked on. Bolt leaves unanswered (measured on 5.1: 404 after
 * its watchdog) what has no listener: a closed view, `app_rate_limited`, every payload that is newer than the library.
 * Such a request is acknowledged empty; a body that Bolt cannot place at all still throws, and the receiver answers it.
 */
export function answerAll(app: App, log: Log): void {
  const process = app.processEvent.bind(app);
  app.processEvent = async (event: ReceiverEvent) => {
    let answered = false;
    const ack: ReceiverEvent['ack'] = async (response) => {
      answered = true;
      await event.ack(response);
    };
    await process({ ...event, ack });
    if (answered) return;
    log.warn('a slack request had no listener', { type: typeOf(event.body) });
    await event.ack();
  };
}

function typeOf(body: Record<string, unknown>): string {
  return typeof body['type'] === 'string' ? body['type'].slice(0, 60) : 'none';
}
