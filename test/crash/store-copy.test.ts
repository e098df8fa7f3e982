import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { verifyCopy } from '../../src/store/copy-verify.ts';
import { openCopySource, openStore } from '../../src/store/open.ts';
import { ana, newRun, wanting } from '../support/store-harness.ts';

const MAIN = join(import.meta.dirname, '../support/store-copy.main.ts');
const KILLS = 20;
const deps = () => ({ clock: systemClock, ids: createIds(systemClock), log: silentLog, version: '0.0.0-test' });

async function fill(dir: string): Promise<void> {
  const { store } = await openStore({ backend: 'lowdb', dir }, deps());
  const blob = async function* () {
    yield new Uint8Array(300_000).fill(7);
  };
  const put = await store.blobs.put(blob());
  if (put.outcome !== 'stored') throw new Error('not stored');
  const blobs = [{ sha256: put.sha256, bytes: put.bytes, name: 'chart.png' }];
  for (let n = 0; n < 60; n++) {
    await store.submit(Array.from({ length: 5 }, (_, at) => newRun({ idempotencyKey: `${n} ${at}` })));
    const claimed = await store.claim(wanting({ limit: 4 }));
    await store.settle(claimed.map(({ lease }) => ({ lease, end: 'completed', result: { n }, blobs })));
    const [first] = claimed;
    if (n % 5 === 0 && first !== undefined) await store.remove(first.run.id, ana);
    await store.putDoc({ kind: 'status', key: `n${n}`, rev: 0, value: n });
  }
  await store.close();
}

/** Runs the copy until it ends, or until it has written `batches` batches and lives for some microtasks more. */
async function run(from: string, to: string, batches: number): Promise<'copied' | 'killed'> {
  const child = spawn(process.execPath, [MAIN, from, to], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((done) => void child.once('close', () => done()));
  let seen = 0;
  let copied = false;
  for await (const line of createInterface({ input: child.stdout })) {
    copied ||= line === 'copied';
    if (++seen >= batches) child.kill('SIGKILL');
  }
  await ended;
  return copied ? 'copied' : 'killed';
}

test(`a copy that is killed ${KILLS} times ends with what the source holds`, { timeout: 180_000 }, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-copy-kill-'));
  const from = join(dir, 'from');
  await fill(from);
  let kills = 0;
  for (let round = 0; kills < KILLS; round++) {
    const to = join(dir, `to-${round}`);
    for (let outcome = 'killed'; outcome === 'killed';) {
      // Seldom the same moment: a prime step through the batches, and the kernel decides the rest.
      outcome = await run(from, to, kills < KILLS ? 1 + ((kills * 7) % 40) : Number.POSITIVE_INFINITY);
      if (outcome === 'killed') kills++;
    }
    const target = { backend: 'lowdb', dir: to } as const;
    await expect(openStore(target, deps())).rejects.toMatchObject({ code: 'STORE_UNFINISHED' });
    const ends = {
      source: await openCopySource({ backend: 'lowdb', dir: from }, deps()),
      target: await openCopySource(target, deps()),
    };
    const signal = new AbortController().signal;
    const verdicts = await verifyCopy(ends, { now: systemClock.now(), signal, progress: () => undefined });
    await Promise.all([ends.source.close(), ends.target.close()]);
    expect(verdicts?.map(({ kind, same }) => [kind, same])).toEqual(verdicts?.map(({ kind }) => [kind, true]));
    expect(verdicts?.find(({ kind }) => kind === 'runs')?.source.count).toBe(288);
  }
  await rm(dir, { recursive: true });
});
