/** Every kind of finding: how bad it is, what is said of so many, the way out, and how a fix mends it. */
import type { Severity } from '../verdict.ts';

/**
 * - `remove`: rubbish. `set aside`: moved to the quarantine. `copy`: a copy goes to the quarantine before the store drops it.
 * - `mark`: the name of the run is put beside its blob again.
 * - `open`: opening the store for real mends it. `rebuild`: the index is taken away first, so that opening reads every record.
 */
export type Mend = 'remove' | 'set aside' | 'copy' | 'mark' | 'open' | 'rebuild';

export interface Kind {
  severity: Severity;
  what: (count: number) => string;
  wayOut: string;
  mend?: Mend;
}

const RESTORE = 'restore it from a backup';
const SET_ASIDE = `--fix moves what cannot be read to quarantine/, with the reason; ${RESTORE}, or mend it by hand.`;
const ASTRAY = 'An id carries its day: move the file to the folder of that day. --fix moves it to quarantine/ instead.';
const REBUILD = '--fix makes the index again from the records.';

export const KINDS = {
  'format-newer': {
    severity: 'error',
    what: () => 'The folder was written by a newer Bellhop; nothing else was looked at',
    wayOut: 'Look with that version, or restore a backup that was made before the upgrade.',
  },
  'format-unreadable': {
    severity: 'error',
    what: () => 'FORMAT.json cannot be read, so Bellhop does not start on this folder',
    wayOut: 'Restore it from a backup; when this version surely wrote the folder, delete it.',
  },
  unreachable: {
    severity: 'error',
    what: (n) => `${many(n, 'file or folder', 'files or folders')} could not be read for want of rights or by the disk`,
    wayOut: 'Check who owns the folder, and the disk (dmesg, smartctl). Copy what can be read before anything else.',
  },
  'journal-gap': {
    severity: 'error',
    what: (n) => `${many(n, 'acknowledged change')} in the journal ${is(n)} damaged or missing`,
    wayOut: '--fix keeps a copy of the segment in quarantine/ and applies every whole line; compare with a backup.',
    mend: 'open',
  },
  'journal-behind': {
    severity: 'error',
    what: (n) =>
      `${many(n, 'line')} between the index and the journal ${is(n)} missing: an old index, or a lost segment`,
    wayOut: '--fix reads every record again; if a segment was lost, what it held is in a backup only.',
    mend: 'rebuild',
  },
  'journal-skipped': {
    severity: 'error',
    what: (n) => `${many(n, 'acknowledged run')} ${is(n)} in the journal only, and the index would have it passed over`,
    wayOut: '--fix applies the whole journal again. Do not start the server before that.',
    mend: 'rebuild',
  },
  'record-unreadable': {
    severity: 'error',
    what: (n) => `${many(n, 'record of a run', 'records of runs')} cannot be read`,
    wayOut: SET_ASIDE,
    mend: 'rebuild',
  },
  'record-misplaced': {
    severity: 'error',
    what: (n) => `${many(n, 'record')} ${lies(n)} where ${n === 1 ? 'its' : 'their'} id does not lead`,
    wayOut: ASTRAY,
    mend: 'rebuild',
  },
  'index-extra': {
    severity: 'error',
    what: (n) => `${many(n, 'run')} in the index ${n === 1 ? 'has' : 'have'} no record`,
    wayOut:
      'A record was lost, or the index is of another time: compare with a backup. --fix keeps the list in quarantine/.',
    mend: 'rebuild',
  },
  'deliveries-unreadable': {
    severity: 'error',
    what: (n) => `${many(n, 'file', 'files')} of deliveries cannot be read`,
    wayOut: `${SET_ASIDE} Without it, open deliveries begin anew and may be sent twice.`,
    mend: 'rebuild',
  },
  'deliveries-misplaced': {
    severity: 'error',
    what: (n) =>
      `${many(n, 'file', 'files')} of deliveries ${lies(n)} where ${n === 1 ? 'its' : 'their'} run does not lead`,
    wayOut: ASTRAY,
    mend: 'rebuild',
  },
  'archive-damaged': {
    severity: 'error',
    what: (n) => `${many(n, 'part')} of the archive cannot be read`,
    wayOut: 'Bellhop leaves it in its place and reads the rest; restore the month from a backup.',
  },
  'doc-unreadable': {
    severity: 'error',
    what: (n) => `${many(n, 'document')} cannot be read`,
    wayOut: SET_ASIDE,
    mend: 'open',
  },
  'blob-damaged': {
    severity: 'error',
    what: (n) =>
      `${many(n, 'blob')} ${n === 1 ? 'does' : 'do'} not hold what ${n === 1 ? 'its name says' : 'their names say'}`,
    wayOut: 'Restore it from a backup.',
  },
  'blob-missing': {
    severity: 'error',
    what: (n) => `${many(n, 'blob')} that a run names ${is(n)} not there`,
    wayOut: 'Restore it from a backup.',
  },
  'audit-damaged': {
    severity: 'error',
    what: (n) => `${many(n, 'line')} of the audit log cannot be read`,
    wayOut: 'Restore the line from a backup; Bellhop leaves it as it is.',
  },
  'journal-ending': {
    severity: 'warning',
    what: (n) =>
      `The journal ends in ${many(n, 'line')} whose checksum fails: cut off by a power failure, or damaged since`,
    wayOut: 'Bellhop drops what a power failure cut off; --fix keeps a copy in quarantine/ before that.',
    mend: 'copy',
  },
  'journal-old-gap': {
    severity: 'warning',
    what: (n) => `${many(n, 'line')} of the journal ${is(n)} damaged or missing, and already in the files`,
    wayOut: 'Nothing is lost, but look at the disk. --fix keeps a copy in quarantine/.',
    mend: 'open',
  },
  'journal-order': {
    severity: 'warning',
    what: (n) => `${many(n, 'line')} of the journal ${n === 1 ? 'stands' : 'stand'} out of order`,
    wayOut: 'Was a segment renamed or copied by hand? Compare with a backup.',
  },
  'index-damaged': {
    severity: 'warning',
    what: (n) => `${many(n, 'file')} of the index cannot be read`,
    wayOut: REBUILD,
    mend: 'rebuild',
  },
  'index-missing': {
    severity: 'warning',
    what: (n) => `${many(n, 'run')} ${is(n)} not in the index, so no list shows ${n === 1 ? 'it' : 'them'}`,
    wayOut: REBUILD,
    mend: 'rebuild',
  },
  'index-stale': {
    severity: 'warning',
    what: (n) => `${many(n, 'run')} in the index ${is(n)} not as the record says`,
    wayOut: `Was the record edited by hand, or is the index of another time? ${REBUILD}`,
    mend: 'rebuild',
  },
  'index-counts': {
    severity: 'warning',
    what: (n) => `${many(n, 'page')} of the index ${n === 1 ? 'counts its' : 'count their'} runs wrongly`,
    wayOut: REBUILD,
    mend: 'rebuild',
  },
  'index-newest': {
    severity: 'warning',
    what: (n) => `The index has the newest run of ${many(n, 'job')} wrong`,
    wayOut: REBUILD,
    mend: 'rebuild',
  },
  'index-open': {
    severity: 'warning',
    what: (n) => `${many(n, 'run')} with something left to deliver ${is(n)} not on the index's list of them`,
    wayOut: REBUILD,
    mend: 'rebuild',
  },
  'deliveries-orphan': {
    severity: 'warning',
    what: (n) => `${many(n, 'file', 'files')} of deliveries ${n === 1 ? 'belongs' : 'belong'} to no run`,
    wayOut:
      'Was the record lost? Restore it from a backup, then this is in order. --fix moves the rest to quarantine/.',
    mend: 'set aside',
  },
  'doc-orphan': {
    severity: 'warning',
    what: (n) => `${many(n, 'document')} of a run that is not there`,
    wayOut:
      'Was the record lost? Restore it from a backup. Bellhop keeps the document; delete its file if nobody needs it.',
  },
  'deliveries-unplanned': {
    severity: 'warning',
    what: (n) =>
      `${many(n, 'file', 'files')} of deliveries ${n === 1 ? 'names a delivery' : 'name deliveries'} that no run planned`,
    wayOut: 'Bellhop passes over it. Was the record or the file edited by hand, or restored without the other?',
  },
  'blob-unmarked': {
    severity: 'warning',
    what: (n) =>
      `${many(n, 'blob')} ${n === 1 ? 'has' : 'have'} lost the mark of the run that names it, and would be collected`,
    wayOut: '--fix puts the mark back.',
    mend: 'mark',
  },
  'events-damaged': {
    severity: 'warning',
    what: (n) => `${many(n, 'line')} of the event feed cannot be read`,
    wayOut: 'Watchers are told to read the present state, and the file goes in time; look at the disk.',
  },
  'reserve-missing': {
    severity: 'warning',
    what: () => 'The reserve for a full disk is missing or short',
    wayOut: 'Make room on the disk; the next start, or --fix, lays it down again.',
    mend: 'open',
  },
  'format-missing': {
    severity: 'warning',
    what: () => 'FORMAT.json is missing',
    wayOut: 'Restore it from a backup; --fix, or the next start, makes a new one.',
    mend: 'open',
  },
  'backup-incomplete': {
    severity: 'warning',
    what: () => 'This looks like a backup that was cut off: it was never opened, and BACKUP.json is missing',
    wayOut: 'Make the backup again; use this one only if there is no other.',
  },
  'copy-unfinished': {
    severity: 'warning',
    what: () => 'This is a copy that was not finished: no server opens it',
    wayOut: 'Go on with it: bellhop store copy --from SOURCE --to THIS FOLDER. Or delete the folder.',
  },
  quarantined: {
    severity: 'warning',
    what: (n) => `${many(n, 'file')} ${lies(n)} in quarantine/`,
    wayOut: 'Read the reasons, put back what you mended, delete what nobody needs. Until then no blob is collected.',
  },
  stray: {
    severity: 'warning',
    what: (n) => `${many(n, 'name')} among the files of Bellhop that it does not read`,
    wayOut: 'A record under a wrong name? Give it its name back; else move it elsewhere.',
  },
  'format-older': {
    severity: 'info',
    what: () => 'The folder is of an older format; the next start brings it over',
    wayOut: 'Make a backup before that: there is no way back.',
    mend: 'open',
  },
  'journal-torn': {
    severity: 'info',
    what: () => 'The journal ends in the middle of a line, which a crash cut off: it was never acknowledged',
    wayOut: 'Nothing to do: the next start leaves it out.',
  },
  'index-absent': {
    severity: 'info',
    what: () => 'There is no index; the next start reads every record and makes it',
    wayOut: 'Nothing to do; --fix makes it now.',
    mend: 'rebuild',
  },
  temp: {
    severity: 'info',
    what: (n) => `${many(n, 'temp file')} that a crash left`,
    wayOut: 'Nothing to do; --fix removes what a crash left.',
    mend: 'remove',
  },
  'tombstone-over': {
    severity: 'info',
    what: (n) =>
      `${many(n, 'removed run')} whose key no longer holds ${n === 1 ? 'has' : 'have'} left something behind`,
    wayOut: 'Nothing to do: the server clears it in time; --fix clears it now.',
    mend: 'rebuild',
  },
  'blob-unnamed': {
    severity: 'info',
    what: (n) => `${many(n, 'blob')} older than a week that nobody names`,
    wayOut: 'Nothing to do: the server collects it.',
  },
  'audit-torn': {
    severity: 'info',
    what: () => 'The audit log ends in the middle of a line, which the journal holds whole',
    wayOut: 'Nothing to do: the next start writes it again.',
  },
  'events-torn': {
    severity: 'info',
    what: () => 'The event feed ends in the middle of a line that a crash cut off',
    wayOut: 'Nothing to do: the next start completes it.',
  },
  foreign: {
    severity: 'info',
    what: (n) => `${many(n, 'name')} in the data folder that ${is(n)} not of Bellhop`,
    wayOut: 'Bellhop leaves it alone, and a backup copies it; better keep it elsewhere.',
  },
} as const satisfies Record<string, Kind>;

export type FindingKind = keyof typeof KINDS;

/** `1 record`, `2,000 records`. */
export function many(count: number, one: string, several = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : several}`;
}
function is(count: number): string {
  return count === 1 ? 'is' : 'are';
}
function lies(count: number): string {
  return count === 1 ? 'lies' : 'lie';
}
