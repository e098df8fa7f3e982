/**
 * A token in an address is written down by proxies, browsers and logs on its way, so it is refused even when it is right. Here is where
 * one can stand; its value is never part of an answer.
 */

/** Lower-case, without dashes and underscores. */
const NAMES: readonly string[] = [
  'token',
  'accesstoken',
  'authtoken',
  'bearertoken',
  'apitoken',
  'apikey',
  'key',
  'authorization',
];
const OURS = /bh_[0-9a-z]{8}_[\w-]{16,}/i;

/** Names the place of a token in a URL (`the query parameter access_token`, `the path`), or undefined when there is none. */
export function tokenInUrl(url: string): string | undefined {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  for (const [name, value] of searchParams) {
    if (OURS.test(name)) return 'the name of a query parameter';
    if (NAMES.includes(name.toLowerCase().replace(/[-_]/g, '')) || OURS.test(value))
      return `the query parameter ${shown(name)}`;
  }
  return OURS.test(decoded(pathname)) ? 'the path' : undefined;
}

function shown(name: string): string {
  return name.slice(0, 40).replace(/[^\w.[\]-]/g, '?');
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // a broken escape is no reason to let it through unread
  }
}
