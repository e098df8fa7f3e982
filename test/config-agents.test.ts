import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { ConfigError } from '../src/errors.ts';

const empty = mkdtempSync(join(tmpdir(), 'bellhop-config-'));
const KEY = 'sk-ant-0123456789abcdef';
const TOKEN = 'shpat_0123456789abcdef';

function problemsOf(env: Record<string, string>): string {
  try {
    loadConfig(env, empty);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

describe('config of agents', () => {
  test('a key turns Claude on; without one there is none, no cap, and transcripts are kept for 30 days', () => {
    expect(loadConfig({}, empty)).toMatchObject({ money: {}, owners: [], transcriptMs: 30 * 86_400_000 });
    expect(loadConfig({}, empty).claude).toBeUndefined();
    const env = { ANTHROPIC_API_KEY: KEY, ANTHROPIC_BASE_URL: 'http://127.0.0.1:8080', BELLHOP_TRANSCRIPT_DAYS: '0' };
    const config = loadConfig(env, empty);
    expect(config.claude).toEqual({ apiKey: KEY, baseUrl: 'http://127.0.0.1:8080' });
    expect(config.transcriptMs).toBe(0);
    expect(config.off.join()).not.toContain('Claude');
  });

  test.each([
    ['0', 0],
    ['10', 10_000_000],
    ['2.5', 2_500_000],
    ['0.000001', 1],
    ['0.29', 290_000],
    ['999999.999999', 999_999_999_999],
  ])('%s dollars are %d micro-dollars', (usd, micro) => {
    expect(loadConfig({ BELLHOP_BUDGET_DAY_USD: usd }, empty).money).toEqual({ dayMicroUsd: micro });
    expect(loadConfig({ BELLHOP_BUDGET_MONTH_USD: usd }, empty).money).toEqual({ monthMicroUsd: micro });
  });

  test.each(['-1', '1e3', '1.0000001', '1000000', 'ten', '$5', '1,5', 'Infinity'])(
    '%s is no amount of money',
    (usd) => {
      expect(problemsOf({ BELLHOP_BUDGET_DAY_USD: usd })).toContain('BELLHOP_BUDGET_DAY_USD: must be US dollars');
    },
  );

  test('owners are Slack user ids', () => {
    expect(loadConfig({ BELLHOP_OWNERS: ' U012ABCDEF, W012ABCDEF,U012ABCDEF,' }, empty).owners).toEqual([
      'U012ABCDEF',
      'W012ABCDEF',
    ]);
    for (const bad of ['ana', '@U012ABCDEF', 'U012ABCDEF;U1', 'C012ABCDEF'])
      expect(problemsOf({ BELLHOP_OWNERS: bad })).toContain('BELLHOP_OWNERS: must be Slack user ids');
  });

  test('keys and tokens are secrets', () => {
    const shop = { SHOPIFY_STORE: 'demo.myshopify.com', SHOPIFY_CLIENT_ID: 'client-1', SHOPIFY_CLIENT_SECRET: TOKEN };
    expect(loadConfig({ ANTHROPIC_API_KEY: KEY, ...shop }, empty).secrets).toEqual([KEY, TOKEN]);
    expect(loadConfig({ SHOPIFY_STORE: 'demo.myshopify.com', SHOPIFY_ACCESS_TOKEN: TOKEN }, empty).secrets).toEqual([
      TOKEN,
    ]);
  });

  test.each([
    [{ SHOPIFY_STORE: 'demo.myshopify.com' }, 'SHOPIFY_ACCESS_TOKEN: is needed because SHOPIFY_STORE is set'],
    [{ SHOPIFY_ACCESS_TOKEN: TOKEN }, 'SHOPIFY_STORE: is needed because SHOPIFY_ACCESS_TOKEN is set'],
    [{ SHOPIFY_CLIENT_ID: 'client-1' }, 'SHOPIFY_CLIENT_SECRET: is needed because SHOPIFY_CLIENT_ID is set'],
    [{ SHOPIFY_CLIENT_SECRET: TOKEN }, 'SHOPIFY_CLIENT_ID: is needed because SHOPIFY_CLIENT_SECRET is set'],
    [
      {
        SHOPIFY_STORE: 'demo.myshopify.com',
        SHOPIFY_ACCESS_TOKEN: TOKEN,
        SHOPIFY_CLIENT_ID: 'client-1',
        SHOPIFY_CLIENT_SECRET: TOKEN,
      },
      'SHOPIFY_CLIENT_ID: must not be set beside SHOPIFY_ACCESS_TOKEN',
    ],
    [
      { ANTHROPIC_BASE_URL: 'https://gateway.example' },
      'ANTHROPIC_API_KEY: is needed because ANTHROPIC_BASE_URL is set',
    ],
  ])('%j is half of something', (env, problem) => {
    expect(problemsOf(env)).toContain(problem);
  });

  test.each([
    [{ SHOPIFY_STORE: 'shop.example.com', SHOPIFY_ACCESS_TOKEN: TOKEN }, 'SHOPIFY_STORE: must be the name of a store'],
    [{ SHOPIFY_STORE: 'https://demo.myshopify.com' }, 'SHOPIFY_STORE: must be the name of a store'],
    [{ SHOPIFY_STORE: 'demo.myshopify.com.evil.example' }, 'SHOPIFY_STORE: must be the name of a store'],
    [{ SHOPIFY_API_URL: 'http://shop.example' }, 'SHOPIFY_API_URL: must be an https address'],
    [{ ANTHROPIC_BASE_URL: 'http://10.0.0.1' }, 'ANTHROPIC_BASE_URL: must be an https address'],
    [{ ANTHROPIC_BASE_URL: 'nonsense' }, 'ANTHROPIC_BASE_URL: must be an https address'],
  ])('%j is refused', (env: Record<string, string>, problem) => {
    expect(problemsOf(env)).toContain(problem);
  });

  test('a name that is nearly ours is a mistake, one of another program is not', () => {
    expect(problemsOf({ ANTHROPIC_KEY: KEY })).toContain('did you mean ANTHROPIC_API_KEY?');
    expect(problemsOf({ SHOPIFY_ACCES_TOKEN: TOKEN })).toContain('did you mean SHOPIFY_ACCESS_TOKEN?');
    expect(problemsOf({ BELLHOP_BUDGET_DAY: '1' })).toContain('did you mean BELLHOP_BUDGET_DAY_USD?');
    expect(problemsOf({ ANTHROPIC_MODEL: 'x', ANTHROPIC_AUTH_TOKEN: 'y', SHOPIFY_API_KEY: 'z' })).toBe('');
  });
});
