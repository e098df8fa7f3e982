import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHttpServer, type HttpServer } from '../../src/api/server.ts';
import type { ApiEnv } from '../../src/api/runs.ts';
import { DependencyError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bellhop-http-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A server whose API tells who speaks over the socket. */
function make(
  options: { port?: number; socketPath?: string; opened?: Promise<void>; maxConnections?: number } = {},
): HttpServer {
  const api = new Hono<ApiEnv>().get('/who', (c) => c.text(c.env.operator?.id ?? 'nobody'));
  return createHttpServer(
    { api, slack: undefined, opened: options.opened ?? Promise.resolve(), log: silentLog },
    {
      host: '127.0.0.1',
      port: options.port ?? 0,
      socketPath: options.socketPath ?? join(folder, 'bellhop.sock'),
      operator: { kind: 'operator', id: 'ana@desk' },
      ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }),
    },
  );
}
function overSocket(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath, path: '/who' }, (res) => res.on('data', (text: Buffer) => resolve(String(text))));
    req.on('error', reject).end();
  });
}
async function freePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => holder.once('listening', resolve));
  const { port } = holder.address() as AddressInfo; // a TCP server has an address object
  await new Promise((resolve) => holder.close(resolve));
  return port;
}

test('the operator is who speaks over the socket, which only its owner may open; over TCP nobody is', async () => {
  const server = make();
  const { port } = await server.start();
  const socketPath = join(folder, 'bellhop.sock');
  expect(await overSocket(socketPath)).toBe('ana@desk');
  expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  expect(await (await fetch(`http://127.0.0.1:${port}/who`)).text()).toBe('nobody');
  await server.stop();
  await expect(stat(socketPath)).rejects.toThrow('ENOENT');
});

test('a start that fails at the socket leaves the port free', async () => {
  await mkdir(join(folder, 'bellhop.sock', 'x'), { recursive: true });
  const port = await freePort();
  await expect(make({ port }).start()).rejects.toThrow(DependencyError);
  const next = make({ port, socketPath: join(folder, 'other.sock') });
  expect(await next.start()).toEqual({ port });
  await next.stop();
});

test('a path that is too long for a socket means no socket, not no server', async () => {
  const server = make({ socketPath: join(folder, 'x'.repeat(120)) });
  const { port } = await server.start();
  expect((await fetch(`http://127.0.0.1:${port}/who`)).status).toBe(200);
  await server.stop();
});

test('a request that comes before the rooms behind are open waits for them', async () => {
  const opened = Promise.withResolvers<void>();
  const server = make({ opened: opened.promise });
  const { port } = await server.start();
  let answered = false;
  const early = fetch(`http://127.0.0.1:${port}/who`).then((answer) => {
    answered = true;
    return answer.text();
  });
  const socket = overSocket(join(folder, 'bellhop.sock'));
  // A whole round trip elsewhere in this process, in which an answer would have arrived.
  const other = make({ socketPath: join(folder, 'other.sock') });
  await fetch(`http://127.0.0.1:${(await other.start()).port}/who`);
  expect(answered).toBe(false);
  opened.resolve();
  expect(await Promise.all([early, socket])).toEqual(['nobody', 'ana@desk']);
  await Promise.all([server.stop(), other.stop()]);
});

test('who comes beyond the most connections is turned away at once, and let in when another has left', async () => {
  const server = make({ maxConnections: 2 });
  const { port } = await server.start();
  const held = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all(held.map((one) => once(one, 'connect')));
  await expect(fetch(`http://127.0.0.1:${port}/who`)).rejects.toThrow();
  for (const one of held) one.destroy();
  // The server learns of it a moment later.
  const asked = async (): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}/who`).catch(() => undefined);
    return answer === undefined ? 'turned away' : answer.text();
  };
  await expect.poll(asked, { timeout: 20_000 }).toBe('nobody');
  await server.stop();
});
