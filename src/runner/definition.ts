/** Checks a definition at the border: a file that came from a person, whatever its type said. */
import { z } from 'zod';
import { UsageError, messageOf } from '../errors.ts';
import { JobName } from '../store/records.ts';
import { shapeOf } from './fields.ts';
import { members } from './json.ts';
import { didYouMean } from '../suggest.ts';
import { parseDuration } from './duration.ts';
import { limitsField } from './limits.ts';
import { loadSchedules, scheduleFields } from './schedule-fields.ts';
import { parseTarget } from './targets.ts';
import type { LoadedFunction, LoadedJob } from './jobs.ts';

const DAY_MS = 86_400_000;

const Millis = z.union([z.number(), z.string()]).transform((value, ctx) => {
  const ms = typeof value === 'number' ? value : parseDuration(value);
  if (ms !== undefined && Number.isFinite(ms) && ms >= 1 && ms <= DAY_MS) return Math.round(ms);
  ctx.addIssue({ code: 'custom', message: 'must be between 1 ms and 24h, like 30s, 10m or 2h' });
  return z.NEVER;
});

// Zod 4 decides `instanceof` by traits, so a schema of another copy of it is as good as ours; one of zod 3 is not.
const InputSchema = z.custom<z.ZodObject>(
  (value) => value instanceof z.ZodObject,
  "must be a zod 4 object: import { z } from 'zod', then z.object({ … })",
);
const TargetItem = z.union([z.string(), z.record(z.string(), z.unknown())]).transform((value, ctx) => {
  try {
    return parseTarget(value);
  } catch (error) {
    ctx.addIssue({
      code: 'custom',
      message: error instanceof UsageError ? `${error.message}: ${error.hint ?? ''}` : messageOf(error),
    });
    return z.NEVER;
  }
});
type DestinationsOf = (input: Record<string, unknown>) => unknown;
const isFunction = (value: unknown): boolean => typeof value === 'function';
const EnvName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'must be the name of an environment variable');

const base = {
  name: JobName,
  description: z.string().min(1).max(300),
  input: InputSchema.optional(),
  destinations: z
    .union([z.array(TargetItem).max(20), z.custom<DestinationsOf>(isFunction, 'must be a list or a function')])
    .optional(),
  retries: z.number().int().min(0).max(19).default(2),
  timeout: Millis.default(600_000),
  concurrency: z.number().int().min(1).max(100).default(1),
  priority: z.number().int().min(-100).max(100).default(0),
  backoff: z
    .strictObject({ base: Millis.default(2000), max: Millis.default(300_000) })
    .default({ base: 2000, max: 300_000 }),
  env: z.array(EnvName).max(50).default([]),
  ...scheduleFields,
};
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
const Kinds = z.enum(['function', 'command'], 'must be function or command');

const EMPTY_INPUT = z.object({});

/** Makes a loaded job of what a file exports; throws a UsageError that names the field and what is wrong with it. */
export function checkDefinition(value: unknown, at: { file: string; path: string }): LoadedJob {
  const object = members(value);
  if (object === undefined)
    throw invalid('the file exports no job by default', 'write: export default defineJob({ … })');
  const kind = Kinds.safeParse(object['kind'] ?? 'function');
  if (!kind.success) throw invalid('kind must be function or command');
  const schema = kind.data === 'function' ? FunctionDefinition : CommandDefinition;
  const unknown = Object.keys(object).find((key) => !(key in schema.shape));
  if (unknown !== undefined)
    throw invalid(
      `"${unknown.slice(0, 60)}" is no field of a ${kind.data} job`,
      didYouMean(unknown, Object.keys(schema.shape)),
    );
  if (kind.data === 'function') {
    const { run, isolate, ...rest } = parse(FunctionDefinition, object);
    if (rest.env.length > 0 && !isolate)
      throw invalid('env needs isolate: true', 'a function in our own process sees no environment of its own');
    return { ...loadedBase(rest, at), kind: 'function', run: run.bind(value), isolate };
  }
  const { command, output, outputLimit, limits, ...rest } = parse(CommandDefinition, object);
  const loaded = loadedBase(rest, at);
  checkPlaceholders(
    command,
    loaded.shape.fields.map((field) => field.name),
  );
  return { ...loaded, kind: 'command', command, output, outputLimitBytes: outputLimit, limits };
}

function parse<T>(schema: z.ZodType<T>, object: Record<string, unknown>): T {
  const parsed = schema.safeParse(object);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const rest = parsed.error.issues.length - 1;
  const more = rest > 0 ? ` (and ${rest} more)` : '';
  throw invalid(
    `${issue?.path.map(String).join('.') ?? ''}: ${issue === undefined ? 'invalid' : deepest(issue)}${more}`,
  );
}

/** A union says only "invalid input"; the issue of the branch that got furthest says why. */
function deepest(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_union') return issue.message;
  const inner = issue.errors.flat().find((one) => one.code !== 'invalid_type');
  return inner === undefined ? issue.message : deepest(inner);
}

/** What a command of a plugin has in common with the jobs of files; throws as `checkDefinition` does. */
export function checkPluginCommand(object: Record<string, unknown>, at: { file: string; path: string }) {
  const { limits, ...rest } = parse(z.strictObject({ ...base, limits: limitsField }), object);
  return { ...loadedBase(rest, at), limits };
}

type Checked = Omit<z.infer<typeof CommandDefinition>, 'kind' | 'command' | 'output' | 'outputLimit' | 'limits'>;

function loadedBase(checked: Checked, at: { file: string; path: string }) {
  const schema = checked.input ?? EMPTY_INPUT;
  const shape = shapeOf(schema);
  const destinations = checked.destinations ?? ['origin'];
  return {
    name: checked.name,
    description: checked.description,
    file: at.file,
    path: at.path,
    schema,
    shape,
    destinations,
    policy: {
      maxAttempts: checked.retries + 1,
      timeoutMs: checked.timeout,
      backoff: { baseMs: checked.backoff.base, maxMs: Math.max(checked.backoff.base, checked.backoff.max) },
    },
    concurrency: checked.concurrency,
    priority: checked.priority,
    env: checked.env,
    schedules: loadSchedules({ name: checked.name, schema, shape, destinations }, checked.schedules),
    overlap: checked.overlap,
    guards: checked.guards,
    expensive: checked.expensive,
  };
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

function invalid(message: string, hint?: string): UsageError {
  return new UsageError(message, { code: 'JOB_INVALID', ...(hint !== undefined && { hint }) });
}
