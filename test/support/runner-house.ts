/** A runner on a store in memory, with jobs given as objects or as files of a temporary folder. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog, type Log } from '../../src/log.ts';
import type { Caps } from '../../src/runner/caps.ts';
import type { GuardCheck } from '../../src/runner/guards.ts';
import { checkDefinition } from '../../src/runner/definition.ts';
import { createRunner, type Runner, type RunnerOptions } from '../../src/runner/runner.ts';
import { createScrub } from '../../src/scrub.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { isFinal, type Actor, type Run } from '../../src/store/records.ts';
import type { AgentSettings } from '../../src/runner/kinds/agent/settings.ts';
import type { Confinement } from '../../src/runner/kinds/confine.ts';
import type { ManualClock } from './clock.ts';
import type { Registry } from '../../src/runner/registry.ts';
import type { Store } from '../../src/store/store.ts';

export const ANA: Actor = { kind: 'slack', id: 'U0ANA', name: 'ana' };
export const ORIGIN = { kind: 'slack', channel: 'C0HERE' } as const;
export const SECRET = 'hunter2-hunter2';

/** A registry of definitions; the files they would come from do not exist, their folder may. */
export function staticRegistry(
  definitions: readonly unknown[],
  path = '/nowhere/static.ts',
): Registry & { set: (next: readonly unknown[]) => void } {
  const load = (all: readonly unknown[]) => all.map((one) => checkDefinition(one, { file: 'static.ts', path }));
  let jobs = load(definitions);
  return {
    list: () => jobs,
    get: (name) => jobs.find((job) => job.name === name),
    problems: () => [],
    refresh: () => Promise.resolve(),
    freshen: () => Promise.resolve(),
    set: (next) => {
      jobs = load(next);
    },
  };
}

export interface House {
  runner: Runner;
  store: Store;
  clock: Clock;
  /** Submits as Ana from a Slack channel and answers the accepted run. */
  ask: (job: string, input?: unknown) => Promise<Run>;
  /** The run once `when` holds (default: once it is final). */
  until: (runId: string, when?: (run: Run) => boolean) => Promise<Run>;
}

export interface HouseParts {
  jobs?: readonly unknown[];
  registry?: Registry;
  clock?: Clock;
  store?: Store;
  log?: Log;
  env?: Record<string, string | undefined>;
  options?: Partial<RunnerOptions>;
  guards?: GuardCheck;
  caps?: Caps;
  confinement?: Confinement;
  agents?: AgentSettings;
  /** Default: `SECRET`. */
  secrets?: readonly string[];
}

export function buildHouse(parts: HouseParts): House {
  const clock = parts.clock ?? systemClock;
  const ids = createIds(clock);
  const log = parts.log ?? silentLog;
  const store = parts.store ?? createMemoryStore({ clock, ids, log: silentLog });
  const registry = parts.registry ?? staticRegistry(parts.jobs ?? []);
  const scrub = createScrub(parts.secrets ?? [SECRET]);
  const { guards, caps, confinement, agents } = parts;
  const held = { ...(confinement && { confinement }), ...(agents && { agents }) };
  const given = { ...(guards && { guards }), ...(caps && { caps }), ...held };
  const env = parts.env ?? { PATH: process.env['PATH'] };
  const deps = { store, registry, clock, log, ids, scrub, env, ...given };
  const runner = createRunner(deps, { workerId: 'worker-1', ...parts.options });
  return {
    runner,
    store,
    clock,
    async ask(job, input = {}) {
      const asked = { job, input, as: 'json', actor: ANA, trigger: 'slack', origin: ORIGIN } as const;
      const result = await runner.submit(asked);
      if (result.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(result)}`);
      return result.run;
    },
    until: (runId, when = (run) => isFinal(run.state)) =>
      eventually(async () => {
        const run = await store.get(runId);
        return run !== undefined && when(run) ? run : undefined;
      }),
  };
}

/** Polls until there is an answer; a hang guard, not a deadline, ends it after 20 s. */
export async function eventually<T>(probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const began = performance.now();
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() - began > 20_000) throw new Error('it did not happen within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The final run, while a second of the manual clock passes in every few real milliseconds. */
export function passing(house: House, clock: ManualClock, runId: string): Promise<Run> {
  return eventually(async () => {
    await clock.advance(1000);
    const run = await house.store.get(runId);
    return run !== undefined && isFinal(run.state) ? run : undefined;
  });
}

/** A fresh folder below the system's temporary one, outside this project; removed by the answer's second member. */
export async function tempFolder(files: Record<string, string> = {}): Promise<AsyncDisposable & { dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'bellhop-test-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

/** Whether a process still runs. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    // A zombie is dead: only its parent has not asked yet.
    return !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
