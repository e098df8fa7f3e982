import { z } from 'zod';
import { messageOf, UsageError } from '../../errors.ts';
import type { JobSummary } from '../../runner/runner.ts';
import type { ScheduleView } from '../../runner/schedule-views.ts';
import { describeRefusal } from '../../runner/schedule-words.ts';
import type { NewScheduleRequest, Refused } from '../../runner/schedules.ts';
import { parseTarget, splitTargets } from '../../runner/targets.ts';
import { splitZone } from '../../runner/time/asked.ts';
import { Destination } from '../../store/destinations.ts';
import type { Command } from '../command.ts';
import { problemView } from '../views/answers.ts';
import { quoted, type Answer } from '../views/blocks.ts';
import { previewView, scheduledView, type ZoneSource } from '../views/schedules.ts';
import type { Asked, CommandDeps } from './context.ts';

/** A button's value takes 2,000 characters. */
const MAX_VALUE = 2_000;
/** What may be said of the schedule itself; an input of the job that has this name wins. */
const OPTIONS = ['to', 'mail', 'zone', 'name'] as const;
type Option = (typeof OPTIONS)[number];

/** What the button carries, and what is checked again when it comes back. */
const Carried = z.object({
  job: z.string().max(64),
  when: z.string().max(120),
  zone: z.string().max(64),
  input: z.record(z.string().max(64), z.string()),
  to: z.array(Destination).max(20),
  name: z.string().max(80).exactOptional(),
  /** The schedule of this name that the question showed was there. */
  present: z.boolean(),
  /** Names the question, so that two clicks are one answer. */
  key: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,117}$/),
});
type Carried = z.infer<typeof Carried>;

/** `/jobs schedule JOB TIME [ZONE] [key=value…]`: shows what it would be; the button stores it. */
export async function schedule(deps: CommandDeps, asked: Asked, command: Command): Promise<Answer> {
  const [job, ...words] = command.words;
  if (job === undefined) return problemView('Which job, and when?', TEACH);
  const known = deps.runner.job(job);
  const { options, input } = sorted(command.pairs, known);
  if (words.length === 0 && known !== undefined) return problemView(`When shall ${quoted(job)} run?`, TEACH);
  const to = readPlaces(options, asked);
  if ('answer' in to) return to.answer;
  const time = splitZone(words);
  const zone = options.zone ?? time.zone;
  const request = {
    job,
    when: time.when,
    input,
    as: 'words' as const,
    ...(options.name === undefined ? {} : { name: options.name.toLowerCase() }),
    ...placed(to.places, asked),
    actor: asked.actor,
  };
  const found = await previewed(deps, asked, { request, zone });
  if (!('view' in found)) return refusedView(found);
  return question(deps, { ...found, request, to: to.places, key: asked.key });
}

const TEACH =
  'Write it like `/jobs schedule JOB every monday 09:00 Europe/Berlin`, with the inputs of the job behind it as key=value. You see the next times before anything is stored.';

interface Previewed {
  view: ScheduleView;
  source: ZoneSource;
}

/** In the zone that was said, else that of the person, else the usual one. */
async function previewed(
  deps: CommandDeps,
  asked: Asked,
  { request, zone }: { request: NewScheduleRequest; zone: string | undefined },
): Promise<Previewed | Refused> {
  const own = zone === undefined ? await deps.zones.of(asked.actor.id) : undefined;
  if (own !== undefined) {
    const result = await deps.schedules.preview({ ...request, zone: own });
    // A zone that Slack knows and we do not is nobody's mistake here.
    if (result.outcome === 'ok') return { view: result.view, source: 'profile' };
    if (result.outcome !== 'invalid' || result.field !== 'zone') return result;
  }
  const result = await deps.schedules.preview(zone === undefined ? request : { ...request, zone });
  if (result.outcome !== 'ok') return result;
  return { view: result.view, source: zone === undefined ? 'default' : 'said' };
}

interface Question extends Previewed {
  request: NewScheduleRequest & { input: Record<string, string> };
  to: Destination[];
  key: string;
}

async function question(deps: CommandDeps, { view, source, request, to, key }: Question): Promise<Answer> {
  const changes = await exactly(deps, view.name);
  const { name } = request;
  const carried: Carried = {
    job: view.job,
    when: request.when,
    zone: view.zone,
    input: request.input,
    to,
    ...(name === undefined ? {} : { name }),
    present: changes !== undefined,
    key,
  };
  const value = JSON.stringify(carried);
  if (value.length > MAX_VALUE) {
    return problemView('That is more than a button in Slack can carry.', 'Use `bellhop schedule` in a terminal.');
  }
  return previewView(view, { source, value, changes });
}

