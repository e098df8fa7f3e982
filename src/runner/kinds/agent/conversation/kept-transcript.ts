/** Keeps a transcript beside its run, for a time only. */
import type { AgentAccount } from '../../../../store/agent-records.ts';
import type { BlobRef } from '../../../../store/records.ts';
import type { Store } from '../../../../store/store.ts';
import type { Transcript } from './transcript.ts';

const TRANSCRIPT_NAME = 'transcript.jsonl.gz';

export interface KeptTranscript {
  ref: BlobRef;
  noted: NonNullable<AgentAccount['transcript']>;
  /** Puts the bytes again, where they were collected before the run could name them. */
  again(): Promise<void>;
}

/** Undefined where it could not be kept: a run does not fail of that, and its account says that there is none. */
export async function keepTranscript(
  store: Pick<Store, 'blobs'>,
  { transcript, until }: { transcript: Transcript; until: string },
): Promise<KeptTranscript | undefined> {
  try {
    const bytes = await transcript.bytes();
    const put = await store.blobs.put(once(bytes));
    if (put.outcome !== 'stored') return undefined;
    const { sha256 } = put;
    return {
      ref: { sha256, bytes: bytes.length, name: TRANSCRIPT_NAME, type: 'application/gzip', until },
      noted: { sha256, bytes: bytes.length, until },
      again: async () => void (await store.blobs.put(once(bytes))),
    };
  } catch {
    return undefined;
  }
}

// oxlint-disable-next-line typescript/require-await -- the store reads a stream, and this one has all it will ever have
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
