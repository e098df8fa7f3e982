/** Which hosts an input names, and whether a job may talk to them. What cannot be looked at in full is said to be so: a guard fails closed. */
import { bareHost } from '../addresses.ts';
import type { Json } from '../store/store.ts';

/** Values of one input; more than any sane input has. */
const MAX_LOOKED_AT = 100_000;
/** An address inside a text: any scheme with `//`, or `\\` as browsers read it. The scheme is bounded, so that the search is linear. */
const INSIDE = /[a-z][a-z0-9+.-]{0,20}:[\\/]{2}[^\s"'<>]*/gi;
const WITHOUT_SCHEME = /^[\s\p{Cc}]*(?=[\\/]{2})/u;

export interface Named {
  /** Small letters, without port; IPv6 without its brackets. */
  hosts: string[];
  /** False: there is more than was looked at. */
  complete: boolean;
}

/** The hosts of all addresses in a JSON value, in its texts and in the names of its members. */
export function addressesIn(input: Json): Named {
  const hosts = new Set<string>();
  const open: Json[] = [input];
  for (let looked = 0; open.length > 0; looked++) {
    if (looked >= MAX_LOOKED_AT) return { hosts: [...hosts], complete: false };
    const value = open.pop();
    if (typeof value === 'string') {
      for (const host of hostsOf(value)) hosts.add(host);
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        if (!Array.isArray(value)) open.push(name);
        open.push(member);
      }
    }
  }
  return { hosts: [...hosts], complete: true };
}

/** The host of an address as whatever fetches it would read it; undefined for any other text. */
export function hostOf(text: string): string | undefined {
  const whole = text.replace(WITHOUT_SCHEME, 'https:');
  const host = URL.canParse(whole) ? new URL(whole).hostname : '';
  return host === '' ? undefined : bareHost(host);
}

function hostsOf(text: string): string[] {
  // A fetch drops tabs and line ends, so `ht\ntps://…` is an address as well.
  const joined = text.replace(/[\t\r\n]/g, '');
  return [text, ...(text.match(INSIDE) ?? []), ...(joined.match(INSIDE) ?? [])].flatMap((one) => hostOf(one) ?? []);
}
