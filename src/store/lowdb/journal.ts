/**
 * The journal: every commit is one line, durable before it is answered, in segments that are named by the number of their first line.
 *
 * One write is under way at a time and takes everything that waits, so a batch grows with the load, and an idle journal has no timer.
 * After a write, in one synchronous step: the changes are applied to what is in memory, then the commits are answered; so a checkpoint
 * never sees a line as covered whose changes it has not seen. A crash leaves at most the newest batch torn, which nobody was promised.
 *
 * A segment grows by spaces, a large step at a time, and lines are written over them: a file system with a journal of its own (ext4, xfs)
 * has to commit that for every write that makes a file longer, with all else that has happened there, and for none that does not.
 */
import { codeOf, messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Change } from '../backing.ts';
import { isFull, storeError, writeAllAt } from './disk.ts';
import type { Disk } from './disk.ts';
import type { SegmentFile } from './files.ts';
import type { Layout } from './layout.ts';
import { linesBytes, ROOM } from './line.ts';

const MAX_BATCH_LINES = 512;
const MAX_BATCH_BYTES = 1024 * 1024;
const MAX_SEGMENT_BYTES = 4 * 1024 * 1024;

export interface Segment {
  path: string;
  /** The number of its last line. */
  last: number;
}

export interface Journal {
  /** Resolves when the changes are durable and applied. A rejection: none of them is in force, unless the disk has stopped. */
  append(changes: readonly Change[]): Promise<void>;
  /** The number of the newest line that was applied. */
  applied(): number;
  /** Bytes of changes that wait for their write. */
  waiting(): number;
  /** Removes the segments whose lines are all covered; the one in use too when `through` covers it and it is worth it. */
  release(lsn: number, through: 'old' | 'all'): Promise<void>;
  /** Waits for what is under way and closes the segment. */
  close(): Promise<void>;
}

export interface JournalDeps {
  disk: Disk;
  layout: Layout;
  log: Log;
  /** Puts a durable commit into memory; must not throw. */
  apply: (commit: { lsn: number; changes: readonly Change[]; bytes: number }) => void;
  /** By how much a segment grows at once. */
  roomBytes: number;
  /** Waits until the disk has caught up with what is in memory. */
  room: () => Promise<void>;
}

interface OpenSegment {
  file: SegmentFile;
  path: string;
  /** Up to where there are lines. */
  bytes: number;
  /** Up to where the file has bytes of its own. */
  room: number;
}

