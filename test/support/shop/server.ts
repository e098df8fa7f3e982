/** A shop on loopback that answers real GraphQL by the real types: points, tokens, scopes and all that may go wrong. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buildSchema, execute, parse, validate } from 'graphql';
import type { DocumentNode } from 'graphql';
import { systemClock } from '../../../src/clock.ts';
import type { Clock } from '../../../src/clock.ts';
import { API_VERSION } from '../../../src/runner/kinds/agent/tools/shopify/documents.ts';
import { bulkFields } from './bulk.ts';
import type { Bulks } from './bulk.ts';
import { actualCost, requestedCost } from './cost.ts';
import { createRoot } from './resolvers.ts';
import type { Marks } from './resolvers.ts';
import type { BuiltShop } from './story.ts';

const SDL = join(import.meta.dirname, 'schema', `admin-${API_VERSION}.graphql`);
const adminSchema = buildSchema(readFileSync(SDL, 'utf8'));

/** What becomes of one request instead of its answer. */
export type Fault =
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  | { kind: 'drop' }
  | { kind: 'throttle' }
  /** It is answered when the gate opens. */
  | { kind: 'wait'; gate: Promise<void> };

export interface Seen {
  path: string;
  /** Name of the operation; empty for a token. */
  operation: string;
  variables: Record<string, unknown>;
  status: number;
  token: string | undefined;
  requested: number;
}
export interface ShopServer extends AsyncDisposable {
  url: string;
  /** The variables of a job that reads this shop. */
  env: Record<string, string>;
  log: Seen[];
  /** Of the next requests, one each. */
  faults: Fault[];
  /** What the answers say of the version; default the one that was asked for. */
  version: string;
  scopes: string[];
  /** Tokens that are let in. */
  tokens: Set<string>;
  /** How many tokens were given for id and secret. */
  granted(): number;
  /** What becomes of bulk operations, and those that were begun. */
  bulks: Bulks;
}
export interface ShopOptions {
  clock?: Clock;
  scopes?: readonly string[];
  marks?: Marks;
  bucket?: { maximum: number; restorePerSecond: number };
  /** Points that one question may cost; default 1,000. */
  dearest?: number;
  /** Seconds. */
  expiresIn?: number;
}

const TOKEN = 'shpat_of_a_test';
export const APP = { id: 'app-of-a-test', secret: 'shpss_of_a_test' };
const LEAST = ['read_discounts', 'read_inventory', 'read_orders', 'read_products', 'read_all_orders'];

