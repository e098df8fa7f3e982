import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { manualClock } from './clock.ts';
import { silentLog } from '../../src/log.ts';
import { inspectStore } from '../../src/store/open.ts';
import type { Inspection, InspectionAsk, Verdict } from '../../src/store/verdict.ts';
import { accept, ana, claimOne } from './store-harness.ts';
import type { LowdbHarness } from './store-harness.ts';

/** What a folder of every kind of thing holds. */
export interface Inhabitants {
  queued: string;
  running: string;
  completed: string;
  failed: string;
  blob: string;
  delivery: string;
}

/** Fills a store with a bit of everything, and brings it to the files. */
export async function inhabit(h: LowdbHarness): Promise<Inhabitants> {
  const { store } = h;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('a chart');
  };
  const put = await store.blobs.put(source());
  if (put.outcome !== 'stored') throw new Error('the blob was not stored');
  const completed = await accept(store, { input: { n: 1 }, idempotencyKey: 'once' });
  const delivery = h.ids.next('dlv');
  await store.settle([
    {
      lease: (await claimOne(store)).lease,
      end: 'completed',
      result: { sold: 12 },
      blobs: [{ sha256: put.sha256, bytes: put.bytes, name: 'chart.svg' }],
      deliveries: [{ id: delivery, mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } }],
    },
  ]);
  const lease = await store.claimDeliveries({ limit: 1, workerId: 'outbox', leaseMs: 30_000 });
  if (lease.length !== 1) throw new Error('there is no delivery');
  const failed = await accept(store, { input: { n: 2 }, policy: oneAttempt });
  await store.settle([
    { lease: (await claimOne(store)).lease, end: 'failed', error: { code: 'JOB_FAILED', message: 'no' } },
  ]);
  const running = await accept(store, { input: { n: 3 } });
  await claimOne(store);
  const removed = await accept(store, { input: { n: 4 }, idempotencyKey: 'gone' });
  await store.cancel(removed.id, ana);
  await store.remove(removed.id, ana);
  const queued = await accept(store, { input: { n: 5 } });
  await store.putDoc({ kind: 'status', key: 'here', rev: 0, value: { fine: true } });
  await store.sweep();
  await h.clock.advance(2000);
  return {
    queued: queued.id,
    running: running.id,
    completed: completed.id,
    failed: failed.id,
    blob: put.sha256,
    delivery,
  };
}

const oneAttempt = { maxAttempts: 1, timeoutMs: 60_000, backoff: { baseMs: 1000, maxMs: 60_000 } };

/** Examines a folder as `bellhop store doctor` does. */
export async function look(
  dir: string,
  over: Partial<InspectionAsk> & { now?: number; deps?: object } = {},
): Promise<Inspection> {
  const { now, deps, ...ask } = over;
  return inspectStore(
    { backend: 'lowdb', dir },
    { clock: manualClock(now), log: silentLog, version: '0.0.0-test', options: { reserveBytes: 4096 }, ...deps },
    { fix: false, ...ask },
  );
}

/** The kinds of what is found, most severe first; notes too. */
export function kindsOf(verdict: Verdict): string[] {
  return verdict.findings.map((one) => one.kind);
}

/** Every path below a folder with what it holds and when it was changed. */
export async function pictureOf(dir: string): Promise<Record<string, string>> {
  const picture: Record<string, string> = {};
  for (const name of ['.', ...(await readdir(dir, { recursive: true }))]) {
    const path = join(dir, name);
    const info = await stat(path, { bigint: true });
    const hash = info.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : '';
    picture[name] = `${info.mode} ${info.mtimeNs} ${info.ctimeNs} ${info.size} ${hash}`;
  }
  return picture;
}
