/** One way to render in a process of its own: `node render.main.ts ROUTE`; prints what importing it and rendering once cost. */
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { ROUTES } from './render-routes.ts';
import type { RouteName } from './render-routes.ts';

export interface Cold {
  importMs: number;
  firstMs: number;
  rssMiB: number;
  bytes: number;
  /** Whether the rasteriser was loaded. */
  resvg: boolean;
}

const open = ROUTES[process.argv[2] as RouteName];
if (open === undefined) throw new Error('which way?');
const begun = performance.now();
const render = await open();
const imported = performance.now();
const bytes = await render();
const cold: Cold = {
  importMs: imported - begun,
  firstMs: performance.now() - imported,
  rssMiB: process.memoryUsage.rss() / 2 ** 20,
  bytes,
  resvg: Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('resvg')),
};
process.stdout.write(JSON.stringify(cold));
