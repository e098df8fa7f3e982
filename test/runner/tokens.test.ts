import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { createIds } from '../../src/ids.ts';
import { createLog } from '../../src/log.ts';
import { createTokens, type NewToken, type Tokens } from '../../src/runner/tokens.ts';
import { describeTokenRefusal } from '../../src/runner/token-words.ts';
import { createScrub } from '../../src/scrub.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { NewAudit, Store } from '../../src/store/store.ts';
import { manualClock, type ManualClock } from '../support/clock.ts';

const BY = { kind: 'operator', id: 'ana@desk' } as const;
const BOOTSTRAP = 'a-bootstrap-token-of-some-length';
const DAY = 86_400_000;

let clock: ManualClock;
let store: Store;
let audited: NewAudit[];
let written: number;
let logged: string[];
/** What the next writes of documents throw. */
let broken: Error | undefined;
beforeEach(() => {
  clock = manualClock();
  logged = [];
  const memory = createMemoryStore({ clock, ids: createIds(clock), log: logOf() });
  audited = [];
  written = 0;
  broken = undefined;
  store = {
    ...memory,
    async removeDoc(kind, key) {
      if (broken !== undefined) throw broken;
      await memory.removeDoc(kind, key);
    },
    async putDoc(doc) {
      if (broken !== undefined) throw broken;
      written += 1;
      const put = await memory.putDoc(doc);
      if (put.outcome === 'stored' && doc.audit !== undefined) audited.push(doc.audit);
      return put;
    },
  };
});

function logOf() {
  return createLog({ write: (line) => logged.push(line), scrub: createScrub([]), clock }, 'info');
}
async function open(bootstrap?: string): Promise<Tokens> {
  const tokens = createTokens({ store, clock, log: logOf() }, { bootstrap });
  await tokens.start();
  return tokens;
}
async function made(tokens: Tokens, asked: Partial<NewToken> = {}): Promise<{ id: string; secret: string }> {
  const result = await tokens.create({ name: 'ci', ...asked }, BY);
  if (result.outcome !== 'created') throw new Error(describeTokenRefusal(result, { list: 'list' }).problem);
  return { id: result.view.id, secret: result.secret };
}
async function rotated(tokens: Tokens, ref: string, overlap?: string): Promise<string> {
  const result = await tokens.rotate(ref, overlap, BY);
  if (result.outcome !== 'rotated') throw new Error(result.outcome);
  return result.secret;
}
const said = (tokens: Tokens, token: string): string => {
  const admission = tokens.admit(`Bearer ${token}`);
  return admission.outcome === 'refused' ? admission.reason : admission.outcome;
};

