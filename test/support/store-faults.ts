import type { Files, OpenFile } from '../../src/store/lowdb/files.ts';
import { nodeFiles } from '../../src/store/lowdb/files.ts';

export interface Call {
  /** From 1, over all calls. */
  n: number;
  op: keyof Files | keyof OpenFile;
  path: string;
}

export interface FaultyFiles {
  files: Files;
  /** Decides before each call: an error code fails it, a number makes a write take only so many bytes, or so many be free. */
  on(fault: (call: Call) => string | number | undefined): void;
  calls(): number;
  /** The newest calls of this life. */
  seen(): readonly Call[];
  /** Lets nothing through any more, as after a kill -9; resolves when what the kernel already had is done. */
  kill(): Promise<void>;
}

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
  const files: Files = {
    read: (path, max) => through('read', path, () => inner.read(path, max)),
    create: (path) => through('create', path, async () => wrap(path, await inner.create(path))),
    append: (path) => through('append', path, async () => wrap(path, await inner.append(path))),
    journal: (path) => through('journal', path, async () => wrap(path, await inner.journal(path))),
    tail: (path, max) => through('tail', path, () => inner.tail(path, max)),
    slice: (path, from, length) => through('slice', path, () => inner.slice(path, from, length)),
    rename: (from, to) => through('rename', to, () => inner.rename(from, to)),
    unlink: (path) => through('unlink', path, () => inner.unlink(path)),
    mkdir: (path) => through('mkdir', path, () => inner.mkdir(path)),
    rmdir: (path) => through('rmdir', path, () => inner.rmdir(path)),
    list: (path) => through('list', path, () => inner.list(path)),
    syncFolder: (path) => through('syncFolder', path, () => inner.syncFolder(path)),
    syncAll: (path) => through('syncAll', path, () => inner.syncAll(path)),
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
