/** What the store knows of a destination before a report goes there. */
import type { Clock } from '../clock.ts';
import type { Destination } from '../store/destinations.ts';
import type { Delivery } from '../store/records.ts';
import type { Report } from '../store/report.ts';
import type { Store } from '../store/store.ts';
import { describeReason, reasonAgainst, suppressionOf } from '../store/suppressions.ts';
import { createRemembered } from './remembered.ts';
import type { CheckFacts } from './transport.ts';

export type FactsOf = (job: string, destination: Destination) => Promise<CheckFacts>;

/** What a job's last runs left behind. */
interface Past {
  report: Report | undefined;
  /** Newest run first. */
  deliveries: Delivery[];
}

/** Runs of a job that are read for it. */
const RUNS = 5;
/** Schedules of one job are looked at together, and a run that ends meanwhile changes little. */
const KEEP_MS = 60_000;

/** Makes the reader; what it read of a job is kept for a minute. */
export function createFacts(deps: {
  store: Pick<Store, 'list' | 'get' | 'deliveries' | 'getDoc'>;
  clock: Pick<Clock, 'monotonic'>;
}): FactsOf {
  const { store, clock } = deps;
  const pasts = createRemembered<Past>(clock, { keepMs: KEEP_MS, max: 200 });

  async function past(job: string): Promise<Past> {
    const { items } = await store.list({ job, limit: RUNS });
    let report: Report | undefined;
    const deliveries: Delivery[] = [];
    for (const { id } of items) {
      report ??= (await store.get(id))?.report;
      deliveries.push(...(await store.deliveries(id)));
    }
    return { report, deliveries };
  }
  /** Whoever unsubscribed from another series still gets this one; the series of the report to come is taken to be that of the last. */
  async function suppressed(to: string, list: string): Promise<string | undefined> {
    const reason = reasonAgainst(await suppressionOf(store, to), list);
    return reason === undefined ? undefined : describeReason(reason, list);
  }

  return async (job, destination) => {
    const { report, deliveries } = await pasts.recall(job, () => past(job));
    const channelId = destination.kind === 'slack' ? arrivedIn(deliveries, destination.channel) : undefined;
    const why = destination.kind === 'email' ? await suppressed(destination.to, report?.series ?? job) : undefined;
    return {
      ...(report === undefined ? {} : { report }),
      ...(channelId === undefined ? {} : { channelId }),
      ...(why === undefined ? {} : { suppressed: why }),
    };
  };
}

/** The channel of the newest receipt for this destination; a report that went to somebody's direct messages instead proves nothing. */
function arrivedIn(deliveries: readonly Delivery[], channel: string): string | undefined {
  for (const { destination, parts } of deliveries) {
    if (destination.kind !== 'slack' || destination.channel !== channel) continue;
    for (const { receipt } of parts)
      if (receipt?.kind === 'slack' && receipt.insteadOf === undefined) return receipt.channel;
  }
  return undefined;
}
