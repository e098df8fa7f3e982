/** What the backing asks of a file system; a small port, so that tests can make any call fail at any moment. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rmdir, statfs, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { systemClock } from '../../clock.ts';
import { createSmallReads } from './small-reads.ts';

export interface OpenFile {
  /** Writes from `offset` and answers how many bytes were taken, which may be fewer than asked. */
  write(bytes: Uint8Array, offset: number): Promise<number>;
  sync(): Promise<void>;
  truncate(bytes: number): Promise<void>;
  close(): Promise<void>;
}

export interface SegmentFile extends OpenFile {
  /** Like `write`, and puts the bytes at `position` of the file. */
  writeAt(bytes: Uint8Array, offset: number, position: number): Promise<number>;
}

interface FolderEntry {
  name: string;
  /** `other`: a link, a socket, a device: nothing of ours. */
  kind: 'file' | 'folder' | 'other';
}

export interface Files {
  /** The bytes of a regular file; rejects with ENOENT, and with EFBIG beyond `maxBytes`. A link is not followed. */
  read(path: string, maxBytes: number): Promise<Uint8Array>;
  /** At most `maxBytes` of a regular file, from `from` on; none at its end. Rejects with ENOENT. A link is not followed. */
  readPart(path: string, from: number, maxBytes: number): Promise<Uint8Array>;
  /** A new file for writing, mode 0600; rejects with EEXIST. */
  create(path: string): Promise<OpenFile>;
  /** A file for writing at its end, made when missing, mode 0600. */
  append(path: string): Promise<OpenFile>;
  /** Like `append`, and every write is durable when it resolves (O_DSYNC: one trip to the thread pool instead of two). */
  journal(path: string): Promise<OpenFile>;
  /** The same for writing anywhere in the file. */
  segment(path: string): Promise<SegmentFile>;
  /** The last bytes of a regular file, at most `maxBytes`, and the offset at which they begin. */
  tail(path: string, maxBytes: number): Promise<{ bytes: Uint8Array; from: number }>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** One new folder, mode 0700; rejects with EEXIST. */
  mkdir(path: string): Promise<void>;
  /** Removes an empty folder; rejects with ENOTEMPTY. */
  rmdir(path: string): Promise<void>;
  list(path: string): Promise<FolderEntry[]>;
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>;
  /** Makes everything written below `path` durable with one call; false where that cannot be done. */
  syncAll(path: string): Promise<boolean>;
  /** What kind of file system `path` is on: the f_type of statfs(2). */
  type(path: string): Promise<number>;
  /** The bytes that this user can still write on the file system of `path`. */
  free(path: string): Promise<number>;
}

/** Calls syncfs(2), which Node does not offer; where the program lacks it, every file is synced on its own. */
export const SYNC_ALL = ['sync', '-f'] as const;
export const SYNC_TIMEOUT_MS = 60_000;

// One for the process: what it learns is how fast the disk is.
const small = createSmallReads(systemClock);

export const nodeFiles: Files = {
  async read(path, maxBytes) {
    const bytes = await small.read(path, maxBytes);
    if (bytes !== undefined) return bytes;
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const info = await handle.stat();
      if (!info.isFile()) throw Object.assign(new Error('not a regular file'), { code: 'EINVAL' });
      if (info.size > maxBytes) throw Object.assign(new Error(`larger than ${maxBytes} bytes`), { code: 'EFBIG' });
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  },
  async readPart(path, from, maxBytes) {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await handle.stat()).isFile()) throw Object.assign(new Error('not a regular file'), { code: 'EINVAL' });
      const bytes = new Uint8Array(maxBytes);
      let taken = 0;
      for (let got = 1; got > 0 && taken < maxBytes; taken += got) {
        got = (await handle.read(bytes, taken, maxBytes - taken, from + taken)).bytesRead;
      }
      return bytes.subarray(0, taken);
    } finally {
      await handle.close();
    }
  },
  create: async (path) => fileOf(await open(path, 'wx', 0o600)),
  append: async (path) => fileOf(await open(path, 'a', 0o600)),
  journal: async (path) => fileOf(await open(path, O_SEGMENT | constants.O_APPEND, 0o600)),
  async segment(path) {
    const handle = await open(path, O_SEGMENT, 0o600);
    return {
      ...fileOf(handle),
      writeAt: async (bytes, offset, position) =>
        (await handle.write(bytes, offset, bytes.length - offset, position)).bytesWritten,
    };
  },
  async tail(path, maxBytes) {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { size } = await handle.stat();
      const from = Math.max(0, size - maxBytes);
      const bytes = new Uint8Array(size - from);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
      return { bytes: bytes.subarray(0, bytesRead), from };
    } finally {
      await handle.close();
    }
  },
  rename,
  unlink,
  rmdir,
  async mkdir(path) {
    await mkdir(path, { mode: 0o700 });
  },
  async list(path) {
    const entries = await readdir(path, { withFileTypes: true });
    return Promise.all(
      entries.map(async (entry): Promise<FolderEntry> => {
        // Some file systems do not say the type with the name.
        const info =
          entry.isFile() || entry.isDirectory() || entry.isSymbolicLink()
            ? entry
            : await lstat(`${path}/${entry.name}`);
        return { name: entry.name, kind: info.isFile() ? 'file' : info.isDirectory() ? 'folder' : 'other' };
      }),
    );
  },
  async syncFolder(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  syncAll: (path) =>
    new Promise((resolve) => {
      const [program, ...options] = SYNC_ALL;
      execFile(program, [...options, path], { timeout: SYNC_TIMEOUT_MS }, (error) => resolve(error === null));
    }),
  type: async (path) => (await statfs(path)).type,
  async free(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};

const O_SEGMENT = constants.O_WRONLY | constants.O_CREAT | constants.O_DSYNC;

function fileOf(handle: FileHandle): OpenFile {
  return {
    write: async (bytes, offset) => (await handle.write(bytes, offset)).bytesWritten,
    sync: () => handle.sync(),
    truncate: (bytes) => handle.truncate(bytes),
    close: () => handle.close(),
  };
}
