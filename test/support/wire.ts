/** An HTTP client that sends exactly the bytes it is given: what `fetch` refuses to send is what a hostile caller sends. */
import { connect, type NetConnectOpts, type Socket } from 'node:net';

export interface WireRequest {
  method: string;
  /** As it stands in the request line, in latin1. */
  target: string;
  /** Names may repeat; values are latin1. `Host` is added when it is not given. */
  headers?: readonly (readonly [string, string])[];
  body?: Uint8Array;
  /** How the end of the body is told: by its length (default), in chunks, or not at all. */
  framing?: 'length' | 'chunked' | 'none';
}

export interface WireAnswer {
  status: number;
  /** Names in lower case; the values of a repeated name are joined. */
  headers: Record<string, string>;
  body: string;
}

const CHUNK = 64 * 1024;
const GUARD_MS = 60_000;

/** Sends a request on a connection of its own; rejects when the connection ends without a whole answer. */
export function send(to: NetConnectOpts, request: WireRequest): Promise<WireAnswer> {
  const socket = connect(to);
  const pieces = piecesOf(request);
  // One after another: an answer that comes before the end of a body is read before the server stops reading that.
  const writeSome = (): void => {
    // By hand: leaving a for-of would end the generator.
    for (let next = pieces.next(); next.done !== true; next = pieces.next()) if (!socket.write(next.value)) return;
  };
  socket.once('connect', writeSome).on('drain', writeSome);
  return answerOf(socket, { method: request.method });
}

/** What comes on a connection until it ends, as an answer. */
export function answerOf(
  socket: Socket,
  { method, guardMs = GUARD_MS }: { method: string; guardMs?: number },
): Promise<WireAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
  let came = Buffer.alloc(0);
  const broken: string[] = [];
  const guard = setTimeout(() => {
    broken.push(`nothing ended the connection within ${guardMs} ms`);
    socket.destroy();
  }, guardMs);
  socket.on('data', (bytes: Buffer) => {
    came = Buffer.concat([came, bytes]);
    // A server that closes by itself with a body unread loses its answer on the way; so the caller closes.
    if (isWhole(came, method)) socket.destroy();
  });
  socket.on('error', (error) => void broken.push(error.message));
  socket.once('close', () => {
    clearTimeout(guard);
    const answer = parseAnswer(came, method);
    if (answer !== undefined && broken.every((why) => !why.startsWith('nothing'))) resolve(answer);
    else reject(new Error(`no answer: ${broken.join(', ') || 'the connection was closed'}`));
  });
  return promise;
}

/** The head of a request as it is sent. */
export function headOf({ method, target, headers = [], body, framing = 'length' }: WireRequest): Buffer {
  const named = new Set(headers.map(([name]) => name.toLowerCase()));
  const lines = [`${method} ${target} HTTP/1.1`];
  if (!named.has('host')) lines.push('Host: 127.0.0.1');
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  if (framing === 'length' && body !== undefined) lines.push(`Content-Length: ${body.byteLength}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function* piecesOf(request: WireRequest): Generator<Uint8Array, void> {
  yield headOf(request);
  const { body, framing } = request;
  if (body === undefined) return;
  for (let at = 0; at < body.byteLength; at += CHUNK) {
    const piece = body.subarray(at, at + CHUNK);
    if (framing !== 'chunked') yield piece;
    else yield Buffer.concat([Buffer.from(`${piece.byteLength.toString(16)}\r\n`), piece, Buffer.from('\r\n')]);
  }
  if (framing !== 'chunked') return;
  yield Buffer.from('0\r\n\r\n');
}

/** Whether nothing more belongs to the answer; one that tells no length ends with its connection. */
function isWhole(bytes: Buffer, method: string): boolean {
  const answer = parseAnswer(bytes, method);
  if (answer === undefined) return false;
  const { 'content-length': length, 'transfer-encoding': coding } = answer.headers;
  return method === 'HEAD' || length !== undefined || coding !== undefined;
}

function parseAnswer(bytes: Buffer, method: string): WireAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? Number.NaN);
  if (Number.isNaN(status)) return undefined;
  const rest = bytes.subarray(end + 4);
  // 100 Continue: the answer is behind it.
  if (status < 200) return parseAnswer(rest, method);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/.exec(line) ?? [];
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  const body = method === 'HEAD' ? Buffer.alloc(0) : bodyOf(rest, headers);
  return body === undefined ? undefined : { status, headers, body: body.toString() };
}

/** Undefined when it is cut off. */
function bodyOf(bytes: Buffer, headers: Record<string, string>): Buffer | undefined {
  if (headers['transfer-encoding'] === 'chunked') return dechunked(bytes);
  const length = headers['content-length'];
  if (length === undefined) return bytes;
  return bytes.byteLength < Number(length) ? undefined : bytes.subarray(0, Number(length));
}

function dechunked(bytes: Buffer): Buffer | undefined {
  const pieces: Buffer[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16);
    if (Number.isNaN(size)) return undefined;
    if (size === 0) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}
