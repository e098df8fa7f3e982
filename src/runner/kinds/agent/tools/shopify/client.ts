/** One question to the Admin API at a time: paid for, waited for, tried again, and its answer checked. */
import { z } from 'zod';
import { backoffMs } from '../../../../../backoff.ts';
import type { Clock } from '../../../../../clock.ts';
import { RunError } from '../../../../../errors.ts';
import type { TokenSource } from './auth.ts';
import { createBucket } from './bucket.ts';
import type { Bucket } from './bucket.ts';
import { API_VERSION } from './documents.ts';
import { send } from './post.ts';
import type { Reply } from './post.ts';
import { rejected, unavailable } from './refusals.ts';
import type { ShopAddress } from './address.ts';

/** What is asked, and what the answer must look like. */
export interface Question<S extends z.ZodType> {
  document: string;
  variables?: Record<string, unknown>;
  data: S;
}
export interface ShopClient {
  /** Throws a RunError SHOPIFY_REJECTED or SHOPIFY_UNAVAILABLE, or the reason of the signal. */
  ask<S extends z.ZodType>(question: Question<S>, signal: AbortSignal): Promise<z.infer<S>>;
  /** Points that the document was said to cost at most, the last time. */
  cost(document: string): number | undefined;
  /** Points that the shop gives back in a second. */
  restores(): number;
  /** What is to be said of the API itself: another version answered. */
  warnings(): string[];
}
export interface ClientDeps {
  clock: Clock;
  address: ShopAddress;
  tokens: TokenSource;
  random?: () => number;
}

const TRIES = 3;
/** A full bucket is refilled in ten seconds, so more than these waits mean that somebody else drains it. */
const THROTTLED_TRIES = 10;
const BACKOFF = { baseMs: 1000, maxMs: 8000 };
/** What Retry-After may ask for; a longer wait is for the next attempt of the run. */
const LONGEST_WAIT_MS = 60_000;

const Answer = z.object({
  data: z.unknown().optional(),
  errors: z
    .array(
      z.object({ message: z.string().default(''), extensions: z.object({ code: z.string().optional() }).optional() }),
    )
    .optional(),
  extensions: z.object({ cost: z.unknown().optional() }).optional(),
});

/** What one reply means: an answer, a wait before the same question, or an error that was thrown. */
type Outcome = { data: unknown } | { waitMs: number; kind: 'throttled' | 'failed'; cause: RunError };

export function createShopClient({ clock, address, tokens, random = Math.random }: ClientDeps): ShopClient {
  const bucket = createBucket(clock, address.store);
  let otherVersion: string | undefined;

  async function attempt(body: string, document: string, signal: AbortSignal): Promise<Outcome> {
    const token = await tokens.get(signal);
    const sent = { url: address.graphql, body, type: 'application/json' } as const;
    let reply = await send(clock, { ...sent, token }, signal);
    // A token may be revoked before its time; a new one is asked for once.
    if (reply.status === 401 && (await tokens.renew(token, signal)))
      reply = await send(clock, { ...sent, token: await tokens.get(signal) }, signal);
    if (reply.version !== undefined && reply.version !== API_VERSION) otherVersion = reply.version.slice(0, 20);
    return outcomeOf(reply, { document, bucket, address });
  }

  async function ask<S extends z.ZodType>(question: Question<S>, signal: AbortSignal): Promise<z.infer<S>> {
    const { document, variables = {}, data } = question;
    const body = JSON.stringify({ query: document, variables });
    let failures = 0;
    let throttled = 0;
    for (;;) {
      signal.throwIfAborted();
      await bucket.room(document, signal);
      const outcome = await attempt(body, document, signal);
      if ('data' in outcome) return checked(data, outcome.data, address.store);
      if (outcome.kind === 'throttled') throttled++;
      else failures++;
      if (failures >= TRIES || throttled >= THROTTLED_TRIES || outcome.waitMs > LONGEST_WAIT_MS) throw outcome.cause;
      const backoff = outcome.kind === 'failed' ? backoffMs(failures, BACKOFF, random) : 0;
      await clock.sleep(Math.max(outcome.waitMs, backoff), signal);
    }
  }

  return {
    ask,
    cost: (document) => bucket.cost(document),
    restores: () => bucket.restores(),
    warnings: () =>
      otherVersion === undefined
        ? []
        : [`Shopify answered by API version ${clean(otherVersion)} instead of ${API_VERSION}: figures may be off`],
  };
}

function clean(version: string): string {
  return /^[a-z0-9-]+$/.test(version) ? version : 'unknown';
}

interface Asked {
  document: string;
  bucket: Bucket;
  address: ShopAddress;
}
function outcomeOf(reply: Reply, { document, bucket, address }: Asked): Outcome {
  const { store } = address;
  const waitMs = reply.retryAfterMs ?? 0;
  const later = (what: string): Outcome => ({ waitMs, kind: 'failed', cause: unavailable(store, what, waitMs) });
  if (reply.failure !== undefined) return later(reply.failure);
  if (reply.status === 429)
    return { waitMs: Math.max(waitMs, 1000), kind: 'throttled', cause: unavailable(store, 'asked to wait', waitMs) };
  if (reply.status >= 500) return later(`answered ${reply.status}`);
  if (reply.status !== 200) throw rejected(store, { status: reply.status });
  const read = Answer.safeParse(reply.json);
  if (!read.success) return later('answered something that is no GraphQL');
  const { data, errors = [], extensions } = read.data;
  bucket.paid(document, extensions?.cost);
  const codes = errors.map((error) => error.extensions?.code ?? '');
  if (codes.includes('THROTTLED'))
    return {
      waitMs: Math.max(bucket.waitFor(document), 1000),
      kind: 'throttled',
      cause: unavailable(store, 'has no points left for this question', 0),
    };
  if (codes.includes('INTERNAL_SERVER_ERROR') || codes.includes('TIMEOUT')) return later('failed to answer');
  if (errors.length > 0) throw rejected(store, { code: codes.find((code) => code !== '') });
  return { data };
}

function checked<S extends z.ZodType>(schema: S, data: unknown, store: string): z.infer<S> {
  const read = schema.safeParse(data);
  if (read.success) return read.data;
  const at = read.error.issues[0]?.path.join('.').slice(0, 100) ?? '';
  throw new RunError(
    `The answer of ${store} does not fit the API version ${API_VERSION}${at === '' ? '' : ` (at ${at})`}.`,
    {
      code: 'SHOPIFY_REJECTED',
      permanent: true,
      hint: 'This is a bug of Bellhop or a change at Shopify; look for a newer Bellhop.',
    },
  );
}
