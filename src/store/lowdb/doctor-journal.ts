/**
 * What the journal holds, without changing it: damage is found as `replay` would find it at the next start, and what the start would
 * bring to the files is answered, so that a file which is behind it or torn is no damage.
 */
import { basename, join } from 'node:path';
import type { Change } from '../backing.ts';
import { isMark } from '../copy-embedded.ts';
import type { BlobRef, Doc, RunState } from '../records.ts';
import { many } from './doctor-kinds.ts';
import type { Look } from './doctor-look.ts';
import { namesIn, noteUnreadable } from './doctor-look.ts';
import { SEGMENT_FILE } from './layout.ts';
import { MAX_SEGMENT_BYTES, missing, readSegment } from './segment.ts';
import type { Lines } from './segment.ts';

/** What the newest line about a run says. */
export interface JournaledRun {
  /** The run was removed. */
  gone: boolean;
  rev: number;
  state: RunState;
  plan: readonly string[];
  blobs: readonly BlobRef[];
  /** The files are to hold it already. */
  covered: boolean;
}

/** What of the journal counts; as large as the journal, whatever the size of the history. */
export interface Journaled {
  runs: Map<string, JournaledRun>;
  /** Runs whose file of deliveries the next start writes or removes. */
  deliveries: Set<string>;
  /** Documents that the next start writes or removes, as `kind/key`. */
  docs: Set<string>;
  /** Of these, the one that says how far a copy into this folder is; null: it goes. */
  copyMark: Doc | null | undefined;
  eventSeqs: number[];
}

interface Reading {
  look: Look;
  covered: number;
  found: Journaled;
  /** The number of the newest line so far; undefined before the first segment. */
  last: number | undefined;
}

/** Reads every segment; `covered` is the line up to which the index says that the files hold everything. */
export async function lookAtJournal(look: Look, covered: number): Promise<Journaled> {
  const found: Journaled = {
    runs: new Map(),
    deliveries: new Set(),
    docs: new Set(),
    copyMark: undefined,
    eventSeqs: [],
  };
  const reading: Reading = { look, covered, found, last: undefined };
  const names = await namesIn(look, look.layout.journal, { kind: 'file', name: SEGMENT_FILE });
  let before: string | undefined;
  for (const name of names) {
    const path = join(look.layout.journal, name);
    const first = Number(SEGMENT_FILE.exec(name)?.[1]);
    noteBetween(reading, { before, path, first });
    const bytes = await look.disk.files.read(path, MAX_SEGMENT_BYTES).catch((error: unknown) => {
      noteUnreadable(look, 'unreachable', { path, error });
      return new Uint8Array();
    });
    noteSegment(reading, { path, first, bytes, newest: name === names.at(-1) });
    before = path;
  }
  return found;
}

/** A segment is named by the number that came next: what is missing up to it stood at the end of the one before. */
function noteBetween(reading: Reading, at: { before: string | undefined; path: string; first: number }): void {
  const { look, covered, last } = reading;
  if (at.before !== undefined && last !== undefined && at.first > last + 1) {
    noteMissing(reading, at.before, { from: last + 1, to: at.first - 1 });
  }
  if (at.before === undefined && covered > 0 && at.first > covered + 1) {
    const detail = `${missing({ from: covered + 1, to: at.first - 1 })}, before it`;
    look.tally.note('journal-behind', { path: at.path, detail, by: at.first - 1 - covered });
  }
}

function noteMissing({ look, covered }: Reading, path: string, gap: Lines): void {
  const lost = { from: Math.max(gap.from, covered + 1), to: gap.to };
  const detail = missing(gap);
  if (lost.from <= lost.to) look.tally.note('journal-gap', { path, detail, by: lost.to - lost.from + 1 });
  else look.tally.note('journal-old-gap', { path, detail, by: gap.to - gap.from + 1 });
}

function noteSegment(
  reading: Reading,
  segment: { path: string; first: number; bytes: Uint8Array; newest: boolean },
): void {
  const { look } = reading;
  const { path, first, newest } = segment;
  const { lost, torn, spoilt, cut, next, whole } = readSegment(segment, (commit, due) => {
    const { lsn } = commit;
    if (lsn < due) look.tally.note('journal-order', { path, detail: `line ${lsn} after ${due - 1}` });
    // As at a start: what was applied is not applied again.
    if (reading.last !== undefined && lsn <= reading.last) return;
    reading.last = lsn;
    const isCovered = lsn <= reading.covered;
    if (!isCovered) look.counts.journalLines++;
    for (const change of commit.changes) take(reading.found, change, isCovered ? 'covered' : 'unread');
  });
  reading.last ??= first - 1;
  look.step(`journal/${basename(path)}`);
  for (const gap of lost) noteMissing(reading, path, gap);
  if (!newest) return;
  // A line that ends where a crash cut it off has no end; one with an end and a wrong sum may have been acknowledged.
  const inTheEnd = torn.reduce((sum, { from, to }) => sum + to - from + 1, spoilt);
  if (inTheEnd > 0) {
    const after = torn[0]?.from ?? next;
    look.tally.note('journal-ending', { path, detail: `after line ${after - 1}`, by: inTheEnd });
  } else if (cut) look.tally.note('journal-torn', { path, detail: `after ${many(whole, 'whole line')}` });
}

function take(found: Journaled, change: Change, read: 'covered' | 'unread'): void {
  const covered = read === 'covered';
  const gone = { gone: true, rev: 0, state: 'cancelled', plan: [], blobs: [], covered } as const;
  switch (change.kind) {
    case 'run': {
      const { id, rev, state, deliveries, blobs = [] } = change.run;
      found.runs.set(id, { gone: false, rev, state, plan: deliveries.map((one) => one.id), blobs, covered });
      return;
    }
    case 'deliveries':
      if (!covered) found.deliveries.add(change.runId);
      return;
    case 'removal':
      found.runs.set(change.tombstone.run.id, gone);
      if (!covered) found.deliveries.add(change.tombstone.run.id);
      return;
    case 'forget':
      found.runs.set(change.runId, gone);
      if (!covered) found.deliveries.add(change.runId);
      return;
    case 'doc':
      if (covered) return;
      found.docs.add(`${change.doc.kind}/${change.doc.key}`);
      if (isMark(change.doc)) found.copyMark = change.doc;
      return;
    case 'doc-removal':
      if (covered) return;
      found.docs.add(`${change.docKind}/${change.key}`);
      if (isMark({ kind: change.docKind, key: change.key })) found.copyMark = null;
      return;
    case 'events':
      if (!covered) found.eventSeqs.push(...change.events.map((event) => event.seq));
      return;
    case 'audit':
    case 'key':
      return;
    default:
      change satisfies never;
  }
}
