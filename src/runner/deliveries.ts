import { messageOf } from '../errors.ts';
import { destinationKey, parseTarget } from './targets.ts';
import { members } from './json.ts';
import type { Ids } from '../ids.ts';
import { MAX_DESTINATIONS } from '../store/destinations.ts';
import type { Destination, Withheld } from '../store/destinations.ts';
import type { PlannedDelivery, Run } from '../store/records.ts';
import type { LoadedJob } from './jobs.ts';
import { isFailure, reasonToWithhold, type Before, type Outcome } from './withhold.ts';

type Asked = Pick<Run, 'input' | 'origin'>;

/** Where a report goes by what the run and the job say. */
export interface Places {
  places: Destination[];
  /** What people should know about where the report did not go. */
  warnings: string[];
}

export interface Plan {
  deliveries: PlannedDelivery[];
  /** Where it is not sent, because of what is wanted there. */
  withheld: Withheld[];
}

/**
 * The places of the report: the run's own destinations, else the job's with `origin` resolved (dropped when nobody asked from a
 * place), each place once, at most 20; of a place that is named twice the first options count. A destinations function
 * that fails does not fail the run: the report goes to where it was asked, with a warning. Without a job: to where it was asked.
 */
export function reportPlaces(run: Run, job: LoadedJob | undefined): Places {
  const warnings: string[] = [];
  const targets = run.destinations ?? targetsOf(job, run, warnings);
  const places = new Map<string, Destination>();
  for (const target of targets) {
    const place = target === 'origin' ? run.origin : target;
    if (place !== undefined && !places.has(destinationKey(place))) places.set(destinationKey(place), place);
  }
  if (places.size > MAX_DESTINATIONS)
    warnings.push(`Only the first ${MAX_DESTINATIONS} of ${places.size} destinations get this report.`);
  return { places: [...places.values()].slice(0, MAX_DESTINATIONS), warnings };
}

/**
 * Plans the deliveries of a report to its places, and says why it is withheld from the others; `before` is asked where only changes are
 * wanted. Whoever asked in Slack is told in a direct message where a channel cannot be posted to.
 */
export async function planReport(
  ids: Ids,
  { places, outcome }: { places: readonly Destination[]; outcome: Outcome },
  before: (place: Destination) => Promise<Before | undefined>,
): Promise<Plan> {
  const plan: Plan = { deliveries: [], withheld: [] };
  for (const destination of places) {
    const known = destination.onlyIf === 'changed' && !isFailure(outcome) ? await before(destination) : undefined;
    const reason = reasonToWithhold(destination, outcome, known);
    if (reason === undefined) plan.deliveries.push(planned(ids, outcome.run, destination));
    else plan.withheld.push({ destination, reason });
  }
  return plan;
}

/** The delivery of a report to a place that gets it whatever it says. */
export function planned(ids: Ids, { actor }: Pick<Run, 'actor'>, destination: Destination): PlannedDelivery {
  const fallback =
    actor.kind === 'slack' && destination.kind === 'slack' ? { fallbackUser: actor.id.slice(0, 30) } : {};
  return { id: ids.next('dlv'), mode: 'report', destination, ...fallback };
}

/** Where the reports of such runs go, as far as the job can say before one has run. */
export function placesOf(job: LoadedJob, run: Asked): Destination[] {
  return targetsOf(job, run, []).flatMap((target) => (target === 'origin' ? (run.origin ?? []) : target));
}

/** The live card, where the run was asked for in Slack. */
export function planCard(ids: Ids, asked: { origin?: Destination; actor: Run['actor'] }): PlannedDelivery[] {
  if (asked.origin?.kind !== 'slack') return [];
  const fallback = asked.actor.kind === 'slack' ? { fallbackUser: asked.actor.id.slice(0, 30) } : {};
  return [{ id: ids.next('dlv'), mode: 'live', destination: asked.origin, ...fallback }];
}

function targetsOf(job: LoadedJob | undefined, run: Asked, warnings: string[]): (Destination | 'origin')[] {
  if (job === undefined) return ['origin'];
  try {
    const named: unknown =
      typeof job.destinations === 'function' ? job.destinations(inputOf(job, run)) : job.destinations;
    if (!Array.isArray(named)) throw new TypeError('it returned no list');
    return named.slice(0, MAX_DESTINATIONS * 5).map(parseTarget);
  } catch (error) {
    warnings.push(`The destinations of ${job.name} could not be read: ${messageOf(error)}`.slice(0, 500));
    return ['origin'];
  }
}

function inputOf(job: LoadedJob, run: Asked): Record<string, unknown> {
  const parsed = job.schema.safeParse(run.input);
  return parsed.success ? parsed.data : (members(run.input) ?? {});
}