export async function createShop(built: BuiltShop, options: ShopOptions = {}): Promise<ShopServer> {
  const { clock = systemClock, expiresIn = 86_399, marks = {} } = options;
  const bulks: Bulks = { script: {}, runs: [], fetched: 0 };
  let granted = 0;

  const http = createServer((request, response) => void handle(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`; // it listens on a port
  const answer = createAnswers(built, {
    clock,
    marks,
    bucket: options.bucket ?? { maximum: 2000, restorePerSecond: 100 },
    dearest: options.dearest ?? 1000,
    bulks,
    url,
  });
  const shop: ShopServer = {
    url,
    bulks,
    env: { SHOPIFY_API_URL: url, SHOPIFY_STORE: 'bellhop-goods.myshopify.com', SHOPIFY_ACCESS_TOKEN: TOKEN },
    log: [],
    faults: [],
    version: API_VERSION,
    scopes: [...(options.scopes ?? LEAST)],
    tokens: new Set([TOKEN]),
    granted: () => granted,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const path = request.url ?? '';
    const token = request.headers['x-shopify-access-token'];
    const seen: Seen = {
      path,
      operation: '',
      variables: {},
      status: 200,
      token: typeof token === 'string' ? token : undefined,
      requested: 0,
    };
    shop.log.push(seen);
    const fault = shop.faults.shift();
    if (fault?.kind === 'drop') return void request.socket.destroy();
    if (fault?.kind === 'wait') await fault.gate;
    const send = (status: number, text: string, headers: Record<string, string> = {}): void => {
      seen.status = status;
      response.writeHead(status, {
        'content-type': 'application/json',
        'x-shopify-api-version': shop.version,
        ...headers,
      });
      response.end(text);
    };
    if (fault?.kind === 'status')
      return send(fault.status, fault.body ?? '{"errors":"a secret of the shop"}', fault.headers);
    if (path.startsWith('/files/')) return serveFile(path, response);
    if (path === '/admin/oauth/access_token') return send(...grant(body));
    if (path !== `/admin/api/${API_VERSION}/graphql.json`) return send(404, '{"errors":"Not Found"}');
    if (!shop.tokens.has(seen.token ?? '')) return send(401, '{"errors":"[API] Invalid API key or access token"}');
    const asked = JSON.parse(body) as { query: string; variables: Record<string, unknown> }; // our own client sent it
    const result = answer(asked, { scopes: shop.scopes, throttle: fault?.kind === 'throttle' });
    seen.operation = /(?:query|mutation) (\w+)/.exec(asked.query)?.[1] ?? '';
    seen.variables = asked.variables;
    seen.requested = result.requested;
    send(200, JSON.stringify(result.body));
  }

  /** A file of a bulk operation, which needs no token. */
  function serveFile(path: string, response: ServerResponse): void {
    bulks.fetched++;
    const { file = (text) => text, fileStatus, stall = false } = bulks.script;
    const run = bulks.runs.find(({ id }) => id.endsWith(`/${/(\d+)\.jsonl/.exec(path)?.[1]}`));
    if (fileStatus !== undefined) return void response.writeHead(fileStatus.status, fileStatus.headers).end('a secret');
    if (run === undefined) return void response.writeHead(404).end();
    const text = file(run.text);
    response.writeHead(200, { 'content-type': 'application/jsonl' });
    if (stall) response.write(text.slice(0, Math.floor(text.length / 2)));
    else response.end(text);
  }
  function grant(body: string): [number, string] {
    const form = new URLSearchParams(body);
    const fits = form.get('client_id') === APP.id && form.get('client_secret') === APP.secret;
    if (form.get('grant_type') !== 'client_credentials' || !fits) return [400, '{"error":"invalid_client"}'];
    const token = `shpca_${++granted}`;
    shop.tokens.add(token);
    return [200, JSON.stringify({ access_token: token, scope: shop.scopes.join(','), expires_in: expiresIn })];
  }
  return shop;
}

interface Bucket {
  maximum: number;
  restorePerSecond: number;
}
type Answers = (
  asked: { query: string; variables: Record<string, unknown> },
  terms: { scopes: readonly string[]; throttle: boolean },
) => { body: object; requested: number };

/** Parsed and checked once each, for there are few documents. */
function createAnswers(
  built: BuiltShop,
  terms: { clock: Clock; marks: Marks; bucket: Bucket; dearest: number; bulks: Bulks; url: string },
): Answers {
  const { clock, marks, bucket, dearest, bulks, url } = terms;
  const documents = new Map<string, DocumentNode>();
  let available = bucket.maximum;
  let at = clock.monotonic();

  function documentOf(query: string): DocumentNode {
    const known = documents.get(query) ?? parse(query);
    documents.set(query, known);
    return known;
  }
  return ({ query, variables }, { scopes, throttle }) => {
    const now = clock.monotonic();
    available = Math.min(bucket.maximum, available + ((now - at) / 1000) * bucket.restorePerSecond);
    at = now;
    const document = documentOf(query);
    const problems = validate(adminSchema, document);
    if (problems.length > 0) return { requested: 0, body: { errors: problems.map(({ message }) => ({ message })) } };
    const requested = requestedCost(adminSchema, document, variables);
    const cost = (actual: number | null): object => ({
      cost: {
        requestedQueryCost: requested,
        actualQueryCost: actual,
        throttleStatus: {
          maximumAvailable: bucket.maximum,
          currentlyAvailable: Math.floor(available),
          restoreRate: bucket.restorePerSecond,
        },
      },
    });
    const refuse = (code: string): { body: object; requested: number } => ({
      requested,
      body: { errors: [{ message: code.toLowerCase(), extensions: { code } }], extensions: cost(null) },
    });
    if (requested > dearest) return refuse('MAX_COST_EXCEEDED');
    if (throttle || requested > available) return refuse('THROTTLED');
    const rootValue = {
      ...createRoot(built, { scopes, marks }),
      ...bulkFields(bulks, built, { schema: adminSchema, url, scopes, marks }),
    };
    const result = execute({ schema: adminSchema, document, rootValue, variableValues: variables });
    if ('then' in result) throw new Error('no resolver of ours waits');
    const actual = actualCost(result.data);
    available -= actual;
    return { requested, body: { ...result, extensions: cost(actual) } };
  };
}
