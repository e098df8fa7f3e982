/** What a hostile caller may send, and what no answer may hold. */
import fc from 'fast-check';
import { API_TOKEN, CRON_TOKEN } from './api-server.ts';
import type { Route } from './api-routes.ts';
import type { WireAnswer, WireRequest } from './wire.ts';

const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND'] as const;
const MIB = 2 ** 20;

/** What may stand in the place of a name in a path, in the form of a request line. */
const SEGMENTS = [
  'noop',
  'last',
  'run_0000000000000000000000000a',
  '__proto__',
  'constructor',
  'toString',
  '%2e%2e',
  '..%2f..%2fetc%2fpasswd',
  '%00',
  'a%00b',
  '%',
  '%zz',
  '%ff%fe',
  '%F0%9F%94%94',
  '%0d%0aSet-Cookie:%20a=b',
  'x'.repeat(5_000),
  "';--",
  '%3Cscript%3E',
] as const;
const QUERIES = [
  '',
  '?',
  '?limit=1&limit=2',
  '?limit[]=1',
  '?limit=1e400',
  '?limit=-1',
  '?limit=0',
  '?limit=NaN',
  '?limit=99999999999999999999',
  '?limit=2&after=run_0000000000000000000000000a',
  '?after=%00',
  '?after=%',
  '?after=%ff',
  `?after=${'x'.repeat(10_000)}`,
  '?state=failed&state=running',
  '?status=__proto__',
  '?job=constructor',
  '?__proto__=1&__proto__[polluted]=1&constructor[prototype][polluted]=1',
  '?n=1e3',
  `?${'a=1&'.repeat(2_000)}`,
  '?cursor=jobs:2026-01-01T00:00:00.000Z:run_0000000000000000000000000a',
] as const;

type Header = readonly [string, string];
const CREDENTIALS: readonly (readonly Header[])[] = [
  [],
  [['Authorization', `Bearer ${API_TOKEN}`]],
  [['X-Internal-Health', CRON_TOKEN]],
  [['Authorization', 'Bearer ']],
  [['Authorization', 'Basic dXNlcjpwYXNz']],
  [
    ['Authorization', `Bearer ${API_TOKEN}`],
    ['Authorization', 'Bearer another'],
  ],
  [
    ['Authorization', 'Bearer another'],
    ['Authorization', `Bearer ${API_TOKEN}`],
  ],
  [['Authorization', `Bearer ${'x'.repeat(8_000)}`]],
  [['Authorization', 'Bearer \u00e9\u00ff\u00a0']],
  [['Authorization', `Bearer bh_${'0'.repeat(26)}_secret`]],
];
const HEADERS: readonly (readonly Header[])[] = [
  [],
  [['Content-Type', 'application/json']],
  [['Content-Type', 'text/plain; charset=utf-16']],
  [['Content-Type', 'multipart/form-data; boundary=x']],
  [['Content-Type', '\u00ff\u00fe']],
  [['Content-Encoding', 'gzip']],
  [['X-Request-Id', 'x'.repeat(5_000)]],
  [['X-Request-Id', '<script>\u00e9"\\']],
  [
    ['X-Request-Id', 'one'],
    ['X-Request-Id', 'two'],
  ],
  [['X-Forwarded-For', '::1, 127.0.0.1, \u00ff']],
  [['Origin', 'null']],
  [['Origin', 'https://evil.example']],
  [['Host', 'evil.example:99999']],
  [['Host', 'a b']],
  [['Host', '']],
  [['Expect', '100-continue']],
  [['Expect', 'nonsense']],
  [['Upgrade', 'websocket']],
  [['Cookie', `a=${'x'.repeat(9_000)}`]],
  [['X-Huge', 'x'.repeat(20_000)]],
  Array.from({ length: 300 }, (_, n): Header => [`X-Many-${n}`, 'x']),
  Array.from({ length: 1_500 }, (): Header => ['X', 'y']),
  [['__proto__', 'polluted']],
  [['constructor', 'polluted']],
];

