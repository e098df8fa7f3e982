import { orAbort } from '../abort.ts';

export interface Places {
  /** Resolves with the way out once there is a place, first come first served; throws the reason of the signal. */
  take(signal: AbortSignal): Promise<() => void>;
}

/** Places for so many at the same time. */
export function createPlaces(size: number): Places {
  let free = size;
  const line: (() => void)[] = [];
  function leave(): void {
    const next = line.shift();
    if (next === undefined) free++;
    else next();
  }
  return {
    async take(signal) {
      signal.throwIfAborted();
      if (free > 0) {
        free--;
        return leave;
      }
      const turn = Promise.withResolvers<void>();
      line.push(turn.resolve);
      try {
        await orAbort(turn.promise, signal);
        return leave;
      } catch (error) {
        const at = line.indexOf(turn.resolve);
        // Not in the line any more: the place was given already, and goes to the next.
        if (at < 0) leave();
        else line.splice(at, 1);
        throw error;
      }
    },
  };
}
