import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { Actor } from '../store/records.ts';
import { answerProblem } from './problem.ts';
import type { ApiEnv } from './runs.ts';

const SCOPES = ['read', 'run', 'manage', 'admin'] as const;
type Scope = (typeof SCOPES)[number];

export interface Principal {
  actor: Actor;
  scope: Scope;
  /** Undefined: every job. */
  jobs?: readonly string[];
}

/** Lets pass who has this scope or a larger one. */
export function needs(scope: Scope): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    if (SCOPES.indexOf(c.get('principal').scope) >= SCOPES.indexOf(scope)) return next();
    if (/^\/(?:run|jobs|trigger)(?:\/|$)/.test(c.req.path)) return c.json({ error: 'forbidden' }, 403);
    return answerProblem(c, { status: 403, code: 'FORBIDDEN', detail: `This needs the scope ${scope}.` });
  };
}

/** Whether the token may see and use this job. */
export function mayUse(principal: Principal, jobName: string): boolean {
  return principal.jobs === undefined || principal.jobs.includes(jobName);
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

/** Whether the header carries the secret, in time that does not depend on it; never without a secret (fail closed). */
export function carries(header: string | undefined, secret: string | undefined): boolean {
  return secret !== undefined && header !== undefined && timingSafeEqual(digest(header), digest(secret));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
