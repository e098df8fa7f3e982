/**
 * A file system over another one, which it never changes: what is written, moved or removed stays in memory and ends with it. So a store
 * can be opened with all that an open does (replaying, setting aside, making the index anew) and be left as it was found, byte for byte.
 */
import { basename, dirname } from 'node:path';
import { codeOf } from '../../errors.ts';
import type { Files, SegmentFile } from './files.ts';

interface Written {
  chunks: Uint8Array[];
  size: number;
}
type FolderEntry = Awaited<ReturnType<Files['list']>>[number];

const MAX_BYTES = 1024 * 1024 * 1024;

/** Makes a shadow. Its memory holds what was written: little, unless the store below has no index. */
export function shadowFiles(inner: Files): Files {
  /** Null: it was removed. */
  const written = new Map<string, Written | null>();
  const folders = new Set<string>();

  async function isBelow(path: string): Promise<boolean> {
    return inner.tail(path, 0).then(() => true, absent(false));
  }
  const isThere = async (path: string): Promise<boolean> =>
    written.has(path) ? written.get(path) !== null : isBelow(path);
  /** The file in memory, with what it held before. */
  async function lifted(path: string): Promise<Written> {
    const known = written.get(path);
    if (known) return known;
    const before = known === null ? undefined : await inner.read(path, MAX_BYTES).catch(absent(undefined));
    const file = before === undefined ? { chunks: [], size: 0 } : { chunks: [before], size: before.length };
    written.set(path, file);
    return file;
  }
  async function bytesOf(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
    const file = written.get(path);
    if (file === undefined) return undefined;
    if (file === null) throw failure('ENOENT', path);
    if (file.size > maxBytes) throw failure('EFBIG', path);
    const whole = new Uint8Array(Buffer.concat(file.chunks));
    file.chunks = [whole];
    return whole.slice();
  }
  async function append(path: string): Promise<SegmentFile> {
    return openFile(await lifted(path));
  }
  async function inFolder(path: string): Promise<FolderEntry[]> {
    return folders.has(path) ? inner.list(path).catch(absent([])) : inner.list(path);
  }

  return {
    read: async (path, maxBytes) => (await bytesOf(path, maxBytes)) ?? inner.read(path, maxBytes),
    async create(path) {
      if (await isThere(path)) throw failure('EEXIST', path);
      const file = { chunks: [], size: 0 };
      written.set(path, file);
      return openFile(file);
    },
    async readPart(path, from, maxBytes) {
      const all = await bytesOf(path, MAX_BYTES);
      return all === undefined ? inner.readPart(path, from, maxBytes) : all.subarray(from, from + maxBytes);
    },
    append,
    journal: append,
    segment: append,
    async tail(path, maxBytes) {
      const all = await bytesOf(path, MAX_BYTES);
      if (all === undefined) return inner.tail(path, maxBytes);
      const from = Math.max(0, all.length - maxBytes);
      return { bytes: all.subarray(from), from };
    },
    async rename(from, to) {
      if (!(await isThere(from))) throw failure('ENOENT', from);
      written.set(to, await lifted(from));
      written.set(from, null);
    },
    async unlink(path) {
      if (!(await isThere(path))) throw failure('ENOENT', path);
      written.set(path, null);
    },
    rmdir: () => Promise.reject(failure('ENOTEMPTY', 'a folder')),
    async mkdir(path) {
      if (folders.has(path) || (await inner.list(path).then(() => true, absent(false)))) throw failure('EEXIST', path);
      folders.add(path);
    },
    async list(path) {
      const entries = (await inFolder(path)).filter(({ name }) => !written.has(`${path}/${name}`));
      const made = [...folders].filter((one) => dirname(one) === path).map((one) => basename(one));
      const files = [...written].filter(([one, file]) => file !== null && dirname(one) === path);
      return [
        ...entries,
        ...made.map((name): FolderEntry => ({ name, kind: 'folder' })),
        ...files.map(([one]): FolderEntry => ({ name: basename(one), kind: 'file' })),
      ];
    },
    syncFolder: async () => undefined,
    syncAll: async () => true,
    type: (path) => inner.type(path),
    free: async () => Number.MAX_SAFE_INTEGER,
  };
}

function openFile(file: Written): SegmentFile {
  return {
    async writeAt(bytes, offset, position) {
      const chunk = bytes.slice(offset);
      const before = new Uint8Array(Buffer.concat(file.chunks));
      const whole = new Uint8Array(Math.max(before.length, position + chunk.length));
      whole.set(before);
      whole.set(chunk, position);
      file.chunks = [whole];
      file.size = whole.length;
      return chunk.length;
    },
    async write(bytes, offset) {
      const chunk = bytes.slice(offset);
      file.chunks.push(chunk);
      file.size += chunk.length;
      return chunk.length;
    },
    sync: async () => undefined,
    async truncate(size) {
      file.chunks = [new Uint8Array(Buffer.concat(file.chunks)).slice(0, size)];
      file.size = file.chunks[0]?.length ?? 0;
    },
    close: async () => undefined,
  };
}

/** What a call answers when there is no such file; any other failure stays one. */
function absent<T>(answer: T): (error: unknown) => T {
  return (error) => {
    if (codeOf(error) === 'ENOENT') return answer;
    throw error;
  };
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
