/** Advice from report to report: its key, how it stands, and whether it may be given again. Pure. */
import { createHash } from 'node:crypto';
import type { AdviceRow, MemoryEntry } from '../../../store/memory-records.ts';

const DAY = 24 * 60 * 60 * 1000;
/** So long something that was done, or said twice, is left alone. */
const REST_MS = 28 * DAY;

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

interface Mention {
  row: AdviceRow;
  runId: string;
  at: number;
}

/**
 * How each piece of advice stands, newest first: as people last said of it, in whichever report they said it. An answer that came while
 * the next report was being made holds against the row of that report, which nobody answered; but what a report recommends after it was
 * done is open again.
 */
export function standings(memory: readonly MemoryEntry[]): Standing[] {
  const mentions = new Map<string, Mention[]>();
  for (const entry of memory) {
    const at = Date.parse(entry.at);
    for (const row of entry.advice)
      mentions.set(row.key, [...(mentions.get(row.key) ?? []), { row, runId: entry.runId, at }]);
  }
  return [...mentions.values()].flatMap((of) => standingOf(of) ?? []).sort((a, b) => b.last - a.last);
}

function standingOf(of: readonly Mention[]): Standing | undefined {
  const [newest, ...older] = of.toSorted((a, b) => b.at - a.at);
  if (newest === undefined) return undefined;
  const given = [newest.at, ...older.map(({ at }) => at)];
  const said = of
    .filter(({ row }) => row.status !== 'open' || row.statusAt !== undefined)
    .toSorted((a, b) => sinceOf(b) - sinceOf(a))[0];
  const again = said?.row.status === 'done' && newest.at > sinceOf(said);
  const { row, runId, ...rest } = said === undefined || again ? newest : said;
  return {
    row,
    runId,
    since: sinceOf({ row, runId, ...rest }),
    given,
    last: newest.at,
    first: given.at(-1) ?? newest.at,
  };
}

function sinceOf({ row, at }: Mention): number {
  return row.statusAt === undefined ? at : Date.parse(row.statusAt);
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
