/** The schedules as they are stored, read once for each change of theirs. */
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { Schedule } from '../store/schedule-records.ts';
import type { AuditEntry, Doc } from '../store/records.ts';
import type { Json, Store } from '../store/store.ts';
import { createTimetable } from './time/slots.ts';

const SCHEDULE = 'schedule';
/** As many as the planner looks at in a minute. */
export const MAX_SCHEDULES = 1000;
const PAGE = 200;
const TRIES = 8;

export interface Entry {
  name: string;
  rev: number;
  schedule: Schedule;
}

type Audit = Omit<AuditEntry, 'id' | 'at'>;

export type Changed<Refusal> =
  { outcome: 'changed'; entry: Entry } | { outcome: 'kept'; entry: Entry } | { outcome: 'refused'; refusal: Refusal };

/** What a schedule shall be; `keep` leaves it as it is. */
export type Wish<Refusal> = { set: Schedule; audit?: Audit } | 'keep' | { refuse: Refusal };

export interface ScheduleBook {
  /** All of them by name, at most 1,000. */
  all(): Promise<Entry[]>;
  get(name: string): Promise<Entry | undefined>;
  /** Asks `wish` what the schedule shall be (undefined: there is none yet), again when somebody else was faster. */
  change<Refusal>(name: string, wish: (present: Entry | undefined) => Wish<Refusal>): Promise<Changed<Refusal>>;
  remove(name: string, audit: Audit): Promise<void>;
}

/** Makes the book over a store. */
export function createScheduleBook(deps: { store: Store; log: Log }): ScheduleBook {
  const { store, log } = deps;
  const read = new Map<string, Entry | { name: string; rev: number; schedule: undefined }>();

  /** Undefined for a document that is no schedule: it is named once in the log, and the others go on. */
  function entryOf(doc: Doc): Entry | undefined {
    const known = read.get(doc.key);
    if (known?.rev === doc.rev) return known.schedule === undefined ? undefined : known;
    try {
      const schedule = Schedule.parse(doc.value);
      // Broken by hand, or a zone that this Node no longer knows: whoever asks for due times may rely on them.
      createTimetable(schedule.spec);
      const entry: Entry = { name: doc.key, rev: doc.rev, schedule };
      read.set(doc.key, entry);
      return entry;
    } catch (error) {
      read.set(doc.key, { name: doc.key, rev: doc.rev, schedule: undefined });
      log.error('a schedule cannot be read and is left out', { schedule: doc.key, error: messageOf(error) });
      return undefined;
    }
  }
  async function all(): Promise<Entry[]> {
    const entries: Entry[] = [];
    let after: string | undefined;
    do {
      const page = await store.listDocs(SCHEDULE, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const doc of page.items) {
        const entry = entryOf(doc);
        if (entry !== undefined) entries.push(entry);
      }
      after = page.next;
    } while (after !== undefined && entries.length < MAX_SCHEDULES);
    return entries.slice(0, MAX_SCHEDULES);
  }
  async function get(name: string): Promise<Entry | undefined> {
    const doc = await store.getDoc(SCHEDULE, name);
    return doc === undefined ? undefined : entryOf(doc);
  }

  return {
    all,
    get,
    async change(name, wish) {
      for (let tries = 0; tries < TRIES; tries++) {
        const doc = await store.getDoc(SCHEDULE, name);
        const present = doc === undefined ? undefined : entryOf(doc);
        const wanted = wish(present);
        if (wanted === 'keep') {
          if (present === undefined) throw new Error(`there is no schedule ${name} to keep`);
          return { outcome: 'kept', entry: present };
        }
        if ('refuse' in wanted) return { outcome: 'refused', refusal: wanted.refuse };
        const { set, audit } = wanted;
        const put = await store.putDoc({
          kind: SCHEDULE,
          key: name,
          rev: doc?.rev ?? 0,
          value: jsonOf(set),
          ...(audit === undefined ? {} : { audit }),
        });
        if (put.outcome === 'stored') return { outcome: 'changed', entry: { name, rev: put.doc.rev, schedule: set } };
      }
      throw new Error(`the schedule ${name} kept changing`);
    },
    async remove(name, audit) {
      await store.removeDoc(SCHEDULE, name, audit);
      read.delete(name);
    },
  };
}

function jsonOf(schedule: Schedule): Json {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every field of the schema is JSON; the loose ones came from JSON
  return schedule as Json;
}
