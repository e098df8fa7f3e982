/**
 * What a segment of the journal says, for whoever opens the store and for whoever only looks at it: both must call the same things damaged.
 *
 * Lines that are not whole with nothing after them, or only what was written in the same write, were cut off by a crash and never
 * acknowledged; others that are missing in the count were damaged later.
 */
import { commitOf } from './journal-forms.ts';
import type { Commit } from './journal-forms.ts';
import { linesOf } from './line.ts';

export const MAX_SEGMENT_BYTES = 512 * 1024 * 1024;

/** Lines of the journal, by their numbers. */
export interface Lines {
  from: number;
  to: number;
}

export interface SegmentSays {
  /** How many lines are whole. */
  whole: number;
  /** The number after that of the last whole line. */
  next: number;
  /** What is missing or damaged, and was acknowledged. */
  lost: Lines[];
  /** What is missing in the newest write. */
  torn: Lines[];
  /** Where the first line begins that is not whole. */
  broken: number | undefined;
  /** Lines behind the last whole one that have an end, and whose checksum fails. */
  spoilt: number;
  /** The last line has no end. */
  cut: boolean;
}

/** Reads a segment that begins with the line `first`. `take` gets every whole line as it stands there; `next` is the number that was due. */
export function readSegment(
  segment: { bytes: Uint8Array; first: number },
  take: (commit: Commit & { bytes: number }, next: number) => void,
): SegmentSays {
  const says: SegmentSays = {
    whole: 0,
    next: segment.first,
    lost: [],
    torn: [],
    broken: undefined,
    spoilt: 0,
    cut: false,
  };
  let newest: number | undefined;
  for (const { offset, size, value, ended } of linesOf(segment.bytes)) {
    const commit = value === undefined ? undefined : commitOf(value);
    if (commit === undefined) {
      says.broken ??= offset;
      if (ended) says.spoilt++;
      else says.cut = true;
      continue;
    }
    const { lsn, batch } = commit;
    const isSameWrite = batch !== undefined && (batch === newest || batch <= says.next);
    // Something follows that was written later: what is missing before it had been acknowledged.
    if (batch !== newest) says.lost.push(...says.torn.splice(0));
    if (lsn > says.next) (isSameWrite ? says.torn : says.lost).push({ from: says.next, to: lsn - 1 });
    says.spoilt = 0;
    newest = batch;
    says.whole++;
    take({ ...commit, bytes: size }, says.next);
    says.next = lsn + 1;
  }
  return says;
}

/** Says so in words, with the verb. */
export function missing({ from, to }: Lines): string {
  return from === to ? `line ${from} is missing or damaged` : `lines ${from} to ${to} are missing or damaged`;
}
