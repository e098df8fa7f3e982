/**
 * Room on the disk. A reserve of real bytes lies ready; when a write finds the disk full the reserve is given up, so that removals and
 * checkpoints still work, and other changes are refused until there is room for a reserve again.
 */
import { join } from 'node:path';
import { codeOf, DependencyError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Change } from '../backing.ts';
import { isFull, writeAll } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';

export interface Space {
  /** Lays the reserve down, when it is not there; a full disk is noted, nothing else happens. */
  prepare(): Promise<void>;
  /** Throws STORE_FULL while the disk is full, unless the changes give room; looks first whether there is room again. */
  admit(changes: readonly Change[]): Promise<void>;
  /** Gives the reserve up, after a write found the disk full; answers whether that made room. */
  ranOut(): Promise<boolean>;
  /** Looks whether there is room again. */
  heal(): Promise<void>;
  /** Why changes are refused; undefined when they are not. */
  reason(): string | undefined;
}

const FULL = 'The disk of the data folder is full; removals are still taken.';
const CHUNK = 1024 * 1024;
/** With less than this the disk counts as full, before a write finds out. */
const MIN_FREE = 1024 * 1024;

/** `owed` is work that needed room at open and has to be done before any change is taken. */
export function createSpace(
  deps: { disk: Disk; layout: Layout; log: Log },
  terms: { reserveBytes: number; owed: () => Promise<void> },
): Space {
  const { disk, layout, log } = deps;
  const { reserveBytes } = terms;
  let full = false;
  /** While something is owed not even a removal may be journaled: the folder is not yet of our format. */
  let owing = true;
  let healing: Promise<void> | undefined;

  async function layReserve(): Promise<void> {
    const temp = join(layout.root, `.tmp-${process.pid}-reserve`);
    await disk.files.unlink(temp).catch(() => undefined);
    const file = await disk.files.create(temp);
    try {
      // Random-looking bytes are not needed: no file system that we know of leaves written zeros out.
      const chunk = new Uint8Array(Math.min(CHUNK, reserveBytes)).fill(0x2e);
      for (let left = reserveBytes; left > 0; left -= chunk.length) {
        await writeAll(file, left < chunk.length ? chunk.subarray(0, left) : chunk);
      }
      await file.sync();
    } catch (error) {
      await disk.files.unlink(temp).catch(() => undefined);
      throw error;
    } finally {
      await file.close();
    }
    await disk.files.rename(temp, layout.reserve);
  }
  async function hasReserve(): Promise<boolean> {
    try {
      const { from, bytes } = await disk.files.tail(layout.reserve, 1);
      return from + bytes.length >= reserveBytes;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }
  /** A disk that fails here will say so where it matters. */
  async function restore(): Promise<void> {
    try {
      await terms.owed();
      owing = false;
      if (!(await hasReserve())) await layReserve();
      if ((await free()) < MIN_FREE) throw fullError();
      if (full) log.info('there is room on the disk again; changes are taken');
      full = false;
    } catch (error) {
      if (!isFull(error) && owing) throw error;
      if (!isFull(error)) log.warn('the reserve could not be laid down', { error });
      else full = true;
    }
  }
  /** A file system that does not say how much is free has to be tried. */
  const free = (): Promise<number> => disk.files.free(layout.root).catch(() => Number.POSITIVE_INFINITY);
  async function heal(): Promise<void> {
    if (!full) return;
    const wanted = (await hasReserve().catch(() => false)) ? MIN_FREE : reserveBytes + MIN_FREE;
    if ((await free()) >= wanted) await (healing ??= restore().finally(() => (healing = undefined)));
  }

  return {
    prepare: restore,
    heal,
    async admit(changes) {
      if (!full) return;
      await heal();
      if (full && (owing || !giveRoom(changes))) throw fullError();
    },
    async ranOut() {
      if (!full) log.error('the disk is full; only removals are taken until there is room again');
      full = true;
      try {
        await disk.files.unlink(layout.reserve);
        return true;
      } catch {
        return false;
      }
    },
    reason: () => (full ? FULL : undefined),
  };
}

/** Removals, with what belongs to them; never a new state of a run. */
function giveRoom(changes: readonly Change[]): boolean {
  const kinds = new Set(changes.map((change) => change.kind));
  return !kinds.has('run') && (kinds.has('removal') || kinds.has('forget') || kinds.has('doc-removal'));
}

function fullError(): DependencyError {
  return new DependencyError('The disk of the data folder is full.', {
    code: 'STORE_FULL',
    retryable: true,
    hint: 'Free space on the disk of the data folder; what was acknowledged is safe.',
  });
}
