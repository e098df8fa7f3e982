/** Folders as every released format left them, made by the code of their time (test/fixtures). Format 1: lowdb-files.test.ts. */
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { account } from '../support/store-agents.ts';
import { accept, ana, claimOne, lowdbHarness, newRun } from '../support/store-harness.ts';
import { newNotice } from '../support/store-notices.ts';
import type { LowdbHarness } from '../support/store-harness.ts';

const fixtures = new URL('../fixtures/', import.meta.url);

let h: LowdbHarness;
let was: Record<string, string>;
beforeEach(async () => {
  h = await lowdbHarness();
});
afterEach(() => h.dispose());

/** Puts the folder in the place of the empty one, at the time at which it was left. */
async function take(format: number): Promise<void> {
  was = JSON.parse(await readFile(new URL(`store-format-${format}.json`, fixtures), 'utf8'));
  await h.store.close();
  await rm(h.dir, { recursive: true });
  await cp(new URL(`store-format-${format}`, fixtures), h.dir, { recursive: true });
  h.clock.step(Date.parse(was['now'] ?? '') - h.clock.now());
}
const idOf = (name: string): string => was[name] ?? '';
const format = async (): Promise<unknown> => JSON.parse(await readFile(join(h.dir, 'FORMAT.json'), 'utf8'));

/** What both of them hold, besides what is told apart below. */
async function expectEverything(when: string): Promise<void> {
  expect(h.report?.quarantined, when).toEqual([]);
  expect(await h.store.get(idOf('done')), when).toMatchObject({ state: 'completed', result: 42 });
  expect(await h.store.deliveries(idOf('done')), when).toMatchObject([
    { state: 'delivered', parts: [{ state: 'sent', receipt: { kind: 'slack', ts: '1.2' } }] },
  ]);
  expect(await h.store.deliveries(idOf('failed')), when).toMatchObject([{ state: 'pending' }]);
  expect(await h.store.get(idOf('removed')), when).toBeUndefined();
  expect(await h.store.getDoc('status', 'a'), when).toMatchObject({ rev: 1, value: { n: 1 } });
  expect(await h.store.pausedQueues(), when).toMatchObject([{ name: 'slow' }]);
  expect(Buffer.from((await h.store.blobs.get(idOf('blob'))) ?? []).toString(), when).toBe('a chart');
  for (const [key, name] of [
    ['gone', 'removed'],
    ['running', 'running'],
    ['queued', 'queued'],
  ] as const) {
    const [again] = await h.store.submit([newRun({ idempotencyKey: key })]);
    expect(again, `${when}: ${key}`).toMatchObject({ outcome: 'deduplicated', run: { id: idOf(name) } });
  }
}

describe('a store of format 2', () => {
  it('that was killed is opened with all that was in its files and its journal, and is of the present format from then on', async () => {
    await take(2);
    for (const then of ['crash', 'clean', 'crash'] as const) {
      await h.reopen(then);
      expect(h.report?.runs).toBe(5);
      expect(await h.store.count({})).toMatchObject({ completed: 1, failed: 1, cancelled: 1, retrying: 1, queued: 1 });
      await expectEverything(then);
    }
    expect(await format()).toMatchObject({ format: 7, minReader: 7 });
  });
});

describe('a store of format 3', () => {
  it('that was killed is opened with its acts of schedules and its notices, and is of the present format from then on', async () => {
    await take(3);
    for (const then of ['crash', 'clean', 'crash'] as const) {
      await h.reopen(then);
      expect(h.report?.runs).toBe(5);
      expect(await h.store.count({})).toMatchObject({ completed: 1, failed: 1, cancelled: 1, retrying: 1, queued: 1 });
      expect((await h.store.listNotices({})).items).toMatchObject([
        { notice: { kind: 'digest', report: { title: 'Missed' } } },
      ]);
      expect((await h.audit()).map((one) => one.act)).toContain('snooze');
      await expectEverything(then);
    }
    expect(await format()).toMatchObject({ format: 7, minReader: 7 });
  });
});

describe('a store of format 4', () => {
  it('that was killed is opened with its archive, and what was deleted in it stays so; its indexes are not needed', async () => {
    await take(4);
    for (const then of ['crash', 'clean', 'crash'] as const) {
      if (then === 'clean') {
        await h.store.close();
        for (const path of ['index', 'archive/2026-11.index']) await rm(join(h.dir, path), { recursive: true });
      }
      await h.reopen(then);
      expect(h.report?.runs).toBe(6);
      expect(await h.store.count({})).toMatchObject({ completed: 2, failed: 1, cancelled: 1, retrying: 1, queued: 1 });
      expect(await h.store.get(idOf('second'))).toMatchObject({ state: 'completed', result: 'second' });
      expect(await h.store.get(idOf('erased'))).toBeUndefined();
      await expectEverything(then);
    }
    for (let n = 0; n < 2; n++) await h.store.sweep();
    const text = gunzipSync(await readFile(join(h.dir, 'archive/2026-11.jsonl.gz'))).toString();
    expect(text).toContain(idOf('second'));
    expect(text).not.toContain(idOf('erased'));
    expect(await format()).toMatchObject({ format: 7, minReader: 7 });
  });
});

