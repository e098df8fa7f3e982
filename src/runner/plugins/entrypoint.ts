/** The one file of a plugin that is executed: inside its folder, wherever links lead. */
import { access, constants, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { UsageError, codeOf } from '../../errors.ts';

/** Why a relative path may not be an entrypoint; undefined when it may, as far as its letters tell. */
export function badEntrypoint(path: string): string | undefined {
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'must be relative to the folder of the plugin';
  if (path.split(/[/\\]/).includes('..')) return 'must not leave the folder of the plugin with ..';
  if (path.includes('\0')) return 'must not contain a NUL character';
  return undefined;
}

/** The real path of the executable. Throws a UsageError (JOB_INVALID) that says why there is none. */
export async function entrypointOf({ folder, entrypoint }: { folder: string; entrypoint: string }): Promise<string> {
  const bad = badEntrypoint(entrypoint);
  if (bad !== undefined) throw invalid(`entrypoint: ${bad}`);
  try {
    const [home, file] = await Promise.all([realpath(folder), realpath(join(folder, entrypoint))]);
    if (!file.startsWith(home + sep)) throw invalid('entrypoint: a link leads out of the folder of the plugin');
    if (!(await stat(file)).isFile()) throw invalid('entrypoint: is not a file');
    await access(file, constants.X_OK);
    return file;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (codeOf(error) === 'EACCES') throw invalid('entrypoint: may not be executed', `chmod +x ${entrypoint}`);
    const why = codeOf(error) === 'ENOENT' ? 'does not exist' : `cannot be read (${codeOf(error) ?? 'error'})`;
    throw invalid(`entrypoint: ${entrypoint.slice(0, 100)} ${why}`);
  }
}

function invalid(message: string, hint?: string): UsageError {
  return new UsageError(message, { code: 'JOB_INVALID', ...(hint !== undefined && { hint }) });
}
