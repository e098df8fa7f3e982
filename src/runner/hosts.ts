/** Which hosts an input names, and whether a job may talk to them. */
import type { Json } from '../store/store.ts';

const MAX_LOOKED_AT = 10_000;
const SCHEMES = new Set(['http:', 'https:', 'ws:', 'wss:', 'ftp:', 'ssh:', 'git:']);

/** The hosts of all addresses in a JSON value, small letters, without port; IPv6 without its brackets. */
export function addressesIn(input: Json): string[] {
  const hosts = new Set<string>();
  const open: Json[] = [input];
  for (let looked = 0; open.length > 0 && looked < MAX_LOOKED_AT; looked++) {
    const value = open.pop();
    if (typeof value === 'string') {
      const host = hostOf(value);
      if (host !== undefined) hosts.add(host);
    } else if (typeof value === 'object' && value !== null) open.push(...Object.values(value));
  }
  return [...hosts];
}

/** The host of an address as a person writes it; undefined for any other text. */
export function hostOf(text: string): string | undefined {
  const trimmed = text.trim();
  if (!/^[a-z][a-z0-9+.-]*:/i.test(trimmed) || !URL.canParse(trimmed)) return undefined;
  const url = new URL(trimmed);
  return SCHEMES.has(url.protocol) ? bare(url.hostname) : undefined;
}

/** Whether a host is the pattern, or lies below `*.example.com`; an IP address only when it is listed as such. */
export function hostFits(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return bare(pattern) === host;
  return host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1;
}

function bare(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}
