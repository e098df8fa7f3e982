/** The older contract over a data folder that fails: a full disk, a kill in the middle of a DELETE, an index that is wrong. */
import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/log.ts';
import { createWait } from '../../src/runner/wait.ts';
import { serveRoutes, type Answer, type Served } from '../support/compat-house.ts';
import { buildHouse } from '../support/runner-house.ts';
import { fateJob } from '../support/runner-fate.ts';
import { NEEDS_SPACE } from '../support/store-faults.ts';
import { completeWithChart, lowdbHarness, walkBlobs, type LowdbHarness } from '../support/store-harness.ts';

let h: LowdbHarness;
let served: Served;
beforeEach(() => open());
afterEach(() => shut());

async function open(): Promise<void> {
  h = await lowdbHarness();
  const { clock } = h;
  // Whatever store there is at the time: a test opens what a crash left.
  const reader = {
    get: (id: string) => h.store.get(id),
    list: (query: Parameters<typeof h.store.list>[0]) => h.store.list(query),
    watch: (since: number | 'now', signal: AbortSignal) => h.store.watch(since, signal),
  };
  const { runner } = buildHouse({ jobs: [fateJob()], clock, store: h.store });
  served = await serveRoutes({
    compat: {
      runner: { submit: runner.submit, remove: (id, actor) => h.store.remove(id, actor) },
      reader,
      ended: createWait({ reader, clock, log: silentLog }, 0),
    },
  });
}
async function shut(): Promise<void> {
  await served[Symbol.asyncDispose]();
  await h.dispose();
}
const call = (what: string, body?: unknown): Promise<Answer> => served.call(what, { body });
const entries = async (): Promise<unknown> => (await call('GET /jobs')).body['jobs'];
async function filesNaming(id: string): Promise<string[]> {
  const names = await readdir(h.dir, { recursive: true });
  return names.filter((name) => name.includes(id.slice(4)) && !/^(?:index|journal)/.test(name));
}

test.each(['/run', '/jobs'])('A7 POST %s on a full disk is 503, and there is no job then or later', async (path) => {
  h.faults.on(({ op }) => (NEEDS_SPACE.has(op) ? 'ENOSPC' : undefined));
  const answer = await call(`POST ${path}`, { job_type: 'fate' });
  expect(answer.status).toBe(503);
  expect(Object.keys(answer.body)).toEqual(['error']);
  expect(await entries()).toEqual([]);
  h.faults.on(() => undefined);
  await h.reopen('crash');
  expect(await entries()).toEqual([]);
});

test('A8 a DELETE that was killed at any of its steps is completed by the next one, or was complete', async () => {
  const ends: Record<string, number> = {};
  let steps = Infinity;
  for (let step = 1; step <= steps; step++) {
    await shut();
    await open();
    const { runId } = await completeWithChart(h.store);
    await h.store.sweep();
    await h.clock.advance(2_000);
    expect((await filesNaming(runId)).length).toBeGreaterThan(0);
    const before = h.faults.calls();
    h.faults.on(({ n }) => {
      if (n < before + step) return undefined;
      void h.faults.kill();
      return 'EIO';
    });
    const first = await call(`DELETE /jobs/${runId}`);
    await h.clock.advance(2_000);
    await h.store.sweep().catch(() => undefined);
    if (h.faults.calls() < before + step) steps = step;
    await h.reopen('crash');
    const again = await call(`DELETE /jobs/${runId}`);
    const end = `${first.status} ${again.status}`;
    ends[end] = (ends[end] ?? 0) + 1;
    // Acknowledged is gone; what was not may be there, and is deleted now.
    expect(['200 404', '503 200', '503 404'], `step ${step}`).toContain(end);
    expect((await call(`GET /jobs/${runId}`)).status).toBe(404);
    expect(await entries()).toEqual([]);
    await h.clock.advance(2_000);
    await h.store.sweep();
    await h.reopen('clean');
    expect((await call(`GET /jobs/${runId}`)).status).toBe(404);
    expect(await entries()).toEqual([]);
    // A blob that nobody names any more is for the collector.
    if ((await filesNaming(runId)).length > 0) await walkBlobs(h);
    expect(await filesNaming(runId)).toEqual([]);
  }
  // Both sides of the commit were met.
  expect(Object.keys(ends)).toContain('200 404');
  expect(Object.entries(ends).some(([end]) => end.endsWith(' 200'))).toBe(true);
});

test('A7 an index that is damaged or lost does not break GET by id', async () => {
  const { runId } = await completeWithChart(h.store);
  for (const harm of ['cut', 'scribble', 'remove'] as const) {
    await h.store.sweep();
    await h.store.close();
    const folder = join(h.dir, 'index');
    for (const name of await readdir(folder)) {
      if (harm === 'cut') await truncate(join(folder, name), 3);
      else if (harm === 'scribble') await writeFile(join(folder, name), '{"id":"run_x"}\n');
    }
    if (harm === 'remove') await rm(folder, { recursive: true });
    await h.reopen('clean');
    expect(await call(`GET /jobs/${runId}`), harm).toMatchObject({
      status: 200,
      body: { job_id: runId, status: 'completed' },
    });
    expect(await entries(), harm).toMatchObject([{ job_id: runId, status: 'completed' }]);
  }
});

test('A7 A8 an entry whose record is gone is unknown by id, and is not listed after that', async () => {
  const { runId } = await completeWithChart(h.store);
  await h.clock.advance(2_000);
  await h.store.sweep();
  await h.store.close();
  for (const name of await filesNaming(runId)) await rm(join(h.dir, name));
  await h.reopen('clean');
  expect(await entries()).toMatchObject([{ job_id: runId }]);
  for (const method of ['GET', 'DELETE']) expect((await call(`${method} /jobs/${runId}`)).status).toBe(404);
  expect(await entries()).toEqual([]);
});
