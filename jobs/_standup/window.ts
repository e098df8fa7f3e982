/** Which days a stand-up speaks of, and which commits fall into them. */
import type { Commit, History } from '../_digest/history.ts';

const DAY = 86_400;

export interface Span {
  /** Seconds since the epoch: after `from`, up to and with `to`; as long before it is what it is compared with. */
  from: number;
  to: number;
  days: number;
}

/** So many working days back: on a Monday, yesterday is Friday. */
export function spanOf(days: number, now: number, timeZone: string): Span {
  const to = Math.floor(now / 1000);
  let back = 0;
  for (let left = days; left > 0; left--)
    do back++;
    while (isWeekend(to - back * DAY, timeZone));
  return { from: to - back * DAY, to, days: back };
}

function isWeekend(seconds: number, timeZone: string): boolean {
  const day = new Date(seconds * 1000).toLocaleDateString('en-GB', { weekday: 'short', timeZone });
  return day === 'Sat' || day === 'Sun';
}

export function split({ commits }: History, { from, to, days }: Span): { now: Commit[]; before: Commit[] } {
  // A commit of a fast clock carries a date that is still to come; it is news as well.
  const now = commits.filter(({ at }) => at > from && at <= to + DAY);
  const before = commits.filter(({ at }) => at <= from && at > from - days * DAY);
  return { now, before };
}

/** The top folder that a commit changed most. */
export function areaOf(commit: Commit): string {
  const weights = new Map<string, number>();
  for (const { path, added, deleted } of commit.changes) {
    const area = topOf(path);
    weights.set(area, (weights.get(area) ?? 0) + added + deleted + 1);
  }
  return [...weights].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]?.[0] ?? 'no files';
}

export const topOf = (path: string): string => (path.includes('/') ? (path.split('/', 1)[0] ?? '') : 'top level');

/** Ids of facts have letters, digits, `_` and `-` only; names that would fall together are told apart by a number. */
export function idsOf(names: readonly string[]): Map<string, string> {
  const ids = new Map<string, string>();
  const taken = new Set<string>();
  for (const name of new Set(names)) {
    const plain = name.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 60) || 'unnamed';
    let id = plain;
    for (let at = 2; taken.has(id); at++) id = `${plain}-${at}`;
    taken.add(id);
    ids.set(name, id);
  }
  return ids;
}
