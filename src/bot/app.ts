import { App, LogLevel, type Receiver } from '@slack/bolt';
import type { WebClientOptions } from '@slack/web-api';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Memory } from '../runner/memory.ts';
import type { Runner } from '../runner/runner.ts';
import type { Schedules } from '../runner/schedules.ts';
import type { Reader } from '../store/reader.ts';
import { answerAll } from './answered.ts';
import type { Authorizer } from './authorize.ts';
import { answerCommand } from './commands/answer.ts';
import { answerButton } from './commands/buttons.ts';
import { problemView } from './views/answers.ts';
import type { Zones } from './zones.ts';

export interface BotDeps {
  receiver: Receiver;
  authorizer: Pick<Authorizer, 'authorize'>;
  runner: Runner;
  reader: Reader;
  schedules: Schedules;
  memory: Pick<Memory, 'list' | 'advise'>;
  /** Slack user ids of those who may approve. */
  owners: readonly string[];
  zones: Zones;
  /** Stores that a command which changes something was seen; false when it was seen before. */
  remember: (key: string) => Promise<boolean>;
  clock: Clock;
  log: Log;
  clientOptions: WebClientOptions;
}

const RESPOND_TIMEOUT_MS = 5_000;

/**
 * The Bolt app: every command and button is answered within the acknowledgement, after what was asked is stored durably.
 * The catch-alls make sure that nothing hangs until Slack's three seconds are over.
 */
export function createBot(deps: BotDeps): App {
  const { log } = deps;
  const app = new App({
    receiver: deps.receiver,
    authorize: () => deps.authorizer.authorize(),
    convoStore: false,
    logger: boltLogger(log),
    clientOptions: deps.clientOptions,
  });

  app.command(/.*/, async ({ command, ack, context }) => {
    const answer = await answerCommand(deps, {
      userId: command.user_id,
      userName: command.user_name,
      channelId: command.channel_id,
      text: command.text ?? '',
      key: keyOf(context['fingerprint'], command.trigger_id),
    });
    await ack({ response_type: 'ephemeral', ...answer });
  });

  app.action(/.*/, async ({ body, action, ack, respond, context }) => {
    if (body.type !== 'block_actions' || action.type !== 'button' || !('action_id' in action)) return ack();
    const answer = await answerButton(deps, {
      userId: body.user.id,
      userName: body.user.username,
      channelId: body.channel?.id,
      actionId: action.action_id,
      value: action.value ?? '',
      ephemeral: isEphemeral(body.container),
      key: keyOf(context['fingerprint'], body.trigger_id),
    });
    await ack();
    await bounded(deps, () => respond({ response_type: 'ephemeral', ...answer }));
  });

  app.options(/.*/, async ({ ack }) => ack({ options: [] }));
  app.view(/.*/, async ({ ack }) => ack());
  app.shortcut(/.*/, async ({ ack, respond }) => {
    await ack();
    const answer = problemView('Bellhop has no shortcuts yet.', 'Type `/jobs help`.');
    // Only message shortcuts can be answered.
    if (typeof respond === 'function') await bounded(deps, () => respond({ response_type: 'ephemeral', ...answer }));
  });

  app.error((error) => {
    log.error('a slack request failed', { code: error.code, error: messageOf(error.original ?? error) });
    return Promise.resolve();
  });
  answerAll(app, log);
  return app;
}

/** A payload without its container is one that the library's types do not know. */
function isEphemeral(container: unknown): boolean {
  return (
    typeof container === 'object' &&
    container !== null &&
    'is_ephemeral' in container &&
    container.is_ephemeral === true
  );
}

/** What makes one act of a person one act: the signature over HTTP, else the trigger (both are used once by Slack). */
function keyOf(fingerprint: unknown, triggerId: string | undefined): string {
  if (typeof fingerprint === 'string') return `slack-${fingerprint}`;
  return `slack-trigger-${(triggerId ?? 'none').replace(/[^\w.-]/g, '-').slice(0, 100)}`;
}

/** The response address has no timeout of its own (measured); a lost answer changes nothing that is stored. */
async function bounded(deps: BotDeps, send: () => Promise<unknown>): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([send(), deps.clock.sleep(RESPOND_TIMEOUT_MS, over.signal)]);
  } catch (error) {
    deps.log.warn('an answer to a button could not be sent', { reason: messageOf(error) });
  } finally {
    over.abort();
  }
}

function boltLogger(log: Log) {
  const text = (messages: unknown[]): string => messages.map((message) => messageOf(message)).join(' ');
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: (...messages: unknown[]) => log.warn('bolt', { detail: text(messages) }),
    error: (...messages: unknown[]) => log.error('bolt', { detail: text(messages) }),
    setLevel: () => undefined,
    getLevel: () => LogLevel.WARN,
    setName: () => undefined,
  };
}
