/** Records and deliveries, a day at a time in the order of their ids, beside the index and the journal. */
import { basename, join } from 'node:path';
import { DependencyError } from '../../errors.ts';
import { keptBlobs } from '../blobs.ts';
import { isOpen, mergeDeliveries } from '../delivery-transitions.ts';
import type { BlobRef, Delivery, RunState, RunSummary } from '../records.ts';
import { isFinal } from '../records.ts';
import { summaryOf } from '../transitions.ts';
import { inBetween } from './archive.ts';
import type { ArchiveReader } from './archive.ts';
import { blobPath } from './doctor-blobs.ts';
import type { IndexJoin } from './doctor-index.ts';
import type { Journaled } from './doctor-journal.ts';
import type { Look } from './doctor-look.ts';
import { fileAt, namesIn, noteUnreadable } from './doctor-look.ts';
import { deliveriesForm, isTombstone, recordForm, runOf } from './forms.ts';
import type { DeliveriesFile, RecordFile } from './forms.ts';
import { RUN_FILE } from './layout.ts';
import { inParallel } from './load.ts';
import { readFileDb } from './record-file.ts';
import type { FileSchema } from './record-file.ts';

interface Parts {
  look: Look;
  journaled: Journaled;
  index: IndexJoin;
  archive: ArchiveReader;
}
/** What of a record is kept until it is its turn: never its result or its report. */
type Brief =
  | { kind: 'run'; summary: RunSummary; plan: readonly string[]; blobs: readonly BlobRef[]; open: boolean }
  | { kind: 'tombstone'; keyUntil: number };
/** `unreadable`: it is there, and was noted. */
type Read<T> = T | 'unreadable' | undefined;
interface Found {
  id: string;
  record: Read<Brief>;
  /** The ids of the deliveries in the file. */
  deliveries: Read<readonly string[]>;
}

const CHUNK = 256;
const YEAR = /^\d{4}$/;
const TWO_DIGITS = /^\d{2}$/;

/** Looks at every record, every file of deliveries, and every run of the archive. */
export async function lookAtRecords(parts: Parts): Promise<void> {
  const { look, journaled, index, archive } = parts;
  const { records, deliveries } = look.layout;
  const days = new Set([...(await daysIn(look, records)), ...(await daysIn(look, deliveries))]);
  const unseen = new Set(journaled.runs.keys());
  let judged = '';
  const archived = inBetween(archive.runs({ whenUnreadable: 'leave out' }), async (one) => {
    look.step('archive', 1);
    // What has files of its own was judged with them.
    if (one.id === judged) return;
    unseen.delete(one.id);
    await judge(parts, { id: one.id, record: briefOf(one.run, one.deliveries), deliveries: undefined });
  });
  for (const day of [...days].sort()) {
    const here = await idsOf(look, { folder: join(records, day), kind: 'record-misplaced' });
    const progress = await idsOf(look, { folder: join(deliveries, day), kind: 'deliveries-misplaced' });
    const ids = [...new Set([...here, ...progress])].sort();
    for (let from = 0; from < ids.length; from += CHUNK) {
      const found: Found[] = [];
      await inParallel(ids.slice(from, from + CHUNK), async (id) => {
        found.push(await readBoth(parts, id, { record: here.has(id), deliveries: progress.has(id) }));
      });
      for (const one of found.sort((a, b) => (a.id < b.id ? -1 : 1))) {
        await archived.upTo(one.id);
        judged = one.id;
        const whole = one.record === undefined ? await withArchived(archive, one) : one;
        if (whole.record !== undefined) unseen.delete(one.id);
        await judge(parts, whole);
      }
      look.step(`records/${day}`, found.length);
    }
  }
  await archived.upTo();
  await index.end();
  await countUnseen(parts, unseen);
}

/** A crash leaves deliveries whose record is in the archive already. */
async function withArchived(archive: ArchiveReader, found: Found): Promise<Found> {
  const one = await archive.read(found.id);
  return one === undefined ? found : { ...found, record: briefOf(one.run, one.deliveries) };
}

async function daysIn(look: Look, root: string): Promise<string[]> {
  let folders = [''];
  for (const name of [YEAR, TWO_DIGITS, TWO_DIGITS]) {
    const below: string[] = [];
    for (const folder of folders) {
      const names = await namesIn(look, join(root, folder), { kind: 'folder', name });
      below.push(...names.map((one) => join(folder, one)));
    }
    folders = below;
  }
  return folders;
}

/** The runs of the files of one day; a file in the folder of another day would never be found by its id. */
async function idsOf(
  look: Look,
  { folder, kind }: { folder: string; kind: 'record-misplaced' | 'deliveries-misplaced' },
): Promise<Set<string>> {
  const { layout, tally } = look;
  const place = kind === 'record-misplaced' ? layout.record : layout.deliveriesOf;
  const ids = new Set<string>();
  for (const name of await namesIn(look, folder, { kind: 'file', name: RUN_FILE })) {
    const id = basename(name, '.json');
    const path = join(folder, name);
    if (place(id) === path) ids.add(id);
    else tally.note(kind, { path, detail: 'it lies in the folder of another day' });
  }
  return ids;
}

