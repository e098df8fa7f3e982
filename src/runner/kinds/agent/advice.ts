/** Advice from report to report: its key, how it stands, and whether it may be given again. Pure. */
import { createHash } from 'node:crypto';
import type { AdviceRow, MemoryEntry } from '../../../store/memory-records.ts';

const DAY = 24 * 60 * 60 * 1000;
/** So long something that was done, or said twice, is left alone. */
export const REST_MS = 28 * DAY;

/** The same advice has the same key in every report. */
export function adviceKey(action: string, targetType: string, targetId: string): string {
  return createHash('sha256').update(`${action}|${targetType}|${targetId}`).digest('hex').slice(0, 12);
}

/** A piece of advice as it stands: its newest row, and when it was given. */
export interface Standing {
  row: AdviceRow;
  runId: string;
  /** Since when it stands so: when somebody answered it, else when it was given last. */
  since: number;
  /** Of the report that gave it last, and of the one that gave it first: milliseconds. */
  last: number;
  first: number;
  /** When each report gave it, newest first. */
  given: number[];
}

/**
 * How each piece of advice stands, newest first. A row that somebody answered counts from then, so that an answer to last week's report
 * holds against the row of this week only if it is newer.
 */
export function standings(memory: readonly MemoryEntry[]): Standing[] {
  const found = new Map<string, Standing>();
  for (const entry of memory) {
    const at = Date.parse(entry.at);
    for (const row of entry.advice) {
      const since = row.statusAt === undefined ? at : Date.parse(row.statusAt);
      const known = found.get(row.key);
      if (known === undefined) {
        found.set(row.key, { row, runId: entry.runId, since, first: at, last: at, given: [at] });
        continue;
      }
      const newer = since > known.since ? { row, runId: entry.runId, since } : {};
      const given = [...known.given, at].sort((a, b) => b - a);
      found.set(row.key, {
        ...known,
        ...newer,
        given,
        first: Math.min(known.first, at),
        last: Math.max(known.last, at),
      });
    }
  }
  return [...found.values()].sort((a, b) => b.last - a.last);
}

/**
 * Why advice may not be given again; undefined when it may. Dismissed: never, or not before its day. Done: not for four weeks. Open: only
 * with a reason, and only once more in four weeks.
 */
export function whyNotAgain(standing: Standing | undefined, now: number, hasReason: boolean): string | undefined {
  if (standing === undefined) return undefined;
  const { row, given, since } = standing;
  switch (row.status) {
    case 'dismissed':
      if (row.until === undefined) return 'people said never';
      return Date.parse(row.until) > now ? 'people said not now' : undefined;
    case 'done':
      return now - since < REST_MS ? 'it was done less than four weeks ago' : undefined;
    case 'open':
      if (given.filter((at) => now - at < REST_MS).length > 1) return 'it is open and was said twice in four weeks';
      return hasReason ? undefined : 'it is still open';
    default:
      return row.status satisfies never;
  }
}
