/** The token of a shop: one that does not end, or one of a day that is asked for with the app's own id and secret. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { backoffMs } from '../../../../../backoff.ts';
import type { Clock } from '../../../../../clock.ts';
import type { ShopAddress, ShopEnv } from './address.ts';
import { send } from './post.ts';
import type { Reply } from './post.ts';
import { misconfigured, rejected, unavailable } from './refusals.ts';
import { share } from './share.ts';
import type { Reading } from './share.ts';

export interface TokenSource {
  get(signal: AbortSignal): Promise<string>;
  /** After the shop refused `token`: true when another one can be had. */
  renew(token: string, signal: AbortSignal): Promise<boolean>;
}

const EARLY_MS = 10 * 60_000;
const TRIES = 3;
const BACKOFF = { baseMs: 1000, maxMs: 8000 };
const MAX_SOURCES = 50;
const Granted = z.object({
  access_token: z.string().min(1).max(500),
  expires_in: z.number().positive().max(10_000_000).default(86_400),
});
/** By clock, then by shop and secret: attempts that follow one another use the same token. */
const sources = new WeakMap<Clock, Map<string, TokenSource>>();

/** SHOPIFY_ACCESS_TOKEN, or SHOPIFY_CLIENT_ID with SHOPIFY_CLIENT_SECRET. */
export function tokenSource(env: ShopEnv, address: ShopAddress, clock: Clock): TokenSource {
  const token = env['SHOPIFY_ACCESS_TOKEN']?.trim() ?? '';
  const id = env['SHOPIFY_CLIENT_ID']?.trim() ?? '';
  const secret = env['SHOPIFY_CLIENT_SECRET']?.trim() ?? '';
  if (token === '' && (id === '' || secret === ''))
    throw misconfigured(
      `There is no token for the shop ${address.store}.`,
      'Set SHOPIFY_ACCESS_TOKEN, or SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET, and list them in `env` of the job.',
    );
  // What stands in a header must be of one line.
  if (!/^[\x21-\x7e]{0,500}$/.test(token))
    throw misconfigured('SHOPIFY_ACCESS_TOKEN is no token.', 'Copy it again, without blanks and line breaks.');
  const known = sources.get(clock) ?? new Map<string, TokenSource>();
  sources.set(clock, known);
  const key = createHash('sha256').update([address.oauth, token, id, secret].join('\n')).digest('hex');
  const found = known.get(key) ?? (token === '' ? ofDay({ id, secret }, address, clock) : unending(token));
  known.set(key, found);
  const oldest = known.keys().next().value;
  if (known.size > MAX_SOURCES && oldest !== undefined) known.delete(oldest);
  return found;
}

function unending(token: string): TokenSource {
  return { get: () => Promise.resolve(token), renew: () => Promise.resolve(false) };
}

interface Held {
  token: string;
  until: number;
}
/** Those who need a token at the same time share one request for it. */
function ofDay(app: { id: string; secret: string }, address: ShopAddress, clock: Clock): TokenSource {
  let held: Held | undefined;
  let asking: Reading<Held> | undefined;

  function fresh(signal: AbortSignal): Promise<Held> {
    asking ??= share(
      async (shared) => {
        held = await grant({ app, address, clock }, shared);
        asking = undefined;
        return held;
      },
      () => (asking = undefined),
    );
    return asking(signal);
  }
  return {
    async get(signal) {
      if (held !== undefined && clock.now() < held.until - EARLY_MS) return held.token;
      return (await fresh(signal)).token;
    },
    async renew(token, signal) {
      // Somebody else has renewed it meanwhile.
      if (held !== undefined && held.token !== token) return true;
      held = undefined;
      await fresh(signal);
      return true;
    },
  };
}

interface Grant {
  app: { id: string; secret: string };
  address: ShopAddress;
  clock: Clock;
}
async function grant({ app, address, clock }: Grant, signal: AbortSignal): Promise<Held> {
  const form = { grant_type: 'client_credentials', client_id: app.id, client_secret: app.secret };
  const body = new URLSearchParams(form).toString();
  for (let attempt = 1; ; attempt++) {
    const asked = clock.now();
    const type = 'application/x-www-form-urlencoded';
    const reply = await send(clock, { url: address.oauth, body, type }, signal);
    const read = Granted.safeParse(reply.json);
    if (reply.status === 200 && read.success)
      return { token: read.data.access_token, until: asked + read.data.expires_in * 1000 };
    const what = wasUnavailable(reply);
    if (what === undefined) throw refused(reply, address);
    if (attempt >= TRIES) throw unavailable(address.store, what, reply.retryAfterMs ?? 0);
    await clock.sleep(backoffMs(attempt, BACKOFF), signal);
    signal.throwIfAborted();
  }
}

function wasUnavailable(reply: Reply): string | undefined {
  if (reply.failure !== undefined) return reply.failure;
  if (reply.status === 429 || reply.status >= 500) return `answered ${reply.status} when a token was asked for`;
  return reply.status === 200 ? 'answered something that is no token' : undefined;
}

function refused({ status }: Reply, { store }: ShopAddress): Error {
  if (status !== 400 && status !== 401 && status !== 403) return rejected(store, { status });
  return misconfigured(
    `The shop ${store} gives this app no token.`,
    'Check SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET; the app must be installed in the shop, and both belong to one organization.',
  );
}
