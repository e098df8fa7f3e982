import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { agentsOf, readPriceTable } from './agents.ts';
import { createApi } from './api/app.ts';
import { createHttpServer } from './api/server.ts';
import { createSlack, type SlackSurface } from './bot/slack.ts';
import { systemClock, type Clock, type Timer } from './clock.ts';
import type { Config } from './config.ts';
import { ConfigError, messageOf } from './errors.ts';
import { createOutbox, type Outbox } from './delivery/outbox.ts';
import { createPreflight } from './delivery/preflight.ts';
import { createIds } from './ids.ts';
import { createLog, type Log, type LogDeps } from './log.ts';
import { BUNDLED_FONTS } from './render/charts/fonts.ts';
import { createRasteriser, type Rasteriser } from './render/charts/png.ts';
import { createRegistry } from './runner/registry.ts';
import type { Minute } from './runner/bell.ts';
import type { Budget } from './runner/budget.ts';
import { createCaps } from './runner/caps.ts';
import { createGuards } from './runner/guards.ts';
import type { Memory } from './runner/memory.ts';
import { openConfinement, type Confinement } from './runner/kinds/confine.ts';
import { createMetrics, type Metrics } from './runner/metrics.ts';
import { createRunner, type Runner } from './runner/runner.ts';
import { createShelf } from './runner/plugins/shelf.ts';
import { createScheduler, type Scheduler } from './runner/scheduler.ts';
import { createSpending, type Spending } from './runner/spending.ts';
import { parseTarget, splitTargets } from './runner/targets.ts';
import { createSubscriptions, type Subscriptions } from './runner/subscriptions.ts';
import { createTokens, type Tokens } from './runner/tokens.ts';
import { createScrub } from './scrub.ts';
import { openStore } from './store/open.ts';
import type { Destination } from './store/destinations.ts';
import type { Actor } from './store/records.ts';
import type { OpenReport, Store } from './store/store.ts';
import { readMailSettings, transportsOf } from './transports.ts';

/** What tests replace at the far edges; the product passes nothing. */
export interface Seams {
  clock?: Clock;
  env?: Record<string, string | undefined>;
  writeLog?: LogDeps['write'];
  wrapStore?: (store: Store) => Store;
  /** The minute bell of the planner. */
  minute?: Minute;
  /** The fetch of the Slack clients: the playground's workspace. */
  fetch?: typeof globalThis.fetch;
}

/** The composed product without its surfaces: store, runner and outbox over one data folder. */
export interface Bellhop {
  store: Store;
  runner: Runner;
  scheduler: Scheduler;
  outbox: Outbox;
  confinement: Confinement;
  tokens: Tokens;
  subscriptions: Subscriptions;
  memory: Memory;
  budget: Budget;
  spending: Spending;
  metrics: Metrics;
  /** Makes the pictures of charts. */
  rasteriser: Rasteriser;
  log: Log;
  clock: Clock;
  opened: OpenReport;
  /** Whoever may open the data folder. */
  operator: Actor;
  /** Reads the jobs folder; `start` does it as well. */
  loadJobs(): Promise<void>;
  start(): Promise<void>;
  /** Drains and closes the store; idempotent. */
  stop(options?: { graceMs?: number }): Promise<void>;
}

export const VERSION = readVersion();

/**
 * Opens the data folder and composes the rooms; nothing runs before `start`.
 * @throws DependencyError STORE_LOCKED when another process holds the folder.
 */
