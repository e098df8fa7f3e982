/** DKIM (RFC 6376): the domain vouches for the mail, and for the headers by which it is left. */
import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { ConfigError, DeliveryError, messageOf } from '../../errors.ts';

export interface DkimKey {
  domain: string;
  selector: string;
  key: KeyObject;
}

/** nodemailer's own list leaves out List-Unsubscribe-Post, and one-click unsubscribe is void unless it is signed (RFC 8058, 4). */
const SIGNED =
  'From:Sender:Reply-To:Subject:Date:Message-ID:To:Cc:MIME-Version:Content-Type:Content-Transfer-Encoding:' +
  'In-Reply-To:References:Auto-Submitted:List-Id:List-Unsubscribe:List-Unsubscribe-Post';
/** Receivers ignore signatures of shorter keys (RFC 8301, 3.2). */
const LEAST_BITS = 1024;

/** Reads BELLHOP_DKIM_KEY_FILE; throws a ConfigError that names the file, never its content. */
export function readDkimKey(from: { domain: string; selector: string; keyFile: string }): DkimKey {
  const { domain, selector, keyFile } = from;
  const wrong = (why: string, cause?: unknown): ConfigError =>
    new ConfigError(`BELLHOP_DKIM_KEY_FILE: ${keyFile} ${why}`, {
      code: 'CONFIG_INVALID',
      hint: 'It must be an RSA key in PEM form without a passphrase: openssl genrsa -out dkim.pem 2048',
      cause,
    });
  let text: string;
  try {
    text = readFileSync(keyFile, 'utf8');
  } catch (error) {
    throw wrong(`cannot be read: ${messageOf(error)}`, error);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    // What the parser says may quote the file.
    throw wrong('is no private key');
  }
  if (key.asymmetricKeyType !== 'rsa') throw wrong(`is a key of type ${key.asymmetricKeyType ?? 'unknown'}, not rsa`);
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < LEAST_BITS) throw wrong(`has ${bits} bits; at least ${LEAST_BITS} are needed`);
  return { domain, selector, key };
}

/**
 * The message with its signature in front. RSA as DKIM uses it has no random part, and no time of signing is stated (no `t=`, no `x=`): the
 * same message and key give the same bytes, so a resend is what was sent before. Only a new key or selector makes it differ, and the
 * Message-ID is the same all the same.
 */
export async function signMail(message: Buffer, dkim: DkimKey): Promise<Buffer> {
  const { default: Dkim } = await import('nodemailer/lib/dkim');
  const options = {
    domainName: dkim.domain,
    keySelector: dkim.selector,
    privateKey: dkim.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    headerFieldNames: SIGNED,
  };
  const signed = await buffer(new Dkim(options).sign(message));
  // The signer sends an unsigned message on when it fails, and says nothing.
  if (signed.subarray(0, 15).toString('latin1') === 'DKIM-Signature:') return signed;
  throw new DeliveryError('The mail could not be signed with the DKIM key; nothing was sent.', {
    code: 'RENDER_FAILED',
    permanent: true,
    hint: 'Check BELLHOP_DKIM_DOMAIN, BELLHOP_DKIM_SELECTOR and BELLHOP_DKIM_KEY_FILE.',
  });
}
