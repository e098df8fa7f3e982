/** Draws the digest of a history. Subjects, names and paths are other people's text: nothing in them is markup. */
import type { ReportInput, SectionInput } from 'bellhop';
import type { Commit, History } from './history.ts';

const DAY = 86_400;
const MAX_AREAS = 8;
const MAX_SUBJECTS = 8;
const MAX_ROWS = 10;
const MAX_AUTHORS = 1_000;
/** What a chart in Slack takes. */
const MAX_POINTS = 20;

interface Totals {
  commits: number;
  authors: number;
  files: number;
  added: number;
  deleted: number;
}

/** The digest of the `days` before the newest commit, as report and as numbers. */
export function digest(
  history: History,
  days: number,
): { report: ReportInput; result: Totals & Record<string, unknown> } {
  const head = history.commits[0];
  const headAt = head?.at ?? 0;
  const from = headAt - days * DAY;
  // A commit that was written on a fast clock may carry a date after HEAD's; it belongs to the present days.
  const now = history.commits.filter((commit) => commit.at > from);
  const before = history.commits.filter((commit) => commit.at <= from && commit.at > from - days * DAY);
  const totals = sum(now);
  const earlier = history.complete && before.length > 0 ? sum(before) : undefined;
  const span = `${date(from)} to ${date(headAt)}`;
  const report: ReportInput = {
    title: `${history.name}: the last ${plural(days, 'day')}`.slice(0, 150),
    summary: summaryOf(totals, span),
    warnings: history.warnings,
    sections: [
      { kind: 'figures', figures: figures(totals, earlier, days) },
      ...(now.length === 0 ? [] : [perDay(now, headAt, days)]),
      { kind: 'markdown', title: 'What changed', markdown: whatChanged(now) },
      { kind: 'markdown', title: 'Most changed files', markdown: fileTable(now) },
      ...(now.length === 0 ? [] : [authorTable(now)]),
    ],
    sources: [
      { title: `${history.name}, commit ${head?.hash.slice(0, 10) ?? ''}`.slice(0, 200), asOf: instant(headAt) },
    ],
  };
  return { report, result: { ...totals, head: head?.hash ?? '', from: instant(from), to: instant(headAt) } };
}

function summaryOf(totals: Totals, span: string): string {
  const who = `${plural(totals.commits, 'commit')} by ${plural(totals.authors, 'author')}`;
  const what = `changed ${plural(totals.files, 'file')} (+${number(totals.added)} −${number(totals.deleted)} lines)`;
  return `${who} ${what} from ${span}, counted back from the newest commit.`;
}

function sum(commits: readonly Commit[]): Totals {
  const changes = commits.flatMap((commit) => commit.changes);
  return {
    commits: commits.length,
    authors: new Set(commits.map((commit) => commit.author)).size,
    files: new Set(changes.map((change) => change.path)).size,
    added: changes.reduce((total, change) => total + change.added, 0),
    deleted: changes.reduce((total, change) => total + change.deleted, 0),
  };
}

function figures(now: Totals, earlier: Totals | undefined, days: number) {
  const labels = {
    commits: 'Commits',
    authors: 'Authors',
    files: 'Files changed',
    added: 'Lines added',
    deleted: 'Lines deleted',
  };
  const versus = `the ${plural(days, 'day')} before`;
  const keys = ['commits', 'authors', 'files', 'added', 'deleted'] as const;
  return keys.map((key) => {
    const past = earlier?.[key] ?? 0;
    const delta = { value: Math.round(((now[key] - past) / past) * 100), versus, good: 'neutral' as const };
    return { label: labels[key], value: now[key], display: number(now[key]), ...(past > 0 && { delta }) };
  });
}

/** Subjects under the top folder that each commit changed most; merges say nothing of their own. */
function whatChanged(commits: readonly Commit[]): string {
  const areas = new Map<string, string[]>();
  for (const commit of commits) {
    if (commit.merge) continue;
    const area = areaOf(commit);
    areas.set(area, [...(areas.get(area) ?? []), commit.subject]);
  }
  if (areas.size === 0) return 'Only merges.';
  const ordered = [...areas].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1));
  const shown = ordered.slice(0, MAX_AREAS).map(([area, subjects]) => {
    const lines = subjects.slice(0, MAX_SUBJECTS).map((subject) => `- ${plain(subject)}`);
    const left = subjects.length - lines.length;
    return [
      `**${plain(area)}** (${subjects.length})`,
      '',
      ...lines,
      ...(left > 0 ? [`- … and ${left} more`] : []),
    ].join('\n');
  });
  const left = ordered.slice(MAX_AREAS).reduce((total, [, subjects]) => total + subjects.length, 0);
  return [...shown, ...(left > 0 ? [`… and ${plural(left, 'commit')} in other places`] : [])].join('\n\n');
}

