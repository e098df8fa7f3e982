/**
 * The newest events on disk, one JSON line each, in files of some thousand that are named by the day of their first event and by the seq
 * after which they begin. Events reach them at checkpoints; until then the journal holds them, so a file that a crash cut off is
 * completed from there, and an event that comes twice is written once.
 */
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { iso } from '../../clock.ts';
import { codeOf } from '../../errors.ts';
import type { PastEvents } from '../feed.ts';
import { DELIVERY_STATES, RUN_STATES } from '../records.ts';
import type { StoreEvent } from '../records.ts';
import { storeError, writeAll } from './disk.ts';
import type { Disk } from './disk.ts';

export interface EventLog {
  /** Appends what is newer than the files; durable when it resolves. Calls must not overlap. */
  append(events: readonly StoreEvent[]): Promise<void>;
}

interface EventFile {
  path: string;
  day: string;
  floor: number;
  count: number;
  /** The length up to the end of the last whole line. */
  bytes: number;
  torn: boolean;
}

const EVENTS_FILE = /^(\d{4}-\d{2}-\d{2})-(\d{16})\.jsonl$/;
const NEWLINE = 0x0a;
const PER_FILE = 1000;
const MAX_FILE_BYTES = 64 * 1024 * 1024;

export const EventForm = z.object({
  seq: z.number().int().positive(),
  at: z.iso.datetime(),
  type: z.enum(['run', 'delivery', 'removed', 'queue', 'resync']),
  runId: z.string().exactOptional(),
  noticeId: z.string().exactOptional(),
  deliveryId: z.string().exactOptional(),
  job: z.string().exactOptional(),
  state: z.enum([...RUN_STATES, ...DELIVERY_STATES]).exactOptional(),
  queue: z.string().exactOptional(),
  paused: z.boolean().exactOptional(),
});

export interface EventLogDeps {
  disk: Disk;
  clock: Pick<Clock, 'now'>;
  /** The folder of the files. */
  folder: string;
  /** At least so many events are kept, unless they are older than `keepMs`. */
  keep: number;
  keepMs: number;
}

/** Reads the newest file of events; one that cannot be understood costs its events and never the start. */
export async function openEventLog(deps: EventLogDeps): Promise<{ eventLog: EventLog; past: PastEvents | undefined }> {
  const files = await listFiles(deps);
  const newest = files.at(-1);
  if (newest === undefined) return { eventLog: createEventLog(deps, files, 0), past: undefined };
  const past = await readPast(deps, [newest]);
  const last = past.events.at(-1)?.seq ?? past.floor;
  const before = files.slice(0, -1);
  const eventLog = createEventLog(deps, files, last);
  if (before[0] === undefined || past.floor > newest.floor) return { eventLog, past };
  return {
    eventLog,
    past: { ...past, older: { floor: before[0].floor, load: () => readPast(deps, before, newest.floor) } },
  };
}

/** The events of files that follow each other up to `end`, without those that are too old. */
async function readPast(deps: EventLogDeps, files: readonly EventFile[], end?: number): Promise<PastEvents> {
  let all: StoreEvent[] = [];
  let floor = files[0]?.floor ?? 0;
  for (const [at, file] of files.entries()) {
    const read = await readEvents(deps.disk, file);
    all.push(...(read ?? []));
    // A file ends where the next one begins. When it does not (pruned since, damaged, missing), what is complete begins there.
    const next = files[at + 1]?.floor ?? end;
    if (next === undefined || (all.at(-1)?.seq ?? floor) === next) continue;
    all = [];
    floor = next;
  }
  const inOrder = increasing(all);
  const from = iso(deps.clock.now() - deps.keepMs);
  const dropped = inOrder.findLast((event) => event.at < from)?.seq;
  const events = dropped === undefined ? inOrder : inOrder.filter((event) => event.at >= from);
  return { events, floor: dropped ?? floor };
}

/** The past with what the journal holds beyond it. */
export function withReplayed(past: PastEvents | undefined, replayed: readonly StoreEvent[]): PastEvents | undefined {
  const floor = past?.floor ?? (replayed[0] === undefined ? undefined : replayed[0].seq - 1);
  if (floor === undefined) return undefined;
  return { ...past, events: increasing([...(past?.events ?? []), ...replayed]), floor };
}

