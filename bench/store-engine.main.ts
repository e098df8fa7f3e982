/** One engine in a process of its own: `node store-engine.main.ts ENGINE DIR`, told what to do over IPC (see store-child.ts). */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import type { Asked, Loaded, Opened, Reads } from './store-child.ts';
import { openEngine } from './store-engines.ts';
import type { Engine, EngineName, Handle } from './store-engines.ts';

const [name, dir] = process.argv.slice(2);
if (name === undefined || dir === undefined) throw new Error('which engine, which folder?');
const engineName = name as EngineName;
const begun = performance.now();
const engine = await openEngine(engineName, dir);
const opened: Opened = { ms: performance.now() - begun, rssMiB: rssMiB() };

process.on('message', (message: Asked) => {
  void answer(message).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? String(error.stack) : String(error) }),
  );
});
process.on('disconnect', () => process.exit());
process.send?.({ value: opened });

async function answer(asked: Asked): Promise<unknown> {
  switch (asked.op) {
    case 'fill':
      return engine.fill(asked.count);
    case 'load':
      return load(engine, asked);
    case 'reads':
      return reads(engine, asked.ids);
    case 'rss':
      return rssMiB();
    case 'close': {
      await engine.close();
      return written();
    }
    default:
      return asked satisfies never;
  }
}

/** So many runs at once, each through its three changes, until the time or the number is reached. */
async function load(on: Engine, asked: Extract<Asked, { op: 'load' }>): Promise<Loaded> {
  const sum: Loaded = {
    changes: 0,
    seconds: 0,
    all: [],
    submit: [],
    settle: [],
    activeMs: 0,
    cpuMs: 0,
    writtenBytes: 0,
  };
  const from = {
    at: performance.now(),
    loop: performance.eventLoopUtilization(),
    bytes: written(),
    cpu: process.threadCpuUsage(),
  };
  let begunRuns = 0;
  const timed = async <T>(into: number[][], work: () => Promise<T>): Promise<T> => {
    const at = performance.now();
    const value = await work();
    for (const list of into) list.push(performance.now() - at);
    sum.changes++;
    return value;
  };
  const goOn = (): boolean =>
    asked.runs === undefined ? performance.now() - from.at < asked.ms : begunRuns < asked.runs;
  await Promise.all(
    Array.from({ length: asked.concurrency }, async (_, n) => {
      // A queue of its own: each caller claims the run that it submitted.
      const queue = `load-${n}`;
      while (goOn()) {
        begunRuns++;
        const handle: Handle = await timed([sum.all, sum.submit], () => on.submit(queue));
        const claimed = await timed([sum.all], () => on.claim(queue, handle));
        await timed([sum.all, sum.settle], () => on.settle(claimed, begunRuns % 50 === 0 ? 'failed' : 'completed'));
      }
    }),
  );
  sum.seconds = (performance.now() - from.at) / 1_000;
  sum.activeMs = performance.eventLoopUtilization(from.loop).active;
  const { user, system } = process.threadCpuUsage(from.cpu);
  sum.cpuMs = (user + system) / 1_000;
  sum.writtenBytes = written() - from.bytes;
  return sum;
}

/** Each id once and then again at once; and the list. */
async function reads(on: Engine, ids: readonly string[]): Promise<Reads> {
  const result: Reads = { cold: [], hot: [], list: [], firstListMs: 0 };
  for (const list of [result.cold, result.hot]) {
    for (const id of ids) {
      const at = performance.now();
      if (!(await on.get(id))) throw new Error(`${id} is not there`);
      list.push(performance.now() - at);
    }
  }
  for (let n = 0; n < 30; n++) {
    const at = performance.now();
    if ((await on.newestFailed()) === 0) throw new Error('no failed runs are listed');
    result.list.push(performance.now() - at);
  }
  result.firstListMs = result.list[0] ?? Number.NaN;
  return result;
}

/** Bytes that this process caused to be written to a disk, as the kernel counts them; NaN where there is no /proc. */
function written(): number {
  return Number(/^write_bytes: (\d+)/m.exec(proc('io'))?.[1] ?? Number.NaN);
}
function rssMiB(): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(proc('status'))?.[1] ?? Number.NaN) / 1_024;
}
function proc(file: string): string {
  try {
    return readFileSync(`/proc/self/${file}`, 'utf8');
  } catch {
    return '';
  }
}
