/** What the app may do: no less than our questions need, and nothing that changes a shop. */
import { z } from 'zod';
import { systemClock } from '../../../../../clock.ts';
import type { Clock } from '../../../../../clock.ts';
import { RunError } from '../../../../../errors.ts';
import { readAddress } from './address.ts';
import type { ShopEnv } from './address.ts';
import { tokenSource } from './auth.ts';
import type { TokenSource } from './auth.ts';
import { createShopClient } from './client.ts';
import type { ShopClient } from './client.ts';
import { SCOPES, SHOP } from './documents.ts';
import { misconfigured } from './refusals.ts';
import { readShop, ShopAnswer } from './answers.ts';

/** What the documents touch, by the map that Shopify ships with its schema (a test holds it). */
export const LEAST_SCOPES = ['read_discounts', 'read_inventory', 'read_orders', 'read_products'] as const;
/** Without it only the orders of the last 60 days are there. */
const ALL_ORDERS = 'read_all_orders';
const SHOWN = 10;

const Scopes = z.object({
  currentAppInstallation: z.object({ accessScopes: z.array(z.object({ handle: z.string().max(100) })).max(500) }),
});

export interface Allowed {
  /** Orders of any age. */
  allOrders: boolean;
}
const known = new WeakMap<TokenSource, { token: string; handles: ReadonlySet<string> }>();

/** Reads the scopes once a token. Throws SHOPIFY_REJECTED when one is missing, or when the app may write. */
export async function checkScopes(
  { client, tokens, env }: { client: ShopClient; tokens: TokenSource; env: ShopEnv },
  signal: AbortSignal,
): Promise<Allowed> {
  const token = await tokens.get(signal);
  let held = known.get(tokens);
  if (held?.token !== token) {
    const { currentAppInstallation } = await client.ask({ document: SCOPES, data: Scopes }, signal);
    held = { token, handles: new Set(currentAppInstallation.accessScopes.map(({ handle }) => handle)) };
    known.set(tokens, held);
  }
  return judge(held.handles, env);
}

function judge(handles: ReadonlySet<string>, env: ShopEnv): Allowed {
  const has = (scope: string): boolean => handles.has(scope) || handles.has(scope.replace(/^read_/, 'write_'));
  const missing = LEAST_SCOPES.filter((scope) => !has(scope));
  if (missing.length > 0)
    throw misconfigured(
      `The app lacks the scope${missing.length === 1 ? '' : 's'} ${missing.join(', ')}.`,
      'Add them to the app, release the version and install it again in the shop.',
    );
  const writes = [...handles].filter((handle) => /^write_[a-z_]{1,60}$/.test(handle)).sort();
  if (writes.length > 0 && !/^(?:1|true|yes|on)$/i.test(env['SHOPIFY_ALLOW_WRITE_SCOPES']?.trim() ?? '')) {
    const more = writes.length > SHOWN ? ` and ${writes.length - SHOWN} more` : '';
    throw misconfigured(
      `The app may change the shop (${writes.slice(0, SHOWN).join(', ')}${more}), which no tool needs.`,
      'Take these scopes from the app; SHOPIFY_ALLOW_WRITE_SCOPES=true takes it as it is.',
    );
  }
  return { allOrders: handles.has(ALL_ORDERS) };
}

export type ShopCheck =
  { state: 'off' } | { state: 'ok'; text: string; notes: string[] } | { state: 'failed'; error: RunError };

/** Looks whether the shop answers and lets us read what we need, for `bellhop doctor`. Throws only the reason of the signal. */
export async function checkShop(env: ShopEnv, deps: { clock?: Clock }, signal: AbortSignal): Promise<ShopCheck> {
  const { clock = systemClock } = deps;
  const named = [env['SHOPIFY_STORE'], env['SHOPIFY_API_URL']].some((text = '') => text.trim() !== '');
  if (!named) return { state: 'off' };
  try {
    const address = readAddress(env);
    const tokens = tokenSource(env, address, clock);
    const client = createShopClient({ clock, address, tokens });
    const { allOrders } = await checkScopes({ client, tokens, env }, signal);
    const shop = readShop(await client.ask({ document: SHOP, data: ShopAnswer }, signal));
    const notes = [...client.warnings(), ...(allOrders ? [] : [SIXTY_DAYS])];
    return { state: 'ok', text: `${address.store} answers: ${shop.currency}, ${shop.timeZone}`, notes };
  } catch (error) {
    if (error instanceof RunError) return { state: 'failed', error };
    throw error;
  }
}
export const SIXTY_DAYS = `orders older than 60 days are not there without the scope ${ALL_ORDERS}`;
