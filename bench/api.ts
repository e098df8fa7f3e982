/** How long a run takes over HTTP beside the same server's bare route, a list on a long history beside a short one, and what hostile requests take. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { systemClock } from '../src/clock.ts';
import { ROUTES } from '../test/support/api-routes.ts';
import { API_TOKEN, CRON_TOKEN } from '../test/support/api-server.ts';
import { BODIES, fill, hostileRequest } from '../test/support/hostile.ts';
import { startPeerServer, type PeerServer } from '../test/support/peer-server.ts';
import { send, type WireRequest } from '../test/support/wire.ts';
import { add, createCaller, nothingTimed, timed, type Caller, type Timed } from './api-calls.ts';
import type { BenchResult } from './result.ts';
import { printTable, quantile, round } from './result.ts';
import { startEngine } from './store-child.ts';

const IN_FLIGHT = [1, 10, 100] as const;
const SEED = 20_261_122;
/**
 * A list must not notice the history, and runs that come together share their writes. One alone is two or three syncs of the disk beside a
 * route without any: its ratio is the disk's, is shown and is no goal.
 */
const GOALS = { runP50At10: 30, runP50At100: 30, listP50: 1.5, hostileWorstMs: 1_000 } as const;
interface Sizes {
  short: number;
  long: number;
  turns: number;
  /** In each turn. */
  runs: Record<(typeof IN_FLIGHT)[number], number>;
  lists: number;
  hostile: number;
}
const FULL: Sizes = {
  short: 1_000,
  long: 100_000,
  turns: 6,
  runs: { 1: 40, 10: 200, 100: 800 },
  lists: 60,
  hostile: 600,
};
const QUICK: Sizes = {
  short: 1_000,
  long: 10_000,
  turns: 2,
  runs: { 1: 30, 10: 100, 100: 300 },
  lists: 40,
  hostile: 200,
};
const NOOP = `import { defineJob } from 'bellhop';
export default defineJob({ name: 'noop', description: 'Ends at once', retries: 0, concurrency: 64, run: async () => 'done' });
`;

export async function benchApi(options: { quick: boolean }): Promise<BenchResult> {
  const sizes = options.quick ? QUICK : FULL;
  await using stack = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), 'bellhop-bench-'));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  await mkdir(join(home, 'jobs'));
  await writeFile(join(home, 'jobs/noop.ts'), NOOP);
  const begun = systemClock.monotonic();
  await Promise.all([history(home, 'short', sizes.short), history(home, 'long', sizes.long)]);
  console.log(`${sizes.short + sizes.long} runs made in ${seconds(begun)} s`);
  const short = stack.use(await serve(home, 'short'));
  const long = stack.use(await serve(home, 'long'));
  const callers = { short: createCaller(short.url, API_TOKEN), long: createCaller(long.url, API_TOKEN) };
  stack.defer(() => [callers.short, callers.long].forEach((caller) => caller.close()));
  // Lists first: the runs that are made below lengthen the short history.
  const lists = await measureLists(callers, sizes);
  const runs = await measureRuns(callers.short, sizes);
  const hostile = await measureHostile(Number(new URL(short.url).port), sizes);
  return report({ sizes, lists, runs, hostile });
}

const seconds = (begun: number): string => ((systemClock.monotonic() - begun) / 1_000).toFixed(1);

/** Makes a data folder with so many finished runs, as an earlier life left it. */
async function history(home: string, name: string, runs: number): Promise<void> {
  const filling = await startEngine('store', join(home, name));
  await filling.fill(runs);
  await filling.close();
}

function serve(home: string, name: string): Promise<PeerServer> {
  // What limits how often one address may ask would be all that is measured.
  const env = {
    BELLHOP_API_TOKEN: API_TOKEN,
    INTERNAL_HEALTH_TOKEN: CRON_TOKEN,
    BELLHOP_CONCURRENCY: '32',
    BELLHOP_API_RATE: '1000000',
  };
  return startPeerServer({ dataDir: join(home, name), jobsDir: join(home, 'jobs'), env });
}

/** Forwards in one turn and backwards in the next, so that what else the machine does falls on all. */
async function interleaved(turns: number, works: (() => Promise<void>)[]): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    for (const work of turn % 2 === 0 ? works : works.toReversed()) await work();
  }
}

type Lists = Record<'short' | 'long', Timed>;