export async function openBellhop(config: Config, seams: Seams = {}): Promise<Bellhop> {
  const clock = seams.clock ?? systemClock;
  const scrub = createScrub(config.secrets);
  const write = seams.writeLog ?? ((line: string) => void process.stderr.write(line));
  const log = createLog({ write, scrub, clock }, config.logLevel);
  const ids = createIds(clock);
  // Before the folder is opened: a place that is none must leave nothing held.
  const alerts = alertsTo(config);
  const mail = readMailSettings(config);
  const prices = readPriceTable(config);
  const confinement = await openConfinement({ clock, env: config.variables }, config.confine);
  const { store: bare, report } = await openStore(
    { backend: 'lowdb', dir: config.dataDir, networkDisk: config.networkDisk },
    { clock, ids, log, version: VERSION },
    config.keep,
  );
  const store = seams.wrapStore?.(bare) ?? bare;
  const workerId = `${hostname()}-${process.pid}`;
  const plugins = createShelf({ ...config.plugins, env: config.variables, log });
  const registry = createRegistry({ dir: config.jobsDir, clock, log, plugins, variables: config.variables });
  const env = seams.env ?? {};
  const caps = createCaps({ store, clock, zone: config.timeZone });
  const agents = agentsOf(config, { store, registry, clock, log, alertsTo: alerts, prices });
  const { budget } = agents;
  const money = config.claude === undefined ? {} : { budget };
  const guarded = { ...config.variables, ...env };
  const guards = createGuards({ store, caps, ...money, env: guarded, mode: config.mode, scrub });
  const { urls: targets } = config.targets;
  const runner = createRunner(
    { store, registry, clock, log, ids, scrub, env, caps, guards, agents: agents.settings, targets, confinement },
    { workerId, concurrency: config.concurrency },
  );
  const listed = () => registry.list();
  const spending = createSpending({ budget, jobs: listed, timeZone: config.timeZone, pricesAsOf: prices.asOf });
  const metrics = createMetrics({ store, spending, jobs: listed, clock, log, version: VERSION });
  const rasteriser = createRasteriser({ fontFiles: [...BUNDLED_FONTS, ...config.fontFiles] });
  const transports = await transportsOf(config, { store, log, mail, rasteriser, ...seams, clock });
  const { examine } = createPreflight({ store, transports, clock, log });
  const scheduler = createScheduler(
    { store, registry, runner, guards, clock, ids, log, scrub, examine, ...(seams.minute && { minute: seams.minute }) },
    {
      zone: config.timeZone,
      alertsTo: alerts,
      host: hostname(),
      pings: config.pings,
      preflightMs: config.preflightMs,
    },
  );
  const outbox = createOutbox({ store, transports, clock, log, scrub }, { workerId });
  const tokens = createTokens({ store, clock, log }, { bootstrap: config.apiToken });
  let stopping: Promise<void> | undefined;
  let counting: Timer | undefined;
  return {
    store,
    runner,
    scheduler,
    outbox,
    confinement,
    tokens,
    subscriptions: createSubscriptions({ store, clock }),
    memory: agents.memory,
    budget,
    spending,
    metrics,
    rasteriser,
    log,
    clock,
    opened: report,
    operator: { kind: 'operator', id: operatorId() },
    loadJobs: () => registry.refresh(),
    async start() {
      void confinement.ready();
      // What crashed runs left uncounted is counted before another may begin.
      await budget.reconcile();
      metrics.start();
      counting = clock.every(RECONCILE_MS, () => void agents.recount());
      await runner.start();
      outbox.start();
    },
    stop(options = {}) {
      stopping ??= (async () => {
        counting?.cancel();
        await scheduler.stop();
        await runner.stop(options);
        confinement.stop();
        await outbox.stop();
        await tokens.stop();
        await metrics.stop();
        await store.close();
      })();
      return stopping;
    },
  };
}

export interface Server {
  bellhop: Bellhop;
  port: number;
  slack: SlackSurface | undefined;
  stop(): Promise<void>;
}

/** Starts the server: store, runner, outbox, then the surfaces; answers once it listens. */
export async function startServer(config: Config, seams: Seams = {}): Promise<Server> {
  const bellhop = await openBellhop(config, seams);
  try {
    return await openSurfaces(config, bellhop);
  } catch (error) {
    await bellhop.stop({ graceMs: 0 });
    throw error;
  }
}

