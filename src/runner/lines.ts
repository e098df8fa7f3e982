/** Places in a line: of those who stand in the line of one name, the first has the turn until it leaves. */

type Leave = () => void;

export interface Lines {
  /** Resolves with the way out once it is our turn; with undefined when nobody waits for it any more. */
  stand(name: string, signal: AbortSignal): Promise<Leave | undefined>;
}

/** Makes the lines of this process. */
export function createLines(): Lines {
  const last = new Map<string, Promise<void>>();
  return {
    async stand(name, signal) {
      const before = last.get(name) ?? Promise.resolve();
      const { promise: left, resolve: leave } = Promise.withResolvers<void>();
      const ours = before.then(() => left);
      last.set(name, ours);
      void ours.then(() => last.get(name) === ours && last.delete(name));
      const given = Promise.withResolvers<void>();
      const giveUp = (): void => given.resolve();
      signal.addEventListener('abort', giveUp, { once: true });
      if (!signal.aborted) await Promise.race([before, given.promise]);
      signal.removeEventListener('abort', giveUp);
      if (!signal.aborted) return leave;
      leave();
      return undefined;
    },
  };
}