async function measureLists(callers: Record<'short' | 'long', Caller>, { turns, lists }: Sizes): Promise<Lists> {
  const page = async (caller: Caller): Promise<void> => {
    const { status, body } = await caller.call('GET', '/v1/runs?limit=50');
    if (status !== 200 || body.match(/"id":"run_/g)?.length !== 50) throw new Error(`a page of 50: ${status}`);
  };
  const samples: Lists = { short: nothingTimed(), long: nothingTimed() };
  const size = { count: lists, inFlight: 1 };
  for (const caller of [callers.short, callers.long]) await timed(() => page(caller), size);
  await interleaved(turns, [
    async () => add(samples.short, await timed(() => page(callers.short), size)),
    async () => add(samples.long, await timed(() => page(callers.long), size)),
  ]);
  return samples;
}

type Runs = Map<number, { bare: Timed; run: Timed }>;

async function measureRuns(caller: Caller, { turns, runs }: Sizes): Promise<Runs> {
  const bare = async (): Promise<void> => {
    const { body } = await caller.call('GET', '/healthz');
    if (body !== 'ok') throw new Error(`healthz said ${body.slice(0, 100)}`);
  };
  const run = runOver(caller);
  const samples: Runs = new Map(IN_FLIGHT.map((inFlight) => [inFlight, { bare: nothingTimed(), run: nothingTimed() }]));
  await timed(run, { count: 100, inFlight: 10 });
  await timed(bare, { count: 200, inFlight: 10 });
  for (const inFlight of IN_FLIGHT) {
    const both = samples.get(inFlight) ?? { bare: nothingTimed(), run: nothingTimed() };
    const size = { count: runs[inFlight], inFlight };
    await interleaved(turns, [
      async () => add(both.bare, await timed(bare, size)),
      async () => add(both.run, await timed(run, size)),
    ]);
  }
  return samples;
}

/** One run from the request to the answer with its end. */
function runOver(caller: Caller): () => Promise<void> {
  return async () => {
    const { body } = await caller.call('POST', '/run', '{"job_type":"noop"}');
    if (!body.includes('"status":"completed"')) throw new Error(`POST /run said ${body.slice(0, 200)}`);
  };
}

interface Slow {
  name: string;
  ms: number;
}

/** One after another: what each takes by itself. Slowest first. */
async function measureHostile(port: number, { hostile }: Sizes): Promise<Slow[]> {
  const routes = ROUTES;
  const bearer = [['Authorization', `Bearer ${API_TOKEN}`]] as const;
  const named: [string, WireRequest][] = routes
    .filter(({ method }) => method === 'POST')
    .flatMap((route) =>
      Object.entries(BODIES).map(([what, body]): [string, WireRequest] => [
        `${route.method} ${route.path} with ${what}`,
        { method: route.method, target: fill(route, () => 'noop'), headers: bearer, ...body },
      ]),
    );
  const drawn = fc.sample(hostileRequest({ routes, known: ['last', 'noop'] }), { seed: SEED, numRuns: hostile });
  const all = [...named, ...drawn.map((one): [string, WireRequest] => [nameOf(one), one])];
  const slow: Slow[] = [];
  for (const [name, request] of all) {
    const at = systemClock.monotonic();
    const { status } = await send({ port, host: '127.0.0.1' }, request);
    slow.push({ name: `${name} -> ${status}`, ms: systemClock.monotonic() - at });
  }
  return slow.toSorted((a, b) => b.ms - a.ms);
}

function nameOf({ method, target, headers = [], body }: WireRequest): string {
  const more = headers.map(([name]) => name).filter((name) => name !== 'Authorization');
  const what = [`${body?.byteLength ?? 0} bytes`, ...more.slice(0, 3)].join(', ');
  return `${method} ${target.slice(0, 60)} (${what})`;
}

interface Measured {
  sizes: Sizes;
  lists: Lists;
  runs: Runs;
  hostile: Slow[];
}

function report({ sizes, lists, runs, hostile }: Measured): BenchResult {
  const row = (name: string, { latencies, seconds: took, failures }: Timed): string[] => [
    name,
    String(latencies.length),
    String(failures.length),
    (latencies.length / took).toFixed(0),
    ...[0.5, 0.99, 1].map((share) => quantile(latencies, share).toFixed(2)),
  ];
  printTable([
    ['request', 'answered', 'failed', 'per s', 'p50 ms', 'p99 ms', 'max ms'],
    ...[...runs].flatMap(([inFlight, { bare, run }]) => [
      row(`GET /healthz, ${inFlight} in flight`, bare),
      row(`submit to completed, ${inFlight} in flight`, run),
    ]),
    row(`GET /v1/runs?limit=50, ${sizes.short} runs`, lists.short),
    row(`GET /v1/runs?limit=50, ${sizes.long} runs`, lists.long),
  ]);
  console.log(`\nthe slowest of ${hostile.length} hostile requests (goal: each below ${GOALS.hostileWorstMs} ms)`);
  printTable([['request', 'ms'], ...hostile.slice(0, 8).map(({ name, ms }) => [name, ms.toFixed(1)])]);
  const p50 = ({ latencies }: Timed): number => quantile(latencies, 0.5);
  const ofRun = (inFlight: number): number => {
    const both = runs.get(inFlight);
    return both === undefined ? Number.NaN : round(p50(both.run) / p50(both.bare));
  };
  const ratios = {
    runP50At1: ofRun(1),
    runP50At10: ofRun(10),
    runP50At100: ofRun(100),
    listP50: round(p50(lists.long) / p50(lists.short)),
    hostileWorstMs: round(hostile[0]?.ms ?? Number.NaN, 1),
  };
  const timings = [...[...runs.values()].flatMap(({ bare, run }) => [bare, run]), lists.short, lists.long];
  const failures = timings.flatMap((one) => one.failures.slice(0, 1));
  return {
    bench: 'api',
    ratios,
    goals: { ...GOALS },
    short: [...missed(ratios), ...failures],
    figures: figuresOf({ lists, runs }),
  };
}

/** What is not known is missed. */
function missed(ratios: Record<keyof typeof GOALS, number>): string[] {
  const names = ['runP50At10', 'runP50At100', 'listP50', 'hostileWorstMs'] as const;
  return names.filter((name) => !(ratios[name] <= GOALS[name]));
}

function figuresOf({ lists, runs }: Pick<Measured, 'lists' | 'runs'>): Record<string, number> {
  const figures: Record<string, number> = {};
  for (const [inFlight, { bare, run }] of runs) {
    figures[`bareP50MsAt${inFlight}`] = round(quantile(bare.latencies, 0.5));
    figures[`runP50MsAt${inFlight}`] = round(quantile(run.latencies, 0.5));
    figures[`runsPerSAt${inFlight}`] = round(run.latencies.length / run.seconds, 0);
  }
  figures['listShortP50Ms'] = round(quantile(lists.short.latencies, 0.5));
  figures['listLongP50Ms'] = round(quantile(lists.long.latencies, 0.5));
  return figures;
}
