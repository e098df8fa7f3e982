/**
 * What a folder holds, at open: the index as its manifest says, brought up to date by the journal, or read from the records when it cannot
 * be trusted. A derived file never stops the start.
 */
import type { Log } from '../../log.ts';
import type { Change } from '../backing.ts';
import { isFinal } from '../records.ts';
import type { AuditLog } from './audit-log.ts';
import { createIndexFiles } from './index-files.ts';
import type { IndexFiles } from './index-files.ts';
import { createIndexKeeper } from './index-keeper.ts';
import type { IndexKeeper } from './index-keeper.ts';
import { keyLine } from './key-log.ts';
import { loadOpen, summariesBetween } from './load.ts';
import type { Found, LoadDeps } from './load.ts';
import { loadAll } from './scan.ts';
import type { Scanned } from './scan.ts';
import { replay } from './replay.ts';
import type { Replayed } from './replay.ts';

export interface History {
  keeper: IndexKeeper;
  replayed: Replayed;
  found: Found;
  /** The index was made from the records. */
  rebuilt: boolean;
}

/** Replays the journal and brings the index up to date. */
export async function openHistory(load: LoadDeps, logs: { audit: AuditLog }): Promise<History> {
  const { disk, layout, log, dirty } = load;
  const files = createIndexFiles({ disk, layout, log });
  const state = { damaged: false };
  const manifest = await files.read();
  const keeper = manifest === undefined ? undefined : keeperOf({ load, files, manifest, state });
  await keeper?.index.warm();
  const replayed = await replay({
    ...load,
    covered: manifest?.covered ?? 0,
    apply(commit) {
      dirty.apply(commit.changes, commit.bytes);
      keeper?.apply(commit.changes);
    },
  });
  if (manifest === undefined || keeper === undefined || state.damaged || replayed.gap) {
    const made = await rebuild(load, files, logs.audit);
    return { ...made, replayed, rebuilt: manifest !== undefined || keeperHolds(made.keeper) };
  }
  return { keeper, replayed, found: await trusted(load, keeper, log), rebuilt: false };
}

function keeperHolds(keeper: IndexKeeper): boolean {
  return keeper.index.size() > 0;
}

function keeperOf(parts: {
  load: LoadDeps;
  files: IndexFiles;
  manifest: NonNullable<Awaited<ReturnType<IndexFiles['read']>>> | undefined;
  state: { damaged: boolean };
}): IndexKeeper {
  const { load, files, manifest, state } = parts;
  const keeper: IndexKeeper = createIndexKeeper(
    {
      files,
      drop: (path) => load.disk.drop(path),
      async load(page) {
        const entries = await files.readPage(page);
        if (entries !== undefined) return { entries, anew: false };
        state.damaged = true;
        const pages = keeper.index.pages();
        const next = pages[pages.indexOf(page) + 1];
        return { entries: await summariesBetween(load, page.first, next?.first), anew: true };
      },
    },
    manifest,
  );
  return keeper;
}

/** Reads the runs of which the index says that something can still happen. */
async function trusted(load: LoadDeps, keeper: IndexKeeper, log: Log): Promise<Found> {
  const found = await loadOpen(load, new Set([...keeper.index.unfinished(), ...keeper.open]));
  for (const runId of found.lost) {
    keeper.close(runId);
    if (await keeper.index.discard(runId)) log.error('a run of the index cannot be read; it is left out', { runId });
  }
  for (const runId of found.closed) keeper.close(runId);
  return found;
}

/** Reads everything. The manifest goes first: a rebuild that is cut off begins again. */
async function rebuild(
  load: LoadDeps,
  files: IndexFiles,
  audit: AuditLog,
): Promise<{ keeper: IndexKeeper; found: Found }> {
  const { dirty, clock, disk, layout } = load;
  await files.forget();
  // What format 1 kept as its index.
  for (const path of [layout.clean, layout.index]) await disk.files.unlink(path).catch(() => undefined);
  const keeper = keeperOf({ load, files, manifest: undefined, state: { damaged: false } });
  const found = await loadAll(load, {
    put: (run) => keeper.index.put(run),
    pause: () => keeper.spill(),
  });
  for (const { run } of found.deliveries) if (isFinal(run.state)) keeper.reopen(run.id);
  dirty.addKeys(found.keys.map(keyLine));
  dirty.apply(await leftBehind(found, { audit, now: clock.now() }), 0);
  return { keeper, found };
}

/** What an older format left in the records for later: audit entries, and removed runs that nothing needs any more. */
async function leftBehind(found: Scanned, { audit, now }: { audit: AuditLog; now: number }): Promise<Change[]> {
  const entries = await audit.missing(found.audits);
  const over = found.tombstones.filter((one) => one.keyUntil <= now);
  return [
    ...entries.map((entry): Change => ({ kind: 'audit', entry })),
    ...over.map((one): Change => ({ kind: 'forget', runId: one.id })),
  ];
}
