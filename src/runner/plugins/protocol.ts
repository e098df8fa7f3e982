/**
 * Protocol 2, as a plugin speaks it: one JSON request on stdin, one JSON response on stdout. What comes back is read here, at the border,
 * and every way in which it can be wrong has a sentence of its own.
 */
import { z } from 'zod';
import { zodIssues } from '../fields.ts';
import { plainJson } from '../json.ts';
import type { Actor, RunSlot, Trigger } from '../../store/records.ts';
import type { Json } from '../../store/store.ts';

export const PROTOCOL = 2;
/** Of stdout: a plugin that writes more is killed. */
export const MAX_RESPONSE_BYTES = 1024 * 1024;
/** Of what a plugin keeps between its calls, as JSON. */
export const MAX_STATE_BYTES = 64 * 1024;
const MAX_DEPTH = 60;
const MAX_ENTRIES = 1000;

/** What a plugin reads. */
export interface PluginRequest {
  protocol: typeof PROTOCOL;
  job_id: string;
  command: string;
  /** The values of its config keys: secrets, and nowhere but here. */
  config: Record<string, string>;
  state: Record<string, unknown>;
  context: {
    /** From 1. */
    attempt: number;
    actor: Pick<Actor, 'kind' | 'id' | 'name'>;
    trigger: Trigger;
    job: string;
    schedule?: Pick<RunSlot, 'name' | 'slot'>;
  };
  /** The input of the run: the payload of a trigger, what was typed in Slack, what a schedule carries. */
  event: Json;
  /** When the attempt is killed. */
  deadline_at: string;
}

const Entry = z.looseObject({ level: z.string().max(40).nullish(), message: z.string() });
const Said = z.looseObject({
  code: z.string().max(60).nullish(),
  message: z.string().min(1),
  hint: z.string().max(2000).nullish(),
});
const Response = z.looseObject({
  status: z.enum(['ok', 'error'], 'must be "ok" or "error"'),
  result: z.json().optional(),
  error: z.union([z.string(), Said], 'must be a text, or an object with a message').nullish(),
  retry: z.boolean().nullish(),
  events: z.array(z.looseObject({}), 'must be a list of objects').max(MAX_ENTRIES).nullish(),
  state_updates: z.looseObject({}, 'must be an object').nullish(),
  logs: z
    .array(z.union([z.string(), Entry], 'must be a text, or an object with a message'), 'must be a list')
    .max(MAX_ENTRIES)
    .nullish(),
});

/** What a plugin answered, read. */
export interface PluginResponse {
  status: 'ok' | 'error';
  result: Json;
  error: { code?: string; message: string; hint?: string };
  /** False: the plugin says that trying again will not help. */
  retry: boolean;
  stateUpdates: Record<string, unknown>;
  /** As lines of text. */
  logs: string[];
  /** All of it, members that the protocol does not know too. */
  whole: Json;
}

export type ReadResponse = { ok: true; response: PluginResponse } | { ok: false; reason: string };

/** Reads all of a plugin's stdout as one response, or says what is wrong with it. */
export function readResponse(stdout: Uint8Array): ReadResponse {
  const text = decoded(stdout);
  if (text === undefined) return wrong('it is not UTF-8');
  const fault = faultOf(text);
  if (fault !== undefined) return wrong(fault);
  const value = parsed(text);
  if (value === undefined) return wrong('it is not JSON');
  const read = Response.safeParse(value);
  if (!read.success) {
    const said = zodIssues(read.error).slice(0, 3);
    return wrong(said.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; '));
  }
  const whole = plainJson(value);
  return whole.ok ? { ok: true, response: responseOf(read.data, whole.json) } : wrong(whole.reason);
}

function responseOf(data: z.infer<typeof Response>, whole: Json): PluginResponse {
  return {
    status: data.status,
    result: data.result ?? null,
    error: errorOf(data.error),
    retry: data.retry ?? true,
    stateUpdates: data.state_updates ?? {},
    logs: (data.logs ?? []).map((one) =>
      typeof one === 'string' ? one : typeof one.level === 'string' ? `${one.level}: ${one.message}` : one.message,
    ),
    whole,
  };
}

function errorOf(error: z.infer<typeof Response>['error']): PluginResponse['error'] {
  if (error === undefined || error === null || error === '') return { message: 'it gave no reason' };
  if (typeof error === 'string') return { message: error };
  const { code, message, hint } = error;
  return {
    message,
    ...(typeof code === 'string' && code !== '' && { code }),
    ...(typeof hint === 'string' && hint !== '' && { hint }),
  };
}

function wrong(reason: string): ReadResponse {
  return { ok: false, reason };
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What keeps a text from being exactly one JSON object, as far as its brackets tell; its inside is for the parser. */
function faultOf(text: string): string | undefined {
  const start = text.search(/\S/);
  if (start === -1) return 'it is empty';
  if (text[start] !== '{') return `it begins with ${JSON.stringify(text.slice(start, start + 20))}, not with {`;
  let depth = 0;
  let quoted = false;
  for (let at = start; at < text.length; at++) {
    const letter = text[at];
    if (quoted) {
      if (letter === '\\') at++;
      else if (letter === '"') quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === '{' || letter === '[') {
      if (++depth > MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} levels deep`;
    } else if ((letter === '}' || letter === ']') && --depth === 0) {
      const rest = text.slice(at + 1).trim();
      if (rest === '') return undefined;
      return rest.startsWith('{') ? 'it holds more than one JSON object' : 'there is more text behind the JSON object';
    }
  }
  return 'it stops in the middle of the JSON object';
}
