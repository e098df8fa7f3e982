import type { JobSummary } from '../../runner/runner.ts';
import type { RunSummary } from '../../store/records.ts';
import { VERBS, type Verb } from '../command.ts';
import { paged, quoted, safe, section, type Answer } from './blocks.ts';
import { fieldLine, runLine } from './lines.ts';

/** What is wrong, and the way out, as plain text: either may repeat what a person typed. */
export function problemView(problem: string, hint: string): Answer {
  return { text: safe(`${problem} ${hint}`), blocks: [section(safe(`${problem}\n${hint}`))] };
}

/** Something was done. `text` is mrkdwn made of parts that are safe. */
export function noteView(text: string): Answer {
  return { text, blocks: [section(text)] };
}

export function ambiguousView(ref: string, candidates: readonly RunSummary[]): Answer {
  const lines = candidates.map((run) => `• ${runLine(run)}`);
  const text = `More than one run ends with ${safe(quoted(ref))}; give more of its id.`;
  return { text, blocks: [section(text), section(lines.join('\n') || 'Too many to show.')] };
}

const USAGE: Record<Verb, { usage: string; does: string; example: (job: string) => string }> = {
  help: { usage: 'help [VERB or JOB]', does: 'explain', example: (job) => `/jobs help ${job}` },
  list: { usage: 'list [JOB] [STATE]', does: 'jobs and recent runs', example: () => '/jobs list failed' },
  run: { usage: 'run JOB [key=value …]', does: 'run a job now', example: (job) => `/jobs run ${job}` },
  show: { usage: 'show RUN', does: 'one run and where its report is', example: () => '/jobs show last' },
  cancel: { usage: 'cancel RUN', does: 'stop a run', example: () => '/jobs cancel last' },
  retry: { usage: 'retry RUN', does: 'run the same again, as a new run', example: () => '/jobs retry last' },
  delete: { usage: 'delete RUN', does: 'delete a run and its report, for good', example: () => '/jobs delete k7f3q2' },
  schedule: {
    usage: 'schedule JOB TIME [ZONE] [key=value …]',
    does: 'run a job by itself; you see the next times first',
    example: (job) => `/jobs schedule ${job} every monday 09:00 Europe/Berlin`,
  },
  schedules: {
    usage: 'schedules [JOB]',
    does: 'what is scheduled, and what is not run and why',
    example: (job) => `/jobs schedules ${job}`,
  },
  next: {
    usage: 'next NAME [N]',
    does: 'the next times of a schedule or a job',
    example: (job) => `/jobs next ${job} 10`,
  },
  pause: {
    usage: 'pause NAME [reason]',
    does: 'stop a schedule, or `all`, until it is resumed',
    example: (job) => `/jobs pause ${job} stocktaking`,
  },
  resume: { usage: 'resume NAME', does: 'end a pause, a snooze or a skip', example: (job) => `/jobs resume ${job}` },
  snooze: {
    usage: 'snooze NAME TIME',
    does: 'leave out what is due until then',
    example: (job) => `/jobs snooze ${job} 2d`,
  },
  skip: { usage: 'skip NAME', does: 'leave out the next time, once', example: (job) => `/jobs skip ${job}` },
  unschedule: {
    usage: 'unschedule NAME',
    does: 'remove a schedule; asks first',
    example: (job) => `/jobs unschedule ${job}`,
  },
  memory: {
    usage: 'memory JOB',
    does: 'what an agent recommended, and what became of it',
    example: (job) => `/jobs memory ${job}`,
  },
  approve: {
    usage: 'approve RUN',
    does: 'let a run that waits for approval go on',
    example: () => '/jobs approve k7f3q2',
  },
  deny: { usage: 'deny RUN', does: 'end a run that waits for approval', example: () => '/jobs deny k7f3q2' },
};

/** Verbs of schedules that `/jobs help` names in one line. */
const OF_SCHEDULES: readonly Verb[] = ['schedules', 'next', 'pause', 'resume', 'snooze', 'skip', 'unschedule'];

/** Verbs of agents and of what needs an approval, in another line. */
const OF_AGENTS: readonly Verb[] = ['memory', 'approve', 'deny'];

/** Under twelve lines, with examples of this workspace's own jobs. */
export function helpView(jobs: readonly string[]): Answer {
  const example = jobs[0] ?? 'JOB';
  const own = VERBS.filter((verb) => !OF_SCHEDULES.includes(verb) && !OF_AGENTS.includes(verb));
  const verbs = own.map((verb) => `\`/jobs ${USAGE[verb].usage}\` – ${USAGE[verb].does}`);
  const named = (some: readonly Verb[]): string => some.map((verb) => `\`/jobs ${verb}\``).join(', ');
  verbs.push(
    `Agents and approvals: ${named(OF_AGENTS)}. Schedules: ${named(OF_SCHEDULES)}; \`/jobs help VERB\` explains.`,
  );
  const names = jobs.slice(0, 8).map((name) => `\`${name}\``);
  const more = jobs.length > 8 ? ` and ${jobs.length - 8} more` : '';
  const have =
    jobs.length === 0 ? 'There are no jobs yet: put a file into the jobs folder.' : `Jobs: ${names.join(', ')}${more}.`;
  const end = `RUN is an id, its last characters, or \`last\`. Try \`/jobs run ${example}\`.`;
  return {
    text: `Bellhop runs jobs. ${have} Try /jobs run ${example}`,
    blocks: [section(verbs.join('\n')), section(`${have}\n${end}`)],
  };
}

export function verbHelpView(verb: Verb, job: string): Answer {
  const { usage, does, example } = USAGE[verb];
  const text = `\`/jobs ${usage}\` – ${does}.\nExample: \`${example(job)}\``;
  const more = verb === 'run' ? `\nQuotes hold words together: \`/jobs run ${job} note="two words"\`.` : '';
  return { text: `${usage}: ${does}`, blocks: [section(text + more)] };
}

export function jobHelpView(job: JobSummary): Answer {
  const fields = job.fields.slice(0, 30).map(fieldLine);
  if (job.fields.length > 30) fields.push(`… and ${job.fields.length - 30} more inputs`);
  const inputs = fields.length === 0 ? [section('It takes no input.')] : paged(fields);
  return {
    text: `${job.name}: ${safe(job.description)}`,
    blocks: [section(`*${job.name}* – ${safe(job.description)}`), ...inputs],
  };
}
