/** What the model is told: the job's prompt, the rules, the memory, and what code has found. */
import type { MemoryEntry } from '../../../store/memory-records.ts';
import type { Analysis } from '../../agent-job.ts';
import type { LoadedAgent } from '../../jobs.ts';
import type { FactBook } from './facts.ts';
import type { ToolAnswer } from './toolbox.ts';

export function buildPrompt(_parts: {
  job: LoadedAgent;
  input: Readonly<Record<string, unknown>>;
  book: FactBook;
  analysis: Analysis | undefined;
  memory: readonly MemoryEntry[];
  /** What the calls of the baseline answered, fenced. */
  found: readonly (ToolAnswer & { name: string })[];
  now: number;
  timeZone: string;
  canary: string;
}): { system: string; prompt: string } {
  throw new Error('placeholder');
}
