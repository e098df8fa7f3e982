import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { layoutOf } from '../../src/store/lowdb/layout.ts';
import { openStore } from '../../src/store/open.ts';
import { manualClock } from '../support/clock.ts';
import { lowdbHarness } from '../support/store-harness.ts';
import type { LowdbHarness } from '../support/store-harness.ts';
import { ANA, claimDelivery, newNotice, SALES } from '../support/store-notices.ts';

let h: LowdbHarness;
beforeEach(async () => {
  h = await lowdbHarness();
});
afterEach(() => h.dispose());

const File = z.looseObject({ value: z.looseObject({ notice: z.looseObject({}) }) });
const fileOf = (id: string): string => layoutOf(h.dir).doc('notice', id);
const read = async (id: string): Promise<z.infer<typeof File>> =>
  File.parse(JSON.parse(await readFile(fileOf(id), 'utf8')));

describe('a notice in the data folder', () => {
  it('is one file with the progress of its deliveries, which are not there before the first has begun', async () => {
    const { notice } = await h.store.addNotice(newNotice({ destinations: [SALES, ANA] }));
    await h.store.sweep();
    expect((await read(notice.id)).value).toEqual({ notice });
    await h.store.settleDelivery({ lease: (await claimDelivery(h.store)).lease, outcome: 'delivered' });
    await h.store.sweep();
    expect((await read(notice.id)).value).toMatchObject({
      notice,
      deliveries: [{ state: 'delivered' }, { state: 'pending' }],
    });
  });

  it('that cannot be read never stops the start, and stays where it is', async () => {
    const { notice } = await h.store.addNotice(newNotice());
    const other = await h.store.addNotice(newNotice({ key: 'other' }));
    await h.store.close();
    const whole = await read(notice.id);
    await writeFile(fileOf(notice.id), JSON.stringify({ ...whole, value: { notice: { id: notice.id } } }));
    await h.reopen('crash');
    expect((await h.store.listNotices({})).items.map((one) => one.notice.id)).toEqual([other.notice.id]);
    expect(await h.store.claimDeliveries({ limit: 9, workerId: 'o', leaseMs: 1000 })).toHaveLength(1);
    await h.store.sweep();
    expect((await read(notice.id)).value.notice).toEqual({ id: notice.id });
  });

  it('keeps what a newer version wrote in it', async () => {
    const { notice } = await h.store.addNotice(newNotice());
    await h.store.close();
    const { value, ...rest } = await read(notice.id);
    const newer = { ...value, tags: ['x'], notice: { ...value.notice, urgency: 3 } };
    await writeFile(fileOf(notice.id), JSON.stringify({ ...rest, value: newer }));
    await h.reopen('crash');
    await h.store.settleDelivery({ lease: (await claimDelivery(h.store)).lease, outcome: 'delivered' });
    await h.store.close();
    expect((await read(notice.id)).value).toMatchObject({ tags: ['x'], notice: { urgency: 3 } });
  });

  it('is in a backup, to be delivered from there', async () => {
    const { notice } = await h.store.addNotice(newNotice());
    const dir = join(await mkdtemp(join(tmpdir(), 'bellhop-backup-')), 'copy');
    await h.store.backup(dir);
    const clock = manualClock();
    const lock = async () => ({ release: () => undefined });
    const deps = { clock, ids: createIds(clock), log: silentLog, version: '0.0.0-test', lock };
    const { store } = await openStore({ backend: 'lowdb', dir }, deps, { reserveBytes: 4096 });
    expect((await claimDelivery(store)).about).toEqual({ kind: 'notice', notice });
    await store.close();
    await rm(dir, { recursive: true });
  });

  it('that made room for another does not come back', async () => {
    await h.dispose();
    h = await lowdbHarness({ maxNotices: 2 });
    for (const key of ['a', 'b', 'c']) await h.store.addNotice(newNotice({ key, destinations: [] }));
    await h.reopen('crash');
    expect((await h.store.listNotices({})).items.map((one) => one.notice.key)).toEqual(['c', 'b']);
    expect((await h.store.listDocs('notice', {})).items).toHaveLength(2);
  });

  it('takes more than a small document may, for the messages that are frozen in it', async () => {
    await h.store.addNotice(newNotice());
    const { lease } = await claimDelivery(h.store);
    const freeze = [{ n: 1, body: 'x'.repeat(1_500_000) }];
    expect(await h.store.recordPart({ lease, freeze })).toMatchObject({ outcome: 'recorded' });
    await h.reopen('crash');
    expect((await claimDelivery(h.store)).delivery.parts).toMatchObject(freeze);
  });
});
