import { parseDocument } from 'yaml';
import { z } from 'zod';
import { UsageError } from '../errors.ts';
import { members } from './json.ts';
import { didYouMean } from '../suggest.ts';

// The parser is quadratic in some nonsense (a line of 250,000 bytes of tags took 21 s); in this much it takes half a second at most.
export const MAX_YAML_BYTES = 32 * 1024;
// Enough for honest anchors; a billion-laughs document needs far more.
const MAX_ALIASES = 20;

const FieldSpec = z.strictObject({
  type: z.enum(['string', 'integer', 'number', 'boolean', 'enum']).default('string'),
  description: z.string().max(300).optional(),
  default: z.union([z.string(), z.number(), z.boolean()]).optional(),
  optional: z.boolean().default(false),
  values: z.array(z.string()).min(1).max(100).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
});
type FieldSpec = z.infer<typeof FieldSpec>;
const FieldName = /^[A-Za-z][A-Za-z0-9_-]{0,39}$/;

/**
 * Reads the YAML twin of a command job (YAML 1.2 core, no custom tags) and answers what a `.ts` file would have exported.
 * Throws a UsageError that names the line or the field.
 */
export function parseYamlJob(text: string): unknown {
  const object = readYaml(text);
  if (object === undefined)
    throw invalid('the file is not a list of fields', 'begin with name:, description: and command:');
  const { input, ...rest } = object;
  return { kind: 'command', ...rest, ...(input !== undefined && input !== null && { input: inputSchema(input) }) };
}

/** The members of a small YAML document; undefined when it is something else. Throws a UsageError that names the line. */
export function readYaml(text: string): Record<string, unknown> | undefined {
  if (Buffer.byteLength(text) > MAX_YAML_BYTES) throw invalid(`the file is larger than ${MAX_YAML_BYTES / 1024} KB`);
  const document = parseDocument(text, { schema: 'core', version: '1.2', uniqueKeys: true, merge: false });
  const fault = document.errors[0] ?? document.warnings[0];
  if (fault !== undefined) throw invalid(fault.message.split('\n')[0] ?? 'the file is not YAML');
  return members(toJs(document));
}

function toJs(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw new UsageError('the file repeats anchors too often', { code: 'JOB_INVALID', cause: error });
  }
}

/** The schema that compact fields describe; throws a UsageError that names the field. */
export function inputSchema(input: unknown): z.ZodObject {
  const object = members(input);
  if (object === undefined)
    throw invalid('input must list fields by name', 'like: input: { path: { type: string, default: / } }');
  const entries = Object.entries(object).map(([name, spec]) => {
    if (!FieldName.test(name)) throw invalid(`input.${name.slice(0, 60)}: is not a name for a field`);
    return [name, fieldSchema(name, spec)] as const;
  });
  return z.object(Object.fromEntries(entries));
}

function fieldSchema(name: string, value: unknown): z.ZodType {
  const object = members(value ?? {}) ?? {};
  const unknown = Object.keys(object).find((key) => !(key in FieldSpec.shape));
  if (unknown !== undefined)
    throw invalid(
      `input.${name}.${unknown.slice(0, 60)}: is not known`,
      didYouMean(unknown, Object.keys(FieldSpec.shape)),
    );
  const parsed = FieldSpec.safeParse(value ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`input.${[name, ...(issue?.path.map(String) ?? [])].join('.')}: ${issue?.message ?? 'is invalid'}`);
  }
  const spec = parsed.data;
  const described = spec.description === undefined ? typed(name, spec) : typed(name, spec).describe(spec.description);
  if (spec.default === undefined) return spec.optional ? described.optional() : described;
  const preset = described.safeParse(spec.default);
  if (!preset.success)
    throw invalid(`input.${name}.default: ${preset.error.issues[0]?.message ?? 'does not fit the type'}`);
  return described.default(spec.default);
}

function typed(name: string, spec: FieldSpec): z.ZodType {
  const bounds = { min: spec.min ?? -Infinity, max: spec.max ?? Infinity };
  switch (spec.type) {
    case 'string':
      return bounded(z.string().max(10_000), spec);
    case 'integer':
      return number(z.number().int(), bounds);
    case 'number':
      return number(z.number(), bounds);
    case 'boolean':
      return z.boolean();
    case 'enum':
  }
  if (spec.values === undefined) throw invalid(`input.${name}.values: an enum needs its values`);
  return z.enum(spec.values);
}

function number(schema: z.ZodNumber, { min, max }: { min: number; max: number }): z.ZodType {
  const low = Number.isFinite(min) ? schema.min(min) : schema;
  return Number.isFinite(max) ? low.max(max) : low;
}

function bounded(schema: z.ZodString, spec: FieldSpec): z.ZodType {
  const low = spec.min === undefined ? schema : schema.min(spec.min);
  return spec.max === undefined ? low : low.max(spec.max);
}

function invalid(message: string, hint?: string): UsageError {
  return new UsageError(message, { code: 'JOB_INVALID', ...(hint !== undefined && { hint }) });
}
