import type { Clock } from '../clock.ts';
import { codeOf, messageOf } from '../errors.ts';
import { ACK_DEADLINE_MS } from './door.ts';
import type { Ack, Door } from './door.ts';
import { signedRequest } from './sign.ts';
import type { Json } from './state.ts';

export interface HttpDoorDeps {
  /** Where the app takes requests from Slack, e.g. `http://127.0.0.1:3000/slack/events`. */
  url: string;
  signingSecret: string;
  clock: Clock;
}

/** The body of a request from Slack: an event is JSON, a command a plain form, everything else a form with one field `payload`. */
export function formBody(body: Json, kind: 'command' | 'interaction' | 'event'): string {
  if (kind === 'event') return JSON.stringify(body);
  if (kind === 'interaction') return new URLSearchParams({ payload: JSON.stringify(body) }).toString();
  return new URLSearchParams(
    Object.entries(body).map(([key, value]): [string, string] => [key, String(value)]),
  ).toString();
}

/** Sends signed requests to a running server, as Slack does; an answer later than 3 s counts as none. */
export function createHttpDoor(deps: HttpDoorDeps): Door {
  const { url, signingSecret, clock } = deps;
  return {
    async send(body, kind) {
      const form = formBody(body, kind);
      const timestamp = Math.floor(clock.now() / 1_000);
      const started = clock.monotonic();
      const deadline = new AbortController();
      const timer = clock.after(ACK_DEADLINE_MS, () => deadline.abort());
      const taken = (): number => clock.monotonic() - started;
      try {
        const response = await fetch(url, {
          method: 'POST',
          headers: {
            'content-type': kind === 'event' ? 'application/json' : 'application/x-www-form-urlencoded',
            'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
            ...signedRequest({ secret: signingSecret, body: form, timestamp }),
          },
          body: form,
          signal: deadline.signal,
        });
        const text = await response.text();
        const { status, ok } = response;
        return {
          ok,
          status,
          ms: taken(),
          body: parsed(text, response.headers.get('content-type')),
          ...(ok ? {} : { error: 'dispatch_failed' }),
        };
      } catch (error) {
        const late = deadline.signal.aborted;
        return {
          ok: false,
          status: 0,
          ms: taken(),
          body: '',
          error: late ? 'operation_timeout' : (codeOf(error) ?? messageOf(error)),
        } satisfies Ack;
      } finally {
        timer.cancel();
      }
    },
  };
}

function parsed(text: string, contentType: string | null): unknown {
  if (contentType?.includes('application/json') !== true || text === '') return text;
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return text;
  }
}
