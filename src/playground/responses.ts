import { createArgs, isJson } from './args.ts';
import { readContent } from './content.ts';
import { granted, refused } from './reply.ts';
import type { Reply } from './reply.ts';
import type { Json, Message, World } from './state.ts';
import type { ResponseTarget } from './tickets.ts';

/**
 * Applies what an app answers to a command or a click, in the ack or through its response_url: a new ephemeral message (the
 * default), a new message for everybody, or a change of the message whose button was clicked.
 */
export function applyResponse(world: World, target: ResponseTarget, body: Json): Reply {
  const original = target.message === undefined ? undefined : world.find(target.channel, target.message.ts);
  if (body['delete_original'] === true && original !== undefined) {
    world.remove(original);
    world.emit({ type: 'deleted', message: original });
    return granted();
  }
  const read = readContent(createArgs(body), world);
  if ('refusal' in read) return read.refusal;
  if (body['replace_original'] === true && original !== undefined) {
    Object.assign(original, { text: read.content.text, blocks: read.content.blocks, revision: original.revision + 1 });
    original.edited = { user: world.bot.user, ts: world.nextTs() };
    world.emit({ type: 'edited', message: original });
    return granted();
  }
  if (!world.channels.has(target.channel)) return refused('channel_not_found');
  const threadTs = body['thread_ts'];
  const inChannel = body['response_type'] === 'in_channel';
  const message: Message = {
    channel: target.channel,
    ts: world.nextTs(),
    ...(typeof threadTs === 'string' ? { threadTs } : {}),
    user: world.bot.user,
    botId: world.bot.bot,
    ...read.content,
    ...(inChannel ? {} : { ephemeralFor: target.user }),
    reactions: [],
    files: [],
    revision: 1,
  };
  world.add(message);
  world.emit({ type: inChannel ? 'posted' : 'ephemeral', message });
  return granted();
}

/** The answer that an ack carries, if it carries one: plain text or a message. */
export function answerOf(ackBody: unknown): Json | undefined {
  if (typeof ackBody === 'string') return ackBody === '' ? undefined : { text: ackBody };
  if (!isJson(ackBody) || (ackBody['text'] === undefined && ackBody['blocks'] === undefined)) return undefined;
  return ackBody;
}
