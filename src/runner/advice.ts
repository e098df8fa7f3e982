/** How each piece of a job's advice stands, out of all that its reports and people said of it: one rule, for reports and for people. Pure. */
import type { AdviceRow, AdviceState, MemoryEntry } from '../store/memory-records.ts';

/** Open advice that is older is expired. */
const OPEN_MS = 12 * 7 * 24 * 60 * 60_000;

/** A row as people see it: open ones that are too old are expired. */
export interface AdviceView extends Omit<AdviceRow, 'status'> {
  status: AdviceState;
  runId: string;
  at: string;
}

/** One piece of advice: worded as in its newest report, in the state that was said last. */
export interface Standing {
  row: AdviceView;
  /** It was put off, its day has come, and no report has given it since. */
  isBack: boolean;
  /** Since when it stands so: when somebody answered it, else when it was given last. */
  since: number;
  /** When each report gave it, newest first: milliseconds. */
  given: number[];
}

interface Mention {
  row: AdviceRow;
  entry: MemoryEntry;
}

/** Each advice once, newest first. */
export function standings(entries: readonly MemoryEntry[], now: number): Standing[] {
  const mentions = new Map<string, [Mention, ...Mention[]]>();
  for (const entry of entries.toSorted(byAge)) {
    for (const row of entry.advice) {
      const before = mentions.get(row.key);
      if (before === undefined) mentions.set(row.key, [{ row, entry }]);
      else before.push({ row, entry });
    }
  }
  return [...mentions.values()].map((of) => standingOf(of, now));
}

export function adviceOf(entries: readonly MemoryEntry[], now: number): AdviceView[] {
  return standings(entries, now).map(({ row }) => row);
}

/** Put off to a day that has come. */
export function isLapsed({ status, until }: Pick<AdviceRow, 'status' | 'until'>, now: number): boolean {
  return status === 'dismissed' && until !== undefined && Date.parse(until) <= now;
}

function byAge(a: MemoryEntry, b: MemoryEntry): number {
  return Date.parse(b.at) - Date.parse(a.at) || (a.runId < b.runId ? 1 : -1);
}

/** `of`: newest first. */
function standingOf(of: readonly [Mention, ...Mention[]], now: number): Standing {
  const [{ row, entry }] = of;
  const said = lastSaid(of);
  const { status: _status, statusAt: _statusAt, by: _by, until: _until, ...words } = row;
  const note = row.note ?? said?.row.note;
  const state = said === undefined ? 'open' : stateOf(said.row, { now, newest: entry, at: saidAt(said) });
  const last = Date.parse(entry.at);
  const until = state === 'dismissed' ? said?.row.until : undefined;
  const view: AdviceView = {
    ...words,
    runId: entry.runId,
    at: entry.at,
    ...(note !== undefined && { note }),
    ...(said !== undefined && { statusAt: saidAt(said) }),
    ...(said?.row.by !== undefined && { by: said.row.by }),
    ...(until !== undefined && { until }),
    status: state === 'open' && now - last > OPEN_MS ? 'expired' : state,
  };
  return {
    row: view,
    isBack: said !== undefined && isLapsed(said.row, now) && last <= Date.parse(said.row.until ?? ''),
    since: Date.parse(view.statusAt ?? entry.at),
    given: of.map((one) => Date.parse(one.entry.at)),
  };
}

/**
 * Of several answers the latest, in whichever report it was given; a row that nobody answered says nothing. So an answer that came while
 * the next report was being made holds against the row of that report.
 */
function lastSaid(of: readonly Mention[]): Mention | undefined {
  const said = of.filter(({ row }) => row.status !== 'open' || row.statusAt !== undefined);
  return said.toSorted((a, b) => Date.parse(saidAt(b)) - Date.parse(saidAt(a)))[0];
}

function saidAt({ row, entry }: Mention): string {
  return row.statusAt ?? entry.at;
}

function stateOf(
  row: AdviceRow,
  { now, newest, at }: { now: number; newest: MemoryEntry; at: string },
): AdviceRow['status'] {
  // What was put off comes back by itself; what was dismissed for good never does.
  if (row.status === 'dismissed') return isLapsed(row, now) ? 'open' : 'dismissed';
  // A report that came after it was done saw reason to recommend it again.
  return row.status === 'done' && Date.parse(newest.at) > Date.parse(at) ? 'open' : row.status;
}
