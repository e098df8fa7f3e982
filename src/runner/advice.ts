/** What of a job's advice stands, out of all that its reports said of it. Pure. */
import type { AdviceRow, AdviceState, MemoryEntry } from '../store/memory-records.ts';

/** A row as people see it: open ones that are too old are expired. */
export interface AdviceView extends Omit<AdviceRow, 'status'> {
  status: AdviceState;
  runId: string;
  at: string;
}

interface Mention {
  row: AdviceRow;
  entry: MemoryEntry;
}

/** Each advice once, newest first: worded as in its newest report, in the state that was said last. */
export function adviceOf(entries: readonly MemoryEntry[], terms: { now: number; openMs: number }): AdviceView[] {
  const mentions = new Map<string, Mention[]>();
  for (const entry of entries.toSorted(byAge)) {
    for (const row of entry.advice) {
      const before = mentions.get(row.key);
      if (before === undefined) mentions.set(row.key, [{ row, entry }]);
      else before.push({ row, entry });
    }
  }
  return [...mentions.values()].flatMap((of) => viewOf(of, terms) ?? []);
}

function byAge(a: MemoryEntry, b: MemoryEntry): number {
  return Date.parse(b.at) - Date.parse(a.at) || (a.runId < b.runId ? 1 : -1);
}

/** `of`: newest first. */
function viewOf(of: readonly Mention[], { now, openMs }: { now: number; openMs: number }): AdviceView | undefined {
  const [newest] = of;
  if (newest === undefined) return undefined;
  const { row, entry } = newest;
  const said = lastSaid(of);
  const { status: _status, statusAt: _statusAt, by: _by, until: _until, ...words } = row;
  const note = row.note ?? said?.row.note;
  const view = {
    ...words,
    runId: entry.runId,
    at: entry.at,
    ...(note !== undefined && { note }),
    ...(said !== undefined && { statusAt: saidAt(said) }),
    ...(said?.row.by !== undefined && { by: said.row.by }),
  };
  const state = said === undefined ? 'open' : stateOf(said.row, { now, newest: entry, at: saidAt(said) });
  if (state === 'open' && now - Date.parse(entry.at) > openMs) return { ...view, status: 'expired' };
  const until = state === 'dismissed' ? said?.row.until : undefined;
  return { ...view, status: state, ...(until !== undefined && { until }) };
}

/** Of several answers the latest; a row that nobody answered says nothing. */
function lastSaid(of: readonly Mention[]): Mention | undefined {
  const said = of.filter(({ row }) => row.status !== 'open' || row.statusAt !== undefined);
  return said.toSorted((a, b) => Date.parse(saidAt(b)) - Date.parse(saidAt(a)))[0];
}

function saidAt({ row, entry }: Mention): string {
  return row.statusAt ?? entry.at;
}

function stateOf(row: AdviceRow, { now, newest, at }: { now: number; newest: MemoryEntry; at: string }): AdviceState {
  if (row.status === 'dismissed') {
    // What was put off comes back by itself; what was dismissed for good never does.
    return row.until === undefined || Date.parse(row.until) > now ? 'dismissed' : 'open';
  }
  // A report that came after it was done saw reason to recommend it again.
  return row.status === 'done' && Date.parse(newest.at) > Date.parse(at) ? 'open' : row.status;
}
