/** What a token looks like, and how its secret is compared: `bh_<id>_<secret>`, of which only the digest of the secret is ever kept. */
import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';

const ID_LETTERS = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 8;
/** 32 bytes: nobody guesses them, so a fast digest is enough at rest. */
const SECRET_BYTES = 32;
// The id has no underscore, base64url has: the first two underscores part the text.
const TOKEN = /^bh_([0-9a-z]{8})_([A-Za-z0-9_-]{43})$/;

/** An id of eight random letters and digits. */
export function mintId(): string {
  return Array.from({ length: ID_LENGTH }, () => ID_LETTERS.charAt(randomInt(ID_LETTERS.length))).join('');
}

/** A new secret for a token: the whole text to hand over once, and what is kept of it. */
export function mintSecret(id: string): { text: string; sha256: string } {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  return { text: `bh_${id}_${secret}`, sha256: digest(secret).toString('hex') };
}

/** The parts of a token, or undefined when the text is none of ours. */
export function splitToken(text: string): { id: string; secret: string } | undefined {
  const [, id, secret] = TOKEN.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** SHA-256 of a text. */
export function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Whether two digests are the same, in time that does not depend on where they differ. */
export function sameDigest(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
