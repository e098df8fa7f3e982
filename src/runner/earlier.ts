/** Finds the report that a place got before: what a new one is compared with where only changes are wanted. */
import { destinationKey } from './targets.ts';
import { contentHash, type Before } from './withhold.ts';
import type { Destination } from '../store/destinations.ts';
import type { Run } from '../store/records.ts';
import type { Report } from '../store/report.ts';
import type { Store } from '../store/store.ts';

const PAGE = 25;
/** Of the same job, looked at in all; what lies further back is not known, and then the report is sent. */
const MAX_LOOKED_AT = 200;
const MAX_RETRIES_BACK = 20;

interface EarlierDeps {
  store: Pick<Store, 'get' | 'list' | 'deliveries'>;
}

/**
 * Makes the function that answers what the newest earlier run of the job, and of the report's series, said at a place. Undefined, and then
 * the report is sent: there is none that was meant for this place, it did not arrive there, a failure was told there since, or it cannot be
 * read. A retry is compared with what came before the run that it repeats.
 */
export function createEarlier({ store }: EarlierDeps) {
  /** The first of the runs that the given one repeats. */
  async function originalOf(run: Run): Promise<string> {
    let original = run.id;
    let before = run.retryOf;
    for (let n = 0; before !== undefined && n < MAX_RETRIES_BACK; n++) {
      original = before;
      before = (await store.get(before))?.retryOf;
    }
    return original;
  }

  async function* runsBefore(run: Run): AsyncGenerator<Run> {
    let olderThan = await originalOf(run);
    const query = { job: run.job, states: ['completed', 'failed'], limit: PAGE } as const;
    for (let looked = 0; looked < MAX_LOOKED_AT; looked += PAGE) {
      const { items } = await store.list({ ...query, olderThan });
      for (const { id } of items) {
        const found = await store.get(id);
        if (found !== undefined) yield found;
      }
      const last = items.at(-1);
      if (last === undefined || items.length < PAGE) return;
      olderThan = last.id;
    }
  }

  async function arrived(run: Run, key: string): Promise<boolean> {
    const deliveries = await store.deliveries(run.id);
    const there = deliveries.find(({ mode, destination }) => mode === 'report' && destinationKey(destination) === key);
    return there !== undefined && there.state !== 'failed' && there.state !== 'unknown';
  }

  async function find({ run, report }: { run: Run; report: Report }, place: Destination): Promise<Before | undefined> {
    const key = destinationKey(place);
    for await (const earlier of runsBefore(run)) {
      const planned = earlier.deliveries.some(
        (one) => one.mode === 'report' && destinationKey(one.destination) === key,
      );
      if (earlier.state === 'failed') {
        if (planned) return undefined;
        continue;
      }
      if (earlier.report === undefined || earlier.report.series !== report.series) continue;
      const unchanged = earlier.withheld?.some(
        ({ destination }) => destinationKey(destination) === key && destination.onlyIf === 'changed',
      );
      if (unchanged !== true && !planned) continue;
      if (unchanged !== true && !(await arrived(earlier, key))) return undefined;
      return { runId: earlier.id, hash: contentHash(earlier.report, earlier) };
    }
    return undefined;
  }

  return async (told: { run: Run; report: Report }, place: Destination): Promise<Before | undefined> => {
    try {
      return await find(told, place);
    } catch {
      // What cannot be compared is sent: once too often is better than not at all.
      return undefined;
    }
  };
}
