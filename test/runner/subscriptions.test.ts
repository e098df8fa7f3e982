import { describe, expect, test } from 'vitest';
import { createSubscriptions } from '../../src/runner/subscriptions.ts';
import { signSubscription } from '../../src/signed.ts';
import type { NewAudit } from '../../src/store/store.ts';
import { ensureLinkSecret, linkSecret, suppress, suppressionOf } from '../../src/store/suppressions.ts';
import { manualClock } from '../support/clock.ts';
import { memoryStore } from '../support/delivery-mail.ts';

const OPERATOR = { kind: 'operator', id: 'ana@desk' } as const;
const at = '2026-11-20T10:00:00.000Z';
const address = 'ana@example.com';

function open() {
  const store = memoryStore();
  const audit: (NewAudit | undefined)[] = [];
  const noting = {
    ...store,
    putDoc: (doc: Parameters<typeof store.putDoc>[0]) => {
      audit.push(doc.audit);
      return store.putDoc(doc);
    },
    removeDoc: (...asked: Parameters<typeof store.removeDoc>) => {
      audit.push(asked[2]);
      return store.removeDoc(...asked);
    },
  };
  return { store, audit, subscriptions: createSubscriptions({ store: noting, clock: manualClock() }) };
}

describe('the suppression list', () => {
  test('shows who gets no mail and why, and lets an operator put on and take off', async () => {
    const { store, audit, subscriptions } = open();
    await suppress(store, { address, reason: { why: 'rejected', answer: '550 no such user', at } });
    expect(await subscriptions.suppress('bo@example.com', OPERATOR)).toMatchObject({ outcome: 'suppressed' });
    expect(await subscriptions.suppress('bo@example.com', OPERATOR)).toMatchObject({ outcome: 'unchanged' });
    const { items } = await subscriptions.list({});
    expect(items.map((one) => [one.address, one.reasons[0]?.why]).toSorted()).toEqual([
      ['ana@example.com', 'rejected'],
      ['bo@example.com', 'operator'],
    ]);
    expect(await subscriptions.allow('ANA@example.com', OPERATOR)).toMatchObject({ outcome: 'allowed' });
    expect(await subscriptions.allow(address, OPERATOR)).toEqual({ outcome: 'not_found' });
    expect(await suppressionOf(store, address)).toBeUndefined();
    expect(audit).toEqual([
      { act: 'mail-suppress', actor: OPERATOR, note: 'bo@example.com' },
      { act: 'mail-allow', actor: OPERATOR, note: 'ANA@example.com: was rejected' },
    ]);
  });

  test.each(['', 'ana', 'ana@example.com\r\nBcc: b@c.de', 'a@b, c@d.de'])('takes no %j', async (text) => {
    const { subscriptions } = open();
    expect(await subscriptions.suppress(text, OPERATOR)).toEqual({ outcome: 'invalid' });
    expect(await subscriptions.allow(text, OPERATOR)).toEqual({ outcome: 'invalid' });
  });

  test('has several reasons for one address, and all are lifted at once', async () => {
    const { store, subscriptions } = open();
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((list) => suppress(store, { address, reason: { why: 'unsubscribed', list, at } })),
    );
    expect((await suppressionOf(store, address))?.reasons).toHaveLength(4);
    expect(await subscriptions.allow(address, OPERATOR)).toMatchObject({ outcome: 'allowed' });
  });
});

describe('a link', () => {
  test('is worth nothing before the first secret was made', async () => {
    const { subscriptions } = open();
    expect(await subscriptions.look(signSubscription({ address, list: 'x' }, ''))).toBeUndefined();
    expect(await subscriptions.unsubscribe('a.b')).toEqual({ outcome: 'invalid' });
  });

  test('is signed with one secret, whoever asks for it first', async () => {
    const { store } = open();
    const made = await Promise.all([1, 2, 3].map(() => ensureLinkSecret(store)));
    expect(new Set(made).size).toBe(1);
    expect(await linkSecret(store)).toBe(made[0]);
    expect(made[0]?.length).toBeGreaterThanOrEqual(43);
  });

  test('unsubscribes, with whose request it was in the audit, and once', async () => {
    const { store, audit, subscriptions } = open();
    const token = signSubscription({ address, list: 'weekly' }, await ensureLinkSecret(store));
    expect(await subscriptions.unsubscribe(token, 'req-1')).toMatchObject({ outcome: 'unsubscribed' });
    expect(await subscriptions.unsubscribe(token, 'req-2')).toMatchObject({ outcome: 'unchanged' });
    expect(audit).toEqual([
      {
        act: 'unsubscribe',
        actor: { kind: 'system', id: 'unsubscribe', requestId: 'req-1' },
        note: 'ana@example.com: weekly',
      },
    ]);
  });
});
