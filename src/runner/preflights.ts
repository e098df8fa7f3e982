/**
 * Sees to it that nobody learns from a missing report that its channel is gone: the places of each report are looked at some hours before
 * it is due, once for a due time also over restarts, and who can mend it is told. A notice is stored before the record of the look, under
 * a key made of the due time and the places, so a crash between the two tells nobody twice. How a place is looked at is not known here.
 */
import { createHash } from 'node:crypto';
import { iso } from '../clock.ts';
import type { Clock, Timer } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { scrubJson } from '../scrub.ts';
import type { Scrub } from '../scrub.ts';
import { Destination, MAX_DESTINATIONS } from '../store/destinations.ts';
import { PreflightRecord, verdictOf } from '../store/preflight-records.ts';
import type { Checked, Verdict } from '../store/preflight-records.ts';
import type { Schedule } from '../store/schedule-records.ts';
import type { Store } from '../store/store.ts';
import { suggest } from '../suggest.ts';
import { placesOf } from './deliveries.ts';
import { noticeReport } from './notice-report.ts';
import { liveSlot, whatToDo } from './preflight-due.ts';
import { failureWords, recoveryWords } from './preflight-words.ts';
import type { Registry } from './registry.ts';
import type { Entry, ScheduleBook } from './schedule-book.ts';
import { destinationKey } from './targets.ts';

/** Looks at places where reports of the job go, and posts nothing; it never rejects. `fresh`: what was seen before does not count. */
export type Examine = (
  asked: { job: string; destinations: readonly Destination[]; how: 'kept' | 'fresh' },
  signal: AbortSignal,
) => Promise<Checked[]>;

/** One place, what was seen there, and whose reports go there: the job's own, or those of schedules. */
export type PreflightPlace = Checked & { verdict: Verdict; of: string[] };

export type PreflightResult =
  | { outcome: 'looked'; job: string; verdict: Verdict; places: PreflightPlace[]; leftOut: number }
  | { outcome: 'unknown_job'; name: string; suggestions: string[] };

export interface Preflights {
  /** Looks now at every place where reports of a job or of its schedules go; tells nobody and stores nothing. */
  now(job: string): Promise<PreflightResult>;
  /** Looks at what is due soon. */
  look(): Promise<void>;
  start(): void;
  /** Ends what is under way; idempotent. */
  stop(): Promise<void>;
}

export interface PreflightsDeps {
  store: Store;
  book: ScheduleBook;
  registry: Pick<Registry, 'get' | 'list' | 'freshen'>;
  clock: Clock;
  log: Log;
  scrub: Scrub;
  examine: Examine;
  alertsTo: readonly Destination[];
  /** How long before it is due; 0: never by itself. */
  aheadMs: number;
}

const KIND = 'preflight';
const LOOK_MS = 60_000;
const AT_ONCE = 4;
const KEEP_MS = 30 * 86_400_000;
/** The command line waits 15 seconds for an answer. */
const PATIENCE_MS = 12_000;
const MAX_PLACES = 100;

