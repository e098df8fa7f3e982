/**
 * The archive: final runs of long ago, packed into a file a month, because a file a run costs a block of the disk and an inode. A record
 * file wins over what the archive says, so a run that is in both, as a crash leaves it, is one run.
 */
import { relative } from 'node:path';
import { codeOf, messageOf } from '../../errors.ts';
import { lowestIdAt, timeOfId } from '../../ids.ts';
import { createLocks } from '../locks.ts';
import type { RecordFile } from './forms.ts';
import { isTombstone } from './forms.ts';
import type { ArchivedRun } from './archive-member.ts';
import { createMonth, dayOf } from './archive-month.ts';
import type { Month } from './archive-month.ts';
import { storeError } from './disk.ts';
import type { Disk } from './disk.ts';
import { ARCHIVE_FILE } from './layout.ts';
import type { Layout } from './layout.ts';
import type { Quarantine } from './quarantine.ts';

/** What the readers of records need of it. */
export interface ArchiveReader {
  /** What it holds of the run; undefined when it is not there, was deleted, or lies in a damaged part. */
  read(runId: string): Promise<ArchivedRun | undefined>;
  /** The runs from `first` on and before `end`, in the order of their ids. */
  runs(range: ArchiveRange): AsyncGenerator<ArchivedRun, void, undefined>;
}

interface ArchiveRange {
  first?: string;
  end?: string | undefined;
  /** What a failing disk does: a day is left out and named, or the caller is told. */
  whenUnreadable: 'leave out' | 'throw';
}

export interface Archive extends ArchiveReader {
  /** Appends runs of one day, in the order of their ids; durable when it resolves. Answers the month that has them. */
  append(entries: readonly ArchivedRun[]): Promise<Month>;
  /** Notes durably which runs were deleted: those of a checkpoint whose record is gone. */
  bury(records: ReadonlyMap<string, RecordFile | null>): Promise<void>;
  months(): Month[];
  /** What of it is damaged, for health. */
  damage(): string | undefined;
}

interface ArchiveDeps {
  disk: Disk;
  layout: Layout;
  quarantine: Pick<Quarantine, 'note'>;
}

const FIRST_ID = lowestIdAt('run', 0);
/** Of the year 9999: later, a month has no name of seven letters. */
const LAST_ID = lowestIdAt('run', Date.UTC(9999, 11, 31));

/** Opens the archive of a folder; only the names of its months are read. */
export async function openArchive(deps: ArchiveDeps): Promise<Archive> {
  const { disk, layout, quarantine } = deps;
  const locks = createLocks();
  const found = new Map<string, string>();

  function damaged(path: string, at: number, reason: string): void {
    const where = relative(layout.root, path);
    const key = `${where} ${at}`;
    if (found.has(key)) return;
    found.set(key, `${where} is damaged at byte ${at}`);
    quarantine.note(path, `damaged at byte ${at}, left in its place: ${reason}`);
  }
  const made = (name: string): Month => createMonth(name, { disk, layout, locks, damaged });
  const months = new Map((await namesIn(disk, layout)).map((name) => [name, made(name)]));

  async function readable<T>(month: Month, range: ArchiveRange, read: () => Promise<T[]>): Promise<T[]> {
    try {
      return await read();
    } catch (error) {
      if (range.whenUnreadable === 'throw') throw error;
      quarantine.note(layout.archiveMonth(month.name), messageOf(error));
      return [];
    }
  }
  function monthOf(runId: string): Month | undefined {
    return months.get(nameOf(runId));
  }
  return {
    read: async (runId) => monthOf(runId)?.read(runId),
    async *runs(range) {
      const { first = FIRST_ID, end = LAST_ID } = range;
      const [from, to] = [dayOf(first), dayOf(end)];
      for (const month of [...months.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
        if (month.name < nameOf(first) || month.name > nameOf(end)) continue;
        const days = await readable(month, range, () => month.days());
        for (const day of days.filter((one) => one >= from && one <= to)) {
          const entries = await readable(month, range, () => month.ofDay(day));
          yield* entries.filter(({ id }) => id >= first && id < end);
        }
      }
    },
    async append(entries) {
      const name = nameOf(entries[0]?.id ?? '');
      const month = months.get(name) ?? made(name);
      months.set(name, month);
      await month.append(entries);
      return month;
    },
    async bury(records) {
      if (months.size === 0) return;
      const gone = [...records].filter(([, record]) => record === null || isTombstone(record)).map(([id]) => id);
      for (const [name, ids] of Map.groupBy(gone, nameOf)) await months.get(name)?.bury(ids);
    },
    months: () => [...months.values()],
    damage() {
      const [first] = found.values();
      if (first === undefined) return undefined;
      const more = found.size === 1 ? '' : ` (and ${found.size - 1} more)`;
      return `${first}${more}; the rest of it is read, and a backup may have it whole.`;
    },
  };
}

/** Gives `take` what of the sorted entries comes before an id, whenever that is asked for; each once. */
export function inBetween<T extends { id: string }>(
  sorted: AsyncGenerator<T, void, undefined>,
  take: (entry: T) => Promise<void>,
): { upTo: (id?: string) => Promise<void> } {
  let next: T | undefined;
  let begun = false;
  return {
    async upTo(id) {
      if (!begun) next = (await sorted.next()).value ?? undefined;
      begun = true;
      const end = id ?? LAST_ID;
      while (next !== undefined && next.id < end) {
        await take(next);
        next = (await sorted.next()).value ?? undefined;
      }
    },
  };
}

/** The month in which the run was accepted, YYYY-MM (UTC). */
function nameOf(runId: string): string {
  return new Date(timeOfId(runId)).toISOString().slice(0, 7);
}

async function namesIn(disk: Disk, layout: Layout): Promise<string[]> {
  try {
    const entries = await disk.files.list(layout.archive);
    return entries.flatMap(({ name, kind }) => (kind === 'file' ? (ARCHIVE_FILE.exec(name)?.[1] ?? []) : []));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw storeError(`${layout.archive} could not be listed`, error);
  }
}