/** The click on "Schedule it". What is asked for is checked again; where something else stands there by now, it is shown first. */
export async function scheduleShown(deps: CommandDeps, asked: Asked, value: string): Promise<Answer> {
  const carried = readCarried(value);
  if (carried === undefined) return problemView('This button is from another time.', 'Type `/jobs schedule` again.');
  const { job, when, zone, input, to, name, present, key } = carried;
  const named = name === undefined ? {} : { name };
  const request = { job, when, zone, input, as: 'words' as const, ...named, ...placed(to, asked), actor: asked.actor };
  const preview = await deps.schedules.preview(request);
  if (preview.outcome !== 'ok') return refusedView(preview);
  const there = await exactly(deps, preview.view.name);
  if (there !== undefined && isSame(there, preview.view)) return scheduledView(there, 'already');
  if (there !== undefined && !present) {
    return question(deps, { view: preview.view, source: 'said', request, to, key: asked.key });
  }
  const isFirst = await deps.remember(`asked-${key}`);
  const result = await deps.schedules.create(request);
  if (!('view' in result)) return refusedView(result);
  return scheduledView(result.view, isFirst ? result.outcome : 'already');
}

function readCarried(value: string): Carried | undefined {
  try {
    const parsed = Carried.safeParse(JSON.parse(value));
    return parsed.success && parsed.data.to.every(isForPeople) ? parsed.data : undefined;
  } catch {
    return undefined; // a value of another version
  }
}

function isSame(a: ScheduleView, b: ScheduleView): boolean {
  const facts = ({ words, zone, input, places, state }: ScheduleView): string =>
    JSON.stringify([words, zone, input, places, state]);
  return facts(a) === facts(b);
}

/** The schedule of just this name. */
export async function exactly(deps: CommandDeps, name: string): Promise<ScheduleView | undefined> {
  const found = await deps.schedules.find(name);
  return found.outcome === 'found' && found.view.name === name ? found.view : undefined;
}

/** Where it was asked is what a job's `origin` means. A conversation of two people is not ours to post to: there it is the person. */
function placed(to: Destination[], { origin, actor }: Asked): Pick<NewScheduleRequest, 'origin' | 'destinations'> {
  const isDirect = origin?.kind === 'slack' && origin.channel.startsWith('D');
  const from = isDirect ? ({ kind: 'slack', channel: actor.id } as const) : origin;
  return { ...(from === undefined ? {} : { origin: from }), ...(to.length === 0 ? {} : { destinations: to }) };
}

function sorted(
  pairs: Record<string, string>,
  job: JobSummary | undefined,
): { options: Partial<Record<Option, string>>; input: Record<string, string> } {
  const fields = new Set(job?.fields.map(({ name }) => name));
  const options: Partial<Record<Option, string>> = {};
  const input: [string, string][] = [];
  for (const [key, value] of Object.entries(pairs)) {
    const option = OPTIONS.find((known) => known === key);
    if (option !== undefined && !fields.has(key)) options[option] = value;
    else input.push([key, value]);
  }
  return { options, input: Object.fromEntries(input) };
}

function readPlaces(
  { to, mail }: Partial<Record<Option, string>>,
  { origin }: Asked,
): { places: Destination[] } | { answer: Answer } {
  const texts = [to, mail].flatMap((text) => splitTargets(text ?? ''));
  const places: Destination[] = [];
  for (const text of texts) {
    try {
      const target = parseTarget(text);
      const place = target === 'origin' ? origin : target;
      if (place !== undefined && !isForPeople(place)) return { answer: NO_FILE };
      if (place !== undefined) places.push(place);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return {
        answer: problemView(`${messageOf(error)}.`, 'Name a channel or an address: `to=#channel,ana@example.com`.'),
      };
    }
  }
  if (places.length > 20) return { answer: problemView('A report goes to 20 places at most.', 'Name fewer.') };
  return { places };
}

const NO_FILE = problemView(
  'From Slack a report goes to channels, people and addresses only.',
  'An operator can name a file or a webhook with `bellhop schedule … --to file:PATH`.',
);

/** A path is for whoever may write to this machine, a webhook for whoever answers for what it reaches. */
function isForPeople(place: Destination): boolean {
  return place.kind === 'slack' || place.kind === 'email';
}

/** Why nothing was done, in the words of `/jobs`. */
export function refusedView(refused: Refused): Answer {
  const { problem, hint } = describeRefusal(refused, { jobs: '`/jobs list`', schedules: '`/jobs schedules`' });
  return problemView(problem, hint);
}