async function readBoth(
  { look, journaled }: Parts,
  id: string,
  there: { record: boolean; deliveries: boolean },
): Promise<Found> {
  // What the next start writes anew from the journal may hold whatever a crash left in it.
  const knownRun = journaled.runs.get(id)?.covered === false;
  const knownDeliveries = journaled.deliveries.has(id);
  const file = {
    path: look.layout.record(id),
    form: recordForm,
    id,
    idOf: (one: RecordFile) => one.id,
    known: knownRun,
  };
  const record = there.record ? await readOne(look, file, 'record-unreadable') : undefined;
  const progress = {
    path: look.layout.deliveriesOf(id),
    form: deliveriesForm,
    id,
    idOf: (one: DeliveriesFile) => one.runId,
    known: knownDeliveries,
  };
  const read = there.deliveries ? await readOne(look, progress, 'deliveries-unreadable') : undefined;
  const deliveries = typeof read === 'object' ? read.deliveries : read;
  if (there.deliveries) look.counts.deliveryFiles++;
  return {
    id,
    record: typeof record === 'object' ? briefOf(record, knownDeliveries ? 'unreadable' : deliveries) : record,
    deliveries: typeof deliveries === 'object' ? deliveries.map((one) => one.id) : deliveries,
  };
}

function briefOf(record: RecordFile, deliveries: Read<Delivery[]>): Brief {
  if (isTombstone(record)) return { kind: 'tombstone', keyUntil: record.keyUntil };
  const run = runOf(record);
  // As far as the files can say.
  const open = isFinal(run.state) && deliveries !== 'unreadable' && mergeDeliveries(run, deliveries).some(isOpen);
  const plan = run.deliveries.map((one) => one.id);
  return { kind: 'run', summary: summaryOf(run), plan, blobs: run.blobs ?? [], open };
}

async function readOne<T>(
  look: Look,
  file: { path: string; form: FileSchema<T>; id: string; idOf: (read: T) => string; known: boolean },
  kind: 'record-unreadable' | 'deliveries-unreadable',
): Promise<Read<T>> {
  const { path, form, id, idOf, known } = file;
  try {
    const read = await readFileDb(look.disk, path, form);
    if (read !== undefined && idOf(read) !== id) {
      throw new DependencyError(`holds that of ${idOf(read)}`, { code: 'STORE_CORRUPT' });
    }
    return read;
  } catch (error) {
    if (!known) noteUnreadable(look, kind, { path, error });
    return 'unreadable';
  }
}

async function judge(parts: Parts, { id, record, deliveries }: Found): Promise<void> {
  const { look, journaled, index } = parts;
  const newer = journaled.runs.get(id);
  if (newer?.covered === false) {
    if (!newer.gone && record !== undefined) await countRun(parts, { id, state: newer.state, blobs: newer.blobs });
    await index.pass(id);
  } else if (record === 'unreadable') {
    await index.pass(id);
  } else if (record?.kind === 'run') {
    const { summary, blobs, open } = record;
    if (newer !== undefined && !newer.gone && summary.rev < newer.rev) {
      const detail = `it has revision ${summary.rev}, the journal ${newer.rev}`;
      look.tally.note('journal-skipped', { path: look.layout.record(id), detail });
    }
    await countRun(parts, { id, state: summary.state, blobs });
    await index.beside(summary, open);
  } else if (record?.kind === 'tombstone') {
    look.counts.tombstones++;
    if (record.keyUntil <= look.clock.now()) look.tally.note('tombstone-over', { path: look.layout.record(id) });
  }
  if (deliveries !== undefined) judgeDeliveries(parts, { id, record, deliveries });
}

function judgeDeliveries({ look, journaled }: Parts, { id, record, deliveries }: Found): void {
  // A record that cannot be read may have planned anything.
  if (journaled.deliveries.has(id) || record === 'unreadable') return;
  const path = look.layout.deliveriesOf(id);
  const newer = journaled.runs.get(id);
  if (record?.kind !== 'run' && (newer === undefined || newer.gone)) {
    const detail = record === undefined ? 'there is no record' : 'the run was removed';
    look.tally.note('deliveries-orphan', { path, detail });
    return;
  }
  if (typeof deliveries !== 'object') return;
  const planned = new Set([...(newer?.plan ?? []), ...(record?.kind === 'run' ? record.plan : [])]);
  const unplanned = deliveries.find((one) => !planned.has(one));
  if (unplanned !== undefined) look.tally.note('deliveries-unplanned', { path, detail: `it names ${unplanned}` });
}

async function countRun(
  { look }: Parts,
  run: { id: string; state: RunState; blobs: readonly BlobRef[] },
): Promise<void> {
  look.counts.runs[run.state]++;
  for (const { sha256, name } of keptBlobs(run, look.clock.now())) {
    const path = blobPath(look, sha256);
    const detail = `${name} of ${run.id}`;
    if ((await fileAt(path)) === undefined) look.tally.note('blob-missing', { path, detail });
    else if ((await fileAt(`${path}.${run.id}`)) === undefined) {
      look.tally.note('blob-unmarked', { path: `${path}.${run.id}`, detail });
    }
  }
}

/** Runs of which only the journal says anything. */
async function countUnseen(parts: Parts, unseen: ReadonlySet<string>): Promise<void> {
  const { look, journaled } = parts;
  for (const id of unseen) {
    const newer = journaled.runs.get(id);
    if (newer === undefined || newer.gone) continue;
    await countRun(parts, { id, state: newer.state, blobs: newer.blobs });
    if (newer.covered) look.tally.note('journal-skipped', { path: look.layout.record(id), detail: 'it has no record' });
  }
}
