/**
 * Mends what is derived or surely rubbish, and leaves the rest to opening the store for real: it applies the journal, sets aside what it
 * cannot read, lays the reserve down and makes the index. Each step is durable and can be done twice, so a fix that was killed is
 * completed by the next one.
 */
import { basename, join, relative } from 'node:path';
import { DependencyError } from '../../errors.ts';
import type { Loaded } from '../backing.ts';
import { openLowdb } from './backing.ts';
import type { LowdbDeps } from './backing.ts';
import { createDisk } from './disk.ts';
import type { Disk } from './disk.ts';
import { MAX_MENDED } from './doctor-findings.ts';
import type { Tally } from './doctor-findings.ts';
import { many } from './doctor-kinds.ts';
import type { Look } from './doctor-look.ts';
import { createIndexFiles } from './index-files.ts';
import { layoutOf } from './layout.ts';
import type { Layout } from './layout.ts';
import { createQuarantine } from './quarantine.ts';
import type { Quarantine } from './quarantine.ts';
import { MAX_SEGMENT_BYTES } from './segment.ts';

interface Steps {
  deps: Omit<LowdbDeps, 'lock'>;
  layout: Layout;
  disk: Disk;
  quarantine: Quarantine;
  tally: Tally;
  say: (line: string) => void;
  /** Asked between steps; what has begun is completed. */
  signal: AbortSignal | undefined;
}

const MARK = /^([0-9a-f]{64})\.(run_[0-9a-z]{26})$/;
const MAX_NAMED = 20;
const LOST = 'runs-without-a-record.json';

/** Mends what `look` noted in the folder `root`, whose lock is held; answers what was done. */
export async function mend(
  root: string,
  deps: Omit<LowdbDeps, 'lock'> & { signal: AbortSignal | undefined; say: ((line: string) => void) | undefined },
  { tally, counts }: Pick<Look, 'tally' | 'counts'>,
): Promise<string[]> {
  const { files, clock, log, signal } = deps;
  const layout = layoutOf(root);
  const disk = createDisk({ files, log, root });
  const done: string[] = [];
  const say = (line: string): void => {
    done.push(line);
    deps.say?.(line);
  };
  const quarantine = createQuarantine({ disk, layout, clock, log });
  const steps: Steps = { deps, layout, disk, quarantine, tally, say, signal };
  const toOpen = (['open', 'rebuild', 'mark', 'copy'] as const).flatMap((how) => tally.toMend(how)).length;
  await removeTemps(steps);
  await setAside(steps);
  await keepCopies(steps);
  if (toOpen > 0) {
    await forgetIndex(steps);
    await openForReal(steps, counts.journalLines);
  }
  if (done.length === 0) say('Nothing was to be mended.');
  return done;
}

async function removeTemps({ tally, disk, say, signal }: Steps): Promise<void> {
  const temps = tally.toMend('remove');
  for (const { path } of temps) {
    signal?.throwIfAborted();
    await disk.drop(path);
  }
  if (temps.length > 0) say(`Removed ${many(temps.length, 'temp file')}.`);
  if (temps.length === MAX_MENDED) say('There may be more: run it again.');
}

async function setAside({ tally, quarantine, layout, say, signal }: Steps): Promise<void> {
  const orphans = tally.toMend('set aside');
  for (const { path, detail } of orphans) {
    signal?.throwIfAborted();
    const reason = `deliveries without a run: ${detail ?? 'there is no record'}`;
    await quarantine.take(path, new DependencyError(reason, { code: 'STORE_CORRUPT' }));
  }
  if (orphans.length === 0) return;
  const first = relative(layout.root, orphans[0]?.path ?? '');
  say(
    `Moved ${many(orphans.length, 'file', 'files')} of deliveries without a run to quarantine/: ${andMore(first, orphans.length)}.`,
  );
}

/** What the store takes for a torn end, and drops, may have been acknowledged: it is kept. */
async function keepCopies({ tally, quarantine, disk, say }: Steps): Promise<void> {
  for (const { path, detail } of tally.toMend('copy')) {
    const bytes = await disk.files.read(path, MAX_SEGMENT_BYTES);
    await quarantine.keepCopy(path, bytes, `lines whose checksum fails, ${detail ?? 'at its end'}`);
    say(`Kept a copy of journal/${basename(path)} in quarantine/.`);
  }
}

/** The manifest goes first and durably: whenever this is cut off, the next open reads every record. */
async function forgetIndex({ tally, disk, layout, quarantine, deps, say, signal }: Steps): Promise<void> {
  if (tally.toMend('rebuild').length === 0) return;
  signal?.throwIfAborted();
  const lost = tally.places('index-extra').map(({ path }) => basename(path, '.json'));
  if (lost.length > 0) {
    // Nothing else remembers that there were such runs.
    const list = Buffer.from(`${JSON.stringify(lost, null, 2)}\n`);
    await quarantine.keepCopy(join(layout.indexFolder, LOST), list, 'these runs were in the index and had no record');
    say(`Kept the list of ${many(lost.length, 'run')} without a record in quarantine/.`);
  }
  await createIndexFiles({ disk, layout, log: deps.log }).forget();
  say('Took the index away, so that every record is read.');
}

async function openForReal({ deps, layout, tally, say, signal }: Steps, journalLines: number): Promise<void> {
  signal?.throwIfAborted();
  const held = async (): Promise<{ release: () => void }> => ({ release: () => undefined });
  const { backing, loaded } = await openLowdb(layout.root, { ...deps, lock: held });
  try {
    const health = backing.health();
    if (health.state !== 'ready') {
      throw new DependencyError(`The data folder cannot be mended: ${health.reason ?? 'it cannot be written'}`, {
        code: health.state === 'failed' ? 'STORE_FAILED' : 'STORE_FULL',
        hint: 'Make room on the disk, or mend it, and run the fix again: it goes on where it stopped.',
      });
    }
    sayOpened(say, layout, loaded);
    // Clears what is left of removed runs whose keys no longer hold.
    await backing.readKeys();
    let marked = 0;
    for (const { path } of tally.toMend('mark')) {
      const [, sha256, runId] = MARK.exec(basename(path)) ?? [];
      if (sha256 === undefined || runId === undefined) continue;
      await backing.blobs.name(sha256, runId);
      marked++;
    }
    if (marked > 0) say(`Put back the marks of ${many(marked, 'blob')}.`);
  } finally {
    await backing.close();
  }
  if (journalLines > 0) say(`Brought ${many(journalLines, 'change')} from the journal to the files.`);
  if (loaded.rebuilt) say(`Made the index again: ${many(backing.index.size(), 'run')}.`);
}

function sayOpened(say: (line: string) => void, layout: Layout, { quarantined }: Loaded): void {
  for (const { path, reason } of quarantined.slice(0, MAX_NAMED)) {
    const copied = path.startsWith('journal/');
    say(
      copied
        ? `Kept a copy of ${path} in quarantine/: ${reason}.`
        : `Moved ${path} to quarantine/: ${reason.replace(`${join(layout.root, path)} `, '')}`,
    );
  }
  if (quarantined.length > MAX_NAMED) say(`… and ${many(quarantined.length - MAX_NAMED, 'more file')} to quarantine/.`);
}

function andMore(first: string, count: number): string {
  return count === 1 ? first : `${first} and ${(count - 1).toLocaleString('en-US')} more`;
}
