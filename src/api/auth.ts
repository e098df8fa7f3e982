import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { Actor } from '../store/records.ts';
import type { ApiEnv } from './runs.ts';

const SCOPES = ['read', 'run', 'manage', 'admin'] as const;
type Scope = (typeof SCOPES)[number];
export interface Principal {
  actor: Actor;
  scope: Scope;
  /** Undefined: every job. */
  jobs?: readonly string[];
}

/** Why a request was not let in; for the log only, the answer is the same for all. */
export type RefusalReason = 'missing' | 'wrong_scheme' | 'invalid_token';
export type Admission =
  { outcome: 'admitted'; actor: Actor } | { outcome: 'refused'; reason: RefusalReason } | { outcome: 'misconfigured' };

/**
 * Checks `Authorization: Bearer …` against the configured token, in time that does not depend on the token:
 * digests of equal length are compared. Without a token nobody is let in (fail closed).
 */
export function admit(authorization: string | undefined, token: string | undefined): Admission {
  if (token === undefined) return { outcome: 'misconfigured' };
  if (authorization === undefined || authorization === '') return { outcome: 'refused', reason: 'missing' };
  const given = /^Bearer +([^\s]+)$/i.exec(authorization)?.[1];
  if (given === undefined) return { outcome: 'refused', reason: 'wrong_scheme' };
  if (!carries(given, token)) return { outcome: 'refused', reason: 'invalid_token' };
  return { outcome: 'admitted', actor: { kind: 'token', id: 'bootstrap' } };
}

/** Lets through whose scope reaches so far; the others get 403. */
export function needs(scope: Scope): MiddlewareHandler<ApiEnv> {
  return async (c, next) =>
    SCOPES.indexOf(c.get('principal').scope) >= SCOPES.indexOf(scope) ? next() : c.json({ error: 'forbidden' }, 403);
}

/** Whether the principal may do anything with runs of the job. */
export function mayUse({ jobs }: Principal, job: string): boolean {
  return jobs === undefined || jobs.includes(job);
}

/** Whether the header carries the secret, in time that does not depend on it; never without a secret (fail closed). */
export function carries(header: string | undefined, secret: string | undefined): boolean {
  return secret !== undefined && header !== undefined && timingSafeEqual(digest(header), digest(secret));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
