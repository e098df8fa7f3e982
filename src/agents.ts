/** What agents are given: money, memory, prices, the key. Part of the composition root. */
import { readFileSync, statSync } from 'node:fs';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { ConfigError, codeOf, messageOf } from './errors.ts';
import type { Log } from './log.ts';
import { createBudget, type Budget } from './runner/budget.ts';
import { openClaude } from './runner/kinds/agent/conversation/client.ts';
import { HOUSE_PRICES, readPrices, type PriceTable } from './runner/kinds/agent/prices.ts';
import type { AgentSettings } from './runner/kinds/agent/settings.ts';
import { createMemory, type Memory } from './runner/memory.ts';
import type { Registry } from './runner/registry.ts';
import type { Destination } from './store/destinations.ts';
import type { Store } from './store/store.ts';

export interface Agents {
  settings: AgentSettings;
  budget: Budget;
  memory: Memory;
  /** Counts what crashed runs left uncounted; never throws. */
  recount(): Promise<void>;
}

interface AgentsDeps {
  store: Store;
  registry: Pick<Registry, 'list'>;
  clock: Clock;
  log: Log;
  alertsTo: readonly Destination[];
  prices: PriceTable;
}

export function agentsOf(config: Config, deps: AgentsDeps): Agents {
  const { store, clock, registry, prices } = deps;
  const memory = createMemory({ store, clock });
  const jobs = () => registry.list().filter((job) => job.kind === 'agent');
  const budget = createBudget({ ...deps, zone: config.timeZone, caps: config.money, jobs });
  const { timeZone: zone, variables, transcriptMs, claude } = config;
  const settings = { budget, memory, prices, zone, variables, transcriptMs, openClaude };
  return {
    settings: claude === undefined ? settings : { ...settings, claude },
    budget,
    memory,
    async recount() {
      try {
        await budget.reconcile();
      } catch (error) {
        deps.log.warn('what agents spent could not be counted to the end', { error });
      }
    },
  };
}

const MAX_PRICES_BYTES = 1024 * 1024;

/**
 * The prices that are shipped, with those of BELLHOP_PRICES_FILE over them. To be called before the data folder is opened, so that nothing
 * is held then.
 * @throws ConfigError that names the file.
 */
export function readPriceTable({ pricesFile: path }: Pick<Config, 'pricesFile'>): PriceTable {
  if (path === undefined) return HOUSE_PRICES;
  const refused = (why: string, detail: { hint?: string | undefined; cause: unknown }): ConfigError =>
    new ConfigError(`BELLHOP_PRICES_FILE: ${path}: ${why}`, {
      code: 'CONFIG_INVALID',
      hint: detail.hint ?? 'Name a JSON file that this user may read, or take the variable away.',
      cause: detail.cause,
    });
  let text: string;
  try {
    const info = statSync(path);
    if (!info.isFile() || info.size > MAX_PRICES_BYTES) throw new Error('it is no file of at most 1 MB');
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw refused(codeOf(cause) === 'ENOENT' ? 'there is no such file' : messageOf(cause), { cause });
  }
  try {
    return readPrices(text);
  } catch (cause) {
    throw refused(messageOf(cause), { cause, hint: cause instanceof ConfigError ? cause.hint : undefined });
  }
}
