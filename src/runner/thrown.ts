import { RunError, messageOf } from '../errors.ts';
import { isErrorCode } from './codes.ts';

const UNREADABLE = 'an error was thrown that cannot be read';
const MAX_STACK = 20_000;

/**
 * What a job threw, as an error whose members are what their types say. A job may throw anything: an error whose message is a number,
 * whose stack is a list (`Error.prepareStackTrace`), or whose members throw themselves. Never throws.
 */
export function readThrown(thrown: unknown): Error {
  try {
    const message = textOf(messageOf(thrown));
    return thrown instanceof RunError ? copyOf(thrown, message) : plainError(thrown, message);
  } catch {
    // Reading it threw: there is nothing more to learn from it.
    return new Error(UNREADABLE);
  }
}

function copyOf(error: RunError, message: string): RunError {
  // From plain JavaScript, whatever the types say.
  const { code, permanent, hint, retryAfterMs }: Record<'code' | 'permanent' | 'hint' | 'retryAfterMs', unknown> =
    error;
  return new RunError(message, {
    code: isErrorCode(code) ? code : 'JOB_FAILED',
    permanent: Boolean(permanent),
    ...(typeof hint === 'string' && { hint }),
    ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
  });
}

function plainError(thrown: unknown, message: string): Error {
  const error = new Error(message);
  const stack: unknown = thrown instanceof Error ? thrown.stack : undefined;
  error.stack = typeof stack === 'string' ? stack.slice(0, MAX_STACK) : '';
  return error;
}

function textOf(message: unknown): string {
  return typeof message === 'string' ? message : `an error with a ${typeof message} as its message was thrown`;
}
