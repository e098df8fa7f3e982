/** How long a slash command waits for its acknowledgement while jobs run, beside a Bolt app that only acknowledges. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { createHttpDoor } from '../src/playground/http-door.ts';
import { createMailbox } from '../src/playground/mailbox.ts';
import { createTwin } from '../src/playground/twin.ts';
import { createWorkspace } from '../src/playground/workspace.ts';
import type { Workspace } from '../src/playground/workspace.ts';
import { startPeerServer } from '../test/support/peer-server.ts';
import type { PeerServer } from '../test/support/peer-server.ts';
import { waitFor } from '../test/support/peer-wait.ts';
import type { Load, LoadReport } from './ack-load.ts';
import { startBare, startLoad } from './ack-load.ts';
import type { BenchResult } from './result.ts';
import { printTable, quantile, round } from './result.ts';

const SECRET = 'bench-signing-secret';
const RATE = 200;
/** How often runs are asked for in ordinary use. */
const RUN_RATE = 10;
const GOALS = { ackP99: 2, runP99: 4, readyMs: 1_000, idleRssMiB: 120 } as const;

/** A function job that awaits answers of a slow server on loopback until it is cancelled. */
const waits = (io: string): string => `import { defineJob } from 'bellhop';
export default defineJob({
  name: 'bench-waits', description: 'Awaits I/O until it is cancelled', concurrency: 4, retries: 0, timeout: '1h',
  run: async (_input, ctx) => {
    while (!ctx.signal.aborted) await (await fetch('${io}', { signal: ctx.signal })).text();
    return 'stopped';
  },
});
`;
/** A command job that leaves a mark and then runs until it is cancelled. */
const sleeps = (marks: string): string => `name: bench-sleeps
description: A command that runs until it is cancelled
concurrency: 4
retries: 0
timeout: 1h
command: [sh, -c, 'touch "${marks}/$BELLHOP_RUN_ID" && exec sleep 3600']
`;
const NOOP = `import { defineJob } from 'bellhop';
export default defineJob({ name: 'bench-noop', description: 'Ends at once', concurrency: 4, run: async () => 'done' });
`;

