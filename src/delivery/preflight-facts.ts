/** What the store knows of a destination before a report goes there. */
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { Destination } from '../store/destinations.ts';
import type { Delivery } from '../store/records.ts';
import type { Report } from '../store/report.ts';
import type { Store } from '../store/store.ts';
import { createRemembered } from './remembered.ts';
import type { CheckFacts } from './transport.ts';

export type FactsOf = (job: string, destination: Destination) => Promise<CheckFacts>;

/** What a job's last runs left behind. */
interface Past {
  report: Report | undefined;
  /** Newest run first. */
  deliveries: Delivery[];
}

const SUPPRESSION = 'suppression';
/** Runs of a job that are read for it. */
const RUNS = 5;
/** Schedules of one job are looked at together, and a run that ends meanwhile changes little. */
const KEEP_MS = 60_000;
/** Pages of 200: a list that is longer is of another kind of sender. */
const MAX_PAGES = 50;

/** The list of addresses that want no mail, as far as others may rely on it: it is kept by the mail room. */
const Suppression = z.looseObject({
  address: z.string().optional(),
  to: z.string().optional(),
  email: z.string().optional(),
  reason: z.string().max(300).optional(),
});

/** Makes the reader; what it read of a job, and the list of suppressed addresses, is kept for a minute. */
export function createFacts(deps: {
  store: Pick<Store, 'list' | 'get' | 'deliveries' | 'listDocs'>;
  clock: Pick<Clock, 'monotonic'>;
}): FactsOf {
  const { store, clock } = deps;
  const pasts = createRemembered<Past>(clock, { keepMs: KEEP_MS, max: 200 });
  const lists = createRemembered<Map<string, string>>(clock, { keepMs: KEEP_MS, max: 1 });

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
  async function suppressed(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    let after: string | undefined;
    for (let page = 0; page < MAX_PAGES && (page === 0 || after !== undefined); page++) {
      const { items, next } = await store.listDocs(SUPPRESSION, { limit: 200, ...(after && { after }) });
      for (const { value } of items) note(found, value);
      after = next;
    }
    return found;
  }

  const list = (): Promise<Map<string, string>> => lists.recall(SUPPRESSION, suppressed);

  return async (job, destination) => {
    const { report, deliveries } = await pasts.recall(job, () => past(job));
    const channelId = destination.kind === 'slack' ? arrivedIn(deliveries, destination.channel) : undefined;
    const why = destination.kind === 'email' ? (await list()).get(destination.to.toLowerCase()) : undefined;
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

function note(found: Map<string, string>, value: unknown): void {
  const read = Suppression.safeParse(value);
  const address = read.data?.address ?? read.data?.to ?? read.data?.email;
  if (address !== undefined) found.set(address.toLowerCase(), read.data?.reason ?? 'it is on the suppression list');
}
