/** Advice from report to report: its key, and whether it may be given again. Pure. */
import { createHash } from 'node:crypto';
import type { MemoryEntry } from '../../../../store/memory-records.ts';
import type { Evidence } from '../../../agent-job.ts';
import { standings } from '../../../advice.ts';
import type { Standing } from '../../../advice.ts';

const DAY = 24 * 60 * 60 * 1000;
/** So long something that was done, or said twice, is left alone. */
const REST_MS = 28 * DAY;

/** The same advice has the same key in every report. */
export function adviceKey(action: string, targetType: string, targetId: string): string {
  return createHash('sha256').update(`${action}|${targetType}|${targetId}`).digest('hex').slice(0, 12);
}

/** What a job is told, so that it asks for nothing that would be left out: code has no reason to repeat what is open. */
export function mayAdvise(memory: readonly MemoryEntry[], now: number): Evidence['mayAdvise'] {
  const known = new Map(standings(memory, now).map((standing) => [standing.row.key, standing]));
  return (action, { type, id }) => whyNotAgain(known.get(adviceKey(action, type, id)), now, false) === undefined;
}

/**
 * Why advice may not be given again; undefined when it may. Dismissed: never, or not before its day, and then once. Done: not for four
 * weeks. Open: only with a reason, and only once more in four weeks. Expired: as if it were new.
 */
export function whyNotAgain(standing: Standing | undefined, now: number, hasReason: boolean): string | undefined {
  if (standing === undefined) return undefined;
  const { row, given, since, isBack } = standing;
  switch (row.status) {
    case 'dismissed':
      return row.until === undefined ? 'people said never' : 'people said not now';
    case 'done':
      return now - since < REST_MS ? 'it was done less than four weeks ago' : undefined;
    case 'expired':
      return undefined;
    case 'open':
      if (isBack) return undefined;
      if (given.filter((at) => now - at < REST_MS).length > 1) return 'it is open and was said twice in four weeks';
      return hasReason ? undefined : 'it is still open';
    default:
      return row.status satisfies never;
  }
}
