import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { ConfigError } from '../src/errors.ts';

const empty = mkdtempSync(join(tmpdir(), 'bellhop-config-'));

function problemsOf(env: Record<string, string>): string {
  try {
    loadConfig(env, empty);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

describe('config', () => {
  test('an empty environment is a valid one: everything is off and says what would turn it on', () => {
    const config = loadConfig({}, empty);
    expect(config).toMatchObject({ port: 3000, host: '127.0.0.1', dataDir: join(empty, 'data'), logLevel: 'info' });
    expect(config.slack).toBeUndefined();
    expect(config.off).toEqual([
      'Slack is off: set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET',
      'Mail is off: set SMTP_URL and BELLHOP_MAIL_FROM',
      'Webhooks are off: set BELLHOP_WEBHOOK_SECRET and BELLHOP_WEBHOOK_HOSTS',
      'Claude is off: set ANTHROPIC_API_KEY; agents report figures only',
      'Shopify is off: set SHOPIFY_STORE and SHOPIFY_ACCESS_TOKEN, or SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET',
    ]);
    expect(config.api).toEqual({ state: 'on', ratePerMinute: 600, proxy: 'ignored' });
    expect(loadConfig({ BELLHOP_API_ENABLED: 'false' }, empty).off.join()).toContain('BELLHOP_API_ENABLED is false');
  });

  test('font files are a list, each seen from the folder of the start', () => {
    expect(loadConfig({}, empty).fontFiles).toEqual([]);
    expect(loadConfig({ BELLHOP_FONT_FILES: '/f/a.ttf, b.otf,' }, empty).fontFiles).toEqual([
      '/f/a.ttf',
      join(empty, 'b.otf'),
    ]);
  });

  test('every problem is reported at once, with the name that was meant', () => {
    const message = problemsOf({
      PORT: 'eighty',
      LOG_LEVEL: 'loud',
      SLACK_SIGNING_SECERT: 'x',
      SLACK_BOT_TOKEN: 'xoxp-user',
      SMTP_URL: 'http://mail',
      BELLHOP_MAIL_FROM: 'nobody',
    });
    expect(message).toContain('SLACK_SIGNING_SECERT: no variable has this name; did you mean SLACK_SIGNING_SECRET?');
    for (const name of ['PORT', 'LOG_LEVEL', 'SLACK_BOT_TOKEN', 'SMTP_URL', 'BELLHOP_MAIL_FROM']) {
      expect(message).toContain(`- ${name}: `);
    }
    expect(message).toContain('6 problems');
  });

  test('the config keys of plugins are taken as they come, and every value for a secret; a misspelt folder is named', () => {
    const config = loadConfig({ BELLHOP_PLUGIN_LINK_CHECK_URLS: 'https://a.example' }, empty);
    expect(config.secrets).toEqual(['https://a.example']);
    expect(config.plugins).toEqual({ dir: join(empty, 'plugins'), missing: 'silent' });
    expect(loadConfig({ BELLHOP_PLUGINS_DIR: '/srv/p' }, empty).plugins).toEqual({ dir: '/srv/p', missing: 'named' });
    expect(problemsOf({ BELLHOP_PLUGIN_DIR: '/srv/p' })).toContain('did you mean BELLHOP_PLUGINS_DIR?');
  });

  test('a name of others is left alone, unless it is nearly one of ours', () => {
    expect(problemsOf({ SLACK_WEBHOOK_URL: 'https://hooks.example.com', SMTP_PASSWORD: 'x' })).toBe('');
    expect(problemsOf({ BELLHOP_COLOUR: 'red' })).toContain('BELLHOP_COLOUR: no variable has this name');
  });

  test('half of a pair is a problem that names the other half', () => {
    expect(problemsOf({ SLACK_BOT_TOKEN: 'xoxb-1-abc' })).toContain(
      'SLACK_SIGNING_SECRET: is needed because SLACK_BOT_TOKEN is set',
    );
    expect(problemsOf({ BELLHOP_MAIL_FROM: 'a@example.com' })).toContain(
      'SMTP_URL: is needed because BELLHOP_MAIL_FROM is set',
    );
  });

  test('runs are kept for ever unless days are set, and an age is whole days from one to a hundred years', () => {
    const forever = Number.POSITIVE_INFINITY;
    expect(loadConfig({}, empty).keep).toMatchObject({ retainMs: forever, retainFailedMs: forever });
    const config = loadConfig({ BELLHOP_RETAIN_DAYS: '2', BELLHOP_RETAIN_FAILED_DAYS: '30' }, empty);
    expect(config.keep).toMatchObject({ retainMs: 172_800_000, retainFailedMs: 2_592_000_000 });
    for (const days of ['0', '-1', '1.5', 'soon', '36501', 'Infinity']) {
      expect(problemsOf({ BELLHOP_RETAIN_DAYS: days }), days).toContain('- BELLHOP_RETAIN_DAYS: ');
    }
    expect(loadConfig({ BELLHOP_ARCHIVE_AFTER_DAYS: '1' }, empty).keep.archiveAfterMs).toBe(86_400_000);
    expect(problemsOf({ BELLHOP_ARCHIVE_AFTER_DAYS: '0' })).toContain('- BELLHOP_ARCHIVE_AFTER_DAYS: ');
    expect(problemsOf({ BELLHOP_RETAIN_DAY: '2' })).toContain('did you mean BELLHOP_RETAIN_DAYS?');
  });

  test('runs are archived before they are deleted, or the setting is refused and names the other one', () => {
    const archive = { BELLHOP_ARCHIVE_AFTER_DAYS: '30' };
    expect(problemsOf({ ...archive, BELLHOP_RETAIN_DAYS: '31', BELLHOP_RETAIN_FAILED_DAYS: '31' })).toBe('');
    for (const name of ['BELLHOP_RETAIN_DAYS', 'BELLHOP_RETAIN_FAILED_DAYS']) {
      expect(problemsOf({ ...archive, [name]: '30' })).toContain(
        `- BELLHOP_ARCHIVE_AFTER_DAYS: must be less than ${name}, which is 30`,
      );
    }
  });

  test('a problem never repeats the value of a secret', () => {
    const secret = 'short';
    expect(problemsOf({ BELLHOP_API_TOKEN: secret, SLACK_BOT_TOKEN: secret })).not.toContain(secret);
  });

  test('.env is read, and the environment wins over it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bellhop-config-'));
    writeFileSync(join(folder, '.env'), 'PORT=4000\nHOST=0.0.0.0\nBELLHOP_API_TOKEN="a token of some length"\n');
    const config = loadConfig({ PORT: '5000', HOST: '' }, folder);
    expect(config).toMatchObject({ port: 5000, host: '0.0.0.0', apiToken: 'a token of some length' });
    writeFileSync(join(folder, '.env'), 'GATE=1\nHC_WEEKLY=https://hc.example/1\n');
    const other = loadConfig({ SHUT: '0' }, folder);
    expect(other.variables).toMatchObject({ GATE: '1', SHUT: '0' });
    expect(other.pings).toEqual({ WEEKLY: 'https://hc.example/1' });
    expect(other.secrets).toContain('https://hc.example/1');
  });

  test('the secrets handed to the scrubber include the password inside SMTP_URL, decoded and as written', () => {
    const config = loadConfig(
      { SMTP_URL: 'smtp://user:p%40ss-word@mail.example.com:587', BELLHOP_MAIL_FROM: 'Bell <bell@example.com>' },
      empty,
    );
    expect(config.secrets).toEqual(['p@ss-word', 'p%40ss-word']);
  });

  test('a password with a percent sign that begins no escape is a password, and blank values are none', () => {
    const config = loadConfig(
      { SMTP_URL: 'smtp://user:100%zz-pass@localhost', BELLHOP_MAIL_FROM: 'a@example.com', PORT: ' ' },
      empty,
    );
    expect(config).toMatchObject({ port: 3000, secrets: ['100%zz-pass', '100%zz-pass'] });
  });

  test('a sender with a line break is refused', () => {
    expect(
      problemsOf({ SMTP_URL: 'smtp://localhost', BELLHOP_MAIL_FROM: 'a@example.com\r\nBcc: b@example.com' }),
    ).toContain('BELLHOP_MAIL_FROM');
  });

  describe('of mail', () => {
    const mail = { SMTP_URL: 'smtp://localhost', BELLHOP_MAIL_FROM: 'a@example.com' };
    const dkim = {
      BELLHOP_DKIM_DOMAIN: 'example.com',
      BELLHOP_DKIM_SELECTOR: 's1.mail',
      BELLHOP_DKIM_KEY_FILE: 'k.pem',
    };

    test('has DKIM, the way out and the pace', () => {
      const more = { BELLHOP_PUBLIC_URL: 'https://bell.example.com/hop/', BELLHOP_MAIL_PER_SECOND: '0.5' };
      expect(loadConfig({ ...mail, ...dkim, ...more }, empty).mail).toEqual({
        smtpUrl: 'smtp://localhost',
        from: 'a@example.com',
        perSecond: 0.5,
        publicUrl: 'https://bell.example.com/hop',
        dkim: { domain: 'example.com', selector: 's1.mail', keyFile: join(empty, 'k.pem') },
      });
      expect(loadConfig(mail, empty).mail).toEqual({
        smtpUrl: 'smtp://localhost',
        from: 'a@example.com',
        perSecond: 10,
      });
    });

    test.each([
      ['BELLHOP_PUBLIC_URL', 'http://bell.example.com'],
      ['BELLHOP_PUBLIC_URL', 'https://user:pass@bell.example.com'],
      ['BELLHOP_PUBLIC_URL', 'https://bell.example.com?x=1'],
      ['BELLHOP_PUBLIC_URL', 'ftp://localhost'],
      ['BELLHOP_UNSUBSCRIBE_MAIL', 'nobody'],
      ['BELLHOP_DKIM_DOMAIN', 'example.com; t=y'],
      ['BELLHOP_DKIM_SELECTOR', 'a b'],
      ['BELLHOP_MAIL_PER_SECOND', '0'],
    ])('refuses %s=%s', (name, value) => {
      expect(problemsOf({ ...mail, ...dkim, [name]: value })).toContain(name);
    });

    test('takes plain http for this machine', () => {
      const publicUrl = 'http://127.0.0.1:3000';
      expect(loadConfig({ ...mail, BELLHOP_PUBLIC_URL: publicUrl }, empty).mail).toMatchObject({ publicUrl });
    });

    test('names what is missing of DKIM', () => {
      const { BELLHOP_DKIM_KEY_FILE: _file, ...half } = dkim;
      expect(problemsOf({ ...mail, ...half })).toContain('BELLHOP_DKIM_KEY_FILE: is needed');
    });
  });
});
