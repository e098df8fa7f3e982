/**
 * Addresses that get no mail, one document each, and the secret of the links that put them there. Runner (who acts) and delivery (who
 * obeys) meet here.
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Instant } from './records.ts';
import type { NewAudit, Store } from './store.ts';

export const SUPPRESSION = 'suppression';

/** Every series, because the reasons are more than are kept one by one. */
const ALL_LISTS = '*';

const Reason = z.discriminatedUnion('why', [
  /** They want no more of this series or job. */
  z.object({ why: z.literal('unsubscribed'), list: z.string().max(80), at: Instant }),
  /** The mail server said that there is no such mailbox. */
  z.object({ why: z.literal('rejected'), answer: z.string().max(300), at: Instant }),
  /** An operator said so. */
  z.object({ why: z.literal('operator'), at: Instant }),
]);
type Reason = z.infer<typeof Reason>;
const MAX_REASONS = 100;

export const Suppression = z.object({ address: z.string().max(254), reasons: z.array(Reason).min(1).max(MAX_REASONS) });
export type Suppression = z.infer<typeof Suppression>;

type Docs = Pick<Store, 'getDoc' | 'putDoc'>;
const MAX_TRIES = 10;

/** The key of an address: no document's name shows one. Upper and lower case are the same mailbox to every server that matters. */
export function suppressionKey(address: string): string {
  return createHash('sha256').update(address.trim().toLowerCase()).digest('hex');
}

/** What stands against mail to the address; undefined when nothing does. */
export async function suppressionOf(store: Pick<Store, 'getDoc'>, address: string): Promise<Suppression | undefined> {
  const doc = await store.getDoc(SUPPRESSION, suppressionKey(address));
  return doc === undefined ? undefined : Suppression.parse(doc.value);
}

/** The reason that forbids a mail; `list` is its series or job, undefined for a notice, which nobody can unsubscribe from. */
export function reasonAgainst(suppression: Suppression | undefined, list: string | undefined): Reason | undefined {
  return suppression?.reasons.find(
    (reason) => reason.why !== 'unsubscribed' || (list !== undefined && [list, ALL_LISTS].includes(reason.list)),
  );
}

/** Why an address gets no mail, in words that follow on a colon; `list` is what was to be sent. */
export function describeReason(reason: Reason, list: string | undefined): string {
  switch (reason.why) {
    case 'unsubscribed':
      return `its owner unsubscribed from ${list ?? 'it'}`;
    case 'rejected':
      return `the mail server said there is no such mailbox (${reason.answer})`;
    case 'operator':
      return 'an operator put it on the suppression list';
    default:
      return reason satisfies never;
  }
}

/** Adds a reason in one commit with its audit entry; one of the same kind that is there already stays as it is. */
export async function suppress(
  store: Docs,
  { address, reason, audit }: { address: string; reason: Reason; audit?: NewAudit },
): Promise<'added' | 'unchanged'> {
  const key = suppressionKey(address);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const doc = await store.getDoc(SUPPRESSION, key);
    const reasons = doc === undefined ? [] : Suppression.parse(doc.value).reasons;
    if (reasons.some((one) => isSame(one, reason))) return 'unchanged';
    const value: Suppression = { address: address.trim(), reasons: joined(reasons, reason) };
    const noted = audit === undefined ? {} : { audit };
    const put = await store.putDoc({ kind: SUPPRESSION, key, rev: doc?.rev ?? 0, value, ...noted });
    if (put.outcome === 'stored') return 'added';
  }
  throw new Error('the suppression of an address was changed by somebody else, again and again');
}

const SECRET = { kind: 'secret', key: 'unsubscribe' } as const;
const Secret = z.object({ secret: z.string().min(32) });

/** The secret of the links, when one was ever made. */
export async function linkSecret(store: Pick<Store, 'getDoc'>): Promise<string | undefined> {
  const doc = await store.getDoc(SECRET.kind, SECRET.key);
  return doc === undefined ? undefined : Secret.parse(doc.value).secret;
}

/** The secret of the links; made, once, where there is none. */
export async function ensureLinkSecret(store: Docs): Promise<string> {
  const known = await linkSecret(store);
  if (known !== undefined) return known;
  const secret = randomBytes(32).toString('base64url');
  const put = await store.putDoc({ ...SECRET, rev: 0, value: { secret } });
  if (put.outcome === 'stored') return secret;
  return ensureLinkSecret(store);
}

function isSame(one: Reason, other: Reason): boolean {
  if (one.why !== 'unsubscribed' || other.why !== 'unsubscribed') return one.why === other.why;
  return one.list === other.list || one.list === ALL_LISTS;
}

/** Whoever unsubscribed from more than can be kept wants none at all. */
function joined(reasons: readonly Reason[], added: Reason): Reason[] {
  if (reasons.length < MAX_REASONS - 2 || added.why !== 'unsubscribed') return [...reasons, added];
  return [...reasons.filter(({ why }) => why !== 'unsubscribed'), { ...added, list: ALL_LISTS }];
}
