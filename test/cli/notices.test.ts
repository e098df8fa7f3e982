import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock } from '../../src/clock.ts';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { Notice } from '../../src/store/notice-records.ts';
import { openStore } from '../../src/store/open.ts';
import { Delivery } from '../../src/store/records.ts';
import { makeReport } from '../support/delivery-report.ts';
import { openShell } from '../support/cli.ts';
import { waitFor } from '../support/peer-wait.ts';
import { newNotice } from '../support/store-notices.ts';

const Page = z.object({ items: z.array(z.object({ notice: Notice, deliveries: z.array(Delivery) })) });

test('notices are listed with where they are, here and by a server, which delivers them', async () => {
  await using own = await openShell({});
  await mkdir(own.dataDir);
  const none = await own.type(['notices']);
  expect([none.code, none.stdout]).toEqual([0, expect.stringContaining('no notices')]);

  const deps = { clock: systemClock, ids: createIds(systemClock), log: silentLog, version: '0.0.0-test' };
  const { store } = await openStore({ backend: 'lowdb', dir: own.dataDir }, deps);
  const report = makeReport({ title: 'weekly-report \u001b[2Jfailed\u202e', status: 'failed' });
  const destinations = [
    { kind: 'file', path: '{job}-{date}.html' },
    { kind: 'slack', channel: '#ops' },
  ] as const;
  const { notice } = await store.addNotice(newNotice({ report, destinations }));
  await store.addNotice(newNotice({ key: 'to nobody', kind: 'recovery', destinations: [] }));
  await store.close();

  const here = await own.type(['notices']);
  expect(here.code).toBe(0);
  expect(here.stdout).toMatch(
    /^ntc_\w{26} {2}recovery {2}.* UTC {2}weekly-report failed\n {4}nobody is to be told\nntc_/,
  );
  expect(here.stdout).toContain(`${notice.id}  incident`);
  expect(here.stdout).toContain('    #ops: planned');
  // oxlint-disable-next-line no-control-regex -- that none is left is what is shown
  expect(here.stdout).not.toMatch(/[\u001b\u202e]/);
  expect((await own.type(['notices', 'show'])).code).toBe(64);

  const server = own.begin(['start']);
  await server.says('bellhop ready');
  const delivered = await waitFor('the notice in its file', async () => {
    const { stdout } = await own.type(['notices', '--json']);
    const view = Page.parse(JSON.parse(stdout)).items.find((one) => one.notice.id === notice.id);
    return view?.deliveries.every((one) => ['delivered', 'failed'].includes(one.state)) === true && view;
  });
  expect(delivered).toMatchObject({
    deliveries: [
      { state: 'delivered', parts: [{ receipt: { kind: 'file' } }] },
      { state: 'failed', error: { code: 'TRANSPORT_OFF' } },
    ],
  });
  const [file = ''] = await readdir(join(own.dataDir, 'reports'));
  expect(file).toBe(`weekly-report-${notice.createdAt.slice(0, 10)}.html`);
  expect(await readFile(join(own.dataDir, 'reports', file), 'utf8')).toContain(notice.id);
  server.signal('SIGTERM');
  expect((await server.ended).code).toBe(0);
});
