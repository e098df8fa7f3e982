import { describe, expect, it } from 'vitest';
import { createEmailTransport } from '../../src/delivery/email/transport.ts';
import { suppress, suppressionOf } from '../../src/store/suppressions.ts';
import { failureOf, mailDeps, memoryStore, post } from '../support/delivery-mail.ts';
import type { Posted } from '../support/delivery-mail.ts';
import { makeReport, sampleNotice, sampleRun } from '../support/delivery-report.ts';
import { startPeerSmtp } from '../support/peer-smtp.ts';
import type { PeerSmtp } from '../support/peer-smtp.ts';

const at = '2026-11-20T10:00:00.000Z';
const address = 'ana@example.com';
const about = (series?: string) => ({
  kind: 'run' as const,
  run: sampleRun({ report: makeReport(series === undefined ? {} : { series }) }),
});
const notice = { kind: 'notice' as const, notice: sampleNotice() };

async function open() {
  const peer: PeerSmtp = await startPeerSmtp();
  const store = memoryStore();
  const transport = createEmailTransport(mailDeps(peer.port, { store }));
  return {
    peer,
    store,
    send: (asked: Posted = {}) => post(transport, asked),
    async [Symbol.asyncDispose]() {
      transport.stop?.();
      await peer.stop();
    },
  };
}

describe('a suppressed address', () => {
  it.each([
    ['unsubscribed', { why: 'unsubscribed' as const, list: 'weekly-merchandising', at }],
    ['rejected', { why: 'rejected' as const, answer: '550 5.1.1 no such user', at }],
    ['suppressed by an operator', { why: 'operator' as const, at }],
  ])('that was %s gets nothing, and the way out is named', async (_how, reason) => {
    await using house = await open();
    await suppress(house.store, { address, reason });
    const error = await failureOf(house.send());
    expect(error).toMatchObject({ code: 'MAIL_SUPPRESSED', permanent: true, ambiguous: false });
    expect(error.hint).toContain(`bellhop mail allow ${address}`);
    expect(house.peer.connections()).toBe(0);
  });

  it('is the same in capitals', async () => {
    await using house = await open();
    await suppress(house.store, { address: 'Ana@Example.COM', reason: { why: 'operator', at } });
    expect((await failureOf(house.send())).code).toBe('MAIL_SUPPRESSED');
  });

  it('gets what it did not unsubscribe from', async () => {
    await using house = await open();
    await suppress(house.store, { address, reason: { why: 'unsubscribed', list: 'weekly-merchandising', at } });
    await house.send({ about: about('another.series') });
    await house.send({ delivery: { destination: { kind: 'email', to: 'bo@example.com' } } });
    expect(house.peer.mails).toHaveLength(2);
  });

  it('gets notices whatever it unsubscribed from, but none where its mailbox is gone', async () => {
    await using house = await open();
    await suppress(house.store, { address, reason: { why: 'unsubscribed', list: 'weekly-report', at } });
    await suppress(house.store, { address, reason: { why: 'unsubscribed', list: '*', at } });
    await house.send({ about: notice });
    expect(house.peer.mails).toHaveLength(1);
    expect((await failureOf(house.send({ about: about('anything') }))).code).toBe('MAIL_SUPPRESSED');
    await suppress(house.store, { address, reason: { why: 'rejected', answer: '550', at } });
    expect((await failureOf(house.send({ about: notice }))).code).toBe('MAIL_SUPPRESSED');
  });

  it('gets nothing when it unsubscribed between the first send and the resend', async () => {
    await using house = await open();
    house.peer.fail({ at: 'rcpt', code: 451 });
    expect((await failureOf(house.send())).code).toBe('MAIL_UNAVAILABLE');
    await suppress(house.store, { address, reason: { why: 'unsubscribed', list: 'weekly-merchandising', at } });
    expect((await failureOf(house.send())).code).toBe('MAIL_SUPPRESSED');
    expect(house.peer.mails).toEqual([]);
  });

  it('that unsubscribed from more than is kept gets no report at all', async () => {
    await using house = await open();
    for (let n = 0; n < 120; n++)
      await suppress(house.store, { address, reason: { why: 'unsubscribed', list: `list-${n}`, at } });
    for (const series of ['list-0', 'list-119', 'never-seen'])
      expect((await failureOf(house.send({ about: about(series) }))).code).toBe('MAIL_SUPPRESSED');
  });
});

describe('a rejected recipient', () => {
  it.each([
    [550, 'scripted 550'],
    [550, '5.1.1 No such user here'],
    [553, '5.1.3 Bad address'],
    [551, 'User not local'],
  ])('is put on the list by %d %s, with the answer', async (code, message) => {
    await using house = await open();
    house.peer.fail({ at: 'rcpt', code, message });
    const first = await failureOf(house.send());
    expect(first).toMatchObject({ code: 'MAIL_REJECTED', permanent: true });
    expect(first.hint).toContain(`bellhop mail allow ${address}`);
    const [reason] = (await suppressionOf(house.store, address))?.reasons ?? [];
    expect(reason).toMatchObject({ why: 'rejected', answer: expect.stringContaining(message) });
    expect((await failureOf(house.send())).code).toBe('MAIL_SUPPRESSED');
  });

  it.each([
    ['rcpt', 550, '5.7.1 Your network is blocked'],
    ['rcpt', 550, '5.2.2 Mailbox full'],
    ['rcpt', 552, 'Too much mail'],
    ['rcpt', 451, '4.1.1 Greylisted'],
    ['mail', 550, 'Sender refused'],
    ['data', 550, '5.7.1 Message refused'],
    ['data', 554, '5.6.0 Bad content'],
  ] as const)(
    'is not when %s is answered with %d %s: that is no word about the mailbox',
    async (stage, code, message) => {
      await using house = await open();
      house.peer.fail({ at: stage, code, message });
      await failureOf(house.send());
      expect(await suppressionOf(house.store, address)).toBeUndefined();
      await house.send();
      expect(house.peer.mails).toHaveLength(1);
    },
  );

  it('is failed all the same when the list cannot be written', async () => {
    await using peer = await startPeerSmtp();
    const store = { ...memoryStore(), putDoc: () => Promise.reject(new Error('the disk is full')) };
    const transport = createEmailTransport(mailDeps(peer.port, { store }));
    peer.fail({ at: 'rcpt', code: 550 });
    const error = await failureOf(post(transport));
    expect(error).toMatchObject({ code: 'MAIL_REJECTED', permanent: true, ambiguous: false });
    expect(error.hint).toContain('the disk is full');
  });

  it('is asked for again when the list cannot be read: nothing was sent', async () => {
    await using peer = await startPeerSmtp();
    const store = { ...memoryStore(), getDoc: () => Promise.reject(new Error('the disk is gone')) };
    const transport = createEmailTransport(mailDeps(peer.port, { store }));
    expect(await failureOf(post(transport))).toMatchObject({ permanent: false, ambiguous: false });
    expect(peer.connections()).toBe(0);
  });
});
