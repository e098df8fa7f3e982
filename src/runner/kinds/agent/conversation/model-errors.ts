/** What an error of the Claude API means for a run: whether trying again helps, when, and what to do about it. */
import { z } from 'zod';
import { RunError, messageOf } from '../../../../errors.ts';
import { createScrub } from '../../../../scrub.ts';
import type { AgentWhy } from '../../../../store/agent-records.ts';
import { short } from '../bounded-text.ts';

export interface ApiFailure {
  why: Extract<AgentWhy, 'api_error' | 'spend_limit'>;
  error: RunError;
  /** Undefined: there was no answer, or it had begun. */
  status: number | undefined;
  requestId: string | undefined;
}

const HOUR_MS = 3_600_000;
const MAX_MESSAGE = 300;

/** The members of the SDK's errors that are read; by shape, for its classes are loaded late. */
const Shape = z.object({
  status: z.number().optional().catch(undefined),
  type: z.string().nullish().catch(undefined),
  errorCode: z.string().nullish().catch(undefined),
  apiMessage: z.string().nullish().catch(undefined),
  requestID: z.string().nullish().catch(undefined),
  headers: z.instanceof(Headers).optional().catch(undefined),
});
type Shape = z.infer<typeof Shape>;

/** Reads what the SDK threw. Never throws. */
export function describeApiError(thrown: unknown, model: string): ApiFailure {
  const read = Shape.safeParse(thrown);
  const shape: Shape = read.success ? read.data : {};
  const { why, ...detail } = classify(shape, model);
  const error = new RunError(wordsOf(shape, thrown), { ...detail, cause: thrown });
  return { why, error, status: shape.status, requestId: shape.requestID ?? undefined };
}

interface Verdict {
  why: ApiFailure['why'];
  code: 'MODEL_UNAVAILABLE' | 'MODEL_REJECTED' | 'MODEL_SPEND_LIMIT';
  permanent: boolean;
  retryAfterMs?: number;
  hint?: string;
}

function classify({ status, errorCode, headers }: Shape, model: string): Verdict {
  // By the code and never by the text: the wording of the service may change.
  if (status === 402 || /spend_limit/.test(errorCode ?? '')) {
    const hint = 'Raise the spend limit of the organization in the Claude Console, or wait until its period is over.';
    return { why: 'spend_limit', code: 'MODEL_SPEND_LIMIT', permanent: true, hint };
  }
  if (status !== undefined && status < 500 && ![408, 409, 429].includes(status)) {
    const hint = hintFor(status, model);
    return { why: 'api_error', code: 'MODEL_REJECTED', permanent: true, ...(hint !== undefined && { hint }) };
  }
  const wait = Math.min(headers === undefined ? 0 : waitOf(headers), HOUR_MS);
  return {
    why: 'api_error',
    code: 'MODEL_UNAVAILABLE',
    permanent: false,
    hint: LATER,
    ...(wait > 0 && { retryAfterMs: Math.ceil(wait) }),
  };
}

const LATER =
  'Run it again later, or give the job more `retries`. Where it never answers: check the network and ANTHROPIC_BASE_URL.';

function hintFor(status: number, model: string): string | undefined {
  if (status === 401) return 'Check ANTHROPIC_API_KEY: the key is not known, or was revoked.';
  if (status === 403) return `Give the key's workspace access to ${model}, or name another model in the job.`;
  if (status === 404) return `Name a model that exists, instead of ${model}, in the job; check ANTHROPIC_BASE_URL.`;
  if (status === 413) return 'Let the tools return less: `maxResultChars`, a shorter window, fewer rows.';
  if (status >= 300 && status < 400) return 'Set ANTHROPIC_BASE_URL to the address itself: redirects are not followed.';
  return undefined;
}

function wordsOf(shape: Shape, thrown: unknown): string {
  const said = short(createScrub([])(shape.apiMessage ?? messageOf(thrown)), MAX_MESSAGE);
  const kind = [shape.type, shape.errorCode].filter((word) => typeof word === 'string').join(', ');
  const about = kind === '' ? '' : ` (${short(kind, 100)})`;
  if (shape.status !== undefined) return `the Claude API answered ${shape.status}${about}: ${said}`;
  return (shape.type ?? undefined) === undefined
    ? `the Claude API did not answer, or its answer broke off: ${said}`
    : `the answer of the Claude API broke off${about}: ${said}`;
}

/** The wait that an answer asks for, in milliseconds; 0: none. */
export function waitOf(headers: Headers): number {
  const ms = Number.parseFloat(headers.get('retry-after-ms') ?? '');
  if (ms > 0) return ms;
  const text = headers.get('retry-after');
  if (text === null) return 0;
  const seconds = Number.parseFloat(text);
  // A date: by the clock of who sent it.
  const wait = Number.isNaN(seconds) ? Date.parse(text) - Date.parse(headers.get('date') ?? '') : seconds * 1000;
  return Number.isNaN(wait) ? 0 : Math.max(0, wait);
}
