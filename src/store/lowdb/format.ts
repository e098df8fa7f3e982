import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { codeOf, DependencyError, messageOf } from '../../errors.ts';
import { storeError } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Files } from './files.ts';
import type { Layout } from './layout.ts';

/** The newest format that this version reads. */
const READS = 7;
/**
 * What it makes of a folder, and the oldest reader that understands that. Format 1 had no journal: a reader of it would miss what is
 * acknowledged and not yet in the files. Format 2 knows fewer acts: a reader of it would take the commit of one for a damaged line, and
 * leave it out with all that it did. A reader of format 3 would miss the runs in an archive. Formats 3 and 4 know no runs of plugins and
 * no tokens. A reader of format 5 knows no destination of kind webhook, no options of destinations and no attachments: it would take records with
 * them for damaged, or leave out what they ask for. A reader of format 6 would lose runs of agents (`agent`, names of blobs with an end),
 * leave the documents of a run behind when it removes it, take a commit of an approval or of an act on advice for a damaged line, and not
 * read notices of budgets.
 */
const CURRENT = { format: 7, minReader: 7 };
const Format = z.object({ format: z.number().int(), minReader: z.number().int(), storeId: z.string() });

/** What FORMAT.json says; `older` when this version has to raise it before it writes anything else. */
export interface FoundFormat {
  storeId: string;
  format: number;
  minReader: number;
  older: boolean;
}

/**
 * Reads FORMAT.json before anything else is touched; undefined for a new folder. Rejects with STORE_TOO_NEW when only a newer version may
 * read the folder.
 */
export async function readFormat(files: Files, layout: Layout): Promise<FoundFormat | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await files.read(layout.format, 100_000);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw storeError(`${layout.format} could not be read`, error);
  }
  const format = parseFormat(bytes, layout.format);
  if (format.minReader > READS) {
    throw new DependencyError(`The data folder ${layout.root} needs a Bellhop that reads format ${format.minReader}.`, {
      code: 'STORE_TOO_NEW',
      hint: 'Start the newer version again, or restore a backup that was made before the upgrade. Nothing was changed.',
    });
  }
  return { ...format, older: format.format < CURRENT.format };
}

function parseFormat(bytes: Uint8Array, path: string): z.infer<typeof Format> {
  try {
    return Format.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (error) {
    // It may be from a version that writes it differently: starting over could destroy what that one wrote.
    throw new DependencyError(`${path} is not readable: ${messageOf(error)}`, {
      code: 'STORE_FAILED',
      hint: 'Restore it from a backup; when the folder was surely written by this version, delete it and start again.',
      cause: error,
    });
  }
}

/** Marks a folder as ours and of this format; an older one keeps its id. */
export async function writeFormat(
  disk: Disk,
  layout: Layout,
  terms: { version: string; storeId?: string },
): Promise<void> {
  const { version, storeId = randomUUID() } = terms;
  const file = { ...CURRENT, createdBy: `bellhop ${version}`, storeId };
  await disk.write(layout.format, `${JSON.stringify(file, null, 2)}\n`);
}
