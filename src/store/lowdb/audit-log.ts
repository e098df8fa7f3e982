/**
 * The acts of actors, one JSON line each, in a file a month. Entries come from the journal at a checkpoint, so a crash loses none; what an
 * interrupted checkpoint had already put here is not written again.
 */
import { dirname } from 'node:path';
import { codeOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { AuditEntry } from '../records.ts';
import { storeError, writeAll } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';

export interface AuditLog {
  /** Appends the entries, and leaves it to a later sync to make them durable; answers the paths that were written. */
  append(entries: readonly AuditEntry[]): Promise<string[]>;
  /** After a failed checkpoint: what was appended may come again. */
  doubt(): void;
  /** Those of the entries that are in no file. Reads whole months: for a rebuild only. */
  missing(entries: readonly AuditEntry[]): Promise<AuditEntry[]>;
}

const NEWLINE = 0x0a;
// A month of a very busy server: some million acts.
const MAX_MONTH_BYTES = 1024 * 1024 * 1024;
const MIN_TAIL_BYTES = 1024 * 1024;

/** Makes the log of the folder; one append at a time. */
export function createAuditLog(deps: { disk: Disk; layout: Layout; log: Log }): AuditLog {
  const { disk, layout, log } = deps;
  /** Months of which this life knows how they end. Forgotten by a failed append. */
  const known = new Set<string>();

  async function appendMonth(path: string, entries: readonly AuditEntry[]): Promise<void> {
    const lines = new Map(entries.map((entry) => [entry.id, `${JSON.stringify(entry)}\n`]));
    const cut = known.has(path) ? undefined : await lookAtEnd(path, lines);
    known.delete(path);
    await disk.folder(dirname(path));
    const file = await disk.files.append(path);
    try {
      if (cut !== undefined) {
        log.warn('the audit file ends in a torn line, which is cut off: its entry is written again', { path });
        await file.truncate(cut);
      }
      if (lines.size > 0) await writeAll(file, Buffer.from([...lines.values()].join('')));
    } finally {
      await file.close();
    }
    known.add(path);
  }
  /** Takes out of `lines` what the end of the file holds already; answers where a torn last line begins. */
  async function lookAtEnd(path: string, lines: Map<string, string>): Promise<number | undefined> {
    // What an interrupted checkpoint appended are the last lines of the file, and they are among these.
    const size = [...lines.values()].reduce((sum, line) => sum + line.length, 0);
    const tail = await disk.files.tail(path, Math.max(MIN_TAIL_BYTES, size * 4)).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error;
      return { bytes: new Uint8Array(), from: 0 };
    });
    const end = tail.bytes.lastIndexOf(NEWLINE) + 1;
    for (const id of idsIn(tail.bytes.subarray(0, end))) lines.delete(id);
    return end < tail.bytes.length ? tail.from + end : undefined;
  }

  return {
    async append(entries) {
      const months = byMonth(layout, entries);
      for (const [path, ofMonth] of months) {
        disk.check();
        try {
          await appendMonth(path, ofMonth);
        } catch (error) {
          throw storeError(`${path} could not be written`, error);
        }
      }
      return [...months.keys()];
    },
    doubt: () => known.clear(),
    async missing(entries) {
      const absent: AuditEntry[] = [];
      for (const [path, ofMonth] of byMonth(layout, entries)) {
        const bytes = await disk.files.read(path, MAX_MONTH_BYTES).catch((error: unknown) => {
          if (codeOf(error) !== 'ENOENT') throw storeError(`${path} could not be read`, error);
          return new Uint8Array();
        });
        const there = new Set(idsIn(bytes));
        absent.push(...ofMonth.filter((entry) => !there.has(entry.id)));
      }
      return absent;
    },
  };
}

function byMonth(layout: Layout, entries: readonly AuditEntry[]): Map<string, AuditEntry[]> {
  return Map.groupBy(entries, (entry) => layout.auditMonth(entry.at));
}

function idsIn(bytes: Uint8Array): string[] {
  const lines = Buffer.from(bytes).toString().split('\n');
  return lines.map(idOfLine).filter((id) => id !== undefined);
}

function idOfLine(line: string): string | undefined {
  try {
    const parsed = AuditEntry.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data.id : undefined;
  } catch {
    // A line that somebody broke by hand stays as it is; it only cannot be recognised.
    return undefined;
  }
}
