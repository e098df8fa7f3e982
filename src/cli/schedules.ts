import { messageOf, UsageError } from '../errors.ts';
import { cutColumns, oneLine, plainText } from '../render/format.ts';
import { describeDestination, describeOptions } from '../render/run.ts';
import { describeNext, describeSkip, describeState } from '../runner/schedule-words.ts';
import type { NextTime, ScheduleView } from '../runner/schedule-views.ts';
import { parseTarget, splitTargets } from '../runner/targets.ts';
import { splitZone } from '../runner/time/asked.ts';
import type { Destination } from '../store/destinations.ts';
import { EXIT, type Terminal } from './terminal.ts';
import { readPairs } from './commands.ts';
import type { Gateway, ScheduleAsked, ScheduleProblem } from './gateway.ts';

/** All that these commands need of the gateway. */
type Desk = Pick<Gateway, 'where' | 'schedules'>;

export interface ScheduleAsk {
  args: readonly string[];
  json: boolean;
  yes: boolean;
  zone?: string | undefined;
  to?: string | undefined;
  name?: string | undefined;
}

/** The commands of schedules, each as it is typed behind `bellhop`. */
export const SCHEDULE_COMMANDS = {
  schedule: scheduleCommand,
  schedules: listCommand,
  next: nextCommand,
  pause: pauseCommand,
  resume: resumeCommand,
  snooze: snoozeCommand,
  skip: skipCommand,
  unschedule: unscheduleCommand,
} as const satisfies Record<string, (terminal: Terminal, gateway: Desk, ask: ScheduleAsk) => Promise<number>>;

/** `bellhop schedule JOB "mon 09:00" [key=value …]`: shows what it would be; `--yes` stores it. */
async function scheduleCommand(terminal: Terminal, gateway: Desk, ask: ScheduleAsk): Promise<number> {
  const [job, ...rest] = ask.args;
  if (job === undefined)
    throw usage('Which job, and when?', 'bellhop schedule JOB "every monday 09:00" --zone Europe/Berlin');
  const words = rest.filter((arg) => !isPair(arg)).flatMap((arg) => arg.split(/\s+/));
  const time = ask.zone === undefined ? splitZone(words) : { when: words.join(' '), zone: ask.zone };
  const destinations = placesOf(ask.to);
  const asked: ScheduleAsked = {
    job,
    when: time.when,
    words: readPairs(job, rest.filter(isPair)),
    ...(time.zone === undefined ? {} : { zone: time.zone }),
    ...(destinations.length === 0 ? {} : { destinations }),
    ...(ask.name === undefined ? {} : { name: ask.name }),
  };
  const result = await (ask.yes ? gateway.schedules.create(asked) : previewed(gateway, asked));
  if (!('view' in result)) return refused(terminal, result);
  const { outcome } = result;
  if (ask.json) terminal.out(JSON.stringify({ outcome, schedule: result.view }, null, 2));
  else showWhole(terminal, result.view);
  if (outcome === 'preview') {
    const there = await gateway.schedules.find(result.view.name);
    if ('view' in there && there.view.name === result.view.name) {
      terminal.err(
        `${there.view.name} is there already: ${there.view.words} (${there.view.zone}). --yes changes it; --name makes another.`,
      );
    }
    terminal.err('Nothing was stored; say it with --yes.');
    return EXIT.usage;
  }
  terminal.err(`${result.view.name}: ${outcome}${idle(gateway)}`);
  return EXIT.ok;
}

async function previewed(
  gateway: Desk,
  asked: ScheduleAsked,
): Promise<ScheduleProblem | { outcome: 'preview'; view: ScheduleView }> {
  const result = await gateway.schedules.preview(asked);
  return 'view' in result ? { outcome: 'preview', view: result.view } : result;
}

const SHOWN = 1_000;

/** `bellhop schedules [JOB]` */
async function listCommand(terminal: Terminal, gateway: Desk, ask: ScheduleAsk): Promise<number> {
  const [ref, extra] = ask.args;
  if (extra !== undefined) throw usage('schedules takes one name at most', 'bellhop schedules [JOB]');
  const all = await gateway.schedules.list();
  const shown = all.filter(({ name, job }) => ref === undefined || name === ref || job === ref).slice(0, SHOWN);
  if (ask.json) terminal.out(JSON.stringify({ schedules: shown }, null, 2));
  else if (shown.length > 0) terminal.out(plainText(shown.map((view) => textOf(view, terminal.width)).join('\n')));
  else if (ref === undefined)
    terminal.out('Nothing is scheduled. Try: bellhop schedule JOB "every monday 09:00" --zone Europe/Berlin');
  else terminal.out(plainText(`There is no schedule of ${ref}; bellhop schedules shows all.`));
  if (gateway.where === 'here' && !ask.json) {
    terminal.err(
      'No server is running: nothing runs by itself until one does, which also brings in what the files of jobs define.',
    );
  }
  return EXIT.ok;
}

