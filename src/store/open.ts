/** Where a backend is chosen: the only file that imports one. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { codeOf } from '../errors.ts';
import type { Clock } from '../clock.ts';
import type { Ids } from '../ids.ts';
import type { Log } from '../log.ts';
import { NOTHING } from './backing.ts';
import { DEFAULT_OPTIONS } from './core.ts';
import type { StoreOptions } from './core.ts';
import { createEmbeddedStore } from './embedded.ts';
import { makeRoot, openLowdb } from './lowdb/backing.ts';
import { nodeFiles } from './lowdb/files.ts';
import type { Files } from './lowdb/files.ts';
import { layoutOf } from './lowdb/layout.ts';
import { createPlacer } from './lowdb/placer.ts';
import { takeLock } from './lowdb/lock.ts';
import type { Lock } from './lowdb/lock.ts';
import { createMemoryBacking } from './memory.ts';
import type { OpenReport, Store } from './store.ts';

/** `networkDisk`: a data folder that is not on a disk of this machine is refused unless it is allowed. */
export type StoreTarget =
  { backend: 'memory' } | { backend: 'lowdb'; dir: string; networkDisk?: 'refused' | 'allowed' };

export interface OpenDeps {
  clock: Clock;
  ids: Ids;
  log: Log;
  /** The version of the program, written into a new data folder. */
  version: string;
  /** For tests: another file system, another way to hold the folder. */
  files?: Files;
  lock?: () => Promise<Lock>;
}

/**
 * Opens a store, and makes claimable again what a dead process held. Rejects with DependencyError: STORE_LOCKED naming the holder,
 * STORE_TOO_NEW, STORE_FULL, STORE_FAILED; with ConfigError: STORE_NETWORK_DISK.
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
  target: Extract<StoreTarget, { backend: 'lowdb' }>,
  deps: OpenDeps,
  options: Partial<StoreOptions>,
): ReturnType<typeof openLowdb> {
  const { clock, log, version } = deps;
  const root = resolve(target.dir);
  const networkDisk = target.networkDisk ?? 'refused';
  // Another file system is asked for every call of its own.
  const placer = deps.files === undefined ? createPlacer() : undefined;
  const syncAll = (path: string): Promise<boolean> => (placer ?? nodeFiles).syncAll(path);
  const files = deps.files ?? { ...nodeFiles, syncAll };
  await makeRoot(root, makeFolders);
  const lock = deps.lock ?? ((): Promise<Lock> => takeLock({ files, layout: layoutOf(root), clock }));
  const given = { clock, log, version, networkDisk, options: { ...DEFAULT_OPTIONS, ...options }, lock };
  return openLowdb(root, { ...given, files, ...(placer === undefined ? {} : { placer }) });
}
