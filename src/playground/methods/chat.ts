import { readContent } from '../content.ts';
import type { Content } from '../content.ts';
import type { Args } from '../args.ts';
import { granted, refused } from '../reply.ts';
import type { Reply } from '../reply.ts';
import type { Channel, Message, World } from '../state.ts';
import { directMessage, findChannel, microsOf, wireMessage } from '../state.ts';
import type { Method, MethodDeps } from './method.ts';

/** The channel an app may post to, or Slack's error. A user id means the direct message with that user. */
export function postable(world: World, reference: string): Channel | string {
  const channel = /^[UW][A-Z0-9]+$/.test(reference) ? directMessage(world, reference) : findChannel(world, reference);
  if (channel === undefined) return 'channel_not_found';
  const member = channel.members.has(world.bot.user);
  if (!member && channel.kind !== 'public') return 'channel_not_found';
  if (channel.archived) return 'is_archived';
  return member ? channel : 'not_in_channel';
}

function limited(deps: MethodDeps, kind: 'post' | 'update', key: string): Reply | undefined {
  const rates = deps.rates();
  if (rates === undefined) return undefined;
  const wait = deps.buckets.take(`${kind} ${key}`, rates[kind]);
  if (wait === 0) return undefined;
  deps.world.violate('rate_limited', `${kind} ${key}: wait ${wait} s`);
  return refused('ratelimited', { retry_after: wait });
}

function newMessage(world: World, channel: Channel, content: Content): Message {
  return {
    channel: channel.id,
    ts: world.nextTs(),
    user: world.bot.user,
    botId: world.bot.bot,
    text: content.text,
    blocks: content.blocks,
    ...(content.metadata === undefined ? {} : { metadata: content.metadata }),
    reactions: [],
    files: [],
    revision: 1,
  };
}

/** The root of the thread that a ts belongs to, or Slack's error; a reply to a reply lands in the same thread. */
export function threadRoot(world: World, channel: Channel, ts: string | undefined): { root?: string } | string {
  if (ts === undefined || ts === '') return {};
  if (Number.isNaN(microsOf(ts))) return 'invalid_thread_ts';
  const parent = world.find(channel.id, ts);
  if (parent === undefined || parent.ephemeralFor !== undefined) return 'thread_not_found';
  return { root: parent.threadTs ?? parent.ts };
}

const postMessage: Method = (args, deps) => {
  const { world } = deps;
  const channel = postable(world, args.text('channel') ?? '');
  if (typeof channel === 'string') return refused(channel);
  const tooFast = limited(deps, 'post', channel.id);
  if (tooFast !== undefined) return tooFast;
  const read = readContent(args, world);
  if ('refusal' in read) return read.refusal;
  const thread = threadRoot(world, channel, args.text('thread_ts'));
  if (typeof thread === 'string') return refused(thread);
  const message: Message = {
    ...newMessage(world, channel, read.content),
    ...(thread.root === undefined ? {} : { threadTs: thread.root }),
    ...(thread.root !== undefined && args.flag('reply_broadcast') ? { broadcast: true } : {}),
  };
  world.add(message);
  world.emit({ type: 'posted', message });
  return granted({ channel: channel.id, ts: message.ts, message: wireMessage(message, { metadata: 'with' }) });
};

/** A message of the bot itself, or Slack's error. */
function ownMessage(args: Args, world: World, foreign: string): Message | string {
  const channel = world.channels.get(args.text('channel') ?? '');
  if (channel === undefined) return 'channel_not_found';
  if (channel.archived) return 'is_archived';
  const message = world.find(channel.id, args.text('ts') ?? '');
  if (message === undefined || message.ephemeralFor !== undefined) return 'message_not_found';
  return message.user === world.bot.user ? message : foreign;
}

const update: Method = (args, deps) => {
  const { world } = deps;
  const message = ownMessage(args, world, 'cant_update_message');
  if (typeof message === 'string') return refused(message);
  const tooFast = limited(deps, 'update', 'workspace');
  if (tooFast !== undefined) return tooFast;
  const read = readContent(args, world);
  if ('refusal' in read) return read.refusal;
  message.text = read.content.text;
  if (args.json('blocks') !== 'absent') message.blocks = read.content.blocks;
  if (read.content.metadata !== undefined) message.metadata = read.content.metadata;
  message.edited = { user: world.bot.user, ts: world.nextTs() };
  message.revision += 1;
  world.emit({ type: 'edited', message });
  const shown = wireMessage(message, { metadata: 'with' });
  return granted({ channel: message.channel, ts: message.ts, text: message.text, message: shown });
};

const remove: Method = (args, { world }) => {
  const message = ownMessage(args, world, 'cant_delete_message');
  if (typeof message === 'string') return refused(message);
  world.remove(message);
  world.emit({ type: 'deleted', message });
  return granted({ channel: message.channel, ts: message.ts });
};

const postEphemeral: Method = (args, deps) => {
  const { world } = deps;
  const channel = postable(world, args.text('channel') ?? '');
  if (typeof channel === 'string') return refused(channel);
  const user = args.text('user') ?? '';
  if (!channel.members.has(user)) return refused('user_not_in_channel');
  const tooFast = limited(deps, 'post', channel.id);
  if (tooFast !== undefined) return tooFast;
  const read = readContent(args, world);
  if ('refusal' in read) return read.refusal;
  const message: Message = { ...newMessage(world, channel, read.content), ephemeralFor: user };
  world.add(message);
  world.emit({ type: 'ephemeral', message });
  return granted({ message_ts: message.ts });
};

const getPermalink: Method = (args, { world, origin }) => {
  const channel = world.channels.get(args.text('channel') ?? '');
  if (channel === undefined) return refused('channel_not_found');
  const message = world.find(channel.id, args.text('message_ts') ?? '');
  if (message === undefined) return refused('message_not_found');
  const base = `${origin()}/archives/${channel.id}/p${message.ts.replace('.', '')}`;
  const thread = message.threadTs === undefined ? '' : `?thread_ts=${message.threadTs}&cid=${channel.id}`;
  return granted({ channel: channel.id, permalink: `${base}${thread}` });
};

const addReaction: Method = (args, { world }) => {
  const channel = world.channels.get(args.text('channel') ?? '');
  if (channel === undefined) return refused('channel_not_found');
  const message = world.find(channel.id, args.text('timestamp') ?? '');
  if (message === undefined) return refused('message_not_found');
  const name = args.text('name') ?? '';
  if (!/^[a-z0-9_+'-]{1,100}$/.test(name)) return refused('invalid_name');
  if (message.reactions.some((reaction) => reaction.name === name && reaction.user === world.bot.user)) {
    return refused('already_reacted');
  }
  if (message.reactions.length >= 50) return refused('too_many_reactions');
  message.reactions.push({ name, user: world.bot.user });
  world.emit({ type: 'reaction', message });
  return granted();
};

export const chatMethods: Record<string, Method> = {
  'chat.postMessage': postMessage,
  'chat.update': update,
  'chat.delete': remove,
  'chat.postEphemeral': postEphemeral,
  'chat.getPermalink': getPermalink,
  'reactions.add': addReaction,
};
