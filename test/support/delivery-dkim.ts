/** A small verifier of DKIM signatures (RFC 6376, relaxed/relaxed, rsa-sha256), written from the standard and not from the signer. */
import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export function dkimPair(): { privateKey: KeyObject; publicKey: KeyObject } {
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

/** The tags of the signature, and whether headers and body are what was signed. */
export function checkDkim(
  raw: Buffer,
  publicKey: KeyObject,
): { tags: Record<string, string>; signed: string[]; body: 'same' | 'changed'; headers: 'same' | 'changed' } {
  const text = raw.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const fields = text
    .slice(0, end)
    .split(/\r\n(?![ \t])/)
    .map((line) => ({
      name: line.slice(0, line.indexOf(':')).trim().toLowerCase(),
      value: line.slice(line.indexOf(':') + 1),
    }));
  const signature = fields.find(({ name }) => name === 'dkim-signature')?.value ?? '';
  const tags = Object.fromEntries(
    signature.split(';').flatMap((tag) => {
      const equals = tag.indexOf('=');
      return equals < 0 ? [] : [[tag.slice(0, equals).trim(), tag.slice(equals + 1).replace(/\s+/g, '')]];
    }),
  );
  const signed = (tags['h'] ?? '').toLowerCase().split(':');
  // The last of a name counts first (5.4.2), each once.
  const left = [...fields];
  const lines = signed.flatMap((name) => {
    const at = left.findLastIndex((field) => field.name === name);
    return at < 0 ? [] : left.splice(at, 1).map(({ value }) => `${name}:${relaxed(value)}`);
  });
  const own = `dkim-signature:${relaxed(signature.replace(/(\bb=)[^;]*$/, '$1'))}`;
  const data = Buffer.from(`${lines.join('\r\n')}\r\n${own}`, 'latin1');
  const isSigned = verify('RSA-SHA256', data, publicKey, Buffer.from(tags['b'] ?? '', 'base64'));
  const bodyHash = createHash('sha256')
    .update(relaxedBody(text.slice(end + 4)), 'latin1')
    .digest('base64');
  return { tags, signed, body: bodyHash === tags['bh'] ? 'same' : 'changed', headers: isSigned ? 'same' : 'changed' };
}

function relaxed(value: string): string {
  return value
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .trim();
}

function relaxedBody(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
  return `${lines.join('\r\n').replace(/(?:\r\n)+$/, '')}\r\n`;
}
