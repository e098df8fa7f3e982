/**
 * What the folder holds, at open: from the index after a clean close, from the records otherwise. A record that cannot be read is set
 * aside; links and files of other names are left alone.
 */
import { basename, join } from 'node:path';
import { iso } from '../../clock.ts';
import type { Clock } from '../../clock.ts';
import { codeOf, DependencyError, messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { isOpen, mergeDeliveries } from '../delivery-transitions.ts';
import { isFinal } from '../records.ts';
import type { Delivery, Doc, Run, RunSummary } from '../records.ts';
import { summaryOf } from '../transitions.ts';
import type { ArchivedRun } from './archive-member.ts';
import type { ArchiveReader } from './archive.ts';
import type { Dirty } from './dirty.ts';
import type { Disk } from './disk.ts';
import { deliveriesForm, docForm, isTombstone, recordForm, runOf } from './forms.ts';
import type { RecordFile } from './forms.ts';
import { DOC_FILE, RUN_FILE, TEMP_FILE } from './layout.ts';
import type { Layout } from './layout.ts';
import type { Quarantine } from './quarantine.ts';
import { readFileDb } from './record-file.ts';

export interface LoadDeps {
  disk: Disk;
  /** What the journal holds and the files do not yet. */
  dirty: Dirty;
  layout: Layout;
  /** What has no files of its own any more. */
  archive: ArchiveReader;
  quarantine: Quarantine;
  clock: Pick<Clock, 'now' | 'monotonic'>;
  log: Log;
  /** What a failing disk does: at open the record is left out and named, later the caller is told. What is no record is set aside always. */
  whenUnreadable: 'leave out' | 'throw';
  /** How long a key is remembered, in milliseconds. */
  keyWindowMs: number;
}

export interface Found {
  unfinished: Run[];
  deliveries: { run: Run; known: Delivery[] | undefined }[];
  /** Runs of which nothing can happen any more. */
  closed: string[];
  /** Runs that could not be read. */
  lost: string[];
}

const READS_AT_ONCE = 16;
const PART_OF_DATE = /^\d{2,4}$/;

/** Reads a record, from its file or else from the archive; undefined when there is none or it was set aside. */
export async function readRecord(deps: LoadDeps, runId: string): Promise<RecordFile | undefined> {
  const own = await readOwnRecord(deps, runId);
  if (own !== undefined || deps.dirty.record(runId) === null) return own;
  return (await readArchived(deps, runId))?.run;
}

/** What is stored of a run's deliveries; undefined when nothing is, or it was set aside. */
export async function readDeliveries(deps: LoadDeps, runId: string): Promise<Delivery[] | undefined> {
  const own = await readOwnDeliveries(deps, runId);
  if (own !== undefined || deps.dirty.deliveriesOf(runId) === null) return own;
  // Also while the record is still there: a crash may have left it alone, and without these everything would be sent again.
  return (await readArchived(deps, runId))?.deliveries;
}

async function readArchived(deps: LoadDeps, runId: string): Promise<ArchivedRun | undefined> {
  try {
    return await deps.archive.read(runId);
  } catch (error) {
    if (deps.whenUnreadable === 'throw') throw error;
    deps.quarantine.note(deps.layout.record(runId), messageOf(error));
    return undefined;
  }
}

/** Reads the record's own file, and checks that it lies where its id says. */
export async function readOwnRecord(deps: LoadDeps, runId: string): Promise<RecordFile | undefined> {
  const newer = deps.dirty.record(runId);
  if (newer !== undefined) return newer ?? undefined;
  return readOrQuarantine(deps, deps.layout.record(runId), async (path) => {
    const record = await readFileDb(deps.disk, path, recordForm);
    if (record !== undefined && record.id !== runId) throw misplaced(path, record.id);
    return record;
  });
}

/** Reads the deliveries' own file. */
export async function readOwnDeliveries(deps: LoadDeps, runId: string): Promise<Delivery[] | undefined> {
  const newer = deps.dirty.deliveriesOf(runId);
  if (newer !== undefined) return newer?.deliveries;
  const file = await readOrQuarantine(deps, deps.layout.deliveriesOf(runId), async (path) => {
    const read = await readFileDb(deps.disk, path, deliveriesForm);
    if (read !== undefined && read.runId !== runId) throw misplaced(path, read.runId);
    return read;
  });
  return file?.deliveries;
}

async function readOrQuarantine<T>(
  deps: LoadDeps,
  path: string,
  read: (path: string) => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await read(path);
  } catch (error) {
    if (deps.whenUnreadable === 'throw' && codeOf(error) !== 'STORE_CORRUPT') throw error;
    await deps.quarantine.take(path, error);
    return undefined;
  }
}

function misplaced(path: string, id: string): DependencyError {
  return new DependencyError(`${path} is not a record: it holds that of ${id}.`, { code: 'STORE_CORRUPT' });
}

/** Reads the runs of which the index says that something can still happen; the rest of the history stays on disk. */
export async function loadOpen(deps: LoadDeps, runIds: Iterable<string>): Promise<Found> {
  const found: Found = { unfinished: [], deliveries: [], closed: [], lost: [] };
  await inParallel([...runIds], async (runId) => {
    const record = await readRecord(deps, runId);
    if (record === undefined || isTombstone(record)) found.lost.push(runId);
    else await noteOpen(deps, found, runOf(record));
  });
  return found;
}

