/** Hosts, and lists of addresses that the environment holds: a bad one is named, and never stands in the way of the others. */
import { isIP } from 'node:net';

const MAX_TARGETS = 200;
const MAX_PINGS = 1000;
/** As many as a reader reads. */
const MAX_PROBLEMS = 20;
const WRONG = 'is no http or https address without a user and a password';
const PING_NAME = /^HC_([A-Z0-9_]{1,100})$/;

export interface Addresses {
  urls: string[];
  /** What is wrong with those that were left out; secrets in an address are not repeated. */
  problems: string[];
}

/** Reads BASE_URLS: a JSON array of http and https addresses, each once, at most 200. */
export function readBaseUrls(text: string | undefined): Addresses {
  if (text === undefined) return { urls: [], problems: [] };
  const list = parsed(text);
  if (!Array.isArray(list)) return { urls: [], problems: ['BASE_URLS is no JSON array, like ["https://example.com"]'] };
  const found: Addresses = { urls: [], problems: [] };
  for (const [at, item] of list.entries()) {
    const url = addressOf(item);
    if (url === undefined) found.problems.push(`BASE_URLS: entry ${at + 1} ${WRONG}`);
    else if (!found.urls.includes(url)) found.urls.push(url);
  }
  const unsaid = found.problems.length - MAX_PROBLEMS;
  if (unsaid > 0) found.problems.splice(MAX_PROBLEMS, unsaid, `BASE_URLS: ${unsaid} more entries are wrong`);
  if (found.urls.length <= MAX_TARGETS) return found;
  found.problems.push(`BASE_URLS: only the first ${MAX_TARGETS} of ${found.urls.length} addresses are used`);
  return { ...found, urls: found.urls.slice(0, MAX_TARGETS) };
}

/** Reads the variables HC_<NAME>: the address to ping by that name. */
export function readPings(env: Readonly<Record<string, string | undefined>>): {
  pings: Record<string, string>;
  problems: string[];
} {
  const pings: Record<string, string> = {};
  const problems: string[] = [];
  for (const [variable, value] of Object.entries(env)) {
    const name = PING_NAME.exec(variable)?.[1];
    if (name === undefined || value === undefined || value.trim() === '') continue;
    const url = addressOf(value);
    if (url === undefined) problems.push(`${variable}: ${WRONG}`);
    else if (Object.keys(pings).length >= MAX_PINGS) problems.push(`${variable}: only ${MAX_PINGS} HC_ names are kept`);
    else pings[name] = url;
  }
  return { pings, problems };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function addressOf(item: unknown): string | undefined {
  if (typeof item !== 'string' || item.length > 2000 || !URL.canParse(item.trim())) return undefined;
  const url = new URL(item.trim());
  // fetch refuses an address with a password in it, and says it aloud.
  if (url.username !== '' || url.password !== '') return undefined;
  return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined;
}

/** Whether a host is the pattern, or lies below `*.example.com`; an IP address only when it is listed as such. */
export function hostFits(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return bareHost(pattern) === host;
  return isIP(host) === 0 && host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1;
}

/** Small letters; IPv6 without its brackets, no dot at the end. */
export function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}