/** `bellhop next NAME [N]` */
async function nextCommand(terminal: Terminal, gateway: Desk, ask: ScheduleAsk): Promise<number> {
  const ref = named(ask, 'bellhop next NAME [N]');
  const n = Number(ask.args[1] ?? 5);
  if (!(Number.isInteger(n) && n >= 1 && n <= 20))
    throw usage(`“${ask.args[1] ?? ''}” is no number of times`, 'Ask for 1 to 20.');
  const result = await gateway.schedules.next(ref, n);
  if (!('views' in result)) return refused(terminal, result);
  if (ask.json) {
    terminal.out(
      JSON.stringify({ schedules: result.views.map(({ view, next }) => ({ schedule: view, next })) }, null, 2),
    );
    return EXIT.ok;
  }
  for (const { view, next } of result.views) {
    terminal.out(plainText(`${view.name}: ${view.words} (${view.zone})`));
    const state = describeState(view);
    if (state !== undefined) terminal.out(plainText(`  ${oneLine(state)}`));
    for (const line of timeLines(view, next)) terminal.out(plainText(line));
  }
  return EXIT.ok;
}

/** `bellhop pause NAME|all [reason…]` */
async function pauseCommand(terminal: Terminal, gateway: Desk, ask: ScheduleAsk): Promise<number> {
  const ref = named(ask, 'bellhop pause NAME [reason], or all');
  const isTouched = ({ state }: ScheduleView): boolean => state !== 'paused' && state !== 'gone';
  await agreed(gateway, ask, { ref, verb: 'pauses', isTouched });
  return names(terminal, ask, await gateway.schedules.pause(ref, ask.args.slice(1).join(' ')));
}

/** `bellhop resume NAME|all` */
async function resumeCommand(terminal: Terminal, gateway: Desk, ask: ScheduleAsk): Promise<number> {
  const ref = named(ask, 'bellhop resume NAME, or all');
  await agreed(gateway, ask, { ref, verb: 'resumes', isTouched: ({ state }) => state === 'paused' });
  return names(terminal, ask, await gateway.schedules.resume(ref));
}

/** What touches all of them is said with --yes. */
async function agreed(
  gateway: Desk,
  ask: ScheduleAsk,
  { ref, verb, isTouched }: { ref: string; verb: string; isTouched: (view: ScheduleView) => boolean },
): Promise<void> {
  if (ref.toLowerCase() !== 'all' || ask.yes) return;
  const touched = (await gateway.schedules.list()).filter(isTouched);
  throw usage(`This ${verb} ${touched.length} schedules`, 'Say it with --yes.');
}

/** `bellhop snooze NAME 2d` */
async function snoozeCommand(terminal: Terminal, gateway: Desk, ask: ScheduleAsk): Promise<number> {
  const ref = named(ask, 'bellhop snooze NAME 2d');
  const until = ask.args
    .slice(1)
    .join(' ')
    .replace(/^(?:for|until|till) /i, '');
  if (until === '') throw usage('Until when?', 'bellhop snooze NAME 2d, 3h, or a date like 2026-12-24');
  return changed(terminal, ask, await gateway.schedules.snooze(ref, until));
}

/** `bellhop skip NAME` */
async function skipCommand(terminal: Terminal, gateway: Desk, ask: ScheduleAsk): Promise<number> {
  return changed(terminal, ask, await gateway.schedules.skip(named(ask, 'bellhop skip NAME')));
}

/** `bellhop unschedule NAME --yes` */
async function unscheduleCommand(terminal: Terminal, gateway: Desk, ask: ScheduleAsk): Promise<number> {
  const ref = named(ask, 'bellhop unschedule NAME');
  const found = await gateway.schedules.find(ref);
  if (!('view' in found)) return refused(terminal, found);
  if (!ask.yes) {
    showWhole({ ...terminal, out: terminal.err }, found.view);
    throw usage(`This removes the schedule ${found.view.name}; its runs stay`, 'Say it with --yes.');
  }
  const result = await gateway.schedules.remove(ref);
  if (!('view' in result)) return refused(terminal, result);
  if (ask.json) terminal.out(JSON.stringify({ outcome: 'removed', schedule: result.view }, null, 2));
  else terminal.err(`${result.view.name}: removed`);
  return EXIT.ok;
}

