import type { Args } from '../args.ts';
import { granted, pageOf, refused } from '../reply.ts';
import type { Reply } from '../reply.ts';
import type { Channel, Json, Message, World } from '../state.ts';
import { directMessage, microsOf, wireFile, wireMessage } from '../state.ts';
import type { Method } from './method.ts';

function wireChannel(channel: Channel, world: World): Json {
  return {
    id: channel.id,
    created: channel.created,
    is_archived: channel.archived,
    is_im: channel.kind === 'im',
    is_channel: channel.kind === 'public',
    is_group: false,
    is_private: channel.kind !== 'public',
    is_member: channel.members.has(world.bot.user),
    num_members: channel.members.size,
    ...(channel.kind === 'im' ? { user: channel.user } : { name: channel.name, name_normalized: channel.name }),
  };
}

/** A channel whose content the bot may read, or Slack's error; private ones it is not in do not exist for it. */
function readable(world: World, args: Args): Channel | string {
  const channel = world.channels.get(args.text('channel') ?? '');
  if (channel === undefined) return 'channel_not_found';
  if (channel.members.has(world.bot.user)) return channel;
  return channel.kind === 'public' ? 'not_in_channel' : 'channel_not_found';
}

/** Messages in the asked-for span of time; the bounds belong to it only with `inclusive`. */
function within(messages: Message[], args: Args): Message[] | string {
  const oldest = microsOf(args.text('oldest') || '0');
  const latest = microsOf(args.text('latest') || '9999999999');
  if (Number.isNaN(oldest)) return 'invalid_ts_oldest';
  if (Number.isNaN(latest)) return 'invalid_ts_latest';
  const inclusive = args.flag('inclusive');
  return messages.filter((message) => {
    const at = microsOf(message.ts);
    return inclusive ? at >= oldest && at <= latest : at > oldest && at < latest;
  });
}

function listed(found: Message[] | string, args: Args, world: World): Reply {
  if (typeof found === 'string') return refused(found);
  const page = pageOf(found, args.text('cursor'), args.count('limit', { min: 1, max: 999, fallback: 100 }));
  if (page === undefined) return refused('invalid_cursor');
  const metadata = args.flag('include_all_metadata') ? 'with' : 'without';
  const messages = page.items.map((message) => ({
    ...wireMessage(message, { metadata }),
    ...fileFields(message, world),
    ...threadFields(message, world),
  }));
  const more = page.next !== '';
  return granted({ messages, has_more: more, ...(more ? { response_metadata: { next_cursor: page.next } } : {}) });
}

function fileFields(message: Message, world: World): Json {
  if (message.files.length === 0) return {};
  const known = message.files.flatMap((id) => world.files.get(id) ?? []);
  return { files: known.map(wireFile) };
}

function threadFields(message: Message, world: World): Json {
  if (message.threadTs !== undefined) return {};
  const replies = world.messages.filter((other) => other.channel === message.channel && other.threadTs === message.ts);
  const last = replies.at(-1);
  return last === undefined ? {} : { thread_ts: message.ts, reply_count: replies.length, latest_reply: last.ts };
}

const history: Method = (args, { world }) => {
  const channel = readable(world, args);
  if (typeof channel === 'string') return refused(channel);
  const visible = world.messages.filter(
    (message) =>
      message.channel === channel.id &&
      message.ephemeralFor === undefined &&
      (message.threadTs === undefined || message.broadcast === true),
  );
  return listed(within(visible.toReversed(), args), args, world);
};

const replies: Method = (args, { world }) => {
  const channel = readable(world, args);
  if (typeof channel === 'string') return refused(channel);
  const root = world.find(channel.id, args.text('ts') ?? '');
  if (root === undefined || root.ephemeralFor !== undefined) return refused('thread_not_found');
  const answers = world.messages.filter((message) => message.channel === channel.id && message.threadTs === root.ts);
  const found = within(answers, args);
  // The parent heads every answer, whatever span was asked for.
  return listed(typeof found === 'string' ? found : [root, ...found], args, world);
};

const list: Method = (args, { world }) => {
  const types = new Set((args.text('types') ?? 'public_channel').split(',').map((type) => type.trim()));
  const named = { public: 'public_channel', private: 'private_channel', im: 'im' } as const;
  const visible = [...world.channels.values()].filter((channel) => {
    if (!types.has(named[channel.kind])) return false;
    if (channel.kind === 'private' && !channel.members.has(world.bot.user)) return false;
    return !(channel.archived && args.flag('exclude_archived'));
  });
  const page = pageOf(visible, args.text('cursor'), args.count('limit', { min: 1, max: 1_000, fallback: 100 }));
  if (page === undefined) return refused('invalid_cursor');
  const channels = page.items.map((channel) => wireChannel(channel, world));
  return granted({ channels, response_metadata: { next_cursor: page.next } });
};

const READS = { public: 'channels:read', private: 'groups:read', im: 'im:read' } as const;

const info: Method = (args, { world }) => {
  const channel = world.channels.get(args.text('channel') ?? '');
  if (channel === undefined) return refused('channel_not_found');
  if (channel.kind === 'private' && !channel.members.has(world.bot.user)) return refused('channel_not_found');
  const needed = READS[channel.kind];
  if (!world.scopes.has(needed)) return refused('missing_scope', { needed, provided: [...world.scopes].join(',') });
  return granted({ channel: wireChannel(channel, world) });
};

const members: Method = (args, { world }) => {
  const channel = world.channels.get(args.text('channel') ?? '');
  if (channel === undefined) return refused('channel_not_found');
  const page = pageOf(
    [...channel.members],
    args.text('cursor'),
    args.count('limit', { min: 1, max: 1_000, fallback: 100 }),
  );
  if (page === undefined) return refused('invalid_cursor');
  return granted({ members: page.items, response_metadata: { next_cursor: page.next } });
};

const open: Method = (args, { world }) => {
  const known = world.channels.get(args.text('channel') ?? '');
  const users = (args.text('users') ?? '').split(',').filter((user) => user !== '');
  const [user, ...others] = users;
  if (known === undefined && user === undefined) return refused('users_list_not_supplied');
  // Group messages are not part of this workspace.
  if (others.length > 0) return refused('too_many_users');
  const channel = known ?? directMessage(world, user ?? '');
  if (channel === undefined) return refused('user_not_found');
  return granted({ channel: { id: channel.id } });
};

const join: Method = (args, { world }) => {
  const channel = world.channels.get(args.text('channel') ?? '');
  if (channel === undefined) return refused('channel_not_found');
  if (channel.kind !== 'public') return refused('method_not_supported_for_channel_type');
  if (channel.archived) return refused('is_archived');
  channel.members.add(world.bot.user);
  return granted({ channel: wireChannel(channel, world) });
};

export const conversationMethods: Record<string, Method> = {
  'conversations.history': history,
  'conversations.replies': replies,
  'conversations.list': list,
  'conversations.info': info,
  'conversations.members': members,
  'conversations.open': open,
  'conversations.join': join,
};
