/** The scheduler over a store in memory (or a given one) and a clock that stands still until it is told to move. */
import { createIds } from '../../src/ids.ts';
import { silentLog, type Log } from '../../src/log.ts';
import { createCaps } from '../../src/runner/caps.ts';
import { createGuards, type GuardCheck } from '../../src/runner/guards.ts';
import type { Examine } from '../../src/runner/preflights.ts';
import type { Registry } from '../../src/runner/registry.ts';
import { createRunner, type Runner } from '../../src/runner/runner.ts';
import { createScheduler, type Scheduler } from '../../src/runner/scheduler.ts';
import { createScrub } from '../../src/scrub.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { Schedule, type Skip } from '../../src/store/schedule-records.ts';
import type { Destination } from '../../src/store/destinations.ts';
import type { Actor, Run } from '../../src/store/records.ts';
import type { Settlement, Store } from '../../src/store/store.ts';
import { manualClock, type ManualClock } from './clock.ts';
import { staticRegistry } from './runner-house.ts';

export const BEA: Actor = { kind: 'slack', id: 'U0BEA', name: 'bea' };
export const OPS: Destination = { kind: 'slack', channel: 'C0OPS' };

type Agents = NonNullable<Parameters<typeof createRunner>[0]['agents']>;

export interface ScheduleHouse extends Scheduler {
  store: Store;
  runner: Runner;
  clock: ManualClock;
  registry: ReturnType<typeof staticRegistry>;
  /** The document of a schedule. */
  doc(name: string): Promise<Schedule>;
  /** The runs of a schedule's slots, oldest first. */
  runs(name: string): Promise<Run[]>;
  skips(name: string): Promise<Skip[]>;
  /** Another scheduler over the same store and jobs: the next life, or a rival. */
  again(): Scheduler;
}

export interface ScheduleParts {
  jobs?: readonly unknown[];
  /** Instead of `jobs`: those of a folder. */
  registry?: Registry;
  /** What runs of agents need. */
  agents?: Agents;
  store?: Store;
  clock?: ManualClock;
  guards?: GuardCheck;
  /** The product's guards, with this environment, instead of `guards`. */
  guarded?: { env?: Record<string, string>; mode?: 'production' | 'development' };
  secrets?: readonly string[];
  log?: Log;
  alertsTo?: readonly Destination[];
  zone?: string;
  /** Addresses of dead-man's switches, and what answers there. */
  pings?: Record<string, string>;
  /** Looks at the places of reports, so long before they are due. */
  examine?: Examine;
  preflightMs?: number;
  /** The store as the scheduler sees it. */
  wrapStore?: (store: Store) => Store;
  pinged?: { fetch: typeof globalThis.fetch };
}

/** A job that a file might define: it runs at once, and its schedules are given. */
export function jobWith(schedules: readonly unknown[], more: Record<string, unknown> = {}): unknown {
  return {
    name: 'weekly',
    description: 'A report every week',
    destinations: ['#reports'],
    run: () => 'done',
    schedules,
    ...more,
  };
}

const NOTHING_GUARDED: GuardCheck = { check: () => Promise.resolve({ ok: true }) };

function agentsOf({ agents }: ScheduleParts): { agents?: Agents } {
  return agents === undefined ? {} : { agents };
}

export function scheduleHouse(parts: ScheduleParts = {}): ScheduleHouse {
  const clock = parts.clock ?? manualClock();
  const ids = createIds(clock);
  const log = parts.log ?? silentLog;
  const store = parts.store ?? createMemoryStore({ clock, ids, log: silentLog });
  const registry = { ...staticRegistry(parts.jobs ?? []), ...parts.registry };
  const scrub = createScrub(parts.secrets ?? []);
  const { env = {}, mode = 'development' } = parts.guarded ?? {};
  const caps = createCaps({ store, clock, zone: parts.zone ?? 'UTC' });
  const real = createGuards({ store, caps, env, mode, scrub });
  const deciding = { ...agentsOf(parts), ...(parts.guarded === undefined ? {} : { caps, guards: real }) };
  const runner = createRunner(
    { store, registry, clock, log, ids, scrub, env: {}, ...deciding },
    { workerId: 'worker-1' },
  );
  const minute = () => Promise.resolve(() => Promise.resolve());
  const guards = parts.guarded === undefined ? (parts.guards ?? NOTHING_GUARDED) : real;
  const { examine, preflightMs, wrapStore = (bare: Store) => bare } = parts;
  const seams = { ...parts.pinged, ...(examine && { examine }) };
  const deps = { store: wrapStore(store), registry, runner, guards, clock, ids, log, minute, scrub, ...seams };
  const options = {
    zone: parts.zone ?? 'UTC',
    alertsTo: parts.alertsTo ?? [],
    host: 'test-host',
    pings: parts.pings ?? {},
    ...(preflightMs !== undefined && { preflightMs }),
  };
  const doc = async (name: string): Promise<Schedule> => {
    const found = await store.getDoc('schedule', name);
    if (found === undefined) throw new Error(`there is no schedule ${name}`);
    return Schedule.parse(found.value);
  };
  return {
    ...createScheduler(deps, options),
    store,
    runner,
    clock,
    registry,
    doc,
    async runs(name) {
      const found: Run[] = [];
      let after: string | undefined;
      do {
        const page = await store.list({ limit: 200, ...(after === undefined ? {} : { after }) });
        for (const { id, schedule } of page.items) {
          const run = schedule?.name === name ? await store.get(id) : undefined;
          if (run !== undefined) found.push(run);
        }
        after = page.next;
      } while (after !== undefined);
      return found.sort((a, b) => ((a.schedule?.slot ?? '') < (b.schedule?.slot ?? '') ? -1 : 1));
    },
    skips: async (name) => (await doc(name)).skips ?? [],
    again: () => createScheduler(deps, options),
  };
}

/** Ends the run as its worker would. */
export async function finish(store: Store, runId: string, end: 'completed' | 'failed' = 'completed'): Promise<void> {
  const error = { code: 'JOB_FAILED', message: 'it was fated' };
  await settle(store, runId, end === 'failed' ? { end, error } : { end });
}

/** Ends an attempt of the run with exactly this. */
export async function settle(store: Store, runId: string, end: Omit<Settlement, 'lease'>): Promise<void> {
  const run = await store.get(runId);
  if (run === undefined) throw new Error(`there is no run ${runId}`);
  const queues = [{ name: run.queue, limit: 100 }];
  const claimed = await store.claim({ queues, kinds: ['function'], limit: 100, workerId: 'hand', leaseMs: 3_600_000 });
  const mine = claimed.find((one) => one.run.id === runId);
  if (mine === undefined) throw new Error(`${runId} cannot be claimed`);
  await store.release(claimed.filter((one) => one !== mine).map((one) => one.lease));
  const [outcome] = await store.settle([{ lease: mine.lease, ...end }]);
  if (outcome?.outcome !== 'settled') throw new Error(`not settled: ${outcome?.outcome}`);
}
