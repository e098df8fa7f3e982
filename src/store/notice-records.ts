/** Notices as they are kept: reports that no run made. They go the way of reports, through the same outbox. */
import { z } from 'zod';
import { MAX_DESTINATIONS } from './destinations.ts';
import { Instant, JobName, NoticeId, PlannedDelivery, ScheduleName } from './records.ts';
import type { Delivery, Run } from './records.ts';
import { Report } from './report.ts';

/**
 * What a notice tells: `digest` of what was missed, an `incident` and its `recovery`, a run that is `late`, a slot that was `refused`, a
 * schedule that was `paused` by itself, a report that will not arrive (`preflight`), money that is nearly or
 * wholly spent (`budget`).
 */
const NOTICE_KINDS = ['digest', 'incident', 'recovery', 'late', 'refused', 'paused', 'preflight', 'budget'] as const;

export const Notice = z.object({
  v: z.literal(1),
  id: NoticeId,
  /** What makes it the same notice when it is added again, as long as it is kept. */
  key: z.string().min(1).max(200),
  kind: z.enum(NOTICE_KINDS),
  schedule: ScheduleName.exactOptional(),
  job: JobName.exactOptional(),
  createdAt: Instant,
  report: Report,
  deliveries: z.array(PlannedDelivery).max(MAX_DESTINATIONS),
});
export type Notice = z.infer<typeof Notice>;

/** A notice and where it is; the two are never mixed into one state. */
export interface NoticeView {
  notice: Notice;
  deliveries: Delivery[];
}

/** What a delivery brings: the report or the card of a run, or a notice. */
export type About = { kind: 'run'; run: Run } | { kind: 'notice'; notice: Notice };
