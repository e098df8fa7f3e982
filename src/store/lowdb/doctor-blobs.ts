/** Blobs: whether each holds what its name says, and whether anybody names it. Whether one is missing, its run says (see doctor-records). */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { ArchiveReader } from './archive.ts';
import type { Journaled } from './doctor-journal.ts';
import type { Look } from './doctor-look.ts';
import { fileAt, namesIn, noteUnreadable, piecesOf } from './doctor-look.ts';

const PART = /^[0-9a-f]{2}$/;
const BLOB_OR_MARK = /^[0-9a-f]{64}(?:\.run_[0-9a-z]{26})?$/;
/** In this time a server that runs has walked over all blobs many times. */
const OLD_MS = 7 * 86_400_000;

/** Where the bytes of a hash lie. */
export function blobPath(look: Look, sha256: string): string {
  return join(look.layout.blobs, sha256.slice(0, 2), sha256);
}

/** Where else than in its file a run may be. */
export interface Known {
  journaled: Journaled;
  archive: ArchiveReader;
}

/** Reads every blob. */
export async function lookAtBlobs(look: Look, known: Known): Promise<void> {
  const { layout } = look;
  for (const part of await namesIn(look, layout.blobs, { kind: 'folder', name: PART })) {
    const names = await namesIn(look, join(layout.blobs, part), { kind: 'file', name: BLOB_OR_MARK });
    // In order, a blob comes right before the marks of the runs that name it.
    const marks = Map.groupBy(names, (name) => name.slice(0, 64));
    for (const [sha256, ofBlob] of marks) {
      if (ofBlob[0] !== sha256) continue;
      await lookAtBlob(look, sha256);
      const runIds = ofBlob.slice(1).map((mark) => mark.slice(65));
      if (!(await isNamed(look, known, runIds))) await noteUnnamed(look, sha256);
    }
  }
}

async function lookAtBlob(look: Look, sha256: string): Promise<void> {
  const path = blobPath(look, sha256);
  look.counts.blobs++;
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const piece of piecesOf(look, path)) {
      hash.update(piece);
      bytes += piece.length;
    }
  } catch (error) {
    // A broken off examination ends here too.
    look.step(path);
    return noteUnreadable(look, 'unreachable', { path, error });
  }
  look.step('blobs', 1);
  if (hash.digest('hex') !== sha256) look.tally.note('blob-damaged', { path, detail: `${bytes} bytes` });
}

/** Whether one of the marks is that of a run that is there. */
async function isNamed(look: Look, known: Known, runIds: readonly string[]): Promise<boolean> {
  for (const runId of runIds) if (await isRunThere(look, known, runId)) return true;
  return false;
}

/** Whether anything is kept of the run, readable or not. */
export async function isRunThere(look: Look, { journaled, archive }: Known, runId: string): Promise<boolean> {
  if (journaled.runs.get(runId)?.gone === false) return true;
  if ((await fileAt(look.layout.record(runId))) !== undefined) return true;
  return (await archive.read(runId)) !== undefined;
}

/** A young one may be about to be named by a settle. */
async function noteUnnamed(look: Look, sha256: string): Promise<void> {
  look.counts.unnamedBlobs++;
  // Nobody knows what the runs named that cannot be read; the server keeps it too.
  if (look.tally.has('archive-damaged')) return;
  const path = blobPath(look, sha256);
  const file = await fileAt(path);
  if (file !== undefined && file.changedAt < look.clock.now() - OLD_MS) look.tally.note('blob-unnamed', { path });
}