describe('a managed token', () => {
  test('is shown once, names itself, and stands for its actor, scope and jobs', async () => {
    const tokens = await open();
    const { id, secret } = await made(tokens, { scope: 'manage', jobs: ['weekly', 'weekly', 'site-check'] });
    expect(secret).toMatch(new RegExp(`^bh_${id}_[A-Za-z0-9_-]{43}$`));
    expect(id).toMatch(/^[0-9a-z]{8}$/);
    expect(tokens.admit(`bEaReR  ${secret}`)).toEqual({
      outcome: 'admitted',
      principal: { actor: { kind: 'token', id, name: 'ci' }, scope: 'manage', jobs: ['weekly', 'site-check'] },
    });
  });

  test('is nowhere but in the answer: what is stored, listed and audited has at most its digest', async () => {
    const tokens = await open();
    const { id, secret } = await made(tokens);
    const bare = secret.slice(`bh_${id}_`.length);
    const doc = await store.getDoc('token', id);
    const sha256 = createHash('sha256').update(bare).digest('hex');
    expect(doc?.value).toMatchObject({ name: 'ci', scope: 'run', createdBy: BY, secrets: [{ sha256 }] });
    const second = await rotated(tokens, 'ci');
    const everything = JSON.stringify([await store.getDoc('token', id), tokens.list(), audited, logged]);
    for (const text of [bare, second.slice(12)]) expect(everything).not.toContain(text);
    expect(JSON.stringify(tokens.list())).not.toContain(sha256);
  });

  test('opens after a restart, and its secret may hold underscores wherever it likes', async () => {
    const first = await open();
    const secrets = [];
    for (let at = 0; at < 60; at++) secrets.push((await made(first, { name: `t${at}` })).secret);
    expect(secrets.some((secret) => secret.split('_').length > 3)).toBe(true);
    const second = await open();
    expect(secrets.map((secret) => said(second, secret))).toEqual(secrets.map(() => 'admitted'));
  });

  test('a wrong secret, id, length or letter, and one with something behind it, are the same invalid token', async () => {
    const tokens = await open();
    const { id, secret } = await made(tokens);
    const other = await made(tokens, { name: 'other' });
    const flip = (at: number): string =>
      `${secret.slice(0, at)}${secret[at] === 'A' ? 'B' : 'A'}${secret.slice(at + 1)}`;
    for (const wrong of [
      flip(12),
      flip(40),
      flip(secret.length - 1),
      `bh_${other.id}_${secret.slice(12)}`,
      `bh_zzzzzzzz_${secret.slice(12)}`,
      `bh_${id}_`,
      `bh_${id}`,
      secret.slice(0, -1),
      `${secret}x`,
      secret.toUpperCase(),
      'x'.repeat(10_000),
      '__proto__',
      'undefined',
    ])
      expect([wrong.slice(0, 60), said(tokens, wrong)]).toEqual([wrong.slice(0, 60), 'invalid_token']);
    expect(said(tokens, secret)).toBe('admitted');
  });

  test('expires at its instant and not before', async () => {
    const tokens = await open(BOOTSTRAP);
    const { secret } = await made(tokens, { expires: '90d' });
    clock.step(90 * DAY - 1);
    expect(said(tokens, secret)).toBe('admitted');
    clock.step(1);
    expect(said(tokens, secret)).toBe('invalid_token');
    expect(tokens.list().tokens).toMatchObject([{ name: 'ci', state: 'expired' }]);
    expect(await tokens.rotate('ci', undefined, BY)).toMatchObject({ outcome: 'over', view: { state: 'expired' } });
    expect((await tokens.create({ name: 'ci' }, BY)).outcome).toBe('created');
  });

  test('revoked opens nothing from the answer on, is still listed for 30 days, and leaves its name free', async () => {
    const tokens = await open(BOOTSTRAP);
    const { id, secret } = await made(tokens);
    await rotated(tokens, 'CI');
    expect(await tokens.revoke(id, BY)).toMatchObject({ outcome: 'revoked', view: { state: 'revoked', secrets: [] } });
    expect(said(tokens, secret)).toBe('invalid_token');
    expect(await tokens.revoke('ci', BY)).toMatchObject({ outcome: 'over', view: { id } });
    expect(await store.getDoc('token', id)).toMatchObject({ value: { secrets: [] } });
    const next = await made(tokens);
    expect(await tokens.revoke('ci', BY)).toMatchObject({ outcome: 'revoked', view: { id: next.id } });
    expect(said(await open(BOOTSTRAP), secret)).toBe('invalid_token');
    clock.step(30 * DAY - 1);
    expect(tokens.list().tokens).toHaveLength(2);
    clock.step(1);
    expect([tokens.list().tokens, await store.getDoc('token', id)]).toEqual([[], undefined]);
  });
});

describe('rotating', () => {
  test('leaves the secret before for a day, unless something else is said, and then it opens nothing', async () => {
    const tokens = await open(BOOTSTRAP);
    const { secret: first } = await made(tokens);
    const second = await rotated(tokens, 'ci');
    clock.step(DAY - 1);
    expect([first, second].map((one) => said(tokens, one))).toEqual(['admitted', 'admitted']);
    clock.step(1);
    expect([first, second].map((one) => said(tokens, one))).toEqual(['invalid_token', 'admitted']);
    const third = await rotated(tokens, 'ci', '30m');
    clock.step(30 * 60_000);
    const opened = [first, second, third].map((one) => said(tokens, one));
    expect(opened).toEqual(['invalid_token', 'invalid_token', 'admitted']);
  });

  test('while two secrets live a third is refused, for it would cut somebody off; with overlap 0 all before it end', async () => {
    const tokens = await open(BOOTSTRAP);
    const { id, secret: first } = await made(tokens);
    const second = await rotated(tokens, 'ci');
    expect(await tokens.rotate('ci', '1h', BY)).toMatchObject({ outcome: 'rotating', view: { id } });
    expect([first, second].map((one) => said(tokens, one))).toEqual(['admitted', 'admitted']);
    const third = await rotated(tokens, 'ci', '0');
    const opened = [first, second, third].map((one) => said(tokens, one));
    expect(opened).toEqual(['invalid_token', 'invalid_token', 'admitted']);
    expect(tokens.list().tokens).toMatchObject([{ id, secrets: [{}] }]);
    expect(said(await open(BOOTSTRAP), third)).toBe('admitted');
  });

  test('two that come at once are one after the other: never are there three secrets', async () => {
    const tokens = await open();
    await made(tokens);
    const results = await Promise.all(Array.from({ length: 5 }, () => tokens.rotate('ci', '1h', BY)));
    expect(results.map(({ outcome }) => outcome).sort()).toEqual([...Array(4).fill('rotating'), 'rotated'].sort());
  });
});

