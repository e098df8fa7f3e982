/** What becomes of a due time: a run, or a skip with the reason why it is none. */
import type { Ids } from '../ids.ts';
import { isFinal } from '../store/records.ts';
import type { Destination } from '../store/destinations.ts';
import type { Skip } from '../store/schedule-records.ts';
import type { NewRun, NewSkip, Store } from '../store/store.ts';
import { waitsOf } from './approvals.ts';
import { placesOf, planCard } from './deliveries.ts';
import type { GuardAsk, GuardCheck } from './guards.ts';
import type { LoadedJob } from './jobs.ts';
import type { PlanStep, Start } from './plan.ts';
import type { Entry } from './schedule-book.ts';
import { tellSkipped } from './skip-notice.ts';

/** What of a step is stored besides its watermark. */
export type Decided = Pick<Parameters<Store['advance']>[0], 'runs' | 'skips' | 'set'>;

export interface Undecided {
  entry: Entry;
  /** Undefined: there is no such job any more. */
  job: LoadedJob | undefined;
  step: PlanStep;
  /** Runs of the job that this tick has stored already. */
  started: number;
}

interface DecideDeps {
  store: Pick<Store, 'get' | 'cancel' | 'addNotice'>;
  guards: GuardCheck;
  ids: Ids;
  /** Where notices go for schedules that name nobody. */
  alertsTo?: readonly Destination[];
}

interface Candidate {
  entry: Entry;
  job: LoadedJob | undefined;
  start: Start;
  /** Runs of the job that this tick has started already, and those of them that are not stored yet. */
  pending: { tick: number; staged: number };
  past: NonNullable<GuardAsk['past']>;
}

/** Makes the function that decides a step: its starts become runs, or skips where they are refused; in the order of their times. */
export function createDecide(deps: DecideDeps): (step: Undecided) => Promise<Decided> {
  const { store, guards, ids, alertsTo = [] } = deps;

  /** Why a slot is not run; undefined when it is. */
  async function refusal(at: Candidate): Promise<string | undefined> {
    const { entry, job, start, pending, past } = at;
    const name = entry.schedule.spec.job;
    if (job === undefined) return `There is no job ${name}: its file is missing or broken.`;
    const verdict = await guards.check({
      job,
      by: 'slot',
      input: entry.schedule.spec.input,
      past,
      tickStarts: pending.tick,
      staged: pending.staged,
    });
    if (verdict.ok) return overlapping(entry, job);
    if (verdict.code === 'LAST_RUN_FAILED')
      await tellSkipped(deps, { entry, job, slot: start.slot, reason: verdict.reason });
    return verdict.reason;
  }
  /** Slots that are made up for together follow one another: what counts is the run before all of them. */
  async function overlapping(entry: Entry, job: LoadedJob): Promise<string | undefined> {
    const runId = entry.schedule.last?.runId;
    if (job.overlap === 'queue' || runId === undefined) return undefined;
    const previous = await store.get(runId);
    if (previous === undefined || isFinal(previous.state)) return undefined;
    if (job.overlap === 'skip') return `The run before it, ${runId}, is not over.`;
    await store.cancel(runId, { kind: 'schedule', id: entry.name });
    return undefined;
  }

  return async ({ entry, job, step, started }) => {
    const skips: Skip[] = [...step.skips];
    const runs: NewRun[] = [];
    let last: { slot: string; runId: string } | undefined;
    for (const start of step.starts) {
      const pending = { tick: started + runs.length, staged: runs.length };
      const kept = [...(entry.schedule.skips ?? []), ...skips];
      const reason = await refusal({
        entry,
        job,
        start,
        pending,
        past: { last: last ?? entry.schedule.last, skips: kept },
      });
      if (reason !== undefined || job === undefined) {
        skips.push({ from: start.slot, to: start.slot, count: 1, reason: reason ?? 'the job is gone' });
        continue;
      }
      const made = { id: ids.next('run'), ...newRun(entry, job, start) };
      const card =
        made.waits === undefined ? [] : planCard(ids, { ...askedAt(entry, { job, alertsTo }), actor: made.actor });
      runs.push({ ...made, ...(card.length > 0 && { deliveries: card }) });
      last = { slot: start.slot, runId: made.id };
    }
    return { runs, skips: joined(entry, skips, runs), ...(last === undefined ? {} : { set: { last } }) };
  };
}

/** In the order of their times. One goes on with the one before it, this step's or the newest kept, unless a run lies between them. */
function joined({ schedule }: Entry, skips: readonly Skip[], runs: readonly NewRun[]): NewSkip[] {
  const ran = [schedule.last?.slot, ...runs.map((run) => run.schedule?.slot)].flatMap((slot) => slot ?? []);
  const times = ran.map((slot) => Date.parse(slot));
  let before = schedule.skips?.at(-1);
  return skips
    .toSorted((a, b) => Date.parse(a.from) - Date.parse(b.from))
    .map((skip) => {
      const end = before === undefined ? undefined : Date.parse(before.to);
      const joins = end !== undefined && !times.some((at) => at > end && at < Date.parse(skip.from));
      before = skip;
      return { ...skip, joins };
    });
}

/**
 * Where people are asked to approve a run that nobody asked for by hand: where the schedule was made, else the first channel of its report,
 * else of the notices. Elsewhere it is told as late.
 */
function askedAt(
  { schedule: { spec } }: Entry,
  { job, alertsTo }: { job: LoadedJob; alertsTo: readonly Destination[] },
): { origin?: Destination } {
  const { input, origin } = spec;
  const places = spec.destinations ?? placesOf(job, { input, ...(origin !== undefined && { origin }) });
  const place = [origin, ...places, ...alertsTo].find((one) => one?.kind === 'slack');
  return place?.kind === 'slack' ? { origin: { kind: 'slack', channel: place.channel } } : {};
}

function newRun(entry: Entry, job: LoadedJob, { slot, late }: Start): NewRun {
  const { spec } = entry.schedule;
  const named = { name: entry.name, slot, zone: spec.zone };
  return {
    job: job.name,
    kind: job.kind,
    queue: job.name,
    trigger: 'schedule',
    actor: { kind: 'schedule', id: entry.name },
    input: spec.input,
    policy: job.policy,
    priority: job.priority,
    ...waitsOf(job),
    schedule: late === undefined ? named : { ...named, late },
    ...(spec.origin === undefined ? {} : { origin: spec.origin }),
    ...(spec.destinations === undefined ? {} : { destinations: spec.destinations }),
    idempotencyKey: `slot.${entry.name}.${slot}`,
  };
}