/** Notes what can still happen to a run. */
export async function noteOpen(deps: LoadDeps, found: Found, run: Run): Promise<void> {
  if (!isFinal(run.state)) found.unfinished.push(run);
  if (run.deliveries.length > 0) {
    const known = await readDeliveries(deps, run.id);
    if (!isFinal(run.state) || mergeDeliveries(run, known).some(isOpen))
      return void found.deliveries.push({ run, known });
  }
  if (isFinal(run.state)) found.closed.push(run.id);
}

/** The summaries of the runs from `first` on and before `end`, from their records: what a damaged page of the index held. */
export async function summariesBetween(
  deps: LoadDeps,
  first: string,
  end: string | undefined,
): Promise<Map<string, RunSummary>> {
  const entries = new Map<string, RunSummary>();
  const ids = [...(await runIdsIn(deps, deps.layout.records))];
  const wanted = ids.filter((id) => id >= first && (end === undefined || id < end));
  await inParallel(wanted.sort(), async (runId) => {
    const record = await readRecord(deps, runId);
    if (record !== undefined && !isTombstone(record)) entries.set(runId, summaryOf(runOf(record)));
  });
  for await (const { id, run } of deps.archive.runs({ ...deps, first, end })) {
    if (!entries.has(id) && deps.dirty.record(id) === undefined) entries.set(id, summaryOf(run));
  }
  return entries;
}

/** All documents; a kind is a folder, a key a file in it. */
export async function loadDocs(deps: LoadDeps): Promise<Doc[]> {
  const newer = new Map(deps.dirty.docs().map((slot) => [`${slot.kind}/${slot.key}`, slot]));
  const docs: Doc[] = [...newer.values()].map((slot) => slot.doc).filter((doc) => doc !== null);
  for (const kind of await listSafely(deps, deps.layout.docs)) {
    if (kind.kind !== 'folder') continue;
    const folder = join(deps.layout.docs, kind.name);
    const keys = await filesIn(deps, folder, DOC_FILE);
    await inParallel(keys, async (key) => {
      if (newer.has(`${kind.name}/${key}`)) return;
      const doc = await readOrQuarantine(deps, join(folder, `${key}.json`), async (path) => {
        const read = await readFileDb(deps.disk, path, docForm);
        if (read !== undefined && (read.kind !== kind.name || read.key !== key)) throw misplaced(path, read.key);
        return read;
      });
      if (doc !== undefined) docs.push(doc);
    });
  }
  return docs;
}

/** Sweeps the temp files. */
export async function sweepTemps(deps: LoadDeps): Promise<void> {
  await filesIn(deps, deps.layout.root, RUN_FILE);
  await filesIn(deps, deps.layout.temp, RUN_FILE);
}

/** The ids of the files below Y/M/D. A file in the folder of another day would never be found by its id: it is set aside. */
export async function runIdsIn(deps: LoadDeps, root: string): Promise<Set<string>> {
  const ids = new Set<string>();
  const pathOf = root === deps.layout.records ? deps.layout.record : deps.layout.deliveriesOf;
  let folders = [root];
  for (let depth = 0; depth < 3; depth++) {
    const below = await Promise.all(
      folders.map(async (folder) => {
        const entries = await listSafely(deps, folder);
        return entries
          .filter((entry) => entry.kind === 'folder' && PART_OF_DATE.test(entry.name))
          .map((entry) => join(folder, entry.name));
      }),
    );
    folders = below.flat();
  }
  for (const folder of folders) {
    for (const id of await filesIn(deps, folder, RUN_FILE)) {
      const path = join(folder, `${id}.json`);
      if (pathOf(id) === path) ids.add(id);
      else await deps.quarantine.take(path, misplaced(path, 'another day'));
    }
  }
  return ids;
}

/** The names of our files in a folder, without their ending; temp files that a crash left are removed. */
async function filesIn(deps: LoadDeps, folder: string, pattern: RegExp): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await listSafely(deps, folder)) {
    if (entry.kind !== 'file') continue;
    if (TEMP_FILE.test(entry.name)) await deps.disk.files.unlink(join(folder, entry.name)).catch(() => undefined);
    else if (pattern.test(entry.name)) names.push(basename(entry.name, '.json'));
  }
  return names;
}

/** A folder that is not there is empty; one that cannot be listed is an error, for leaving it out would hide what was acknowledged. */
async function listSafely(deps: LoadDeps, folder: string): ReturnType<Disk['files']['list']> {
  try {
    return await deps.disk.files.list(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw new DependencyError(`The folder ${folder} could not be listed at ${iso(deps.clock.now())}.`, {
      code: 'STORE_FAILED',
      hint: 'Check the rights and the disk of the data folder.',
      cause: error,
    });
  }
}

/** Works through the items, some at a time. */
export async function inParallel<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  lanes = READS_AT_ONCE,
): Promise<void> {
  const line = items[Symbol.iterator]();
  let failure: { error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    for (const item of line) {
      try {
        await work(item);
      } catch (error) {
        failure ??= { error };
      }
      if (failure !== undefined) return;
    }
  };
  // When it rejects, nothing is under way any more: an old write must not land on what comes next.
  await Promise.all(Array.from({ length: lanes }, () => lane()));
  if (failure !== undefined) throw failure.error;
}