function areaOf(commit: Commit): string {
  const weights = new Map<string, number>();
  for (const { path, added, deleted } of commit.changes) {
    const area = path.includes('/') ? (path.split('/', 1)[0] ?? '') : 'top level';
    weights.set(area, (weights.get(area) ?? 0) + added + deleted + 1);
  }
  return [...weights].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'no files';
}

interface Row {
  name: string;
  commits: number;
  added: number;
  deleted: number;
}

function fileTable(commits: readonly Commit[]): string {
  const rows = new Map<string, Row>();
  for (const commit of commits)
    for (const { path, added, deleted } of commit.changes) add(rows, { name: path, commits: 1, added, deleted });
  return table('File', rows, (row) => row.added + row.deleted);
}

/** Commits a day; of more days than Slack draws points, so many days together. */
function perDay(commits: readonly Commit[], headAt: number, days: number): SectionInput {
  const width = Math.ceil(days / MAX_POINTS);
  const points = Math.ceil(days / width);
  const counts = Array.from({ length: points }, () => 0);
  for (const { at } of commits) {
    const back = Math.min(points - 1, Math.max(0, Math.floor((headAt - at) / (DAY * width))));
    counts[points - 1 - back] = (counts[points - 1 - back] ?? 0) + 1;
  }
  const categories = counts.map((_, n) => dayOf(headAt - (points - 1 - n) * width * DAY));
  const most = Math.max(...counts);
  const span = width === 1 ? 'day' : `${width} days`;
  const busiest = categories[counts.indexOf(most)] ?? '';
  return {
    kind: 'chart',
    title: `Commits per ${span}`,
    alt: `Commits per ${span}, ${points} bars: the most, ${number(most)}, up to ${busiest}.`,
    chart: { type: 'bar', categories, series: [{ name: 'Commits', values: counts }] },
  };
}

function authorTable(commits: readonly Commit[]): SectionInput {
  const rows = new Map<string, Row>();
  for (const { author, changes } of commits) {
    const added = changes.reduce((total, change) => total + change.added, 0);
    const deleted = changes.reduce((total, change) => total + change.deleted, 0);
    add(rows, { name: author, commits: 1, added, deleted });
  }
  const ordered = [...rows.values()].sort((a, b) => b.commits - a.commits || (a.name < b.name ? -1 : 1));
  return {
    kind: 'table',
    title: 'Authors',
    caption: `${plural(ordered.length, 'author')} by commits${ordered.length > MAX_AUTHORS ? `, the first ${number(MAX_AUTHORS)}` : ''}`,
    priority: 'detail',
    columns: [
      { key: 'name', label: 'Author' },
      { key: 'commits', label: 'Commits', type: 'number' },
      { key: 'added', label: 'Lines added', type: 'number' },
      { key: 'deleted', label: 'Lines deleted', type: 'number' },
    ],
    rows: ordered.slice(0, MAX_AUTHORS).map((row) => ({ ...row, name: row.name.slice(0, 200) })),
    preview: MAX_ROWS,
  };
}

function add(rows: Map<string, Row>, row: Row): void {
  const known = rows.get(row.name);
  if (known === undefined) return void rows.set(row.name, row);
  known.commits += row.commits;
  known.added += row.added;
  known.deleted += row.deleted;
}

function table(head: string, rows: ReadonlyMap<string, Row>, weight: (row: Row) => number): string {
  const ordered = [...rows.values()].sort((a, b) => weight(b) - weight(a) || (a.name < b.name ? -1 : 1));
  if (ordered.length === 0) return 'No files were changed.';
  const lines = ordered
    .slice(0, MAX_ROWS)
    .map((row) => `| ${plain(row.name)} | ${row.commits} | +${number(row.added)} | −${number(row.deleted)} |`);
  const left = ordered.length - lines.length;
  const more = left > 0 ? [`\n… and ${number(left)} more`] : [];
  return [`| ${head} | Commits | Added | Deleted |`, '|---|---:|---:|---:|', ...lines, ...more].join('\n');
}

/** Text of others on one line, with every character that markdown could read escaped. */
function plain(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  const short = line.length > 140 ? `${line.slice(0, 139).replace(/[\ud800-\udbff]$/, '')}…` : line;
  return short.replace(/[\\`*_{}[\]<>()#+!|~&-]/g, '\\$&');
}

const plural = (count: number, word: string): string => `${number(count)} ${word}${count === 1 ? '' : 's'}`;
const number = (value: number): string => value.toLocaleString('en-US');
const instant = (seconds: number): string => new Date(seconds * 1000).toISOString();
const dayOf = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const date = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    timeZone: 'UTC',
  });
