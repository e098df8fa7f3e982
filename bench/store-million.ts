/** A long history once: how long it takes to make, what it takes on disk, and whether a start, a read and a list notice it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import type { BenchResult } from './result.ts';
import { printTable, quantile, round } from './result.ts';
import { usage } from './store.ts';
import { startEngine } from './store-child.ts';

const GOALS = { startCleanMs: 50, rssAtOpen: 1.1 } as const;

export async function benchStoreMillion(options: { quick: boolean }): Promise<BenchResult> {
  const runs = options.quick ? 20_000 : 1_000_000;
  const home = await mkdtemp(join(tmpdir(), 'bellhop-million-'));
  try {
    const empty = await startEngine('store', join(home, 'empty'));
    await empty.close();
    const begun = systemClock.monotonic();
    const filling = await startEngine('store', join(home, 'full'));
    const ids = await filling.fill(runs);
    await filling.close();
    const fillSeconds = (systemClock.monotonic() - begun) / 1_000;
    const disk = await usage(join(home, 'full'));
    const full = await startEngine('store', join(home, 'full'));
    const reads = await full.reads(ids.slice(0, 300));
    const load = await full.load({ concurrency: 64, ms: 2_000 });
    await full.close();
    const ratios = {
      startCleanMs: round(full.opened.ms, 1),
      rssAtOpen: round(full.opened.rssMiB / empty.opened.rssMiB),
    };
    const figures = {
      runs,
      fillSeconds: round(fillSeconds, 1),
      diskGiB: round(disk.onDisk / 2 ** 30),
      inodes: disk.files,
      rssAtOpenMiB: round(full.opened.rssMiB, 0),
      getFirstMs: round(quantile(reads.cold, 0.5), 3),
      firstListMs: round(reads.firstListMs, 2),
      listMs: round(quantile(reads.list, 0.5), 3),
      burstChangesPerS: round(load.changes / load.seconds, 0),
    };
    printTable([
      ['a history of', 'here'],
      ...Object.entries({ ...figures, ...ratios }).map(([name, value]) => [name, String(value)]),
    ]);
    const short = Object.entries(GOALS).flatMap(([name, most]) =>
      ratios[name as keyof typeof GOALS] <= most ? [] : [name],
    );
    return { bench: 'store-million', ratios, goals: { ...GOALS }, short, figures };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
