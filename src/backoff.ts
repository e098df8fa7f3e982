export interface Backoff {
  baseMs: number;
  maxMs: number;
}

/**
 * Full-jitter exponential backoff: a uniform wait in [0, min(maxMs, baseMs * 2^(attempt-1))], at least a tenth of that
 * ceiling, so that a retry is never at once (Brooker, "Exponential Backoff and Jitter", AWS 2015).
 */
export function backoffMs(attempt: number, backoff: Backoff, random: () => number = Math.random): number {
  const ceiling = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(Math.max(0, attempt - 1), 40));
  return Math.round(Math.max(ceiling / 10, random() * ceiling));
}
