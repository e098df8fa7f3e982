/** What was said between code and model, kept apart from the run and for a time only. */
import type { Scrub } from '../../../scrub.ts';
import type { TranscriptEntry } from './loop.ts';

export interface Transcript {
  note(entry: TranscriptEntry): void;
  /** JSON lines, gzipped, bounded; what was left out is said. */
  bytes(): Promise<Uint8Array>;
}
export function createTranscript(_deps: { scrub: Scrub; now: () => number }): Transcript {
  throw new Error('placeholder');
}
/** The lines of a kept transcript. */
export async function readTranscript(_bytes: Uint8Array): Promise<TranscriptEntry[]> {
  throw new Error('placeholder');
}
