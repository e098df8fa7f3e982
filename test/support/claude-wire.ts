/** A scripted Claude API on a real socket of loopback: what the SDK sends is kept, what it is answered stands in steps. */
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { eventsOf, textOf } from './claude-events.ts';
import type { WireAnswer, WireBlock } from './claude-events.ts';
import { brokenRule } from './claude-rules.ts';

export { callTools, say } from './claude-events.ts';
export type { WireAnswer, WireUsage } from './claude-events.ts';

/** Instead of an answer: an HTTP error, in the shape of the API. */
export interface WireRefusal {
  status: number;
  /** Default: by the status. */
  type?: string;
  message?: string;
  /** `error.details.error_code`. */
  errorCode?: string;
  headers?: Record<string, string>;
  /** Instead of the API's JSON. */
  body?: string;
  /** Awaited before anything is sent. */
  gate?: Promise<unknown>;
}
/** Nothing is ever sent: the connection stays open until the caller goes. */
export interface WireSilence {
  silent: true;
}
export type WireStep = WireAnswer | WireRefusal | WireSilence;
/** `n` from 1. */
export type WireScript = readonly WireStep[] | ((request: WireRequest, n: number) => WireStep | Promise<WireStep>);

export interface WireRequest {
  /** `/v1/messages`, without its query. */
  path: string;
  headers: IncomingHttpHeaders;
  text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into bodies of any shape
  body: any;
  /** Resolves when the connection of this request is over, whoever ended it. */
  gone: Promise<void>;
}
export interface WireOptions {
  /** What `count_tokens` says; a status: that error. Default: a quarter of the bytes. */
  count?: number | ((request: WireRequest) => number | WireRefusal | WireSilence);
  /** By id; default: every model is active. */
  models?: Record<string, Record<string, unknown> | WireRefusal>;
}
export interface ClaudeWire extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
  /** To `/v1/messages`, in order. */
  readonly requests: readonly WireRequest[];
  readonly counts: readonly WireRequest[];
  /** To anything else. */
  readonly others: readonly WireRequest[];
  /** Blocks of all answers, whether all of them was sent or not. */
  readonly served: readonly WireBlock[];
  /** The nth request to `/v1/messages`, from 1, once it has come whole. */
  arrived(n: number): Promise<WireRequest>;
  /** The number of events of the nth answer that went out, once they have (`hangAfter`, `cutAfter`, all). */
  sent(n: number): Promise<number>;
  close(): Promise<void>;
}

