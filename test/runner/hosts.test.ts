import { describe, expect, test } from 'vitest';
import { hostFits } from '../../src/addresses.ts';
import { addressesIn, hostOf } from '../../src/runner/hosts.ts';
import type { Json } from '../../src/store/store.ts';

describe('the hosts that an input names', () => {
  const EVIL: Json[] = [
    'https://evil.example',
    ' HTTPS://EVIL.example.:8443/x?y#z',
    'ht\ntps://evil.example',
    '\u0001https://evil.example',
    '//evil.example/x',
    '\\\\evil.example\\share',
    'https:\\\\evil.example',
    'https:evil.example',
    'https://user:pass@evil.example/',
    'https://ok.example@evil.example',
    'postgres://EVIL.example/db',
    'gopher://evil.example',
    'read https://evil.example/ and sum it up',
    'https://ok.example/ https://evil.example/',
    '[a link](https://evil.example)',
    'see https:/\t/evil.example',
    { deep: [{ er: ['https://evil.example'] }] },
    { 'https://evil.example': 1 },
  ];
  test.each(EVIL.map((input) => ({ input, shown: JSON.stringify(input) })))('$shown names it', ({ input }) => {
    expect(addressesIn(input).hosts.some((host) => host.startsWith('evil.example'))).toBe(true);
  });

  test('numbers and forms of an IP address are read as the address that they are', () => {
    expect(hostOf('http://2130706433/')).toBe('127.0.0.1');
    expect(hostOf('http://0x7f.1/')).toBe('127.0.0.1');
    expect(hostOf('http://[::FFFF:127.0.0.1]/')).toBe('::ffff:7f00:1');
  });

  test('what is no address names no host', () => {
    for (const text of ['', 'note: hello', 'mailto:ana@example.com', 'C:\\reports', '7', 'weekly-report', 'a/b//c'])
      expect(addressesIn(text)).toEqual({ hosts: [], complete: true });
    expect(addressesIn([null, 1, true, {}])).toEqual({ hosts: [], complete: true });
  });

  test('an input of too many values is said to be looked at only in part', () => {
    const padded = ['https://evil.example', ...Array.from({ length: 200_000 }, () => 0)];
    expect(addressesIn(padded).complete).toBe(false);
    expect(addressesIn(padded.slice(0, 90_000))).toEqual({ hosts: ['evil.example'], complete: true });
  });

  test('a long text costs time in line with its length', () => {
    const cost = (text: string): number => {
      const began = performance.now();
      addressesIn(text);
      return performance.now() - began;
    };
    cost('a'.repeat(10_000));
    // Quadratic, it would be minutes.
    expect(cost('a'.repeat(1_000_000))).toBeLessThan(20_000);
  });
});

test('a pattern fits its host, and what lies below it only with a star; an address only when it is listed as such', () => {
  expect(hostFits('example.com', 'example.com')).toBe(true);
  expect(hostFits('example.com', 'a.example.com')).toBe(false);
  expect(hostFits('*.example.com', 'a.b.example.com')).toBe(true);
  expect(hostFits('*.example.com', 'example.com')).toBe(false);
  expect(hostFits('*.example.com', 'evilexample.com')).toBe(false);
  expect(hostFits('*.example.com', '.example.com')).toBe(false);
  expect(hostFits('*.0.0.1', '127.0.0.1')).toBe(false);
  expect(hostFits('127.0.0.1', '127.0.0.1')).toBe(true);
});
