import { isJsonList } from '../args.ts';
import type { Args } from '../args.ts';
import { granted, refused } from '../reply.ts';
import type { Message, StoredFile, World } from '../state.ts';
import { wireFile } from '../state.ts';
import { postable, threadRoot } from './chat.ts';
import type { Method } from './method.ts';

// Slack takes 1 GB; this is a workspace in memory.
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_FILES = 50;
const MAX_ALT = 2_000;
const PICTURE = /\.(?:png|jpe?g|gif|webp)$/i;

const getUploadURLExternal: Method = (args, { world, origin }) => {
  const filename = args.text('filename') ?? '';
  const length = args.count('length', { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 });
  const alt = args.text('alt_txt');
  if (filename === '') return refused('invalid_arguments');
  if (length < 1) return refused('file_upload_size_zero');
  if (length > MAX_FILE_BYTES) return refused('file_upload_size_restricted');
  if ((alt ?? '').length > MAX_ALT) return refused('alt_txt_too_large');
  if (PICTURE.test(filename) && (alt ?? '') === '') world.violate('alt_text', `${filename}: a picture without words`);
  const file: StoredFile = {
    id: world.nextId('F'),
    filename,
    title: filename,
    ...(alt === undefined ? {} : { alt }),
    length,
    shared: false,
  };
  world.files.set(file.id, file);
  for (const id of world.files.keys()) if (world.files.size > MAX_FILES) world.files.delete(id);
  return granted({ upload_url: `${origin()}/upload/v1/${file.id}`, file_id: file.id });
};

const completeUploadExternal: Method = (args, deps) => {
  const { world } = deps;
  const files = uploaded(args, world);
  if (typeof files === 'string') return refused(files);
  const channelId = args.text('channel_id');
  if (channelId !== undefined) {
    // Unlike chat.postMessage it takes ids of conversations only.
    const channel = world.channels.has(channelId) ? postable(world, channelId) : 'channel_not_found';
    if (typeof channel === 'string') return refused(channel);
    const thread = threadRoot(world, channel, args.text('thread_ts'));
    if (typeof thread === 'string') return refused(thread);
    const message: Message = {
      channel: channel.id,
      ts: world.nextTs(),
      ...(thread.root === undefined ? {} : { threadTs: thread.root }),
      user: world.bot.user,
      botId: world.bot.bot,
      text: args.text('initial_comment') ?? '',
      blocks: [],
      reactions: [],
      files: files.map(({ id }) => id),
      revision: 1,
    };
    world.add(message);
    world.emit({ type: 'posted', message });
  }
  for (const file of files) world.files.set(file.id, file);
  return granted({ files: files.map(wireFile) });
};

/** The files that the call names, as they are when it is done, or Slack's error. */
function uploaded(args: Args, world: World): StoredFile[] | string {
  const listed = args.json('files');
  if (listed === 'absent' || listed === 'malformed' || !isJsonList(listed.value)) return 'invalid_arguments';
  if (listed.value.length === 0) return 'invalid_arguments';
  const files: StoredFile[] = [];
  for (const entry of listed.value) {
    const file = world.files.get(String(entry['id']));
    if (file?.content === undefined || file.shared) return 'file_not_found';
    files.push({ ...file, title: typeof entry['title'] === 'string' ? entry['title'] : file.filename, shared: true });
  }
  return files;
}

const info: Method = (args, { world }) => {
  const file = world.files.get(args.text('file') ?? '');
  return file?.content === undefined ? refused('file_not_found') : granted({ file: wireFile(file) });
};

export const fileMethods: Record<string, Method> = {
  'files.getUploadURLExternal': getUploadURLExternal,
  'files.completeUploadExternal': completeUploadExternal,
  'files.info': info,
};