/** Bodies that are given to every route that takes one. */
export const BODIES: Readonly<Record<string, Pick<WireRequest, 'body' | 'framing'>>> = {
  nothing: {},
  'an empty body': { body: new Uint8Array() },
  'ten thousand levels of lists': asBody(`{"job":"noop","job_type":"noop","input":${nested('[', ']', 10_000)}}`),
  'ten thousand levels of objects': asBody(nested('{"params":', '}', 10_000, '1')),
  'a payload of ten thousand levels': asBody(`{"payload":${nested('{"a":', '}', 10_000, '1')}}`),
  'a string of almost one megabyte': asBody(`{"job":"noop","input":{"value":"${'x'.repeat(MIB - 100)}"}}`),
  'a key of almost one megabyte': asBody(`{"${'x'.repeat(MIB - 100)}":1}`),
  'half a million numbers': asBody(`[${'1,'.repeat(500_000)}1]`),
  'a number that is none': asBody('{"job":"noop","job_type":"noop","input":{"value":1e400},"params":{"value":-1e400}}'),
  'a prototype as the body': asBody('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
  'a prototype as the input': asBody(
    '{"job":"noop","job_type":"noop","input":{"__proto__":{"polluted":1},"value":{"__proto__":{"polluted":1}}},"params":{"__proto__":{"polluted":1}}}',
  ),
  'names of every object': asBody(
    '{"job":"constructor","job_type":"toString","when":"__proto__","words":{"hasOwnProperty":"x"}}',
  ),
  'half of a pair': asBody('{"job":"noop","input":{"value":"\\ud800"},"idempotencyKey":"\\udfff"}'),
  'zeros in texts': asBody('{"job":"no\\u0000op","idempotencyKey":"\\u0000","when":"\\u0000"}'),
  'invalid UTF-8': { body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]) },
  'a byte order mark': { body: Buffer.from('\ufeff{"job":"noop"}') },
  'half of an object': asBody('{"job":"noop"'),
  'two objects': asBody('{"job":"noop"}{"job":"noop"}'),
  'ten megabytes': { body: Buffer.alloc(10 * MIB, 'x') },
  'ten megabytes in chunks': { body: Buffer.alloc(10 * MIB, 'x'), framing: 'chunked' },
  'ten megabytes of JSON in chunks': {
    body: Buffer.from(`{"job":"noop","input":{"value":"${'x'.repeat(10 * MIB)}"}}`),
    framing: 'chunked',
  },
};

function asBody(text: string): { body: Uint8Array } {
  return { body: Buffer.from(text) };
}

function nested(open: string, close: string, levels: number, core = ''): string {
  return `${open.repeat(levels)}${core}${close.repeat(levels)}`;
}

/** The path of a route with something in the place of each name. */
export function fill(route: Route, with_: (name: string) => string): string {
  return route.path.replace(/:([a-z]+)/g, (_, name: string) => with_(name));
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('noop', '__proto__', 'constructor', 'every monday 09:00', '#ops', '', 'x'.repeat(300)),
);
const anyJson = fc.oneof(
  fc.jsonValue({ depthSize: 'medium', noUnicodeString: false }),
  fc.dictionary(fc.constantFrom('__proto__', 'constructor', 'toString', 'value', 'a'), fc.jsonValue()),
);
/** Members that some route reads, each with something else in it than it expects. */
const anyMembers = fc.record(
  {
    job: fc.oneof(fc.constant('noop'), anyText, anyJson),
    job_type: fc.oneof(fc.constant('noop'), anyText, anyJson),
    input: anyJson,
    params: anyJson,
    payload: anyJson,
    words: anyJson,
    idempotencyKey: fc.oneof(anyText, anyJson),
    when: fc.oneof(anyText, anyJson),
    zone: fc.oneof(anyText, anyJson),
    destinations: anyJson,
    name: fc.oneof(anyText, anyJson),
    until: fc.oneof(anyText, anyJson),
    reason: fc.oneof(anyText, anyJson),
    scope: fc.oneof(fc.constantFrom('read', 'admin'), anyJson),
    jobs: anyJson,
  },
  { requiredKeys: [] },
);
const noop = fc.constant('noop');
const aRun = fc.oneof(
  fc.record({ job: noop, input: fc.record({ value: anyJson }) }),
  fc.record({ job: noop, input: anyJson }),
  fc.record({ job: noop, words: fc.record({ value: anyText }) }),
  fc.record({ job: noop, idempotencyKey: anyText }),
);
const aSchedule = fc.oneof(
  fc.record({ job: noop, when: fc.constant('every monday 09:00'), input: fc.record({ value: anyJson }) }),
  fc.record({ job: noop, when: anyText, zone: fc.oneof(fc.constant('Europe/Berlin'), anyText) }),
);
const anOldRun = fc.record({ job_type: noop, params: fc.record({ value: anyJson }) });
/** What a route takes, with anything in the place of what a job or a person gives. */
const FITTING: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  'POST /v1/runs': aRun,
  'POST /v1/schedules': aSchedule,
  'POST /v1/schedules/preview': aSchedule,
  'POST /v1/schedules/:ref/pause': fc.record({ reason: anyText }),
  'POST /v1/schedules/:ref/snooze': fc.record({ until: fc.oneof(fc.constant('2d'), anyText) }),
  'POST /run': anOldRun,
  'POST /jobs': anOldRun,
  'POST /trigger/:plugin/:command': fc.record({ payload: anyJson }),
};

function anyBody(route: Route): fc.Arbitrary<Uint8Array | undefined> {
  const fitting = FITTING[`${route.method} ${route.path}`] ?? anyMembers;
  const asJson = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  return fc.oneof(
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 6, arbitrary: fitting.map(asJson) },
    { weight: 2, arbitrary: fc.oneof(anyMembers, anyJson).map(asJson) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  );
}

