/**
 * Durable writes: temp file, fsync, rename, fsync of the folder. A rename is the commit: before it the old file stands, after it the
 * new one, and a crash leaves at most a temp file, which the next open sweeps.
 *
 * Fail-stop: when an fsync or a rename fails, nobody knows what the disk holds (Linux may drop the dirty pages and report the next fsync
 * as good), so nothing is written any more until a restart reads the truth. A full disk is different: nothing was changed.
 */
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { codeOf, DependencyError, messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { createBatches } from './batches.ts';
import type { Files, OpenFile, SegmentFile } from './files.ts';
import type { Placement, Placer } from './placer.ts';

export interface Disk {
  files: Files;
  /** Puts `text` at `path`, durable when it resolves; makes missing folders below the root. */
  write(path: string, text: string | Uint8Array): Promise<void>;
  /** Puts `text` at `path` like `write`, but leaves it to a later sync to make it durable. */
  place(path: string, text: string | Uint8Array): Promise<void>;
  /** Like `place`, for one of many: those that are asked for together go together, where there is a placer. Default pace: at once. */
  placeTogether(path: string, text: string | Uint8Array, pace?: Placement['pace']): Promise<void>;
  /** Removes a file durably; a missing one is fine. */
  remove(path: string): Promise<void>;
  /** Removes a file like `remove`, and leaves it to a later sync to make that durable; false when there was none. */
  drop(path: string): Promise<boolean>;
  /** Makes a file and its name durable. */
  settle(path: string): Promise<void>;
  /** Makes the names in a folder durable. */
  settleFolder(path: string): Promise<void>;
  /** Removes an empty folder, and leaves it to a later sync to make that durable; false when it is not empty, or not there. */
  dropFolder(path: string): Promise<boolean>;
  /** Makes a folder and its parents below the root, durably. */
  folder(path: string): Promise<void>;
  /** Runs one step that must not fail; its failure stops all writing. */
  orStop<T>(what: string, step: () => Promise<T>): Promise<T>;
  /** Throws when writing was stopped. */
  check(): void;
  stopped(): string | undefined;
}

type Sync = 'now' | 'later';

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** Whether a call failed for want of space. */
export function isFull(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return FULL.has(code) || code === 'STORE_FULL';
}

// Below the usual limit of 1,024 open files, and more than the thread pool can use.
const WRITES_AT_ONCE = 32;

/** The error of a failed call on the data folder, by its cause. */
export function storeError(what: string, cause: unknown): DependencyError {
  if (cause instanceof DependencyError) return cause;
  if (FULL.has(codeOf(cause) ?? '')) {
    const hint = 'Free space on the disk of the data folder; what was acknowledged is safe.';
    return new DependencyError(`${what}: the disk is full.`, { code: 'STORE_FULL', retryable: true, hint, cause });
  }
  const hint = 'Check that the data folder exists, belongs to this user and that its disk is sound.';
  return new DependencyError(`${what}: ${messageOf(cause)}`, { code: 'STORE_FAILED', hint, cause });
}

/** Makes a disk over the folder `root`, which exists. */
export function createDisk(deps: { files: Files; log: Log; root: string; placer?: Placer }): Disk {
  const { files, log, root } = deps;
  let batches = deps.placer === undefined ? undefined : createBatches(deps.placer);
  const slots = createSlots(WRITES_AT_ONCE);
  const syncFolder = createFolderSync(files);
  const folders = new Map<string, Promise<void>>([[root, Promise.resolve()]]);
  let stop: string | undefined;
  // In a container every life has the same process id: a temp file that a crash left must not be in the way.
  const life = randomBytes(4).toString('hex');
  let count = 0;

  function check(): void {
    if (stop === undefined) return;
    const hint = 'Restart Bellhop: it reads what the disk really holds.';
    throw new DependencyError(`The data folder is no longer written to: ${stop}`, { code: 'STORE_FAILED', hint });
  }
  async function orStop<T>(what: string, step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      stop ??= `${what}: ${messageOf(error)}`;
      log.error('writing stopped', { what, error });
      throw storeError(what, error);
    }
  }
  function folder(path: string): Promise<void> {
    const known = folders.get(path);
    if (known !== undefined) return known;
    const made = makeFolder(path);
    folders.set(path, made);
    made.catch(() => folders.delete(path));
    return made;
  }
  async function makeFolder(path: string): Promise<void> {
    await folder(dirname(path));
    try {
      await files.mkdir(path);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw storeError(`The folder ${path} could not be made`, error);
    }
    // Also for one that was there: a crash may have come between its mkdir and this.
    await orStop(`fsync of ${dirname(path)}`, () => syncFolder(dirname(path)));
  }

  async function writeTemp(temp: string, text: string | Uint8Array, sync: Sync): Promise<void> {
    const file = await files.create(temp);
    try {
      await writeAll(file, typeof text === 'string' ? Buffer.from(text) : text);
      if (sync === 'now') await syncFile(temp, file);
    } finally {
      await file.close();
    }
  }
  /** A full disk found out at the fsync loses only what the caller still holds; any other failure makes the disk a stranger. */
  async function syncFile(path: string, file: OpenFile): Promise<void> {
    try {
      await file.sync();
    } catch (error) {
      if (FULL.has(codeOf(error) ?? '')) throw error;
      await orStop(`fsync of ${path}`, () =>
        Promise.reject(error instanceof Error ? error : new Error(messageOf(error))),
      );
    }
  }
  async function put(path: string, text: string | Uint8Array, sync: Sync): Promise<void> {
    await putBy(path, async (temp) => {
      await writeTemp(temp, text, sync);
      check();
      await renamed(path, () => files.rename(temp, path));
    });
    if (sync === 'now') await orStop(`fsync of ${dirname(path)}`, () => syncFolder(dirname(path)));
  }
  async function putTogether(path: string, text: string | Uint8Array, pace: Placement['pace']): Promise<void> {
    let placed = false;
    await putBy(path, async (temp) => {
      placed = await placeBatched({ temp, path, text, pace });
    });
    if (!placed) await put(path, text, 'later');
  }
  /** False when there is no placer, or no more: then nobody knows whether the file is in its place, and it is put there once more. */
  async function placeBatched(placement: Placement): Promise<boolean> {
    const failure = await batches?.(placement).catch((error: unknown) => {
      if (batches !== undefined) log.warn('files are placed one by one from now on', { error });
      batches = undefined;
    });
    if (batches === undefined) return false;
    if (failure === undefined) return true;
    const error = Object.assign(new Error(failure.message), { code: failure.code });
    if (failure.step === 'write') throw error;
    await renamed(placement.path, () => Promise.reject(error));
    return false;
  }
  async function putBy(path: string, work: (temp: string) => Promise<void>): Promise<void> {
    check();
    await folder(dirname(path));
    const temps = join(root, 'tmp');
    await folder(temps);
    const temp = join(temps, `.tmp-${process.pid}-${life}-${++count}`);
    try {
      await work(temp);
    } catch (error) {
      await files.unlink(temp).catch(() => undefined);
      // Somebody removed a folder that was there: the next write makes it again.
      if (codeOf(error) === 'ENOENT') for (const one of [dirname(path), temps]) folders.delete(one);
      throw storeError(`${path} could not be written`, error);
    }
  }
  async function settle(path: string): Promise<void> {
    check();
    const file = await files.append(path);
    try {
      await syncFile(path, file);
    } finally {
      await file.close();
    }
    await orStop(`fsync of ${dirname(path)}`, () => syncFolder(dirname(path)));
  }
  /** A folder that was never made has nothing to lose. */
  const settleFolder = (path: string): Promise<void> =>
    orStop(`fsync of ${path}`, () =>
      syncFolder(path).catch((error: unknown) => {
        if (codeOf(error) !== 'ENOENT') throw error;
      }),
    );
  async function drop(path: string): Promise<boolean> {
    check();
    try {
      await files.unlink(path);
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw storeError(`${path} could not be removed`, error);
    }
  }
  async function dropFolder(path: string): Promise<boolean> {
    check();
    try {
      await files.rmdir(path);
      folders.delete(path);
      return true;
    } catch (error) {
      if (['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(codeOf(error) ?? '')) return false;
      throw storeError(`${path} could not be removed`, error);
    }
  }
  async function renamed(path: string, rename: () => Promise<void>): Promise<void> {
    try {
      await rename();
    } catch (error) {
      if (FULL.has(codeOf(error) ?? '')) throw error;
      await orStop(`rename to ${path}`, () =>
        Promise.reject(error instanceof Error ? error : new Error(messageOf(error))),
      );
    }
  }
  async function remove(path: string): Promise<void> {
    if (!(await drop(path))) return;
    await orStop(`fsync of ${dirname(path)}`, () => syncFolder(dirname(path)));
  }
  return {
    files,
    write: (path, text) => slots(() => put(path, text, 'now')),
    place: (path, text) => slots(() => put(path, text, 'later')),
    placeTogether: (path, text, pace = 'at once') => slots(() => putTogether(path, text, pace)),
    dropFolder,
    drop: (path) => slots(() => drop(path)),
    settle: (path) => slots(() => settle(path)),
    settleFolder,
    remove: (path) => slots(() => remove(path)),
    folder,
    orStop,
    check,
    stopped: () => stop,
  };
}

/** Writes all bytes: a file system may take fewer than it was given. */
export async function writeAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  await takeAll(bytes, (offset) => file.write(bytes, offset));
}

/** Writes all bytes at `position` of the file. */
export async function writeAllAt(file: SegmentFile, bytes: Uint8Array, position: number): Promise<void> {
  await takeAll(bytes, (offset) => file.writeAt(bytes, offset, position + offset));
}

async function takeAll(bytes: Uint8Array, write: (offset: number) => Promise<number>): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    const taken = await write(offset);
    // No progress and no error would loop for ever.
    if (taken <= 0) throw Object.assign(new Error('the file system takes no bytes'), { code: 'ENOSPC' });
    offset += taken;
  }
}

/** Lets `size` works run at once; the others wait in line. */
function createSlots(size: number): <T>(work: () => Promise<T>) => Promise<T> {
  const line: (() => void)[] = [];
  let free = size;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => line.push(resolve));
    try {
      return await work();
    } finally {
      const next = line.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

/** Joins fsyncs of one folder: whoever asks while one runs shares the next, which begins after it and so covers their rename. */
function createFolderSync(files: Files): (path: string) => Promise<void> {
  const running = new Map<string, { now: Promise<void>; next: Promise<void> | undefined }>();
  function begin(path: string): Promise<void> {
    const now = files.syncFolder(path).finally(() => {
      if (running.get(path)?.now === now) running.delete(path);
    });
    running.set(path, { now, next: undefined });
    return now;
  }
  return (path) => {
    const state = running.get(path);
    if (state === undefined) return begin(path);
    const after = (): Promise<void> => begin(path);
    state.next ??= state.now.then(after, after);
    return state.next;
  };
}
