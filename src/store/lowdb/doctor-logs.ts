/** The event feed and the audit log: files of JSON lines, read a piece at a time whatever their size. */
import { join } from 'node:path';
import type { FindingKind } from './doctor-kinds.ts';
import type { Journaled } from './doctor-journal.ts';
import type { Look } from './doctor-look.ts';
import { namesIn, noteUnreadable, piecesOf } from './doctor-look.ts';

const EVENTS_FILE = /^\d{4}-\d{2}-\d{2}-\d{16}\.jsonl$/;
const AUDIT_FILE = /^\d{4}-\d{2}\.jsonl$/;
const NEWLINE = 0x0a;
/** More than the largest line of either. */
const MAX_LINE_BYTES = 1024 * 1024;

/** Reads every event. */
export async function lookAtEvents(look: Look, journaled: Journaled): Promise<void> {
  let newest = 0;
  for (const name of await namesIn(look, look.layout.events, { kind: 'file', name: EVENTS_FILE })) {
    const path = join(look.layout.events, name);
    await eachLine({ look, path, damaged: 'events-damaged', torn: 'events-torn' }, (line) => {
      if (!('seq' in line) || typeof line.seq !== 'number' || !('at' in line) || !('type' in line)) return false;
      newest = Math.max(newest, line.seq);
      look.counts.events++;
      return true;
    });
  }
  look.counts.events += journaled.eventSeqs.filter((seq) => seq > newest).length;
}

/** Reads every entry of the audit log. */
export async function lookAtAudit(look: Look): Promise<void> {
  for (const name of await namesIn(look, look.layout.audit, { kind: 'file', name: AUDIT_FILE })) {
    const path = join(look.layout.audit, name);
    await eachLine({ look, path, damaged: 'audit-damaged', torn: 'audit-torn' }, (line) => {
      if (!('id' in line) || typeof line.id !== 'string' || !('at' in line) || !('act' in line)) return false;
      look.counts.auditEntries++;
      return true;
    });
  }
}

/** Hands every line to `take`, which answers whether it is one of ours; notes the others with their number. */
async function eachLine(
  file: { look: Look; path: string; damaged: FindingKind; torn: FindingKind },
  take: (line: object) => boolean,
): Promise<void> {
  const { look, path, damaged, torn } = file;
  let rest: Buffer = Buffer.alloc(0);
  let number = 0;
  const read = (line: Buffer): void => {
    number++;
    const value = objectIn(line);
    if (value === undefined || !take(value)) look.tally.note(damaged, { path, detail: `line ${number}` });
  };
  try {
    for await (const piece of piecesOf(look, path)) {
      rest = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
      let from = 0;
      for (let to = rest.indexOf(NEWLINE); to !== -1; from = to + 1, to = rest.indexOf(NEWLINE, from)) {
        read(rest.subarray(from, to));
      }
      rest = rest.subarray(from);
      if (rest.length <= MAX_LINE_BYTES) continue;
      look.tally.note(damaged, { path, detail: `line ${number + 1} does not end` });
      return;
    }
  } catch (error) {
    // A broken off examination ends here too.
    look.step(path);
    return noteUnreadable(look, 'unreachable', { path, error });
  }
  if (rest.length > 0) look.tally.note(torn, { path, detail: `after line ${number}` });
}

function objectIn(line: Buffer): object | undefined {
  try {
    const value: unknown = JSON.parse(line.toString());
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    // Not JSON: the caller notes it.
    return undefined;
  }
}
