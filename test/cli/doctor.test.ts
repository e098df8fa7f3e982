import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { doctor } from '../../src/cli/doctor.ts';
import { systemClock } from '../../src/clock.ts';
import { loadConfig } from '../../src/config.ts';
import { createMailbox } from '../../src/playground/mailbox.ts';
import { createTwin } from '../../src/playground/twin.ts';
import { createWorkspace } from '../../src/playground/workspace.ts';
import { startClaudeWire } from '../support/claude-wire.ts';
import { dkimPair } from '../support/delivery-dkim.ts';

const JOBS = resolve(import.meta.dirname, '../../jobs');

async function examine(env: Record<string, string>): Promise<{ code: number; text: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-doctor-'));
  const lines: string[] = [];
  const terminal = {
    out: (line: string) => void lines.push(line),
    err: () => undefined,
    width: 80,
    color: 'none' as const,
    links: 'written' as const,
    clock: systemClock,
    signal: new AbortController().signal,
  };
  const code = await doctor(terminal, loadConfig({ BELLHOP_JOBS_DIR: JOBS, ...env }, folder));
  return { code, text: lines.join('\n') };
}

test('a data folder that is not there yet is not made by looking', async () => {
  expect((await examine({})).text).toMatch(/ok {4}data .*made at the first start/);
});

test('what is off is said with what would turn it on, and is no failure', async () => {
  const { code, text } = await examine({});
  expect(code).toBe(0);
  expect(text).toMatch(/off {3}slack {2}set SLACK_BOT_TOKEN/);
  expect(text).toMatch(/ok {4}jobs .*repo-digest/);
});

test('the real Slack and the real mail server are asked, and nothing is posted', async () => {
  const workspace = createWorkspace({ clock: systemClock });
  await using twin = createTwin({ workspace });
  await twin.start();
  await using mailbox = createMailbox({ clock: systemClock });
  await mailbox.start();
  const env = {
    SLACK_BOT_TOKEN: workspace.token,
    SLACK_SIGNING_SECRET: 'a-signing-secret',
    SLACK_API_URL: twin.apiUrl,
    SMTP_URL: mailbox.url,
    BELLHOP_MAIL_FROM: 'bell@example.com',
  };
  const { code, text } = await examine(env);
  expect(text).toContain(`${workspace.bot.name} in ${workspace.team.name}`);
  expect(text).toMatch(/ok {4}mail/);
  expect(code).toBe(0);
  expect(workspace.calls.map(({ method }) => method)).toEqual(['auth.test']);
  workspace.revokeToken();
  expect(await examine(env)).toMatchObject({
    code: 69,
    text: expect.stringMatching(/fail {2}slack .*(?:revoked|invalid_auth)/) as string,
  });
});

test('a Slack token without the scope for files is said, with what is then not done', async () => {
  const all = ['commands', 'chat:write', 'channels:history', 'metadata.message:read', 'files:write'];
  for (const [scopes, wanted] of [
    [all, /ok {4}slack {2}bellhop in Grand Hotel$/m],
    [all.slice(0, -1), /warn {2}slack {2}.*\n +without files:write no file of a report is attached/],
  ] as const) {
    await using twin = createTwin({ workspace: createWorkspace({ clock: systemClock }, { scopes }) });
    await twin.start();
    const slack = { SLACK_BOT_TOKEN: 'xoxb-playground-bot', SLACK_SIGNING_SECRET: 'a-signing-secret' };
    expect(await examine({ ...slack, SLACK_API_URL: twin.apiUrl })).toMatchObject({
      code: 0,
      text: expect.stringMatching(wanted) as string,
    });
  }
});

test('a mail server that is not there fails the examination and names it', async () => {
  const { code, text } = await examine({ SMTP_URL: 'smtp://127.0.0.1:9', BELLHOP_MAIL_FROM: 'bell@example.com' });
  expect(code).toBe(69);
  expect(text).toMatch(/fail {2}mail {3}127\.0\.0\.1:9: /);
});

test('a picture is drawn to try, and a font file that is none is named', async () => {
  expect((await examine({})).text).toMatch(/ok {4}chart .*2 font files/);
  const { code, text } = await examine({ BELLHOP_FONT_FILES: '/nowhere/a.ttf, package.json' });
  expect(code).toBe(0);
  expect(text).toMatch(
    /warn {2}chart .*2 font files.*\n *left out: \/nowhere\/a\.ttf does not exist\n *left out: .*package\.json/,
  );
});

