import type { Clock, Timer } from '../clock.ts';
import type { Log } from '../log.ts';
import { backoffMs } from '../backoff.ts';
import { messageOf } from '../errors.ts';

/** What Slack says about the bot behind the token. */
export interface Identity {
  botId: string;
  botUserId: string;
  teamId: string;
}

export interface Authorizer {
  start(): void;
  stop(): void;
  /** `degraded` until Slack answered once; commands work all the same, since they need no call to Slack. */
  state(): { state: 'ready' } | { state: 'degraded'; reason: string };
  /** For Bolt: the token, and the bot's ids as soon as they are known. */
  authorize(): Promise<{ botToken: string } & Partial<Identity>>;
}

export interface AuthorizerDeps {
  botToken: string;
  /** Asks Slack who we are; throws when it cannot. */
  identify: () => Promise<Identity>;
  clock: Clock;
  log: Log;
}

/**
 * Learns the bot's identity in the background and keeps it, so that Slack being away at the start means "degraded", not a crash:
 * Bolt's own authorization (measured) either gives no acknowledgement until Slack is back or never recovers.
 */
export function createAuthorizer(deps: AuthorizerDeps): Authorizer {
  const { botToken, clock, log } = deps;
  let identity: Identity | undefined;
  let reason = 'Slack was not asked yet';
  let attempt = 0;
  let timer: Timer | undefined;
  let stopped = false;

  async function learn(): Promise<void> {
    attempt += 1;
    try {
      identity = await deps.identify();
      log.info('slack connected', { team: identity.teamId, bot: identity.botId, attempt });
    } catch (error) {
      reason = messageOf(error);
      log.warn('slack is away or refuses the token; trying again', { attempt, reason });
      if (!stopped) timer = clock.after(backoffMs(attempt, { baseMs: 1_000, maxMs: 60_000 }), () => void learn());
    }
  }

  return {
    start: () => void learn(),
    stop() {
      stopped = true;
      timer?.cancel();
    },
    state: () => (identity === undefined ? { state: 'degraded', reason } : { state: 'ready' }),
    authorize: () => Promise.resolve({ botToken, ...identity }),
  };
}
