import { z } from 'zod';
import { readThrown } from './thrown.ts';
import type { Json } from '../store/store.ts';

const MAX_DEPTH = 60;
const AnyJson = z.json();

export type Plain = { ok: true; json: Json; bytes: number } | { ok: false; reason: string };

/**
 * Turns a value into plain JSON (dates become texts, undefined members are left out), or says which part is none.
 * A copy, so that what is stored is what JSON can say; `bytes` is its length in UTF-8.
 */
export function plainJson(value: unknown): Plain {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, refuse);
  } catch (error) {
    return { ok: false, reason: reasonOf(error) };
  }
  if (text === undefined) return { ok: false, reason: `a ${typeof value} is not JSON` };
  const copy: unknown = JSON.parse(text);
  if (deeperThan(copy, MAX_DEPTH)) return { ok: false, reason: `it is nested more than ${MAX_DEPTH} levels deep` };
  return { ok: true, json: AnyJson.parse(copy), bytes: Buffer.byteLength(text) };
}

class NotJson extends Error {}

function refuse(key: string, value: unknown): unknown {
  const at = key === '' ? '' : ` (at "${key.slice(0, 60)}")`;
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol')
    throw new NotJson(`a ${typeof value} is not JSON${at}`);
  if (value instanceof Map || value instanceof Set) throw new NotJson(`a ${value.constructor.name} is not JSON${at}`);
  return value;
}

function reasonOf(error: unknown): string {
  if (error instanceof NotJson) return error.message;
  if (error instanceof RangeError) return 'it is too large or nested too deep';
  // V8 words cycles over several lines; the first one says it.
  return readThrown(error).message.split('\n')[0] ?? 'it is not JSON';
}

function deeperThan(value: unknown, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true;
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return false;
}

/** The members of a value that is an object and no array; undefined otherwise. */
export function members(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value));
}
