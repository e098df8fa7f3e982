import { describe, expect, it } from 'vitest';
import { isLoopback, parseMailFrom, parseSmtpUrl } from '../../src/delivery/email/address.ts';
import { createEmailTransport } from '../../src/delivery/email/transport.ts';
import type { EmailTransportOptions } from '../../src/delivery/email/transport.ts';
import { ConfigError, DeliveryError } from '../../src/errors.ts';
import type { Receipt } from '../../src/store/destinations.ts';
import type { Delivery } from '../../src/store/records.ts';
import type { Report } from '../../src/store/report.ts';
import type { Transport } from '../../src/delivery/transport.ts';
import { manualClock } from '../support/clock.ts';
import type { ManualClock } from '../support/clock.ts';
import { systemClock } from '../../src/clock.ts';
import type { Clock } from '../../src/clock.ts';
import { outboxBench } from '../support/delivery-outbox.ts';
import type { Bench } from '../support/delivery-outbox.ts';
import { makeReport, sampleReport, sampleRun } from '../support/delivery-report.ts';
import { mailDeps } from '../support/delivery-mail.ts';
import { startLoginPeer, startSilentPeer, startTlsPeer } from '../support/delivery-smtp.ts';
import { startPeerSmtp } from '../support/peer-smtp.ts';

const FROM = { name: 'Bellhop', address: 'bellhop@example.org' };
const ID = 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d';
const never = new AbortController().signal;

function delivery(over: Partial<Delivery> = {}): Delivery {
  return {
    id: ID,
    mode: 'report',
    destination: { kind: 'email', to: 'ana@example.com' },
    runId: sampleRun().id,
    rev: 0,
    state: 'sending',
    createdAt: '2026-11-23T09:00:00.000Z',
    updatedAt: '2026-11-23T09:00:00.000Z',
    fence: 1,
    attempts: 1,
    parts: [],
    ...over,
  };
}

/** One mail straight through the transport. */
async function mail(
  server: { port: number; auth?: { user: string; pass: string } },
  over: { report?: Report; delivery?: Partial<Delivery>; options?: EmailTransportOptions; clock?: ManualClock } = {},
): Promise<Receipt> {
  const { port, ...auth } = server;
  const transport: Transport = createEmailTransport(
    mailDeps(port, { server: { host: '127.0.0.1', secure: false, port, ...auth }, clock: over.clock ?? manualClock() }),
    over.options,
  );
  const run = sampleRun({ report: over.report ?? sampleReport() });
  const planned = delivery(over.delivery);
  const about = { kind: 'run', run } as const;
  const [body = null] = transport.prepare({ delivery: planned, about, deliveries: [] });
  try {
    return await transport.send({ delivery: planned, about, n: 1, body, previous: [], resent: false }, never);
  } finally {
    transport.stop?.();
  }
}

async function failure(work: Promise<unknown>): Promise<DeliveryError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DeliveryError) return error;
    throw error;
  }
  throw new Error('it was sent');
}

