/** One POST whose answer is bounded; follows no redirect, so that the token goes nowhere else. */
import type { Clock } from '../../../../../clock.ts';
import { codeOf } from '../../../../../errors.ts';

export interface Reply {
  status: number;
  /** Undefined when it is none. */
  json: unknown;
  retryAfterMs: number | undefined;
  version: string | undefined;
  /** Nothing came back: why. */
  failure?: string;
}

const MAX_BYTES = 20_000_000;
const TIMEOUT_MS = 30_000;

export interface Sent {
  url: string;
  body: string;
  type: 'application/json' | 'application/x-www-form-urlencoded';
  token?: string;
}

/** Throws only the reason of `signal`; everything else that goes wrong is a reply. */
export async function send(clock: Clock, { url, body, type, token }: Sent, signal: AbortSignal): Promise<Reply> {
  const slow = new AbortController();
  const timer = clock.after(TIMEOUT_MS, () => slow.abort());
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.any([signal, slow.signal]),
      body,
      headers: {
        'content-type': type,
        accept: 'application/json',
        ...(token === undefined ? {} : { 'x-shopify-access-token': token }),
      },
    });
    const reply = {
      status: response.status,
      retryAfterMs: retryAfter(response.headers.get('retry-after')),
      version: response.headers.get('x-shopify-api-version') ?? undefined,
    };
    if (response.status !== 200) {
      await response.body?.cancel();
      return { ...reply, json: undefined };
    }
    const text = await bounded(response);
    if (text === undefined) return { ...reply, json: undefined, failure: `answered more than ${MAX_BYTES / 1e6} MB` };
    return { ...reply, json: parsed(text) };
  } catch (error) {
    signal.throwIfAborted();
    const failure = slow.signal.aborted ? `did not answer within ${TIMEOUT_MS / 1000} s` : failureOf(error);
    return { status: 0, json: undefined, retryAfterMs: undefined, version: undefined, failure };
  } finally {
    timer.cancel();
  }
}

/** The message of fetch says nothing, and that of its cause may hold an address: the code is enough. */
function failureOf(error: unknown): string {
  const code = codeOf(error instanceof Error ? error.cause : undefined);
  return `could not be reached${code === undefined ? '' : ` (${code.slice(0, 40)})`}`;
}

function retryAfter(header: string | null): number | undefined {
  if (header === null || !/^\d{1,6}(\.\d{1,6})?$/.test(header.trim())) return undefined;
  return Math.ceil(Number(header) * 1000);
}

async function bounded(response: Response): Promise<string | undefined> {
  if (response.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
