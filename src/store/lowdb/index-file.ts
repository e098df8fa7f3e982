/**
 * The derived index on disk. It is trusted only when CLEAN names it by its hash: CLEAN is removed before the first write of a life and
 * written as its last act. Whatever is wrong with it, the records are read instead; a derived file never stops the start.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { codeOf } from '../../errors.ts';
import type { IndexImage } from '../backing.ts';
import { Run, RunId, RunSummary } from '../records.ts';
import type { Disk } from './disk.ts';
import { storeError } from './disk.ts';
import type { Files } from './files.ts';
import type { Layout } from './layout.ts';

const MAX_INDEX_BYTES = 512 * 1024 * 1024;

const Image = z.object({
  format: z.literal(1),
  summaries: z.array(RunSummary),
  keys: z.array(z.object({ key: z.string(), runId: RunId, until: z.number(), removed: Run.exactOptional() })),
  openDeliveries: z.array(RunId),
});

/** The index of the life before, when that ended cleanly; undefined otherwise. */
export async function readIndex(files: Files, layout: Layout): Promise<IndexImage | undefined> {
  try {
    const mark = Buffer.from(await files.read(layout.clean, 1000))
      .toString()
      .trim();
    const bytes = await files.read(layout.index, MAX_INDEX_BYTES);
    if (mark !== hashOf(bytes)) return undefined;
    const parsed = Image.safeParse(JSON.parse(Buffer.from(bytes).toString()));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** Withdraws the trust in the index; must be durable before anything is written. */
export async function unmark(disk: Disk, layout: Layout): Promise<void> {
  try {
    await disk.files.unlink(layout.clean);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw storeError(`${layout.clean} could not be removed`, error);
  }
  await disk.orStop(`fsync of ${layout.root}`, () => disk.files.syncFolder(layout.root));
}

/** Keeps the index and then, last of all, the mark that it may be trusted. */
export async function writeIndex(disk: Disk, layout: Layout, image: IndexImage): Promise<void> {
  const text = JSON.stringify({ format: 1, ...image });
  await disk.write(layout.index, text);
  await disk.write(layout.clean, `${hashOf(Buffer.from(text))}\n`);
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
