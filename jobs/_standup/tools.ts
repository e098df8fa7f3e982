/** The tools over a git repository: they read, and the repository is the one of the run's input, never of the model's choice. */
import { defineTool, PermanentError, type AgentTool, type NewFact, type ToolContext, type ToolOutput } from 'bellhop';
import { z } from 'zod';
import type { Commit, History } from '../_digest/history.ts';
import { readBranches, readRecorded, readRepository } from '../_digest/source.ts';
import { areaOf, idsOf, spanOf, split, topOf, type Span } from './window.ts';

const MAX_COMMITS = 60;
const MAX_AREAS = 20;
const MAX_BRANCHES = 20;

const Given = z.object({ repo: z.string(), log: z.string().optional() });

interface Read {
  history: History;
  span: Span;
  now: Commit[];
  before: Commit[];
}

function given(ctx: ToolContext): z.infer<typeof Given> {
  const read = Given.safeParse(ctx.input);
  if (!read.success) throw new PermanentError('the run names no repository');
  return read.data;
}

/** Of a recorded history the days are counted back from its newest commit: it has no yesterday. */
async function readHistory(days: number, ctx: ToolContext): Promise<Read> {
  const { repo, log } = given(ctx);
  const seconds = (span: Span): number => 2 * (span.to - span.from);
  if (log !== undefined) {
    const history = await readRecorded(log);
    const span = spanOf(days, (history.commits[0]?.at ?? 0) * 1000, ctx.timeZone);
    return { history, span, ...split(history, span) };
  }
  const span = spanOf(days, ctx.now, ctx.timeZone);
  const history = await readRepository(repo, { seconds: seconds(span), signal: ctx.signal });
  return { history, span, ...split(history, span) };
}

const day = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);
const windowOf = ({ from, to, days }: Span) => ({
  from: day(from),
  to: day(to),
  label: days === 1 ? 'the last day' : `the last ${days} days`,
});

const count = (key: string, label: string, value: number | null): NewFact => ({ key, label, value, unit: 'count' });

function totals(prefix: string, commits: readonly Commit[], suffix: string): NewFact[] {
  const changes = commits.flatMap((commit) => commit.changes);
  return [
    count(`${prefix}.commits`, `Commits${suffix}`, commits.length),
    count(`${prefix}.authors`, `Authors${suffix}`, new Set(commits.map(({ author }) => author)).size),
    count(`${prefix}.files`, `Files changed${suffix}`, new Set(changes.map(({ path }) => path)).size),
    count(
      `${prefix}.added`,
      `Lines added${suffix}`,
      changes.reduce((sum, { added }) => sum + added, 0),
    ),
    count(
      `${prefix}.deleted`,
      `Lines deleted${suffix}`,
      changes.reduce((sum, { deleted }) => sum + deleted, 0),
    ),
  ];
}

const Days = z.object({ days: z.number().int().min(1).max(30).describe('Working days back from now') });

const recentCommits = defineTool({
  name: 'recent_commits',
  description:
    'Commits of the last working days with author, area and subject, and the totals beside those of as many days before.',
  input: Days,
  risk: 'read',
  async run({ days }, ctx): Promise<ToolOutput> {
    const { history, span, now, before } = await readHistory(days, ctx);
    const left = now.length - MAX_COMMITS;
    return {
      facts: [...totals('git', now, ''), ...(history.complete ? totals('git.previous', before, ' before') : [])],
      data: {
        repository: history.name,
        commits: now.slice(0, MAX_COMMITS).map((commit) => ({
          hash: commit.hash.slice(0, 10),
          author: commit.author.slice(0, 80),
          area: areaOf(commit).slice(0, 80),
          subject: commit.subject.slice(0, 140),
          merge: commit.merge,
        })),
      },
      window: windowOf(span),
      gaps: [
        ...history.warnings,
        ...(left > 0 ? [`only the newest ${MAX_COMMITS} commits are listed; ${left} more are counted`] : []),
      ],
    };
  },
});

interface Area {
  commits: Set<string>;
  authors: Set<string>;
  added: number;
  deleted: number;
}

function areasOf(commits: readonly Commit[]): [string, Area][] {
  const areas = new Map<string, Area>();
  for (const { hash, author, changes } of commits)
    for (const { path, added, deleted } of changes) {
      const name = topOf(path);
      const area = areas.get(name) ?? { commits: new Set(), authors: new Set(), added: 0, deleted: 0 };
      area.commits.add(hash);
      area.authors.add(author);
      area.added += added;
      area.deleted += deleted;
      areas.set(name, area);
    }
  return [...areas].sort(([a, one], [b, other]) => other.commits.size - one.commits.size || (a < b ? -1 : 1));
}

const changedAreas = defineTool({
  name: 'changed_areas',
  description: 'The top folders that changed in the last working days: commits, authors, lines.',
  input: Days,
  risk: 'read',
  async run({ days }, ctx): Promise<ToolOutput> {
    const { span, now } = await readHistory(days, ctx);
    const all = areasOf(now);
    const listed = all.slice(0, MAX_AREAS);
    const ids = idsOf(listed.map(([name]) => name));
    const of = (name: string): string => ids.get(name) ?? 'unnamed';
    return {
      facts: listed.flatMap(([name, area]) => {
        const fact = (what: string, label: string, value: number): NewFact =>
          count(`area.${of(name)}.${what}`, `${label}: ${name}`.slice(0, 160), value);
        return [
          fact('commits', 'Commits', area.commits.size),
          fact('authors', 'Authors', area.authors.size),
          fact('added', 'Lines added', area.added),
          fact('deleted', 'Lines deleted', area.deleted),
          fact('grown', 'Lines grown', area.added - area.deleted),
        ];
      }),
      targets: listed.map(([name]) => ({ type: 'area', id: of(name), title: name })),
      window: windowOf(span),
      gaps: all.length > MAX_AREAS ? [`only the first ${MAX_AREAS} of ${all.length} areas are listed, by commits`] : [],
    };
  },
});

const staleBranches = defineTool({
  name: 'stale_branches',
  description: 'Branches that are not merged and have had no commit for so many days, the oldest first.',
  input: z.object({ days: z.number().int().min(1).max(365).describe('Days without a commit') }),
  risk: 'read',
  async run({ days }, ctx): Promise<ToolOutput> {
    const { repo, log } = given(ctx);
    if (log !== undefined) return { data: { branches: [] }, gaps: ['a recorded history has no branches'] };
    const age = (at: number): number => Math.floor((ctx.now / 1000 - at) / 86_400);
    const all = (await readBranches(repo, ctx.signal)).filter(({ at }) => age(at) >= days);
    const listed = all.slice(0, MAX_BRANCHES);
    const ids = idsOf(listed.map(({ name }) => name));
    const of = (name: string): string => ids.get(name) ?? 'unnamed';
    return {
      facts: [
        count('branches.stale', 'Branches without news', all.length),
        ...listed.map(({ name, at }): NewFact => ({
          key: `branch.${of(name)}.idle`,
          label: `Days without a commit: ${name}`.slice(0, 160),
          value: age(at),
          unit: 'days',
          digits: 0,
        })),
      ],
      targets: listed.map(({ name }) => ({ type: 'branch', id: of(name), title: name })),
      data: { branches: listed.map(({ name, author }) => ({ id: of(name), name, author: author.slice(0, 80) })) },
      gaps: all.length > MAX_BRANCHES ? [`only the oldest ${MAX_BRANCHES} of ${all.length} branches are listed`] : [],
    };
  },
});

export const standupTools: readonly AgentTool[] = [recentCommits, changedAreas, staleBranches];