interface Waiting {
  changes: readonly Change[];
  json: string;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Makes the journal after `found`: the segments that lie there, and the number of the newest line. */
export function createJournal(deps: JournalDeps, found: { segments: Segment[]; last: number }): Journal {
  const { disk, layout, log } = deps;
  const old = [...found.segments];
  let queue: Waiting[] = [];
  let queued = 0;
  let applied = found.last;
  let current: OpenSegment | undefined;
  let running: Promise<void> | undefined;

  async function openSegment(): Promise<OpenSegment> {
    if (current !== undefined && current.bytes < MAX_SEGMENT_BYTES) return current;
    await retire();
    const path = layout.segment(applied + 1);
    await disk.folder(layout.journal);
    const file = await disk.files.segment(path);
    try {
      // What a crash left here, or a life that could not go on, was never promised to anybody.
      await file.truncate(0);
    } catch (error) {
      await file.close();
      throw error;
    }
    current = { file, path, bytes: 0, room: 0 };
    await disk.orStop(`fsync of ${layout.journal}`, () => disk.files.syncFolder(layout.journal));
    return current;
  }
  /** Puts the segment in use to the old ones; an empty one keeps its name for the next line. */
  async function retire(): Promise<void> {
    if (current === undefined) return;
    const { file, path, bytes } = current;
    current = undefined;
    if (bytes > 0) old.push({ path, last: applied });
    await file.close();
  }

  /** Removes a covered segment for good; one that stays is covered still, and its turn comes again. */
  async function gone(path: string): Promise<boolean> {
    try {
      await disk.files.unlink(path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        log.warn('a covered segment of the journal could not be removed', { path, error });
        return false;
      }
    }
    await disk.orStop(`fsync of ${layout.journal}`, () => disk.files.syncFolder(layout.journal));
    return true;
  }

  function nextBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const one of queue) {
      if (count > 0 && (count >= MAX_BATCH_LINES || bytes + one.json.length > MAX_BATCH_BYTES)) break;
      bytes += one.json.length;
      count++;
    }
    const batch = queue.slice(0, count);
    queue = queue.slice(count);
    queued -= bytes;
    return batch;
  }
  async function writeBatch(batch: readonly Waiting[]): Promise<void> {
    const first = applied + 1;
    const together = batch.length === 1 ? '' : `"batch":${first},`;
    const texts = batch.map(({ json }, at) => `{"lsn":${first + at},${together}"changes":${json}}`);
    disk.check();
    const sizes = await writeLines(await openSegment(), texts);
    batch.forEach((one, at) => {
      applied++;
      deps.apply({ lsn: applied, changes: one.changes, bytes: sizes[at] ?? 0 });
    });
    for (const one of batch) one.resolve();
  }
  async function writeLines(segment: OpenSegment, texts: readonly string[]): Promise<number[]> {
    const { bytes, sizes } = linesBytes(texts);
    const end = segment.bytes + bytes.length;
    if (end > segment.room) await grow(segment, bytes, end);
    else await writeOrErase(segment, bytes);
    segment.bytes = end;
    return sizes;
  }
  /** Writes the lines and room for more behind them in one go; when the disk has no place for that, the lines alone. */
  async function grow(segment: OpenSegment, lines: Uint8Array, end: number): Promise<void> {
    const room = Math.min(end + deps.roomBytes, Math.max(end, MAX_SEGMENT_BYTES));
    try {
      await writeOrErase(segment, Buffer.concat([lines, Buffer.alloc(room - end, ROOM)]));
      segment.room = room;
    } catch (error) {
      if (!isFull(error) || disk.stopped() !== undefined || room === end) throw error;
      await writeOrErase(segment, lines);
      segment.room = end;
    }
  }
  /** Takes back what a write put down in part. Only a full disk leaves a file that can be trusted. */
  async function writeOrErase(segment: OpenSegment, bytes: Uint8Array): Promise<void> {
    try {
      await writeAllAt(segment.file, bytes, segment.bytes);
    } catch (cause) {
      await disk.orStop(`write to ${segment.path}`, async () => {
        if (!isFull(cause)) throw cause instanceof Error ? cause : new Error(messageOf(cause));
        segment.room = segment.bytes;
        await segment.file.truncate(segment.bytes);
        await segment.file.sync();
      });
      throw cause;
    }
  }

  async function pump(): Promise<void> {
    while (queue.length > 0) {
      // Joins what the same turn of the event loop still brings.
      await deps.room();
      const batch = nextBatch();
      try {
        await writeBatch(batch);
      } catch (error) {
        const failure = storeError('The journal could not be written', error);
        for (const one of batch) one.reject(failure);
      }
    }
    running = undefined;
  }

  return {
    append: (changes) =>
      new Promise((resolve, reject) => {
        const json = JSON.stringify(changes);
        queue.push({ changes, json, resolve, reject });
        queued += json.length;
        running ??= pump();
      }),
    applied: () => applied,
    waiting: () => queued,
    async release(lsn, through) {
      // Oldest first, and each surely gone before the next goes: whatever is left is the newest part of the history, so replaying it
      // brings nothing back. A name whose removal was not confirmed may be there again after a power cut.
      for (let first = old[0]; first !== undefined && first.last <= lsn; first = old[0]) {
        if (!(await gone(first.path))) return;
        old.shift();
      }
      if (through === 'old' || current === undefined || running !== undefined || applied > lsn) return;
      // Nothing is under way, and a write that begins now opens a new segment.
      const { file, path } = current;
      current = undefined;
      await file.close();
      if (!(await gone(path))) old.push({ path, last: lsn });
    },
    async close() {
      await running;
      await retire();
    },
  };
}
