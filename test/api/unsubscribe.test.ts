import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createApi } from '../../src/api/app.ts';
import { systemClock } from '../../src/clock.ts';
import { createLog } from '../../src/log.ts';
import { createTokens } from '../../src/runner/tokens.ts';
import { signSubscription } from '../../src/signed.ts';
import { ensureLinkSecret, suppressionOf } from '../../src/store/suppressions.ts';
import { atTheEdge } from '../support/api-parts.ts';
import { createHouse, type House } from '../support/house.ts';

const ANA = { address: 'ana@example.com', list: 'weekly-report' };
const BO = { address: 'bo@example.com', list: 'weekly-report' };
const ONE_CLICK = 'List-Unsubscribe=One-Click';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

let house: House;
let logged: string[];
let secret: string;
beforeEach(async () => {
  house = await createHouse();
  logged = [];
  secret = await ensureLinkSecret(house.store);
});
afterEach(() => house[Symbol.asyncDispose]());

function open(options: Parameters<typeof createApi>[1] = {}) {
  const log = createLog({ write: (line) => logged.push(line), scrub: (text) => text, clock: systemClock }, 'debug');
  const { schedules } = house.scheduler;
  return createApi(
    {
      ...atTheEdge(house),
      runner: house.runner,
      reader: house.store,
      schedules,
      tokens: createTokens({ store: house.store, clock: systemClock, log }, { bootstrap: undefined }),
      readiness: () => 'ready',
      backup: (dir) => house.store.backup(dir),
      cron: { token: undefined, reader: house.store, clock: systemClock, log, schedules },
      log,
    },
    options,
  );
}
const linkOf = (who: typeof ANA): string => `/unsubscribe?u=${signSubscription(who, secret)}`;
const click = (link: string, body: string | FormData = ONE_CLICK, headers: Record<string, string> = FORM) =>
  open().request(link, { method: 'POST', body, headers });
const against = async ({ address }: typeof ANA) => (await suppressionOf(house.store, address))?.reasons ?? [];

describe('the link to unsubscribe', () => {
  test.each(['GET', 'HEAD'])('changes nothing when it is opened by %s: scanners open links', async (method) => {
    for (let times = 0; times < 3; times++) expect((await open().request(linkOf(ANA), { method })).status).toBe(200);
    expect(await against(ANA)).toEqual([]);
  });

  test('shows whom and what it is about, and a form that posts to itself', async () => {
    const page = await (await open().request(linkOf(ANA))).text();
    expect(page).toContain('ana@example.com');
    expect(page).toContain('weekly-report');
    expect(page).toContain('<html lang="en">');
    const action = /<form method="post" action="([^"]+)"/.exec(page)?.[1] ?? '';
    const field = /<input type="hidden" name="([^"]+)" value="([^"]+)"/.exec(page);
    const posted = await click(
      new URL(action, `http://localhost${linkOf(ANA)}`).pathname + action,
      `${field?.[1]}=${field?.[2]}`,
    );
    expect(posted.status).toBe(200);
    expect(await against(ANA)).toMatchObject([{ why: 'unsubscribed', list: 'weekly-report' }]);
  });

  test('acts on one click of a mail program, once and for all', async () => {
    for (let times = 0; times < 3; times++) expect((await click(linkOf(ANA))).status).toBe(200);
    expect(await against(ANA)).toMatchObject([{ why: 'unsubscribed', list: 'weekly-report' }]);
  });

  test('acts on a click that is posted as multipart', async () => {
    const form = new FormData();
    form.append('List-Unsubscribe', 'One-Click');
    expect((await click(linkOf(ANA), form, {})).status).toBe(200);
    expect(await against(ANA)).toHaveLength(1);
  });

  test('of one person removes nobody else, and from nothing else', async () => {
    await click(linkOf(ANA));
    expect(await against(BO)).toEqual([]);
    expect(await against(ANA)).toHaveLength(1);
    const [said] = signSubscription(BO, 'guessed').split('.');
    const [, digest] = signSubscription(ANA, secret).split('.');
    expect((await click(`/unsubscribe?u=${said}.${digest}`)).status).toBe(400);
    expect(await against(BO)).toEqual([]);
  });

  test.each(['', '?u=', '?u=wrong', '?u=a.b', `?u=${signSubscription(ANA, 'another-secret')}`])(
    'that is not ours is a clear 400, on opening and on the click: %s',
    async (query) => {
      for (const answer of [await open().request(`/unsubscribe${query}`), await click(`/unsubscribe${query}`)]) {
        expect(answer.status).toBe(400);
        expect(await answer.text()).toContain('This link is not valid');
      }
      expect(await against(ANA)).toEqual([]);
    },
  );

  test.each(['', 'List-Unsubscribe=Two-Clicks', 'a=b', '{"List-Unsubscribe":"One-Click"}'])(
    'does nothing on a post that is no click: %j',
    async (body) => {
      expect((await click(linkOf(ANA), body)).status).toBe(400);
      expect(await against(ANA)).toEqual([]);
    },
  );

  test('does not read a large body', async () => {
    expect((await click(linkOf(ANA), `${ONE_CLICK}&x=${'x'.repeat(20_000)}`)).status).toBe(413);
    expect(await against(ANA)).toEqual([]);
  });

  test.each(['PUT', 'DELETE', 'PATCH'])('does nothing by %s', async (method) => {
    expect((await open().request(linkOf(ANA), { method })).status).toBe(405);
    expect(await against(ANA)).toEqual([]);
  });

  test('sets no cookie, lets no script in, is not kept or indexed, and tells nobody where it came from', async () => {
    for (const { headers } of [
      await open().request(linkOf(ANA)),
      await click(linkOf(ANA)),
      await click('/unsubscribe'),
    ]) {
      expect(headers.get('set-cookie')).toBeNull();
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'/,
      );
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-robots-tag')).toBe('noindex');
    }
  });

  test('works where the API is off, and is counted like every request', async () => {
    expect((await open({ state: 'off' }).request(linkOf(ANA))).status).toBe(200);
    const api = open({ ratePerMinute: 10 });
    const link = linkOf(ANA);
    const answers = [];
    for (let times = 0; times < 12; times++) answers.push((await api.request(link)).status);
    expect(answers.filter((status) => status === 429)).not.toEqual([]);
  });

  test('leaves neither the secret nor the link nor the address in the log', async () => {
    const link = linkOf(ANA);
    await click(link);
    await click('/unsubscribe?u=wrong');
    const log = logged.join('');
    for (const word of [secret, link.slice(15), 'ana@example.com']) expect(log).not.toContain(word);
  });

  test('shows hostile words as words', async () => {
    const page = await (
      await open().request(linkOf({ address: '"<img src=x>"@example.com', list: '<script>' }))
    ).text();
    expect(page).not.toMatch(/<img|<script/);
  });
});
