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
    get: async (sha256) => blobs.get(sha256)?.bytes.slice(),
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
