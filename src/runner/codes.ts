import { ERROR_CODES, type ErrorCode } from '../errors.ts';

/** Whether a text that came from elsewhere is one of our codes. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
}
