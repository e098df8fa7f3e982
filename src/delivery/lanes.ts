/** Lanes: what belongs to one lane runs one after the other, in the order it came; all lanes share a number of hands. */
export interface Lanes {
  run(lane: string, work: () => Promise<void>): Promise<void>;
  /** Works that wait or run. */
  size(): number;
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>;
}

/** Makes lanes of which at most `hands` work at once. */
export function createLanes(hands: number): Lanes {
  const tails = new Map<string, Promise<void>>();
  const queue: (() => void)[] = [];
  let free = hands;
  let size = 0;

  async function withHand(work: () => Promise<void>): Promise<void> {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => queue.push(resolve));
    try {
      await work();
    } finally {
      const next = queue.shift();
      if (next === undefined) free++;
      else next();
    }
  }

  return {
    run(lane, work) {
      size++;
      const before = tails.get(lane) ?? Promise.resolve();
      const done = before.then(() => withHand(work)).finally(() => void size--);
      // The next in the lane starts whatever became of this one; its own caller sees the failure.
      const tail = done.catch(() => undefined).then(() => void (tails.get(lane) === tail && tails.delete(lane)));
      tails.set(lane, tail);
      return done;
    },
    size: () => size,
    async idle() {
      while (tails.size > 0) await Promise.all(tails.values());
    },
  };
}
