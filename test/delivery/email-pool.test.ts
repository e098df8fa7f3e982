import { describe, expect, it } from 'vitest';
import { createSmtpPool } from '../../src/delivery/email/pool.ts';
import type { SmtpPool } from '../../src/delivery/email/pool.ts';
import { createEmailTransport } from '../../src/delivery/email/transport.ts';
import { manualClock } from '../support/clock.ts';
import { failureOf, mailDeps } from '../support/delivery-mail.ts';
import { startPeerSmtp } from '../support/peer-smtp.ts';
import type { PeerSmtp } from '../support/peer-smtp.ts';

const never = new AbortController().signal;
const mail = (text: string) => ({
  envelope: { from: 'bellhop@example.org', to: 'ana@example.com' },
  message: Buffer.from(`Subject: ${text}\r\n\r\n${text}\r\n`),
});

async function open(): Promise<
  { peer: PeerSmtp; pool: SmtpPool; clock: ReturnType<typeof manualClock> } & AsyncDisposable
> {
  const peer = await startPeerSmtp();
  const clock = manualClock();
  const pool = createSmtpPool({ server: { host: '127.0.0.1', port: peer.port, secure: false }, clock });
  return {
    peer,
    pool,
    clock,
    async [Symbol.asyncDispose]() {
      pool.stop();
      await peer.stop();
    },
  };
}
const many = (count: number) => Array.from({ length: count }, (_, index) => `mail ${index}`);
/** Lets what a peer did on its own arrive here. */
const turn = async (): Promise<void> => {
  for (let at = 0; at < 20; at++) await new Promise((resolve) => setImmediate(resolve));
};

describe('the pool', () => {
  it('sends one mail after the other over one connection', async () => {
    await using house = await open();
    for (const text of many(5)) await house.pool.send(mail(text), never);
    expect(house.peer.mails).toHaveLength(5);
    expect(house.peer.connections()).toBe(1);
  });

  it('has four connections at most, and every mail arrives once', async () => {
    await using house = await open();
    await Promise.all(many(40).map((text) => house.pool.send(mail(text), never)));
    const subjects = house.peer.mails.map(({ raw }) => /^Subject: (.*)\r$/m.exec(raw.toString())?.[1]);
    expect(subjects.toSorted()).toEqual(many(40).toSorted());
    expect(house.peer.connections()).toBe(4);
  });

  it('has no more of them when mails come in while others wait', async () => {
    await using house = await open();
    let most = 0;
    const sendThen = async (text: string, then: number): Promise<void> => {
      await house.pool.send(mail(text), never);
      most = Math.max(most, house.peer.open());
      if (then > 0) await Promise.all([sendThen(`${text}a`, then - 1), sendThen(`${text}b`, then - 1)]);
    };
    await Promise.all(many(8).map((text) => sendThen(text, 2)));
    expect(house.peer.mails).toHaveLength(8 * 7);
    expect(most).toBe(4);
    expect(house.peer.connections()).toBe(4);
  });

  it('uses a connection for a hundred mails', async () => {
    await using house = await open();
    for (const text of many(100)) await house.pool.send(mail(text), never);
    expect(house.peer.connections()).toBe(1);
    await house.pool.send(mail('one more'), never);
    expect(house.peer.connections()).toBe(2);
  });

  it('closes a connection that nobody used for 30 seconds', async () => {
    await using house = await open();
    await house.pool.send(mail('first'), never);
    await house.clock.advance(29_000);
    await house.pool.send(mail('second'), never);
    expect(house.peer.connections()).toBe(1);
    await house.clock.advance(30_000);
    await house.pool.send(mail('third'), never);
    expect(house.peer.connections()).toBe(2);
  });

  it.each(['noticed', 'unnoticed'])(
    'takes a fresh connection for one that died idle (%s), and nobody is told',
    async (how) => {
      await using house = await open();
      await house.pool.send(mail('first'), never);
      house.peer.hangUp();
      if (how === 'noticed') await turn();
      await house.pool.send(mail('second'), never);
      expect(house.peer.mails).toHaveLength(2);
      expect(house.peer.connections()).toBe(2);
    },
  );

  it.each(['mail', 'rcpt'] as const)(
    'sends again at once when a used connection drops at %s: nothing was sent',
    async (at) => {
      await using house = await open();
      await house.pool.send(mail('first'), never);
      house.peer.fail({ at, drop: true });
      await house.pool.send(mail('second'), never);
      expect(house.peer.mails).toHaveLength(2);
      expect(house.peer.connections()).toBe(2);
    },
  );

  it('goes on elsewhere when the server closes a used connection with 421', async () => {
    await using house = await open();
    await house.pool.send(mail('first'), never);
    house.peer.fail({ at: 'mail', code: 421 });
    await house.pool.send(mail('second'), never);
    expect(house.peer.mails).toHaveLength(2);
  });

  it.each(['data', 'accepted'] as const)('never sends again what a used connection may have taken (%s)', async (at) => {
    await using house = await open();
    await house.pool.send(mail('first'), never);
    if (at === 'data') house.peer.fail({ at, drop: true });
    else house.peer.fail({ at, drop: true });
    expect(await failureOf(house.pool.send(mail('second'), never))).toMatchObject({
      ambiguous: true,
      code: 'MAIL_AMBIGUOUS',
    });
    expect(house.peer.mails.length).toBe(at === 'accepted' ? 2 : 1);
    expect(house.peer.connections()).toBe(1);
  });

  it('reports the refusal of a used connection as it is', async () => {
    await using house = await open();
    await house.pool.send(mail('first'), never);
    house.peer.fail({ at: 'rcpt', code: 451 });
    expect(await failureOf(house.pool.send(mail('second'), never))).toMatchObject({
      permanent: false,
      ambiguous: false,
    });
    expect(house.peer.mails).toHaveLength(1);
  });

  it('gives a waiting mail up when it is told to, and the next one is sent', async () => {
    await using house = await open();
    const stopped = new AbortController();
    stopped.abort();
    expect(await failureOf(house.pool.send(mail('stopped'), stopped.signal))).toMatchObject({ ambiguous: false });
    await house.pool.send(mail('next'), never);
    expect(house.peer.mails).toHaveLength(1);
  });

  it('keeps nothing open after its stop', async () => {
    await using house = await open();
    await house.pool.send(mail('first'), never);
    house.pool.stop();
    house.pool.stop();
    await house.pool.send(mail('late'), never);
    await house.pool.send(mail('later'), never);
    expect(house.peer.connections()).toBe(3);
  });
});

describe('the pace of mails', () => {
  it.each([
    [undefined, 10, 10],
    [2, 2, 2],
    [0.5, 0.5, 1],
  ])('of %s a second is %d, and a burst of %d', (asked, perSecond, burst) => {
    const transport = createEmailTransport(mailDeps(1), asked === undefined ? {} : { perSecond: asked });
    expect(transport.pace('send', { kind: 'email', to: 'a@example.com' })).toMatchObject({ perSecond, burst });
  });
});