export interface Targets {
  routes: readonly Route[];
  /** Names of things that are there, so that a request gets as far as doing something to them. */
  known: readonly string[];
}

const encodedText = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => encodeURIComponent(text.toWellFormed()));
const anyQuery = fc.oneof(
  fc.constantFrom(...QUERIES),
  encodedText.map((text) => `?${text}`),
  encodedText.map((text) => `?limit=${text}&after=${text}`),
);

/**
 * A request to one of the routes. Most are let in and are hostile in path, query and body alone, since a server that stumbles over a
 * header never sees the rest; the others are hostile in everything at once.
 */
export function hostileRequest({ routes, known }: Targets): fc.Arbitrary<WireRequest> {
  const segment = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...SEGMENTS) },
    { weight: 3, arbitrary: fc.constantFrom(...known) },
    { weight: 1, arbitrary: encodedText },
  );
  const target = fc
    .constantFrom(...routes)
    .chain((route) =>
      fc
        .record({ name: segment, query: fc.oneof(fc.constant(''), anyQuery), body: anyBody(route) })
        .map(({ name, query, body }) => ({ route, target: `${fill(route, () => name)}${query}`, body })),
    );
  const admitted = fc
    .record({ to: target, framing: fc.constantFrom('length', 'chunked') })
    .map(({ to, framing }) => requestOf(to, { method: to.route.method, headers: PASSES, framing }));
  const wild = fc
    .record({
      to: target,
      method: fc.option(fc.constantFrom(...METHODS), { freq: 2 }),
      credentials: fc.constantFrom(...CREDENTIALS),
      headers: fc.constantFrom(...HEADERS),
      framing: fc.constantFrom('length', 'chunked', 'length', 'chunked', 'none'),
    })
    .map(({ to, method, credentials, headers, framing }) =>
      requestOf(to, { method: method ?? to.route.method, headers: [...credentials, ...headers], framing }),
    );
  return fc.oneof({ weight: 2, arbitrary: admitted }, { weight: 1, arbitrary: wild });
}

const PASSES: readonly Header[] = [
  ['Authorization', `Bearer ${API_TOKEN}`],
  ['X-Internal-Health', CRON_TOKEN],
];

function requestOf(
  { target, body }: { target: string; body: Uint8Array | undefined },
  { framing = 'length', ...rest }: Pick<WireRequest, 'method' | 'headers' | 'framing'>,
): WireRequest {
  return { ...rest, target, ...(body === undefined ? {} : { body, framing }) };
}

export interface Expected {
  /** What stands in no answer: the folders of this machine. */
  places: readonly string[];
  /** Failures of the server that this server is made to have. */
  failures?: readonly number[];
}

/** What is wrong with an answer, in words; nothing when it is one that a hostile caller may have. */
export function faultsOf({ status, headers, body }: WireAnswer, { places, failures = [] }: Expected): string[] {
  const faults: string[] = [];
  if (status >= 500 && !failures.includes(status)) faults.push(`status ${status}`);
  const type = headers['content-type'] ?? '';
  if (body !== '') {
    const policy = headers['content-security-policy'] ?? '';
    faults.push(...faultsOfBody(type, { status, body, policy }));
  }
  const all = `${JSON.stringify(headers)}\n${body}`;
  if (/\n\s+at |node:internal|\.[cm]?[jt]s:\d+|node_modules/.test(all)) faults.push('a stack is in it');
  for (const place of places) if (all.includes(place)) faults.push(`${place} is in it`);
  for (const secret of [API_TOKEN, CRON_TOKEN]) if (all.includes(secret)) faults.push('a token is in it');
  if (headers['set-cookie'] !== undefined) faults.push('a header was injected');
  return faults;
}

function faultsOfBody(type: string, answer: { status: number; body: string; policy: string }): string[] {
  const { status, body, policy } = answer;
  if (/^text\/plain(?:;|$)/.test(type)) return [];
  if (/^text\/html(?:;|$)/.test(type)) return faultsOfPage(policy, body);
  if (!/^application\/(?:problem\+)?json(?:;|$)/.test(type)) return [`content type ${type || 'none'}`];
  const value = parsed(body);
  if (value === undefined) return ['it is called JSON and is none'];
  const told = typeof value === 'object' && value !== null ? Reflect.get(value, 'status') : undefined;
  if (!type.startsWith('application/problem+json')) return [];
  return told === status ? [] : [`a problem that says ${String(told)} came with ${status}`];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A page may have one style that its policy names, and nothing that runs or is fetched. */
function faultsOfPage(policy: string, body: string): string[] {
  const faults = /<(?:script|img|iframe|object|link|base)\b|\son\w+=|javascript:/i.test(body)
    ? ['the page can run or fetch']
    : [];
  if (!policy.startsWith("default-src 'none';") || policy.includes('unsafe'))
    faults.push(`the policy of a page is ${policy}`);
  return faults;
}
