/** The client of the Claude API, loaded with its first use. */
import type Anthropic from '@anthropic-ai/sdk';
import type { Middleware } from '@anthropic-ai/sdk';
import { z } from 'zod';
import { describeApiError, waitOf } from './model-errors.ts';

export interface ClaudeSettings {
  apiKey: string;
  /** Of a gateway, or of a test. */
  baseUrl?: string;
}
export interface Claude {
  client: Pick<Anthropic, 'messages' | 'models'>;
  /** The version of the SDK. */
  sdk: string;
}

/** Named, for the SDK reads ANTHROPIC_BASE_URL where it is told nothing. */
const API = 'https://api.anthropic.com';
/** Until the headers of an answer; what is streamed after them ends with the signal of the attempt. */
const TIMEOUT_MS = 5 * 60_000;
const MAX_RETRIES = 2;
/** A longer wait is not for an attempt that holds a worker, but for the next one. */
const LONGEST_WAIT_MS = 60_000;
/** What the SDK sends of its own; anything else has come from ANTHROPIC_CUSTOM_HEADERS, which no option turns off. */
const HEADERS = /^(?:accept|content-type|user-agent|anthropic-version|x-stainless-[a-z-]+)$/;

/** Opens it with nothing but these settings: no variable ANTHROPIC_* of the process has a say. */
export async function openClaude(settings: ClaudeSettings): Promise<Claude> {
  const [{ default: Sdk }, { VERSION }] = await Promise.all([
    import('@anthropic-ai/sdk'),
    import('@anthropic-ai/sdk/version'),
  ]);
  const client = new Sdk({
    apiKey: settings.apiKey,
    webhookKey: null,
    baseURL: settings.baseUrl ?? API,
    maxRetries: MAX_RETRIES,
    timeout: TIMEOUT_MS,
    logLevel: 'off',
    openTelemetry: false,
    middleware: [retryOnlyWhatHelps],
    fetch: (url, init) =>
      fetch(url, { ...init, headers: ownHeaders(init?.headers, settings.apiKey), redirect: 'manual' }),
  });
  return { client, sdk: VERSION };
}

function ownHeaders(given: RequestInit['headers'], apiKey: string): Headers {
  const own = new Headers();
  for (const [name, value] of new Headers(given)) if (HEADERS.test(name)) own.set(name, value);
  own.set('authorization', `Bearer ${apiKey}`);
  return own;
}

/** The SDK retries a 429 whatever it says, and waits for as long as it is told: not for a spent limit, and not for an hour. */
const retryOnlyWhatHelps: Middleware = async (request, next) => {
  const response = await next(request);
  if (response.status < 400) return response;
  const isHopeless = (await isSpendLimit(response)) || waitOf(response.headers) > LONGEST_WAIT_MS;
  if (!isHopeless) return response;
  const headers = new Headers(response.headers);
  headers.set('x-should-retry', 'false');
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
};

const SpendError = z.object({
  error: z.object({ details: z.object({ error_code: z.string().regex(/spend_limit/) }) }),
});

async function isSpendLimit(response: Response): Promise<boolean> {
  // The other status of a spent limit, 402, is not retried anyway.
  if (response.status !== 429) return false;
  const text = await response.clone().text();
  try {
    return SpendError.safeParse(JSON.parse(text)).success;
  } catch {
    // No JSON has no code.
    return false;
  }
}

export interface ModelCheck {
  lifecycle: 'active' | 'deprecated' | 'retired';
  /** An instant, once it is known. */
  retiresAt?: string;
}
const ModelFacts = z.object({
  lifecycle: z.enum(['active', 'deprecated', 'retired']),
  retires_at: z.string().max(40).nullish(),
});

/** Whether the key and the model can be used, for `bellhop doctor`. Throws a RunError; costs nothing. */
export async function checkModel(
  claude: Pick<Claude, 'client'>,
  model: string,
  signal: AbortSignal,
): Promise<ModelCheck> {
  try {
    const found = ModelFacts.parse(await claude.client.models.retrieve(model, {}, { signal }));
    return { lifecycle: found.lifecycle, ...(typeof found.retires_at === 'string' && { retiresAt: found.retires_at }) };
  } catch (error) {
    signal.throwIfAborted();
    throw describeApiError(error, model).error;
  }
}
