import { createHash, timingSafeEqual } from 'node:crypto';
import type { Actor } from '../store/records.ts';

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
  if (!timingSafeEqual(digest(given), digest(token))) return { outcome: 'refused', reason: 'invalid_token' };
  return { outcome: 'admitted', actor: { kind: 'token', id: 'bootstrap' } };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
