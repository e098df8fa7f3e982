/**
 * A disk in memory that loses its power: what was not fsynced may be gone, whole or in part, and a name that its folder's fsync did not
 * confirm may be missing, or still be the old one. It is stricter than ext4 (which keeps more), as POSIX allows.
 *
 * `cut` makes the disk that the next life finds, and leaves this one as it is: one workload can be cut after every call.
 */
import { basename, dirname } from 'node:path';
import type { Files, OpenFile, SegmentFile } from '../../src/store/lowdb/files.ts';

interface FileNode {
  kind: 'file';
  bytes: Buffer;
  /** What an fsync confirmed. */
  safe: Buffer;
}
interface FolderNode {
  kind: 'folder';
  names: Map<string, Node>;
  safe: Map<string, Node>;
}
type Node = FileNode | FolderNode;

/** Answers a number in [0, 1); the same ones for the same seed. */
export type Chance = () => number;

export interface PowerDisk {
  files: Files;
  /** Is asked before every call that changes something. */
  onCall(look: (call: { op: string; path: string }) => void): void;
  /**
   * The disk after the power came back. Without a chance everything unconfirmed is gone; with one each unconfirmed name and each tail of
   * bytes is kept, dropped or torn, by itself.
   */
  cut(chance?: Chance): PowerDisk;
}

/** A small generator of numbers (mulberry32), so that a failing cut can be made again. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An empty disk on which only the folder `root` exists; `syncAll: false`: it cannot sync everything with one call. */
export function powerDisk(root: string, able: Able = { syncAll: true }): PowerDisk {
  return diskOf({ root, able }, newFolder());
}

interface Able {
  syncAll: boolean;
}

function diskOf(of: { root: string; able: Able }, top: FolderNode): PowerDisk {
  const { root, able } = of;
  let look: (call: { op: string; path: string }) => void = () => undefined;

  /** A change is asked for, then happens in one step, then is answered: between them other work goes on. */
  async function change<T>(op: string, path: string, step: () => T): Promise<T> {
    await Promise.resolve();
    look({ op, path });
    const answer = step();
    await new Promise((resolve) => setImmediate(resolve));
    return answer;
  }
  async function asking<T>(step: () => T): Promise<T> {
    await Promise.resolve();
    return step();
  }
  function find(path: string): Node {
    if (path === root) return top;
    if (!path.startsWith(`${root}/`)) throw failure('ENOENT', path);
    let node: Node = top;
    for (const name of path.slice(root.length + 1).split('/')) {
      if (node.kind === 'file') throw failure('ENOTDIR', path);
      const next = node.names.get(name);
      if (next === undefined) throw failure('ENOENT', path);
      node = next;
    }
    return node;
  }
  function folderAt(path: string): FolderNode {
    const node = find(path);
    if (node.kind === 'file') throw failure('ENOTDIR', path);
    return node;
  }
  function fileAt(path: string): FileNode {
    const node = find(path);
    if (node.kind === 'folder') throw failure('EISDIR', path);
    return node;
  }
  function make<T extends Node>(path: string, node: T): T {
    const names = folderAt(dirname(path)).names;
    if (names.has(basename(path))) throw failure('EEXIST', path);
    names.set(basename(path), node);
    return node;
  }
  function opened(path: string, node: FileNode, mode: 'start' | 'end' | 'durable end'): OpenFile {
    let at = 0;
    return {
      async write(bytes, offset) {
        const rest = Buffer.from(bytes.subarray(offset));
        await change('write', path, () => {
          const from = mode === 'start' ? at : node.bytes.length;
          node.bytes = Buffer.concat([node.bytes.subarray(0, from), rest, node.bytes.subarray(from + rest.length)]);
          at = from + rest.length;
        });
        // O_DSYNC: between the two steps the power may go, and the write is torn.
        if (mode === 'durable end') await change('confirm', path, () => (node.safe = node.bytes));
        return rest.length;
      },
      sync: () =>
        change('sync', path, () => {
          node.safe = node.bytes;
        }),
      truncate: (length) =>
        change('truncate', path, () => {
          node.bytes = Buffer.concat([
            node.bytes.subarray(0, length),
            Buffer.alloc(Math.max(0, length - node.bytes.length)),
          ]);
        }),
      close: async () => undefined,
    };
  }
  function openedSegment(path: string, node: FileNode): SegmentFile {
    return {
      ...opened(path, node, 'durable end'),
      async writeAt(bytes, offset, position) {
        const rest = Buffer.from(bytes.subarray(offset));
        await change('write', path, () => {
          const { bytes: old } = node;
          const before = [old.subarray(0, position), Buffer.alloc(Math.max(0, position - old.length))];
          node.bytes = Buffer.concat([...before, rest, old.subarray(position + rest.length)]);
        });
        await change('confirm', path, () => (node.safe = node.bytes));
        return rest.length;
      },
    };
  }
  const files: Files = {
    read: (path, maxBytes) =>
      asking(() => {
        const { bytes } = fileAt(path);
        if (bytes.length > maxBytes) throw failure('EFBIG', path);
        return Buffer.from(bytes);
      }),
    readPart: (path, from, maxBytes) => asking(() => Buffer.from(fileAt(path).bytes.subarray(from, from + maxBytes))),
    create: (path) => change('create', path, () => opened(path, make(path, newFile()), 'start')),
    append: (path) => change('append', path, () => opened(path, reach(path), 'end')),
    journal: (path) => change('journal', path, () => opened(path, reach(path), 'durable end')),
    segment: (path) => change('segment', path, () => openedSegment(path, reach(path))),
    tail: (path, maxBytes) =>
      asking(() => {
        const { bytes } = fileAt(path);
        const from = Math.max(0, bytes.length - maxBytes);
        return { bytes: Buffer.from(bytes.subarray(from)), from };
      }),
    syncAll: (path) =>
      change('syncAll', path, () => {
        if (able.syncAll) syncBelow(top);
        return able.syncAll;
      }),
    type: () => asking(() => 0),
    free: () => asking(() => 2 ** 40),
    rename: (from, to) =>
      change('rename', to, () => {
        const node = find(from);
        const target = folderAt(dirname(to));
        folderAt(dirname(from)).names.delete(basename(from));
        target.names.set(basename(to), node);
      }),
    unlink: (path) =>
      change('unlink', path, () => {
        fileAt(path);
        folderAt(dirname(path)).names.delete(basename(path));
      }),
    mkdir: (path) =>
      change('mkdir', path, () => {
        make(path, newFolder());
      }),
    rmdir: (path) =>
      change('rmdir', path, () => {
        if (folderAt(path).names.size > 0) throw failure('ENOTEMPTY', path);
        folderAt(dirname(path)).names.delete(basename(path));
      }),
    list: (path) => asking(() => [...folderAt(path).names].map(([name, { kind }]) => ({ name, kind }))),
    syncFolder: (path) =>
      change('syncFolder', path, () => {
        const folder = folderAt(path);
        folder.safe = new Map(folder.names);
      }),
  };
  function reach(path: string): FileNode {
    try {
      return fileAt(path);
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error;
      return make(path, newFile());
    }
  }
  return {
    files,
    onCall(next) {
      look = next;
    },
    cut(chance) {
      const seen = new Map<Node, Node>();
      const after = leftOf(top, { chance, seen });
      return diskOf(of, after.kind === 'folder' ? after : newFolder());
    },
  };
}