describe('the door', () => {
  test('without any live token nobody could be let in, and that is another answer', async () => {
    const tokens = await open();
    expect(tokens.admit(undefined)).toEqual({ outcome: 'misconfigured' });
    expect(said(tokens, 'anything')).toBe('misconfigured');
    const { id } = await made(tokens, { expires: '1h' });
    expect([tokens.anyLive(), tokens.admit(undefined).outcome]).toEqual([true, 'refused']);
    clock.step(3_600_000);
    expect([tokens.anyLive(), tokens.admit(undefined).outcome]).toEqual([false, 'misconfigured']);
    await made(tokens, { name: 'next' });
    expect((await tokens.revoke(id, BY)).outcome).toBe('over');
    await tokens.revoke('next', BY);
    expect(tokens.anyLive()).toBe(false);
  });

  test('the token of the configuration is the bootstrap actor of scope admin, and only it whole', async () => {
    const tokens = await open(BOOTSTRAP);
    const principal = { actor: { kind: 'token', id: 'bootstrap' }, scope: 'admin' };
    expect(tokens.admit(`Bearer ${BOOTSTRAP}`)).toEqual({ outcome: 'admitted', principal });
    for (const wrong of [BOOTSTRAP.slice(0, -1), `${BOOTSTRAP}x`, BOOTSTRAP.toUpperCase()])
      expect(said(tokens, wrong)).toBe('invalid_token');
    expect(tokens.list()).toEqual({ tokens: [], bootstrap: 'set' });
  });

  test.each([
    [undefined, 'missing'],
    ['', 'missing'],
    ['Bearer', 'wrong_scheme'],
    ['Basic abc', 'wrong_scheme'],
    [BOOTSTRAP, 'wrong_scheme'],
    [`Bearer ${BOOTSTRAP}, Bearer ${BOOTSTRAP}`, 'wrong_scheme'],
    [`Bearer\t${BOOTSTRAP}`, 'wrong_scheme'],
    [`Bearer ${BOOTSTRAP},`, 'invalid_token'],
  ])('%s is %s', async (header, reason) => {
    expect((await open(BOOTSTRAP)).admit(header)).toEqual({ outcome: 'refused', reason });
  });

  test('a stored token that nobody can read opens nothing and is named in the log, without its value', async () => {
    await store.putDoc({ kind: 'token', key: 'broken00', rev: 0, value: { secrets: 'Kanarienvogel' } });
    const tokens = await open();
    expect(tokens.admit(undefined).outcome).toBe('misconfigured');
    expect(logged.join('')).toContain('broken00');
    expect(logged.join('')).not.toContain('Kanarienvogel');
  });
});

describe('the last use', () => {
  test('is known at once and written at most once a minute for each token, and when the service stops', async () => {
    const tokens = await open();
    const { id, secret } = await made(tokens);
    const stored = async () => (await store.getDoc('token', id))?.value;
    expect(tokens.list().tokens[0]).not.toHaveProperty('lastUsedAt');
    const before = written;
    for (let at = 0; at < 100; at++) {
      expect(said(tokens, secret)).toBe('admitted');
      await clock.advance(599);
    }
    const [view] = tokens.list().tokens;
    expect(written - before).toBe(1);
    await tokens.stop();
    expect(await stored()).toMatchObject({ lastUsedAt: view?.lastUsedAt });
    expect((await open()).list().tokens).toMatchObject([{ lastUsedAt: view?.lastUsedAt }]);
  });

  test('that cannot be written holds up nobody: it is said in the log, and the token goes on', async () => {
    const tokens = await open();
    const { secret } = await made(tokens);
    broken = new Error('no room');
    expect(said(tokens, secret)).toBe('admitted');
    await tokens.stop();
    expect(logged.join('')).toContain('the last use of a token could not be written');
    broken = undefined;
    clock.step(1);
    expect(said(tokens, secret)).toBe('admitted');
    expect(await rotated(tokens, 'ci')).toMatch(/^bh_/);
  });

  test('of a wrong secret is none, and one that races a revocation does not bring the token back', async () => {
    const tokens = await open(BOOTSTRAP);
    const { id, secret } = await made(tokens);
    said(tokens, `bh_${id}_${'x'.repeat(43)}`);
    expect(tokens.list().tokens[0]).not.toHaveProperty('lastUsedAt');
    const revoking = tokens.revoke('ci', BY);
    said(tokens, secret);
    await revoking;
    await tokens.stop();
    expect(await store.getDoc('token', id)).toMatchObject({ value: { secrets: [], revokedAt: expect.anything() } });
    expect(said(tokens, secret)).toBe('invalid_token');
  });
});

