/** Where a page of runs begins. */
import { UsageError } from '../errors.ts';
import { isId } from '../ids.ts';
import type { RunQuery } from './reader.ts';

/** A cursor names the last run of its page, not a place, so inserts and deletes do not move it; ids begin with their creation time. */
export function writeCursor(id: string): string {
  return Buffer.from(`runs:${id}`).toString('base64url');
}

/** The id that the answer begins after; of two, the older one. */
export function startOf({ after, olderThan }: RunQuery): string | undefined {
  const ids = [
    ...(after === undefined ? [] : [readCursor(after)]),
    ...(olderThan === undefined ? [] : [checkedId(olderThan)]),
  ];
  return ids.toSorted()[0];
}

function readCursor(cursor: string): string {
  const text = Buffer.from(cursor.slice(0, 200), 'base64url').toString();
  return checkedId(text.startsWith('runs:') ? text.slice(5) : '');
}

function checkedId(id: string): string {
  if (isId(id, 'run')) return id;
  throw new UsageError('The page cursor cannot be read.', {
    code: 'USAGE',
    hint: 'Pass the `next` of the page before, unchanged, or begin without a cursor.',
  });
}
