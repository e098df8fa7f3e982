import { isJsonList } from '../args.ts';
import { granted, refused } from '../reply.ts';
import type { Json, StoredFile } from '../state.ts';
import type { Method } from './method.ts';

// Slack takes 1 GB; this is a workspace in memory.
const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_FILES = 50;

function wireFile(file: StoredFile): Json {
  return { id: file.id, name: file.filename, title: file.title, size: file.length };
}

const getUploadURLExternal: Method = (args, { world, origin }) => {
  const filename = args.text('filename') ?? '';
  const length = args.count('length', { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 });
  if (filename === '') return refused('invalid_arguments');
  if (length < 1) return refused('file_upload_size_zero');
  if (length > MAX_FILE_BYTES) return refused('file_upload_size_restricted');
  const file: StoredFile = { id: world.nextId('F'), filename, title: filename, length, shared: false };
  world.files.set(file.id, file);
  for (const id of world.files.keys()) if (world.files.size > MAX_FILES) world.files.delete(id);
  return granted({ upload_url: `${origin()}/upload/v1/${file.id}`, file_id: file.id });
};

const completeUploadExternal: Method = (args, deps) => {
  const { world } = deps;
  const listed = args.json('files');
  if (listed === 'absent' || listed === 'malformed' || !isJsonList(listed.value)) return refused('invalid_arguments');
  const files: StoredFile[] = [];
  for (const entry of listed.value) {
    const file = world.files.get(String(entry['id']));
    if (file?.content === undefined) return refused('file_not_found');
    files.push({ ...file, title: typeof entry['title'] === 'string' ? entry['title'] : file.filename, shared: true });
  }
  const channelId = args.text('channel_id');
  if (channelId !== undefined) {
    const channel = world.channels.get(channelId);
    if (channel === undefined || !channel.members.has(world.bot.user)) return refused('channel_not_found');
    const threadTs = args.text('thread_ts');
    const message = {
      channel: channel.id,
      ts: world.nextTs(),
      ...(threadTs === undefined ? {} : { threadTs }),
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

const info: Method = (args, { world }) => {
  const file = world.files.get(args.text('file') ?? '');
  return file?.content === undefined ? refused('file_not_found') : granted({ file: wireFile(file) });
};

export const fileMethods: Record<string, Method> = {
  'files.getUploadURLExternal': getUploadURLExternal,
  'files.completeUploadExternal': completeUploadExternal,
  'files.info': info,
};
