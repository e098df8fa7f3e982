import { createHmac } from 'node:crypto';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDoor, MAX_BODY_BYTES, type AdmittedRequest, type Door } from '../../src/bot/door.ts';
import { systemClock } from '../../src/clock.ts';
import { createLog } from '../../src/log.ts';

const SECRET = 'a-signing-secret-of-the-tests';
const FORM = 'application/x-www-form-urlencoded';

let admitted: { body: string; type: string | undefined }[] = [];
let logged: string[] = [];
let door: Door;
let server: Server;
let port: number;

beforeAll(async () => {
  server = createServer((req, res) => void door.handle(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port; // a TCP server has an address object
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  admitted = [];
  logged = [];
  door = createDoor({
    signingSecret: SECRET,
    clock: systemClock,
    log: createLog({ write: (line) => logged.push(line), scrub: (text) => text, clock: systemClock }, 'info'),
    listener: (req: AdmittedRequest, res) => {
      admitted.push({ body: String(req.rawBody), type: req.headers['content-type'] });
      res.writeHead(200).end();
    },
  });
});

let nonce = 0;
function command(text = 'list'): string {
  nonce += 1;
  return new URLSearchParams({ command: '/jobs', text, trigger_id: `t${nonce}` }).toString();
}
const nowSeconds = (): number => Math.floor(systemClock.now() / 1000);

function sign(body: string | Buffer, options: { secret?: string; timestamp?: string } = {}): Record<string, string> {
  const timestamp = options.timestamp ?? String(nowSeconds());
  const mac = createHmac('sha256', options.secret ?? SECRET)
    .update(`v0:${timestamp}:`)
    .update(body)
    .digest('hex');
  return { 'x-slack-signature': `v0=${mac}`, 'x-slack-request-timestamp': timestamp, 'content-type': FORM };
}

function post(body: string | Buffer, headers: Record<string, string | string[]>): Promise<number> {
  return new Promise((resolve, reject) => {
    const req = request(
      { port, host: '127.0.0.1', method: 'POST', path: '/slack/events', headers },
      (res: IncomingMessage) => {
        res.resume();
        res.on('end', () => resolve(res.statusCode ?? 0));
        res.on('error', reject);
      },
    );
    req.on('error', reject);
    req.end(body);
  });
}

describe('the Slack door', () => {
  test('a genuine request comes through with its raw bytes', async () => {
    const body = command();
    expect(await post(body, sign(body))).toBe(200);
    expect(admitted).toEqual([{ body, type: FORM }]);
  });

  test.each([
    ['a wrong secret', (body: string) => sign(body, { secret: 'another secret' })],
    ['a request 301 s old', (body: string) => sign(body, { timestamp: String(nowSeconds() - 301) })],
    ['a request from 302 s ahead', (body: string) => sign(body, { timestamp: String(nowSeconds() + 302) })],
    ['a timestamp in milliseconds', (body: string) => sign(body, { timestamp: String(systemClock.now()) })],
    ['a timestamp that is no number', (body: string) => sign(body, { timestamp: 'NaN' })],
    ['a negative timestamp', (body: string) => sign(body, { timestamp: '-1' })],
    ['a signature of another body', () => sign(command())],
    [
      'a truncated signature',
      (body: string) => ({ ...sign(body), 'x-slack-signature': sign(body)['x-slack-signature']?.slice(0, -2) ?? '' }),
    ],
    ['an empty signature', (body: string) => ({ ...sign(body), 'x-slack-signature': '' })],
    [
      'a signature of version 1',
      (body: string) => ({
        ...sign(body),
        'x-slack-signature': sign(body)['x-slack-signature']?.replace('v0', 'v1') ?? '',
      }),
    ],
    [
      'a signature header given twice',
      (body: string) => ({ ...sign(body), 'x-slack-signature': [sign(body)['x-slack-signature'] ?? '', 'v0=0'] }),
    ],
    [
      'no signature',
      (body: string) => ({
        'content-type': FORM,
        'x-slack-request-timestamp': sign(body)['x-slack-request-timestamp'] ?? '',
      }),
    ],
    [
      'no timestamp',
      (body: string) => ({ 'content-type': FORM, 'x-slack-signature': sign(body)['x-slack-signature'] ?? '' }),
    ],
    ['no headers at all', () => ({ 'content-type': FORM })],
  ])('%s is refused, without a word about why', async (_name, headersOf) => {
    const body = command();
    expect(await post(body, headersOf(body))).toBe(401);
    expect(admitted).toEqual([]);
  });

  test('a skew of 299 s on either side is accepted', async () => {
    for (const skew of [-299, 299]) {
      const body = command();
      expect(await post(body, sign(body, { timestamp: String(nowSeconds() + skew) }))).toBe(200);
    }
    expect(admitted).toHaveLength(2);
  });

  test('the same bytes a second time are refused, also when they come at once', async () => {
    const body = command('run x');
    const headers = sign(body);
    const answers = await Promise.all([post(body, headers), post(body, headers), post(body, headers)]);
    expect(answers.sort()).toEqual([200, 401, 401]);
    expect(admitted).toHaveLength(1);
    expect(door.refused()).toEqual({ replayed: 2 });
  });

  test('bytes that decode alike do not verify alike', async () => {
    const signed = Buffer.concat([Buffer.from('command=%2Fjobs&text='), Buffer.from([0xff])]);
    const sent = Buffer.concat([Buffer.from('command=%2Fjobs&text='), Buffer.from([0xfe])]);
    expect(await post(sent, sign(signed))).toBe(401);
  });

  test('rightly signed bytes that are not UTF-8 are a bad request', async () => {
    const body = Buffer.concat([Buffer.from('command=%2Fjobs&text='), Buffer.from([0xff])]);
    expect(await post(body, sign(body))).toBe(400);
  });

  test('a charset behind the content type is accepted and taken off for Bolt', async () => {
    const body = command();
    expect(await post(body, { ...sign(body), 'content-type': `${FORM}; charset=utf-8` })).toBe(200);
    expect(admitted[0]?.type).toBe(FORM);
  });

  test.each([
    ['nothing', ''],
    ['a number', '1'],
    ['half a JSON', '{"type":"event_callback"'],
    ['an event without an event', '{"type":"event_callback","event":null}'],
    ['a list', '[]'],
    ['JSON without a type', '{"a":1}'],
  ])('rightly signed JSON that is %s is a bad request', async (_name, body) => {
    expect(await post(body, { ...sign(body), 'content-type': 'application/json' })).toBe(400);
  });

  test.each([
    ['a payload that is no JSON', 'payload=x'],
    ['a payload that is null', 'payload=null'],
    ['a form without a command', 'text=list'],
  ])('a rightly signed form with %s is a bad request', async (_name, body) => {
    expect(await post(body, sign(body))).toBe(400);
  });

  test('ssl_check does not open the door without a signature', async () => {
    expect(await post('ssl_check=1&command=%2Fjobs&text=run', { 'content-type': FORM })).toBe(401);
  });

  test('a body over 256 KB is refused, announced or not', async () => {
    const body = `command=%2Fjobs&text=${'x'.repeat(MAX_BODY_BYTES)}`;
    expect(await post(body, sign(body))).toBe(413);
    const chunked = post(body, { ...sign(body), 'transfer-encoding': 'chunked' }).catch(() => 413); // the server may hang up first
    expect(await chunked).toBe(413);
    expect(admitted).toEqual([]);
  });

  test('a connection that ends half-way through its body leaves nothing behind', async () => {
    const body = command();
    const headers = Object.entries(sign(body)).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST /slack/events HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n${headers.join('')}\r\n${body.slice(0, 5)}`,
    );
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.destroy();
    await expect.poll(() => door.refused()).toEqual({ aborted: 1 });
    expect(admitted).toEqual([]);
  });

  test('three hundred bad signatures at once are all refused, with one line in the log', async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, () => {
        const body = command();
        return post(body, sign(body, { secret: 'wrong' }));
      }),
    );
    expect(new Set(answers)).toEqual(new Set([401]));
    expect(logged).toHaveLength(1);
    expect(door.refused()).toEqual({ bad_signature: 300 });
  });
});
