/**
 * Small files are read in the turn of the event loop that asks for them: what a read costs is the four trips to the thread pool (open,
 * fstat, read, close), not the read. Measured for a record of 4 KB: 0.01 ms so, 0.22 ms through the pool; with nothing in the page cache
 * 0.12 against 0.25. A read that blocks holds up everybody else, so there are bounds: so much of a turn, and a disk that is slow to
 * answer is asked through the pool, which also asks it several things at once.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Clock } from '../../clock.ts';

/** Four times the usual record. */
const SMALL_BYTES = 64 * 1024;
/** What the reads of one turn may take together, but for the last of them. */
const TURN_MS = 2;
/** A clock may be coarse: no read counts as less. */
const LEAST_MS = 0.005;
/** From this average on a read is not answered from memory. */
const SLOW_MS = 0.5;
const WEIGHT = 1 / 16;
/** So many reads of a slow disk go through the pool before one is tried again. */
const READS_AROUND = 64;

const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export interface SmallReads {
  /** The bytes of a regular file; undefined when it is not small or the disk is slow: then it is to be read through the thread pool. */
  read(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
}

/** Makes the reader; it knows how the disk did lately. */
export function createSmallReads(clock: Pick<Clock, 'monotonic'>): SmallReads {
  let spent = 0;
  let average = 0;
  let around = 0;
  let nextTurn: Promise<void> | undefined;

  function turn(): Promise<void> {
    return (nextTurn ??= new Promise((resolve) => {
      setImmediate(() => {
        spent = 0;
        nextTurn = undefined;
        resolve();
      });
    }));
  }
  function note(ms: number): void {
    spent += ms;
    void turn();
    average += (ms - average) * WEIGHT;
    if (average < SLOW_MS) return;
    around = READS_AROUND;
    average = SLOW_MS / 2;
  }
  return {
    async read(path, maxBytes) {
      if (around > 0) {
        around--;
        return undefined;
      }
      while (spent >= TURN_MS) await turn();
      const begun = clock.monotonic();
      try {
        return readNow(path, Math.min(SMALL_BYTES, maxBytes));
      } finally {
        note(Math.max(LEAST_MS, clock.monotonic() - begun));
      }
    },
  };
}

/** Undefined for what is larger or no file: the other way says why. */
function readNow(path: string, maxBytes: number): Uint8Array | undefined {
  const fd = openSync(path, FLAGS);
  try {
    const info = fstatSync(fd);
    if (!info.isFile() || info.size > maxBytes) return undefined;
    // Not from the pool of small buffers: it would be kept as long as anything of it is.
    const bytes = Buffer.allocUnsafeSlow(info.size);
    let length = 0;
    for (let taken = -1; taken !== 0 && length < bytes.length; length += taken) {
      taken = readSync(fd, bytes, length, bytes.length - length, length);
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}
