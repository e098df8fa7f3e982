/** The shipped job through the real runner, on a store in memory, at the time and over the shop of a case. */
import { fileURLToPath } from 'node:url';
import { systemClock, type Clock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createBudget } from '../../src/runner/budget.ts';
import type { LoadedAgent } from '../../src/runner/jobs.ts';
import { openClaude, type ClaudeSettings } from '../../src/runner/kinds/agent/conversation/client.ts';
import { HOUSE_PRICES } from '../../src/runner/kinds/agent/prices.ts';
import { shopifyTools } from '../../src/runner/kinds/agent/tools/shopify/tools.ts';
import type { ShopSource } from '../../src/runner/kinds/agent/tools/shopify/rows.ts';
import { createMemory } from '../../src/runner/memory.ts';
import { createRegistry, type Registry } from '../../src/runner/registry.ts';
import { createRunner } from '../../src/runner/runner.ts';
import { createScrub } from '../../src/scrub.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { isFinal, type Run } from '../../src/store/records.ts';
import type { Store } from '../../src/store/store.ts';
import { eventually } from '../support/runner-house.ts';

const JOBS = fileURLToPath(new URL('../../jobs', import.meta.url));
const NAME = 'weekly-merchandising';

/** The job as its file is loaded. */
export async function loadShipped(name = NAME): Promise<LoadedAgent> {
  const registry = createRegistry({ dir: JOBS, clock: systemClock, log: silentLog });
  await registry.refresh();
  const job = registry.get(name);
  if (job?.kind !== 'agent') throw new Error(`${name} is no agent: ${JSON.stringify(registry.problems())}`);
  return job;
}

/** Its tools over a source of rows. */
function over(job: LoadedAgent, source: () => ShopSource): LoadedAgent {
  const tools = new Map(shopifyTools({ source }).map((tool) => [tool.name, tool]));
  return {
    ...job,
    tools: job.tools.map((tool) => ({
      ...tool,
      run: (input, ctx) => {
        const story = tools.get(tool.name);
        return story === undefined ? tool.run(input, ctx) : story.run(story.input.parse(input), ctx);
      },
    })),
  };
}

export interface EvalHouse extends AsyncDisposable {
  store: Store;
  job: LoadedAgent;
  /** Runs the job once, at that time and over that shop, to its end. */
  run(at: number, source?: ShopSource, input?: Record<string, unknown>): Promise<Run>;
}

interface Parts {
  job: LoadedAgent;
  claude?: ClaudeSettings;
  /** Of the house in a day, in micro-dollars. */
  dayMicroUsd?: number;
}

export async function evalHouse({ job: shipped, claude, dayMicroUsd }: Parts): Promise<EvalHouse> {
  let offset = 0;
  let shop: ShopSource | undefined;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + offset };
  const ids = createIds(clock);
  const store = createMemoryStore({ clock, ids, log: silentLog });
  const job = over(shipped, () => {
    if (shop === undefined) throw new Error('no shop was given');
    return shop;
  });
  const common = { store, clock, log: silentLog };
  const caps = dayMicroUsd === undefined ? {} : { dayMicroUsd };
  const budget = createBudget({ ...common, zone: 'UTC', caps, prices: HOUSE_PRICES, alertsTo: [], jobs: () => [job] });
  const agents = {
    budget,
    memory: createMemory({ store, clock }),
    openClaude,
    prices: HOUSE_PRICES,
    zone: 'UTC',
    variables: {},
    transcriptMs: 0,
    ...(claude !== undefined && { claude }),
  };
  const plain = {
    ...common,
    registry: only(job, shipped, () => shop !== undefined),
    ids,
    scrub: createScrub([]),
    agents,
  };
  const runner = createRunner(plain, { workerId: 'eval' });
  await runner.start();
  return {
    store,
    job,
    async run(at, source, input = {}) {
      offset = at - systemClock.now();
      shop = source;
      const asked = {
        job: job.name,
        input,
        as: 'json',
        actor: { kind: 'operator', id: 'eval@here' },
        trigger: 'cli',
      } as const;
      const result = await runner.submit(asked);
      if (result.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(result)}`);
      return eventually(async () => {
        const found = await store.get(result.run.id);
        return found !== undefined && isFinal(found.state) ? found : undefined;
      });
    },
    [Symbol.asyncDispose]: () => runner.stop({ graceMs: 0 }),
  };
}

/** The job over the story, or as it is shipped where no story is told. */
function only(told: LoadedAgent, shipped: LoadedAgent, isTold: () => boolean): Registry {
  const job = (): LoadedAgent => (isTold() ? told : shipped);
  return {
    list: () => [job()],
    get: (name) => (name === told.name ? job() : undefined),
    problems: () => [],
    refresh: () => Promise.resolve(),
    freshen: () => Promise.resolve(),
  };
}
