/** What moved, who moved it, what grew, and what was left lying. Pure. */
import type { AdviceRow, Analysis, Evidence, KnownTarget, NewAdvice, NewFinding, SectionInput } from 'bellhop';
import { z } from 'zod';
import { called, cite, plainName, rangeLabel, ref } from '../_agents/words.ts';

/** Lines by which an area must grow before somebody should read it, days after which a branch is stale, and how much is said of each. */
export const LIMITS = { grown: 400, staleDays: 14, areas: 3, each: 2 } as const;

const Commits = z.object({
  repository: z.string(),
  commits: z.array(
    z.object({ hash: z.string(), author: z.string(), area: z.string(), subject: z.string(), merge: z.boolean() }),
  ),
});

const number = (evidence: Evidence, key: string): number => {
  const value = evidence.fact(key)?.value;
  return typeof value === 'number' ? value : 0;
};
const known = (evidence: Evidence, type: string): KnownTarget[] =>
  evidence.targets.filter((target) => target.type === type);

export function analyse(evidence: Evidence): Analysis {
  const read = Commits.safeParse(evidence.output('recent_commits')?.data);
  const commits = read.success ? read.data.commits : [];
  const areas = known(evidence, 'area').sort(
    (a, b) => number(evidence, `area.${b.id}.commits`) - number(evidence, `area.${a.id}.commits`),
  );
  const grown = areas.filter(({ id }) => number(evidence, `area.${id}.grown`) >= LIMITS.grown);
  const stale = known(evidence, 'branch').filter(({ id }) => evidence.fact(`branch.${id}.idle`) !== undefined);
  const advice = [...grown.slice(0, LIMITS.each).map(review), ...stale.slice(0, LIMITS.each).map(tidy)].filter(
    ({ action, target }) => evidence.mayAdvise(action, target),
  );
  const fresh = new Set(advice.map(({ target }) => `${target.type} ${target.id}`));
  const period = evidence.output('recent_commits')?.window;
  return {
    ...words(evidence, areas),
    figures: figures(evidence),
    findings: [
      ...areas.slice(0, LIMITS.areas).map(moved),
      ...stale.filter(({ id }) => fresh.has(`branch ${id}`)).map(left),
    ],
    advice,
    sections: commits.length === 0 ? [] : [table(commits)],
    ...(period !== undefined && { period: { ...period, label: rangeLabel(period) } }),
    quiet: commits.length === 0 && advice.length === 0,
  };
}

function moved(area: KnownTarget): NewFinding {
  return {
    key: `moved.area.${area.id}`,
    text: `${called(area)}: commits ${cite(area, 'commits')}, authors ${cite(area, 'authors')}, lines added ${cite(area, 'added')} and deleted ${cite(area, 'deleted')}.`,
    confidence: 'high',
    target: ref(area),
  };
}

function left(branch: KnownTarget): NewFinding {
  return {
    key: `stale.branch.${branch.id}`,
    text: `The branch ${called(branch)} is not merged and has had no commit for ${cite(branch, 'idle')}.`,
    confidence: 'high',
    target: ref(branch),
  };
}

const review = (area: KnownTarget): NewAdvice => ({
  action: 'review',
  target: ref(area),
  title: `Read what came into ${called(area)}`,
  why: `It grew by ${cite(area, 'grown')} lines at once; whoever works there next should know what is new.`,
  confidence: 'medium',
});

const tidy = (branch: KnownTarget): NewAdvice => ({
  action: 'tidy',
  target: ref(branch),
  title: `Finish or delete the branch ${called(branch)}`,
  why: `Nobody has touched it for ${cite(branch, 'idle')}; the longer it waits, the harder it merges.`,
  confidence: 'medium',
});

function words(evidence: Evidence, areas: readonly KnownTarget[]): Pick<Analysis, 'headline' | 'summary'> {
  if (number(evidence, 'git.commits') === 0)
    return { headline: 'Nothing was committed', summary: 'There is no new commit since the last working day.' };
  const where = areas.slice(0, 2).map(called).join(' and ');
  return {
    headline: where === '' ? 'Only merges' : `The work was in ${where}`,
    summary: 'Commits: {{git.commits}}, authors: {{git.authors}}, files changed: {{git.files}}.',
  };
}

function figures(evidence: Evidence): Analysis['figures'] {
  return ['commits', 'authors', 'files', 'added', 'deleted']
    .filter((name) => evidence.fact(`git.${name}`) !== undefined)
    .map((name) => ({
      fact: `git.${name}`,
      ...(evidence.fact(`git.previous.${name}`) !== undefined && {
        versus: { fact: `git.previous.${name}`, label: 'the days before' },
      }),
    }));
}

function table(commits: z.infer<typeof Commits>['commits']): SectionInput {
  return {
    kind: 'table',
    id: 'commits',
    title: 'Commits',
    caption: 'Commits, the newest first',
    priority: 'detail',
    columns: [
      { key: 'subject', label: 'Commit' },
      { key: 'author', label: 'Author' },
      { key: 'area', label: 'Area' },
      { key: 'hash', label: 'Hash' },
    ],
    rows: commits.map(({ subject, author, area, hash }) => ({
      subject: plainName({ title: subject }),
      author: plainName({ title: author }),
      area: plainName({ title: area }),
      hash,
    })),
    preview: 10,
  };
}

/** A branch that is gone, merged or worked on again is no longer listed. */
export function followUp(row: AdviceRow, evidence: Evidence): { status: 'open' | 'done'; note: string } | undefined {
  const output = evidence.output('stale_branches');
  if (row.action !== 'tidy' || output === undefined) return undefined;
  if (evidence.fact(`branch.${row.targetId}.idle`) !== undefined)
    return { status: 'open', note: `Still waiting, for {{branch.${row.targetId}.idle}} now.` };
  return (output.gaps ?? []).length === 0
    ? { status: 'done', note: 'It is merged, gone, or worked on again.' }
    : undefined;
}
