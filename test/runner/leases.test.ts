import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defineJob } from '../../src/index.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';
import { fateJob } from '../support/runner-fate.ts';
import { ANA, buildHouse, eventually, tempFolder, type House } from '../support/runner-house.ts';

const LEASE_MS = 30_000;

/** A store that tells nobody what happens: only the heartbeat can notice it. */
function deafStore(clock: ManualClock): Store {
  const store = createMemoryStore({ clock, ids: createIds(clock), log: silentLog });
  return {
    ...store,
    async *watch(_since, signal) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      yield* [];
    },
  };
}

async function running(clock: ManualClock): Promise<{ house: House; runId: string }> {
  const house = buildHouse({ jobs: [fateJob({ timeout: '1h' })], clock, store: deafStore(clock) });
  const { id: runId } = await house.ask('fate', { fate: 'wait' });
  await house.runner.start();
  await clock.advance(1000);
  expect(house.runner.active()).toBe(1);
  return { house, runId };
}

/** Stops while the manual clock goes on. */
async function stop(house: House, clock: ManualClock): Promise<void> {
  let over = false;
  const stopped = house.runner.stop({ graceMs: 0 }).then(() => (over = true));
  await eventually(async () => {
    await clock.advance(500);
    return over || undefined;
  });
  await stopped;
}

test('a cancel that no event told of is seen at the next heartbeat', async () => {
  const clock = manualClock();
  const { house, runId } = await running(clock);
  await house.store.cancel(runId, ANA);
  await clock.advance(LEASE_MS);
  expect(house.runner.active()).toBe(0);
  expect((await house.store.get(runId))?.state).toBe('cancelled');
  await stop(house, clock);
});

test('an attempt whose lease another worker holds is stopped, and changes nothing', async () => {
  const clock = manualClock();
  const { house, runId } = await running(clock);
  clock.step(LEASE_MS + 1);
  await house.store.sweep();
  const claim = { queues: [{ name: 'fate', limit: 1 }], kinds: ['function'], limit: 1, leaseMs: 3_600_000 } as const;
  const [other] = await house.store.claim({ ...claim, workerId: 'worker-2' });
  expect(other?.run.id).toBe(runId);
  await clock.advance(LEASE_MS);
  expect(house.runner.active()).toBe(0);
  expect(await house.store.get(runId)).toMatchObject({ state: 'running', lease: { workerId: 'worker-2' } });
  await stop(house, clock);
});

test('an attempt that timed out counts, also when the shutdown begins while it is being killed', async () => {
  await using folder = await tempFolder();
  const up = join(folder.dir, 'up');
  const script = `trap '' TERM; touch '${up}'; while :; do sleep 0.05; done`;
  const job = defineJob({
    name: 'deaf',
    description: 'Ignores SIGTERM.',
    kind: 'command',
    command: ['sh', '-c', script],
    retries: 0,
    timeout: '20s',
  });
  const clock = manualClock();
  const house = buildHouse({ jobs: [job], clock });
  const { id } = await house.ask('deaf');
  await house.runner.start();
  await eventually(() => existsSync(up));
  await clock.advance(20_000);
  await stop(house, clock);
  expect(await house.store.get(id)).toMatchObject({ state: 'failed', attempts: [{ end: 'timed_out' }] });
});

test('a run whose queue is resumed is claimed at once, while no time passes', async () => {
  const clock = manualClock();
  const house = buildHouse({ jobs: [fateJob()], clock });
  await house.store.pause('fate', ANA);
  const { id } = await house.ask('fate', { fate: 'markdown' });
  await house.runner.start();
  await clock.advance(1000);
  expect((await house.store.get(id))?.state).toBe('queued');
  await house.store.resume('fate', ANA);
  expect((await house.until(id)).state).toBe('completed');
  await stop(house, clock);
});
