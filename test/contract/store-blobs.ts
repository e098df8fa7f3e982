/** Bytes beside the runs. */
import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import type { BlobRef, Run } from '../../src/store/records.ts';
import { accept, ana, claimOne } from '../support/store-harness.ts';
import type { Suite } from './store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const chart = new TextEncoder().encode('<svg>a chart</svg>');
const sha256 = createHash('sha256').update(chart).digest('hex');
const ref: BlobRef = { sha256, bytes: chart.length, name: 'chart.svg', type: 'image/svg+xml' };

async function* chunks(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

export function describeBlobs({ fact, h, reopenWith }: Suite): void {
  const put = () => h.store.blobs.put(chunks(chart.subarray(0, 5), chart.subarray(5)));
  const in30Days = (): string => new Date(h.clock.now() + 30 * DAY_MS).toISOString();
  const there = async (): Promise<boolean> => (await h.store.blobs.get(sha256)) !== undefined;
  const finish = async (blobs: BlobRef[] = [ref]): Promise<Run> => {
    await accept(h.store);
    const { lease } = await claimOne(h.store);
    const [outcome] = await h.store.settle([{ lease, end: 'completed', blobs }]);
    if (outcome?.outcome !== 'settled') throw new Error(`not settled: ${outcome?.outcome}`);
    return outcome.run;
  };
  /** Long enough for the walk to have been everywhere. */
  const collect = async (): Promise<void> => {
    await h.clock.advance(HOUR_MS);
    for (let part = 0; part < 256; part++) {
      await h.store.sweep();
      h.clock.step(30_000);
    }
  };

  describe('blobs', () => {
    fact('bytes are got by their hash as they were put, and the same bytes are one blob', async () => {
      const both = await Promise.all([put(), put()]);
      expect(both).toEqual([0, 1].map(() => ({ outcome: 'stored', sha256, bytes: chart.length })));
      expect(Buffer.from((await h.store.blobs.get(sha256)) ?? []).toString()).toBe('<svg>a chart</svg>');
      for (const unknown of ['0'.repeat(64), '../FORMAT.json', '']) {
        expect(await h.store.blobs.get(unknown)).toBeUndefined();
      }
    });
    fact('bytes can be had by parts, and what is not there has none', async () => {
      const large = new Uint8Array(700_000).map((_, at) => at % 251);
      const stored = await h.store.blobs.put(chunks(large));
      if (stored.outcome !== 'stored') throw new Error(stored.outcome);
      const parts = await Array.fromAsync((await h.store.blobs.stream(stored.sha256)) ?? []);
      expect(parts.length).toBeGreaterThan(1);
      expect(Buffer.concat(parts).equals(large)).toBe(true);
      for (const unknown of ['0'.repeat(64), '../FORMAT.json', '']) {
        expect(await h.store.blobs.stream(unknown)).toBeUndefined();
      }
    });
    fact('no bytes at all are a blob too', async () => {
      const stored = await h.store.blobs.put(chunks());
      if (stored.outcome !== 'stored') throw new Error(stored.outcome);
      expect(await h.store.blobs.get(stored.sha256)).toHaveLength(0);
    });
    fact('a blob over the limit is refused and not kept', async () => {
      await reopenWith({ maxBlobBytes: chart.length - 1 });
      expect(await put()).toEqual({ outcome: 'too_large', limit: chart.length - 1 });
      expect(await there()).toBe(false);
    });
    fact('a giver that breaks off gets its own error, and nothing is kept', async () => {
      const broken = (async function* () {
        yield chart;
        throw new Error('the upload was cut off');
      })();
      await expect(h.store.blobs.put(broken)).rejects.toThrow('the upload was cut off');
      expect(await there()).toBe(false);
    });
    fact('what an outcome names is there with it after a crash', async () => {
      await put();
      const run = await finish();
      await h.reopen('crash');
      expect(await h.store.get(run.id)).toMatchObject({ state: 'completed', blobs: [ref] });
      expect(await there()).toBe(true);
    });
    fact('an outcome that names what is not there changes nothing, and its lease stays current', async () => {
      await accept(h.store);
      const { run, lease } = await claimOne(h.store);
      const settlement = { lease, end: 'completed', blobs: [ref] } as const;
      expect(await h.store.settle([settlement])).toEqual([{ outcome: 'blob_missing', sha256 }]);
      expect(await h.store.get(run.id)).toEqual(run);
      await put();
      expect(await h.store.settle([settlement])).toMatchObject([{ outcome: 'settled' }]);
    });
    fact('the blobs of one run have a limit together', async () => {
      await reopenWith({ maxRunBlobBytes: chart.length });
      await put();
      await accept(h.store);
      const { lease } = await claimOne(h.store);
      const limit = chart.length;
      expect(await h.store.settle([{ lease, end: 'completed', blobs: [ref, ref] }])).toEqual([
        { outcome: 'too_large', bytes: limit * 2, limit },
      ]);
    });
    fact('a blob is collected when no run names it any more, and not before', async () => {
      await put();
      const first = await finish();
      const second = await finish();
      await collect();
      expect(await there()).toBe(true);
      await h.store.remove(first.id, ana);
      await collect();
      expect(await there()).toBe(true);
      await h.store.remove(second.id, ana);
      expect(await there()).toBe(false);
    });
    fact('a blob that no run came to name is collected after an hour', async () => {
      await put();
      await h.clock.advance(HOUR_MS - 1);
      await h.store.sweep();
      expect(await there()).toBe(true);
      await collect();
      expect(await there()).toBe(false);
    });
    fact('a blob that is kept until an instant is collected after it, though its run is there', async () => {
      await put();
      const run = await finish([{ ...ref, until: in30Days() }]);
      await h.clock.advance(29 * DAY_MS);
      await collect();
      expect(await there()).toBe(true);
      await h.clock.advance(2 * DAY_MS);
      await collect();
      expect(await there()).toBe(false);
      expect(await h.store.get(run.id)).toEqual(run);
      await h.store.remove(run.id, ana);
    });
    fact('the same bytes that somebody names for longer stay, in another run as in the same one', async () => {
      await put();
      const until = in30Days();
      const later = new Date(h.clock.now() + 90 * DAY_MS).toISOString();
      await finish([{ ...ref, until }]);
      const other = await finish([
        { ...ref, until },
        { ...ref, name: 'kept.svg', until: later },
      ]);
      const last = await finish();
      await h.clock.advance(31 * DAY_MS);
      await collect();
      expect(await there()).toBe(true);
      await h.store.remove(last.id, ana);
      await collect();
      expect(await there()).toBe(true);
      await h.clock.advance(60 * DAY_MS);
      await collect();
      expect(await there()).toBe(false);
      expect(await h.store.get(other.id)).toEqual(other);
    });
    fact('bytes that went when their time was over can be put again for another run', async () => {
      await put();
      await finish([{ ...ref, until: in30Days() }]);
      await h.clock.advance(31 * DAY_MS);
      await collect();
      await put();
      await finish();
      await collect();
      expect(await there()).toBe(true);
    });
    fact('an outcome needs the bytes that it names, also those that are not kept for long', async () => {
      await accept(h.store);
      const { lease } = await claimOne(h.store);
      const blobs = [{ ...ref, until: in30Days() }];
      expect(await h.store.settle([{ lease, end: 'completed', blobs }])).toEqual([{ outcome: 'blob_missing', sha256 }]);
    });
    fact('a name without its outcome does not keep a blob for ever', async () => {
      await put();
      await accept(h.store);
      const { run, lease } = await claimOne(h.store);
      const lost = { ...ref, sha256: '0'.repeat(64) };
      const [outcome] = await h.store.settle([{ lease, end: 'completed', blobs: [ref, lost] }]);
      expect(outcome).toEqual({ outcome: 'blob_missing', sha256: lost.sha256 });
      await collect();
      expect(await there()).toBe(true);
      await h.store.cancel(run.id, ana);
      await collect();
      expect(await there()).toBe(false);
    });
  });
}
