/**
 * What the journal holds at open. Lines that are not whole with nothing after them, or only what was written in the same write, were cut off
 * by a crash and never acknowledged; others that are missing in the count were damaged later: their segment is copied to the quarantine, and
 * the lines that are whole are applied all the same.
 */
import { join } from 'node:path';
import { codeOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { storeError } from './disk.ts';
import type { Disk } from './disk.ts';
import type { Segment } from './journal.ts';
import { commitOf } from './journal-forms.ts';
import type { Commit } from './journal-forms.ts';
import { SEGMENT_FILE } from './layout.ts';
import type { Layout } from './layout.ts';
import { linesOf } from './line.ts';
import type { Quarantine } from './quarantine.ts';

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

const MAX_SEGMENT_BYTES = 512 * 1024 * 1024;

/** Applies every whole line that is not covered, oldest first. */
export async function replay(deps: ReplayDeps): Promise<Replayed> {
  const { disk, layout } = deps;
  const state: Replayed = { segments: [], last: deps.covered, commits: 0, gap: false, damaged: false };
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
      await deps.quarantine.keepCopy(before.path, before.bytes, missing(state.last + 1, first - 1));
    }
    // The index stands before what the journal begins with: what is between is only in the records.
    if (before === undefined && deps.covered > 0 && first > deps.covered + 1) state.gap = true;
    const { whole, damaged } = readSegment(deps, { bytes, first }, state);
    if (damaged !== undefined) {
      state.damaged = true;
      await deps.quarantine.keepCopy(path, bytes, damaged);
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

function missing(from: number, to: number): string {
  return `the lines ${from} to ${to} are missing or damaged`;
}

function readSegment(
  deps: ReplayDeps,
  segment: { bytes: Uint8Array; first: number },
  state: Replayed,
): { whole: number; damaged?: string } {
  let whole = 0;
  let next = segment.first;
  let broken: number | undefined;
  let damaged: string | undefined;
  /** A batch of which lines are missing: torn, as long as nothing follows that was written after it. */
  let torn: { batch: number; missing: string } | undefined;
  for (const { offset, value, size } of linesOf(segment.bytes)) {
    const commit = value === undefined ? undefined : commitOf(value);
    if (commit === undefined) {
      broken ??= offset;
      continue;
    }
    whole++;
    const { batch } = commit;
    if (torn !== undefined && torn.batch !== batch) damaged ??= torn.missing;
    if (commit.lsn > next) {
      const range = missing(next, commit.lsn - 1);
      if (batch !== undefined && batch <= next) torn ??= { batch, missing: range };
      else damaged ??= range;
    }
    next = commit.lsn + 1;
    if (commit.lsn <= state.last) continue;
    deps.apply({ ...commit, bytes: size });
    state.last = commit.lsn;
    state.commits++;
  }
  if (damaged !== undefined) state.gap = true;
  else if (broken !== undefined) {
    deps.log.warn('the journal ends in torn lines, which are left out: they were never acknowledged', {
      offset: broken,
    });
  }
  return { whole, ...(damaged === undefined ? {} : { damaged }) };
}
