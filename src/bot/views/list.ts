import type { KnownBlock } from '@slack/types';
import { slackDate } from '../../render/card.ts';
import { cutText, oneLine } from '../../render/format.ts';
import { stateMark } from '../../render/run.ts';
import { costWords } from '../../render/spend.ts';
import type { JobProblem } from '../../runner/registry.ts';
import type { RunSummary } from '../../store/records.ts';
import { formatUsd } from '../../usd.ts';
import { context, cutMrkdwn, header, paged, safe, section, type Answer } from './blocks.ts';
import { runLine } from './lines.ts';

export interface JobLine {
  name: string;
  description: string;
  last?: RunSummary;
  /** When it comes next by itself. */
  next?: string;
  /** What an agent spent in this month. */
  monthMicroUsd?: number;
}

export interface Listing {
  jobs: readonly JobLine[];
  moreJobs: number;
  runs: readonly RunSummary[];
  moreRuns: boolean;
  filter: readonly string[];
  problems: readonly JobProblem[];
}

/** Jobs (with their last run) and recent runs under two headings; filtered lists show runs only. */
export function listView(listing: Listing): Answer {
  const blocks: KnownBlock[] = [];
  const filtered = listing.filter.length > 0;
  if (!filtered) blocks.push(header('Jobs'), ...jobBlocks(listing));
  blocks.push(
    header(filtered ? `Runs: ${listing.filter.map((part) => cutText(oneLine(part), 64)).join(', ')}` : 'Recent runs'),
  );
  blocks.push(...runBlocks(listing));
  for (const { file, reason } of listing.problems.slice(0, 5)) {
    blocks.push(context(`:warning: \`${safe(file)}\` is no job: ${cutMrkdwn(safe(reason), 300)}`));
  }
  const moreProblems = listing.problems.length - 5;
  if (moreProblems > 0) blocks.push(context(`… and ${moreProblems} more files that are no job.`));
  const jobs = filtered ? '' : `${count(listing.jobs.length + listing.moreJobs, 'job')}, `;
  return { text: `${jobs}${count(listing.runs.length, 'recent run')}`, blocks };
}

function count(items: number, what: string): string {
  return `${items} ${what}${items === 1 ? '' : 's'}`;
}

function jobBlocks(listing: Listing): KnownBlock[] {
  if (listing.jobs.length === 0) {
    return [section('There are no jobs yet. Put a file into the jobs folder, then try `/jobs list` again.')];
  }
  const lines = listing.jobs.map(({ name, description, last, next, monthMicroUsd }) => {
    const ran = last === undefined ? 'never run' : `${stateMark(last.state)} ${slackDate(last.createdAt)}`;
    const comes = next === undefined ? '' : ` · next ${slackDate(next)}`;
    const month = monthMicroUsd === undefined ? '' : ` · month ${formatUsd(monthMicroUsd)}`;
    return `*${name}* – ${cutMrkdwn(safe(description), 160)}\n      ${ran}${costWords(last?.microUsd)}${month}${comes}`;
  });
  const blocks = paged(lines);
  if (listing.moreJobs > 0) blocks.push(context(`… and ${listing.moreJobs} more jobs.`));
  return blocks;
}

function runBlocks(listing: Listing): KnownBlock[] {
  if (listing.runs.length === 0) {
    const none =
      listing.filter.length > 0 ? 'No run fits.' : 'Nothing ran yet. Try `/jobs run` with the name of a job.';
    return [section(none)];
  }
  const blocks = paged(listing.runs.map(runLine));
  if (listing.moreRuns) {
    blocks.push(context('There are more: `/jobs list JOB` or `/jobs list STATE`, or `bellhop runs` in a terminal.'));
  }
  return blocks;
}
