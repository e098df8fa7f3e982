import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDkimKey } from '../../src/delivery/email/dkim.ts';
import { createEmailTransport } from '../../src/delivery/email/transport.ts';
import type { EmailDeps } from '../../src/delivery/email/transport.ts';
import { ConfigError } from '../../src/errors.ts';
import { readSubscription } from '../../src/signed.ts';
import { checkDkim, dkimPair } from '../support/delivery-dkim.ts';
import { mailDelivery, mailDeps, mimeTree, post } from '../support/delivery-mail.ts';
import type { Posted } from '../support/delivery-mail.ts';
import { makeReport, sampleNotice, sampleRun } from '../support/delivery-report.ts';
import { startPeerSmtp } from '../support/peer-smtp.ts';

const SECRET = 'a-secret-of-the-links-of-these-tests';
const unsubscribe = { page: 'https://bell.example.com/unsubscribe', secret: SECRET };
const { privateKey, publicKey } = dkimPair();
const dkim = { domain: 'example.org', selector: 'bell', key: privateKey };

/** The raw mail that arrived. */
async function sent(over: Partial<EmailDeps>, asked: Posted = {}): Promise<Buffer> {
  await using peer = await startPeerSmtp();
  const transport = createEmailTransport(mailDeps(peer.port, over));
  await post(transport, asked);
  transport.stop?.();
  return peer.mails[0]?.raw ?? Buffer.alloc(0);
}
const headersOf = (raw: Buffer): Map<string, string> => mimeTree(raw).headers;
const aboutRun = (report = makeReport()) => ({ kind: 'run' as const, run: sampleRun({ report }) });

