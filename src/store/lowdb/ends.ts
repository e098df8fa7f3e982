/** A data folder as one end of a copy: read without a trace, or made from nothing. */
import { basename } from 'node:path';
import { codeOf, UsageError } from '../../errors.ts';
import { openLowdb } from './backing.ts';
import type { LowdbDeps } from './backing.ts';
import { storeError } from './disk.ts';
import type { Files } from './files.ts';
import { readFormat } from './format.ts';
import { layoutOf } from './layout.ts';
import type { Lock } from './lock.ts';
import { shadowFiles } from './shadow.ts';

type OpenedFolder = Awaited<ReturnType<typeof openLowdb>> & { close: () => Promise<void> };

/**
 * Opens a store to read it: all that an open brings to the disk stays in memory. Only the lock is real, with its note of who holds it.
 * Rejects with INPUT_INVALID when there is no store, and as `openLowdb` does.
 */
export async function openToRead(root: string, deps: LowdbDeps): Promise<OpenedFolder> {
  if ((await readFormat(deps.files, layoutOf(root))) === undefined) {
    throw new UsageError(`There is no store in ${root}.`, {
      code: 'INPUT_INVALID',
      hint: 'Name a data folder: the value of BELLHOP_DATA_DIR, or a backup.',
    });
  }
  const held: { lock?: Lock } = {};
  const lock = async (): Promise<Lock> => (held.lock = await deps.lock());
  // Nothing is ever brought to files that end with the process, but for a journal that is too large to wait.
  const options = { ...deps.options, reserveBytes: 0, checkpointMs: Number.POSITIVE_INFINITY };
  // The thread that places files would write past the shadow.
  const { placer: _, ...rest } = deps;
  const opened = await openLowdb(root, { ...rest, files: shadowFiles(deps.files), lock, options });
  return { ...opened, close: async () => held.lock?.release() };
}

/**
 * Opens a folder that is new, empty, or a store already; a store is left to the caller to judge. Rejects with INPUT_INVALID when it holds
 * anything else.
 */
export async function openToFill(root: string, deps: LowdbDeps): Promise<OpenedFolder> {
  if ((await readFormat(deps.files, layoutOf(root))) === undefined) await refuseForeign(deps.files, root);
  const opened = await openLowdb(root, deps);
  return { ...opened, close: () => opened.backing.close() };
}

/** Without FORMAT.json only what an open that was cut off leaves may lie there. */
async function refuseForeign(files: Files, root: string): Promise<void> {
  const { lock, lockInfo, temp, reserve } = layoutOf(root);
  const ours = new Set([lock, `${lock}-journal`, lockInfo, temp, reserve].map((path) => basename(path)));
  const entries = await files.list(root).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw storeError(`${root} could not be listed`, error);
  });
  const foreign = entries.find(({ name }) => !ours.has(name) && !name.startsWith('.tmp-'));
  if (foreign === undefined) return;
  throw new UsageError(`${root} is not empty: it holds ${foreign.name}.`, {
    code: 'INPUT_INVALID',
    hint: 'Name a target that does not exist yet.',
  });
}
