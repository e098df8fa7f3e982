/** From what was found, judged and worded to the report, and to what the job remembers of it. Pure. */
import type { AgentAccount } from '../../../store/agent-records.ts';
import type { MemoryEntry } from '../../../store/memory-records.ts';
import type { Analysis, Evidence } from '../../agent-job.ts';
import type { LoadedAgent } from '../../jobs.ts';
import type { ReportInput } from '../../report-input.ts';
import type { FactBook } from './facts.ts';

export interface Composed {
  report: ReportInput;
  entry: MemoryEntry;
  /** Earlier entries with rows that code has seen done. */
  changed: MemoryEntry[];
  /** What was left out, and why. */
  lint: string[];
}
export function compose(_parts: {
  job: LoadedAgent;
  runId: string;
  evidence: Evidence;
  book: FactBook;
  analysis: Analysis | undefined;
  /** What the model answered, read; undefined: figures only. */
  answer: Record<string, unknown> | undefined;
  /** Why it is as it is, and what it cost so far. */
  account: Pick<AgentAccount, 'mode' | 'why' | 'cutShort' | 'model' | 'microUsd' | 'ms'>;
  gaps: readonly string[];
  locale: string;
}): Composed {
  throw new Error('placeholder');
}
