/** Joins what is placed at the same time into batches for the placer: while one is under way the next gathers, as in the journal. */
import type { PlaceFailure, Placement, Placer } from './placer.ts';

// A batch is a message to a thread: large enough that the message costs nothing, small enough that the answer is not long in coming.
const MAX_BATCH = 64;

interface Waiting {
  placement: Placement;
  resolve: (failure: PlaceFailure | undefined) => void;
  reject: (error: unknown) => void;
}

/** Answers for each file why it was not placed; a file behind one that failed was not tried, and fails with it. Rejects with the placer. */
export function createBatches(placer: Placer): (placement: Placement) => Promise<PlaceFailure | undefined> {
  let queue: Waiting[] = [];
  let running = false;

  async function pump(): Promise<void> {
    // Joins what the same turn of the event loop still brings.
    await Promise.resolve();
    while (queue.length > 0) {
      const batch = queue.slice(0, MAX_BATCH);
      queue = queue.slice(MAX_BATCH);
      try {
        const failure = await placer.place(batch.map(({ placement }) => placement));
        batch.forEach(({ resolve }, at) => resolve(failure !== undefined && at >= failure.at ? failure : undefined));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  }
  return (placement) =>
    new Promise((resolve, reject) => {
      queue.push({ placement, resolve, reject });
      if (running) return;
      running = true;
      void pump();
    });
}
