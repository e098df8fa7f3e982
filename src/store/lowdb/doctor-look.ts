/** What every part of an examination shares: the folder through calls that can only read, the tally, and how far it is. */
import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import type { Clock } from '../../clock.ts';
import { codeOf, messageOf } from '../../errors.ts';
import { silentLog } from '../../log.ts';
import type { FolderCounts } from '../verdict.ts';
import { noRuns } from '../tally.ts';
import { createDisk } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Tally } from './doctor-findings.ts';
import type { FindingKind } from './doctor-kinds.ts';
import type { Files } from './files.ts';
import { TEMP_FILE } from './layout.ts';
import type { Layout } from './layout.ts';

export interface Look {
  /** Every call that would write is refused. */
  disk: Disk;
  layout: Layout;
  clock: Clock;
  tally: Tally;
  counts: FolderCounts;
  /** Says what is being looked at, and throws when the examination is broken off. */
  step(what: string, more?: number): void;
}

/** Makes the look of one examination. */
export function createLook(deps: {
  files: Files;
  layout: Layout;
  clock: Clock;
  tally: Tally;
  progress: ((at: { what: string; looked: number }) => void) | undefined;
  signal: AbortSignal | undefined;
}): Look {
  const { layout, clock, tally, progress, signal } = deps;
  const counts = noCounts();
  const files = readOnly(deps.files, (bytes) => (counts.bytes += bytes));
  let looked = 0;
  return {
    disk: createDisk({ files, log: silentLog, root: layout.root }),
    layout,
    clock,
    tally,
    counts,
    step(what, more = 0) {
      signal?.throwIfAborted();
      looked += more;
      progress?.({ what: isAbsolute(what) ? relative(layout.root, what) || '.' : what, looked });
    },
  };
}

function noCounts(): FolderCounts {
  return {
    runs: noRuns(),
    tombstones: 0,
    deliveryFiles: 0,
    docs: 0,
    blobs: 0,
    unnamedBlobs: 0,
    events: 0,
    auditEntries: 0,
    quarantined: 0,
    journalLines: 0,
    bytes: 0,
  };
}

/** The same files, of which nothing can be changed. */
function readOnly(files: Files, count: (bytes: number) => void): Files {
  const refuse = (): Promise<never> =>
    Promise.reject(Object.assign(new Error('an examination writes nothing'), { code: 'EROFS' }));
  return {
    async read(path, maxBytes) {
      const bytes = await files.read(path, maxBytes);
      count(bytes.length);
      return bytes;
    },
    async readPart(path, from, maxBytes) {
      const bytes = await files.readPart(path, from, maxBytes);
      count(bytes.length);
      return bytes;
    },
    list: (path) => files.list(path),
    type: (path) => files.type(path),
    tail: (path, maxBytes) => files.tail(path, maxBytes),
    free: (path) => files.free(path),
    create: refuse,
    append: refuse,
    journal: refuse,
    segment: refuse,
    rename: refuse,
    unlink: refuse,
    mkdir: refuse,
    rmdir: refuse,
    syncFolder: refuse,
    syncAll: refuse,
  };
}

/** The names in a folder that fit, in order. Temp files and whatever else lies there are noted; a folder that is not there is empty. */
export async function namesIn(
  look: Look,
  folder: string,
  want: { kind: 'file' | 'folder'; name: RegExp; also?: (name: string) => boolean; else?: FindingKind },
): Promise<string[]> {
  const names: string[] = [];
  for (const { name, kind } of await entriesIn(look, folder)) {
    if (kind === want.kind && want.name.test(name)) names.push(name);
    else if (kind === 'file' && TEMP_FILE.test(name)) look.tally.note('temp', { path: join(folder, name) });
    else if (want.also?.(name) !== true) look.tally.note(want.else ?? 'stray', { path: join(folder, name) });
  }
  return names.sort();
}

/** What lies in a folder; one that cannot be listed is noted, and is then as good as empty. */
export async function entriesIn(look: Look, folder: string): ReturnType<Files['list']> {
  look.step(folder);
  try {
    return await look.disk.files.list(folder);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') noteUnreadable(look, 'unreachable', { path: folder, error });
    return [];
  }
}

/** Notes a file that could not be read: what is no record as `kind`, what the system refused as unreachable. */
export function noteUnreadable(look: Look, kind: FindingKind, at: { path: string; error: unknown }): void {
  const { path, error } = at;
  const detail = messageOf(error).replaceAll(`${path} `, '').replaceAll(`'${path}'`, '').trim();
  look.tally.note(codeOf(error) === 'STORE_CORRUPT' ? kind : 'unreachable', { path, detail });
}

/** Size and age of a file without following a link; undefined when there is none. */
export async function fileAt(path: string): Promise<{ bytes: number; changedAt: number } | undefined> {
  try {
    const info = await lstat(path);
    return info.isFile() ? { bytes: info.size, changedAt: info.mtimeMs } : undefined;
  } catch {
    return undefined;
  }
}

const PIECE_BYTES = 256 * 1024;

/** The bytes of a file of any size, a piece at a time, each good until the next is asked for; broken off when the examination is. */
export async function* piecesOf(look: Look, path: string): AsyncGenerator<Uint8Array> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const piece = new Uint8Array(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, piece.length, null);
      if (bytesRead === 0) return;
      look.counts.bytes += bytesRead;
      look.step(path);
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
