import type { App, Receiver } from '@slack/bolt';
import type { Clock } from '../clock.ts';
import { DependencyError, messageOf } from '../errors.ts';
import { ACK_DEADLINE_MS } from './door.ts';
import type { Ack, Door } from './door.ts';

/** A receiver for Bolt that is fed by the workspace in process: no port, no signature, the same handlers. */
export interface PlaygroundReceiver extends Receiver, Door {}

/** Makes the receiver; give it to `new App({ receiver })` and to `workspace.attach`. */
export function createPlaygroundReceiver(deps: { clock: Clock }): PlaygroundReceiver {
  let app: App | undefined;

  return {
    init(started) {
      app = started;
    },
    start: () => Promise.resolve(undefined),
    stop: () => Promise.resolve(undefined),
    send(body) {
      const target = app;
      if (target === undefined) {
        throw new DependencyError('The receiver belongs to no Bolt app yet.', {
          code: 'INTERNAL',
          hint: 'Make the App with this receiver before acting in the workspace.',
        });
      }
      const started = deps.clock.monotonic();
      return new Promise<Ack>((resolve) => {
        let acked = false;
        const settle = (ack: Omit<Ack, 'ms'>): void => {
          timer.cancel();
          resolve({ ...ack, ms: deps.clock.monotonic() - started });
        };
        const timer = deps.clock.after(ACK_DEADLINE_MS, () =>
          settle({ ok: false, status: 0, body: '', error: 'operation_timeout' }),
        );
        const ack = (answer?: unknown): Promise<void> => {
          // Bolt's HTTP receiver throws here too: the response is gone.
          if (acked)
            throw new DependencyError('The request was acknowledged twice.', {
              code: 'INTERNAL',
              hint: 'Call ack() once.',
            });
          acked = true;
          settle({ ok: true, status: 200, body: answer ?? '' });
          return Promise.resolve();
        };
        target.processEvent({ body, ack }).catch((error: unknown) => {
          if (!acked) settle({ ok: false, status: 500, body: '', error: `dispatch_failed: ${messageOf(error)}` });
        });
      });
    },
  };
}
