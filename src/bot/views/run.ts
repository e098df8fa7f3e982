import { shortId } from '../../ids.ts';
import type { InputIssue } from '../../runner/fields.ts';
import type { JobSummary } from '../../runner/runner.ts';
import type { Run } from '../../store/records.ts';
import { problemView } from './answers.ts';
import { context, cutMrkdwn, paged, quoted, safe, section, type Answer } from './blocks.ts';
import { fieldLine } from './lines.ts';

/** The run is stored; its card follows in the channel. */
export function acceptedView(run: Run, how: 'accepted' | 'seen'): Answer {
  const waits = run.state === 'waiting';
  const queued = waits ? `\`${run.job}\` waits for an approval` : `Queued \`${run.job}\``;
  const head = how === 'accepted' ? queued : `\`${run.job}\` was already asked for with this command`;
  const text = `${head} as \`${shortId(run.id)}\`.`;
  const verbs = waits ? ['show', 'approve', 'deny'] : ['show', 'cancel'];
  const next = verbs.map((verb) => `\`/jobs ${verb} ${shortId(run.id)}\``).join(' · ');
  return { text, blocks: [section(text), context(next)] };
}

export function unknownJobView(name: string | undefined, suggestions: readonly string[]): Answer {
  const names = suggestions.map((known) => `\`${known}\``).join(', ');
  if (name === undefined) {
    const hint = names === '' ? 'There are none yet: put a file into the jobs folder.' : `There are ${names}.`;
    return problemView('Which job?', hint);
  }
  const hint = names === '' ? '`/jobs list` shows all jobs.' : `Did you mean ${names}?`;
  return problemView(`There is no job ${quoted(name)}.`, hint);
}

/** What is wrong with the input, value by value, and what the job takes. */
export function inputProblemView(job: JobSummary, issues: readonly InputIssue[]): Answer {
  const lines = issues.slice(0, 10).map((issue) => {
    const hint = issue.hint === undefined ? '' : ` – ${issue.hint}`;
    return cutMrkdwn(`• \`${safe(issue.path || 'input')}\`: ${safe(issue.message + hint)}`, 300);
  });
  const more = issues.length > 10 ? [`… and ${issues.length - 10} more`] : [];
  const takes = job.fields.slice(0, 12).map(fieldLine);
  if (job.fields.length > 12) takes.push(`… and more: \`/jobs help ${job.name}\``);
  const inputs = takes.length === 0 ? ['This job takes no input.'] : ['It takes:', ...takes];
  return {
    text: `\`${job.name}\` was not run: its input does not fit.`,
    blocks: [...paged([`\`${job.name}\` was not run:`, ...lines, ...more]), ...paged(inputs)],
  };
}
