/** One look at a data folder from FORMAT.json to the last blob; nothing is written. */
import { join } from 'node:path';
import { codeOf, DependencyError, messageOf } from '../../errors.ts';
import { CopyMark } from '../copy.ts';
import { isMark } from '../copy-embedded.ts';
import type { Doc } from '../records.ts';
import { lookAtArchive } from './doctor-archive.ts';
import { isRunThere, lookAtBlobs } from './doctor-blobs.ts';
import type { Known } from './doctor-blobs.ts';
import { lookAtJournal } from './doctor-journal.ts';
import { lookAtIndex } from './doctor-index.ts';
import { many } from './doctor-kinds.ts';
import { lookAtAudit, lookAtEvents } from './doctor-logs.ts';
import type { Look } from './doctor-look.ts';
import { entriesIn, fileAt, namesIn, noteUnreadable } from './doctor-look.ts';
import { lookAtRecords } from './doctor-records.ts';
import { docForm } from './forms.ts';
import { readFormat } from './format.ts';
import type { FoundFormat } from './format.ts';
import { DOC_FILE, TEMP_FILE } from './layout.ts';
import { readFileDb } from './record-file.ts';

/** What lies at the top of a data folder; other names are not of Bellhop. */
const AT_THE_TOP: ReadonlySet<string> = new Set([
  'FORMAT.json',
  'LOCK',
  'LOCK-journal',
  'LOCK.info',
  'RESERVE',
  'BACKUP.json',
  'CLEAN',
  'index.json',
  'bellhop.sock',
  'archive',
  'audit',
  'blobs',
  'deliveries',
  'docs',
  'events',
  'index',
  'journal',
  'quarantine',
  'records',
  'reports',
  'tmp',
]);
const NEVER = /(?!)/;
const ANY = /(?:)/;
const MAX_REASON_BYTES = 10_000;

/** Whether a folder with these names at its top is one that Bellhop wrote. */
export function isDataFolder(names: readonly string[]): boolean {
  return names.some((name) => name === 'FORMAT.json' || name === 'journal' || name === 'records');
}

/** Looks at everything; what is found is in the tally and the counts of `look`. */
export async function scan(look: Look, terms: { reserveBytes: number }): Promise<void> {
  const format = await lookAtFormat(look);
  if (format === 'newer') return;
  await lookAtTop(look, { ...terms, format });
  const index = await lookAtIndex(look);
  const journaled = await lookAtJournal(look, index.covered);
  const archive = await lookAtArchive(look);
  await lookAtRecords({ look, journaled, index: index.join(journaled), archive });
  await lookAtDocs(look, { journaled, archive });
  await lookAtEvents(look, journaled);
  await lookAtAudit(look);
  await lookAtBlobs(look, { journaled, archive });
  await lookAtQuarantine(look);
}

async function lookAtFormat({ disk, layout, tally }: Look): Promise<FoundFormat | 'newer' | 'missing' | 'unreadable'> {
  const path = layout.format;
  try {
    const format = await readFormat(disk.files, layout);
    if (format === undefined) tally.note('format-missing', { path });
    if (format?.older === true) tally.note('format-older', { path });
    return format ?? 'missing';
  } catch (error) {
    const newer = codeOf(error) === 'STORE_TOO_NEW';
    tally.note(newer ? 'format-newer' : 'format-unreadable', { path, detail: messageOf(error) });
    return newer ? 'newer' : 'unreadable';
  }
}

