import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { DependencyError, messageOf } from '../errors.ts';
import { FaultRule } from './faults.ts';
import type { WireAnswer } from './wire.ts';
import type { Workspace } from './workspace.ts';

export interface Twin extends AsyncDisposable {
  /** Listens on 127.0.0.1; resolves when it does. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** For SLACK_API_URL, e.g. `http://127.0.0.1:41234/api/`. */
  readonly apiUrl: string;
  readonly origin: string;
}

const MAX_BODY_BYTES = 20 * 1024 * 1024;
const Control = z.object({
  rules: z.array(FaultRule).max(100).default([]),
  clear: z.boolean().default(false),
  revokeToken: z.boolean().default(false),
});

/**
 * The workspace behind HTTP on loopback, for servers in another process (SLACK_API_URL). `GET /_state` answers everything that it
 * holds; `POST /_faults` takes `{rules, clear, revokeToken}`.
 */
export function createTwin(deps: { workspace: Workspace }, options: { port?: number } = {}): Twin {
  const { workspace } = deps;
  let origin: string | undefined;
  const server = createServer((request, response) => {
    serve(workspace, request, response).catch(() => response.destroy());
  });

  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      origin = undefined;
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const listening = (): string => {
    if (origin === undefined)
      throw new DependencyError('The twin of the workspace is not listening.', {
        code: 'SERVER_FAILED',
        hint: 'Call start().',
      });
    return origin;
  };
  return {
    async start() {
      if (server.listening) return;
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(options.port ?? 0, '127.0.0.1', resolve);
      });
      const address = server.address();
      origin = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
      workspace.setOrigin(origin);
    },
    stop,
    [Symbol.asyncDispose]: stop,
    get apiUrl() {
      return `${listening()}/api/`;
    },
    get origin() {
      return listening();
    },
  };
}

async function serve(workspace: Workspace, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://127.0.0.1').pathname;
  const body = await readBody(request);
  if (body === undefined) return send(response, { status: 413, headers: {}, body: 'too large' });
  if (path === '/_state') return send(response, json(200, workspace.snapshot()));
  if (path === '/_faults') return send(response, control(workspace, body));
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const wired = {
    path,
    contentType: request.headers['content-type'] ?? '',
    authorization: request.headers.authorization,
    body,
  };
  send(response, await workspace.wire(wired, gone.signal));
}

function send(response: ServerResponse, answer: WireAnswer): void {
  if (!('cut' in answer)) {
    response.writeHead(answer.status, answer.headers).end(answer.body);
    return;
  }
  // `hang` keeps the connection until the client or stop() ends it.
  if (answer.cut !== 'hang') response.destroy();
}

function control(workspace: Workspace, body: Buffer): WireAnswer {
  try {
    const asked = Control.parse(JSON.parse(body.toString('utf8')));
    if (asked.clear) workspace.faults.clear();
    if (asked.revokeToken) workspace.revokeToken();
    for (const rule of asked.rules) workspace.faults.add(rule);
    return json(200, { ok: true, pending: workspace.faults.pending() });
  } catch (error) {
    return json(400, { ok: false, error: messageOf(error) });
  }
}

function json(status: number, value: unknown): WireAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
