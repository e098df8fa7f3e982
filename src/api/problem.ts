import type { Context } from 'hono';
import type { DependencyError, ErrorCode } from '../errors.ts';
import type { ApiEnv } from './runs.ts';

/** What went wrong, as RFC 9457 has it, with our code and the way out. */
export interface Problem {
  status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 429 | 500 | 503;
  code: ErrorCode;
  detail: string;
  hint?: string;
  issues?: unknown;
}

const TITLES: Record<Problem['status'], string> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Input invalid',
  429: 'Too many',
  500: 'Internal error',
  503: 'Unavailable',
};

/** Answers with `application/problem+json`. */
export function answerProblem(c: Context, problem: Problem): Response {
  const { status, ...rest } = problem;
  const body = JSON.stringify({ type: 'about:blank', title: TITLES[status], status, ...rest });
  return c.body(body, status, { 'content-type': 'application/problem+json' });
}

/**
 * What is said of a failure of what the server rests on. The message names folders of this machine: it is for whoever may open them, and
 * for the log.
 */
export function wordsFor(c: Context<ApiEnv>, { message, hint }: DependencyError): Pick<Problem, 'detail' | 'hint'> {
  if (c.env?.operator === undefined) return { detail: 'Bellhop cannot do this now; the log has the reason.' };
  return { detail: message, ...(hint === undefined ? {} : { hint }) };
}
