/** The archive, through the store's own reader: what that calls damaged is noted, the runs of it go beside the index like all others. */
import { openArchive } from './archive.ts';
import type { ArchiveReader } from './archive.ts';
import type { Look } from './doctor-look.ts';
import { namesIn, noteUnreadable } from './doctor-look.ts';
import { ARCHIVE_FILE, ARCHIVE_INDEX } from './layout.ts';

/** A month that cannot be read is noted, and its runs are as good as not there. */
export async function lookAtArchive(look: Look): Promise<ArchiveReader> {
  const { disk, layout, tally } = look;
  await namesIn(look, layout.archive, { kind: 'file', name: ARCHIVE_FILE, also: (name) => ARCHIVE_INDEX.test(name) });
  const quarantine = {
    note: (path: string, reason: string): void => tally.note('archive-damaged', { path, detail: reason }),
  };
  try {
    const archive = await openArchive({ disk, layout, quarantine });
    return {
      runs: (range) => archive.runs(range),
      read: (runId) =>
        archive.read(runId).catch((error: unknown) => {
          noteUnreadable(look, 'archive-damaged', { path: layout.archive, error });
          return undefined;
        }),
    };
  } catch {
    // It cannot be listed, which was noted above.
    return { read: async () => undefined, async *runs() {} };
  }
}
