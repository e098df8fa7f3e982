import { describe, expect, test } from 'vitest';
import { readBaseUrls, readPings } from '../src/addresses.ts';

describe('BASE_URLS', () => {
  test('is a JSON array of addresses, each once', () => {
    expect(readBaseUrls('["https://a.example", " http://b.example/x ", "https://a.example/"]')).toEqual({
      urls: ['https://a.example/', 'http://b.example/x'],
      problems: [],
    });
    expect(readBaseUrls(undefined)).toEqual({ urls: [], problems: [] });
    expect(readBaseUrls('[]')).toEqual({ urls: [], problems: [] });
  });

  test.each(['', 'https://a.example', '{"a":1}', '[', 'null', '7', '"https://a.example"'])(
    'a value that is none (%s) is named, and breaks nothing',
    (text) => {
      const read = readBaseUrls(text);
      expect(read.urls).toEqual([]);
      expect(read.problems).toEqual(['BASE_URLS is no JSON array, like ["https://example.com"]']);
    },
  );

  test('a bad entry is named by its place and never stands in the way of the others, nor is it repeated', () => {
    const bad = [
      'ftp://x.example',
      'nonsense',
      7,
      null,
      {},
      [],
      'https://',
      'https://ana:geheim@x.example',
      'x'.repeat(3000),
    ];
    const { urls, problems } = readBaseUrls(JSON.stringify(['https://a.example', ...bad, 'https://b.example']));
    expect(urls).toEqual(['https://a.example/', 'https://b.example/']);
    expect(problems).toHaveLength(bad.length);
    expect(problems[0]).toContain('entry 2');
    expect(problems.join('')).not.toContain('geheim');
  });

  test('there are at most 200, and at most some lines about them', () => {
    const many = Array.from({ length: 300 }, (_, at) => `https://h${at}.example`);
    const read = readBaseUrls(JSON.stringify(many));
    expect(read.urls).toHaveLength(200);
    expect(read.problems).toEqual(['BASE_URLS: only the first 200 of 300 addresses are used']);
    const wrong = readBaseUrls(JSON.stringify(Array.from({ length: 300 }, () => 'x')));
    expect(wrong.problems).toHaveLength(21);
    expect(wrong.problems.at(-1)).toContain('280 more');
  });
});

describe('HC_ names', () => {
  test('each names an address; names of others and empty ones are passed over', () => {
    const env = {
      HC_WEEKLY: 'https://hc.example/ping/1',
      HC_: 'x',
      HC_low: 'x',
      XHC_A: 'x',
      HC_EMPTY: ' ',
      HC_NO: undefined,
    };
    expect(readPings(env)).toEqual({ pings: { WEEKLY: 'https://hc.example/ping/1' }, problems: [] });
  });

  test('one that could never be pinged is a problem that does not repeat it', () => {
    const env = { HC_A: 'hc.example/geheim', HC_B: 'https://ana:geheim@hc.example/1', HC_C: 'ftp://hc.example/geheim' };
    const { pings, problems } = readPings(env);
    expect(pings).toEqual({});
    expect(problems.map((one) => one.slice(0, 5))).toEqual(['HC_A:', 'HC_B:', 'HC_C:']);
    expect(problems.join('')).not.toContain('geheim');
  });
});
