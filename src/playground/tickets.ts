import type { Clock } from '../clock.ts';

// docs.slack.dev: interactivity (trigger_id: 3 s, one use; response_url: 5 posts in 30 minutes).
const TRIGGER_LIFE_MS = 3_000;
const RESPONSE_LIFE_MS = 30 * 60_000;
const RESPONSE_POSTS = 5;
const MAX_TICKETS = 5_000;

/** What a response_url answers to: a command, or the message whose button was clicked. */
export interface ResponseTarget {
  channel: string;
  user: string;
  message?: { ts: string };
}

export interface Tickets {
  trigger(user: string): string;
  /** The user, or Slack's error: a trigger works once and for 3 s. */
  exchange(triggerId: string): { user: string } | { error: string };
  response(id: string, target: ResponseTarget): void;
  /** The target, or Slack's error: 5 posts in 30 minutes. */
  post(id: string): { target: ResponseTarget } | { error: string };
}

/** Keeps the short-lived rights that Slack hands out with a command or a click. */
export function createTickets(clock: Clock): Tickets {
  const triggers = new Map<string, { user: string; at: number; used: boolean }>();
  const responses = new Map<string, { target: ResponseTarget; at: number; posts: number }>();
  let serial = 0;

  function bound(map: Map<string, unknown>): void {
    for (const key of map.keys()) if (map.size > MAX_TICKETS) map.delete(key);
  }

  return {
    trigger(user) {
      serial += 1;
      const id = `${1_000_000 + serial}.${Math.floor(clock.now() / 1_000)}.${serial.toString(16).padStart(32, '0')}`;
      triggers.set(id, { user, at: clock.monotonic(), used: false });
      bound(triggers);
      return id;
    },
    exchange(triggerId) {
      const trigger = triggers.get(triggerId);
      if (trigger === undefined) return { error: 'invalid_trigger_id' };
      if (clock.monotonic() - trigger.at > TRIGGER_LIFE_MS) return { error: 'expired_trigger_id' };
      if (trigger.used) return { error: 'exchanged_trigger_id' };
      trigger.used = true;
      return { user: trigger.user };
    },
    response(id, target) {
      responses.set(id, { target, at: clock.monotonic(), posts: 0 });
      bound(responses);
    },
    post(id) {
      const response = responses.get(id);
      if (response === undefined) return { error: 'no_such_url' };
      if (clock.monotonic() - response.at > RESPONSE_LIFE_MS) return { error: 'expired_url' };
      if (response.posts >= RESPONSE_POSTS) return { error: 'used_url' };
      response.posts += 1;
      return { target: response.target };
    },
  };
}
