import { createHash } from 'node:crypto';
import type { BlobShelf } from './blobs.ts';

/** Makes a shelf that keeps blobs in memory. */
export function createMemoryBlobs(): BlobShelf {
  const blobs = new Map<string, { bytes: Uint8Array; runIds: Set<string> }>();
  return {
    async stage(source, limit) {
      const chunks: Uint8Array[] = [];
      let total = 0;
      for await (const chunk of source) {
        total += chunk.length;
        if (total > limit) return undefined;
        chunks.push(chunk);
      }
      const bytes = new Uint8Array(Buffer.concat(chunks));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return {
        sha256,
        bytes: total,
        keep: async () => void blobs.set(sha256, { bytes, runIds: new Set() }),
        discard: async () => undefined,
      };
    },
    async open(sha256) {
      const blob = blobs.get(sha256);
      return blob === undefined ? undefined : partsOf(blob.bytes);
    },
    has: async (sha256) => blobs.has(sha256),
    name: async (sha256, runId) => void blobs.get(sha256)?.runIds.add(runId),
    unname: async (sha256, runId) => void blobs.get(sha256)?.runIds.delete(runId),
    part: async (digits) =>
      [...blobs]
        .filter(([sha256]) => sha256.startsWith(digits))
        .map(([sha256, { runIds }]) => ({ sha256, runIds: [...runIds] })),
    drop: async (sha256) => void blobs.delete(sha256),
  };
}

const PART_BYTES = 256 * 1024;

/** Copies: who reads them cannot change what is kept. */
async function* partsOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += PART_BYTES) yield bytes.slice(from, from + PART_BYTES);
}
