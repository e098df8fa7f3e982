/** Processes seen from outside, and folders of tools that do not work. */
import { chmod, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from './runner-house.ts';

/** Pids on this machine whose command line has this argument; the dead do not count. */
export async function withArgument(argument: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return line.split('\0').includes(argument) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

/** A folder, first in a PATH, whose tools do what is written instead. */
export async function brokenTools(scripts: Record<string, string>): Promise<AsyncDisposable & { path: string }> {
  const folder = await tempFolder(
    Object.fromEntries(Object.entries(scripts).map(([name, script]) => [name, `#!/bin/sh\n${script}\n`])),
  );
  for (const name of Object.keys(scripts)) await chmod(join(folder.dir, name), 0o755);
  return {
    path: `${folder.dir}:${process.env['PATH'] ?? ''}`,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
