import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { codeOf } from '../../errors.ts';

export type Found = { path: string } | { problem: 'ENOENT' | 'EACCES' };

/** Where execvp would find a program, or why it would not; it says so before a wrapper is started, which could only exit with 127. */
export async function findProgram(file: string, at: { path: string; cwd: string }): Promise<Found> {
  const folders = file.includes('/') ? [''] : at.path.split(delimiter);
  let problem: 'ENOENT' | 'EACCES' = 'ENOENT';
  for (const folder of folders) {
    const path = isAbsolute(file) ? file : resolve(at.cwd, join(folder, file));
    const why = await whyNot(path);
    if (why === undefined) return { path };
    if (why === 'EACCES') problem = why;
  }
  return { problem };
}

async function whyNot(path: string): Promise<'ENOENT' | 'EACCES' | undefined> {
  try {
    if (!(await stat(path)).isFile()) return 'EACCES';
    await access(path, constants.X_OK);
    const interpreter = await interpreterOf(path);
    if (interpreter !== undefined) await access(interpreter);
    return undefined;
  } catch (error) {
    return codeOf(error) === 'EACCES' ? 'EACCES' : 'ENOENT';
  }
}

/** A script whose interpreter is not there is as good as not there itself. */
async function interpreterOf(path: string): Promise<string | undefined> {
  // A program may be executable and not readable; then the kernel alone can tell.
  const handle = await open(path).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(256), position: 0 });
    return /^#!\s*(\/\S+)/.exec(buffer.toString('latin1', 0, bytesRead))?.[1];
  } finally {
    await handle.close();
  }
}
