import { chmod, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { codeOf, DependencyError, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Actor } from '../store/records.ts';
import type { ApiEnv } from './runs.ts';

export type NodeHandler = (req: IncomingMessage, res: ServerResponse) => void;

export interface ServerDeps {
  api: Hono<ApiEnv>;
  /** Everything at POST /slack/events; absent when Slack is off. */
  slack: NodeHandler | undefined;
  /** Requests that come before the rooms behind are open wait for it. */
  opened: Promise<void>;
  log: Log;
}

export interface ServerOptions {
  host: string;
  port: number;
  /** Path of the unix socket for the CLI of this machine; a path that is too long for the system means no socket. */
  socketPath: string;
  /** Who speaks over the socket: whoever may open the data folder. */
  operator: Actor;
  /** Connections at the same time at each door; who comes beyond them is turned away at once. Default 1,000. */
  maxConnections?: number;
}

export interface HttpServer {
  /** @throws DependencyError SERVER_FAILED when the port is taken. */
  start(): Promise<{ port: number }>;
  /** Stops accepting, lets requests under way end for a moment, then closes what is left. */
  stop(): Promise<void>;
}

// sun_path of sockaddr_un is 108 bytes on Linux, 104 on macOS and the BSDs (unix(7), unix(4)).
const MAX_SOCKET_PATH = 103;
const MAX_CONNECTIONS = 1_000;

/** The one HTTP server: Slack's door and the API on TCP, and the same API for the operator on a socket in the data folder. */
export function createHttpServer(deps: ServerDeps, options: ServerOptions): HttpServer {
  const { api, slack, opened, log } = deps;
  const overTcp = getRequestListener((request, { incoming }) => {
    const address = incoming.socket.remoteAddress;
    return api.fetch(request, address === undefined ? {} : { address });
  });
  const overSocket = getRequestListener((request) => api.fetch(request, { operator: options.operator }));
  // Slow headers and bodies are cut by the server itself, whatever the handler does.
  const limits = {
    requestTimeout: 10_000,
    headersTimeout: 5_000,
    maxHeaderSize: 16_384,
    connectionsCheckingInterval: 1_000,
  };
  const tcp = createServer(limits, (req, res) => {
    const toSlack = slack !== undefined && req.method === 'POST' && isSlackPath(req.url);
    void opened.then(() => (toSlack ? slack(req, res) : overTcp(req, res)));
  });
  const socket = createServer(limits, (req, res) => void opened.then(() => overSocket(req, res)));
  // Each holds a file descriptor, and the store needs some of its own.
  for (const door of [tcp, socket]) door.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;

  async function listenAtBoth(): Promise<void> {
    await listen(tcp, () => tcp.listen(options.port, options.host), {
      where: `${options.host}:${options.port}`,
      hint: 'Stop what uses it, or set PORT and HOST to something free.',
    });
    if (Buffer.byteLength(options.socketPath) > MAX_SOCKET_PATH) {
      log.warn('the path of the data folder is too long for a socket; the command line cannot reach this server');
      return;
    }
    // The lock of the data folder is held: a socket that is still there belongs to a process that died. What is no file stays.
    await rm(options.socketPath, { force: true }).catch(() => undefined);
    await listen(socket, () => socket.listen(options.socketPath), {
      where: options.socketPath,
      hint: 'Remove what stands there; the command line reaches the server over this socket.',
    });
    await chmod(options.socketPath, 0o600);
  }

  return {
    async start() {
      try {
        await listenAtBoth();
      } catch (error) {
        await Promise.all([close(tcp), close(socket)]);
        throw error;
      }
      const address = tcp.address();
      return { port: isAddress(address) ? address.port : options.port };
    },
    async stop() {
      await Promise.all([close(tcp), close(socket)]);
    },
  };
}

function isSlackPath(url: string | undefined): boolean {
  return url === '/slack/events' || url?.startsWith('/slack/events?') === true;
}

function isAddress(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

function listen(server: Server, begin: () => void, said: { where: string; hint: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const taken = codeOf(error) === 'EADDRINUSE';
      reject(
        new DependencyError(`Cannot listen on ${said.where}: ${taken ? 'it is taken' : messageOf(error)}`, {
          code: 'SERVER_FAILED',
          hint: said.hint,
          cause: error,
        }),
      );
    });
    server.once('listening', resolve);
    begin();
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
    const force = AbortSignal.timeout(2_000);
    force.addEventListener('abort', () => server.closeAllConnections(), { once: true });
  });
}
