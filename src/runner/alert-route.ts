/** Where people are told that something went wrong: never only where the report goes, for that may be what is broken. */
import type { Destination } from '../store/destinations.ts';
import type { LoadedJob } from './jobs.ts';
import { destinationKey, parseTarget } from './targets.ts';

/**
 * The schedule's `tell`, else the default, each without the places of the report. Where only such places are named, these.
 * An empty `tell` tells nobody.
 */
export function alertRoute(asked: {
  tell: readonly Destination[] | undefined;
  alertsTo: readonly Destination[];
  reports: readonly Destination[];
}): readonly Destination[] {
  const { tell, alertsTo } = asked;
  if (tell?.length === 0) return [];
  const taken = new Set(asked.reports.map(destinationKey));
  const free = (places: readonly Destination[]): Destination[] =>
    places.filter((one) => !taken.has(destinationKey(one)));
  const routes = [free(tell ?? []), free(alertsTo), tell ?? alertsTo];
  return routes.find((route) => route.length > 0) ?? [];
}

/** Where a job's report goes when nobody asked for it; a function is asked at the end of a run: nobody knows before. */
export function placesOf(job: Pick<LoadedJob, 'destinations'> | undefined): Destination[] {
  if (job === undefined || typeof job.destinations === 'function') return [];
  return job.destinations.map(parseTarget).filter((target) => target !== 'origin');
}
