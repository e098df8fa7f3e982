/**
 * The acts of actors, one JSON line each, in a file a month. Entries of acts on runs are first committed inside the run's record and
 * then moved here, so a crash loses none; an entry that is already here is not written again, so it leaves none twice.
 */
import { dirname } from 'node:path';
import { codeOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { AuditEntry } from '../records.ts';
import { storeError, writeAll } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';

export interface AuditLog {
  /** Appends the entry unless it is there; durable when it resolves. */
  append(entry: AuditEntry): Promise<void>;
  /** Waits for what is being written. */
  idle(): Promise<void>;
}

interface Waiting {
  entry: AuditEntry;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A month as read from its file. Forgotten after a failed append, so that the next one looks at what is really there. */
interface Month {
  ids: Set<string>;
  /** The length up to the end of the last whole line. */
  bytes: number;
  torn: boolean;
}

const NEWLINE = 0x0a;
// A month of a very busy server: some million acts.
const MAX_MONTH_BYTES = 1024 * 1024 * 1024;

/** Makes the log of the folder; several entries asked for at once share one write and one fsync. */
export function createAuditLog(deps: { disk: Disk; layout: Layout; log: Log }): AuditLog {
  const { disk, layout, log } = deps;
  const months = new Map<string, Month>();
  let waiting: Waiting[] = [];
  let running: Promise<void> | undefined;

  async function month(path: string): Promise<Month> {
    const known = months.get(path);
    if (known !== undefined) return known;
    const read = await readMonth(path);
    if (read.torn)
      log.warn('the audit file ends in a torn line, which is cut off: it was never acknowledged', { path });
    months.set(path, read);
    return read;
  }
  async function readMonth(path: string): Promise<Month> {
    let bytes: Uint8Array;
    try {
      bytes = await disk.files.read(path, MAX_MONTH_BYTES);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { ids: new Set(), bytes: 0, torn: false };
      throw storeError(`${path} could not be read`, error);
    }
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    const lines = Buffer.from(bytes.subarray(0, end)).toString().split('\n');
    const ids = lines.map(idOfLine).filter((id) => id !== undefined);
    return { ids: new Set(ids), bytes: end, torn: end < bytes.length };
  }

  async function appendAll(path: string, batch: readonly Waiting[]): Promise<void> {
    disk.check();
    const known = await month(path);
    const fresh = new Map(batch.filter(({ entry }) => !known.ids.has(entry.id)).map(({ entry }) => [entry.id, entry]));
    if (fresh.size === 0) return;
    const bytes = Buffer.from([...fresh.values()].map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    await disk.folder(dirname(path));
    // Until this has succeeded, nobody knows how the file ends.
    months.delete(path);
    const file = await disk.files.append(path);
    try {
      if (known.torn) await file.truncate(known.bytes);
      await writeAll(file, bytes);
      await disk.orStop(`fsync of ${path}`, () => file.sync());
    } finally {
      await file.close();
    }
    if (known.bytes === 0) await disk.orStop(`fsync of ${dirname(path)}`, () => disk.files.syncFolder(dirname(path)));
    for (const id of fresh.keys()) known.ids.add(id);
    months.set(path, { ids: known.ids, bytes: known.bytes + bytes.length, torn: false });
  }
  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const paths = new Set(batch.map(({ entry }) => layout.auditMonth(entry.at)));
      for (const path of paths) {
        const ofMonth = batch.filter(({ entry }) => layout.auditMonth(entry.at) === path);
        try {
          await appendAll(path, ofMonth);
          for (const one of ofMonth) one.resolve();
        } catch (error) {
          const failure = storeError(`${path} could not be written`, error);
          for (const one of ofMonth) one.reject(failure);
        }
      }
    }
    running = undefined;
  }

  return {
    append: (entry) =>
      new Promise((resolve, reject) => {
        waiting.push({ entry, resolve, reject });
        running ??= drain();
      }),
    async idle() {
      await running;
    },
  };
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