describe('acts', () => {
  test('are audited with their token in the commit that does them; what was refused is not', async () => {
    const tokens = await open();
    const { id } = await made(tokens, { jobs: ['weekly'], expires: '2027-01-31' });
    await rotated(tokens, id, '2h');
    await tokens.rotate(id, '2h', BY);
    await tokens.create({ name: 'ci' }, BY);
    await tokens.revoke(id, BY);
    expect(audited).toEqual([
      { actor: BY, act: 'token', token: id, note: 'ci: run, weekly, until 2027-01-31T00:00:00.000Z' },
      { actor: BY, act: 'token-rotate', token: id, note: expect.stringContaining('works until 2026-11-23T11:00') },
      { actor: BY, act: 'token-revoke', token: id, note: 'ci' },
    ]);
  });

  test('that the disk does not take change nothing', async () => {
    const tokens = await open();
    const { secret } = await made(tokens);
    broken = new Error('no room');
    await expect(tokens.create({ name: 'two' }, BY)).rejects.toThrow('no room');
    await expect(tokens.rotate('ci', '0', BY)).rejects.toThrow('no room');
    await expect(tokens.revoke('ci', BY)).rejects.toThrow('no room');
    broken = undefined;
    expect(tokens.list().tokens).toMatchObject([{ name: 'ci', state: 'live' }]);
    expect(said(tokens, secret)).toBe('admitted');
  });

  test.each([
    ['a name with a space', { name: 'my ci' }, 'name'],
    ['a name that would be a header', { name: 'ci\r\nx' }, 'name'],
    ['no name', { name: '' }, 'name'],
    ['an unknown scope', { scope: 'root' }, 'scope'],
    ['a scope of the prototype', { scope: 'constructor' }, 'scope'],
    ['no job at all', { jobs: [] }, 'jobs'],
    ['a job that cannot be', { jobs: ['Weekly Report'] }, 'jobs'],
    ['an admin for some jobs, who could make one for all', { scope: 'admin', jobs: ['weekly'] }, 'jobs'],
    ['an end in the past', { expires: '2020-01-01' }, 'expires'],
    ['an end at once', { expires: '5s' }, 'expires'],
    ['an end after eleven years', { expires: '4018d' }, 'expires'],
    ['an end that is no time', { expires: 'soon' }, 'expires'],
    ['a date that is none', { expires: '2027-02-31' }, 'expires'],
    ['an hour that is none', { expires: '2027-02-28T99:00Z' }, 'expires'],
  ])('%s is refused by its field', async (_name, asked, field) => {
    const tokens = await open();
    expect(await tokens.create({ name: 'ci', ...asked }, BY)).toMatchObject({ outcome: 'invalid', field });
    expect([tokens.list().tokens, written]).toEqual([[], 0]);
  });

  test.each(['-1h', '31d', 'a day', '', '1e9d'])('an overlap of “%s” is refused', async (overlap) => {
    const tokens = await open();
    await made(tokens);
    expect(await tokens.rotate('ci', overlap, BY)).toMatchObject({ outcome: 'invalid', field: 'overlap' });
  });

  test('live names differ in more than case, and are not the id of another', async () => {
    const tokens = await open();
    const { id } = await made(tokens);
    expect(await tokens.create({ name: 'CI' }, BY)).toEqual({ outcome: 'taken', name: 'CI', id });
    expect(await tokens.create({ name: id.toUpperCase() }, BY)).toMatchObject({ outcome: 'taken', id });
    const unknown = await tokens.revoke('co', BY);
    expect(unknown).toEqual({ outcome: 'not_found', ref: 'co', suggestions: ['ci'] });
  });

  test('a store that stops while an old one is forgotten leaves no token whose secret nobody was told', async () => {
    const tokens = await open(BOOTSTRAP);
    for (let at = 0; at < 201; at++) {
      await made(tokens, { name: `t${at}` });
      await tokens.revoke(`t${at}`, BY);
    }
    const { putDoc } = store;
    store.putDoc = async (doc) => {
      const put = await putDoc(doc);
      broken = new Error('full');
      return put;
    };
    const told = await tokens.create({ name: 'ci' }, BY).then(
      ({ outcome }) => outcome === 'created',
      () => false,
    );
    expect(tokens.list().tokens.some(({ name }) => name === 'ci')).toBe(told);
  });

  test('at most 200 live ones, and as many that are over', async () => {
    const tokens = await open();
    for (let at = 0; at < 200; at++) await made(tokens, { name: `t${at}` });
    expect(await tokens.create({ name: 'more' }, BY)).toEqual({ outcome: 'full', limit: 200 });
    for (let at = 0; at < 201; at++) {
      await tokens.revoke(`t${at}`, BY);
      clock.step(1);
      await made(tokens, { name: `t${at + 200}` });
    }
    expect(tokens.list().tokens).toHaveLength(400);
    expect(tokens.list().tokens.map(({ name }) => name)).not.toContain('t0');
    expect((await store.listDocs('token', { limit: 1 })).items).toHaveLength(1);
    const again = await open();
    expect(again.list().tokens).toHaveLength(400);
  });
});
