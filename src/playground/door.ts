import type { Json } from './state.ts';

/** How the app answered a command, a click or a submitted modal. */
export interface Ack {
  /** Whether the app acknowledged within Slack's 3 s; otherwise the user sees an error. */
  ok: boolean;
  /** The HTTP status, or what it would be; 0 when there was no answer. */
  status: number;
  /** Milliseconds until the answer. */
  ms: number;
  /** What the ack carried: text, a message, or `response_action`. */
  body: unknown;
  error?: string;
}

/** The app's side of the workspace: takes what Slack would send to it. In process (receiver.ts) or over HTTP (http-door.ts). */
export interface Door {
  send(body: Json, kind: 'command' | 'interaction' | 'event'): Promise<Ack>;
}

// docs.slack.dev: acknowledge commands, actions and submissions within 3 s.
export const ACK_DEADLINE_MS = 3_000;
