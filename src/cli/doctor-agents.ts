/** What `bellhop doctor` looks at for agents: Claude and the shop, where they are configured. Nothing of it costs money or changes anything. */
import { readPriceTable } from '../agents.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config.ts';
import { BellhopError, messageOf } from '../errors.ts';
import { silentLog } from '../log.ts';
import { checkModel, openClaude, type Claude } from '../runner/kinds/agent/conversation/client.ts';
import { priceOf, type PriceTable } from '../runner/kinds/agent/prices.ts';
import { checkShop } from '../runner/kinds/agent/tools/shopify/scopes.ts';
import { createRegistry } from '../runner/registry.ts';

interface Finding {
  check: string;
  state: 'ok' | 'off' | 'warn' | 'fail';
  says: string;
}

const TIMEOUT_MS = 20_000;
const LINE = '\n             ';
const DEFAULT_MODEL = 'claude-sonnet-5-5';
const MAX_MODELS = 10;

export async function checkClaude(config: Config): Promise<Finding> {
  const check = 'model';
  const { claude: settings } = config;
  if (settings === undefined) return { check, state: 'off', says: 'set ANTHROPIC_API_KEY; agents report figures only' };
  try {
    const prices = readPriceTable(config);
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const claude = await openClaude(settings);
    const looked: Looked[] = [];
    for (const model of await modelsOf(config)) looked.push(await lookAt(claude, { model, prices }, signal));
    const state = looked.some((one) => one.state === 'warn') ? 'warn' : 'ok';
    const says = [
      `the key is taken (SDK ${claude.sdk}, prices of ${prices.asOf})`,
      ...looked.map((one) => one.says),
      'whether the cache is read shows in a run of two turns or more: (…% cached) in its line of costs',
    ];
    return { check, state, says: says.join(LINE) };
  } catch (error) {
    return { check, state: 'fail', says: told(error) };
  }
}

interface Looked {
  state: 'ok' | 'warn';
  says: string;
}

/** Whether the model is there, is priced, and counts a few tokens, which is free. */
async function lookAt(
  claude: Claude,
  { model, prices }: { model: string; prices: PriceTable },
  signal: AbortSignal,
): Promise<Looked> {
  const { lifecycle, retiresAt } = await checkModel(claude, model, signal);
  const messages = [{ role: 'user' as const, content: 'Ring.' }];
  const { input_tokens: tokens } = await claude.client.messages.countTokens({ model, messages }, { signal });
  const priced = priceOf(prices, model) !== undefined;
  const until = retiresAt === undefined ? '' : ` until ${retiresAt.slice(0, 10)}`;
  const unpriced = priced ? '' : ', without a price: name it in BELLHOP_PRICES_FILE';
  return {
    state: lifecycle === 'active' && priced ? 'ok' : 'warn',
    says: `${model} is ${lifecycle}${until}, counts ${tokens} tokens for a word${unpriced}`,
  };
}

/** Those of the jobs, else the one that a job has that names none. */
async function modelsOf(config: Config): Promise<string[]> {
  const registry = createRegistry({
    dir: config.jobsDir,
    clock: systemClock,
    log: silentLog,
    variables: config.variables,
  });
  await registry.refresh();
  const named = registry.list().flatMap((job) => (job.kind === 'agent' ? job.model : []));
  return [...new Set(named.length === 0 ? [DEFAULT_MODEL] : named)].slice(0, MAX_MODELS);
}

export async function checkShopify(config: Config): Promise<Finding> {
  const check = 'shop';
  try {
    const shop = await checkShop(config.variables, {}, AbortSignal.timeout(TIMEOUT_MS));
    if (shop.state === 'off')
      return { check, state: 'off', says: 'set SHOPIFY_STORE and SHOPIFY_ACCESS_TOKEN, or an id and a secret' };
    if (shop.state === 'failed') return { check, state: 'fail', says: told(shop.error) };
    return { check, state: shop.notes.length === 0 ? 'ok' : 'warn', says: [shop.text, ...shop.notes].join(LINE) };
  } catch (error) {
    return { check, state: 'fail', says: told(error) };
  }
}

function told(error: unknown): string {
  const hint = error instanceof BellhopError ? error.hint : undefined;
  return [messageOf(error), ...(hint === undefined ? [] : [hint])].join(LINE);
}
