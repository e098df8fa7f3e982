import { expect, test } from 'vitest';
import { systemClock } from '../src/clock.ts';
import { loadConfig } from '../src/config.ts';
import { createIds } from '../src/ids.ts';
import { silentLog } from '../src/log.ts';
import { BUNDLED_FONTS } from '../src/render/charts/fonts.ts';
import { createRasteriser } from '../src/render/charts/png.ts';
import { openStore } from '../src/store/open.ts';
import { readMailSettings, transportsOf } from '../src/transports.ts';

const SLACK = { SLACK_BOT_TOKEN: 'xoxb-test', SLACK_SIGNING_SECRET: 'test-secret' };
const MAIL = { SMTP_URL: 'smtp://127.0.0.1:1', BELLHOP_MAIL_FROM: 'bellhop@example.com' };
const WEBHOOK = {
  BELLHOP_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
  BELLHOP_WEBHOOK_HOSTS: 'hooks.example.com',
};

test.each([
  ['nothing', {}, ['file']],
  ['all of it', { ...SLACK, ...MAIL, ...WEBHOOK }, ['email', 'file', 'slack', 'webhook']],
])('with %s configured, each way to send is there and can be looked at beforehand', async (_what, env, kinds) => {
  const config = loadConfig(env, '/nowhere');
  const clock = systemClock;
  const { store } = await openStore(
    { backend: 'memory' },
    { clock, ids: createIds(clock), log: silentLog, version: 'test' },
  );
  const rasteriser = createRasteriser({ fontFiles: BUNDLED_FONTS });
  const transports = await transportsOf(config, {
    clock,
    store,
    log: silentLog,
    rasteriser,
    mail: readMailSettings(config),
  });
  expect(Object.keys(transports).toSorted()).toEqual(kinds);
  expect(Object.values(transports).map((transport) => typeof transport?.check)).toEqual(kinds.map(() => 'function'));
  await store.close();
});
