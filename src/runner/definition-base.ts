/** What the definitions of all kinds of jobs have in common, and how a field that is wrong is named. */
import { z } from 'zod';
import { UsageError, messageOf } from '../errors.ts';
import { JobName } from '../store/records.ts';
import { shapeOf } from './fields.ts';
import { parseDuration } from './duration.ts';
import { loadSchedules, scheduleFields } from './schedule-fields.ts';
import { parseTarget } from './targets.ts';
import type { Lookup } from './jobs.ts';

/** Where a definition stands: the name of its file, its path, and who is told of the files that it reads. */
export interface DefinedAt {
  file: string;
  path: string;
  watch?: (path: string) => void;
  /** What `schedules` may look up; default: nothing is set. */
  variables?: Readonly<Record<string, string | undefined>>;
}

const DAY_MS = 86_400_000;

export const Millis = z.union([z.number(), z.string()]).transform((value, ctx) => {
  const ms = typeof value === 'number' ? value : parseDuration(value);
  if (ms !== undefined && Number.isFinite(ms) && ms >= 1 && ms <= DAY_MS) return Math.round(ms);
  ctx.addIssue({ code: 'custom', message: 'must be between 1 ms and 24h, like 30s, 10m or 2h' });
  return z.NEVER;
});

// Zod 4 decides `instanceof` by traits, so a schema of another copy of it is as good as ours; one of zod 3 is not.
export const InputSchema = z.custom<z.ZodObject>(
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
export const isFunction = (value: unknown): boolean => typeof value === 'function';
const EnvName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,99}$/, 'must be the name of an environment variable');

export const base = {
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
const EMPTY_INPUT = z.object({});

/** The fields as the schema reads them; throws a UsageError that names the first that is wrong. */
export function parse<T>(schema: z.ZodType<T>, object: Record<string, unknown>): T {
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

/** The definition with its schedules as a list, where they are a function of the environment. */
export function withSchedules(object: Record<string, unknown>, at: DefinedAt): Record<string, unknown> {
  const { schedules } = object;
  if (typeof schedules !== 'function') return object;
  const { variables = {} } = at;
  const lookup: Lookup = (name) => (Object.hasOwn(variables, name) ? variables[name]?.trim() : undefined) || undefined;
  try {
    return { ...object, schedules: schedules(lookup) as unknown }; // checked with the other fields
  } catch (error) {
    throw invalid(`schedules: the function failed: ${messageOf(error)}`);
  }
}

const Checked = z.strictObject(base);
type Checked = z.infer<typeof Checked>;

/** The members that every loaded job has. */
export function loadedBase(checked: Checked, at: DefinedAt) {
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

export function invalid(message: string, hint?: string): UsageError {
  return new UsageError(message, { code: 'JOB_INVALID', ...(hint !== undefined && { hint }) });
}