describe('a mail', () => {
  it('arrives with text, HTML, its own Message-ID and the headers of an automatic message', async () => {
    await using peer = await startPeerSmtp();
    const receipt = await mail(peer);
    expect(receipt).toMatchObject({ kind: 'email', to: 'ana@example.com', messageId: `<${ID}.1@example.org>` });
    const [got] = peer.mails;
    expect(got).toMatchObject({ from: FROM.address, to: ['ana@example.com'] });
    const parsed = await got?.parsed();
    expect(parsed?.messageId).toBe(`<${ID}.1@example.org>`);
    expect(parsed?.from).toMatchObject(FROM);
    expect(parsed?.subject).toContain('Weekly merchandising');
    expect(parsed?.html).toContain('$55,930');
    expect(parsed?.text).toContain('$55,930');
    expect(parsed?.headers.find((header) => header.key === 'auto-submitted')?.value).toBe('auto-generated');
  });

  it('is the same bytes when it is sent again', async () => {
    await using peer = await startPeerSmtp();
    await mail(peer);
    await mail(peer, { delivery: { attempts: 2 } });
    expect(peer.mails[1]?.raw.toString()).toBe(peer.mails[0]?.raw.toString());
  });

  it('of 400,000 characters is taken whole in its text part', async () => {
    await using peer = await startPeerSmtp();
    const markdown = 'lorem ipsum dolor sit amet '.repeat(14_000);
    await mail(peer, { report: makeReport({ sections: [{ kind: 'markdown', markdown }] }) });
    const parsed = await peer.mails[0]?.parsed();
    expect(parsed?.text?.match(/lorem/g)).toHaveLength(14_000);
    expect(Buffer.byteLength(parsed?.html ?? '')).toBeLessThan(90_000);
    expect(parsed?.html).toContain('The report goes on.');
  });

  it('has no header that a title smuggled in', async () => {
    await using peer = await startPeerSmtp();
    await mail(peer, { report: makeReport({ title: 'Hello\r\nBcc: eve@example.com\r\n\r\nbody' }) });
    const parsed = await peer.mails[0]?.parsed();
    expect(parsed?.subject).toMatch(/^Hello Bcc: eve@example.com body · /);
    expect(parsed?.bcc ?? []).toEqual([]);
    expect(parsed?.headers.some((header) => header.key === 'bcc')).toBe(false);
  });

  it.each(['ana@example.com\r\nBcc: eve@example.com', 'ana@example.com, eve@example.com', 'nobody'])(
    'is not sent to %j',
    async (to) => {
      await using peer = await startPeerSmtp();
      const error = await failure(mail(peer, { delivery: { destination: { kind: 'email', to } } }));
      expect(error.permanent).toBe(true);
      expect(peer.mails).toEqual([]);
    },
  );

  it.each([
    ['mail', 550],
    ['rcpt', 550],
    ['data', 554],
  ] as const)('is refused for good when %s is answered with %d', async (at, code) => {
    await using peer = await startPeerSmtp();
    peer.fail({ at, code });
    expect(await failure(mail(peer))).toMatchObject({ permanent: true, ambiguous: false, code: 'MAIL_REJECTED' });
  });

  it.each([
    ['rcpt', 451, 1, 300_000],
    ['rcpt', 451, 2, 900_000],
    ['data', 452, 7, 3_600_000],
  ] as const)('is tried again in minutes when %s is answered with %d', async (at, code, attempts, retryAfterMs) => {
    await using peer = await startPeerSmtp();
    peer.fail({ at, code });
    const error = await failure(mail(peer, { delivery: { attempts } }));
    expect(error).toMatchObject({ permanent: false, ambiguous: false, retryAfterMs, code: 'MAIL_UNAVAILABLE' });
  });

  it.each(['connect', 'mail', 'rcpt'] as const)('was surely not sent when the line dropped at %s', async (at) => {
    await using peer = await startPeerSmtp();
    peer.fail({ at, drop: true });
    expect(await failure(mail(peer))).toMatchObject({ permanent: false, ambiguous: false, code: 'MAIL_UNAVAILABLE' });
  });

  it.each(['data', 'accepted'] as const)(
    'may have been sent when the line dropped after the final dot (%s)',
    async (at) => {
      await using peer = await startPeerSmtp();
      if (at === 'data') peer.fail({ at, drop: true });
      else peer.fail({ at, drop: true });
      expect(await failure(mail(peer))).toMatchObject({ permanent: false, ambiguous: true, code: 'MAIL_AMBIGUOUS' });
    },
  );

  it('was surely not sent when nobody listens, or nobody speaks', async () => {
    await using gone = await startSilentPeer('gone');
    expect(await failure(mail(gone))).toMatchObject({ permanent: false, ambiguous: false });
    await using silent = await startSilentPeer('silent');
    const options = { timeouts: { connectMs: 500, greetingMs: 100, socketMs: 500 } };
    expect(await failure(mail(silent, { options }))).toMatchObject({ permanent: false, ambiguous: false });
  });

  it('was surely not sent when the server drips bytes for ever', async () => {
    await using peer = await startSilentPeer('dripping');
    const clock = manualClock();
    const options = { timeouts: { connectMs: 60_000, greetingMs: 60_000, socketMs: 60_000 } };
    const sent = failure(mail(peer, { clock, options }));
    await peer.spoken;
    await clock.advance(300_000);
    expect(await sent).toMatchObject({ permanent: false, ambiguous: false, code: 'MAIL_UNAVAILABLE' });
  });

  it('is refused for good by a certificate that nobody vouches for', async () => {
    await using peer = await startTlsPeer('self-signed');
    const error = await failure(mail(peer, { options: { requireTls: 'always' } }));
    expect(error).toMatchObject({ permanent: true, code: 'MAIL_REJECTED' });
    expect(error.hint).toContain('NODE_EXTRA_CA_CERTS');
  });

  it('is not sent in the clear where TLS is required', async () => {
    await using peer = await startTlsPeer('none');
    expect(await failure(mail(peer, { options: { requireTls: 'always' } }))).toMatchObject({ ambiguous: false });
  });

  it('goes with a login, and a wrong one is refused without naming the password', async () => {
    await using peer = await startLoginPeer({ user: 'bell', pass: 'right-password' });
    expect(await mail({ port: peer.port, auth: { user: 'bell', pass: 'right-password' } })).toMatchObject({
      kind: 'email',
    });
    const error = await failure(mail({ port: peer.port, auth: { user: 'bell', pass: 'wrong-password' } }));
    expect(error).toMatchObject({ permanent: true, hint: 'Check the user and the password in SMTP_URL.' });
    expect(JSON.stringify([error.message, error.hint])).not.toContain('wrong-password');
  });
});

/** The wire is real, so what a mail may take is real as well, however fast the test lets the pauses pass. */
const wireClock = (clock: Pick<Clock, 'now'>): Pick<Clock, 'now' | 'after'> => ({
  now: () => clock.now(),
  after: (ms, fn) => systemClock.after(ms, fn),
});