function changed(terminal: Terminal, ask: ScheduleAsk, result: { view: ScheduleView } | ScheduleProblem): number {
  if (!('view' in result)) return refused(terminal, result);
  if (ask.json) terminal.out(JSON.stringify({ schedule: result.view }, null, 2));
  else terminal.out(plainText(textOf(result.view, terminal.width)));
  return EXIT.ok;
}

function names(
  terminal: Terminal,
  ask: ScheduleAsk,
  result: { outcome: 'paused' | 'resumed' | 'unchanged'; names: string[] } | ScheduleProblem,
): number {
  if (!('names' in result)) return refused(terminal, result);
  if (ask.json) terminal.out(JSON.stringify(result));
  else if (result.outcome === 'unchanged') terminal.err('unchanged: it was so already');
  else for (const name of result.names) terminal.err(`${name}: ${result.outcome}`);
  return EXIT.ok;
}

function refused(terminal: Terminal, { text }: ScheduleProblem): number {
  terminal.err(text);
  return EXIT.usage;
}

function showWhole(terminal: Pick<Terminal, 'out' | 'width'>, view: ScheduleView): void {
  const places = view.places.map(placeLine).join(', ') || 'nobody; it is kept with its run';
  const facts = [`job     ${view.job} ${JSON.stringify(view.input)}`, `report  to ${places}`];
  const lines = [
    `${view.name}: ${view.words} (${view.zone})`,
    ...timeLines(view, view.next),
    ...facts.map((fact) => `  ${fact}`),
  ];
  terminal.out(plainText(lines.join('\n')));
}

function timeLines({ zone }: ScheduleView, next: readonly NextTime[]): string[] {
  const lines = next.map(
    (time) => `  next    ${time.at.slice(0, 16).replace('T', ' ')} UTC = ${describeNext(time, zone)}`,
  );
  return lines.length === 0 ? ['  next    never, as things stand'] : lines;
}

/** A few lines, each no wider than the terminal but for the first. */
function textOf(view: ScheduleView, width: number): string {
  const { next, last, skips, zone } = view;
  const [skip] = skips;
  const state = describeState(view);
  const lines = [
    `${view.name}  ${view.state}  ${view.job}  ${view.words} (${zone})`,
    ...timeLines(view, next.slice(0, 1)),
    ...(state === undefined ? [] : [`  ${state}`]),
    ...(last === undefined
      ? []
      : [`  last    ${last.slot.slice(0, 16).replace('T', ' ')} UTC ${last.state ?? 'deleted'} ${last.runId}`]),
    ...(skip === undefined ? [] : [`  ${describeSkip(skip, zone)}`]),
  ];
  return lines
    .map((line, at) => (at === 0 ? line : cutColumns(oneLineKeepingIndent(line), Math.max(width, 60))))
    .join('\n');
}

function oneLineKeepingIndent(line: string): string {
  return `  ${line.slice(2).replace(/[\r\n]+/g, ' ')}`;
}

/** A person who reads `created` believes that it will run. */
function idle(gateway: Desk): string {
  return gateway.where === 'server' ? '' : '; it runs once a server does (bellhop start)';
}

function named({ args }: ScheduleAsk, hint: string): string {
  const [ref] = args;
  if (ref === undefined || ref.trim() === '') throw usage('Which schedule?', hint);
  return ref;
}

function placeLine(place: Destination): string {
  const options = describeOptions(place);
  return `${describeDestination(place)}${options === '' ? '' : ` (${options})`}`;
}

function placesOf(text: string | undefined): Destination[] {
  return splitTargets(text ?? '').map((one) => {
    try {
      const target = parseTarget(one);
      if (target !== 'origin') return target;
    } catch (error) {
      throw usage(`--to: ${messageOf(error)}`, TO_HINT);
    }
    throw usage('--to: origin is no place of its own', TO_HINT);
  });
}

const TO_HINT =
  "Like --to '#channel?attach=csv,ana@example.com,file:weekly-{date}.html'; options: docs/destinations.md.";

function isPair(arg: string): boolean {
  return /^[A-Za-z][\w-]*=/.test(arg);
}

function usage(message: string, hint: string): UsageError {
  return new UsageError(message, { code: 'USAGE', hint });
}
