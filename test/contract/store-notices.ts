/** Notices: added once with the plan of their deliveries, and delivered like reports. */
import { describe, expect } from 'vitest';
import { Report } from '../../src/store/report.ts';
import { accept } from '../support/store-harness.ts';
import { ANA, claimDelivery, newNotice, SALES } from '../support/store-notices.ts';
import type { Suite } from './store.ts';

const OUT = { limit: 100, workerId: 'outbox-1', leaseMs: 30_000 };
const DAY_MS = 24 * 3_600_000;
const away = { code: 'SLACK_UNAVAILABLE', message: 'Slack is away' };

export function describeNotices({ fact, h, reopenWith, completed, report }: Suite): void {
  const keys = async (): Promise<string[]> => (await h.store.listNotices({})).items.map((one) => one.notice.key);
  const at = (): string => new Date(h.clock.now()).toISOString();
  const delivered = async (): Promise<void> => {
    for (const { lease } of await h.store.claimDeliveries(OUT)) {
      await h.store.settleDelivery({ lease, outcome: 'delivered' });
    }
  };
  const wait = async (ms: number): Promise<void> => {
    h.clock.step(ms);
    await h.store.sweep();
  };

  describe('notices', () => {
    fact(
      'a notice is kept as it was given, with a delivery to each place once, and nobody to fall back to',
      async () => {
        const wanted = newNotice({ job: 'weekly-report', destinations: [SALES, ANA, { ...SALES }] });
        const { outcome, notice } = await h.store.addNotice(wanted);
        const { destinations: _destinations, ...rest } = wanted;
        expect(outcome).toBe('added');
        expect(notice).toMatchObject({
          ...rest,
          v: 1,
          createdAt: at(),
          deliveries: [{ destination: SALES }, { destination: ANA }],
        });
        const deliveries = await h.store.deliveries(notice.id);
        expect(deliveries).toMatchObject([
          { mode: 'report', noticeId: notice.id, state: 'pending', destination: SALES },
          { mode: 'report', noticeId: notice.id, state: 'pending', destination: ANA },
        ]);
        expect(deliveries.some((one) => 'runId' in one || 'fallbackUser' in one)).toBe(false);
        expect(await h.store.listNotices({})).toEqual({ items: [{ notice, deliveries }] });
      },
    );
    fact('a notice and its deliveries are one commit: after a crash both are there', async () => {
      const { notice } = await h.store.addNotice(newNotice({ destinations: [SALES, ANA] }));
      await h.reopen('crash');
      const claimed = await h.store.claimDeliveries(OUT);
      expect(claimed.map((one) => one.about)).toEqual([
        { kind: 'notice', notice },
        { kind: 'notice', notice },
      ]);
      expect(claimed.map((one) => one.delivery.id)).toEqual(notice.deliveries.map((plan) => plan.id));
    });
    fact('of a hundred that add one notice at once one adds it, and it is delivered once', async () => {
      const outcomes = await Promise.all(Array.from({ length: 100 }, () => h.store.addNotice(newNotice())));
      expect(outcomes.map((one) => one.outcome).toSorted()).toEqual([
        'added',
        ...Array.from({ length: 99 }, () => 'deduplicated'),
      ]);
      expect(new Set(outcomes.map((one) => one.notice.id)).size).toBe(1);
      expect(await h.store.claimDeliveries(OUT)).toHaveLength(1);
      expect((await h.store.addNotice(newNotice({ key: 'other' }))).outcome).toBe('added');
    });
    fact('a notice that was added is not added again after a restart, delivered or not', async () => {
      await h.store.addNotice(newNotice());
      for (const how of ['crash', 'clean'] as const) {
        await h.reopen(how);
        expect((await h.store.addNotice(newNotice())).outcome).toBe('deduplicated');
      }
      await delivered();
      for (const how of ['crash', 'clean'] as const) {
        await h.reopen(how);
        expect((await h.store.addNotice(newNotice())).outcome).toBe('deduplicated');
        expect(await h.store.claimDeliveries(OUT)).toEqual([]);
      }
      expect((await h.store.listNotices({})).items).toMatchObject([{ deliveries: [{ state: 'delivered' }] }]);
    });
    fact('what a notice and what a run have to deliver is handed out in the order of planning', async () => {
      const first = await h.store.addNotice(newNotice({ key: 'first' }));
      await h.clock.advance(10);
      await accept(h.store);
      const run = await completed([report()]);
      await h.clock.advance(10);
      const second = await h.store.addNotice(newNotice({ key: 'second' }));
      const claimed = await h.store.claimDeliveries(OUT);
      expect(claimed.map(({ about }) => (about.kind === 'run' ? about.run.id : about.notice.id))).toEqual([
        first.notice.id,
        run.id,
        second.notice.id,
      ]);
      expect(claimed.map(({ lease }) => lease.runId ?? lease.noticeId)).toEqual([
        first.notice.id,
        run.id,
        second.notice.id,
      ]);
      expect(await h.store.claimDeliveries(OUT)).toEqual([]);
    });
    fact('the parts of a notice are frozen, moved and kept with their receipts; bodies go when delivered', async () => {
      const { notice } = await h.store.addNotice(newNotice());
      const { lease } = await claimDelivery(h.store);
      const freeze = [
        { n: 1, body: { text: 'one' } },
        { n: 2, body: { text: 'two' } },
      ];
      await h.store.recordPart({ lease, freeze, part: { n: 1, state: 'sending', at: at() } });
      const receipt = { kind: 'slack', at: at(), channel: 'C0SALES', ts: '1.2' } as const;
      await h.store.recordPart({ lease, part: { n: 1, state: 'sent', at: at(), receipt } });
      expect((await h.store.deliveries(notice.id))[0]?.parts).toEqual([
        { n: 1, state: 'sent', body: { text: 'one' }, startedAt: at(), receipt },
        { n: 2, state: 'pending', body: { text: 'two' } },
      ]);
      expect(await h.store.settleDelivery({ lease, outcome: 'delivered' })).toMatchObject({ outcome: 'recorded' });
      const [after] = await h.store.deliveries(notice.id);
      expect(after).toMatchObject({ state: 'delivered', parts: [{ receipt }, { n: 2 }] });
      expect(after?.parts.some((part) => 'body' in part)).toBe(false);
      expect(await h.store.settleDelivery({ lease, outcome: 'failed' })).toEqual({ outcome: 'stale' });
      expect(h.store.nextDue('delivery')).toBeUndefined();
    });
    fact('a part of a notice that was being sent at a crash is handed out again in that state', async () => {
      await h.store.addNotice(newNotice());
      const old = await claimDelivery(h.store);
      const startedAt = at();
      const change = { freeze: [{ n: 1, body: 'x' }], part: { n: 1, state: 'sending', at: startedAt } } as const;
      await h.store.recordPart({ lease: old.lease, part: change.part, freeze: [...change.freeze] });
      await h.reopen('crash');
      const again = await claimDelivery(h.store);
      expect(again.delivery).toMatchObject({
        attempts: 2,
        deaths: 1,
        parts: [{ n: 1, state: 'sending', body: 'x', startedAt }],
      });
      expect(await h.store.recordPart({ lease: old.lease })).toEqual({ outcome: 'stale' });
    });
    fact('a notice is tried again at its time, and unknown is its end unless there is another look', async () => {
      const { notice } = await h.store.addNotice(newNotice());
      for (const outcome of ['retrying', 'unknown'] as const) {
        const { lease } = await claimDelivery(h.store);
        const nextAt = new Date(h.clock.now() + 5000).toISOString();
        await h.store.settleDelivery({ lease, outcome, nextAt, error: away });
        expect(h.store.nextDue('delivery')).toBe(nextAt);
        expect(await h.store.claimDeliveries(OUT)).toEqual([]);
        await h.clock.advance(5000);
      }
      const { lease } = await claimDelivery(h.store);
      await h.store.settleDelivery({ lease, outcome: 'unknown', error: away });
      await h.clock.advance(3_600_000);
      expect(await h.store.claimDeliveries(OUT)).toEqual([]);
      expect(await h.store.deliveries(notice.id)).toMatchObject([{ state: 'unknown', attempts: 3, error: away }]);
    });
    fact('a claim of a notice that was not settled in time is claimable again and fenced off', async () => {
      await h.store.addNotice(newNotice());
      const old = await claimDelivery(h.store, 1000);
      await h.clock.advance(1000);
      expect((await h.store.sweep()).expiredLeases).toBe(1);
      const now = await claimDelivery(h.store);
      expect(now.delivery).toMatchObject({ attempts: 2, fence: 2, deaths: 1 });
      expect(await h.store.settleDelivery({ lease: old.lease, outcome: 'delivered' })).toEqual({ outcome: 'stale' });
    });
    fact('the feed tells of the deliveries of a notice, and which notice it is', async () => {
      const stop = new AbortController();
      const feed = h.store.watch('now', stop.signal)[Symbol.asyncIterator]();
      const { notice } = await h.store.addNotice(newNotice({ job: 'weekly-report' }));
      const { lease } = await claimDelivery(h.store);
      await h.store.settleDelivery({ lease, outcome: 'delivered' });
      const about = { type: 'delivery', noticeId: notice.id, deliveryId: lease.deliveryId, job: 'weekly-report' };
      for (const state of ['pending', 'sending', 'delivered']) {
        const { value } = await feed.next();
        expect(value).toMatchObject({ ...about, state });
        expect(value).not.toHaveProperty('runId');
      }
      stop.abort();
    });
    fact('notices are listed newest first, in pages that stand still when others come and go', async () => {
      for (const key of ['a', 'b', 'c', 'd']) await h.store.addNotice(newNotice({ key }));
      const page = await h.store.listNotices({ limit: 2 });
      expect(page.items.map((one) => one.notice.key)).toEqual(['d', 'c']);
      await h.store.addNotice(newNotice({ key: 'e' }));
      const next = await h.store.listNotices({ limit: 2, after: page.next ?? '' });
      expect(next.items.map((one) => one.notice.key)).toEqual(['b', 'a']);
      expect(next.next).toBeUndefined();
      await expect(h.store.listNotices({ after: 'x' })).rejects.toMatchObject({ code: 'USAGE' });
      expect(await h.store.deliveries('ntc_00000000000000000000000000')).toEqual([]);
    });
    fact('G18 a notice goes 30 days after its last delivery ended, and its key with it', async () => {
      await h.store.addNotice(newNotice({ destinations: [SALES, ANA] }));
      await h.store.addNotice(newNotice({ key: 'to nobody', destinations: [] }));
      await h.store.settleDelivery({ lease: (await claimDelivery(h.store)).lease, outcome: 'delivered' });
      await wait(10 * DAY_MS);
      await h.store.settleDelivery({ lease: (await claimDelivery(h.store)).lease, outcome: 'failed', error: away });
      await wait(20 * DAY_MS);
      expect(await keys()).toEqual(['to nobody', 'k']);
      await wait(1000);
      expect(await keys()).toEqual(['k']);
      await wait(10 * DAY_MS - 1000);
      expect(await keys()).toEqual(['k']);
      await wait(1000);
      expect(await keys()).toEqual([]);
      expect((await h.store.addNotice(newNotice())).outcome).toBe('added');
    });
    fact('G18 a notice that is not delivered yet is never removed', async () => {
      await h.store.addNotice(newNotice());
      await wait(400 * DAY_MS);
      expect(await keys()).toEqual(['k']);
      expect(await h.store.claimDeliveries(OUT)).toHaveLength(1);
    });
    fact('a notice that went does not come back after a crash', async () => {
      const { notice } = await h.store.addNotice(newNotice());
      await delivered();
      await wait(31 * DAY_MS);
      await h.reopen('crash');
      expect(await keys()).toEqual([]);
      expect(await h.store.getDoc('notice', notice.id)).toBeUndefined();
    });
    fact('when there are too many the oldest ended ones make room, and what is not delivered stays', async () => {
      await reopenWith({ maxNotices: 3 });
      await h.store.addNotice(newNotice({ key: 'open' }));
      await h.clock.advance(10);
      for (const key of ['a', 'b', 'c', 'd']) await h.store.addNotice(newNotice({ key, destinations: [] }));
      expect(await keys()).toEqual(['d', 'c', 'open']);
      for (const key of ['e', 'f']) await h.store.addNotice(newNotice({ key }));
      await expect(h.store.addNotice(newNotice({ key: 'g' }))).rejects.toMatchObject({ code: 'OVERLOADED' });
      expect(await keys()).toEqual(['f', 'e', 'open']);
      expect(await h.store.claimDeliveries(OUT)).toHaveLength(3);
    });
    fact('a notice that does not fit is refused before any write', async () => {
      const long = Report.parse({
        title: 't',
        summary: 's',
        sections: [{ kind: 'markdown', markdown: 'x'.repeat(70_000) }],
      });
      await expect(h.store.addNotice(newNotice({ report: long }))).rejects.toMatchObject({ code: 'TOO_LARGE' });
      const many = Array.from({ length: 21 }, (_, n) => ({ kind: 'slack', channel: `C0SALES${n}` }) as const);
      for (const over of [{ key: '' }, { schedule: 'Not One' }, { destinations: many }]) {
        await expect(h.store.addNotice(newNotice(over))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      }
      expect(await keys()).toEqual([]);
      expect(await h.store.listDocs('notice', {})).toEqual({ items: [] });
    });
    fact('only the verbs of notices write their documents', async () => {
      const { notice } = await h.store.addNotice(newNotice());
      const doc = { kind: 'notice', key: notice.id, rev: 1, value: {} };
      await expect(h.store.putDoc(doc)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      await expect(h.store.removeDoc('notice', notice.id)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
      expect(await keys()).toEqual(['k']);
    });
  });
}
