/** One folder with a manifest becomes one job a command. */
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UsageError, codeOf } from '../../errors.ts';
import { JobName } from '../../store/records.ts';
import { checkPluginCommand } from '../definition.ts';
import { MAX_YAML_BYTES } from '../yaml.ts';
import { entrypointOf } from './entrypoint.ts';
import { pluginInput } from './input.ts';
import { parseManifest, variableOf, type Manifest, type ManifestCommand } from './manifest.ts';
import type { LoadedPlugin, PluginFacts } from '../jobs.ts';

export const MANIFESTS = ['manifest.yaml', 'manifest.yml'] as const;

// Work that is only looked at may be done again; what changes something outside may not, unless its author says so.
const RETRIES = { read: 2, write: 0 } as const;
// As many as the runner takes: the plugin itself says that its calls may overlap.
const CONCURRENCY = { safe: 64, alone: 1 } as const;

export interface PluginAt {
  /** Absolute. */
  folder: string;
  /** The manifest's name inside it. */
  manifest: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** The jobs of one plugin; throws a UsageError (JOB_INVALID) that says what is wrong, or which variable is missing. */
export async function loadPlugin({ folder, manifest: file }: PluginAt, env: Env): Promise<LoadedPlugin[]> {
  const path = join(folder, file);
  const manifest = parseManifest(await readSmall(path));
  const { name, version, entrypoint, concurrencySafe } = manifest;
  await entrypointOf({ folder, entrypoint });
  refuseMissing(manifest, env);
  const variables = [...manifest.required, ...manifest.optional].map((key) => variableOf(name, key));
  const plugin: PluginFacts = { name, version, folder, entrypoint, concurrencySafe, variables };
  const at = { file: `${basename(folder)}/${file}`, path };
  const config = (): Record<string, string> => configOf(manifest, env);
  return manifest.commands.map((command) => {
    const base = named(command.name, () => checkPluginCommand(definitionOf(manifest, command), at));
    return { ...base, kind: 'plugin', plugin, command: command.name, type: command.type, config };
  });
}

function definitionOf({ name, description, concurrencySafe }: Manifest, command: ManifestCommand) {
  const { type, timeout, destinations, limits } = command;
  const full = `${name}-${command.name}`;
  if (!JobName.safeParse(full).success) throw invalid(`the job name ${full} is longer than 64 characters`);
  if (!concurrencySafe && (command.concurrency ?? 1) !== 1)
    throw invalid('concurrency: must be 1, for concurrency_safe is false');
  return {
    name: full,
    description: command.description ?? (description === '' ? `${command.name} of ${name}` : description),
    input: pluginInput(command.input),
    retries: command.retries ?? RETRIES[type],
    concurrency: command.concurrency ?? CONCURRENCY[concurrencySafe ? 'safe' : 'alone'],
    ...(timeout !== undefined && { timeout }),
    ...(destinations !== undefined && { destinations }),
    ...(limits !== undefined && { limits }),
  };
}

/** Says which command is meant. */
function named<T>(command: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw invalid(`command ${command}: ${error.message}`, error.hint);
  }
}

function configOf({ name, required, optional }: Manifest, env: Env): Record<string, string> {
  const given = [...required, ...optional].flatMap((key) => {
    const value = env[variableOf(name, key)];
    return value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(given);
}

function refuseMissing({ name, required }: Manifest, env: Env): void {
  const missing = required.map((key) => variableOf(name, key)).filter((variable) => env[variable] === undefined);
  if (missing.length === 0) return;
  throw invalid(
    `plugin ${name} needs ${missing.join(' and ')}`,
    `set ${missing.length === 1 ? 'it' : 'them'} and start again`,
  );
}

async function readSmall(path: string): Promise<string> {
  try {
    const handle = await open(path);
    try {
      const buffer = Buffer.alloc(MAX_YAML_BYTES + 1);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw invalid(`the manifest cannot be read (${codeOf(error) ?? 'error'})`);
  }
}

function invalid(message: string, hint?: string): UsageError {
  return new UsageError(message, { code: 'JOB_INVALID', ...(hint !== undefined && { hint }) });
}
