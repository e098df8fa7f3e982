/** The door: who is let in, as whom, and how far. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import type { Log } from '../log.ts';
import { reaches } from '../runner/tokens.ts';
import type { Admission, Principal, Scope, Tokens } from '../runner/tokens.ts';
import { tooMany } from './edge.ts';
import { answerProblem, isContract } from './problem.ts';
import type { Rate } from './rate.ts';
import type { ApiEnv } from './runs.ts';

export interface DoorDeps {
  tokens: Pick<Tokens, 'admit'>;
  rate: Rate;
  log: Log;
}

/** Beyond the one request that it is: trying tokens comes to an end soon. */
const WRONG_TOKEN_COST = 9;

/**
 * Lets in who carries a live token, or comes over the socket (the operator, scope admin). All others get the same answer, whatever the
 * reason; that one stands in the log.
 */
export function door({ tokens, rate, log }: DoorDeps): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const admission = admissionOf(c, tokens);
    if (admission.outcome === 'misconfigured') return c.json({ error: 'auth misconfigured' }, 500);
    const requestId = c.get('requestId');
    if (admission.outcome === 'refused') {
      const { reason } = admission;
      const key = c.get('addressKey');
      if (reason === 'invalid_token' && key !== undefined) rate.charge(key, WRONG_TOKEN_COST);
      log.warn('api request refused', { reason, path: c.req.path.slice(0, 200), requestId });
      return c.json({ error: 'unauthorized' }, 401, { 'www-authenticate': 'Bearer' });
    }
    const { principal } = admission;
    const { actor } = principal;
    if (actor.kind === 'token') {
      const waitMs = rate.take(`token ${actor.id}`);
      if (waitMs !== undefined) {
        log.warn('api request refused', { reason: 'rate', by: 'token', token: actor.id, requestId });
        return tooMany(c, waitMs);
      }
    }
    c.set('principal', principal);
    c.set('actor', { ...actor, requestId });
    return next();
  };
}

function admissionOf(c: Context<ApiEnv>, tokens: DoorDeps['tokens']): Admission {
  const operator = c.env?.operator;
  if (operator === undefined) return tokens.admit(c.req.header('authorization'));
  return { outcome: 'admitted', principal: { actor: operator, scope: 'admin' } };
}

/** Lets through whose scope reaches so far; the others get 403. */
export function needs(scope: Scope): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { scope: given } = c.get('principal');
    return reaches(given, scope) ? next() : forbid(c, `This needs a token of scope ${scope}; this one has ${given}.`);
  };
}

/** Whether the principal may do anything with runs of the job. */
export function mayUse({ jobs }: Principal, job: string): boolean {
  return jobs === undefined || jobs.includes(job);
}

/** Answers 403: in the form of the older contract where that is spoken, else as a problem. */
function forbid(c: Context<ApiEnv>, detail: string): Response {
  if (isContract(c)) return c.json({ error: 'forbidden' }, 403);
  return answerProblem(c, {
    status: 403,
    code: 'FORBIDDEN',
    detail,
    hint: 'bellhop token list shows what each token may do.',
  });
}

/** Whether the header carries the secret, in time that does not depend on it; never without a secret (fail closed). */
export function carries(header: string | undefined, secret: string | undefined): boolean {
  return secret !== undefined && header !== undefined && timingSafeEqual(digest(header), digest(secret));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