describe('a mail through the outbox', () => {
  async function settled(bench: Bench, runId: string, states: string[]): Promise<Delivery> {
    const end = performance.now() + 20_000;
    for (;;) {
      await bench.clock.advance(20_000);
      const [found] = await bench.deliveries(runId);
      if (found !== undefined && states.includes(found.state)) return found;
      if (performance.now() > end) throw new Error(`still ${found?.state}: ${JSON.stringify(found?.error)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  it('whose answer was lost is sent once more under the same Message-ID', async () => {
    await using peer = await startPeerSmtp();
    const bench = outboxBench((clock) => ({
      email: createEmailTransport(mailDeps(peer.port, { clock: wireClock(clock) })),
    }));
    peer.fail({ at: 'accepted', drop: true });
    const { run, ids } = await bench.plan([{ kind: 'email', to: 'ana@example.com' }]);
    await using outbox = bench.outbox();
    outbox.start();
    const found = await settled(bench, run.id, ['delivered', 'failed', 'unknown']);
    expect(found.state).toBe('delivered');
    expect(peer.mails).toHaveLength(2);
    const both = await Promise.all(peer.mails.map((one) => one.parsed()));
    expect(both.map((one) => one.messageId)).toEqual([`<${ids[0]}.1@example.org>`, `<${ids[0]}.1@example.org>`]);
  });

  it('goes to each recipient by itself: one who is refused takes nothing from the other', async () => {
    await using peer = await startPeerSmtp();
    const bench = outboxBench((clock) => ({
      email: createEmailTransport(mailDeps(peer.port, { clock: wireClock(clock) })),
    }));
    peer.fail({ at: 'rcpt', code: 550 });
    const { run } = await bench.plan([
      { kind: 'email', to: 'ana@example.com' },
      { kind: 'email', to: 'bo@example.com' },
    ]);
    await using outbox = bench.outbox();
    outbox.start();
    await outbox.idle();
    const found = await bench.deliveries(run.id);
    expect(found.map(({ state }) => state).toSorted()).toEqual(['delivered', 'failed']);
    expect(peer.mails.map(({ to }) => to)).toEqual([[expect.stringMatching(/^(?:ana|bo)@example\.com$/)]]);
  });

  it('whose answer was lost twice is left unknown', async () => {
    await using peer = await startPeerSmtp();
    const bench = outboxBench((clock) => ({
      email: createEmailTransport(mailDeps(peer.port, { clock: wireClock(clock) })),
    }));
    peer.fail({ at: 'accepted', drop: true }, { at: 'accepted', drop: true });
    const { run } = await bench.plan([{ kind: 'email', to: 'ana@example.com' }]);
    await using outbox = bench.outbox();
    outbox.start();
    expect(await settled(bench, run.id, ['delivered', 'failed', 'unknown'])).toMatchObject({ state: 'unknown' });
    expect(peer.mails).toHaveLength(2);
  });
});

describe('the mail settings', () => {
  it.each([
    ['smtp://127.0.0.1:2525', { host: '127.0.0.1', port: 2525, secure: false }],
    [
      'smtps://u%40x:p%2Fw@mail.example.com',
      { host: 'mail.example.com', port: 465, secure: true, auth: { user: 'u@x', pass: 'p/w' } },
    ],
    ['smtp://[::1]', { host: '::1', port: 587, secure: false }],
  ])('reads %s', (url, wanted) => {
    expect(parseSmtpUrl(url)).toEqual(wanted);
  });

  it.each(['mail.example.com', 'http://mail.example.com', 'smtp://', ''])('refuses %j', (url) => {
    expect(() => parseSmtpUrl(url)).toThrow(ConfigError);
  });

  it('never says the password', () => {
    expect(() => parseSmtpUrl('smtpx://u:hunter22@h')).toThrow(/^(?!.*hunter22)/);
  });

  it.each([
    ['bellhop@example.com', { address: 'bellhop@example.com' }],
    ['Bell Hop <bellhop@example.com>', { name: 'Bell Hop', address: 'bellhop@example.com' }],
    ['"Bell, Hop" <bellhop@example.com>', { name: 'Bell, Hop', address: 'bellhop@example.com' }],
  ])('takes %s as sender', (text, wanted) => {
    expect(parseMailFrom(text)).toEqual(wanted);
  });

  it.each(['bellhop', 'a@b.de\r\nBcc: c@d.de', 'X <y>', ''])('refuses %j as sender', (text) => {
    expect(() => parseMailFrom(text)).toThrow(ConfigError);
  });

  it('knows which hosts are this machine', () => {
    expect(['localhost', '127.0.0.1', '::1'].every(isLoopback)).toBe(true);
    expect(['mail.example.com', '127.0.0.1.example.com', '10.0.0.1'].some(isLoopback)).toBe(false);
  });
});
