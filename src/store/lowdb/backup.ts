/**
 * A copy of a store that is open. While checkpoints stand still, every file but the journal stands still too; the journal only grows, so
 * what is copied of it last is exactly the commits up to one of them. The index is left out: it is derived, and made again at open.
 * BACKUP.json is written when everything else is durable: a copy without it was cut off.
 */
import { dirname, join, relative, resolve, sep } from 'node:path';
import { iso } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import { codeOf, UsageError } from '../../errors.ts';
import type { BackupInfo } from '../store.ts';
import { storeError, writeAll } from './disk.ts';
import type { Files } from './files.ts';
import { TEMP_FILE } from './layout.ts';
import { inParallel } from './load.ts';
import type { Layout } from './layout.ts';

interface BackupDeps {
  files: Files;
  layout: Layout;
  clock: Pick<Clock, 'now'>;
}
type Copied = { path: string; bytes: number };

const COPIES_AT_ONCE = 8;
const MAX_FILE_BYTES = 1024 * 1024 * 1024;
const PART_BYTES = 1024 * 1024;
const MAX_DEPTH = 6;

/** Copies the store to the folder `to`, which is new or empty. Call it while checkpoints stand still. */
export async function copyStore(deps: BackupDeps, to: string, signal: AbortSignal | undefined): Promise<BackupInfo> {
  const { files, layout } = deps;
  const target = resolve(to);
  const at = iso(deps.clock.now());
  const copied: Copied[] = [];
  const folders: string[] = [];
  const derived = [
    layout.lock,
    `${layout.lock}-journal`,
    layout.lockInfo,
    layout.reserve,
    layout.clean,
    layout.index,
    layout.indexFolder,
  ];
  const left = new Set([...derived, layout.temp, layout.journal, layout.blobs]);
  try {
    await prepare(deps, target);
    await copyBelow(layout.root);
    await copyBelow(layout.journal);
    // After the journal: a blob is there before the commit that names it.
    await copyBelow(layout.blobs);
    await makeDurable(files, target, { copied, folders });
    const info = { at, files: copied.length, bytes: copied.reduce((sum, one) => sum + one.bytes, 0) };
    await writeLast(files, target, info);
    return { dir: target, ...info };
  } catch (error) {
    if (signal?.aborted === true || error instanceof UsageError) throw error;
    throw storeError(`The backup to ${target} failed and is not complete`, error);
  }

  async function copyBelow(folder: string, depth = 0): Promise<void> {
    const place = join(target, relative(layout.root, folder));
    const entries = await listOrNothing(files, folder);
    if (folder !== layout.root && entries.length > 0) await files.mkdir(place);
    folders.push(place);
    const names = entries.filter(({ name }) => !left.has(join(folder, name)) && !TEMP_FILE.test(name));
    const inOrder = names.filter(({ kind }) => kind === 'file').sort((a, b) => (a.name < b.name ? -1 : 1));
    // The segments of the journal one after the other: a later one must not be older than an earlier one.
    const lanes = folder === layout.journal ? 1 : COPIES_AT_ONCE;
    await inParallel(inOrder, ({ name }) => copyFile(join(folder, name), join(place, name)), lanes);
    if (depth === MAX_DEPTH) return;
    for (const { name, kind } of names) if (kind === 'folder') await copyBelow(join(folder, name), depth + 1);
  }
  async function copyFile(from: string, path: string): Promise<void> {
    signal?.throwIfAborted();
    // A month of the archive may be large, and stands still.
    if (dirname(from) === layout.archive) return copyLarge(from, path);
    let bytes: Uint8Array;
    try {
      bytes = await files.read(from, MAX_FILE_BYTES);
    } catch (error) {
      // It was set aside, or a name of a blob was taken back, since the folder was listed.
      if (codeOf(error) === 'ENOENT') return;
      throw error;
    }
    const file = await files.create(path);
    try {
      await writeAll(file, bytes);
    } finally {
      await file.close();
    }
    copied.push({ path, bytes: bytes.length });
  }
  async function copyLarge(from: string, path: string): Promise<void> {
    const file = await files.create(path);
    let size = 0;
    try {
      for (let taken = PART_BYTES; taken === PART_BYTES;) {
        signal?.throwIfAborted();
        const bytes = await files.readPart(from, size, PART_BYTES);
        await writeAll(file, bytes);
        taken = bytes.length;
        size += taken;
      }
    } finally {
      await file.close();
    }
    copied.push({ path, bytes: size });
  }
}

async function prepare({ files, layout }: BackupDeps, target: string): Promise<void> {
  if (`${target}${sep}`.startsWith(`${resolve(layout.root)}${sep}`)) {
    throw new UsageError(`The backup cannot be made inside the data folder: ${target}.`, { code: 'INPUT_INVALID' });
  }
  try {
    await files.mkdir(target);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if ((await files.list(target)).length === 0) return;
    throw new UsageError(`The folder ${target} is not empty.`, {
      code: 'INPUT_INVALID',
      hint: 'Name a folder that does not exist yet.',
    });
  }
}

async function makeDurable(
  files: Files,
  target: string,
  made: { copied: readonly Copied[]; folders: readonly string[] },
): Promise<void> {
  if (!(await files.syncAll(target))) {
    for (const { path } of made.copied) {
      const file = await files.append(path);
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    }
    for (const folder of made.folders) if (await exists(files, folder)) await files.syncFolder(folder);
  }
  await files.syncFolder(dirname(target));
}

async function writeLast(files: Files, target: string, info: Omit<BackupInfo, 'dir'>): Promise<void> {
  const file = await files.create(join(target, 'BACKUP.json'));
  try {
    await writeAll(file, Buffer.from(`${JSON.stringify(info, null, 2)}\n`));
    await file.sync();
  } finally {
    await file.close();
  }
  await files.syncFolder(target);
}

async function listOrNothing(files: Files, folder: string): ReturnType<Files['list']> {
  return files.list(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
}

async function exists(files: Files, folder: string): Promise<boolean> {
  return files.list(folder).then(
    () => true,
    () => false,
  );
}
