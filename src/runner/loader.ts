import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../errors.ts';
import { checkDefinition } from './definition.ts';
import { JOB_QUERY, registerJobHooks } from './hooks.ts';
import { members } from './json.ts';
import { MAX_YAML_BYTES, parseYamlJob } from './yaml.ts';
import type { Clock } from '../clock.ts';
import type { LoadedJob } from './jobs.ts';

/** Whether a file of the jobs folder is meant to define a job: no dotfiles, no `_…`, no tests, no declarations. */
export function isJobFile(name: string): boolean {
  if (name.startsWith('.') || name.startsWith('_')) return false;
  if (/\.(?:test|spec)\.[a-z]+$/.test(name) || name.endsWith('.d.ts')) return false;
  return /\.(?:ts|js|mjs|yml|yaml)$/.test(name);
}

/** Identifies one version of one file. */
export interface JobFile {
  dir: string;
  file: string;
  version: string;
  /** Told of each file beside it that the definition reads, before it is read. */
  watch?: (path: string) => void;
  /** The environment, as far as the definition asks for it. */
  variables?: Readonly<Record<string, string | undefined>>;
}

/**
 * Loads one file; throws with a message that says what is wrong with it. Files that a job file imports itself are loaded once: a
 * change in them is seen at the next start. An endless synchronous loop at the top of a file cannot be stopped from here.
 */
export async function loadJobFile(at: JobFile, limits: { clock: Clock; importMs: number }): Promise<LoadedJob> {
  const path = join(at.dir, at.file);
  const around = {
    ...(at.watch !== undefined && { watch: at.watch }),
    ...(at.variables !== undefined && { variables: at.variables }),
  };
  if (!/\.ya?ml$/.test(at.file))
    return checkDefinition(await importWithin(jobUrl(at), limits), { file: at.file, path, ...around });
  const value = parseYamlJob(await readText(path));
  if (members(value)?.['kind'] === 'agent')
    throw new UsageError('an agent cannot be written in YAML: its tools are code', {
      code: 'JOB_INVALID',
      hint: 'write it as a .ts file: export default agentJob({ … })',
    });
  return checkDefinition(value, { file: at.file, path });
}

/** The URL that imports this version of the file. */
function jobUrl(at: JobFile): string {
  const url = pathToFileURL(join(at.dir, at.file));
  url.searchParams.set(JOB_QUERY, at.version);
  return url.href;
}

/** The default export of a module. */
async function importDefault(url: string): Promise<unknown> {
  registerJobHooks();
  const module: unknown = await import(url);
  return members({ ...(typeof module === 'object' ? module : {}) })?.['default'];
}

async function importWithin(url: string, { clock, importMs }: { clock: Clock; importMs: number }): Promise<unknown> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.after(importMs, () =>
    reject(
      new UsageError(`the file did not finish loading within ${importMs / 1000} s`, {
        code: 'JOB_INVALID',
        hint: 'a top-level await may be waiting; do that work inside run()',
      }),
    ),
  );
  try {
    return await Promise.race([importDefault(url), promise]);
  } finally {
    timer.cancel();
  }
}

async function readText(path: string): Promise<string> {
  const handle = await open(path);
  try {
    const buffer = Buffer.alloc(MAX_YAML_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) break;
    }
    return buffer.toString('utf8', 0, length);
  } finally {
    await handle.close();
  }
}
