import { once } from 'node:events';
import { connect } from 'node:net';
import { createTransport } from 'nodemailer';
import { describe, expect, it } from 'vitest';
import { readMail } from '../../src/playground/mail-view.ts';
import { createMailbox } from '../../src/playground/mailbox.ts';
import { createSmtpSession } from '../../src/playground/smtp-session.ts';
import type { Envelope } from '../../src/playground/smtp-session.ts';
import { manualClock } from '../support/clock.ts';
import { startPeerSmtp } from '../support/peer-smtp.ts';

const letter = {
  from: 'Bellhop <bellhop@example.com>',
  to: 'ana@example.com',
  subject: 'Wöchentlicher Bericht: 日本語 und 🛎️ in einer langen Betreffzeile, die umgebrochen wird',
  text: `.a line that begins with a dot\n..two\n${'word '.repeat(60)}\nÜberschuss — 日本語 🛎️\n.`,
  html: '<p>hidden</p>',
};

function session(maxBytes = 100_000) {
  const mails: Envelope[] = [];
  const smtp = createSmtpSession({ maxBytes }, (mail) => mails.push(mail));
  const say = (text: string): string[] => smtp.receive(Buffer.from(text.replaceAll('\n', '\r\n')));
  return { mails, smtp, say };
}
const opening = 'EHLO me\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n';

describe('the mailbox of the playground', () => {
  it('receives what nodemailer sends, and reads it as it was written', async () => {
    await using mailbox = createMailbox({ clock: manualClock() });
    await mailbox.start();
    const heard: string[] = [];
    mailbox.on((mail) => heard.push(mail.to.join()));
    const transport = createTransport(mailbox.url);
    await transport.sendMail(letter);
    transport.close();
    expect(mailbox.mails).toMatchObject([{ from: 'bellhop@example.com', to: ['ana@example.com'] }]);
    expect(heard).toEqual(['ana@example.com']);
    const mail = readMail(mailbox.mails[0]?.raw ?? Buffer.alloc(0));
    expect(mail.subject).toBe(letter.subject);
    expect(mail.text.trimEnd()).toBe(letter.text);
    expect(mail.to).toBe('ana@example.com');
  });

  it('takes commands in any pieces and undoes dot-stuffing', () => {
    const { mails, smtp } = session();
    const bytes = Buffer.from(`${opening}Subject: x\n\n..dot\n.\nQUIT\n`.replaceAll('\n', '\r\n'));
    const replies = [...bytes].flatMap((byte) => smtp.receive(Buffer.from([byte])));
    expect(replies.map((line) => line.slice(0, 3))).toEqual([
      '250',
      '250',
      '250',
      '250',
      '250',
      '250',
      '250',
      '354',
      '250',
      '221',
    ]);
    expect(mails.map(({ raw }) => raw.toString())).toEqual(['Subject: x\r\n\r\n.dot\r\n']);
    expect(smtp.ended()).toBe(true);
  });

  it('refuses what is out of order, and recovers with RSET', () => {
    const { say, mails } = session();
    expect(say('RCPT TO:<c@d.example>\n')).toEqual([expect.stringMatching(/^503/)]);
    expect(say('MAIL FROM:<a@b.example>\nDATA\n')).toEqual([
      expect.stringMatching(/^250/),
      expect.stringMatching(/^503/),
    ]);
    expect(say('RSET\nDATA\nNOOP\nVRFY x\n').map((line) => line.slice(0, 3))).toEqual(['250', '503', '250', '502']);
    expect(mails).toEqual([]);
  });

  it('refuses a mail over its size, a text line over 1,000 octets and a command line over 512, and goes on', () => {
    const { say, mails } = session(2_000);
    expect(say(`${opening}${'x\n'.repeat(2_000)}.\n`).at(-1)).toMatch(/^552/);
    expect(say(`${opening}${'x'.repeat(999)}\n.\n`).at(-1)).toMatch(/^500/);
    expect(say(`NOOP ${'x'.repeat(600)}\n`)).toEqual([expect.stringMatching(/^500/)]);
    expect(say(`MAIL FROM:<a@b.example> SIZE=9999\n`)).toEqual([expect.stringMatching(/^552/)]);
    expect(mails).toEqual([]);
    expect(say(`${opening}small\n.\n`).at(-1)).toMatch(/^250/);
    expect(mails).toHaveLength(1);
  });

  it('cuts off who never ends a line', async () => {
    await using mailbox = createMailbox({ clock: manualClock() });
    await mailbox.start();
    const socket = connect(Number(new URL(mailbox.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('x'.repeat(200_000));
    socket.resume();
    await once(socket, 'close');
    expect(mailbox.mails).toEqual([]);
  });
});

describe('the scripted mail peer', () => {
  it('refuses, drops and accepts by its script', async () => {
    await using peer = await startPeerSmtp();
    const send = async (): Promise<string> => {
      const transport = createTransport(peer.url);
      try {
        return (await transport.sendMail(letter)).response.slice(0, 3);
      } catch (error) {
        return error instanceof Error && 'responseCode' in error ? String(error.responseCode) : 'cut';
      } finally {
        transport.close();
      }
    };
    peer.fail(
      { at: 'rcpt', code: 550 },
      { at: 'data', code: 451 },
      { at: 'connect', drop: true },
      { at: 'accepted', drop: true },
    );
    // Each fault belongs to its stage; the connection that is dropped comes to no later one.
    expect([await send(), await send(), await send(), await send(), await send()]).toEqual([
      'cut',
      '550',
      '451',
      'cut',
      '250',
    ]);
    const parsed = await Promise.all(peer.mails.map((mail) => mail.parsed()));
    expect(parsed.map(({ subject }) => subject)).toEqual([letter.subject, letter.subject]);
  });
});
