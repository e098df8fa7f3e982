import type { Store } from '../store/store.ts';
import type { Destination } from '../store/destinations.ts';
import type { LoadedJob } from './jobs.ts';
import { placesOf } from './alert-route.ts';
import { noticeReport } from './notice-report.ts';
import type { Entry } from './schedule-book.ts';

/** Tells where the report would have gone that a slot is left out because the run before it failed; once for that run. */
export async function tellSkipped(
  deps: { store: Pick<Store, 'addNotice'>; alertsTo?: readonly Destination[] },
  what: { entry: Entry; job: LoadedJob; slot: string; reason: string },
): Promise<void> {
  const { entry, job, slot, reason } = what;
  const { spec, last } = entry.schedule;
  const destinations = [spec.destinations ?? placesOf(job), spec.tell ?? [], deps.alertsTo ?? []].find(isSome);
  if (destinations === undefined) return;
  await deps.store.addNotice({
    key: `refused.${entry.name}.${last?.runId ?? slot}`,
    kind: 'refused',
    schedule: entry.name,
    job: job.name,
    report: noticeReport({
      title: `${entry.name} was left out`,
      summary: `The report due ${slot} was not made. ${reason}`,
      status: 'ok',
      lines: [`The next time it is tried again; \`/jobs run ${job.name}\` tries now.`],
    }),
    destinations,
  });
}

function isSome(places: readonly Destination[]): boolean {
  return places.length > 0;
}