function createEventLog(deps: EventLogDeps, files: EventFile[], newest: number): EventLog {
  const { disk, folder } = deps;
  let last = newest;

  function next(first: StoreEvent): EventFile {
    const present = files.at(-1);
    if (present !== undefined && present.count < PER_FILE) return present;
    const day = first.at.slice(0, 10);
    // Never the name of a file that is there: one that could not be read ends nobody knows where.
    const floor = Math.max(last === 0 ? first.seq - 1 : last, (present?.floor ?? -1) + 1);
    const path = join(folder, `${day}-${String(floor).padStart(16, '0')}.jsonl`);
    const made = { path, day, floor, count: 0, bytes: 0, torn: false };
    files.push(made);
    return made;
  }
  async function appendTo(target: EventFile, events: readonly StoreEvent[]): Promise<void> {
    const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    await disk.folder(folder);
    const file = await disk.files.append(target.path);
    try {
      if (target.torn) await file.truncate(target.bytes);
      target.torn = true;
      await writeAll(file, bytes);
      await disk.orStop(`fsync of ${target.path}`, () => file.sync());
    } finally {
      await file.close();
    }
    if (target.bytes === 0) await disk.orStop(`fsync of ${folder}`, () => disk.files.syncFolder(folder));
    target.torn = false;
    target.bytes += bytes.length;
    target.count += events.length;
    last = events.at(-1)?.seq ?? last;
  }
  /** A file that is left behind is removed the next time, or read as history: it is never needed. */
  async function prune(): Promise<void> {
    const oldest = iso(deps.clock.now() - deps.keepMs).slice(0, 10);
    for (let [first, second] = files; first !== undefined && second !== undefined; [first, second] = files) {
      const newer = files.slice(1).reduce((sum, file) => sum + file.count, 0);
      if (newer < deps.keep && second.day >= oldest) return;
      files.shift();
      await disk.remove(first.path);
    }
  }
  return {
    async append(events) {
      let fresh = increasing(events).filter((event) => event.seq > last);
      while (fresh[0] !== undefined) {
        const target = next(fresh[0]);
        const room = Math.max(1, PER_FILE - target.count);
        try {
          await appendTo(target, fresh.slice(0, room));
        } catch (error) {
          throw storeError(`${target.path} could not be written`, error);
        }
        fresh = fresh.slice(room);
      }
      await prune();
    },
  };
}

async function listFiles({ disk, folder }: EventLogDeps): Promise<EventFile[]> {
  const entries = await disk.files.list(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw storeError(`${folder} could not be listed`, error);
  });
  const files: EventFile[] = [];
  for (const { name, kind } of entries) {
    const [, day, floor] = EVENTS_FILE.exec(name) ?? [];
    if (kind !== 'file' || day === undefined) continue;
    // A file that was not read counts as full: nothing is appended to it, and it is the first to go.
    files.push({ path: join(folder, name), day, floor: Number(floor), count: PER_FILE, bytes: 0, torn: false });
  }
  return files.sort((a, b) => a.floor - b.floor);
}

async function readEvents(disk: Disk, file: EventFile): Promise<readonly StoreEvent[] | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await disk.files.read(file.path, MAX_FILE_BYTES);
  } catch {
    return undefined;
  }
  const whole = parseWhole(bytes);
  const { events, end } = whole ?? parseLines(bytes);
  file.count = events.length;
  file.bytes = end;
  file.torn = end < bytes.length;
  return events;
}

/** The usual case, in one go: every line is an event. */
function parseWhole(bytes: Uint8Array): { events: StoreEvent[]; end: number } | undefined {
  if (bytes.at(-1) !== NEWLINE) return undefined;
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - 1).toString();
  const values = parseJson(`[${lines.replaceAll('\n', ',')}]`);
  if (!Array.isArray(values)) return undefined;
  const events = values.filter(isEvent);
  return events.length === values.length ? { events, end: bytes.length } : undefined;
}
function parseLines(bytes: Uint8Array): { events: StoreEvent[]; end: number } {
  const events: StoreEvent[] = [];
  let end = 0;
  for (let from = 0, to = bytes.indexOf(NEWLINE); to !== -1; from = to + 1, to = bytes.indexOf(NEWLINE, from)) {
    const event = parseJson(Buffer.from(bytes.subarray(from, to)).toString());
    if (!isEvent(event)) continue;
    events.push(event);
    end = to + 1;
  }
  return { events, end };
}
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a start can afford to check of some ten thousand lines of our own; a stranger in them costs a watcher a moment, never a record. */
function isEvent(value: unknown): value is StoreEvent {
  if (typeof value !== 'object' || value === null) return false;
  const { seq, at, type } = { seq: undefined, at: undefined, type: undefined, ...value };
  return Number.isSafeInteger(seq) && typeof at === 'string' && typeof type === 'string';
}

/** Each event once, in the order of seq. */
function increasing(events: readonly StoreEvent[]): readonly StoreEvent[] {
  if (events.every((event, at) => at === 0 || event.seq > (events[at - 1]?.seq ?? 0))) return events;
  const bySeq = new Map(events.map((event) => [event.seq, event]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}
