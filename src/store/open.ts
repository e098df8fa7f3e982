/** Where a backend is chosen: the only file that imports one. */
import { mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { codeOf, UsageError } from '../errors.ts';
import type { Clock } from '../clock.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { NOTHING } from './backing.ts';
import { unfinishedError } from './copy.ts';
import type { CopySource, CopyTarget } from './copy.ts';
import { embeddedSource, embeddedTarget, markIn } from './copy-embedded.ts';
import { DEFAULT_OPTIONS } from './core.ts';
import type { StoreOptions } from './core.ts';
import { createEmbeddedStore } from './embedded.ts';
import { makeRoot, openLowdb } from './lowdb/backing.ts';
import { examine } from './lowdb/doctor.ts';
import type { LowdbDeps } from './lowdb/backing.ts';
import { openToFill, openToRead } from './lowdb/ends.ts';
import { nodeFiles } from './lowdb/files.ts';
import type { Files } from './lowdb/files.ts';
import { layoutOf } from './lowdb/layout.ts';
import { createPlacer } from './lowdb/placer.ts';
import type { Placer } from './lowdb/placer.ts';
import { takeLock } from './lowdb/lock.ts';
import type { Lock } from './lowdb/lock.ts';
import { createMemoryBacking } from './memory.ts';
import type { OpenReport, Store } from './store.ts';
import type { Inspection, InspectionAsk } from './verdict.ts';

/** `networkDisk`: a data folder that is not on a disk of this machine is refused unless it is allowed. */
export type StoreTarget =
  { backend: 'memory' } | { backend: 'lowdb'; dir: string; networkDisk?: 'refused' | 'allowed' };

export interface OpenDeps {
  clock: Clock;
  ids: Ids;
  log: Log;
  /** The version of the program, written into a new data folder. */
  version: string;
  /** For tests: another file system, another way to hold the folder or to place many files. */
  files?: Files;
  lock?: () => Promise<Lock>;
  placer?: Placer;
}

/**
 * Opens a store, and makes claimable again what a dead process held. Rejects with DependencyError: STORE_LOCKED naming the holder,
 * STORE_TOO_NEW, STORE_FULL, STORE_FAILED, STORE_UNFINISHED; with ConfigError: STORE_NETWORK_DISK.
 */
export async function openStore(
  target: StoreTarget,
  deps: OpenDeps,
  options: Partial<StoreOptions> = {},
): Promise<{ store: Store; report: OpenReport }> {
  const { clock, ids, log } = deps;
  const begun = clock.monotonic();
  const { backing, loaded } =
    target.backend === 'memory'
      ? { backing: createMemoryBacking(), loaded: NOTHING }
      : await openFolder(target, deps, options);
  const copying = markIn(loaded.docs);
  if (copying !== undefined && target.backend === 'lowdb') {
    await backing.close();
    throw unfinishedError(target.dir, copying.mark);
  }
  const { store, interrupted } = createEmbeddedStore({ backing, clock, ids, log }, loaded, options);
  const report: OpenReport = {
    backend: target.backend,
    interrupted,
    quarantined: [...loaded.quarantined],
    rebuilt: loaded.rebuilt,
    runs: backing.index.size(),
    ms: Math.round(clock.monotonic() - begun),
  };
  return { store, report };
}

/** Makes a folder and those above it, one by one: node's recursive mkdir never returns on a file system like /proc (seen on Node 24). */
async function makeFolders(path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = path; !(await exists(at)); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) {
    await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function openFolder(
  target: KeptTarget,
  deps: OpenDeps,
  options: Partial<StoreOptions>,
): ReturnType<typeof openLowdb> {
  const root = resolve(target.dir);
  await makeRoot(root, makeFolders);
  return openLowdb(root, lowdbDeps(target, deps, options));
}

function lowdbDeps(target: KeptTarget, deps: OpenDeps, options: Partial<StoreOptions>): LowdbDeps {
  const { clock, log, version } = deps;
  const root = resolve(target.dir);
  // Another file system is asked for every call of its own.
  const placer = deps.placer ?? (deps.files === undefined ? createPlacer({ clock }) : undefined);
  const syncAll = (path: string): Promise<boolean> => (placer ?? nodeFiles).syncAll(path);
  const files = deps.files ?? { ...nodeFiles, syncAll };
  const lock = deps.lock ?? ((): Promise<Lock> => takeLock({ files, layout: layoutOf(root), clock }));
  const networkDisk = target.networkDisk ?? 'refused';
  const given = { clock, log, version, networkDisk, options: { ...DEFAULT_OPTIONS, ...options }, lock };
  return { ...given, files, ...(placer === undefined ? {} : { placer }) };
}

/** A store that outlives its process, as people spell it. */
export type KeptTarget = Extract<StoreTarget, { backend: 'lowdb' }>;

/** Reads `DIR` or `lowdb:DIR`. Throws a UsageError for a kind of store that this build does not have. */
export function readTarget(text: string): KeptTarget {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):(.*)$/i.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) return { backend: 'lowdb', dir: text };
  if (scheme === 'lowdb' && rest !== '') return { backend: 'lowdb', dir: rest };
  const what = /^postgres(?:ql)?$/i.test(scheme) ? 'Postgres' : `“${scheme}”`;
  throw new UsageError(`This build has no ${what} store.`, {
    code: 'USAGE',
    hint: 'A store is spelled as a folder, or lowdb:DIR; a folder whose name has a colon as ./NAME.',
  });
}

