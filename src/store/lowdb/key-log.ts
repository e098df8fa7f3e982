/**
 * The idempotency keys of the last days, a line each, in a file a day: derived from the records, so that no history has to be read to know
 * which keys still hold. Keys of unfinished runs are not needed from here; their runs are read at open.
 */
import { basename, join } from 'node:path';
import { z } from 'zod';
import { iso } from '../../clock.ts';
import type { KeyEntry } from '../backing.ts';
import { RunId } from '../records.ts';
import { storeError, writeAll } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';
import { lineOf, linesOf } from './line.ts';

/** `removed`: what is left of the run lies in the place of its record. */
const KeyLine = z.object({ key: z.string(), runId: RunId, until: z.number(), removed: z.boolean() });
export type KeyLine = z.infer<typeof KeyLine>;

export interface KeyLog {
  /** Appends the keys; answers the paths that need a sync. */
  append(lines: readonly KeyLine[]): Promise<string[]>;
  /** The newest line of each key in the files; those of days long over are removed with their file. */
  read(now: number): Promise<{ lines: KeyLine[]; over: KeyLine[] }>;
}

export const KEY_FILE = /^keys-(\d{4}-\d{2}-\d{2})\.jsonl$/;
const MAX_BYTES = 512 * 1024 * 1024;
const DAY_MS = 86_400_000;

/** Makes the log of the folder. */
export function createKeyLog(deps: { disk: Disk; layout: Layout }): KeyLog {
  const { disk, layout } = deps;
  /** Files of which this life knows how they end. */
  const known = new Set<string>();

  async function appendDay(path: string, lines: readonly KeyLine[]): Promise<void> {
    // After a crash the file may end in the middle of a line: that one is spoilt, and must not spoil the next.
    const start = known.has(path) ? '' : '\n';
    known.delete(path);
    await disk.folder(layout.indexFolder);
    const file = await disk.files.append(path);
    try {
      await writeAll(file, Buffer.from(start + lines.map((line) => lineOf(JSON.stringify(line))).join('')));
    } finally {
      await file.close();
    }
    known.add(path);
  }
  async function daysThere(): Promise<{ path: string; day: string }[]> {
    const entries = await disk.files.list(layout.indexFolder).catch(() => []);
    return entries.flatMap(({ name, kind }) => {
      const day = KEY_FILE.exec(name)?.[1];
      return kind === 'file' && day !== undefined ? [{ path: join(layout.indexFolder, name), day }] : [];
    });
  }

  return {
    async append(lines) {
      const days = Map.groupBy(lines, (line) => join(layout.indexFolder, `keys-${iso(line.until).slice(0, 10)}.jsonl`));
      for (const [path, ofDay] of days) {
        try {
          await appendDay(path, ofDay);
        } catch (error) {
          throw storeError(`${path} could not be written`, error);
        }
      }
      return [...days.keys()];
    },
    async read(now) {
      const lines = new Map<string, KeyLine>();
      const over: KeyLine[] = [];
      for (const { path, day } of (await daysThere()).sort((a, b) => (basename(a.path) < basename(b.path) ? -1 : 1))) {
        const bytes = await disk.files.read(path, MAX_BYTES).catch((error: unknown) => {
          throw storeError(`${path} could not be read`, error);
        });
        // The file is named by the day on which its keys end.
        const isOver = Date.parse(day) + DAY_MS <= now;
        for (const { value } of linesOf(bytes)) {
          const parsed = KeyLine.safeParse(value);
          if (!parsed.success) continue;
          if (isOver) over.push(parsed.data);
          else lines.set(parsed.data.key, parsed.data);
        }
        if (isOver) await disk.files.unlink(path).catch(() => undefined);
      }
      return { lines: [...lines.values()], over };
    },
  };
}

/** What a key's entry says in the log. */
export function keyLine({ key, runId, until, removed }: KeyEntry): KeyLine {
  return { key, runId, until, removed: removed !== undefined };
}
