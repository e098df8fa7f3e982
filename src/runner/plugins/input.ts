/** The input of a plugin's command: compact fields as in a YAML job, or JSON Schema as far as zod can express it. */
import { z } from 'zod';
import { UsageError, messageOf } from '../../errors.ts';
import { didYouMean } from '../../suggest.ts';
import { members } from '../json.ts';
import { inputSchema } from '../yaml.ts';

const COMBINED = ['anyOf', 'oneOf', 'allOf'];
const KEYWORDS = `type properties required additionalProperties items enum const nullable
  minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern format minItems maxItems
  ${COMBINED.join(' ')} $schema $id $comment title description default examples deprecated`.split(/\s+/);
const MAX_DEPTH = 20;

/** The schema of what a manifest says about an input; undefined: any object. Throws a UsageError that names what is wrong. */
export function pluginInput(input: unknown): z.ZodObject {
  if (input === undefined || input === null) return z.looseObject({});
  const object = members(input);
  // In compact form a field named `type` is an object like every field.
  return typeof object?.['type'] === 'string' ? fromJsonSchema(object) : inputSchema(input);
}

function fromJsonSchema(schema: Record<string, unknown>): z.ZodObject {
  if (schema['type'] !== 'object') throw invalid('input.type: must be object', 'an input is an object of named fields');
  check(schema, 'input', MAX_DEPTH);
  let made: z.ZodType;
  try {
    made = z.fromJSONSchema(schema);
  } catch (error) {
    throw invalid(`input: ${messageOf(error)}`);
  }
  if (made instanceof z.ZodObject) return made;
  throw invalid('input: must describe one object by its properties');
}

/** A keyword that zod does not know it leaves out silently: an input would be let in that the manifest means to refuse. */
function check(schema: unknown, at: string, depth: number): void {
  if (typeof schema === 'boolean') return;
  const object = members(schema);
  if (object === undefined) throw invalid(`${at}: is not a schema`);
  if (depth === 0) throw invalid(`${at}: is nested more than ${MAX_DEPTH} levels deep`);
  const unknown = Object.keys(object).find((key) => !KEYWORDS.includes(key));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, KEYWORDS) ?? `it may use ${KEYWORDS.slice(0, 8).join(', ')} and the like`;
    throw invalid(`${at}.${unknown.slice(0, 60)}: is not a keyword that Bellhop can check`, hint);
  }
  for (const [name, property] of Object.entries(members(object['properties']) ?? {}))
    check(property, `${at}.properties.${name.slice(0, 60)}`, depth - 1);
  for (const key of ['items', 'additionalProperties'])
    if (object[key] !== undefined) check(object[key], `${at}.${key}`, depth - 1);
  for (const key of COMBINED) {
    const list: unknown = object[key];
    if (Array.isArray(list)) list.forEach((one: unknown, n) => check(one, `${at}.${key}.${n}`, depth - 1));
  }
}

function invalid(message: string, hint?: string): UsageError {
  return new UsageError(message, { code: 'JOB_INVALID', ...(hint !== undefined && { hint }) });
}