/** Opens a store to copy from it, or to compare with; it stays as it is. Rejects as `openStore` does, and with STORE_CORRUPT. */
export async function openCopySource(
  target: KeptTarget,
  deps: OpenDeps,
  options: Partial<StoreOptions> = {},
): Promise<CopySource> {
  const root = resolve(target.dir);
  const { close, ...opened } = await openToRead(root, lowdbDeps(target, deps, options));
  try {
    return embeddedSource({ name: target.dir, ...opened, close }, { ...DEFAULT_OPTIONS, ...options });
  } catch (error) {
    await close();
    throw error;
  }
}

// One writer that waits for each commit: more in memory would not make it faster.
const FILL_DIRTY_BYTES = 24 * 1024 * 1024;

/** Opens what is to become a copy; a folder is made when it is missing. What it holds already is for `copyStore` to judge. */
export async function openCopyTarget(
  target: KeptTarget,
  deps: OpenDeps,
  options: Partial<StoreOptions> = {},
): Promise<CopyTarget> {
  const root = resolve(target.dir);
  await makeRoot(root, makeFolders);
  const opened = await openToFill(root, lowdbDeps(target, deps, { maxDirtyBytes: FILL_DIRTY_BYTES, ...options }));
  return embeddedTarget({ name: target.dir, ...opened }, deps.clock);
}

/** Throws a UsageError when the two are one folder, or one lies in the other. */
export async function checkApart(from: KeptTarget, to: KeptTarget): Promise<void> {
  const [a, b] = await Promise.all([realPlace(resolve(from.dir)), realPlace(resolve(to.dir))]);
  const inside = (one: string, other: string): boolean => `${one}${sep}`.startsWith(`${other}${sep}`);
  if (!inside(a, b) && !inside(b, a)) return;
  throw new UsageError(`${from.dir} and ${to.dir} are not two separate folders.`, {
    code: 'INPUT_INVALID',
    hint: 'Name a target beside the source.',
  });
}

/** Where a path leads, also when its end does not exist yet. */
async function realPlace(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    return join(await realPlace(dirname(path)), basename(path));
  }
}

/**
 * Says whether a store that no process holds is sound, and mends what is derived or rubbish when asked to; without a fix nothing of it
 * changes. Rejects with STORE_LOCKED naming the holder, with INPUT_INVALID when there is no such store, STORE_FULL and STORE_FAILED.
 */
export async function inspectStore(
  target: StoreTarget,
  deps: Omit<OpenDeps, 'ids'> & { options?: Partial<StoreOptions> },
  ask: InspectionAsk,
): Promise<Inspection> {
  if (target.backend !== 'lowdb') {
    throw new UsageError('A store in memory ends with its process: there is nothing to examine.', {
      code: 'INPUT_INVALID',
    });
  }
  const { clock, log, version, files = nodeFiles, lock } = deps;
  const options = { ...DEFAULT_OPTIONS, ...deps.options };
  return examine(resolve(target.dir), { clock, log, version, files, lock, options, networkDisk: 'allowed' }, ask);
}
