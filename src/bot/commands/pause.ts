import { oneLine } from '../../render/format.ts';
import type { Paused, Refused } from '../../runner/schedules.ts';
import { dayAndTime } from '../../when.ts';
import type { Command } from '../command.ts';
import { noteView, problemView } from '../views/answers.ts';
import { cutMrkdwn, safe, type Answer } from '../views/blocks.ts';
import { changedView, confirmAllView, confirmRemoveView, SCHEDULE_ACTIONS } from '../views/schedules.ts';
import { SEEN_BEFORE, type Asked, type CommandDeps } from './context.ts';
import { exactly, refusedView, scheduleShown } from './schedule.ts';

const WHICH = problemView(
  'Which schedule?',
  'Name one, or its job when that has just one: `/jobs schedules` shows them.',
);

/** `/jobs pause NAME|all [reason…]`; all is asked about first. */
export async function pause(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  const [ref, ...words] = command.words;
  if (ref === undefined) return WHICH;
  const reason = command.pairs['reason'] ?? words.join(' ');
  if (isAll(ref)) {
    const names = await namesOf(deps, 'pause');
    return names.length === 0 ? NOTHING_TO.pause : confirmAllView('pause', names, reason);
  }
  if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
  return pausedAnswer('pause', await deps.schedules.pause(ref, asked.actor, reason));
}

/** `/jobs resume NAME|all`; all is asked about first. */
export async function resume(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  const [ref] = command.words;
  if (ref === undefined) return WHICH;
  if (isAll(ref)) {
    const names = await namesOf(deps, 'resume');
    return names.length === 0 ? NOTHING_TO.resume : confirmAllView('resume', names, '');
  }
  if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
  const result = await deps.schedules.resume(ref, asked.actor);
  const [name] = result.outcome === 'resumed' ? result.names : [];
  const view = name === undefined ? undefined : await exactly(deps, name);
  return view === undefined ? pausedAnswer('resume', result) : changedView(`\`${view.name}\` runs again.`, view);
}

/** `/jobs snooze NAME 2d`: nothing runs until then. */
export async function snooze(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  const [ref, ...words] = command.words;
  if (ref === undefined) return WHICH;
  const until = words.join(' ').replace(/^(?:for|until|till) /i, '');
  if (until === '') {
    return problemView('Until when?', 'Like `/jobs snooze NAME 2d`, `3h`, or a date like `2026-12-24`.');
  }
  if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
  const result = await deps.schedules.snooze(ref, until, asked.actor);
  if (result.outcome !== 'snoozed') return refusedView(result);
  const { view } = result;
  const end = view.snoozed === undefined ? '' : ` until ${safe(dayAndTime(view.snoozed.until, view.zone))}`;
  const paused = view.paused === undefined ? '' : ' It is paused as well, and stays so.';
  return changedView(`\`${view.name}\` rests${end}; \`/jobs resume ${view.name}\` ends that.${paused}`, view);
}

/** `/jobs skip NAME`: leaves out the next due time, once. */
export async function skip(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  const [ref] = command.words;
  if (ref === undefined) return WHICH;
  if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
  const result = await deps.schedules.skipNext(ref, asked.actor);
  if (result.outcome !== 'skipping') return refusedView(result);
  const { view } = result;
  const time = view.skipNext === undefined ? 'the next time' : safe(dayAndTime(view.skipNext, view.zone));
  return changedView(`\`${view.name}\` leaves out ${time}; \`/jobs resume ${view.name}\` takes that back.`, view);
}

/** `/jobs unschedule NAME`: asks first; what a file defines is removed there. */
export async function unschedule(deps: CommandDeps, _asked: Asked, command: Command): Promise<Answer> {
  const [ref] = command.words;
  if (ref === undefined) return WHICH;
  const found = await deps.schedules.find(ref);
  if (found.outcome !== 'found') return refusedView(found);
  const { view } = found;
  if (view.origin === 'file' && view.state !== 'gone') {
    const file = deps.runner.job(view.job)?.file;
    return refusedView({ outcome: 'file_owned', name: view.name, file });
  }
  return confirmRemoveView(view, shownAs(view));
}

