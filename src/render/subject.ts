/** What stands around a report: the run that made it, or the notice that it is. */
import { shortId } from '../ids.ts';
import type { Notice } from '../store/notice-records.ts';
import { FINAL_STATES } from '../store/records.ts';
import type { Run } from '../store/records.ts';
import type { Report } from '../store/report.ts';
import { formatInstant, oneLine } from './format.ts';
import { describeRun } from './run.ts';
import { describeSpend } from './spend.ts';

export type Subject = { run: Run } | { notice: Notice };

const KINDS: Record<Notice['kind'], string> = {
  digest: 'what was missed',
  incident: 'incident',
  recovery: 'recovery',
  late: 'late run',
  refused: 'refused run',
  paused: 'paused schedule',
  preflight: 'preflight',
  budget: 'budget',
};

/** The period's name; nothing where the title says it already. */
export function periodBeside({ title, period }: Pick<Report, 'title' | 'period'>): string {
  const label = oneLine(period?.label ?? '');
  return oneLine(title).includes(label) ? '' : label;
}

export interface SubjectWords {
  id: string;
  /** What people know it by: the job of a run, the schedule or the job of a notice. */
  name: string;
  /** `run 8dk2jf`, `incident 8dk2jf`. */
  reference: string;
  /** The command that shows the whole report. */
  command: string;
  /** What failed, where the report says `failed`. */
  failure: string;
  /** Which schedule asked for it; absent where none did. */
  schedule?: string;
  /** When it came about. */
  at: string;
  /** What the agent of a run took. */
  spend?: string;
}

/** The words for a run or a notice that every form of a report shares. */
export function describeSubject(subject: Subject): SubjectWords {
  if ('run' in subject) {
    const { id, job, finishedAt, createdAt, schedule, agent } = subject.run;
    return {
      id,
      name: job,
      reference: `run ${shortId(id)}`,
      command: `bellhop runs show ${id}`,
      failure: 'The run did not reach its end.',
      ...(schedule === undefined ? {} : { schedule: schedule.name }),
      at: finishedAt ?? createdAt,
      ...(agent === undefined ? {} : { spend: describeSpend(agent) }),
    };
  }
  const { id, kind, schedule, job, createdAt } = subject.notice;
  return {
    id,
    name: schedule ?? job ?? 'Bellhop',
    reference: `${KINDS[kind]} ${shortId(id)}`,
    command: 'bellhop notices --json',
    failure: 'Somebody should look at this.',
    at: createdAt,
  };
}

/** The last lines of a mail or a page: what it is about, when and by whom, and its id. */
export function subjectFacts(subject: Subject, report: Report): string[] {
  const { id, at, name, reference } = describeSubject(subject);
  const when = formatInstant(report.generatedAt ?? at, report);
  if ('notice' in subject) return [`Sent by Bellhop · ${name} · ${reference}`, when, id];
  const words = describeRun(subject.run, []);
  const state = FINAL_STATES.includes(subject.run.state) ? words.headline : name;
  return [
    `Sent by Bellhop · ${state}${words.attempt === undefined ? '' : ` · ${words.attempt}`}`,
    `${when} · asked by ${words.actor}, ${words.trigger}`,
    id,
  ];
}

/** The same in one line, for a file of text. */
export function subjectLine(subject: Subject, report: Report): string {
  if ('run' in subject) {
    const words = describeRun(subject.run, []);
    return oneLine(`${words.headline} · asked by ${words.actor}, ${words.trigger} · ${subject.run.id}`);
  }
  const { id, name, reference, at } = describeSubject(subject);
  return oneLine(`${name} · ${reference} · ${formatInstant(report.generatedAt ?? at, report)} · ${id}`);
}
