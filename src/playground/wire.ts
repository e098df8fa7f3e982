import { createArgs, decodeBody, textOf } from './args.ts';
import type { Clock } from '../clock.ts';
import type { Fault, Faults } from './faults.ts';
import { refused } from './reply.ts';
import type { Reply } from './reply.ts';
import { applyResponse } from './responses.ts';
import type { Json, World } from './state.ts';
import type { Tickets } from './tickets.ts';
import type { WebApi } from './web-api.ts';

interface WireRequest {
  /** Path with its leading slash, without the query. */
  path: string;
  contentType: string;
  authorization: string | undefined;
  body: Buffer;
}

/** An HTTP answer, or what happens to the connection instead. */
export type WireAnswer =
  { status: number; headers: Record<string, string>; body: string } | { cut: 'refused' | 'dropped' | 'hang' };

export interface WireDeps {
  world: World;
  api: WebApi;
  tickets: Tickets;
  faults: Faults;
  clock: Clock;
  /** Called once for every Web API call and response_url post that arrives, before its fault. */
  heard: (call: { method: string; args: Json }) => void;
}

export type Wire = (request: WireRequest, signal: AbortSignal) => Promise<WireAnswer>;

/**
 * Slack's side of the wire: Web API below /api/, response_urls below /commands/, uploads below /upload/v1/.
 * The in-process fetch and the HTTP twin are both thin shells around this.
 */
export function createWire(deps: WireDeps): Wire {
  return async (request, signal) => {
    const decoded = await decodeBody(request.contentType, request.body);
    if (request.path.startsWith('/upload/v1/')) {
      const content = decoded?.file ?? request.body;
      const args = { file: request.path.slice('/upload/v1/'.length), bytes: content.length };
      return afflicted(deps, { method: 'upload', args, signal, run: () => upload(deps.world, args.file, content) });
    }
    const fields = decoded?.fields ?? {};
    if (request.path.startsWith('/commands/')) {
      const id = request.path.slice('/commands/'.length);
      return afflicted(deps, { method: 'response_url', args: fields, signal, run: () => respond(deps, id, fields) });
    }
    const method = /^\/api\/([A-Za-z][A-Za-z0-9.]*)$/.exec(request.path)?.[1];
    if (method === undefined) return { status: 404, headers: { 'content-type': 'text/plain' }, body: 'not found' };
    const token = /^Bearer (.+)$/.exec(request.authorization ?? '')?.[1] ?? createArgs(fields).text('token');
    const run = (): WireAnswer => {
      if (decoded === undefined) return answer(refused('invalid_form_data'));
      return granting(answer(deps.api.call(method, fields, token)), deps.world);
    };
    return afflicted(deps, { method, args: fields, signal, run });
  };
}

interface Call {
  method: string;
  args: Json;
  signal: AbortSignal;
  run: () => WireAnswer;
}

async function afflicted(deps: WireDeps, call: Call): Promise<WireAnswer> {
  deps.heard({ method: call.method, args: call.args });
  const fault = deps.faults.next({ method: call.method, args: call.args });
  if (fault === undefined) return call.run();
  if (fault.kind === 'slow') {
    await deps.clock.sleep(fault.ms, call.signal);
    // A client that gave up while we were slow has sent its request all the same: Slack acts on it.
    return call.run();
  }
  if ('accepted' in fault && fault.accepted === true) call.run();
  return spoil(fault, call.run);
}

// oxlint-disable-next-line consistent-return -- the switch is exhaustive
function spoil(fault: Exclude<Fault, { kind: 'slow' }>, run: () => WireAnswer): WireAnswer {
  switch (fault.kind) {
    case 'rate_limited':
      return answer({
        ok: false,
        error: 'ratelimited',
        ...(fault.retryAfter === undefined ? {} : { retry_after: fault.retryAfter }),
      });
    case 'status':
      return { status: fault.status, headers: { 'content-type': 'text/plain' }, body: `HTTP ${fault.status}` };
    case 'hang':
      return { cut: 'hang' };
    case 'refuse':
      return { cut: 'refused' };
    case 'drop_before':
      return { cut: 'dropped' };
    case 'drop_after':
      run();
      return { cut: 'dropped' };
    case 'malformed_json':
      return { status: 200, headers: { 'content-type': 'application/json' }, body: '{"ok":true,"ts":"17' };
    case 'html':
      return {
        status: 200,
        headers: { 'content-type': 'text/html' },
        body: '<!DOCTYPE html><html><body>Be right back</body></html>',
      };
    case 'error':
      return answer(refused(fault.error, fault.detail ?? {}));
    case 'wrong_ts':
      return misnamed(run());
  }
}

/** Slack names the scopes of the token beside every answer. */
function granting(right: WireAnswer, { scopes }: World): WireAnswer {
  if ('cut' in right) return right;
  return { ...right, headers: { ...right.headers, 'x-oauth-scopes': [...scopes].join(',') } };
}

function misnamed(right: WireAnswer): WireAnswer {
  if ('cut' in right) return right;
  return { ...right, body: right.body.replaceAll(/"ts":"[^"]*"/g, '"ts":"1000000000.000001"') };
}

function answer(reply: Reply): WireAnswer {
  const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' };
  if (reply['error'] !== 'ratelimited') return { status: 200, headers, body: JSON.stringify(reply) };
  const { retry_after: wait, ...body } = reply;
  const retryAfter = textOf(wait);
  if (retryAfter !== undefined) headers['retry-after'] = retryAfter;
  return { status: 429, headers, body: JSON.stringify(body) };
}

function respond(deps: WireDeps, id: string, fields: Json): WireAnswer {
  const ticket = deps.tickets.post(id);
  if ('error' in ticket) {
    deps.world.violate('response_url', `${ticket.error}: 5 posts in 30 minutes`);
    return {
      status: 404,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(refused(ticket.error)),
    };
  }
  const reply = applyResponse(deps.world, ticket.target, fields);
  if (reply.ok) return { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' };
  return { status: 400, headers: { 'content-type': 'application/json' }, body: JSON.stringify(reply) };
}

function upload(world: World, id: string, content: Buffer): WireAnswer {
  const file = world.files.get(id);
  const headers = { 'content-type': 'text/plain' };
  if (file === undefined) return { status: 404, headers, body: 'no such file' };
  if (content.length !== file.length) {
    world.violate('upload', `${file.id}: ${content.length} bytes instead of ${file.length}`);
    return { status: 400, headers, body: 'length does not match' };
  }
  file.content = content;
  return { status: 200, headers, body: `OK - ${content.length}` };
}