async function lookAtTop(
  look: Look,
  { reserveBytes, format }: { reserveBytes: number; format: FoundFormat | 'missing' | 'unreadable' },
): Promise<void> {
  const { layout, tally } = look;
  const names = new Set<string>();
  for (const { name, kind } of await entriesIn(look, layout.root)) {
    names.add(name);
    if (AT_THE_TOP.has(name)) continue;
    tally.note(kind === 'file' && TEMP_FILE.test(name) ? 'temp' : 'foreign', { path: join(layout.root, name) });
  }
  await namesIn(look, layout.temp, { kind: 'file', name: NEVER });
  const older = typeof format === 'object' && format.older;
  // What was ever opened has one of these; a copy is made without them.
  if (!['LOCK', 'RESERVE', 'index'].some((name) => names.has(name))) {
    if (!names.has('BACKUP.json') && !older)
      tally.note('backup-incomplete', { path: join(layout.root, 'BACKUP.json') });
    return;
  }
  const reserve = (await fileAt(layout.reserve))?.bytes ?? 0;
  if (reserve >= reserveBytes || older) return;
  tally.note('reserve-missing', { path: layout.reserve, detail: `${reserve} of ${reserveBytes} bytes` });
}

async function lookAtDocs(look: Look, known: Known): Promise<void> {
  const { journaled } = known;
  const { disk, layout, counts } = look;
  let copyMark = journaled.copyMark ?? undefined;
  for (const kind of await namesIn(look, layout.docs, { kind: 'folder', name: ANY })) {
    for (const name of await namesIn(look, join(layout.docs, kind), { kind: 'file', name: DOC_FILE })) {
      const path = join(layout.docs, kind, name);
      const key = DOC_FILE.exec(name)?.[1] ?? '';
      look.step(`docs/${kind}`, 1);
      counts.docs++;
      if (journaled.docs.has(`${kind}/${key}`)) continue;
      try {
        const doc = await readFileDb(disk, path, docForm);
        if (doc !== undefined && (doc.kind !== kind || doc.key !== key)) {
          throw new DependencyError(`holds ${doc.kind}/${doc.key}`, { code: 'STORE_CORRUPT' });
        }
        if (doc !== undefined && isMark(doc)) copyMark = doc;
        await lookForOwner(look, known, { path, runId: doc?.runId });
      } catch (error) {
        noteUnreadable(look, 'doc-unreadable', { path, error });
      }
    }
  }
  if (copyMark !== undefined) noteCopy(look, copyMark);
}

/** A removal takes the documents of its run along, so one that is left has lost its record. */
async function lookForOwner(
  look: Look,
  known: Known,
  { path, runId }: { path: string; runId: string | undefined },
): Promise<void> {
  // Nobody knows which runs were in what cannot be read.
  if (runId === undefined || look.tally.has('archive-damaged') || (await isRunThere(look, known, runId))) return;
  look.tally.note('doc-orphan', { path, detail: `of ${runId}` });
}

function noteCopy({ layout, tally }: Look, mark: Doc): void {
  const { data } = CopyMark.safeParse(mark.value);
  const detail =
    data === undefined ? 'its mark cannot be read' : `of ${data.from.name}, ${many(data.copied, 'thing')} so far`;
  tally.note('copy-unfinished', { path: layout.doc(mark.kind, mark.key), detail });
}

/** What was set aside, each with the reason that lies beside it. */
async function lookAtQuarantine(look: Look): Promise<void> {
  const { disk, layout, tally, counts } = look;
  const names = await namesIn(look, layout.quarantine, { kind: 'file', name: ANY });
  for (const name of names.filter((one) => !one.endsWith('.reason.txt'))) {
    counts.quarantined++;
    const path = join(layout.quarantine, name);
    const reason = await disk.files
      .read(path.replace(/\.json$/, '.reason.txt'), MAX_REASON_BYTES)
      .then((bytes) => reasonIn(Buffer.from(bytes).toString()))
      .catch(() => 'no reason lies beside it');
    tally.note('quarantined', { path, detail: reason });
  }
}

/** The note says where the file lay and why it was moved; the reason often begins with that place as well. */
function reasonIn(note: string): string {
  const [place = '', ...rest] = note.trim().split('\n');
  const reason = rest.join(' ');
  const at = reason.indexOf(place);
  return `was ${place}: ${at === -1 ? reason : reason.slice(at + place.length).trim()}`;
}
