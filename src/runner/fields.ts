import { z } from 'zod';
import { members, plainJson } from './json.ts';
import { didYouMean } from '../suggest.ts';
import type { Json } from '../store/store.ts';

type FieldType = 'string' | 'integer' | 'number' | 'boolean' | 'enum' | 'list' | 'json';

/** One value of a job's input, as help and forms show it. */
export interface Field {
  name: string;
  type: FieldType;
  required: boolean;
  default?: Json;
  description?: string;
  /** The allowed values of an enum, or of a list's items. */
  values?: string[];
  /** What a list consists of. */
  items?: Exclude<FieldType, 'list'>;
}

export interface InputIssue {
  path: string;
  message: string;
  hint?: string;
}

/** Whether the field must be given, and what holds when it is not. */
export function needOf({ required, default: preset }: Field): string {
  if (required) return 'must be given';
  return preset === undefined ? 'may be left out' : `default ${JSON.stringify(preset)}`;
}

/** The input of a job: its fields, and whether it takes members that are not fields. */
export interface InputShape {
  fields: Field[];
  open: boolean;
}

export type InputResult = { ok: true; input: Json } | { ok: false; issues: InputIssue[] };

const Node = z.object({
  type: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  items: z.unknown().optional(),
});
const Root = z.object({
  properties: z.record(z.string(), Node).default({}),
  required: z.array(z.string()).default([]),
  additionalProperties: z.unknown().optional(),
});

/** Reads the fields of an input schema from its JSON Schema; what JSON Schema cannot say becomes a `json` field. */
export function shapeOf(schema: z.ZodObject): InputShape {
  const input = Root.parse(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  const output = Root.parse(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }));
  const fields = Object.entries(input.properties).map(([name, node]) => fieldOf(name, node, input.required));
  return { fields, open: output.additionalProperties !== false };
}

function fieldOf(name: string, node: z.infer<typeof Node>, required: readonly string[]): Field {
  const type = typeOf(node);
  const item = type === 'list' ? Node.safeParse(node.items) : undefined;
  const itemType = item?.success === true ? typeOf(item.data) : 'json';
  const values = valuesOf(item?.success === true ? item.data : node);
  const preset = node.default === undefined ? undefined : plainJson(node.default);
  return {
    name,
    type,
    required: required.includes(name),
    ...(preset?.ok === true && { default: preset.json }),
    ...(node.description !== undefined && { description: node.description }),
    ...(values !== undefined && { values }),
    ...(type === 'list' && { items: itemType === 'list' ? 'json' : itemType }),
  };
}

function typeOf(node: z.infer<typeof Node>): FieldType {
  if (valuesOf(node) !== undefined) return 'enum';
  if (node.type === 'array') return 'list';
  if (node.type === 'string' || node.type === 'integer' || node.type === 'number' || node.type === 'boolean')
    return node.type;
  return 'json';
}

function valuesOf(node: z.infer<typeof Node>): string[] | undefined {
  const all = node.enum ?? (typeof node.const === 'string' ? [node.const] : undefined);
  if (all === undefined || all.length === 0) return undefined;
  const texts = all.filter((value) => typeof value === 'string');
  return texts.length === all.length ? texts : undefined;
}

const YES = new Set(['true', 'yes', 'on', 'y', '1']);
const NO = new Set(['false', 'no', 'off', 'n', '0']);
const MAX_ITEMS = 1000;

/** Gives typed words their types as the fields say; what does not read as its type stays a text for the schema to refuse. */
function coerce(fields: readonly Field[], words: Record<string, string>): Record<string, unknown> {
  const byName = new Map(fields.map((field) => [field.name, field]));
  return Object.fromEntries(
    Object.entries(words).map(([name, word]) => [name, coerceWord(byName.get(name), word)] as const),
  );
}

function coerceWord(field: Field | undefined, word: string): unknown {
  if (field === undefined) return word;
  if (field.type !== 'list') return coerceScalar(field.type, word, field.values);
  if (word.trimStart().startsWith('[')) return coerceScalar('json', word, undefined);
  if (word.trim() === '') return [];
  const item = field.items ?? 'string';
  return word.split(',', MAX_ITEMS + 1).map((part) => coerceScalar(item, part.trim(), field.values));
}

function coerceScalar(type: FieldType, word: string, values: readonly string[] | undefined): unknown {
  const bare = word.trim();
  switch (type) {
    case 'integer':
    case 'number':
      return /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i.test(bare) ? Number(bare) : word;
    case 'boolean':
      if (YES.has(bare.toLowerCase())) return true;
      return NO.has(bare.toLowerCase()) ? false : word;
    case 'enum':
      return values?.find((value) => value.toLowerCase() === bare.toLowerCase()) ?? word;
    case 'json':
      return parseOr(word);
    case 'string':
    case 'list':
  }
  return word;
}

function parseOr(word: string): unknown {
  try {
    const parsed: unknown = JSON.parse(word);
    return parsed;
  } catch {
    // Not JSON: it is meant as the text that it is.
    return word;
  }
}

const Words = z.record(z.string(), z.string());

/**
 * Decides whether an input fits: words are given their types, defaults are filled in (a run keeps the defaults it was submitted
 * with), unknown members are refused with the nearest known name, then the schema has the last word.
 */
export function readInput(
  schema: z.ZodObject,
  shape: InputShape,
  given: { input: unknown; as: 'words' | 'json' },
): InputResult {
  const raw = given.input === undefined || given.input === null ? {} : given.input;
  const words = given.as === 'words' ? Words.safeParse(raw) : undefined;
  if (words?.success === false) return failed('', 'the input must be a list of name=value');
  const object = members(words === undefined ? raw : coerce(shape.fields, words.data));
  if (object === undefined) return failed('', 'the input must be a JSON object');
  const names = shape.fields.map((field) => field.name);
  const unknown = shape.open ? [] : Object.keys(object).filter((key) => !names.includes(key));
  const unknownIssues = unknown.slice(0, 10).map((key) => unknownIssue(key, names));
  const presets = shape.fields.flatMap((field) =>
    field.default === undefined ? [] : [[field.name, field.default] as const],
  );
  const plain = plainJson(Object.fromEntries([...presets, ...Object.entries(object)]));
  if (!plain.ok) return failed('', plain.reason);
  const parsed = checkedBy(schema, plain.json);
  if (parsed === undefined)
    return failed('', 'the schema of the job broke on it: its checks must be synchronous and must not throw');
  const issues = [...unknownIssues, ...(parsed.success ? [] : zodIssues(parsed.error))];
  return issues.length === 0 ? { ok: true, input: plain.json } : { ok: false, issues };
}

/** Undefined when a check of the job's own code throws, or is asynchronous. */
function checkedBy(schema: z.ZodObject, input: Json): ReturnType<z.ZodObject['safeParse']> | undefined {
  try {
    return schema.safeParse(input);
  } catch {
    return undefined;
  }
}

/** The issues of a zod error with their paths as people write them; at most 20. */
export function zodIssues(error: z.ZodError): InputIssue[] {
  return error.issues.slice(0, 20).map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message }));
}

function failed(path: string, message: string): InputResult {
  return { ok: false, issues: [{ path, message }] };
}

function unknownIssue(key: string, names: readonly string[]): InputIssue {
  const near = didYouMean(key, names);
  const known = names.length === 0 ? 'this job takes no input' : `it takes ${names.join(', ')}`;
  return { path: key.slice(0, 100), message: 'is not an input of this job', hint: near ?? known };
}
