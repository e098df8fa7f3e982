import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { readSubscription, signSubscription } from '../src/signed.ts';

const SECRET = 'the-secret-of-these-tests';
const ana = { address: 'ana@example.com', list: 'weekly-report' };

describe('a signed subscription', () => {
  test('is read with its secret, and with no other', () => {
    const token = signSubscription(ana, SECRET);
    expect(readSubscription(token, SECRET)).toEqual(ana);
    expect(readSubscription(token, `${SECRET}.`)).toBeUndefined();
  });

  test('stands in an address as it is, without the address of the recipient in plain letters', () => {
    const token = signSubscription(ana, SECRET);
    expect(encodeURIComponent(token)).toBe(token);
    expect(token).not.toContain('ana');
  });

  test('of one person cannot be made into that of another, or of another series', () => {
    const [, digest] = signSubscription(ana, SECRET).split('.');
    for (const other of [
      { ...ana, address: 'bo@example.com' },
      { ...ana, list: 'other' },
    ]) {
      const [said] = signSubscription(other, 'guessed').split('.');
      expect(readSubscription(`${said}.${digest}`, SECRET)).toBeUndefined();
    }
  });

  test('is invalid when any character of it is another', () => {
    const token = signSubscription(ana, SECRET);
    for (let at = 0; at < token.length; at++) {
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      const read = readSubscription(changed, SECRET);
      // The last character of base64 carries bits that no byte uses.
      if (at !== token.length - 1) expect(read, changed).toBeUndefined();
      else expect([undefined, ana]).toContainEqual(read);
    }
  });

  test.each(['', '.', '..', 'x', 'a.b', 'a.b.c', `${'a'.repeat(5_000)}.b`, '\u0000', '%00.%00'])(
    'is not %j',
    (token) => {
      expect(readSubscription(token, SECRET)).toBeUndefined();
    },
  );

  test('is never what somebody made up', () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => readSubscription(text, SECRET) === undefined));
  });
});