interface Cut {
  chance: Chance | undefined;
  /** A file with two names after the cut stays one file. */
  seen: Map<Node, Node>;
}

function syncBelow(node: Node): void {
  if (node.kind === 'file') {
    node.safe = node.bytes;
    return;
  }
  node.safe = new Map(node.names);
  for (const child of node.names.values()) syncBelow(child);
}

function leftOf(node: Node, cut: Cut): Node {
  const known = cut.seen.get(node);
  if (known !== undefined) return known;
  if (node.kind === 'file') {
    const bytes = bytesLeft(node, cut.chance);
    const left: FileNode = { kind: 'file', bytes, safe: bytes };
    cut.seen.set(node, left);
    return left;
  }
  const left = newFolder();
  cut.seen.set(node, left);
  for (const name of new Set([...node.safe.keys(), ...node.names.keys()])) {
    const [before, now] = [node.safe.get(name), node.names.get(name)];
    const kept = before !== now && cut.chance !== undefined && cut.chance() < 0.5 ? now : before;
    if (kept !== undefined) left.names.set(name, leftOf(kept, cut));
  }
  left.safe = new Map(left.names);
  return left;
}

function bytesLeft(node: FileNode, chance: Chance | undefined): Buffer {
  if (chance === undefined || node.bytes === node.safe) return node.safe;
  const fate = chance();
  if (fate < 0.3) return node.safe;
  if (fate < 0.5) return node.bytes;
  if (fate < 0.6) return mixed(node, chance);
  const same = firstDifference(node.bytes, node.safe);
  const torn = same + Math.floor(chance() * (node.bytes.length - same));
  // The length came through and the bytes did not: what ext4 calls delayed allocation.
  if (fate < 0.7) return Buffer.concat([node.bytes.subarray(0, torn), Buffer.alloc(node.bytes.length - torn)]);
  return Buffer.from(node.bytes.subarray(0, torn));
}

/** Of a write that was under way each sector reached the disk, or did not, by itself. */
function mixed({ bytes, safe }: FileNode, chance: Chance): Buffer {
  const left = Buffer.alloc(bytes.length);
  safe.copy(left);
  for (let at = 0; at < bytes.length; at += SECTOR) if (chance() < 0.5) bytes.copy(left, at, at, at + SECTOR);
  return left;
}
const SECTOR = 512;

function firstDifference(a: Buffer, b: Buffer): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a[at] === b[at]) at++;
  return at;
}

const newFile = (): FileNode => ({ kind: 'file', bytes: Buffer.alloc(0), safe: Buffer.alloc(0) });
const newFolder = (): FolderNode => ({ kind: 'folder', names: new Map(), safe: new Map() });

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
