/** Looks whether a report file could be written, and writes none: the folder, and the room on its disk. */
import { access, constants, realpath, stat, statfs } from 'node:fs/promises';
import { dirname, extname, isAbsolute, relative, resolve, sep } from 'node:path';
import { codeOf, messageOf } from '../errors.ts';
import type { Problem } from '../store/preflight-records.ts';
import type { Transport } from './transport.ts';

/** Blocks that are free to us, and the bytes of one. */
interface Space {
  bavail: number;
  bsize: number;
}

const ENDINGS = new Set(['.html', '.md', '.txt', '.json', '.csv']);
/** A report of ordinary size, and a disk that will soon be full. */
const NEEDED_BYTES = 1_000_000;
const LOW_BYTES = 64_000_000;

/** Makes the check of file destinations; a relative path is one below `reportsDir`. */
export function createFileCheck(deps: {
  reportsDir: string;
  /** Of the folder's disk; default: asked of the system. */
  space?: (folder: string) => Promise<Space>;
}): NonNullable<Transport['check']> {
  const { space = (folder) => statfs(folder) } = deps;
  const root = resolve(deps.reportsDir);
  return async (destination) => {
    if (destination.kind !== 'file') return [];
    const { path, format } = destination;
    if (format === undefined && !ENDINGS.has(extname(path).toLowerCase()))
      return [fails('FILE_FORMAT', `A report file cannot end like ${path}`, 'Choose .html, .md, .txt, .json or .csv.')];
    const wanted = resolve(root, path);
    const way = relative(root, wanted);
    const outside = way === '' || way === '..' || way.startsWith(`..${sep}`);
    if (!isAbsolute(path) && outside)
      return [fails('FOLDER_UNWRITABLE', `The path ${path} leads out of the reports folder`, 'Choose one below it.')];
    return look(dirname(wanted), path, space);
  };
}

async function look(wanted: string, path: string, space: (folder: string) => Promise<Space>): Promise<Problem[]> {
  const hint = 'Make the folder writable for the user that runs Bellhop, or choose another path.';
  try {
    const there = await nearest(wanted);
    if (!(await stat(there)).isDirectory())
      return [fails('FOLDER_UNWRITABLE', `${path} cannot be written: there is a file where a folder must be`, hint)];
    await access(there, constants.W_OK | constants.X_OK);
    return room(await space(there), path);
  } catch (error) {
    return [fails('FOLDER_UNWRITABLE', `${path} cannot be written: ${messageOf(error).slice(0, 300)}`, hint)];
  }
}

function room(disk: Space, path: string): Problem[] {
  const free = disk.bavail * disk.bsize;
  if (free >= LOW_BYTES) return [];
  const message = `The disk of ${path} has ${Math.floor(free / 1_000_000)} MB left`;
  const full = fails('DISK_FULL', message, 'Make room on it.');
  return [free < NEEDED_BYTES ? full : { ...full, code: 'DISK_LOW', severity: 'degrades' }];
}

/** The folder, or the nearest one above it that is there: the rest is made with the report. */
async function nearest(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    return nearest(dirname(path));
  }
}

function fails(code: string, message: string, hint: string): Problem {
  return { code, message: message.slice(0, 500), hint, severity: 'fails' };
}
