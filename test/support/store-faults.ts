import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import type { Files, OpenFile, SegmentFile } from '../../src/store/lowdb/files.ts';
import { nodeFiles } from '../../src/store/lowdb/files.ts';
import { openStore } from '../../src/store/open.ts';
import { manualClock } from './clock.ts';
import { SECOND_TERMS } from './store-second-day.ts';

export interface Call {
  /** From 1, over all calls. */
  n: number;
  op: keyof Files | keyof SegmentFile;
  path: string;
}

export interface FaultyFiles {
  files: Files;
  /** Decides before each call: an error code fails it, a number makes a write take only so many bytes, so many be free, or is the type. */
  on(fault: (call: Call) => string | number | undefined): void;
  calls(): number;
  /** The newest calls of this life. */
  seen(): readonly Call[];
  /** Lets nothing through any more, as after a kill -9; resolves when what the kernel already had is done. */
  kill(): Promise<void>;
}

/** Every call there is. */
export const EVERY_CALL = new Set<Call['op']>([
  'read',
  'readPart',
  'create',
  'append',
  'journal',
  'segment',
  'tail',
  'rename',
  'unlink',
  'mkdir',
  'list',
  'syncFolder',
  'syncAll',
  'free',
  'type',
  'write',
  'sync',
  'truncate',
]);
/** The calls that a full disk can refuse. */
export const NEEDS_SPACE = new Set<Call['op']>([
  'create',
  'append',
  'journal',
  'segment',
  'write',
  'sync',
  'rename',
  'mkdir',
]);

/** A file system whose every call can be made to fail. */
export function faultyFiles(inner: Files = nodeFiles): FaultyFiles {
  let fault: (call: Call) => string | number | undefined = () => undefined;
  let n = 0;
  let dead = false;
  const seen: Call[] = [];
  const underWay = new Set<Promise<unknown>>();

  async function through<T>(op: Call['op'], path: string, work: (cut: number | undefined) => Promise<T>): Promise<T> {
    if (dead) throw failure('EIO', 'this process is dead');
    const call = { n: ++n, op, path };
    seen.push(call);
    if (seen.length > 10_000) seen.splice(0, 5000);
    const verdict = fault(call);
    if (typeof verdict === 'string') throw failure(verdict, `${verdict} injected at call ${n}: ${op} ${path}`);
    const mine = work(verdict);
    underWay.add(mine);
    try {
      return await mine;
    } finally {
      underWay.delete(mine);
    }
  }
  function wrap(path: string, file: OpenFile): OpenFile {
    return {
      write: (bytes, offset) =>
        through('write', path, (cut) =>
          cut === undefined ? file.write(bytes, offset) : file.write(bytes.subarray(0, offset + cut), offset),
        ),
      sync: () => through('sync', path, () => file.sync()),
      truncate: (bytes) => through('truncate', path, () => file.truncate(bytes)),
      // A descriptor is closed even then, or the test itself would leak it.
      close: () => file.close(),
    };
  }
  function wrapSegment(path: string, file: SegmentFile): SegmentFile {
    return {
      ...wrap(path, file),
      writeAt: (bytes, offset, position) =>
        through('write', path, (cut) =>
          file.writeAt(cut === undefined ? bytes : bytes.subarray(0, offset + cut), offset, position),
        ),
    };
  }
  const files: Files = {
    read: (path, max) => through('read', path, () => inner.read(path, max)),
    readPart: (path, from, max) => through('readPart', path, () => inner.readPart(path, from, max)),
    create: (path) => through('create', path, async () => wrap(path, await inner.create(path))),
    append: (path) => through('append', path, async () => wrap(path, await inner.append(path))),
    journal: (path) => through('journal', path, async () => wrap(path, await inner.journal(path))),
    segment: (path) => through('segment', path, async () => wrapSegment(path, await inner.segment(path))),
    tail: (path, max) => through('tail', path, () => inner.tail(path, max)),
    rename: (from, to) => through('rename', to, () => inner.rename(from, to)),
    unlink: (path) => through('unlink', path, () => inner.unlink(path)),
    mkdir: (path) => through('mkdir', path, () => inner.mkdir(path)),
    rmdir: (path) => through('rmdir', path, () => inner.rmdir(path)),
    list: (path) => through('list', path, () => inner.list(path)),
    syncFolder: (path) => through('syncFolder', path, () => inner.syncFolder(path)),
    syncAll: (path) => through('syncAll', path, () => inner.syncAll(path)),
    type: (path) => through('type', path, async (given) => given ?? inner.type(path)),
    free: (path) => through('free', path, async (left) => left ?? inner.free(path)),
  };
  return {
    files,
    on(next) {
      fault = next;
    },
    calls: () => n,
    seen: () => seen,
    async kill() {
      dead = true;
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
  };
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Opens a store in the folder `dir` on this file system, on a clock of its own; nothing else holds the folder. */
export async function openOn(
  dir: string,
  faults: FaultyFiles,
): Promise<Awaited<ReturnType<typeof openStore>> & { pause: () => Promise<void> }> {
  const clock = manualClock();
  const lock = async () => ({ release: () => undefined });
  const deps = { clock, ids: createIds(clock), log: silentLog, version: '0.0.0-test', files: faults.files, lock };
  const opened = await openStore({ backend: 'lowdb', dir }, deps, SECOND_TERMS);
  // Long enough for what the store does in the background.
  return { ...opened, pause: () => clock.advance(1_500) };
}
