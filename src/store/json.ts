import type { ZodType } from 'zod';
import { UsageError } from '../errors.ts';

/** A deep copy of JSON data, frozen: what the store hands out cannot be used to change the store. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) frozen(item);
  }
  return value;
}

/** The size of a value as compact JSON, in bytes. */
export function jsonBytes(value: unknown, what: string): number {
  return Buffer.byteLength(encode(value, what));
}

/** A value as compact JSON, and its size in bytes; `what` names it in errors. */
export interface Encoded {
  json: string;
  bytes: number;
  what: string;
}

/** Throws a UsageError INPUT_INVALID for what is nested too deeply. */
export function encoded(value: unknown, what: string): Encoded {
  const json = encode(value, what);
  return { json, bytes: Buffer.byteLength(json), what };
}

/**
 * A frozen copy of `value` that fits the schema. What does not fit must not reach the disk: it could not be read back.
 * Throws a UsageError INPUT_INVALID that names the field.
 */
export function checked<T>(schema: ZodType<T>, value: unknown, what: string): T {
  return checkedText(schema, { json: encode(value, what), what });
}

/** The same for what is encoded already. */
export function checkedText<T>(schema: ZodType<T>, { json, what }: Pick<Encoded, 'json' | 'what'>): T {
  const copy: unknown = JSON.parse(json);
  const parsed = guardDepth(what, () => schema.safeParse(copy));
  if (parsed.success) return guardDepth(what, () => frozen(parsed.data));
  const issue = parsed.error.issues[0];
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  throw new UsageError(`${what} does not fit its schema${where}: ${issue?.message ?? 'unknown problem'}`, {
    code: 'INPUT_INVALID',
    cause: parsed.error,
  });
}

/**
 * `parsed` with what the schema did not know and `raw` holds, at any depth: fields of a newer minor version survive being read, changed
 * and written by this one.
 */
export function graft<T>(parsed: T, raw: unknown): T {
  return graftValue(parsed, raw);
}

// The type says what holds: every key of `parsed` is kept with its value, keys are only added.
function graftValue<T>(parsed: T, raw: unknown): T;
function graftValue(parsed: unknown, raw: unknown): unknown {
  // Most of what is read was written by this version: nothing is copied until something unknown is found.
  if (!holdsUnknown(parsed, raw)) return parsed;
  if (Array.isArray(parsed)) {
    return Array.isArray(raw) ? parsed.map((item: unknown, at): unknown => graftValue(item, raw[at])) : parsed;
  }
  if (typeof parsed !== 'object' || parsed === null || typeof raw !== 'object' || raw === null) return parsed;
  const known = new Map<string, unknown>(Object.entries(parsed));
  const merged = Object.entries(raw).map(([key, value]: [string, unknown]) => [
    key,
    known.has(key) ? graftValue(known.get(key), value) : value,
  ]);
  return { ...parsed, ...Object.fromEntries(merged) };
}

/** Whether `raw` has a field, at any depth, that `parsed` has not. */
function holdsUnknown(parsed: unknown, raw: unknown): boolean {
  if (typeof parsed !== 'object' || parsed === null || typeof raw !== 'object' || raw === null) return false;
  if (Array.isArray(parsed)) {
    return Array.isArray(raw) && parsed.some((item: unknown, at) => holdsUnknown(item, raw[at]));
  }
  for (const key of Object.keys(raw)) {
    if (!Object.hasOwn(parsed, key) || holdsUnknown(Reflect.get(parsed, key), Reflect.get(raw, key))) return true;
  }
  return false;
}

function encode(value: unknown, what: string): string {
  return guardDepth(what, () => JSON.stringify(value) ?? 'null');
}

/** Data nested some thousand levels deep exhausts the stack of every recursive walk. */
function guardDepth<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`${what} is nested too deeply.`, { code: 'INPUT_INVALID', cause: error });
  }
}
