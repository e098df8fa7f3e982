import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { codeOf, DependencyError, messageOf } from '../../errors.ts';
import { storeError } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Files } from './files.ts';
import type { Layout } from './layout.ts';

/** The format this version writes, and the oldest reader that understands it. */
const FORMAT = 1;
const MIN_READER = 1;
const Format = z.object({ format: z.number().int(), minReader: z.number().int(), storeId: z.string() });

/**
 * Reads FORMAT.json before anything else is touched: the id of the store, or undefined for a new folder. Rejects with STORE_TOO_NEW when
 * only a newer version may read the folder.
 */
export async function readFormat(files: Files, layout: Layout): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await files.read(layout.format, 100_000);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw storeError(`${layout.format} could not be read`, error);
  }
  const format = parseFormat(bytes, layout.format);
  if (format.minReader > FORMAT) {
    throw new DependencyError(`The data folder ${layout.root} needs a Bellhop that reads format ${format.minReader}.`, {
      code: 'STORE_TOO_NEW',
      hint: 'Start the newer version again, or restore a backup that was made before the upgrade. Nothing was changed.',
    });
  }
  return format.storeId;
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

/** Marks a new folder as ours; answers the id of the store. */
export async function writeFormat(disk: Disk, layout: Layout, version: string): Promise<string> {
  const storeId = randomUUID();
  const format = { format: FORMAT, minReader: MIN_READER, createdBy: `bellhop ${version}`, storeId };
  await disk.write(layout.format, `${JSON.stringify(format, null, 2)}\n`);
  return storeId;
}
