/**
 * One month of the archive: `archive/YYYY-MM.jsonl.gz`, which only grows at its end, until it is written anew without what was deleted.
 * Where which runs lie is read when it is first asked for. Whoever writes it sees to it that nobody else does (Checkpointer.held).
 */
import type { Locks } from '../locks.ts';
import { timeOfId } from '../../ids.ts';
import { isAt, readIndex, writeCopy } from './archive-index.ts';
import type { Member, MonthIndex } from './archive-index.ts';
import { findLine, linesIn, packRemovals, packRuns, runIn, unpack } from './archive-member.ts';
import type { ArchivedRun, MemberHead } from './archive-member.ts';
import { isFull, storeError, writeAll } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';

export interface Month {
  name: string;
  /** What it holds of the run; undefined when it is not there, was deleted, or lies in a damaged member. */
  read(runId: string): Promise<ArchivedRun | undefined>;
  /** The days of which it holds runs, in days since the epoch, ascending. */
  days(): Promise<number[]>;
  /** The runs of a day in the order of their ids. */
  ofDay(day: number): Promise<ArchivedRun[]>;
  /** Appends runs of one day, in the order of their ids; durable when it resolves. */
  append(entries: readonly ArchivedRun[]): Promise<void>;
  /** Notes durably which of the runs count no more; those that are not there are passed over. */
  bury(runIds: readonly string[]): Promise<void>;
  /** How many deleted runs are still to be taken out. */
  buried(): Promise<number>;
  /** Cuts off what a crash left at the end. */
  mend(): Promise<void>;
  /** Brings the copy of the index up to date. */
  note(): Promise<void>;
  /** Everything that lies there, for whoever writes it anew. */
  index(): Promise<MonthIndex>;
  bytesOf(member: Member): Promise<Uint8Array>;
  /** Puts the file at `temp`, which is durable, in its place, and takes over where things lie in it. */
  replace(temp: string, next: MonthIndex): Promise<void>;
}

interface MonthDeps {
  disk: Disk;
  layout: Layout;
  locks: Locks;
  damaged: (path: string, at: number, reason: string) => void;
}

const DAY_MS = 86_400_000;

/** The day of a run in days since the epoch (UTC). */
export function dayOf(runId: string): number {
  return Math.floor(timeOfId(runId) / DAY_MS);
}