describe('a store of format 5', () => {
  it('that was killed is opened with the run of a plugin and its token, and is of the present format from then on', async () => {
    await take(5);
    for (const then of ['crash', 'clean', 'crash'] as const) {
      await h.reopen(then);
      expect(h.report?.runs).toBe(6);
      expect(await h.store.count({})).toMatchObject({ completed: 2, failed: 1, cancelled: 1, retrying: 1, queued: 1 });
      expect(await h.store.get(idOf('plugin'))).toMatchObject({ kind: 'plugin', response: { status: 'ok' } });
      expect(await h.store.getDoc('plugin-state', 'disk-watch')).toMatchObject({ value: { n: 1 } });
      expect((await h.audit()).map((one) => one.act)).toContain('token');
      await expectEverything(then);
    }
    expect(await format()).toMatchObject({ format: 7, minReader: 7 });
  });
});

describe('a store of format 6', () => {
  it('that was killed is opened with what was withheld, its webhook and its ledger, and is of the present format from then on', async () => {
    await take(6);
    for (const then of ['crash', 'clean', 'crash'] as const) {
      await h.reopen(then);
      expect(h.report?.runs).toBe(6);
      expect(await h.store.count({})).toMatchObject({ completed: 2, failed: 1, cancelled: 1, retrying: 1, queued: 1 });
      expect(await h.store.get(idOf('posted'))).toMatchObject({
        withheld: [{ destination: { channel: '#sales', attach: ['csv'] } }],
      });
      expect(await h.store.deliveries(idOf('posted'))).toMatchObject([
        { state: 'delivered', parts: [{ receipt: { kind: 'webhook', status: 204 } }] },
      ]);
      expect((await h.store.listNotices({})).items).toMatchObject([{ notice: { kind: 'preflight' } }]);
      expect((await h.audit()).map((one) => one.act)).toContain('unsubscribe');
      expect((await h.store.getDoc('ledger', '2026-11.usd'))?.value).toEqual({
        used: 25,
        held: { [idOf('running')]: 30 },
      });
      await expectEverything(then);
    }
    expect(await format()).toMatchObject({ format: 7, minReader: 7 });
  });
  it('goes on: its runs are charged, its documents of no run stay when theirs is removed', async () => {
    await take(6);
    await h.reopen('crash');
    await h.store.charge({ runId: idOf('running'), spend: [{ key: '2026-11.usd', amount: 5 }] });
    expect((await h.store.getDoc('ledger', '2026-11.usd'))?.value).toMatchObject({ used: 30 });
    await h.store.remove(idOf('done'), ana);
    expect(await h.store.getDoc('memory', 'weekly-report')).toMatchObject({ rev: 1, value: { seen: [1] } });
  });
});

describe('the present format', () => {
  it('keeps what only it knows, over a crash and a close', async () => {
    const { id } = await accept(h.store, { kind: 'agent', waits: 'approval' });
    await h.store.approve(id, ana);
    const { lease } = await claimOne(h.store, { kinds: ['agent'] });
    const until = new Date(h.clock.now() + 1000).toISOString();
    const put = await h.store.blobs.put(
      (async function* () {
        yield Buffer.from('what was said');
      })(),
    );
    if (put.outcome !== 'stored') throw new Error('not stored');
    const blobs = [{ sha256: put.sha256, bytes: put.bytes, name: 'transcript.json.gz', until }];
    const docs = [{ kind: 'memory', key: id, value: 1, runId: id }];
    await h.store.settle([{ lease, end: 'completed', agent: account(7), blobs, docs }]);
    await h.store.appendAudit({ actor: ana, act: 'advice', runId: id });
    await h.store.appendAudit({ actor: ana, act: 'allow', job: 'weekly-report' });
    await h.store.addNotice(newNotice({ kind: 'budget' }));
    for (const then of ['crash', 'clean', 'crash'] as const) {
      await h.reopen(then);
      expect(h.report?.quarantined).toEqual([]);
      expect(await h.store.get(id)).toMatchObject({ kind: 'agent', agent: account(7), approvedBy: ana, blobs });
      expect(await h.store.getDoc('memory', id)).toMatchObject({ runId: id });
      expect((await h.store.list({})).items).toMatchObject([{ id, microUsd: 7 }]);
      expect((await h.store.listNotices({})).items).toMatchObject([{ notice: { kind: 'budget' } }]);
      expect((await h.audit()).map(({ act }) => act)).toEqual(['run', 'approve', 'advice', 'allow']);
    }
  });
});
