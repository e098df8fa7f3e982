import type { Json } from './state.ts';

/** The arguments of a Web API call after decoding: strings as a form gives them, JSON values where JSON was sent. */
export interface Args {
  text(name: string): string | undefined;
  flag(name: string): boolean;
  /** The number in [min, max], or `fallback` when there is none. */
  count(name: string, range: { min: number; max: number; fallback: number }): number;
  /** The value of a JSON argument; `malformed` when it is a string that is not JSON. */
  json(name: string): { value: unknown } | 'absent' | 'malformed';
  all(): Json;
}

/** Reads Web API arguments from a decoded body, whether it came as a form (everything a string) or as JSON. */
export function createArgs(raw: Json): Args {
  const text = (name: string): string | undefined => textOf(raw[name]);
  return {
    text,
    flag: (name) => ['true', '1'].includes(text(name) ?? ''),
    count(name, range) {
      const value = Number(text(name) ?? Number.NaN);
      return Number.isInteger(value) ? Math.min(range.max, Math.max(range.min, value)) : range.fallback;
    },
    json(name) {
      const value = raw[name];
      if (value === undefined || value === '') return 'absent';
      if (typeof value !== 'string') return { value };
      try {
        return { value: JSON.parse(value) };
      } catch {
        return 'malformed';
      }
    },
    all: () => raw,
  };
}

/** The text of a value that a form or JSON carries; anything but text, number and boolean is none. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** A JSON object, and nothing else. */
export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A list of JSON objects, as blocks are. */
export function isJsonList(value: unknown): value is Json[] {
  return Array.isArray(value) && value.every(isJson);
}

/** Decodes a request body by its content type; undefined when it cannot be read. Multipart keeps its files apart. */
export async function decodeBody(
  contentType: string,
  body: Buffer,
): Promise<{ fields: Json; file?: Buffer } | undefined> {
  if (contentType.startsWith('application/json')) {
    try {
      const value: unknown = JSON.parse(body.toString('utf8'));
      return isJson(value) ? { fields: value } : undefined;
    } catch {
      return undefined;
    }
  }
  if (contentType.startsWith('multipart/form-data')) return decodeMultipart(contentType, body);
  return { fields: Object.fromEntries(new URLSearchParams(body.toString('utf8'))) };
}

async function decodeMultipart(
  contentType: string,
  body: Buffer,
): Promise<{ fields: Json; file?: Buffer } | undefined> {
  try {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData();
    const fields: Json = {};
    let file: Buffer | undefined;
    for (const [name, value] of form) {
      if (typeof value === 'string') fields[name] = value;
      else file = Buffer.from(await value.arrayBuffer());
    }
    return { fields, ...(file === undefined ? {} : { file }) };
  } catch {
    return undefined;
  }
}
