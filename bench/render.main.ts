/** One way to render in a process of its own: `node render.main.ts ROUTE FILE`, the input as JSON; prints what importing it and rendering once cost. */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { ROUTES } from './render-routes.ts';
import type { Input, RouteName } from './render-routes.ts';

export interface Cold {
  importMs: number;
  firstMs: number;
  rssMiB: number;
  bytes: number;
  /** Whether the rasteriser was loaded. */
  resvg: boolean;
}

const input = JSON.parse(readFileSync(process.argv[3] ?? '', 'utf8')) as Input; // written by render.ts
const open = ROUTES[process.argv[2] as RouteName];
if (open === undefined) throw new Error('which way?');
const begun = performance.now();
const render = await open();
const imported = performance.now();
const bytes = await render(input);
const cold: Cold = {
  importMs: imported - begun,
  firstMs: performance.now() - imported,
  rssMiB: process.memoryUsage.rss() / 2 ** 20,
  bytes,
  resvg: Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('resvg')),
};
process.stdout.write(JSON.stringify(cold));
