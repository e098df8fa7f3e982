/** Waiting for a store that is away for a while. */
import { DependencyError } from '../errors.ts';
import type { Clock } from '../clock.ts';

const TRIES = 10;
const FIRST_WAIT_MS = 200;
const MAX_WAIT_MS = 5000;

export type Patience = <T>(work: () => Promise<T>) => Promise<T>;

/** Makes the function that does work again while the store is away, for about half a minute; then it throws what the store threw. */
export function createPatience(clock: Clock): Patience {
  return async (work) => {
    for (let tried = 1; ; tried++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof DependencyError) || tried >= TRIES) throw error;
        await clock.sleep(Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (tried - 1)));
      }
    }
  };
}