/** Makes the watch and the verb. */
export function createPreflights(deps: PreflightsDeps): Preflights {
  const { store, book, registry, clock, log, examine, aheadMs } = deps;
  const stopping = new AbortController();
  let timer: Timer | undefined;
  let looking: Promise<void> | undefined;

  async function lookAtAll(): Promise<void> {
    const waiting = (await book.all()).values();
    const some = async (): Promise<void> => {
      for (const entry of waiting) {
        if (stopping.signal.aborted) return;
        await lookAt(entry).catch((error: unknown) =>
          log.warn('the places of a schedule could not be looked at', {
            schedule: entry.name,
            error: messageOf(error),
          }),
        );
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, some));
  }
  async function lookAt(entry: Entry): Promise<void> {
    const now = clock.now();
    const slot = liveSlot(entry.schedule, now);
    const places = placesFor(entry.schedule, registry);
    if (slot === undefined || places.length === 0) return;
    const doc = await store.getDoc(KIND, entry.name);
    const before = PreflightRecord.safeParse(doc?.value).data;
    if (whatToDo(before, { slot, now, aheadMs, places }) === 'nothing') return;
    const { job } = entry.schedule.spec;
    const checked = await examine({ job, destinations: places, how: 'kept' }, stopping.signal);
    // A look that was broken off saw nothing: the next life looks again.
    if (stopping.signal.aborted) return;
    const told = await tell(entry, { slot, checked, before: before?.slot === slot ? before : undefined });
    const value = { slot, checkedAt: iso(now), checked, ...(told === undefined ? {} : { told }) };
    const expiresAt = iso(Date.parse(slot) + KEEP_MS);
    await store.putDoc({ kind: KIND, key: entry.name, rev: doc?.rev ?? 0, value, expiresAt });
  }
  /** Answers which notice told of what stands in the way, as long as that is not over. */
  async function tell(
    entry: Entry,
    found: { slot: string; checked: Checked[]; before: PreflightRecord | undefined },
  ): Promise<string | undefined> {
    const { slot, checked, before } = found;
    const { job, zone } = entry.schedule.spec;
    const due = { name: entry.name, job, slot, zone };
    const verdict = verdictOf(checked.flatMap(({ problems }) => problems));
    if (verdict === 'fails') {
      const key = `preflight.${entry.name}.${slot}.${digest(checked)}`;
      log.warn('a report will not arrive', { schedule: entry.name, slot });
      await addNotice(entry, { key, words: failureWords(due, checked) });
      return key;
    }
    const told = before?.told;
    // Nobody can say that it is well again of what cannot be seen.
    if (told === undefined || verdict === 'unknown') return told;
    await addNotice(entry, { key: `preflight-ok.${entry.name}.${slot}`, words: recoveryWords(due) });
    return undefined;
  }
  async function addNotice(
    entry: Entry,
    what: { key: string; words: Parameters<typeof noticeReport>[0] },
  ): Promise<void> {
    const { key, words } = what;
    const destinations = await routeOf(entry);
    if (destinations.length === 0) {
      log.warn(words.title, { schedule: entry.name, summary: words.summary });
      return;
    }
    // Its status is no word of anybody: a masked one would be none.
    const report = noticeReport({ ...scrubJson(words, deps.scrub), status: words.status });
    const { job } = entry.schedule.spec;
    await store.addNotice({ key, kind: KIND, schedule: entry.name, job, report, destinations });
  }
  /** `tell`, else the default, else who made the schedule; never a place that is itself broken while there is another. */
  async function routeOf({ schedule }: Entry): Promise<readonly Destination[]> {
    const { tell: asked, job } = schedule.spec;
    if (asked?.length === 0) return [];
    const groups = [asked ?? [], deps.alertsTo, ownerOf(schedule)];
    for (const group of groups) {
      if (group.length === 0) continue;
      const seen = await examine({ job, destinations: group, how: 'kept' }, stopping.signal);
      const well = seen.filter((one) => !isBroken(one)).map(({ destination }) => destination);
      if (well.length > 0) return well;
    }
    return groups.find((group) => group.length > 0) ?? [];
  }
  function look(): Promise<void> {
    // A look that takes long is not followed by a second beside it.
    looking ??= lookAtAll().finally(() => (looking = undefined));
    return looking;
  }
  const ring = (): void =>
    void look().catch((error: unknown) => log.warn('nothing could be looked at', { error: messageOf(error) }));

  return {
    look,
    now: (name) => lookNow(deps, name),
    start() {
      if (aheadMs <= 0 || timer !== undefined) return;
      timer = clock.every(LOOK_MS, ring);
      ring();
    },
    async stop() {
      timer?.cancel();
      stopping.abort();
      await looking?.catch(() => undefined);
    },
  };
}

async function lookNow(deps: PreflightsDeps, name: string): Promise<PreflightResult> {
  const { registry, book, clock, examine } = deps;
  await registry.freshen();
  const job = registry.get(name);
  if (job === undefined) {
    const known = registry.list().map((one) => one.name);
    return { outcome: 'unknown_job', name, suggestions: suggest(name, known) };
  }
  const found = new Map<string, { destination: Destination; of: string[] }>();
  const add = (of: string, destinations: readonly Destination[]): void => {
    for (const destination of destinations) {
      const key = JSON.stringify(destination);
      found.set(key, { destination, of: [...(found.get(key)?.of ?? []), of] });
    }
  };
  add('the job', placesOf(job, { input: {} }));
  for (const { name: schedule, schedule: one } of await book.all())
    if (one.spec.job === name && one.gone !== true) add(schedule, placesFor(one, registry));
  const places = [...found.values()].slice(0, MAX_PLACES);
  const patience = new AbortController();
  const timer = clock.after(PATIENCE_MS, () => patience.abort());
  const destinations = places.map(({ destination }) => destination);
  const checked = await examine({ job: name, destinations, how: 'fresh' }, patience.signal);
  timer.cancel();
  const seen = checked.map((one, n) => ({ ...one, verdict: verdictOf(one.problems), of: places[n]?.of ?? [] }));
  const verdict = verdictOf(checked.flatMap(({ problems }) => problems));
  return { outcome: 'looked', job: name, verdict, places: seen, leftOut: found.size - places.length };
}

/** Where the next report of the schedule goes, each place once, as far as can be said before it is made. */
function placesFor({ spec }: Schedule, registry: Pick<Registry, 'get'>): Destination[] {
  const job = registry.get(spec.job);
  if (job === undefined) return [];
  const { input, origin } = spec;
  const named = spec.destinations ?? placesOf(job, { input, ...(origin && { origin }) });
  const keys = named.map(destinationKey);
  return named.filter((_one, n) => keys.indexOf(keys[n] ?? '') === n).slice(0, MAX_DESTINATIONS);
}

function ownerOf({ createdBy }: Schedule): Destination[] {
  if (createdBy?.kind !== 'slack') return [];
  const own = Destination.safeParse({ kind: 'slack', channel: createdBy.id });
  return own.success ? [own.data] : [];
}

function isBroken({ problems }: Checked): boolean {
  return verdictOf(problems) === 'fails';
}

function digest(checked: readonly Checked[]): string {
  const places = JSON.stringify(checked.map(({ destination }) => destination));
  return createHash('sha256').update(places).digest('hex').slice(0, 8);
}
