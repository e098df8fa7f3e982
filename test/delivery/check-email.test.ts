/** What stands in the way of a mail, seen before it: against real SMTP servers on loopback. */
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createEmailCheck } from '../../src/delivery/email/check.ts';
import type { MailServer } from '../../src/delivery/email/address.ts';
import type { CheckFacts } from '../../src/delivery/transport.ts';
import { manualClock } from '../support/clock.ts';
import { makeReport } from '../support/delivery-report.ts';
import { startLoginPeer, startSilentPeer, startTlsPeer } from '../support/delivery-smtp.ts';
import { startPeerSmtp } from '../support/peer-smtp.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const at = (port: number, auth?: MailServer['auth']): MailServer => ({
  host: '127.0.0.1',
  port,
  secure: false,
  ...(auth && { auth }),
});
async function look(server: MailServer, facts: CheckFacts = {}, signal = new AbortController().signal) {
  const check = createEmailCheck({ server, clock: manualClock() });
  const problems = await check({ kind: 'email', to: 'ana@example.com' }, facts, signal);
  return problems.map(({ code, severity, message }) => `${severity} ${code}: ${message}`);
}

/** Speaks SMTP line by line and keeps what it heard. */
async function scripted(reply: (line: string) => string): Promise<{ port: number; heard: string[] }> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write('220 here\r\n');
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\r\n').filter(Boolean)) {
        heard.push(line);
        socket.write(`${reply(line)}\r\n`);
        if (line === 'QUIT') socket.end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const address: AddressInfo | string | null = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, heard };
}

describe('a mail server', () => {
  test('that takes the login is well, and no mail was begun', async () => {
    const { port, heard } = await scripted((line) => {
      if (line.startsWith('EHLO')) return '250-here\r\n250 AUTH PLAIN';
      return line.startsWith('AUTH') ? '235 ok' : '221 bye';
    });
    expect(await look(at(port, { user: 'ana', pass: 'right' }))).toEqual([]);
    await expect.poll(() => heard.map((line) => line.split(' ')[0])).toEqual(['EHLO', 'AUTH', 'QUIT']);
  });

  test('that refuses the login fails, and the password is not in what is said', async () => {
    await using peer = await startLoginPeer({ user: 'ana', pass: 'right' });
    const [said = ''] = await look(at(peer.port, { user: 'ana', pass: 'hunter2-hunter2' }));
    expect(said).toMatch(/^fails MAIL_REFUSED: The mail server 127\.0\.0\.1:\d+ refuses the login/);
    expect(said).not.toContain('hunter2');
    expect(await look(at(peer.port, { user: 'ana', pass: 'right' }))).toEqual([]);
  });

  test('whose certificate nobody trusts fails', async () => {
    await using peer = await startTlsPeer('self-signed');
    const [said] = await look(at(peer.port));
    expect(said).toMatch(/^fails MAIL_REFUSED: The certificate of .* is not trusted/);
  });

  test('that refuses us for good fails, that refuses us for now is unknown', async () => {
    const never = await startPeerSmtp();
    closing.push(() => never.stop());
    never.fail({ at: 'connect', code: 554 }, { at: 'connect', code: 421 });
    expect(await look(at(never.port))).toEqual([expect.stringMatching(/^fails MAIL_REFUSED/)]);
    expect(await look(at(never.port))).toEqual([expect.stringMatching(/^unknown CANNOT_LOOK/)]);
  });

  test('that is not there is unknown: it may be back before the report is due', async () => {
    await using gone = await startSilentPeer('gone');
    expect(await look(at(gone.port))).toEqual([expect.stringMatching(/^unknown CANNOT_LOOK: .* did not answer/)]);
  });

  test('that says nothing is given up when the time is over', async () => {
    await using silent = await startSilentPeer('silent');
    const late = new AbortController();
    const looking = look(at(silent.port), {}, late.signal);
    late.abort();
    expect(await looking).toEqual([expect.stringMatching(/^unknown CANNOT_LOOK: .* it took too long/)]);
  });

  test('that announces a size smaller than the last report degrades', async () => {
    const { port } = await scripted((line) => (line.startsWith('EHLO') ? '250-here\r\n250 SIZE 1000000' : '221 bye'));
    const attachment = { name: 'a.csv', mediaType: 'text/csv', sha256: 'a'.repeat(64), bytes: 2_000_000 };
    expect(await look(at(port), { report: makeReport() })).toEqual([]);
    expect(await look(at(port), { report: { ...makeReport(), attachments: [attachment] } })).toEqual([
      expect.stringMatching(/^degrades MAIL_TOO_LARGE: .* about 2\.7 MB, and the server takes 1\.0 MB/),
    ]);
  });

  test('is asked once for many recipients', async () => {
    const { port, heard } = await scripted(() => '250 ok');
    const check = createEmailCheck({ server: at(port), clock: manualClock() });
    const { signal } = new AbortController();
    const all = ['ana', 'ben', 'eve'].map((who) => check({ kind: 'email', to: `${who}@example.com` }, {}, signal));
    expect(await Promise.all(all)).toEqual([[], [], []]);
    expect(heard.filter((line) => line.startsWith('EHLO'))).toHaveLength(1);
  });
});

test('an address on the suppression list fails, and the server is not asked', async () => {
  expect(await look(at(1), { suppressed: 'it bounced' })).toEqual([
    'fails SUPPRESSED: No mail is sent to this address: it bounced',
  ]);
});
