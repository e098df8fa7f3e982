/**
 * The sample report to Slack, mail and text, by our renderers and by the usual libraries, in the same run: warm in turns in this process;
 * import, first time and memory each in processes of their own. Beside them our charts as PNG: chart.js needs @napi-rs/canvas, whose lock
 * entries `npm ci` refuses where a registry lacks one of its platforms.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { renderMarkdown } from '../src/render/markdown-file.ts';
import { Report } from '../src/store/report.ts';
import { sampleRun } from '../test/support/delivery-report.ts';
import type { Cold } from './render.main.ts';
import { ROUTES } from './render-routes.ts';
import type { Input, RouteName } from './render-routes.ts';
import type { BenchResult } from './result.ts';
import { printTable, quantile, round } from './result.ts';

const NAMES = Object.keys(ROUTES) as RouteName[];
const SIZES = { quick: { warm: 20, cold: 5 }, full: { warm: 100, cold: 15 } } as const;
/** Milliseconds of REPORTS.md 7.16 and 7.18; resvg is not loaded where no picture is made; the rest are ours by the libraries'. */
const GOALS = { sampleMs: 150, importMs: 150, chartMs: 60, resvgLoaded: 0, sample: 1, import: 1, rss: 1 };
/** In the sample. */
const CHARTS = 2;

export async function benchRender(options: { quick: boolean }): Promise<BenchResult> {
  const size = SIZES[options.quick ? 'quick' : 'full'];
  const input = sampleInput();
  const warm = await measureWarm(input, size.warm);
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-bench-'));
  try {
    const file = join(folder, 'input.json');
    await writeFile(file, JSON.stringify(input));
    return report(warm, await measureCold(file, size.cold));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sampleInput(): Input {
  const text = readFileSync(new URL('../test/fixtures/reports/weekly.json', import.meta.url), 'utf8');
  const [sample, about] = [Report.parse(JSON.parse(text)), { run: sampleRun() }];
  return { report: sample, about, markdown: renderMarkdown(sample, about) };
}

/** Each way in turn, so that what else the machine does falls on all. */
async function measureWarm(input: Input, rounds: number): Promise<Record<RouteName, number[]>> {
  const renders = await Promise.all(NAMES.map(async (name) => ({ name, render: await ROUTES[name]() })));
  const found = perRoute((): number[] => []);
  for (let turn = -5; turn < rounds; turn++) {
    for (const { name, render } of turn % 2 === 0 ? renders : renders.toReversed()) {
      const begun = performance.now();
      await render(input);
      if (turn >= 0) found[name].push(performance.now() - begun);
    }
  }
  return found;
}

async function measureCold(file: string, rounds: number): Promise<Record<RouteName, Cold[]>> {
  const found = perRoute((): Cold[] => []);
  for (let turn = -1; turn < rounds; turn++) {
    for (const name of turn % 2 === 0 ? NAMES : NAMES.toReversed()) {
      const { stdout } = await promisify(execFile)(process.execPath, [
        join(import.meta.dirname, 'render.main.ts'),
        name,
        file,
      ]);
      // The first start fills the caches of the disk.
      if (turn >= 0) found[name].push(JSON.parse(stdout) as Cold);
    }
  }
  return found;
}

function perRoute<T>(make: () => T): Record<RouteName, T> {
  return Object.fromEntries(NAMES.map((name) => [name, make()])) as Record<RouteName, T>;
}

interface Row {
  warmMs: number;
  importMs: number;
  firstMs: number;
  rssMiB: number;
  kB: number;
}

function report(warm: Record<RouteName, number[]>, cold: Record<RouteName, Cold[]>): BenchResult {
  const middle = (name: RouteName, of: 'importMs' | 'firstMs' | 'rssMiB' | 'bytes'): number =>
    quantile(
      cold[name].map((one) => one[of]),
      0.5,
    );
  const row = (name: RouteName): Row => ({
    warmMs: quantile(warm[name], 0.5),
    importMs: middle(name, 'importMs'),
    firstMs: middle(name, 'firstMs'),
    rssMiB: middle(name, 'rssMiB'),
    kB: middle(name, 'bytes') / 1_000,
  });
  const rows = Object.fromEntries(NAMES.map((name) => [name, row(name)])) as Record<RouteName, Row>;
  printTable([
    ['medians', 'warm ms', 'import ms', 'first ms', 'RSS MiB', 'kB'],
    ...NAMES.map((name) => [name, ...Object.values(rows[name]).map((value: number) => value.toFixed(1))]),
  ]);
  const [ours, theirs] = [rows['bellhop sample'], rows['libraries sample']];
  const charts = rows['bellhop charts'];
  const ratios = {
    sample: round(ours.warmMs / theirs.warmMs),
    import: round(ours.importMs / theirs.importMs),
    rss: round(ours.rssMiB / theirs.rssMiB),
  };
  // Ours with charts shows that a rasteriser that is loaded would be seen.
  if (!cold['bellhop charts'].every(({ resvg }) => resvg)) throw new Error('a loaded rasteriser goes unnoticed');
  const figures = {
    sampleMs: round(ours.warmMs),
    importMs: round(ours.importMs, 1),
    resvgLoaded: cold['bellhop sample'].filter(({ resvg }) => resvg).length,
    chartMs: round(charts.warmMs / CHARTS, 1),
    chartsRssMiB: round(charts.rssMiB, 1),
    librariesSampleMs: round(theirs.warmMs),
    librariesImportMs: round(theirs.importMs, 1),
  };
  const reached: Record<string, number> = { ...ratios, ...figures };
  const short = Object.entries(GOALS).flatMap(([goal, most]) => ((reached[goal] ?? Infinity) <= most ? [] : [goal]));
  return { bench: 'render', ratios, goals: GOALS, short, figures };
}
