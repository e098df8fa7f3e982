import type { IncomingMessage, ServerResponse } from 'node:http';
import { HTTPReceiver } from '@slack/bolt';
import { WebClient, type WebClientOptions } from '@slack/web-api';
import type { Clock } from '../clock.ts';
import { DependencyError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Memory } from '../runner/memory.ts';
import type { Runner } from '../runner/runner.ts';
import type { Schedules } from '../runner/schedules.ts';
import type { Reader } from '../store/reader.ts';
import { createBot } from './app.ts';
import { createAuthorizer, type Authorizer, type Identity } from './authorize.ts';
import { createDoor, type AdmittedRequest } from './door.ts';
import { createZones } from './zones.ts';

export interface SlackDeps {
  runner: Runner;
  reader: Reader;
  schedules: Schedules;
  memory: Pick<Memory, 'list' | 'advise'>;
  /** Slack user ids of those who may approve. */
  owners: readonly string[];
  remember: (key: string) => Promise<boolean>;
  clock: Clock;
  log: Log;
}

export interface SlackOptions {
  botToken: string;
  signingSecret: string;
  apiUrl: string;
}

export interface SlackSurface {
  handle(req: IncomingMessage, res: ServerResponse): void;
  state: Authorizer['state'];
  refused(): Record<string, number>;
  start(): void;
  stop(): void;
}

/**
 * Slack over HTTP: our door in front, Bolt behind it, no call to Slack needed to answer a command.
 * The client here is the interactive one (short timeout, no retries); the outbox has its own, so that a rate limit on a report
 * can never hold up an answer (measured with one shared client: 4.9 s).
 */
export function createSlack(deps: SlackDeps, options: SlackOptions): SlackSurface {
  const { clock, log } = deps;
  const clientOptions = interactiveOptions(options.apiUrl);
  const receiver = new HTTPReceiver({
    signingSecret: options.signingSecret,
    // The door has verified the raw bytes by a stricter rule; it is the only caller of this receiver.
    signatureVerification: false,
    endpoints: ['/slack/events'],
    unhandledRequestTimeoutMillis: 2_900,
    customPropertiesExtractor: (req: AdmittedRequest) => ({ fingerprint: req.fingerprint }),
    // Bolt's default answers 401 to a body it cannot place; such a body is not ours to carry out, and is a bad request.
    processEventErrorHandler: ({ error, response }) => {
      log.warn('a slack request was not understood', { error: messageOf(error) });
      if (!response.headersSent) response.writeHead(400).end();
      return Promise.resolve(false);
    },
  });
  const client = new WebClient(options.botToken, clientOptions);
  const authorizer = createAuthorizer({ botToken: options.botToken, identify: () => identify(client), clock, log });
  const ask = async (user: string) => (await client.users.info({ user })).user?.tz;
  const zones = createZones({ ask, clock, log });
  createBot({ ...deps, zones, receiver, authorizer, clientOptions });
  const door = createDoor({
    signingSecret: options.signingSecret,
    clock,
    log,
    listener: (req, res) => {
      try {
        receiver.requestListener(req, res);
      } catch {
        res.writeHead(404).end(); // thrown at once for a path that is not the receiver's
      }
    },
  });
  return {
    handle: (req, res) => {
      door.handle(req, res).catch((error: unknown) => {
        log.error('the slack door failed', { error: messageOf(error) });
        if (!res.headersSent) res.writeHead(500).end();
      });
    },
    state: () => authorizer.state(),
    refused: () => door.refused(),
    start: () => authorizer.start(),
    stop: () => authorizer.stop(),
  };
}

/** Options of a WebClient whose retries and limits are ours: a blind retry of the SDK posts twice (measured). */
export function interactiveOptions(apiUrl: string): WebClientOptions {
  return {
    slackApiUrl: apiUrl,
    allowAbsoluteUrls: false,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 2_500,
  };
}

async function identify(client: WebClient): Promise<Identity> {
  const answer = await client.auth.test();
  if (answer.bot_id === undefined || answer.user_id === undefined || answer.team_id === undefined) {
    throw new DependencyError('Slack did not say who the bot is', {
      code: 'SLACK_REJECTED',
      hint: 'SLACK_BOT_TOKEN must be the bot token (xoxb-…) of an app with a bot user.',
    });
  }
  return { botId: answer.bot_id, botUserId: answer.user_id, teamId: answer.team_id };
}
