/**
 * Shares claims between queues by weight (G11): stride scheduling. Each queue has a clock that moves on by 1/weight when a run of it is
 * taken, and the queue whose clock is behind is next. A queue that had nothing to do does not save up: it joins at the present.
 */
import { UsageError } from '../errors.ts';
import type { ClaimRequest } from './store.ts';

export interface Weights {
  /** Puts runs, which are in their order inside each queue, into the order of the shares. */
  share<T extends { queue: string }>(due: readonly T[], request: Pick<ClaimRequest, 'queues' | 'limit'>): T[];
}

interface Line<T> {
  name: string;
  weight: number;
  runs: T[];
  /** How many of them were taken. */
  taken: number;
  limit: number;
}

/** Makes the clocks of the queues; they live as long as the process, which is enough for a share. */
export function createWeights(): Weights {
  let present = 0;
  let clocks = new Map<string, number>();

  const clockOf = (line: { name: string; weight: number }): number =>
    line.weight === 0 ? Infinity : (clocks.get(line.name) ?? present);

  function behind<T>(lines: Iterable<Line<T>>): Line<T> | undefined {
    let found: Line<T> | undefined;
    for (const line of lines) {
      if (line.taken >= Math.min(line.runs.length, line.limit)) continue;
      if (found === undefined || clockOf(line) < clockOf(found)) found = line;
    }
    return found;
  }
  return {
    share<T extends { queue: string }>(
      due: readonly T[],
      { queues, limit }: Pick<ClaimRequest, 'queues' | 'limit'>,
    ): T[] {
      const lines = new Map<string, Line<T>>();
      for (const { name, limit: most, weight = 1 } of queues) {
        checkWeight(name, weight);
        lines.set(name, { name, weight, runs: [], taken: 0, limit: most });
      }
      for (const run of due) lines.get(run.queue)?.runs.push(run);
      // Queues that nobody asks for any more are forgotten.
      clocks = new Map([...lines.keys()].map((name) => [name, Math.max(present, clocks.get(name) ?? 0)]));
      const picked: T[] = [];
      while (picked.length < limit) {
        const line = behind(lines.values());
        const run = line?.runs[line.taken];
        if (line === undefined || run === undefined) break;
        picked.push(run);
        line.taken++;
        if (line.weight === 0) continue;
        present = clockOf(line);
        clocks.set(line.name, present + 1 / line.weight);
      }
      return picked;
    },
  };
}

function checkWeight(name: string, weight: number): void {
  if (Number.isFinite(weight) && weight >= 0) return;
  throw new UsageError(`The weight of the queue ${name} is ${weight}; it must be 0 or more.`, {
    code: 'INPUT_INVALID',
  });
}
