/**
 * What a monitor reads: the text format of Prometheus, 0.0.4. Gauges are read from the store and the ledger, so they are true at once
 * after a start; counters begin at zero with the process, as that format expects. Labels are the names of jobs, states and reasons: bounded sets.
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { AgentAccount } from '../store/agent-records.ts';
import type { StoreEvent } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { SpendView } from './spending.ts';

export interface Metrics {
  /** The whole text, as it is scraped. */
  text(): Promise<string>;
  /** Begins to count what agents do. */
  start(): void;
  stop(): Promise<void>;
}

export interface MetricsDeps {
  store: Pick<Store, 'count' | 'countDue' | 'get' | 'health' | 'watch'>;
  jobs: () => readonly { name: string }[];
  spending: { view(): Promise<SpendView> };
  clock: Clock;
  log: Log;
  version: string;
}

interface Sample {
  labels?: Record<string, string>;
  value: number;
}

interface Family {
  name: string;
  help: string;
  type: 'gauge' | 'counter';
  samples: readonly Sample[];
}

const MAX_JOBS = 200;
/** Attempts that are counted already: an event may come twice. */
const MAX_SEEN = 2_000;
const REWATCH_MS = 1_000;

/** Makes the metrics; `start` before the runner begins to work. */
export function createMetrics(deps: MetricsDeps): Metrics {
  const { store, clock, log } = deps;
  const startedAt = clock.now();
  const stopping = new AbortController();
  const tally = createTally();
  const seen = new Set<string>();
  let watching: Promise<void> | undefined;

  async function noticed({ type, runId, state }: StoreEvent): Promise<void> {
    if (type !== 'run' || runId === undefined || state === 'running' || state === 'queued') return;
    const run = await store.get(runId);
    if (run?.agent === undefined) return;
    const key = `${runId}.${run.attemptsUsed}`;
    if (seen.has(key)) return;
    if (seen.size >= MAX_SEEN) for (const oldest of [...seen].slice(0, MAX_SEEN / 2)) seen.delete(oldest);
    seen.add(key);
    tally.add(run.agent);
  }
  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        for await (const event of store.watch('now', stopping.signal)) await noticed(event);
      } catch (error) {
        log.warn('the metrics lost sight of the store for a moment', { error: messageOf(error) });
      }
      await clock.sleep(REWATCH_MS, stopping.signal);
    }
  }
  async function runs(): Promise<Family[]> {
    const jobs = deps.jobs().slice(0, MAX_JOBS);
    const byJob = await Promise.all(
      jobs.map(async ({ name }) =>
        Object.entries(await store.count({ job: name })).map(([state, value]) => ({
          labels: { job: name, state },
          value,
        })),
      ),
    );
    const all = Object.entries(await store.count({})).map(([state, value]) => ({ labels: { state }, value }));
    return [
      { name: 'runs', help: 'Runs that are kept, by state.', type: 'gauge', samples: all },
      { name: 'job_runs', help: 'Runs that are kept, by job and state.', type: 'gauge', samples: byJob.flat() },
    ];
  }
  function health(): Family[] {
    const { state, unfinished, quarantined } = store.health();
    const one = (name: string, help: string, value: number): Family => ({
      name,
      help,
      type: 'gauge',
      samples: [{ value }],
    });
    return [
      one(
        'store_ready',
        'Whether the store takes work: 1, or 0 when it is read-only or failed.',
        state === 'ready' ? 1 : 0,
      ),
      one('store_unfinished_runs', 'Runs that are in no final state.', unfinished),
      one('store_quarantined_records', 'Records that could not be read and were set aside.', quarantined),
      one('deliveries_due', 'Deliveries that wait to be sent now.', store.countDue('delivery')),
    ];
  }
  async function spend(): Promise<Family[]> {
    const { standing } = await deps.spending.view();
    const of = (pick: (one: SpendView['standing'][number]) => number | null): Sample[] =>
      standing.flatMap((one) => {
        const value = pick(one);
        return value === null ? [] : [{ labels: { scope: one.scope, job: one.job ?? '' }, value }];
      });
    const gauge = (name: string, help: string, samples: Sample[]): Family => ({ name, help, type: 'gauge', samples });
    return [
      gauge(
        'spend_used_micro_usd',
        'Spent in the present day or month, in millionths of a US dollar.',
        of((one) => one.used),
      ),
      gauge(
        'spend_held_micro_usd',
        'Set aside by runs under way.',
        of((one) => one.held),
      ),
      gauge(
        'spend_cap_micro_usd',
        'The cap of the present day or month, where there is one.',
        of((one) => one.cap),
      ),
    ];
  }

  return {
    start() {
      watching ??= watch();
    },
    async stop() {
      stopping.abort();
      await watching;
    },
    async text() {
      const build = { labels: { version: deps.version, node: process.version }, value: 1 };
      const families: Family[] = [
        { name: 'build_info', help: 'The version that runs.', type: 'gauge', samples: [build] },
        {
          name: 'start_time_seconds',
          help: 'When this process began, in seconds since 1970.',
          type: 'gauge',
          samples: [{ value: startedAt / 1_000 }],
        },
        ...health(),
        ...(await runs()),
        ...(await spend()),
        ...tally.families(),
      ];
      return families.map(write).join('');
    },
  };
}

const TOKEN_KINDS = ['input', 'output', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h'] as const;

/** What agents did since the start. */
function createTally() {
  const tokens = new Map<string, number>(TOKEN_KINDS.map((kind) => [kind, 0]));
  const runs = new Map<string, number>();
  let microUsd = 0;
  let toolErrors = 0;
  let toolCalls = 0;
  const samples = (of: ReadonlyMap<string, number>, label: string): Sample[] =>
    [...of].map(([name, value]) => ({ labels: { [label]: name }, value }));
  return {
    add(account: AgentAccount): void {
      for (const kind of TOKEN_KINDS) tokens.set(kind, (tokens.get(kind) ?? 0) + account.tokens[kind]);
      runs.set(account.why, (runs.get(account.why) ?? 0) + 1);
      microUsd += account.microUsd ?? 0;
      toolCalls += account.tools.length;
      toolErrors += account.tools.filter(({ state }) => state === 'failed').length;
    },
    families(): Family[] {
      const counter = (name: string, help: string, of: readonly Sample[]): Family => ({
        name,
        help: `${help} Since the start of this process.`,
        type: 'counter',
        samples: of,
      });
      return [
        counter('agent_runs_total', 'Attempts of agents that ended, by why.', samples(runs, 'why')),
        counter('agent_tokens_total', 'Tokens of agents, by what they cost.', samples(tokens, 'kind')),
        counter('agent_cost_micro_usd_total', 'What agents cost, in millionths of a US dollar.', [{ value: microUsd }]),
        counter('agent_tool_calls_total', 'Calls of tools by agents.', [{ value: toolCalls }]),
        counter('agent_tool_errors_total', 'Calls of tools that failed.', [{ value: toolErrors }]),
      ];
    },
  };
}

/** A family without samples is left out whole. */
function write({ name, help, type, samples }: Family): string {
  if (samples.length === 0) return '';
  const full = `bellhop_${name}`;
  const lines = samples.map(({ labels = {}, value }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    return `${full}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${String(value)}`;
  });
  return `# HELP ${full} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${full} ${type}\n${lines.join('\n')}\n`;
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
