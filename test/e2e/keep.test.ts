import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { openBellhop } from '../../src/main.ts';
import type { Bellhop } from '../../src/main.ts';
import { manualClock } from '../support/clock.ts';
import { accept, claimOne } from '../support/store-harness.ts';

const DAY_MS = 86_400_000;

let home: string;
let bellhop: Bellhop | undefined;
const clock = manualClock();
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'bellhop-keep-'));
});
afterEach(async () => {
  await bellhop?.stop({ graceMs: 0 });
  await rm(home, { recursive: true });
});
const open = async (env: Record<string, string>): Promise<Bellhop> => {
  const config = loadConfig({ BELLHOP_DATA_DIR: home, ...env }, home);
  return (bellhop = await openBellhop(config, { clock, writeLog: () => undefined }));
};
const finish = async (end: 'completed' | 'failed'): Promise<string> => {
  const { store } = bellhop ?? (await open({}));
  await accept(store);
  const { lease } = await claimOne(store);
  await store.settle([{ lease, end }]);
  return lease.runId;
};

it('a run that is older than the days of the setting is packed into the file of its month', async () => {
  const { store } = await open({ BELLHOP_ARCHIVE_AFTER_DAYS: '3' });
  const run = await store.get(await finish('completed'));
  for (const packed of [false, true]) {
    clock.step(2 * DAY_MS);
    await store.sweep();
    expect(existsSync(join(home, 'archive'))).toBe(packed);
  }
  expect(await store.get(run?.id ?? '')).toEqual(run);
});
it('the days of the settings are how long runs are kept', async () => {
  const { store } = await open({ BELLHOP_RETAIN_DAYS: '2', BELLHOP_RETAIN_FAILED_DAYS: '4' });
  const completed = await finish('completed');
  const failed = await finish('failed');
  for (const left of [[failed, completed], [failed], []]) {
    await store.sweep();
    expect((await store.list({})).items.map(({ id }) => id)).toEqual(left);
    clock.step(2 * DAY_MS + 1);
  }
});
