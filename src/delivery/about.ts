/** What a delivery brings, whether a run made it or it is a notice. */
import { DeliveryError } from '../errors.ts';
import type { About } from '../store/notice-records.ts';
import type { Report } from '../store/report.ts';

/** The id of the run or of the notice. */
export function idOf(about: About): string {
  return about.kind === 'run' ? about.run.id : about.notice.id;
}

/** The report to deliver; throws RENDER_FAILED for a run that made none. */
export function reportOf(about: About): Report {
  const report = about.kind === 'run' ? about.run.report : about.notice.report;
  if (report !== undefined) return report;
  throw new DeliveryError(`${idOf(about)} has no report to deliver.`, { code: 'RENDER_FAILED', permanent: true });
}
