import { createArgs, isJson } from './args.ts';
import type { Json, Message, World } from './state.ts';
import { wireMessage } from './state.ts';

export interface SlashAct {
  user: string;
  channel: string;
  /** What stands behind the command. */
  text: string;
  /** Default `/jobs`. */
  command?: string;
}

export interface ClickAct {
  user: string;
  channel: string;
  /** The message that carries the button. */
  ts: string;
  actionId: string;
  /** Tells apart elements with one action id; default: the first. */
  value?: string;
}

export interface ViewClickAct {
  user: string;
  viewId: string;
  actionId: string;
  /** Tells apart elements with one action id; default: the first. */
  value?: string;
}

export interface SubmitAct {
  user: string;
  viewId: string;
  /** `values[blockId][actionId]`: the state of each input element. */
  values?: Record<string, Json>;
}

/** The rights that go out with an act. */
export interface Rights {
  triggerId: string;
  responseUrl: string;
}

/** Slack's verification token: long deprecated, still sent. */
const VERIFICATION = 'playground-verification-token';

/** The form fields of a slash command, as Slack sends them. */
export function slashFields(world: World, act: SlashAct, rights: Rights): Record<string, string> {
  const channel = world.channels.get(act.channel);
  return {
    token: VERIFICATION,
    team_id: world.team.id,
    team_domain: world.team.domain,
    channel_id: act.channel,
    channel_name:
      channel?.kind === 'im' ? 'directmessage' : channel?.kind === 'private' ? 'privategroup' : (channel?.name ?? ''),
    user_id: act.user,
    user_name: world.people.get(act.user)?.name ?? '',
    command: act.command ?? '/jobs',
    text: act.text,
    api_app_id: world.appId,
    is_enterprise_install: 'false',
    response_url: rights.responseUrl,
    trigger_id: rights.triggerId,
  };
}

function interaction(world: World, user: string): Json {
  return {
    user: {
      id: user,
      username: world.people.get(user)?.name ?? '',
      name: world.people.get(user)?.name ?? '',
      team_id: world.team.id,
    },
    api_app_id: world.appId,
    token: VERIFICATION,
    team: { id: world.team.id, domain: world.team.domain },
    enterprise: null,
    is_enterprise_install: false,
  };
}

/** The payload of a click on an element of a message; undefined when the message has no such element. */
export function clickPayload(
  world: World,
  message: Message,
  detail: { act: ClickAct; rights: Rights },
): Json | undefined {
  const { act, rights } = detail;
  const found = findElement(message.blocks, act);
  if (found === undefined) return undefined;
  const channel = world.channels.get(message.channel);
  const ephemeral = message.ephemeralFor !== undefined;
  return {
    type: 'block_actions',
    ...interaction(world, act.user),
    container: { type: 'message', message_ts: message.ts, channel_id: message.channel, is_ephemeral: ephemeral },
    trigger_id: rights.triggerId,
    channel: { id: message.channel, name: channel?.kind === 'im' ? 'directmessage' : (channel?.name ?? '') },
    ...(ephemeral ? {} : { message: wireMessage(message, { metadata: 'without' }) }),
    state: { values: {} },
    response_url: rights.responseUrl,
    actions: [{ ...found.element, block_id: found.blockId, action_ts: world.nextTs() }],
  };
}

/** The payload of a click on an element of a view: no channel and no address for an answer, as Slack sends it. */
export function viewClickPayload(
  world: World,
  view: Json,
  detail: { act: ViewClickAct; triggerId: string },
): Json | undefined {
  const { act, triggerId } = detail;
  const blocks = Array.isArray(view['blocks']) ? view['blocks'].filter(isJson) : [];
  const found = findElement(blocks, act);
  if (found === undefined) return undefined;
  return {
    type: 'block_actions',
    ...interaction(world, act.user),
    container: { type: 'view', view_id: act.viewId },
    trigger_id: triggerId,
    view,
    actions: [{ ...found.element, block_id: found.blockId, action_ts: world.nextTs() }],
  };
}

/** The event of a user who opens a tab of the app. */
export function homePayload(world: World, { user, tab }: { user: string; tab: 'home' | 'messages' }): Json {
  return {
    type: 'event_callback',
    token: VERIFICATION,
    team_id: world.team.id,
    api_app_id: world.appId,
    event: { type: 'app_home_opened', user, channel: 'D0HOME', tab, event_ts: world.nextTs() },
    event_id: world.nextId('Ev'),
    event_time: Math.floor(world.clock.now() / 1_000),
    authorizations: [{ enterprise_id: null, team_id: world.team.id, user_id: world.bot.user, is_bot: true }],
  };
}

function findElement(
  blocks: readonly Json[],
  act: { actionId: string; value?: string },
): { element: Json; blockId: string } | undefined {
  for (const [index, block] of blocks.entries()) {
    const elements: unknown[] = [...(Array.isArray(block['elements']) ? block['elements'] : []), block['accessory']];
    for (const element of elements) {
      if (typeof element !== 'object' || element === null) continue;
      const fields = createArgs(Object.fromEntries(Object.entries(element)));
      if (fields.text('action_id') !== act.actionId) continue;
      if (act.value !== undefined && fields.text('value') !== act.value) continue;
      return { element: fields.all(), blockId: createArgs(block).text('block_id') ?? `b${index}` };
    }
  }
  return undefined;
}

/** The payload of a submitted modal. */
export function submitPayload(world: World, view: Json, detail: { act: SubmitAct; rights: Rights }): Json {
  return {
    type: 'view_submission',
    ...interaction(world, detail.act.user),
    trigger_id: detail.rights.triggerId,
    view: { ...view, state: { values: detail.act.values ?? {} } },
    response_urls: [],
  };
}
