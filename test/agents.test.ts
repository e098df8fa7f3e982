import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPriceTable } from '../src/agents.ts';
import { loadConfig } from '../src/config.ts';
import { ConfigError } from '../src/errors.ts';
import { openBellhop } from '../src/main.ts';
import { manualClock } from './support/clock.ts';
import { waitFor } from './support/peer-wait.ts';

const PRICE = { input: 1, output: 2, cacheRead: 0.1, cacheWrite5m: 1.25, cacheWrite1h: 2 };

test('prices of a file go over those that are shipped', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-prices-'));
  const pricesFile = join(dir, 'prices.json');
  await writeFile(pricesFile, JSON.stringify({ asOf: '2027-01-02', models: { 'claude-next-9': PRICE } }));
  const shipped = readPriceTable({});
  const table = readPriceTable({ pricesFile });
  expect(table.asOf).toBe('2027-01-02');
  expect(table.models).toEqual({ ...shipped.models, 'claude-next-9': PRICE });
});

test('a price file that cannot be used stops the start before the data folder is touched, and is named', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-prices-'));
  await writeFile(join(dir, 'bad.json'), '{"asOf":"today"}');
  for (const [file, why] of [
    ['none.json', 'there is no such file'],
    ['bad.json', 'asOf'],
    ['.', 'it is no file'],
  ] as const) {
    const config = loadConfig({ BELLHOP_PRICES_FILE: join(dir, file), BELLHOP_DATA_DIR: join(dir, 'data') }, dir);
    const opened = openBellhop(config).then(
      () => undefined,
      (error: unknown) => error,
    );
    const error = await opened;
    if (!(error instanceof ConfigError)) throw new Error(`${file}: ${String(error)}`);
    expect(error.message).toContain(`BELLHOP_PRICES_FILE: ${join(dir, file)}`);
    expect(error.message).toContain(why);
  }
});

test('a server looks now and then for money that runs which are over left uncounted', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-recount-'));
  const clock = manualClock();
  const config = loadConfig({ BELLHOP_DATA_DIR: join(dir, 'data'), BELLHOP_JOBS_DIR: dir, LOG_LEVEL: 'error' }, dir);
  const bellhop = await openBellhop(config, { clock, writeLog: () => undefined });
  try {
    await bellhop.start();
    const left = { job: 'shelf', day: '2026-11-23', month: '2026-11', pendingMicroUsd: 700, spentMicroUsd: 300 };
    const key = `run_${'0'.repeat(26)}`;
    await bellhop.store.putDoc({ kind: 'agent-run', key, rev: 0, value: left });
    await clock.advance(15 * 60_000);
    let used: unknown;
    await waitFor('the money', async () => {
      used = (await bellhop.store.getDoc('ledger', 'usd.day.2026-11-23'))?.value;
      return used !== undefined;
    });
    expect(used).toEqual({ used: 700, held: {} });
  } finally {
    await bellhop.stop({ graceMs: 0 });
  }
});
