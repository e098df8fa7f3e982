/**
 * The acts of actors, one JSON line each, in a file a month. Entries come from the journal at a checkpoint, so a crash loses none; what an
 * interrupted checkpoint had already put here is not written again.
 */
import { dirname, join } from 'node:path';
import { codeOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { graft } from '../json.ts';
import { AuditEntry } from '../records.ts';
import { storeError, writeAll } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';

export interface AuditLog {
  /** Appends the entries, and leaves it to a later sync to make them durable; answers the paths that were written. */
  append(entries: readonly AuditEntry[]): Promise<string[]>;
  /** After a failed checkpoint: what was appended may come again. */
  doubt(): void;
  /** What is in the files and, each once, what is `pending`; by month, and by id within it. A month is in memory at a time. */
  all(pending: readonly AuditEntry[]): AsyncIterable<AuditEntry>;
  /** Those of the entries that are in no file. Reads whole months: for a rebuild only. */
  missing(entries: readonly AuditEntry[]): Promise<AuditEntry[]>;
}

const MONTH_FILE = /^\d{4}-\d{2}\.jsonl$/;
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
    const end = wholeEnd(tail.bytes, lines);
    for (const id of idsIn(tail.bytes.subarray(0, end))) lines.delete(id);
    return end < tail.bytes.length ? tail.from + end : undefined;
  }

  async function month(path: string): Promise<Uint8Array> {
    return disk.files.read(path, MAX_MONTH_BYTES).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw storeError(`${path} could not be read`, error);
      return new Uint8Array();
    });
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
    async *all(pending) {
      const waiting = byMonth(layout, pending);
      const months = new Set([...(await monthFiles(disk, layout.audit)), ...waiting.keys()]);
      for (const path of [...months].sort()) {
        const found = new Map<string, AuditEntry>();
        let unread = 0;
        for (const line of linesIn(await month(path))) {
          const entry = entryOf(line);
          if (entry === undefined) unread++;
          else found.set(entry.id, entry);
        }
        if (unread > 0) log.warn('lines of an audit file cannot be read and are left out', { path, lines: unread });
        for (const entry of waiting.get(path) ?? []) found.set(entry.id, entry);
        yield* [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
      }
    },
    async missing(entries) {
      const absent: AuditEntry[] = [];
      for (const [path, ofMonth] of byMonth(layout, entries)) {
        const there = new Set(idsIn(await month(path)));
        absent.push(...ofMonth.filter((entry) => !there.has(entry.id)));
      }
      return absent;
    },
  };
}

function byMonth(layout: Layout, entries: readonly AuditEntry[]): Map<string, AuditEntry[]> {
  return Map.groupBy(entries, (entry) => layout.auditMonth(entry.at));
}

async function monthFiles({ files }: Disk, folder: string): Promise<string[]> {
  const entries = await files.list(folder).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw storeError(`${folder} could not be listed`, error);
    return [];
  });
  return entries
    .filter(({ kind, name }) => kind === 'file' && MONTH_FILE.test(name))
    .map(({ name }) => join(folder, name));
}

/**
 * Where what can be kept ends: at the last whole line, or where a power cut left zeros in the place of bytes, when everything behind
 * them is to be written again.
 */
function wholeEnd(bytes: Uint8Array, pending: ReadonlyMap<string, string>): number {
  const end = bytes.lastIndexOf(NEWLINE) + 1;
  const zero = bytes.subarray(0, end).indexOf(0);
  if (zero === -1) return end;
  const start = bytes.lastIndexOf(NEWLINE, zero) + 1;
  return idsIn(bytes.subarray(start, end)).every((id) => pending.has(id)) ? start : end;
}

function idsIn(bytes: Uint8Array): string[] {
  return [...linesIn(bytes)].flatMap((line) => entryOf(line)?.id ?? []);
}

function* linesIn(bytes: Uint8Array): Generator<string> {
  for (let from = 0; from < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, from);
    const to = end === -1 ? bytes.length : end;
    if (to > from) yield Buffer.from(bytes.subarray(from, to)).toString();
    from = to + 1;
  }
}

function entryOf(line: string): AuditEntry | undefined {
  try {
    const raw: unknown = JSON.parse(line);
    const parsed = AuditEntry.safeParse(raw);
    return parsed.success ? graft(parsed.data, raw) : undefined;
  } catch {
    // A line that somebody broke by hand stays as it is; it only cannot be recognised.
    return undefined;
  }
}
