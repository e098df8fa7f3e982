/** Checks a definition at the border: a file that came from a person, whatever its type said. */
import { z } from 'zod';
import { members } from './json.ts';
import { didYouMean } from '../suggest.ts';
import { AgentDefinition, loadAgent } from './agent-definition.ts';
import { base, invalid, isFunction, loadedBase, parse, withSchedules, type DefinedAt } from './definition-base.ts';
import { limitsField } from './limits.ts';
import type { LoadedFunction, LoadedJob } from './jobs.ts';

const FunctionDefinition = z.strictObject({
  ...base,
  kind: z.literal('function').default('function'),
  run: z.custom<LoadedFunction['run']>(isFunction, 'must be a function (input, ctx) => report'),
  isolate: z.boolean().default(false),
});
const Argument = z
  .string()
  .max(10_000)
  .refine((text) => !text.includes('\0'), 'must not contain a NUL');
const CommandDefinition = z.strictObject({
  ...base,
  kind: z.literal('command'),
  command: z
    .array(Argument, 'must be a list of the file and its arguments, like ["df", "-P", "{{path}}"]')
    .min(1)
    .max(200),
  output: z.enum(['auto', 'json', 'markdown', 'text']).default('auto'),
  outputLimit: z.number().int().min(1024).max(1_000_000_000).default(50_000_000),
  limits: limitsField,
});
const Kinds = z.enum(['function', 'command', 'agent'], 'must be function, command or agent');

const SCHEMAS = { function: FunctionDefinition, command: CommandDefinition, agent: AgentDefinition } as const;

/** Makes a loaded job of what a file exports; throws a UsageError that names the field and what is wrong with it. */
export function checkDefinition(value: unknown, at: DefinedAt): LoadedJob {
  const written = members(value);
  if (written === undefined)
    throw invalid('the file exports no job by default', 'write: export default defineJob({ … })');
  const object = withSchedules(written, at);
  const kind = Kinds.safeParse(object['kind'] ?? 'function');
  if (!kind.success) throw invalid('kind must be function, command or agent');
  const schema = SCHEMAS[kind.data];
  const unknown = Object.keys(object).find((key) => !(key in schema.shape));
  if (unknown !== undefined)
    throw invalid(
      `"${unknown.slice(0, 60)}" is no field of ${kind.data === 'agent' ? 'an' : 'a'} ${kind.data} job`,
      didYouMean(unknown, Object.keys(schema.shape)),
    );
  if (kind.data === 'function') {
    const { run, isolate, ...rest } = parse(FunctionDefinition, object);
    if (rest.env.length > 0 && !isolate)
      throw invalid('env needs isolate: true', 'a function in our own process sees no environment of its own');
    return { ...loadedBase(rest, at), kind: 'function', run: run.bind(value), isolate };
  }
  if (kind.data === 'agent') return loadAgent(parse(AgentDefinition, object), at, value);
  const { command, output, outputLimit, limits, ...rest } = parse(CommandDefinition, object);
  const loaded = loadedBase(rest, at);
  checkPlaceholders(
    command,
    loaded.shape.fields.map((field) => field.name),
  );
  return { ...loaded, kind: 'command', command, output, outputLimitBytes: outputLimit, limits };
}

/** What a command of a plugin has in common with the jobs of files; throws as `checkDefinition` does. */
export function checkPluginCommand(object: Record<string, unknown>, at: DefinedAt) {
  const { limits, ...rest } = parse(z.strictObject({ ...base, limits: limitsField }), object);
  return { ...loadedBase(rest, at), limits };
}

const PLACEHOLDER = /\{\{\s*([A-Za-z0-9_-]+)\s*\}\}/g;

function checkPlaceholders(command: readonly string[], names: readonly string[]): void {
  if ((command[0] ?? '').includes('{{'))
    throw invalid('command.0: the executable must not be a placeholder', 'only arguments may be filled in');
  for (const argument of command) {
    for (const [, name = ''] of argument.matchAll(PLACEHOLDER)) {
      if (!names.includes(name))
        throw invalid(`command: {{${name}}} is not an input of the job`, didYouMean(name, names));
    }
  }
}
