/** What became of earlier advice, by the facts of today and by what people answered. Pure. */
import { iso } from '../../../../clock.ts';
import { messageOf } from '../../../../errors.ts';
import type { AdviceRow, AdviceState, MemoryEntry } from '../../../../store/memory-records.ts';
import { isLapsed, standings } from '../../../advice.ts';
import type { Standing } from '../../../advice.ts';
import type { Evidence } from '../../../agent-job.ts';
import type { LoadedAgent } from '../../../jobs.ts';
import { dateText } from '../fact-text.ts';
import { lintText, noteOf } from '../answer/lint.ts';
import { bullets } from './pen.ts';
import type { Pen } from './pen.ts';
import { cutLine, escapeMarkdown, foreignText } from '../harmless-text.ts';

const MAX_ROWS = 8;

export interface Followed {
  /** The memory with what code has seen done. */
  memory: MemoryEntry[];
  /** The entries of it that differ. */
  changed: MemoryEntry[];
  standings: Standing[];
  /** What code saw, by key of the advice. */
  notes: ReadonlyMap<string, string>;
  doneNow: ReadonlySet<string>;
  lint: string[];
}

/** Asks the job what it sees of each open piece of advice. A job that stumbles over one has said nothing about it. */
export function follow(job: Pick<LoadedAgent, 'followUp'>, evidence: Evidence, pen: Pen): Followed {
  const notes = new Map<string, string>();
  const doneNow = new Set<string>();
  const lint: string[] = [];
  for (const { row } of standings(evidence.memory, evidence.now)) {
    if (row.status !== 'open') continue;
    const { runId: _runId, at: _at, ...asked } = row;
    const seen = look(job, { ...asked, status: 'open' }, evidence);
    if (seen === undefined) continue;
    if ('failed' in seen) {
      lint.push(cutLine(`followUp of ${row.action} ${row.targetType} failed: ${seen.failed}`, 300));
      continue;
    }
    if (seen.status === 'done') doneNow.add(row.key);
    const problems = lintText(seen.note, `followUp of ${row.action}`, { book: pen.book, canary: '', by: 'code' });
    lint.push(...problems.map(noteOf));
    const note = problems.length === 0 ? pen.line(seen.note, 300) : '';
    if (note !== '') notes.set(row.key, note);
  }
  const memory = evidence.memory.map((entry) => withDone(entry, { doneNow, notes, now: evidence.now }));
  const changed = memory.filter((entry, index) => entry !== evidence.memory[index]);
  return { memory, changed, standings: standings(memory, evidence.now), notes, doneNow, lint };
}

function look(
  job: Pick<LoadedAgent, 'followUp'>,
  row: AdviceRow,
  evidence: Evidence,
): { status: 'open' | 'done'; note: string } | { failed: string } | undefined {
  try {
    return job.followUp?.(row, evidence);
  } catch (error) {
    return { failed: messageOf(error) };
  }
}

/** Every row of that advice that is open or back, so that it is done whichever report somebody looks at. */
function withDone(
  entry: MemoryEntry,
  seen: { doneNow: ReadonlySet<string>; notes: ReadonlyMap<string, string>; now: number },
): MemoryEntry {
  const isDone = (row: AdviceRow): boolean =>
    seen.doneNow.has(row.key) && (row.status === 'open' || isLapsed(row, seen.now));
  if (!entry.advice.some(isDone)) return entry;
  const advice = entry.advice.map((row) => {
    if (!isDone(row)) return row;
    const note = seen.notes.get(row.key);
    const { until: _until, by: _by, ...rest } = row;
    return { ...rest, status: 'done' as const, statusAt: iso(seen.now), ...(note !== undefined && { note }) };
  });
  return { ...entry, advice };
}

/** Counts, then the rows that say something today; undefined when nothing was ever advised. */
export function earlierAdvice(
  followed: Followed,
  about: { evidence: Evidence; pen: Pen; openOnly?: boolean; said: ReadonlySet<string> },
): string | undefined {
  const { evidence } = about;
  const of = (status: AdviceState): Standing[] => followed.standings.filter(({ row }) => row.status === status);
  const open = of('open');
  if (followed.standings.length === 0 || (about.openOnly === true && open.length === 0)) return undefined;
  const last = Date.parse(evidence.memory[0]?.at ?? '');
  const done = of('done');
  const news = done.filter(({ row, since }) => followed.doneNow.has(row.key) || since >= last);
  // What was put off and is given again stands among what to do, not here as well.
  const waiting = open.filter(({ isBack, row }) => !isBack || !about.said.has(row.key));
  const rows = [...(about.openOnly === true ? [] : news), ...waiting];
  const counts = [
    `${open.length} open`,
    ...(done.length > 0 ? [`${done.length} done`] : []),
    ...(of('dismissed').length > 0 ? [`${of('dismissed').length} set aside`] : []),
  ];
  const lines = rows.slice(0, MAX_ROWS).map((standing) => rowLine(standing, followed, about));
  const more = rows.length > lines.length ? [`and ${rows.length - lines.length} more`] : [];
  return [`${counts.join(', ')}.`, ...(lines.length === 0 ? [] : [bullets([...lines, ...more])])].join('\n\n');
}

/** `Open since Nov 9, 2026: Restock the Linen shirt. Three days are left.` */
function rowLine(
  { row, given }: Standing,
  followed: Followed,
  { evidence, pen }: { evidence: Evidence; pen: Pen },
): string {
  const state =
    row.status === 'done'
      ? 'Done'
      : `Open since ${dateText(given.at(-1) ?? evidence.now, pen.locale, evidence.timeZone)}`;
  const note = followed.notes.get(row.key) ?? row.note;
  const said = note === undefined ? '' : ` ${foreignText(note, 200)}`;
  const title = foreignText(row.title, 120);
  return `**${state}:** ${escapeMarkdown(`${title}${/[.!?…]$/.test(title) ? '' : '.'}${said}`)}`;
}
