import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterAll, describe, expect, test } from 'vitest';
import { createWebhookTransport } from '../../src/delivery/webhook.ts';
import { Destination } from '../../src/store/destinations.ts';
import type { Delivery } from '../../src/store/records.ts';
import { describeTransport } from '../contract/transport.ts';
import { manualClock } from '../support/clock.ts';
import { sampleReport, sampleRun } from '../support/delivery-report.ts';

const KEY = Buffer.alloc(32, 7);
const SECRET = `whsec_${KEY.toString('base64')}`;

interface Got {
  headers: IncomingMessage['headers'];
  body: string;
}

interface Peer extends AsyncDisposable {
  url: string;
  got: Got[];
  /** Answers for the next requests; default 200. `hang` says nothing. */
  answers: (number | 'hang' | 'drop' | { status: number; headers: Record<string, string> })[];
}

async function startPeer(): Promise<Peer> {
  const got: Got[] = [];
  const answers: Peer['answers'] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const answer = answers.shift() ?? 200;
      if (answer === 'hang') return;
      const { status, headers } =
        typeof answer === 'object' ? answer : { status: answer === 'drop' ? 200 : answer, headers: {} };
      if (status === 200) got.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (answer === 'drop') request.socket.destroy();
      else response.writeHead(status, headers).end('secret words of the receiver');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/hook?key=hidden`,
    got,
    answers,
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

describeTransport('webhook', async () => {
  const peer = await startPeer();
  return {
    transport: createWebhookTransport({ clock: manualClock() }, { secret: SECRET, hosts: ['127.0.0.1'] }),
    destination: { kind: 'webhook', url: peer.url },
    arrived: async () => peer.got.map(({ body }) => body),
    refuse: async () => void peer.answers.push(410),
    refuseForNow: async () => void peer.answers.push(503),
    names: (receipt) => receipt.kind === 'webhook' && receipt.status === 200 && receipt.url.endsWith('/hook'),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
});

describe('a webhook', () => {
  const stack = new AsyncDisposableStack();
  afterAll(() => stack.disposeAsync());
  const run = sampleRun({ report: sampleReport() });

  function delivery(destination: object): Delivery {
    return {
      id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d',
      mode: 'report',
      destination: Destination.parse({ kind: 'webhook', ...destination }),
      runId: run.id,
      rev: 0,
      state: 'sending',
      createdAt: run.createdAt,
      updatedAt: run.createdAt,
      fence: 1,
      attempts: 1,
      parts: [],
    };
  }
  async function setUp(hosts: readonly string[] = ['127.0.0.1']) {
    const peer = stack.use(await startPeer());
    const clock = manualClock();
    const transport = createWebhookTransport({ clock }, { secret: SECRET, hosts });
    const about = { kind: 'run', run } as const;
    const send = (more: object = {}) => {
      const mine = delivery({ url: peer.url, ...more });
      const [body = null] = transport.prepare({ delivery: mine, about, deliveries: [] });
      return transport.send(
        { delivery: mine, about, n: 1, body, previous: [], resent: false },
        new AbortController().signal,
      );
    };
    return { peer, clock, send };
  }

  test('its signature is that of Standard Webhooks over id, time and body', async () => {
    const { peer, send } = await setUp();
    await send();
    const [got] = peer.got;
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = got?.headers ?? {};
    expect(id).toBe('dlv_01k9zzzzzzzzzzzzzzzzzzzz8d.1');
    const mac = createHmac('sha256', KEY)
      .update(`${String(id)}.${String(at)}.${got?.body}`)
      .digest('base64');
    expect(signature).toBe(`v1,${mac}`);
  });

  test('it says which run and the whole report, and nothing of input or result', async () => {
    const { peer, send } = await setUp();
    await send();
    const { type, data } = JSON.parse(peer.got[0]?.body ?? '{}');
    expect(type).toBe('report');
    expect(data.report).toEqual(run.report);
    expect(Object.keys(data.run)).toEqual(expect.arrayContaining(['id', 'job', 'state', 'trigger']));
    expect(data.run).not.toHaveProperty('input');
  });

  test.each(['markdown', 'text'] as const)('as %s it is the report in that form', async (format) => {
    const { peer, send } = await setUp();
    await send({ format });
    expect(peer.got[0]?.headers['content-type']).toMatch(format === 'text' ? 'text/plain' : 'text/markdown');
    expect(peer.got[0]?.body).toContain(run.report?.title);
  });

  test('the query of the address, where secrets stand, is in no receipt and no message', async () => {
    const { peer, send } = await setUp();
    expect(JSON.stringify(await send())).not.toContain('hidden');
    peer.answers.push(404);
    await expect(send()).rejects.toMatchObject({ message: expect.not.stringContaining('hidden') });
  });

  test.each([
    [['hooks.example.com'], false],
    [['*.0.0.1'], false],
    [['127.0.0.1'], true],
  ])('with the hosts %j it is allowed: %s', async (hosts, allowed) => {
    const { peer, send } = await setUp(hosts);
    const sent = (async () => send())();
    if (allowed) await sent;
    else await expect(sent).rejects.toMatchObject({ code: 'WEBHOOK_REFUSED', permanent: true });
    expect(peer.got).toHaveLength(allowed ? 1 : 0);
  });

  test('preflight says beforehand that a host is not listed, and posts nothing', async () => {
    const peer = stack.use(await startPeer());
    const look = (hosts: string[]) =>
      createWebhookTransport({ clock: manualClock() }, { secret: SECRET, hosts }).check?.(
        Destination.parse({ kind: 'webhook', url: peer.url }),
        {},
        new AbortController().signal,
      );
    expect(await look(['127.0.0.1'])).toEqual([]);
    expect(await look(['example.com'])).toMatchObject([{ code: 'WEBHOOK_REFUSED', severity: 'fails' }]);
    expect(peer.got).toEqual([]);
  });

  test.each([
    [301, { permanent: true, hint: expect.stringContaining('final address') }],
    [400, { permanent: true }],
    [408, { permanent: false }],
    [429, { permanent: false }],
    [500, { permanent: false, ambiguous: false }],
  ])('HTTP %i is answered as it is meant', async (status, expected) => {
    const { peer, send } = await setUp();
    peer.answers.push({ status, headers: { location: 'http://127.0.0.1:9/elsewhere' } });
    await expect(send()).rejects.toMatchObject(expected);
    expect(peer.got).toEqual([]);
  });

  test('Retry-After in seconds is obeyed, and bounded by an hour', async () => {
    const { peer, send } = await setUp();
    peer.answers.push({ status: 429, headers: { 'retry-after': '7' } });
    await expect(send()).rejects.toMatchObject({ retryAfterMs: 7_000 });
    peer.answers.push({ status: 503, headers: { 'retry-after': '999999' } });
    await expect(send()).rejects.toMatchObject({ retryAfterMs: 3_600_000 });
  });

  test('an answer that is lost is ambiguous; a connection that never stood is not', async () => {
    const { peer, send } = await setUp();
    peer.answers.push('drop');
    await expect(send()).rejects.toMatchObject({ code: 'WEBHOOK_AMBIGUOUS', ambiguous: true });
    await peer[Symbol.asyncDispose]();
    await expect(send()).rejects.toMatchObject({ code: 'WEBHOOK_UNAVAILABLE', ambiguous: false, permanent: false });
  });

  test('a certificate that is not trusted is refused for good, and nothing was sent', async () => {
    const untrusted = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    const fetch = (): Promise<never> => Promise.reject(new TypeError('fetch failed', { cause: untrusted }));
    const transport = createWebhookTransport({ clock: manualClock(), fetch }, { secret: SECRET, hosts: ['x.example'] });
    const about = { kind: 'run', run } as const;
    const mine = delivery({ url: 'https://x.example/hook?key=hidden' });
    const [body = null] = transport.prepare({ delivery: mine, about, deliveries: [] });
    const request = { delivery: mine, about, n: 1, body, previous: [], resent: false };
    await expect(transport.send(request, new AbortController().signal)).rejects.toMatchObject({
      code: 'WEBHOOK_REFUSED',
      permanent: true,
      ambiguous: false,
      message: expect.stringMatching(
        /x\.example\/hook is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\); nothing was sent/,
      ),
    });
  });

  test('a receiver that says nothing is given up after 15 s', async () => {
    const { peer, clock, send } = await setUp();
    peer.answers.push('hang');
    const sent = send();
    const failed = expect(sent).rejects.toMatchObject({ code: 'WEBHOOK_AMBIGUOUS' });
    await clock.advance(15_000);
    await failed;
  });

  test('an address with a password in it is no destination', () => {
    expect(Destination.safeParse({ kind: 'webhook', url: 'https://a:b@example.com/' }).success).toBe(false);
    expect(Destination.safeParse({ kind: 'webhook', url: 'file:///etc/passwd' }).success).toBe(false);
  });
});
