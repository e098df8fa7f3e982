/** Runs whose job is gone: nobody claims their queue by itself, so they would wait for ever and in silence. */
import { FINAL_STATES, RUN_STATES } from '../store/records.ts';
import { mayComeBack, type Registry } from './registry.ts';
import type { Clock } from '../clock.ts';
import type { Reader } from '../store/reader.ts';

// A file that an editor saves may be away for a moment.
const ABSENT_MS = 5000;
const PAGE = 200;
const MAX_PAGES = 10;
const OPEN_STATES = RUN_STATES.filter((state) => !FINAL_STATES.includes(state) && state !== 'running');

export interface Orphans {
  /** Queues of jobs that have been away for five seconds and no broken file is named after. */
  queues(): string[];
  /** Looks through the unfinished runs, at most 2,000 of them. */
  look(): Promise<void>;
}

/** Makes the search for runs whose job is gone. */
export function createOrphans(deps: { store: Reader; registry: Registry; clock: Clock }): Orphans {
  const { store, registry, clock } = deps;
  let absentSince = new Map<string, number>();

  async function absentNow(): Promise<Set<string>> {
    const absent = new Set<string>();
    let after: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const found = await store.list({ states: OPEN_STATES, limit: PAGE, ...(after !== undefined && { after }) });
      for (const run of found.items) if (registry.get(run.job) === undefined) absent.add(run.queue);
      after = found.next;
      if (after === undefined) break;
    }
    return absent;
  }

  return {
    queues() {
      const problems = registry.problems();
      return [...absentSince]
        .filter(
          ([name, since]) =>
            clock.monotonic() - since >= ABSENT_MS && registry.get(name) === undefined && !mayComeBack(name, problems),
        )
        .map(([name]) => name);
    },
    async look() {
      const now = clock.monotonic();
      const absent = await absentNow();
      absentSince = new Map([...absent].map((name) => [name, absentSince.get(name) ?? now]));
    },
  };
}