export async function benchAck(options: { quick: boolean }): Promise<BenchResult> {
  const home = await mkdtemp(join(tmpdir(), 'bellhop-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const workspace = createWorkspace({ clock: systemClock }, { rates: 'off', maxMessages: 2_000 });
  const twin = stack.use(createTwin({ workspace }));
  const mailbox = stack.use(createMailbox({ clock: systemClock }));
  const io = await startSlowServer(stack);
  await Promise.all([twin.start(), mailbox.start(), writeJobs(home, io.url)]);
  const start = (): Promise<PeerServer> =>
    startPeerServer({
      dataDir: join(home, 'data'),
      jobsDir: join(home, 'jobs'),
      env: {
        SLACK_BOT_TOKEN: workspace.token,
        SLACK_SIGNING_SECRET: SECRET,
        SLACK_API_URL: twin.apiUrl,
        SMTP_URL: mailbox.url,
        BELLHOP_MAIL_FROM: 'Bellhop <bellhop@example.com>',
        // Eight are kept busy; the others serve /jobs run.
        BELLHOP_CONCURRENCY: '12',
        // The eight runs never end by themselves; at the end they are not waited for.
        BELLHOP_SHUTDOWN_MS: '200',
        LOG_LEVEL: 'info',
      },
    });
  // The first start fills the compile cache.
  await (await start()).stop();
  const server = stack.use(await start());
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const idleRssMiB = await rssMiB(server.pid);
  const runs = { server, io, marks: join(home, 'marks') };
  await occupy(workspace, runs);
  const bare = await startBare(SECRET);
  stack.defer(() => bare.stop());
  const durable = await startBare(SECRET, join(home, 'bare.log'));
  stack.defer(() => durable.stop());
  const load = startLoad();
  stack.defer(() => load.stop());
  const measured = await measure(load, {
    workspace,
    server: server.slackUrl,
    bare: bare.url,
    durable: durable.url,
    seconds: options.quick ? 4 : 8,
  });
  await busy(runs);
  return report(measured, { readyMs: server.readyMs, idleRssMiB, busyRssMiB: await rssMiB(server.pid) });
}

interface SlowServer {
  url: string;
  inFlight: () => number;
}

async function startSlowServer(stack: AsyncDisposableStack): Promise<SlowServer> {
  let inFlight = 0;
  const server = createServer((_request, response) => {
    inFlight += 1;
    response.once('close', () => (inFlight -= 1));
    setTimeout(() => response.end('x'), 1_000);
  });
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}/`, inFlight: () => inFlight };
}

async function writeJobs(home: string, io: string): Promise<void> {
  const jobs = join(home, 'jobs');
  await mkdir(jobs);
  await mkdir(join(home, 'marks'));
  await writeFile(join(jobs, 'bench-waits.ts'), waits(io));
  await writeFile(join(jobs, 'bench-sleeps.yml'), sleeps(join(home, 'marks')));
  await writeFile(join(jobs, 'bench-noop.ts'), NOOP);
}

/** Starts four functions and four commands, and waits until all eight are really executed. */
async function occupy(workspace: Workspace, at: { server: PeerServer; io: SlowServer; marks: string }): Promise<void> {
  workspace.attach(createHttpDoor({ url: at.server.slackUrl, signingSecret: SECRET, clock: systemClock }));
  for (const job of ['bench-waits', 'bench-sleeps']) {
    for (let n = 0; n < 4; n++) {
      const ack = await workspace.slash({ user: 'U0ANA', channel: 'reports', text: `run ${job}` });
      if (!ack.ok) throw new Error(`/jobs run ${job} was not acknowledged: ${ack.error ?? ack.status}`);
    }
  }
  // A server that answers "forbidden" is fast too: the measured command must answer with the jobs.
  const list = await workspace.slash({ user: 'U0ANA', channel: 'reports', text: 'list' });
  if (!JSON.stringify(list.body).includes('bench-noop')) throw new Error('/jobs list does not list the jobs');
  await busy(at).catch((error: unknown) => {
    const said = workspace.ephemerals('U0ANA').map(({ text }) => text);
    throw new Error(`the eight runs are not all executed; the answers were: ${said.join(' | ')}`, { cause: error });
  });
}

/** Resolves while four functions await I/O and four commands have begun. */
async function busy(at: { io: SlowServer; marks: string }): Promise<void> {
  await waitFor('four functions and four commands to run', async () => {
    return at.io.inFlight() >= 4 && (await readdir(at.marks)).length >= 4;
  });
}

interface Samples {
  bare: LoadReport;
  list: LoadReport;
  /** Often: as often as the others. */
  bareOften: LoadReport;
  durableOften: LoadReport;
  runOften: LoadReport;
  bareRun: LoadReport;
  run: LoadReport;
}

/** Slices of each target in turn, ABBA, so that what else the machine does falls on both. */
async function measure(
  load: Load,
  at: { workspace: Workspace; server: string; bare: string; durable: string; seconds: number },
): Promise<Samples> {
  const fields = (text: string) => slashForm(at.workspace, text);
  const fire = (url: string, rate: number, slice: { text: string; seconds: number }): Promise<LoadReport> =>
    load.fire({ url, secret: SECRET, rate, seconds: slice.seconds, fields: fields(slice.text) });
  const list = { text: 'list', seconds: 1 };
  const run = { text: 'run bench-noop', seconds: 2 };
  for (const url of [at.bare, at.durable, at.server]) await fire(url, RATE, { ...list, seconds: 2 });
  const samples: Samples = {
    bare: empty(),
    list: empty(),
    bareOften: empty(),
    durableOften: empty(),
    runOften: empty(),
    bareRun: empty(),
    run: empty(),
  };
  for (let turn = 0; turn < at.seconds; turn++) {
    const turns = [
      async () => add(samples.bare, await fire(at.bare, RATE, list)),
      async () => add(samples.list, await fire(at.server, RATE, list)),
    ];
    for (const fireOne of turn % 2 === 0 ? turns : turns.toReversed()) await fireOne();
  }
  for (let turn = 0; turn < 2; turn++) {
    add(samples.bareRun, await fire(at.bare, RUN_RATE, run));
    add(samples.run, await fire(at.server, RUN_RATE, run));
  }
  // Last, for what it leaves to be executed and delivered: the ones before are to be measured without it. Each warmed up with what is
  // measured: in its first seconds V8 compiles what a new path calls, on the second core.
  for (const url of [at.bare, at.durable, at.server]) await fire(url, RATE, { ...run, seconds: at.seconds / 2 });
  for (let turn = 0; turn < at.seconds; turn++) {
    const turns = [
      async () => add(samples.bareOften, await fire(at.bare, RATE, { ...run, seconds: 1 })),
      async () => add(samples.durableOften, await fire(at.durable, RATE, { ...run, seconds: 1 })),
      async () => add(samples.runOften, await fire(at.server, RATE, { ...run, seconds: 1 })),
    ];
    for (const fireOne of turn % 2 === 0 ? turns : turns.toReversed()) await fireOne();
  }
  return samples;
}

function slashForm(workspace: Workspace, text: string): Record<string, string> {
  return {
    token: 'x',
    team_id: workspace.team.id,
    team_domain: workspace.team.domain,
    channel_id: 'C0REPORTS',
    channel_name: 'reports',
    user_id: 'U0ANA',
    user_name: 'ana',
    command: '/jobs',
    text,
    api_app_id: 'A0BELLHOP',
    is_enterprise_install: 'false',
    response_url: 'http://127.0.0.1:9/commands/none',
  };
}

function empty(): LoadReport {
  return { latencies: [], failures: [] };
}

function add(sum: LoadReport, more: LoadReport): void {
  sum.latencies.push(...more.latencies);
  sum.failures.push(...more.failures);
}

function report(samples: Samples, server: { readyMs: number; idleRssMiB: number; busyRssMiB: number }): BenchResult {
  const row = (name: string, { latencies, failures }: LoadReport): string[] => [
    name,
    String(latencies.length),
    String(failures.length),
    ...[0.5, 0.95, 0.99, 1].map((share) => quantile(latencies, share).toFixed(2)),
  ];
  printTable([
    ['command', 'answered', 'failed', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms'],
    row(`bare Bolt, ${RATE}/s`, samples.bare),
    row(`/jobs list, ${RATE}/s, 8 runs active`, samples.list),
    row(`bare Bolt, ${RUN_RATE}/s`, samples.bareRun),
    row(`/jobs run, ${RUN_RATE}/s, 8 runs active`, samples.run),
    row(`bare Bolt, ${RATE}/s`, samples.bareOften),
    row(`bare Bolt and one durable write, ${RATE}/s`, samples.durableOften),
    row(`/jobs run, ${RATE}/s, 8 runs active`, samples.runOften),
  ]);
  console.log(
    `second start ready in ${Math.round(server.readyMs)} ms (goal < ${GOALS.readyMs}); resident ${Math.round(server.idleRssMiB)} MiB idle ` +
      `(goal < ${GOALS.idleRssMiB}), ${Math.round(server.busyRssMiB)} MiB after the load`,
  );
  const ratio = (share: number, pair: [LoadReport, LoadReport]): number =>
    round(quantile(pair[0].latencies, share) / quantile(pair[1].latencies, share));
  const ratios = {
    listP50: ratio(0.5, [samples.list, samples.bare]),
    listP99: ratio(0.99, [samples.list, samples.bare]),
    slowRunP50: ratio(0.5, [samples.run, samples.bareRun]),
    slowRunP99: ratio(0.99, [samples.run, samples.bareRun]),
    runP50: ratio(0.5, [samples.runOften, samples.bareOften]),
    runP95: ratio(0.95, [samples.runOften, samples.bareOften]),
    runP99: ratio(0.99, [samples.runOften, samples.bareOften]),
    // What of that is the disk's.
    durableP99: ratio(0.99, [samples.durableOften, samples.bareOften]),
    runOfDurableP99: ratio(0.99, [samples.runOften, samples.durableOften]),
  };
  const short: string[] = [];
  if (!(ratios.listP99 <= GOALS.ackP99)) short.push('listP99');
  if (!(ratios.runP99 <= GOALS.runP99)) short.push('runP99');
  if (!(server.readyMs < GOALS.readyMs)) short.push('readyMs');
  if (server.idleRssMiB >= GOALS.idleRssMiB) short.push('idleRssMiB');
  for (const [name, { failures }] of Object.entries(samples))
    if (failures.length > 0) short.push(`${name}: ${failures[0] ?? ''}`);
  return {
    bench: 'ack',
    ratios,
    goals: { listP99: GOALS.ackP99, runP99: GOALS.runP99, readyMs: GOALS.readyMs, idleRssMiB: GOALS.idleRssMiB },
    short,
    figures: {
      bareP99Ms: round(quantile(samples.bare.latencies, 0.99)),
      listP99Ms: round(quantile(samples.list.latencies, 0.99)),
      bareRunP99Ms: round(quantile(samples.bareOften.latencies, 0.99)),
      runP99Ms: round(quantile(samples.runOften.latencies, 0.99)),
      readyMs: Math.round(server.readyMs),
      idleRssMiB: Math.round(server.idleRssMiB),
    },
  };
}

/** Resident memory as the kernel counts it; NaN where there is no /proc, and then no goal is judged by it. */
async function rssMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1_024;
}