async function openSurfaces(config: Config, bellhop: Bellhop): Promise<Server> {
  const { runner, store, clock, log } = bellhop;
  for (const problem of config.targets.problems) log.warn('a target is left out', { problem });
  let draining = false;
  const opened = Promise.withResolvers<void>();
  const slack =
    config.slack === undefined
      ? undefined
      : createSlack(
          {
            runner,
            reader: store,
            schedules: bellhop.scheduler.schedules,
            spending: bellhop.spending,
            memory: bellhop.memory,
            owners: config.owners,
            remember: rememberIn(store, clock),
            clock,
            log,
          },
          config.slack,
        );
  const readiness = () => {
    if (draining || store.health().state !== 'ready') return 'unavailable';
    if ((bellhop.scheduler.sinceTickMs() ?? 0) > PLANNED_MS) return 'degraded';
    return slack === undefined || slack.state().state === 'ready' ? 'ready' : 'degraded';
  };
  const { schedules, preflights } = bellhop.scheduler;
  const cron = { token: config.internalHealthToken, schedules, reader: store, clock, log };
  const { tokens, subscriptions, spending, metrics } = bellhop;
  const backup = (dir: string): ReturnType<Store['backup']> => store.backup(dir);
  const { runWaitMs } = config;
  const processing = {
    queue: (name: string, limit: number) => runner.process(name, limit),
    deliveries: (limit: number) => bellhop.outbox.process(limit),
  };
  const doors = { readiness, cron, backup, process: processing, clock, runWaitMs, log };
  const { memory } = bellhop;
  const rooms = { runner, reader: store, schedules, preflights, tokens, subscriptions, memory, spending, metrics };
  const api = createApi({ ...rooms, ...doors }, config.api);
  const http = createHttpServer(
    { api, slack: slack === undefined ? undefined : (req, res) => slack.handle(req, res), opened: opened.promise, log },
    { host: config.host, port: config.port, socketPath: socketPath(config.dataDir), operator: bellhop.operator },
  );
  // Listening comes first: a start that fails on a taken port must not have begun a run.
  const { port } = await http.start();
  try {
    await tokens.start();
    await bellhop.start();
    opened.resolve();
    // Only a server plans: a command line that opens the folder must not begin what is due.
    await bellhop.scheduler.start();
  } catch (error) {
    await http.stop();
    throw error;
  }
  slack?.start();
  return {
    bellhop,
    port,
    slack,
    async stop() {
      draining = true;
      slack?.stop();
      const stopped = bellhop.stop({ graceMs: config.shutdownMs });
      await Promise.all([http.stop(), stopped]);
    },
  };
}

/** Where notices go by default; throws a ConfigError that names the place that is none. */
function alertsTo(config: Config): Destination[] {
  return splitTargets(config.alertsTo.join(',')).map((text) => {
    try {
      const target = parseTarget(text);
      if (target !== 'origin') return target;
    } catch (error) {
      throw new ConfigError(`BELLHOP_ALERTS_TO: ${messageOf(error)}`, { code: 'CONFIG_INVALID', hint: ALERTS_HINT });
    }
    throw new ConfigError('BELLHOP_ALERTS_TO: origin is no place of its own', {
      code: 'CONFIG_INVALID',
      hint: ALERTS_HINT,
    });
  });
}

/** The planner looks every five seconds; after a minute without an end it hangs, or the store does not answer. */
const PLANNED_MS = 60_000;
const ALERTS_HINT = 'Use #channel, a Slack id, an e-mail address or file:path, separated by commas.';
/** A run that is over while its last attempt hung leaves money to be counted. */
const RECONCILE_MS = 15 * 60_000;
const INBOUND_MS = 10 * 60_000;

/** Remembers, durably and before the act, that a command which changes something was seen; see HOUSE "inbound". */
function rememberIn(store: Store, clock: Clock): (key: string) => Promise<boolean> {
  return async (key) => {
    const expiresAt = new Date(clock.now() + INBOUND_MS).toISOString();
    const put = await store.putDoc({ kind: 'inbound', key, rev: 0, value: {}, expiresAt });
    return put.outcome === 'stored';
  };
}

export function socketPath(dataDir: string): string {
  return join(dataDir, 'bellhop.sock');
}

function operatorId(): string {
  try {
    return `${userInfo().username}@${hostname()}`.slice(0, 200);
  } catch {
    return `operator@${hostname()}`.slice(0, 200); // a container may run under an id that has no name
  }
}

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version);
  return '0.0.0';
}
