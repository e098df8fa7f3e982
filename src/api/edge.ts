/** What every request passes before anything looks at it: its number, the headers of its answer, a look at its address, and its rate. */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { Context, MiddlewareHandler } from 'hono';
import type { Log } from '../log.ts';
import type { ApiEnv } from './runs.ts';
import { answerRefusal } from './problem.ts';
import { networkOf } from './rate.ts';
import type { Rate } from './rate.ts';
import { tokenInUrl } from './url-token.ts';

export interface EdgeOptions {
  /** `off`: what is not anonymous or has a secret of its own is not there. */
  state: 'on' | 'off';
  /** Whose word counts for the address of a client. */
  proxy: 'trusted' | 'ignored';
}

const NOTHING = "default-src 'none'; frame-ancestors 'none'";
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
const HEALTH: readonly string[] = ['/health', '/healthz', '/readyz'];

/** Whether the path belongs to no token: health, Slack's door, the links of mails, and the break-glass path, which has a secret of its own. */
function isOutside(path: string): boolean {
  if (HEALTH.includes(path) || path === '/slack/events' || path === '/unsubscribe') return true;
  return path === '/__cron/run' || path.startsWith('/__cron/run/');
}

/** Makes the middleware of the edge, in its order. */
export function edge(deps: { rate: Rate; log: Log }, options: EdgeOptions): MiddlewareHandler<ApiEnv>[] {
  return [numbered, refuseWhenOff(options), refuseUrlToken(deps), limitAddress(deps, options)];
}

/** Gives the request its number, and every answer, errors too, that number and the headers. */
const numbered: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const requestId = requestIdOf(c.req.header('x-request-id'));
  c.set('requestId', requestId);
  await next();
  const { headers } = c.res;
  headers.set('x-request-id', requestId);
  headers.set('x-content-type-options', 'nosniff');
  headers.set('referrer-policy', 'no-referrer');
  // A page has a policy of its own; whatever has none may do nothing.
  if (!headers.has('content-security-policy')) headers.set('content-security-policy', NOTHING);
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
};

/** The caller's, so that one request can be followed through both logs; what is no plain word, or a token, is not repeated. */
function requestIdOf(given: string | undefined): string {
  if (given !== undefined && REQUEST_ID.test(given) && !given.includes('bh_')) return given;
  return randomBytes(12).toString('hex');
}

function refuseWhenOff({ state }: EdgeOptions): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    if (state === 'off' && c.env?.operator === undefined && !isOutside(c.req.path)) return c.notFound();
    return next();
  };
}

function refuseUrlToken({ log }: { log: Log }): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const place = tokenInUrl(c.req.url);
    if (place === undefined) return next();
    // Neither the path nor the value: that line is read by more people than may know a token.
    log.warn('api request refused', { reason: 'token_in_url', place, requestId: c.get('requestId') });
    return answerRefusal(c, {
      status: 400,
      code: 'TOKEN_IN_URL',
      detail: `A token does not belong into an address: ${place} looks like one. It was not looked at.`,
      hint: 'Send it as Authorization: Bearer …, and consider this one exposed: addresses are written into logs on their way. Rotate it with overlap 0.',
    });
  };
}

/** Before anybody is known there is only the address; the socket and the health routes are free. */
function limitAddress({ rate, log }: { rate: Rate; log: Log }, { proxy }: EdgeOptions): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    if (c.env?.operator !== undefined || HEALTH.includes(c.req.path)) return next();
    const key = addressKey(c, proxy);
    c.set('addressKey', key);
    const waitMs = rate.take(key);
    if (waitMs === undefined) return next();
    log.warn('api request refused', { reason: 'rate', by: 'address', requestId: c.get('requestId') });
    return tooMany(c, waitMs);
  };
}

/** Whoever is not behind a trusted proxy could write any address into the header. */
function addressKey(c: Context<ApiEnv>, proxy: EdgeOptions['proxy']): string {
  const forwarded = proxy === 'trusted' ? c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim() : undefined;
  const address = forwarded !== undefined && isIP(forwarded) !== 0 ? forwarded : (c.env?.address ?? 'unknown');
  return `address ${networkOf(address)}`;
}

/** Answers 429 and says when to come again. */
export function tooMany(c: Context<ApiEnv>, waitMs: number): Response {
  const seconds = Math.max(1, Math.ceil(waitMs / 1000));
  c.header('retry-after', String(seconds));
  return answerRefusal(c, {
    status: 429,
    code: 'RATE_LIMITED',
    detail: 'More requests came from this token or address than it may send.',
    hint: `Wait ${seconds} s, as retry-after says; BELLHOP_API_RATE is the limit.`,
  });
}
