/**
 * What the journal holds at open. Of what was damaged after it had been acknowledged, the segment is copied to the quarantine, and the lines
 * that are whole are applied all the same.
 */
import { join } from 'node:path';
import { codeOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { storeError } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Segment } from './journal.ts';
import type { Commit } from './journal-forms.ts';
import { SEGMENT_FILE } from './layout.ts';
import type { Layout } from './layout.ts';
import type { Quarantine } from './quarantine.ts';
import { MAX_SEGMENT_BYTES, missing, readSegment } from './segment.ts';

export interface Replayed {
  segments: Segment[];
  /** The number of the newest line; that of `covered` when there is none. */
  last: number;
  /** Commits that were applied. */
  commits: number;
  /** Lines are missing. */
  gap: boolean;
  /** Lines are missing that were in the journal. */
  damaged: boolean;
}

interface ReplayDeps {
  disk: Disk;
  layout: Layout;
  log: Log;
  quarantine: Quarantine;
  /** Everything up to this line is in the files already. */
  covered: number;
  apply: (commit: Commit & { bytes: number }) => void;
}

/** Applies every whole line that is not covered, oldest first. */
export async function replay(deps: ReplayDeps): Promise<Replayed> {
  const { disk, layout } = deps;
  const state: Replayed = {
    segments: [],
    last: deps.covered,
    commits: 0,
    gap: false,
    damaged: false,
  };
  let before: { path: string; bytes: Uint8Array } | undefined;
  for (const name of await segmentNames(disk, layout)) {
    const path = join(layout.journal, name);
    const bytes = await disk.files.read(path, MAX_SEGMENT_BYTES).catch((error: unknown) => {
      throw storeError(`${path} could not be read`, error);
    });
    const first = Number(SEGMENT_FILE.exec(name)?.[1]);
    // A segment is named by the number that came next: what is missing up to it stood at the end of the one before.
    if (before !== undefined && first > state.last + 1) {
      state.gap = true;
      state.damaged = true;
      await deps.quarantine.keepCopy(before.path, before.bytes, missing({ from: state.last + 1, to: first - 1 }));
    }
    // The index stands before what the journal begins with: what is between is only in the records.
    if (before === undefined && deps.covered > 0 && first > deps.covered + 1) state.gap = true;
    const { whole, lost, broken } = readSegment({ bytes, first }, (commit) => {
      if (commit.lsn <= state.last) return;
      deps.apply(commit);
      state.last = commit.lsn;
      state.commits++;
    });
    if (lost[0] !== undefined) {
      state.gap = true;
      state.damaged = true;
      await deps.quarantine.keepCopy(path, bytes, missing(lost[0]));
    } else if (broken !== undefined) {
      deps.log.warn('the journal ends in torn lines, which are left out: they were never acknowledged', {
        offset: broken,
      });
    }
    if (whole > 0) state.segments.push({ path, last: state.last });
    else await disk.files.unlink(path).catch(() => undefined);
    before = { path, bytes };
  }
  return state;
}

async function segmentNames(disk: Disk, layout: Layout): Promise<string[]> {
  try {
    const entries = await disk.files.list(layout.journal);
    const names = entries.filter((one) => one.kind === 'file' && SEGMENT_FILE.test(one.name)).map((one) => one.name);
    return names.sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw storeError(`${layout.journal} could not be listed`, error);
  }
}
