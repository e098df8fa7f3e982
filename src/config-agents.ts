/** What agents are configured with: the key, prices, caps on money, owners, the shop. */
import type { Environment } from './variables.ts';

export interface AgentConfig {
  /** Without it agents report figures only. */
  claude?: { apiKey: string; baseUrl?: string };
  /** Prices over those that are shipped; absolute. */
  pricesFile?: string;
  /** Caps of the workspace in whole micro-dollars. */
  money: { dayMicroUsd?: number; monthMicroUsd?: number };
  /** Slack user ids: who may let a run pass its caps. */
  owners: string[];
  /** How long transcripts are kept; 0: none is. */
  transcriptMs: number;
}

const DAY_MS = 86_400_000;

export function readAgentConfig(env: Environment, at: (path: string) => string): AgentConfig {
  const { ANTHROPIC_API_KEY: apiKey, ANTHROPIC_BASE_URL: baseUrl, BELLHOP_PRICES_FILE: pricesFile } = env;
  const [day, month] = [env.BELLHOP_BUDGET_DAY_USD, env.BELLHOP_BUDGET_MONTH_USD].map(microUsdOf);
  return {
    ...(apiKey !== undefined && { claude: { apiKey, ...(baseUrl !== undefined && { baseUrl }) } }),
    ...(pricesFile !== undefined && { pricesFile: at(pricesFile) }),
    money: { ...(day !== undefined && { dayMicroUsd: day }), ...(month !== undefined && { monthMicroUsd: month }) },
    owners: [...new Set((env.BELLHOP_OWNERS ?? '').split(',').flatMap((id) => (id.trim() === '' ? [] : id.trim())))],
    transcriptMs: env.BELLHOP_TRANSCRIPT_DAYS * DAY_MS,
  };
}

/** Digit by digit: a product of fractions would not come out even. */
function microUsdOf(usd: string | undefined): number | undefined {
  if (usd === undefined) return undefined;
  const [whole = '0', fraction = ''] = usd.split('.');
  return Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0'));
}

/** What is off, and what would turn it on. */
export function agentsOff(env: Environment): string[] {
  return [
    ...(env.ANTHROPIC_API_KEY === undefined
      ? ['Claude is off: set ANTHROPIC_API_KEY; agents report figures only']
      : []),
    ...(env.SHOPIFY_STORE === undefined ? [`Shopify is off: set SHOPIFY_STORE and ${SHOP_KEYS}`] : []),
  ];
}

const SHOP_KEYS = 'SHOPIFY_ACCESS_TOKEN, or SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET';

/** What of a shop or of Claude is set without what it needs. */
export function agentsHalfConfigured(env: Environment): string[] {
  const {
    SHOPIFY_STORE: store,
    SHOPIFY_ACCESS_TOKEN: token,
    SHOPIFY_CLIENT_ID: id,
    SHOPIFY_CLIENT_SECRET: secret,
  } = env;
  const problems: string[] = [];
  if (env.ANTHROPIC_BASE_URL !== undefined && env.ANTHROPIC_API_KEY === undefined)
    problems.push('ANTHROPIC_API_KEY: is needed because ANTHROPIC_BASE_URL is set');
  if (id !== undefined && secret === undefined)
    problems.push('SHOPIFY_CLIENT_SECRET: is needed because SHOPIFY_CLIENT_ID is set');
  if (secret !== undefined && id === undefined)
    problems.push('SHOPIFY_CLIENT_ID: is needed because SHOPIFY_CLIENT_SECRET is set');
  if (token !== undefined && id !== undefined)
    problems.push(
      'SHOPIFY_CLIENT_ID: must not be set beside SHOPIFY_ACCESS_TOKEN, which is another way to the same shop',
    );
  const key = (['SHOPIFY_ACCESS_TOKEN', 'SHOPIFY_CLIENT_ID'] as const).find((name) => env[name] !== undefined);
  if (store === undefined && key !== undefined) problems.push(`SHOPIFY_STORE: is needed because ${key} is set`);
  if (store !== undefined && token === undefined && id === undefined && secret === undefined)
    problems.push(`SHOPIFY_ACCESS_TOKEN: is needed because SHOPIFY_STORE is set (${SHOP_KEYS})`);
  return problems;
}
