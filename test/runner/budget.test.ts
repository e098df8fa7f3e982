import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RunError } from '../../src/errors.ts';
import type { Budget } from '../../src/runner/budget.ts';
import { agentOf, begun, budgetOf, claimAgain, counter, purseOf, usd } from '../support/money-house.ts';
import { ana, lowdbHarness, memoryHarness } from '../support/store-harness.ts';
import type { Harness } from '../support/store-harness.ts';

const DAY = 'usd.day.2026-11-23';
const MONTH = 'usd.month.2026-11';
const JOB_DAY = 'usd.job.digest.2026-11-23';
const KEYS = [JOB_DAY, DAY, MONTH];
const job = agentOf('digest');

async function refusedBy(budget: Budget, run: Parameters<Budget['open']>[0], of = job): Promise<RunError> {
  const opened = await budget.open(run, of);
  if (opened.ok) throw new Error('it was let through');
  if (!(opened.error instanceof RunError)) throw new Error('not an error of a run');
  return opened.error;
}

describe.each([
  ['memory', memoryHarness],
  ['lowdb', lowdbHarness],
] as const)('money over the %s store', (_name, open) => {
  let h: Harness;
  beforeEach(async () => {
    h = await open();
  });
  afterEach(() => h.dispose());
  const all = () => Promise.all(KEYS.map((key) => counter(h.store, key)));
  const each = (used: number, held: number) => KEYS.map(() => ({ used, held }));

  test('a run sets its cap aside under three counters, spends of it turn by turn, and gives back the rest', async () => {
    const budget = budgetOf(h);
    const { run, lease } = await begun(h.store);
    const purse = await purseOf(budget, run, job);
    expect(purse).toMatchObject({ microUsd: usd(0.25), beforeMicroUsd: 0 });
    expect(await all()).toEqual(each(0, usd(0.25)));
    await purse.beforeTurn({ spentMicroUsd: 0, boundMicroUsd: 60_000 });
    await purse.beforeTurn({ spentMicroUsd: 12_345, boundMicroUsd: 60_000 });
    expect(await all()).toEqual(each(12_345, usd(0.25) - 12_345));
    await h.store.settle([{ lease, end: 'completed', ...purse.rest(4_321) }]);
    expect(await all()).toEqual(each(16_666, 0));
    expect((await h.store.getDoc('agent-run', run.id))?.value).toMatchObject({
      pendingMicroUsd: 0,
      spentMicroUsd: 16_666,
    });
  });

  test('runs that begin at once cannot pass a cap together', async () => {
    const budget = budgetOf(h, { caps: { dayMicroUsd: usd(0.8) } });
    const runs = [];
    for (let n = 0; n < 8; n++) runs.push((await begun(h.store)).run);
    const opened = await Promise.all(runs.map((run) => budget.open(run, job)));
    expect(opened.filter(({ ok }) => ok)).toHaveLength(3);
    expect(await counter(h.store, DAY)).toEqual({ used: 0, held: usd(0.75) });
  });

  test('a refusal names the cap, where it stands, when it starts anew, and who may allow one run', async () => {
    const budget = budgetOf(h, { caps: { monthMicroUsd: usd(0.4) }, zone: 'Europe/Berlin' });
    const first = await begun(h.store);
    const purse = await purseOf(budget, first.run, job);
    await h.store.settle([{ lease: first.lease, end: 'completed', ...purse.rest(200_000) }]);
    const { run } = await begun(h.store);
    const error = await refusedBy(budget, run);
    expect(error).toMatchObject({ code: 'BUDGET_REACHED', permanent: true });
    expect(error.message).toBe(
      'The month cap of $0.40 does not allow a run of digest, which may cost $0.25: $0.20 used.',
    );
    expect(error.hint).toBe(
      'It starts anew Tue 1 Dec 00:00 (Europe/Berlin). An owner may let one run pass: /jobs allow digest, or bellhop spend allow digest; or raise BELLHOP_BUDGET_MONTH_USD.',
    );
    expect(await budget.full(job)).toBe(error.message);
    expect(await counter(h.store, MONTH)).toEqual({ used: 200_000, held: 0 });
  });

  test('the cap of a job and a day refuses that job alone', async () => {
    const budget = budgetOf(h);
    const tight = agentOf('digest', { run: 0.25, day: 0.3 });
    await purseOf(budget, (await begun(h.store)).run, tight);
    const error = await refusedBy(budget, (await begun(h.store)).run, tight);
    expect(error.message).toContain('The digest day cap of $0.30');
    expect(error.message).toContain('$0.25 held by runs under way');
    expect(error.hint).toContain('raise budget.usdPerDay in the file of the job');
    expect((await budget.open((await begun(h.store, 'other')).run, agentOf('other'))).ok).toBe(true);
  });

  test('an attempt that is tried again goes on with what is left of the same money', async () => {
    const budget = budgetOf(h);
    const { run, lease } = await begun(h.store);
    const first = await purseOf(budget, run, job);
    await first.beforeTurn({ spentMicroUsd: 0, boundMicroUsd: 100_000 });
    const { docs, spend } = first.rest(90_001);
    const error = { code: 'MODEL_UNAVAILABLE', message: 'overloaded' };
    const retryAt = new Date(h.clock.now()).toISOString();
    await h.store.settle([{ lease, end: 'failed', error, retryAt, docs, spend }]);
    const again = await claimAgain(h.store);
    const second = await purseOf(budget, again.run, job);
    expect(second).toMatchObject({ microUsd: usd(0.25) - 90_001, beforeMicroUsd: 90_001 });
    await h.store.settle([{ lease: again.lease, end: 'completed', ...second.rest(9) }]);
    expect(await all()).toEqual(each(90_010, 0));
  });

  test('an attempt for which less than a cent is left is refused', async () => {
    const budget = budgetOf(h);
    const { run, lease } = await begun(h.store);
    const first = await purseOf(budget, run, job);
    const error = { code: 'MODEL_UNAVAILABLE', message: 'overloaded' };
    const retryAt = new Date(h.clock.now()).toISOString();
    await h.store.settle([{ lease, end: 'failed', error, retryAt, ...first.rest(usd(0.25) - 9_999) }]);
    const again = await claimAgain(h.store);
    expect((await refusedBy(budget, again.run)).message).toBe(
      'The run cap of $0.25 of digest leaves nothing to spend: $0.24 used by earlier attempts.',
    );
    expect((await refusedBy(budget, (await begun(h.store)).run, agentOf('digest', { run: 0 }))).code).toBe(
      'BUDGET_REACHED',
    );
  });

  test('a run that is cancelled in a turn is charged what it spent and holds nothing', async () => {
    const budget = budgetOf(h);
    const { run } = await begun(h.store);
    const purse = await purseOf(budget, run, job);
    await purse.beforeTurn({ spentMicroUsd: 0, boundMicroUsd: 60_000 });
    await h.store.cancel(run.id, ana);
    // The attempt is still winding up: nobody may count its turn at the bound meanwhile.
    await budget.reconcile();
    expect(await all()).toEqual(each(0, 0));
    await h.store.charge({ runId: run.id, ...purse.rest(1_234) });
    h.clock.step(11 * 60_000);
    await budget.reconcile();
    expect(await all()).toEqual(each(1_234, 0));
  });

  test.each(['before the store is asked', 'while the store writes'])(
    'an attempt that is stopped %s what a turn cost counts it once, for the day and for the run',
    async (when) => {
      const { run } = await begun(h.store);
      const reached = Promise.withResolvers<void>();
      const slow = Promise.withResolvers<void>();
      let held = false;
      const store = {
        ...h.store,
        charge: async (charge: Parameters<typeof h.store.charge>[0]) => {
          if (held) reached.resolve();
          if (held && when === 'while the store writes') setImmediate(slow.resolve);
          if (held) await slow.promise;
          return h.store.charge(charge);
        },
      };
      const budget = budgetOf({ ...h, store });
      const purse = await purseOf(budget, run, job);
      await purse.beforeTurn({ spentMicroUsd: 0, boundMicroUsd: 50_000 });
      held = when === 'while the store writes';
      const told = purse.beforeTurn({ spentMicroUsd: 30_000, boundMicroUsd: 60_000 });
      if (held) await reached.promise;
      // The loop is told nothing of how that ended: it counts as told.
      const rest = purse.rest(0);
      await told.catch(() => undefined);
      await h.store.charge({ runId: run.id, ...rest });
      expect(await counter(h.store, DAY)).toMatchObject({ used: 30_000 });
      expect((await h.store.getDoc('agent-run', run.id))?.value).toMatchObject({
        pendingMicroUsd: 0,
        spentMicroUsd: 30_000,
      });
    },
  );

  test('what an attempt spends is not counted again by one that a newer attempt has replaced', async () => {
    const budget = budgetOf(h);
    const { run } = await begun(h.store);
    const old = await purseOf(budget, run, job);
    await old.beforeTurn({ spentMicroUsd: 0, boundMicroUsd: 50_000 });
    h.clock.step(60_000);
    await h.store.sweep();
    h.clock.step(60_000);
    const again = await claimAgain(h.store);
    const second = await purseOf(budget, again.run, job);
    expect(second).toMatchObject({ microUsd: 200_000, beforeMicroUsd: 50_000 });
    expect(old.rest(31_000)).toEqual({ spend: [], docs: [] });
    await expect(old.beforeTurn({ spentMicroUsd: 1, boundMicroUsd: 1 })).rejects.toThrow('another attempt');
    expect(await all()).toEqual(each(50_000, 200_000));
  });

  test('a model without a price sets nothing aside where the job allows it, and is refused where not', async () => {
    const budget = budgetOf(h, { caps: { dayMicroUsd: 0 } });
    const { run, lease } = await begun(h.store);
    const unknown = agentOf('digest', { model: 'somebody-elses-1', price: 'unknown' });
    const purse = await purseOf(budget, run, unknown);
    expect(purse.microUsd).toBeNull();
    await purse.beforeTurn({ spentMicroUsd: 0, boundMicroUsd: 0 });
    await h.store.settle([{ lease, end: 'completed', ...purse.rest(0) }]);
    expect(await all()).toEqual(each(0, 0));
    expect(await budget.full(unknown)).toBeUndefined();
    const strict = agentOf('digest', { model: 'somebody-elses-1' });
    expect(await refusedBy(budget, (await begun(h.store)).run, strict)).toMatchObject({
      code: 'PRICE_UNKNOWN',
      permanent: true,
    });
  });

  test('a run that began in the last minute of a month of the zone is counted there, whenever it ends', async () => {
    const budget = budgetOf(h, { zone: 'Europe/Berlin', caps: { monthMicroUsd: usd(1) } });
    // 30 November 23:59 in Berlin.
    h.clock.step(Date.UTC(2026, 10, 30, 22, 59) - h.clock.now());
    const { run, lease } = await begun(h.store);
    const first = await purseOf(budget, run, job);
    await first.beforeTurn({ spentMicroUsd: 0, boundMicroUsd: 20_000 });
    h.clock.step(2 * 60_000);
    const retryAt = new Date(h.clock.now()).toISOString();
    const error = { code: 'MODEL_UNAVAILABLE', message: 'overloaded' };
    await h.store.settle([{ lease, end: 'failed', error, retryAt, ...first.rest(10_000) }]);
    const again = await claimAgain(h.store);
    const second = await purseOf(budget, again.run, job);
    await h.store.settle([{ lease: again.lease, end: 'completed', ...second.rest(5_000) }]);
    expect(await counter(h.store, 'usd.month.2026-11')).toEqual({ used: 15_000, held: 0 });
    expect(await counter(h.store, 'usd.day.2026-11-30')).toEqual({ used: 15_000, held: 0 });
    expect(await h.store.getDoc('ledger', 'usd.month.2026-12')).toBeUndefined();
    await purseOf(budget, (await begun(h.store)).run, job);
    expect(await counter(h.store, 'usd.month.2026-12')).toEqual({ used: 0, held: usd(0.25) });
  });

  test('an attempt that died before its first turn leaves its run in the window in which it began', async () => {
    h.clock.step(Date.UTC(2026, 10, 30, 23, 59) - h.clock.now());
    const { run } = await begun(h.store);
    await purseOf(budgetOf(h), run, job);
    h.clock.step(2 * 60_000);
    await h.store.sweep();
    h.clock.step(2 * 60_000);
    const again = await claimAgain(h.store);
    const second = await purseOf(budgetOf(h), again.run, job);
    await h.store.settle([{ lease: again.lease, end: 'completed', ...second.rest(7) }]);
    expect(await counter(h.store, 'usd.month.2026-11')).toEqual({ used: 7, held: 0 });
    expect(await h.store.getDoc('ledger', 'usd.month.2026-12')).toBeUndefined();
  });

  test('a zone that is changed between two attempts does not move the money of the run', async () => {
    h.clock.step(Date.UTC(2026, 10, 30, 23, 30) - h.clock.now());
    const { run, lease } = await begun(h.store);
    const first = await purseOf(budgetOf(h), run, job);
    const error = { code: 'MODEL_UNAVAILABLE', message: 'overloaded' };
    const retryAt = new Date(h.clock.now()).toISOString();
    await h.store.settle([{ lease, end: 'failed', error, retryAt, ...first.rest(3) }]);
    const again = await claimAgain(h.store);
    const second = await purseOf(budgetOf(h, { zone: 'Asia/Tokyo' }), again.run, job);
    await h.store.settle([{ lease: again.lease, end: 'completed', ...second.rest(4) }]);
    expect(await counter(h.store, 'usd.month.2026-11')).toEqual({ used: 7, held: 0 });
    expect(await h.store.getDoc('ledger', 'usd.month.2026-12')).toBeUndefined();
  });

  test('a run that is removed after a crash does not take uncounted money along', async () => {
    const { run } = await begun(h.store);
    const purse = await purseOf(budgetOf(h), run, job);
    await purse.beforeTurn({ spentMicroUsd: 0, boundMicroUsd: 60_000 });
    await h.store.remove(run.id, ana);
    // Another process: nobody here may still spend for the run.
    const after = budgetOf(h);
    await after.reconcile();
    await after.reconcile();
    expect(await all()).toEqual(each(60_000, 0));
    expect(await h.store.getDoc('agent-run', run.id)).toBeUndefined();
    expect((await h.store.listDocs('agent-run', { limit: 10 })).items).toEqual([]);
  });

  test('a month of 31 days is told of once, also when the store has forgotten its notice', async () => {
    h.clock.step(Date.UTC(2026, 11, 1, 1) - h.clock.now());
    const places = [{ kind: 'slack', channel: '#ops' }] as const;
    const caps = { monthMicroUsd: usd(0.3) };
    const { run, lease } = await begun(h.store);
    const purse = await purseOf(budgetOf(h, { caps }), run, job);
    await h.store.settle([{ lease, end: 'completed', ...purse.rest(250_000) }]);
    await budgetOf(h, { caps, alertsTo: places }).tell();
    const [claimed] = await h.store.claimDeliveries({ limit: 1, workerId: 'w', leaseMs: 30_000 });
    if (claimed === undefined) throw new Error('nothing to deliver');
    await h.store.settleDelivery({
      lease: claimed.lease,
      outcome: 'failed',
      error: { code: 'GAVE_UP', message: 'no' },
    });
    h.clock.step(30 * 86_400_000 + 3_600_000);
    await h.store.sweep();
    expect((await h.store.listNotices({})).items).toEqual([]);
    await budgetOf(h, { caps, alertsTo: places }).tell();
    expect((await h.store.listNotices({})).items).toEqual([]);
  });

  test('a day of 23 hours ends at its midnight', async () => {
    // In Berlin clocks go forward on 28 March 2027.
    h.clock.step(Date.UTC(2027, 2, 28, 12) - h.clock.now());
    const budget = budgetOf(h, { zone: 'Europe/Berlin' });
    expect(await budget.standing([])).toMatchObject([
      { scope: 'day', window: '2027-03-28', until: '2027-03-28T22:00:00.000Z' },
      { scope: 'month', window: '2027-03', until: '2027-03-31T22:00:00.000Z' },
    ]);
  });

  test('an allowance lets exactly one of two runs past its caps, and is an act of who gave it', async () => {
    const budget = budgetOf(h, { caps: { dayMicroUsd: usd(0.1) } });
    const runs = [(await begun(h.store)).run, (await begun(h.store)).run, (await begun(h.store)).run];
    const until = '2026-11-24T00:00:00.000Z';
    expect(await budget.allow('digest', ana)).toEqual({ outcome: 'allowed', until });
    expect(await budget.allow('digest', ana)).toEqual({ outcome: 'already_allowed', until });
    expect(await budget.full(job)).toBeUndefined();
    const opened = await Promise.all(runs.map((run) => budget.open(run, job)));
    expect(opened.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await budget.full(job)).toContain('The day cap of $0.10');
    expect((await h.audit()).filter(({ act }) => act === 'allow')).toMatchObject([
      { act: 'allow', job: 'digest', actor: ana },
    ]);
    expect((await budget.allow('digest', ana)).outcome).toBe('allowed');
  });

  test('an allowance ends with the day', async () => {
    const budget = budgetOf(h, { caps: { dayMicroUsd: usd(0.1) } });
    await budget.allow('digest', ana);
    h.clock.step(24 * 3_600_000);
    expect((await budget.open((await begun(h.store)).run, job)).ok).toBe(false);
  });

  test('people are told once at 80 and once at 100 percent of a cap', async () => {
    const jobs = [agentOf('digest', { day: 10 })];
    const places = [{ kind: 'slack', channel: '#ops' }] as const;
    const budget = budgetOf(h, { caps: { monthMicroUsd: usd(0.5) }, alertsTo: places, jobs: () => jobs });
    const told = async () => (await h.store.listNotices({})).items.map(({ notice }) => notice);
    const first = await begun(h.store);
    const purse = await purseOf(budget, first.run, job);
    await purse.beforeTurn({ spentMicroUsd: 250_000, boundMicroUsd: 0 });
    expect(await told()).toEqual([]);
    await h.store.settle([{ lease: first.lease, end: 'completed', ...purse.rest(150_000) }]);
    await budget.tell();
    await budget.tell();
    expect(await told()).toMatchObject([{ kind: 'budget', key: 'budget.usd.month.2026-11.80' }]);
    expect((await told())[0]?.report).toMatchObject({
      title: 'Budget of the month 80% used: $0.40 of $0.50',
      status: 'ok',
    });
    expect(JSON.stringify((await told())[0]?.report)).toContain('Most was spent by digest ($0.40)');
    // Another process, and one that does not fit below the cap any more.
    const later = budgetOf(h, { caps: { monthMicroUsd: usd(0.5) }, alertsTo: places, jobs: () => jobs });
    await refusedBy(later, (await begun(h.store)).run);
    await later.tell();
    expect((await told()).map(({ key }) => key)).toEqual([
      'budget.usd.month.2026-11.100',
      'budget.usd.month.2026-11.80',
    ]);
    expect((await told())[0]?.report).toMatchObject({
      title: 'Budget of the month reached: $0.40 of $0.50 used',
      status: 'failed',
    });
  });

  test('people are told of a cap that refuses runs before they are made, and not where runs under way hold it', async () => {
    const jobs = [agentOf('digest', { day: 10 })];
    const places = [{ kind: 'slack', channel: '#ops' }] as const;
    const budget = budgetOf(h, { caps: { dayMicroUsd: usd(0.4) }, alertsTo: places, jobs: () => jobs });
    const told = async () => (await h.store.listNotices({})).items.map(({ notice }) => notice.key);
    const first = await begun(h.store);
    const purse = await purseOf(budget, first.run, job);
    await purse.beforeTurn({ spentMicroUsd: 100_000, boundMicroUsd: 0 });
    expect(await budget.full(job)).toContain('$0.10 used and $0.15 held by runs under way');
    expect(await told()).toEqual([]);
    await h.store.settle([{ lease: first.lease, end: 'completed', ...purse.rest(100_000) }]);
    expect(await budget.full(job)).toContain('The day cap of $0.40 does not allow a run of digest');
    await budget.full(job);
    expect(await told()).toEqual([`budget.${DAY}.100`]);
  });

  test('an attempt counts nothing more once a later one has counted it at its bound, also when that is refused', async () => {
    const budget = budgetOf(h);
    const first = await begun(h.store);
    const purse = await purseOf(budget, first.run, job);
    await purse.beforeTurn({ spentMicroUsd: 0, boundMicroUsd: 250_000 });
    expect((await refusedBy(budget, first.run)).message).toContain('leaves nothing to spend: $0.25 used');
    expect(purse.rest(4_000)).toEqual({ spend: [], docs: [] });
    expect((await counter(h.store, DAY)).used).toBe(250_000);
  });
});