/** Starts it; when the steps are used up, every further request is answered with a 400 that says so. */
export async function startClaudeWire(script: WireScript, options: WireOptions = {}): Promise<ClaudeWire> {
  const log = {
    requests: new Array<WireRequest>(),
    counts: new Array<WireRequest>(),
    others: new Array<WireRequest>(),
    served: new Array<WireBlock>(),
  };
  const [arrivals, sendings] = [marks<WireRequest>(), marks<number>()];

  async function answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await read(incoming, response);
    if (request.path === '/v1/messages/count_tokens') {
      log.counts.push(request);
      return await count(request, response, options.count);
    }
    if (request.path !== '/v1/messages') {
      log.others.push(request);
      return await other(request, response, options.models);
    }
    const n = log.requests.push(request);
    arrivals.reach(n, request);
    const step = typeof script === 'function' ? await script(request, n) : (script[n - 1] ?? usedUp(n));
    if ('silent' in step) return;
    if ('status' in step) return await refuse(response, step, n);
    const broken = brokenRule(request.body, log.served);
    if (broken !== undefined) return await refuse(response, { status: 400, message: broken }, n);
    log.served.push(...(step.content ?? []));
    await step.gate;
    await stream(response, step, { n, request, sent: (events) => sendings.reach(n, events) });
  }

  const server = createServer((incoming, response) => {
    // A caller that went away is a scenario, no failure.
    response.on('error', () => undefined);
    answer(incoming, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(400, { 'content-type': 'text/plain' });
      response.end(`the script of the wire failed: ${String(error)}`);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the wire has no port');
  const close = (): Promise<void> =>
    new Promise((closed) => {
      server.close(() => closed());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${address.port}`,
    ...log,
    arrived: arrivals.reached,
    sent: sendings.reached,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function usedUp(n: number): WireRefusal {
  return { status: 400, message: `the script of the wire has no step ${n}` };
}

async function read(incoming: IncomingMessage, response: ServerResponse): Promise<WireRequest> {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  response.once('close', resolve);
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString();
  const path = (incoming.url ?? '').replace(/\?.*$/, '');
  return { path, headers: incoming.headers, text, body: text === '' ? undefined : JSON.parse(text), gone };
}

async function count(request: WireRequest, response: ServerResponse, option: WireOptions['count']): Promise<void> {
  const said = typeof option === 'function' ? option(request) : (option ?? Math.ceil(request.text.length / 4));
  if (typeof said === 'number') json(response, 200, { input_tokens: said });
  else if ('status' in said) await refuse(response, said, 0);
}

async function other(request: WireRequest, response: ServerResponse, models: WireOptions['models']): Promise<void> {
  const id = /^\/v1\/models\/(.+)$/.exec(request.path)?.[1];
  if (id === undefined) return await refuse(response, { status: 404 }, 0);
  const known =
    models === undefined ? {} : (models[decodeURIComponent(id)] ?? { status: 404, message: `model: ${id}` });
  if ('status' in known && typeof known.status === 'number') return await refuse(response, known as WireRefusal, 0);
  const model = { id, type: 'model', display_name: id, lifecycle: 'active', retires_at: null, deprecated_at: null };
  json(response, 200, { ...model, created_at: '2026-01-01T00:00:00Z', ...known });
}

const TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

async function refuse(response: ServerResponse, step: WireRefusal, n: number): Promise<void> {
  await step.gate;
  const details = step.errorCode === undefined ? {} : { details: { error_code: step.errorCode } };
  const type = step.type ?? TYPES[step.status] ?? 'api_error';
  const error = { type, message: step.message ?? `refused with ${step.status}`, ...details };
  response.writeHead(step.status, { 'content-type': 'application/json', 'request-id': `req_${n}`, ...step.headers });
  response.end(step.body ?? JSON.stringify({ type: 'error', error, request_id: `req_${n}` }));
}

interface Sending {
  n: number;
  request: WireRequest;
  sent: (events: number) => void;
}

async function stream(response: ServerResponse, step: WireAnswer, { n, request, sent }: Sending): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': `req_${n}`, ...step.headers });
  response.flushHeaders();
  let events = 0;
  for (const event of eventsOf(step, { n, model: request.body.model, body: request.body })) {
    if (events === step.cutAfter) return end(() => response.destroy());
    if (events === step.endAfter) return end(() => response.end());
    if (events === step.hangAfter) return sent(events);
    await step.before?.(events);
    const whole = Buffer.from(textOf(event));
    for (let at = 0; at < whole.length; at += step.bytes ?? whole.length) {
      const piece = whole.subarray(at, at + (step.bytes ?? whole.length));
      // Written before the next: what was sent has left this process when the connection is cut.
      await new Promise<void>((written) => void response.write(piece, () => written()));
    }
    events++;
  }
  end(() => (events === step.cutAfter ? response.destroy() : response.end()));

  function end(how: () => void): void {
    sent(events);
    how();
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

/** Numbered things that are waited for, before or after they have come. */
function marks<T>(): { reach: (n: number, value: T) => void; reached: (n: number) => Promise<T> } {
  const kept = new Map<number, PromiseWithResolvers<T>>();
  const at = (n: number): PromiseWithResolvers<T> => {
    const mark = kept.get(n) ?? Promise.withResolvers<T>();
    kept.set(n, mark);
    return mark;
  };
  return { reach: (n, value) => at(n).resolve(value), reached: (n) => at(n).promise };
}