/** Makes the month `name`, YYYY-MM; its file need not be there. */
export function createMonth(name: string, deps: MonthDeps): Month {
  const { disk, layout, locks } = deps;
  const paths = { month: layout.archiveMonth(name), index: layout.archiveIndex(name) };
  let loading: Promise<MonthIndex> | undefined;
  /** Up to where the copy of the index knows the file. */
  let noted = 0;

  const damaged = (at: number, reason: string): void => deps.damaged(paths.month, at, reason);
  /** What is read and what is put in its place do not come between each other. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => locks.run(paths.month, work);

  function index(from: 'the copy' | 'anew' = 'the copy'): Promise<MonthIndex> {
    if (loading !== undefined && from === 'the copy') return loading;
    const mine = readIndex({ disk, paths, damaged }, from);
    mine.catch(() => {
      if (loading === mine) loading = undefined;
    });
    return (loading = mine);
  }
  async function bytesOf(member: Member): Promise<Uint8Array> {
    try {
      return await disk.files.readPart(paths.month, member.at, member.bytes);
    } catch (error) {
      throw storeError(`${paths.month} could not be read`, error);
    }
  }
  /** The bytes of the members that `pick` names, oldest first. */
  function pickedBytes(pick: (index: MonthIndex) => Member[]): Promise<{ member: Member; bytes: Uint8Array }[]> {
    return alone(async () => {
      const look = async (from: 'the copy' | 'anew'): Promise<{ member: Member; bytes: Uint8Array }[]> => {
        const found: { member: Member; bytes: Uint8Array }[] = [];
        for (const member of pick(await index(from))) found.push({ member, bytes: await bytesOf(member) });
        return found;
      };
      const fits = ({ member, bytes }: { member: Member; bytes: Uint8Array }): boolean => isAt(bytes, member);
      const found = await look('the copy');
      // The copy of the index was of another file, and fitted at its end by chance; or the head was damaged.
      return found.every(fits) ? found : (await look('anew')).filter(fits);
    });
  }
  async function open(member: Member, bytes: Uint8Array): Promise<Buffer | undefined> {
    try {
      return await unpack(bytes);
    } catch (error) {
      damaged(member.at, String(error));
      return undefined;
    }
  }
  function parsed(member: Member, line: Buffer): ArchivedRun | undefined {
    try {
      return runIn(line);
    } catch (error) {
      damaged(member.at, String(error));
      return undefined;
    }
  }

  async function read(runId: string): Promise<ArchivedRun | undefined> {
    if ((await index()).removed.has(runId)) return undefined;
    const found = await pickedBytes(({ members }) => members.filter((member) => mayHold(member, runId)));
    for (const { member, bytes } of found.toReversed()) {
      const json = await open(member, bytes);
      const line = json === undefined ? undefined : findLine(json, runId);
      const entry = line === undefined ? undefined : parsed(member, line);
      if (entry !== undefined) return (await index()).removed.has(runId) ? undefined : entry;
    }
    return undefined;
  }
  async function ofDay(day: number): Promise<ArchivedRun[]> {
    const known = await index();
    const entries = new Map<string, ArchivedRun>();
    const ofThis = known.members.filter((member) => member.kind === 'runs' && dayOf(member.first) === day);
    for (const wanted of ofThis) {
      // One after the other: a busy day need not fit into memory as JSON.
      for (const { member, bytes } of await pickedBytes(() => [wanted])) {
        const json = await open(member, bytes);
        for (const { line } of json === undefined ? [] : linesIn(json)) {
          const entry = parsed(member, line);
          if (entry !== undefined) entries.set(entry.id, entry);
        }
      }
    }
    // Written anew meanwhile: everything lies elsewhere.
    if ((await index()) !== known) return ofDay(day);
    return [...entries.values()].filter(({ id }) => !known.removed.has(id)).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Puts members behind what counts; what is there beyond it was never promised to anybody. */
  async function put(added: readonly { head: MemberHead; bytes: Uint8Array }[]): Promise<void> {
    const known = await index();
    disk.check();
    await disk.folder(layout.archive);
    const bytes = Buffer.concat(added.map((one) => one.bytes));
    try {
      const file = await disk.files.append(paths.month);
      try {
        known.size = known.end + bytes.length;
        await file.truncate(known.end);
        await writeAll(file, bytes);
      } catch (error) {
        // On a full disk the beginning of a member is in the way of others.
        await file.truncate(known.end).catch(() => undefined);
        throw error;
      } finally {
        await file.close();
      }
    } catch (error) {
      throw storeError(`${paths.month} could not be written`, error);
    }
    await disk.settle(paths.month);
    for (const { head } of added) {
      known.members.push({ at: known.end, ...head });
      known.end += head.bytes;
    }
  }
  async function bury(runIds: readonly string[]): Promise<void> {
    const { removed } = await index();
    const there = new Set<string>();
    const wanted = runIds.filter((id) => !removed.has(id));
    const { members } = await index();
    const found = await pickedBytes((now) => now.members.filter((one) => wanted.some((id) => mayHold(one, id)))).catch(
      () => undefined,
    );
    // A removal must not wait for a disk that cannot be read.
    if (found === undefined) for (const id of wanted) if (members.some((one) => mayHold(one, id))) there.add(id);
    for (const { member, bytes } of found ?? []) {
      const json = await open(member, bytes);
      // Nobody knows what a damaged member holds.
      const ids = json === undefined ? undefined : new Set([...linesIn(json)].map(({ id }) => id));
      for (const id of wanted) if (mayHold(member, id) && ids?.has(id) !== false) there.add(id);
    }
    if (there.size === 0) return;
    const member = await packRemovals([...there]);
    await alone(() => put([member]));
    for (const id of there) removed.add(id);
  }

  async function moveOver(temp: string): Promise<void> {
    try {
      await disk.files.rename(temp, paths.month);
    } catch (error) {
      if (isFull(error)) throw storeError(`${paths.month} could not be replaced`, error);
      await disk.orStop(`rename to ${paths.month}`, () => Promise.reject(error));
    }
    await disk.settleFolder(layout.archive);
  }

  return {
    name,
    read,
    ofDay,
    async days() {
      const { members } = await index();
      const days = members.filter(({ kind }) => kind === 'runs').map(({ first }) => dayOf(first));
      return [...new Set(days)].sort((a, b) => a - b);
    },
    async append(entries) {
      const members = await packRuns(entries);
      await alone(() => put(members));
    },
    bury,
    buried: async () => (await index()).removed.size,
    async mend() {
      const known = await index();
      if (known.size > known.end) await alone(() => put([]));
    },
    async note() {
      const known = await index();
      if (known.end === noted) return;
      await writeCopy(disk, paths, known);
      noted = known.end;
    },
    index,
    bytesOf,
    replace: (temp, next) =>
      alone(async () => {
        // It goes first, and surely: an old one must never describe the new file.
        await disk.remove(paths.index);
        noted = 0;
        if (next.members.length === 0) {
          await disk.files.unlink(temp);
          await disk.remove(paths.month);
        } else {
          await moveOver(temp);
        }
        loading = Promise.resolve(next);
      }),
  };
}

function mayHold(member: Member, runId: string): boolean {
  return member.kind === 'runs' && member.first <= runId && runId <= member.last;
}
