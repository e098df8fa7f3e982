/** What a report leaves in the memory of its job, also when people answered earlier advice while it was made. */
import { isDeepStrictEqual } from 'node:util';
import type { MemoryEntry } from '../../../../store/memory-records.ts';
import type { NewDoc } from '../../../../store/store.ts';
import type { Memory, Remembered } from '../../../memory.ts';

export interface Remembering {
  job: string;
  weeks: number;
  entry: MemoryEntry;
  /** Earlier entries as the report leaves them. */
  changed: readonly MemoryEntry[];
  /** The same as they were read. */
  recalled: readonly Remembered[];
}

/** Makes the documents of the settle; asked again, it looks at the memory anew. */
export function rememberingDocs(
  memory: Pick<Memory, 'recall' | 'docs'>,
  { job, weeks, entry, changed, recalled }: Remembering,
): () => Promise<NewDoc[]> {
  let asked = false;
  return async () => {
    const present = asked ? await memory.recall(job, weeks) : recalled;
    asked = true;
    return memory.docs(entry, merge(changed, { recalled, present }));
  };
}

/** What people have said meanwhile stands: only rows that are still as they were read become what the report made of them. */
function merge(
  changed: readonly MemoryEntry[],
  { recalled, present }: { recalled: readonly Remembered[]; present: readonly Remembered[] },
): Remembered[] {
  return changed.flatMap((wanted) => {
    const was = recalled.find(({ entry }) => entry.runId === wanted.runId);
    const now = present.find(({ entry }) => entry.runId === wanted.runId);
    if (was === undefined || now === undefined) return [];
    const advice = now.entry.advice.map((row) => {
      const before = was.entry.advice.find(({ key }) => key === row.key);
      return isDeepStrictEqual(before, row) ? (wanted.advice.find(({ key }) => key === row.key) ?? row) : row;
    });
    return isDeepStrictEqual(advice, now.entry.advice) ? [] : [{ entry: { ...now.entry, advice }, rev: now.rev }];
  });
}
