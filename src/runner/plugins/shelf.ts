/** The plugins of one folder, a folder each, kept in step with their manifests. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BellhopError, codeOf, messageOf } from '../../errors.ts';
import { MANIFESTS, loadPlugin } from './load.ts';
import type { Log } from '../../log.ts';
import type { LoadedPlugin, PluginFacts } from '../jobs.ts';
import type { JobProblem } from '../registry.ts';

const MAX_PLUGINS = 100;

export interface Shelf {
  /** The commands of all plugins, in the order of their folders. */
  list(): LoadedPlugin[];
  problems(): JobProblem[];
  /** Looks at the folder now and loads what is new or changed; never throws. */
  refresh(): Promise<void>;
}

export interface ShelfDeps {
  dir: string;
  /** Whether a folder that does not exist is worth a word. */
  missing: 'silent' | 'named';
  /** Where config keys are looked up. */
  env: Readonly<Record<string, string | undefined>>;
  log: Log;
}

/** What is known of one folder: its version, its newest good commands, and what is wrong with it now. */
interface Known {
  version: string;
  commands: LoadedPlugin[];
  problem?: JobProblem;
}

/**
 * Makes the shelf of a plugins folder. A plugin that turns bad keeps its last good commands and is named among the problems; of two
 * plugins with the same name, or with config keys of the same variable, the first by folder name wins.
 */
export function createShelf(deps: ShelfDeps): Shelf {
  const { dir, log } = deps;
  let known = new Map<string, Known>();
  let commands: LoadedPlugin[] = [];
  let problems: JobProblem[] = [];

  async function load(folder: string): Promise<Known | undefined> {
    const at = await manifestIn(join(dir, folder));
    if (at === undefined) return undefined;
    const before = known.get(folder);
    const version = await versionOf(at, before?.commands[0]);
    // A folder with a problem is looked at again: what mends it (a right, a file) may lie beside the manifest.
    if (before?.version === version && before.problem === undefined) return before;
    try {
      return { version, commands: await loadPlugin(at, deps.env) };
    } catch (error) {
      const problem = problemOf({ folder, manifest: at.manifest }, error);
      if (before?.problem?.reason !== problem.reason) log.warn('plugin is not usable', { folder });
      return { version, commands: before?.commands ?? [], problem };
    }
  }

  function publish(found: JobProblem[]): void {
    const listed: LoadedPlugin[] = [];
    const taken: Taken[] = [];
    for (const [folder, one] of known) {
      if (one.problem !== undefined) found.push(one.problem);
      const [first] = one.commands;
      if (first === undefined) continue;
      const fault = clash(first.plugin, taken);
      if (fault === undefined) {
        taken.push({ folder, plugin: first.plugin });
        listed.push(...one.commands);
      } else found.push({ file: first.file, reason: fault, hint: 'give one of them another name' });
    }
    commands = listed;
    problems = found;
  }

  return {
    list: () => commands,
    problems: () => problems,
    async refresh() {
      const { folders, found } = await scan(deps);
      // A folder that cannot be read says nothing about the plugins in it: they stay.
      if (folders === undefined) return publish(found);
      const next = new Map<string, Known>();
      for (const folder of folders) {
        const one = await load(folder);
        if (one !== undefined) next.set(folder, one);
      }
      known = next;
      publish(found);
    },
  };
}

interface Taken {
  folder: string;
  plugin: PluginFacts;
}

/** Why a plugin cannot be beside those that come before it: `a` with the key `b_c` and `a-b` with `c` would read one secret. */
function clash({ name, variables }: PluginFacts, before: readonly Taken[]): string | undefined {
  const same = before.find(({ plugin }) => plugin.name === name);
  if (same !== undefined) return `the plugin "${name}" is already defined in ${same.folder}`;
  for (const { folder, plugin } of before) {
    const shared = variables.find((one) => plugin.variables.includes(one));
    if (shared !== undefined) return `${shared} is already read by the plugin "${plugin.name}" in ${folder}`;
  }
  return undefined;
}

async function scan({ dir, missing }: ShelfDeps): Promise<{ folders: string[] | undefined; found: JobProblem[] }> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    const folders = entries
      .filter((one) => (one.isDirectory() || one.isSymbolicLink()) && !/^[._]/.test(one.name))
      .map((one) => one.name)
      .sort();
    const reason = `the folder holds ${folders.length} plugins; only the first ${MAX_PLUGINS} are loaded`;
    const found = folders.length > MAX_PLUGINS ? [{ file: dir, reason }] : [];
    return { folders: folders.slice(0, MAX_PLUGINS), found };
  } catch (error) {
    const gone = codeOf(error) === 'ENOENT';
    if (gone && missing === 'silent') return { folders: [], found: [] };
    const why = gone ? 'does not exist' : `cannot be read (${codeOf(error) ?? 'error'})`;
    const hint = 'create it, or set BELLHOP_PLUGINS_DIR';
    return { folders: gone ? [] : undefined, found: [{ file: dir, reason: `the plugins folder ${why}`, hint }] };
  }
}

async function manifestIn(folder: string): Promise<{ folder: string; manifest: string } | undefined> {
  for (const manifest of MANIFESTS) {
    if ((await stamp(join(folder, manifest))) !== '') return { folder, manifest };
  }
  return undefined;
}

/** Changes with the manifest, and with the rights, the text or the place of the executable. */
async function versionOf(at: { folder: string; manifest: string }, loaded: LoadedPlugin | undefined): Promise<string> {
  const executable = loaded === undefined ? '' : await stamp(join(at.folder, loaded.plugin.entrypoint));
  return `${await stamp(join(at.folder, at.manifest))} ${executable}`;
}

/** Empty: there is no such file. */
async function stamp(path: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino } = await stat(path);
    return `${mtimeMs}-${ctimeMs}-${size}-${ino}`;
  } catch {
    return '';
  }
}

function problemOf({ folder, manifest }: { folder: string; manifest: string }, error: unknown): JobProblem {
  const reason = messageOf(error).split('\n')[0]?.slice(0, 400) ?? 'it cannot be loaded';
  const hint = error instanceof BellhopError ? error.hint : undefined;
  return { file: `${folder}/${manifest}`, plugin: folder, reason, ...(hint !== undefined && { hint }) };
}
