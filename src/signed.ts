/** Links that prove where they come from: what they say stands in them, with a keyed digest that nobody else can make. */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** Whom a link to unsubscribe is for, and of which series (or job) they want no more. */
export interface Subscription {
  address: string;
  list: string;
}

/** What the digest is made of besides, so that a key that comes to have other uses cannot be turned against this one. */
const PURPOSE = 'bellhop unsubscribe 1';
const MAX_CHARS = 1_000;

/** The token: what it says and its digest, both base64url. */
export function signSubscription(subscription: Subscription, secret: string): string {
  const said = Buffer.from(JSON.stringify([subscription.address, subscription.list])).toString('base64url');
  return `${said}.${digest(said, secret).toString('base64url')}`;
}

/** What the token says, when it was made with this secret; the digest is compared in constant time and before anything is read. */
export function readSubscription(token: string, secret: string): Subscription | undefined {
  const [said = '', mac = '', more] = token.length > MAX_CHARS ? [] : token.split('.');
  const given = Buffer.from(mac, 'base64url');
  const wanted = digest(said, secret);
  if (more !== undefined || given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
  const parsed: unknown = JSON.parse(Buffer.from(said, 'base64url').toString());
  if (!Array.isArray(parsed)) return undefined;
  const [address, list]: unknown[] = parsed;
  return typeof address === 'string' && typeof list === 'string' ? { address, list } : undefined;
}

function digest(said: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(`${PURPOSE}\n${said}`).digest();
}