/** The clicks below the questions about schedules; undefined for a button that is none of them. */
export function clickSchedule(
  deps: CommandDeps,
  asked: Asked,
  clicked: { actionId: string; value: string },
): Promise<Answer> | undefined {
  switch (clicked.actionId) {
    case SCHEDULE_ACTIONS.create:
      return scheduleShown(deps, asked, clicked.value);
    case SCHEDULE_ACTIONS.remove:
      return removeShown(deps, asked, clicked.value);
    case SCHEDULE_ACTIONS.pauseAll:
      return changeAll(deps, asked, { verb: 'pause', reason: clicked.value === '-' ? '' : clicked.value });
    case SCHEDULE_ACTIONS.resumeAll:
      return changeAll(deps, asked, { verb: 'resume', reason: '' });
    case SCHEDULE_ACTIONS.keep:
      return Promise.resolve(problemView('Nothing was changed.', '`/jobs schedules` shows what is scheduled.'));
    default:
      return undefined;
  }
}

/** Asks again when the schedule changed since the question was shown. */
async function removeShown(deps: CommandDeps, asked: Asked, value: string): Promise<Answer> {
  const [name = ''] = value.split('|');
  const view = await exactly(deps, name);
  if (view === undefined) return problemView('That schedule is gone already.', '`/jobs schedules` shows the rest.');
  if (shownAs(view) !== value) return confirmRemoveView(view, shownAs(view));
  if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
  const result = await deps.schedules.remove(name, asked.actor);
  if (result.outcome !== 'removed') return refusedView(result);
  return noteView(`Removed the schedule \`${name}\`; its runs and reports stay.`);
}

function shownAs({ name, words, zone }: { name: string; words: string; zone: string }): string {
  return `${name}|${words}|${zone}`.slice(0, 2_000);
}

async function changeAll(
  deps: CommandDeps,
  asked: Asked,
  { verb, reason }: { verb: 'pause' | 'resume'; reason: string },
): Promise<Answer> {
  if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
  const { schedules } = deps;
  const { actor } = asked;
  return pausedAnswer(
    verb,
    await (verb === 'pause' ? schedules.pause('all', actor, reason) : schedules.resume('all', actor)),
  );
}

const NOTHING_TO = {
  pause: problemView('There is no schedule that is not paused.', '`/jobs schedules` shows them.'),
  resume: problemView('There is no schedule that is paused.', '`/jobs schedules` shows them.'),
};

function pausedAnswer(verb: 'pause' | 'resume', result: Paused | Refused): Answer {
  if (result.outcome === 'unchanged') return NOTHING_TO_CHANGE[verb];
  if (!('names' in result) || 'ref' in result) return refusedView(result);
  const { names } = result;
  const what = names.length === 1 ? `\`${names.join()}\`` : `${names.length} schedules`;
  const listed = names.length === 1 ? '' : `: ${names.slice(0, 30).join(', ')}${names.length > 30 ? ', …' : ''}`;
  const text =
    verb === 'resume'
      ? `${what} ${names.length === 1 ? 'runs' : 'run'} again${listed}.`
      : `Paused ${what}${listed}. \`/jobs resume ${names.length === 1 ? names.join() : 'all'}\` ends that; what comes due in between is not made up for.`;
  return noteView(cutMrkdwn(oneLine(text), 2_900));
}

const NOTHING_TO_CHANGE = {
  pause: problemView('It is paused already.', '`/jobs schedules` shows by whom, and why.'),
  resume: problemView('It is not paused.', '`/jobs schedules` shows when it is due.'),
};

async function namesOf(deps: CommandDeps, verb: 'pause' | 'resume'): Promise<string[]> {
  const all = await deps.schedules.list();
  const isTouched = ({ state }: { state: string }): boolean =>
    verb === 'resume' ? state === 'paused' : state !== 'paused' && state !== 'gone';
  return all.filter(isTouched).map(({ name }) => name);
}

function isAll(ref: string): boolean {
  return ref.toLowerCase() === 'all';
}
