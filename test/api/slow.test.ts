/** Callers that take their time: the server cuts them, and answers the others meanwhile. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { API_TOKEN, startApiServer, type ApiServer } from '../support/api-server.ts';
import { answerOf, headOf, type WireAnswer } from '../support/wire.ts';

const IDLE = 300;
const DRIP_MS = 100;
/** Far beyond the server's own ten seconds, and below the minute that Node gives to headers and the five to a body by itself. */
const GUARD_MS = 50_000;

let api: ApiServer;
beforeAll(async () => {
  api = await startApiServer();
});
afterAll(() => api[Symbol.asyncDispose]());

async function dial(): Promise<Socket> {
  const socket = connect({ port: api.port, host: '127.0.0.1' });
  await once(socket, 'connect');
  return socket;
}

/** Sends one byte after another for as long as there is a connection; answers what came before it was cut. */
async function drip(start: Uint8Array, each: string): Promise<WireAnswer> {
  const socket = await dial();
  socket.write(start);
  const timer = setInterval(() => socket.write(each), DRIP_MS);
  socket.once('close', () => clearInterval(timer));
  return answerOf(socket, { method: 'POST', guardMs: GUARD_MS });
}

async function cut(socket: Socket): Promise<void> {
  socket.on('error', () => undefined).resume();
  if (!socket.closed) await once(socket, 'close', { signal: AbortSignal.timeout(GUARD_MS) });
}

async function honest(): Promise<number> {
  const headers = { authorization: `Bearer ${API_TOKEN}` };
  return (await fetch(`${api.url}/v1/jobs`, { headers })).status;
}

const POST = {
  method: 'POST',
  target: '/v1/runs',
  headers: [['Authorization', `Bearer ${API_TOKEN}`]],
} as const;
const BEGUN = Buffer.from('POST /v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ');

test.concurrent('headers that never end are cut', async () => {
  expect((await drip(BEGUN, 'x')).status).toBe(408);
});

test.concurrent('a body that comes byte by byte is cut', async () => {
  const headers = [...POST.headers, ['Content-Length', '1000000']] as const;
  expect((await drip(headOf({ ...POST, headers }), ' ')).status).toBe(408);
});

test.concurrent('a body that comes chunk by chunk without an end is cut', async () => {
  expect((await drip(headOf({ ...POST, framing: 'chunked' }), '1\r\nx\r\n')).status).toBe(408);
});

test.concurrent('a body that is shorter than was said is cut', async () => {
  const headers = [...POST.headers, ['Content-Length', '1000000']] as const;
  const socket = await dial();
  socket.write(Buffer.concat([headOf({ ...POST, headers }), Buffer.from('{"job":"noop"}')]));
  expect((await answerOf(socket, { method: 'POST', guardMs: GUARD_MS })).status).toBe(408);
});

test.concurrent('hundreds of callers that say nothing are cut, and who asks meanwhile is answered', async () => {
  const idle = await Promise.all(Array.from({ length: IDLE }, dial));
  const half = await Promise.all(Array.from({ length: IDLE }, dial));
  for (const socket of half) socket.write(BEGUN);
  expect(await Promise.all(Array.from({ length: 20 }, honest))).toEqual(Array.from({ length: 20 }, () => 200));
  const open = (sockets: Socket[]): number => sockets.filter((socket) => !socket.closed).length;
  expect([open(idle), open(half)]).toEqual([IDLE, IDLE]);
  await Promise.all([...idle, ...half].map(cut));
  expect(await honest()).toBe(200);
});

test.concurrent('a thousand requests in one packet are answered one after another', async () => {
  const socket = await dial();
  const one = 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n';
  const last = 'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';
  socket.write(one.repeat(999) + last);
  let came = '';
  socket.on('data', (bytes: Buffer) => (came += bytes.toString('latin1')));
  await once(socket, 'close', { signal: AbortSignal.timeout(GUARD_MS) });
  expect(came.match(/HTTP\/1\.1 \d{3} /g)).toHaveLength(1_000);
});
