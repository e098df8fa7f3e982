/** Where the requests go, and nowhere else. */
import { API_VERSION } from './documents.ts';
import { misconfigured } from './refusals.ts';

export type ShopEnv = Readonly<Record<string, string | undefined>>;
export interface ShopAddress {
  /** The host, for people and for what is shared by it. */
  store: string;
  graphql: string;
  oauth: string;
  /** Origins from which the files of bulk operations are fetched. */
  files: readonly string[];
}

/** Where Shopify leaves the files of bulk operations. */
const FILES = 'https://storage.googleapis.com';
const STORE = /^[a-z0-9][a-z0-9-]{0,99}\.myshopify\.com$/;
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** SHOPIFY_STORE, or SHOPIFY_API_URL (https, or http to this machine) where requests go to a gateway or a test. */
export function readAddress(env: ShopEnv): ShopAddress {
  const api = env['SHOPIFY_API_URL']?.trim() ?? '';
  const store = env['SHOPIFY_STORE']?.trim().toLowerCase() ?? '';
  if (api !== '') return addressOf(apiUrl(api), store === '' ? undefined : store);
  if (store === '')
    throw misconfigured(
      'No shop is set.',
      'Set SHOPIFY_STORE to the name.myshopify.com of the shop, and list it in `env` of the job.',
    );
  if (!STORE.test(store))
    throw misconfigured(
      'SHOPIFY_STORE is no name.myshopify.com.',
      'Set it without https:// and without a path; the own domain of a shop does not do.',
    );
  return addressOf(new URL(`https://${store}`), store);
}

function apiUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.protocol === 'http:' && LOOPBACK.has(url.hostname);
  if (url === undefined || !(url.protocol === 'https:' || plain) || url.username !== '' || url.password !== '')
    throw misconfigured(
      'SHOPIFY_API_URL cannot be used.',
      'It must be an https address without a user, or http to this machine.',
    );
  return url;
}

function addressOf(base: URL, store: string | undefined): ShopAddress {
  const { origin } = base;
  // A shop on this machine, which is a test, has its files beside it.
  const here = LOOPBACK.has(base.hostname);
  return {
    store: store ?? base.host,
    graphql: `${origin}/admin/api/${API_VERSION}/graphql.json`,
    oauth: `${origin}/admin/oauth/access_token`,
    files: here ? [FILES, origin] : [FILES],
  };
}
