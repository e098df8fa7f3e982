/** A zod schema as the JSON schema that goes over the wire: closed objects, everything required, no limits. */
import { z } from 'zod';
import { UsageError, messageOf } from '../../../../errors.ts';

// The service holds none of them; zod does, when the answer is read.
const LIMITS = new Set([
  '$schema',
  'default',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'format',
  'maxItems',
  'maxLength',
  'maximum',
  'minItems',
  'minLength',
  'minimum',
  'multipleOf',
  'pattern',
  'uniqueItems',
]);
const MAX_DEPTH = 20;

type Node = Readonly<Record<string, unknown>>;

/** Throws a UsageError that names the place when the schema cannot be held by the service. */
export function wireSchema(schema: z.ZodObject, where: string): Record<string, unknown> {
  let json: unknown;
  try {
    json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'throw', cycles: 'throw' });
  } catch (cause) {
    throw refused(where, messageOf(cause), cause);
  }
  return closed(json, where, 0);
}

function closed(node: unknown, where: string, depth: number): Record<string, unknown> {
  if (!isNode(node)) throw refused(where, 'it takes anything');
  if (depth > MAX_DEPTH) throw refused(where, `it is nested deeper than ${MAX_DEPTH}`);
  const choices = node['anyOf'] ?? node['oneOf'];
  if (!['type', 'enum', 'const', 'anyOf', 'oneOf'].some((name) => name in node))
    throw refused(where, '$ref' in node ? 'it refers to itself' : 'it takes anything');
  const rest = Object.fromEntries(Object.entries(node).filter(([name]) => !LIMITS.has(name) && name !== 'oneOf'));
  if (Array.isArray(choices))
    return { ...rest, anyOf: choices.map((choice, at) => closed(choice, `${where}|${at + 1}`, depth + 1)) };
  if (node['type'] === 'array') return { ...rest, items: closed(node['items'], `${where}[]`, depth + 1) };
  return node['type'] === 'object' ? { ...rest, ...closedObject(node, where, depth) } : rest;
}

function closedObject(node: Node, where: string, depth: number): Record<string, unknown> {
  const { properties, required } = node;
  if (!isNode(properties) || 'propertyNames' in node) throw refused(where, 'its members have no fixed names');
  const names = Object.keys(properties);
  const optional = names.find((name) => !Array.isArray(required) || !required.includes(name));
  if (optional !== undefined) throw refused(`${where}.${optional}`, 'it is optional');
  const members = names.map((name) => [name, closed(properties[name], `${where}.${name}`, depth + 1)]);
  return { properties: Object.fromEntries(members), required: names, additionalProperties: false };
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(where: string, why: string, cause?: unknown): UsageError {
  return new UsageError(`${where} cannot be asked of a model: ${why}.`, {
    code: 'JOB_INVALID',
    hint: 'Use objects with fixed members, texts, numbers, enums and lists of them; `.nullable()` instead of `.optional()`, and no z.any, z.record or z.date.',
    ...(cause !== undefined && { cause }),
  });
}