describe('the headers of a mail', () => {
  it('name the series, and the ways out of it', async () => {
    const unsubscribeMail = 'people@example.org';
    const asked = { about: aboutRun(makeReport({ series: 'sales.weekly' })) };
    const headers = headersOf(await sent({ unsubscribe, unsubscribeMail }, asked));
    expect(headers.get('list-id')).toBe('<sales.weekly.example.org>');
    const [link = '', mailto] = (headers.get('list-unsubscribe') ?? '').split(', ');
    expect(mailto).toBe('<mailto:people@example.org?subject=unsubscribe%20sales.weekly>');
    const token = /^<https:\/\/bell\.example\.com\/unsubscribe\?u=([\w.-]+)>$/.exec(link)?.[1] ?? '';
    expect(readSubscription(token, SECRET)).toEqual({ address: 'ana@example.com', list: 'sales.weekly' });
    expect(headers.get('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click');
    expect(headers.get('auto-submitted')).toBe('auto-generated');
    expect(headers.get('x-auto-response-suppress')).toBe('All');
  });

  it('name the job where the report has no series, and no way out that is not configured', async () => {
    const headers = headersOf(await sent({}, { about: aboutRun() }));
    expect(headers.get('list-id')).toBe('<weekly-merchandising.example.org>');
    expect(headers.has('list-unsubscribe')).toBe(false);
    expect(headers.has('list-unsubscribe-post')).toBe(false);
    const byHand = headersOf(await sent({ unsubscribeMail: 'people@example.org' }, { about: aboutRun() }));
    expect(byHand.get('list-unsubscribe')).toMatch(/^<mailto:/);
    expect(byHand.has('list-unsubscribe-post')).toBe(false);
  });

  it('of a notice offer no way out: it is for operators', async () => {
    const about = { kind: 'notice' as const, notice: sampleNotice() };
    const headers = headersOf(await sent({ unsubscribe, unsubscribeMail: 'people@example.org' }, { about }));
    expect([...headers.keys()].filter((key) => key.startsWith('list-'))).toEqual([]);
  });

  it('thread a series under one root, and only when that is asked for', async () => {
    const to = { kind: 'email' as const, to: 'ana@example.com' };
    const id = 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8e';
    const destination = { ...to, thread: 'series' as const };
    const first = headersOf(await sent({}, { delivery: { destination } }));
    const second = headersOf(await sent({}, { delivery: { destination, id } }));
    expect(first.get('references')).toBe('<weekly-merchandising.series@example.org>');
    expect(first.get('in-reply-to')).toBe(first.get('references'));
    expect(second.get('references')).toBe(first.get('references'));
    expect(second.get('message-id')).not.toBe(first.get('message-id'));
    const alone = headersOf(await sent({}, { delivery: { destination: to } }));
    expect(alone.has('references') || alone.has('in-reply-to')).toBe(false);
  });

  it('say on a resend what they said before, whatever the address of the server is by then', async () => {
    await using peer = await startPeerSmtp();
    const before = createEmailTransport(mailDeps(peer.port, { unsubscribe }));
    const about = aboutRun();
    const [body = null] = before.prepare({ delivery: mailDelivery(), about, deliveries: [] });
    await post(before, { body, about });
    const after = createEmailTransport(
      mailDeps(peer.port, { unsubscribe: { page: 'https://new.example.com/u', secret: 'x' } }),
    );
    await post(after, { body, about });
    for (const one of [before, after]) one.stop?.();
    expect(peer.mails[1]?.raw.equals(peer.mails[0]?.raw ?? Buffer.alloc(0))).toBe(true);
  });
});

describe('a signed mail', () => {
  it('verifies with the public key, and its signature covers the ways out', async () => {
    const raw = await sent({ dkim, unsubscribe });
    const { tags, signed, body, headers } = checkDkim(raw, publicKey);
    expect({ body, headers }).toEqual({ body: 'same', headers: 'same' });
    expect(tags).toMatchObject({ d: 'example.org', s: 'bell', a: 'rsa-sha256', c: 'relaxed/relaxed' });
    for (const name of [
      'from',
      'to',
      'subject',
      'date',
      'message-id',
      'list-id',
      'list-unsubscribe',
      'list-unsubscribe-post',
    ])
      expect(signed).toContain(name);
  });

  it('does not verify when its body, its link or the key is another', async () => {
    const raw = await sent({ dkim, unsubscribe });
    const text = raw.toString('latin1');
    const other = (from: RegExp, to: string) => checkDkim(Buffer.from(text.replace(from, to), 'latin1'), publicKey);
    expect(other(/W47/g, 'W48')).toMatchObject({ body: 'changed' });
    expect(other(/(?<=List-Unsubscribe-Post: )\S+/, 'List-Unsubscribe=Two')).toMatchObject({ headers: 'changed' });
    expect(other(/bell\.example\.com\/unsubscribe/, 'evil.example.com/unsubscribe')).toMatchObject({
      headers: 'changed',
    });
    expect(checkDkim(raw, dkimPair().publicKey)).toMatchObject({ headers: 'changed' });
  });

  it('is the same bytes when it is sent again', async () => {
    const again = { delivery: { attempts: 2 } };
    expect((await sent({ dkim, unsubscribe }, again)).equals(await sent({ dkim, unsubscribe }))).toBe(true);
  });

  it('is not sent unsigned when the key cannot sign', async () => {
    const { privateKey: key } = generateKeyPairSync('ed25519');
    await expect(sent({ dkim: { ...dkim, key } })).rejects.toMatchObject({ code: 'RENDER_FAILED', permanent: true });
  });
});

describe('the DKIM key', () => {
  const pem = (key: typeof privateKey): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const read = async (text: string | undefined) => {
    const folder = await mkdtemp(join(tmpdir(), 'bellhop-dkim-'));
    const keyFile = join(folder, 'dkim.pem');
    try {
      if (text !== undefined) await writeFile(keyFile, text);
      return readDkimKey({ domain: 'example.org', selector: 'bell', keyFile });
    } finally {
      await rm(folder, { recursive: true });
    }
  };

  it('is read from its file', async () => {
    expect((await read(pem(privateKey))).key.equals(privateKey)).toBe(true);
  });

  it.each([
    ['is missing', undefined, /cannot be read/],
    ['is no key', '-----BEGIN PRIVATE KEY-----\nhunter22hunter22\n-----END PRIVATE KEY-----\n', /no private key/],
    ['is of another kind', pem(generateKeyPairSync('ed25519').privateKey), /type ed25519/],
    ['is too short', pem(generateKeyPairSync('rsa', { modulusLength: 768 }).privateKey), /768 bits/],
  ])('that %s is refused without a word of it', async (_what, text, message) => {
    const error = await read(text).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toMatch(message);
    expect(`${String(error)} ${(error as ConfigError).hint}`).not.toContain('hunter22');
  });
});
