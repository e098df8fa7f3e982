/** Who gets no mail, and why: the links of the mails act here, and so do operators. Every act and its audit entry are one commit. */
import { z } from 'zod';
import { iso } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { readSubscription } from '../signed.ts';
import type { Subscription } from '../signed.ts';
import type { Page } from '../store/reader.ts';
import type { Actor } from '../store/records.ts';
import type { NewAudit, Store } from '../store/store.ts';
import {
  linkSecret,
  suppress,
  Suppression,
  SUPPRESSION,
  suppressionKey,
  suppressionOf,
} from '../store/suppressions.ts';

export { Suppression } from '../store/suppressions.ts';

/** Why nothing was done. */
export interface MailRefused {
  outcome: 'not_found' | 'invalid';
}
export type Unsubscribed =
  { outcome: 'unsubscribed' | 'unchanged'; subscription: Subscription } | { outcome: 'invalid' };
export type Suppressed = { outcome: 'suppressed' | 'unchanged'; suppression: Suppression } | { outcome: 'invalid' };
export type Allowed = { outcome: 'allowed'; suppression: Suppression } | MailRefused;

export interface Subscriptions {
  /** What a link of a mail stands for; nothing is changed. Undefined: it is none of ours. */
  look(token: string): Promise<Subscription | undefined>;
  /** No more mails of that series to that address. */
  unsubscribe(token: string, requestId?: string): Promise<Unsubscribed>;
  list(query: { limit?: number; after?: string }): Promise<Page<Suppression>>;
  /** No more mails at all to the address. */
  suppress(address: string, by: Actor): Promise<Suppressed>;
  /** Takes the address off the list, whatever it was on it for. */
  allow(address: string, by: Actor): Promise<Allowed>;
}

/** Says it in two sentences. */
export function describeMailRefusal({ outcome }: MailRefused): { problem: string; hint: string } {
  if (outcome === 'invalid') return { problem: 'This is not a mail address.', hint: 'Write it like ana@example.com.' };
  return { problem: 'The address is not on the suppression list.', hint: 'bellhop mail list shows who is.' };
}

const Address = z.email().max(254);

/** Makes the service. */
export function createSubscriptions({
  store,
  clock,
}: {
  store: Pick<Store, 'getDoc' | 'putDoc' | 'removeDoc' | 'listDocs'>;
  clock: Pick<Clock, 'now'>;
}): Subscriptions {
  async function look(token: string): Promise<Subscription | undefined> {
    const secret = await linkSecret(store);
    return secret === undefined ? undefined : readSubscription(token, secret);
  }
  const note = (act: NewAudit['act'], { actor, text }: { actor: Actor; text: string }): NewAudit => ({
    act,
    actor,
    note: text.slice(0, 500),
  });

  return {
    look,
    async unsubscribe(token, requestId) {
      const subscription = await look(token);
      if (subscription === undefined) return { outcome: 'invalid' };
      const { address, list } = subscription;
      const actor: Actor = { kind: 'system', id: 'unsubscribe', ...(requestId === undefined ? {} : { requestId }) };
      const done = await suppress(store, {
        address,
        reason: { why: 'unsubscribed', list, at: iso(clock.now()) },
        audit: note('unsubscribe', { actor, text: `${address}: ${list}` }),
      });
      return { outcome: done === 'added' ? 'unsubscribed' : 'unchanged', subscription };
    },
    async list(query) {
      const { items, next } = await store.listDocs(SUPPRESSION, query);
      const page = { items: items.map(({ value }) => Suppression.parse(value)) };
      return next === undefined ? page : { ...page, next };
    },
    async suppress(address, by) {
      const read = Address.safeParse(address.trim());
      if (!read.success) return { outcome: 'invalid' };
      const done = await suppress(store, {
        address: read.data,
        reason: { why: 'operator', at: iso(clock.now()) },
        audit: note('mail-suppress', { actor: by, text: read.data }),
      });
      const suppression = await suppressionOf(store, read.data);
      if (suppression === undefined) return { outcome: 'invalid' };
      return { outcome: done === 'added' ? 'suppressed' : 'unchanged', suppression };
    },
    async allow(address, by) {
      const read = Address.safeParse(address.trim());
      if (!read.success) return { outcome: 'invalid' };
      const suppression = await suppressionOf(store, read.data);
      if (suppression === undefined) return { outcome: 'not_found' };
      const text = `${read.data}: was ${suppression.reasons.map(({ why }) => why).join(', ')}`;
      await store.removeDoc(SUPPRESSION, suppressionKey(read.data), note('mail-allow', { actor: by, text }));
      return { outcome: 'allowed', suppression };
    },
  };
}
