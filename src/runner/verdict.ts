/** How a run of a schedule went for the people who wait for its report: it must have completed, and the report must have arrived. */
import type { Delivery, Run } from '../store/records.ts';
import { isFinal } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { Entry } from './schedule-book.ts';

export type Verdict =
  /** Not over yet, or nobody's business. */
  { how: 'open' } | { how: 'good' } | { how: 'bad'; code: string; message: string; hint?: string };

/** The verdict on a run as it stands. */
export async function verdictOn(store: Pick<Store, 'deliveries'>, run: Run): Promise<Verdict> {
  if (!isFinal(run.state) || run.state === 'cancelled') return { how: 'open' };
  if (run.state === 'failed') {
    const { code = 'JOB_FAILED', message = 'it failed without a message', hint } = run.error ?? {};
    return { how: 'bad', code, message, ...(hint === undefined ? {} : { hint }) };
  }
  const reports = (await store.deliveries(run.id)).filter((one) => one.mode === 'report');
  // An unknown one that is to be looked for again may still be found.
  const lost = reports.find((one) => one.state === 'failed' || (one.state === 'unknown' && one.nextAt === undefined));
  if (lost !== undefined) return undelivered(lost);
  return reports.every((one) => one.state === 'delivered') ? { how: 'good' } : { how: 'open' };
}

function undelivered(delivery: Delivery): Verdict {
  const { code = 'GAVE_UP', message = 'nobody knows whether it arrived', hint } = delivery.error ?? {};
  const what = `The report did not arrive (${delivery.destination.kind}): ${message}`;
  return { how: 'bad', code, message: what, ...(hint === undefined ? {} : { hint }) };
}

/** Two failures with the same fingerprint have one cause: numbers, ids and times in the message do not count. */
export function fingerprint({ code, message }: { code: string; message: string }): string {
  const words = message
    .toLowerCase()
    .replace(/[0-9a-z]*\d[0-9a-z]*/g, '#')
    .replace(/\s+/g, ' ')
    .slice(0, 120);
  return `${code} ${words}`;
}

/** The newest run of each schedule: what is looked at when events were lost. */
export function newestRuns(entries: readonly Entry[]): string[] {
  return entries.flatMap(({ schedule }) => schedule.last?.runId ?? []);
}

/** The schedule that a run belongs to: its slot's, or the one that asked for it by hand. */
export function scheduleOf(run: Run): string | undefined {
  return run.schedule?.name ?? (run.actor.kind === 'schedule' ? run.actor.id : undefined);
}