test('how mails are signed and got rid of is said, and a key that a start would refuse is a failure', async () => {
  await using mailbox = createMailbox({ clock: systemClock });
  await mailbox.start();
  const env = { SMTP_URL: mailbox.url, BELLHOP_MAIL_FROM: 'bell@example.com' };
  const bare = await examine(env);
  expect(bare.text).toContain('mails are not signed');
  expect(bare.text).toContain('nobody can unsubscribe');
  const folder = await mkdtemp(join(tmpdir(), 'bellhop-doctor-'));
  const keyFile = join(folder, 'dkim.pem');
  await writeFile(keyFile, dkimPair().privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const dkim = { BELLHOP_DKIM_DOMAIN: 'example.com', BELLHOP_DKIM_SELECTOR: 'bell', BELLHOP_DKIM_KEY_FILE: keyFile };
  const full = await examine({ ...env, ...dkim, BELLHOP_PUBLIC_URL: 'https://bell.example.com' });
  expect(full.text).toContain('read at bell._domainkey.example.com');
  expect(full.text).toContain('people unsubscribe at https://bell.example.com/unsubscribe');
  expect(full.code).toBe(0);
  await writeFile(keyFile, 'no key');
  const refused = await examine({ ...env, ...dkim });
  expect(refused.text).toMatch(/fail {2}mail .*dkim\.pem/s);
  expect(refused.code).toBe(69);
});

test('where webhooks may go is said, without their secret', async () => {
  expect((await examine({})).text).toMatch(/off {3}hook {3}set BELLHOP_WEBHOOK_SECRET/);
  const secret = `whsec_${Buffer.from('s'.repeat(32)).toString('base64')}`;
  const { text } = await examine({ BELLHOP_WEBHOOK_SECRET: secret, BELLHOP_WEBHOOK_HOSTS: 'a.example.com' });
  expect(text).toMatch(/ok {4}hook {3}.*a\.example\.com/);
  expect(text).not.toContain(secret.slice(6));
});

test('Claude and the shop are looked at where they are configured, and each says its way out', async () => {
  const off = await examine({});
  expect(off.text).toMatch(/off {3}model {2}set ANTHROPIC_API_KEY; agents report figures only/);
  expect(off.text).toMatch(/off {3}shop {3}set SHOPIFY_STORE/);
  const old = { lifecycle: 'deprecated', retires_at: '2026-11-30T00:00:00Z' };
  await using wire = await startClaudeWire([], { count: 9, models: { 'claude-sonnet-5-5': old } });
  const key = {
    ANTHROPIC_API_KEY: 'sk-ant-0123456789abcdef',
    BELLHOP_JOBS_DIR: await mkdtemp(join(tmpdir(), 'bellhop-jobs-')),
  };
  const seen = await examine({ ...key, ANTHROPIC_BASE_URL: wire.url });
  expect(seen.text).toMatch(/warn {2}model {2}the key is taken \(SDK 1\.12\.0, prices of 2026-\d\d-\d\d\)/);
  expect(seen.text).toContain('claude-sonnet-5-5 is deprecated until 2026-11-30, counts 9 tokens for a word');
  expect([wire.requests.length, wire.counts.length, wire.others.length]).toEqual([0, 1, 1]);
  await using locked = await startClaudeWire([], { models: { 'claude-sonnet-5-5': { status: 401 } } });
  const refused = await examine({ ...key, ANTHROPIC_BASE_URL: locked.url });
  expect(refused.code).not.toBe(0);
  expect(refused.text).toMatch(/fail {2}model /);
  const shop = { SHOPIFY_STORE: 'demo.myshopify.com', SHOPIFY_ACCESS_TOKEN: 'shpat_0123456789abcdef' };
  const away = await examine({ ...shop, SHOPIFY_API_URL: 'http://127.0.0.1:9' });
  expect(away.text).toMatch(/fail {2}shop /);
});

test('a price file that cannot be read is named', async () => {
  const { text } = await examine({
    ANTHROPIC_API_KEY: 'sk-ant-0123456789abcdef',
    BELLHOP_PRICES_FILE: '/nowhere.json',
  });
  expect(text).toContain('BELLHOP_PRICES_FILE: /nowhere.json: there is no such file');
});
