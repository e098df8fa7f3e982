/** What was said between code and model in a run, as far as it is kept. */
import type { Run } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { TranscriptEntry } from './kinds/agent/conversation/loop.ts';
import { readTranscript, renderTranscript } from './kinds/agent/conversation/transcript.ts';

export type TranscriptResult =
  | { outcome: 'kept'; until: string; entries: TranscriptEntry[] }
  /** It was kept until then. */
  | { outcome: 'gone'; until: string }
  /** No model was asked, or no transcript was to be kept. */
  | { outcome: 'none' };

export async function transcriptOf(store: Pick<Store, 'blobs'>, run: Run): Promise<TranscriptResult> {
  const noted = run.agent?.transcript;
  if (noted === undefined) return { outcome: 'none' };
  const bytes = await store.blobs.get(noted.sha256);
  if (bytes === undefined) return { outcome: 'gone', until: noted.until };
  return { outcome: 'kept', until: noted.until, entries: await readTranscript(bytes) };
}

/** As lines of a terminal: nothing in them steers it. */
export function transcriptLines(entries: readonly TranscriptEntry[]): string[] {
  return renderTranscript(entries);
}
