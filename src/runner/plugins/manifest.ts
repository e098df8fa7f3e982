/** manifest.yaml: what a plugin is called, what it speaks, what it can do and which configuration it needs. */
import { z } from 'zod';
import { UsageError } from '../../errors.ts';
import { JobName } from '../../store/records.ts';
import { didYouMean } from '../../suggest.ts';
import { members } from '../json.ts';
import { readYaml } from '../yaml.ts';
import { badEntrypoint } from './entrypoint.ts';
import { PROTOCOL } from './protocol.ts';

const MAX_COMMANDS = 50;
const MAX_KEYS = 50;

const Word = z.union([z.string().max(100), z.number()]).transform(String);
const ConfigKey = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,59}$/, 'must be the name of a config key, like api_key');
const Keys = z.array(ConfigKey).max(MAX_KEYS).nullish();

const Command = z.strictObject({
  name: JobName,
  description: z.string().min(1).max(300).optional(),
  type: z.enum(['read', 'write'], 'must be read or write'),
  input: z.unknown().optional(),
  timeout: z.union([z.number(), z.string()]).optional(),
  retries: z.number().optional(),
  concurrency: z.number().optional(),
  destinations: z.array(z.unknown()).optional(),
  limits: z.unknown().optional(),
});
export type ManifestCommand = z.infer<typeof Command>;

const Plugin = z.strictObject({
  manifest_spec: Word,
  name: JobName,
  version: Word,
  protocol: Word,
  entrypoint: z
    .string()
    .min(1)
    .max(300)
    .superRefine((path, ctx) => {
      const bad = badEntrypoint(path);
      if (bad !== undefined) ctx.addIssue({ code: 'custom', message: bad });
    }),
  description: z.string().max(300).default(''),
  concurrency_safe: z.boolean().default(true),
  commands: z.array(Command).min(1, 'must name a command').max(MAX_COMMANDS),
  config_keys: z.strictObject({ required: Keys, optional: Keys }).nullish(),
});

export interface Manifest {
  name: string;
  version: string;
  description: string;
  entrypoint: string;
  concurrencySafe: boolean;
  commands: ManifestCommand[];
  required: string[];
  optional: string[];
}

/**
 * Reads the text of a manifest.
 * @throws UsageError (JOB_INVALID) that names the line or the field; a plugin of another protocol is refused by name.
 */
export function parseManifest(text: string): Manifest {
  const object = readYaml(text);
  if (object === undefined)
    throw invalid('the manifest is not a list of fields', 'begin with manifest_spec:, name: and version:');
  refuseProtocol(object);
  refuseUnknown(object, Object.keys(Plugin.shape), '');
  const commands = listed(object['commands']);
  commands.forEach((one, n) => refuseUnknown(members(one) ?? {}, Object.keys(Command.shape), `commands.${n}.`));
  const parsed = Plugin.safeParse({ ...object, commands });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'is invalid'}`);
  }
  const { name, version, description, entrypoint, concurrency_safe, config_keys } = parsed.data;
  refuseTwice(parsed.data.commands.map((one) => one.name));
  const required = config_keys?.required ?? [];
  const optional = config_keys?.optional ?? [];
  const keys = [...required, ...optional].map((key) => variableOf(name, key));
  const twice = keys.find((key, n) => keys.indexOf(key) !== n);
  if (twice !== undefined) throw invalid(`config_keys: two of them are read from ${twice}`);
  return {
    name,
    version,
    description,
    entrypoint,
    required,
    optional,
    concurrencySafe: concurrency_safe,
    commands: parsed.data.commands,
  };
}

/** The variable of a config key: `BELLHOP_PLUGIN_LINK_CHECK_API_KEY` for `api_key`, `api-key` or `apiKey` of link-check. */
export function variableOf(plugin: string, key: string): string {
  const words = `${plugin}_${key.replace(/([a-z0-9])([A-Z])/g, '$1_$2')}`;
  return `BELLHOP_PLUGIN_${words.replace(/[^A-Za-z0-9]/g, '_').toUpperCase()}`;
}

/** Before anything else is looked at: a manifest of another protocol may have other fields. */
function refuseProtocol({ name, protocol }: Record<string, unknown>): void {
  const word = Word.safeParse(protocol);
  if (!word.success || word.data.trim() === String(PROTOCOL)) return;
  const plugin = typeof name === 'string' ? ` ${name.slice(0, 64)}` : '';
  throw invalid(
    `plugin${plugin} speaks protocol ${word.data.trim()}, which Bellhop does not: it speaks protocol ${PROTOCOL}`,
    'docs/plugins.md shows protocol 2; change the plugin and say protocol: 2',
  );
}

/** A map of commands by name is as good as a list. */
function listed(commands: unknown): unknown[] {
  if (Array.isArray(commands)) return commands;
  return Object.entries(members(commands) ?? {}).map(([name, one]) => ({ name, ...members(one) }));
}

function refuseTwice(names: readonly string[]): void {
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined) throw invalid(`commands: ${twice} is there twice`);
}

function refuseUnknown(object: Record<string, unknown>, known: readonly string[], at: string): void {
  const unknown = Object.keys(object).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw invalid(`${at}${unknown.slice(0, 60)}: is not a field of a manifest`, didYouMean(unknown, known));
}

function invalid(message: string, hint?: string): UsageError {
  return new UsageError(message, { code: 'JOB_INVALID', ...(hint !== undefined && { hint }) });
}
