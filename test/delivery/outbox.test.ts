import { describe, expect, it } from 'vitest';
import { DeliveryError } from '../../src/errors.ts';
import type { Delivery } from '../../src/store/records.ts';
import { outboxBench, SLACK } from '../support/delivery-outbox.ts';
import type { Bench } from '../support/delivery-outbox.ts';

const notSent = (): Error => new DeliveryError('away', { code: 'SLACK_UNAVAILABLE' });
const lost = (): Error => new DeliveryError('lost', { code: 'SLACK_AMBIGUOUS', ambiguous: true });
const refused = (): Error => new DeliveryError('no', { code: 'SLACK_REJECTED', permanent: true });
const wait = (ms: number): Error => new DeliveryError('wait', { code: 'SLACK_RATE_LIMITED', retryAfterMs: ms });

async function only(bench: Bench, runId: string): Promise<Delivery> {
  const [delivery] = await bench.deliveries(runId);
  if (delivery === undefined) throw new Error('no delivery');
  return delivery;
}

/** What a kill leaves: the claim and what it recorded, and nobody who works on it. */
async function killed(bench: Bench, upTo: 'claimed' | 'begun' | 'accepted'): Promise<void> {
  const [claim] = await bench.store.claimDeliveries({ limit: 1, workerId: 'dead', leaseMs: 5_000 });
  if (claim === undefined) throw new Error('nothing to claim');
  const at = new Date(bench.clock.now()).toISOString();
  if (upTo !== 'claimed') {
    const body = { text: 'Weekly report', index: 0 };
    const change = { freeze: [{ n: 1, body }], part: { n: 1, state: 'sending' as const, at } };
    await bench.store.recordPart({ lease: claim.lease, ...change });
    const sent = { deliveryId: claim.delivery.id, n: 1, body, resent: false, at: bench.clock.monotonic(), lane: 'x' };
    if (upTo === 'accepted') bench.script.accepted.push(sent);
  }
  bench.clock.step(5_001);
  await bench.store.sweep();
}

describe('the outbox', () => {
  it('delivers each part in order and keeps a receipt of each', async () => {
    const bench = outboxBench();
    bench.script.parts = 3;
    const { run } = await bench.plan([SLACK('C0ONE')]);
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(100);
    const delivery = await only(bench, run.id);
    expect(delivery.state).toBe('delivered');
    expect(bench.script.accepted.map((one) => one.n)).toEqual([1, 2, 3]);
    expect(delivery.parts.map((part) => part.receipt?.kind)).toEqual(['slack', 'slack', 'slack']);
    expect(delivery.parts.every((part) => part.body === undefined)).toBe(true);
  });

  it('stores the intent and the frozen bodies before the first send', async () => {
    const bench = outboxBench();
    bench.script.parts = 2;
    const { run } = await bench.plan([SLACK('C0ONE')]);
    bench.script.fates.push({ hang: true });
    const outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(10);
    const { parts } = await only(bench, run.id);
    expect(parts.map((part) => part.state)).toEqual(['sending', 'pending']);
    expect(parts.map((part) => part.body)).toEqual([
      { text: 'Weekly report', index: 0 },
      { text: 'Weekly report', index: 1 },
    ]);
    const stopped = outbox.stop();
    await bench.clock.advance(20_000);
    await stopped;
  });

  it('tries again after a failure that surely sent nothing, with the same body', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    bench.script.fates.push({ error: notSent() }, { error: notSent() });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(100);
    expect(await only(bench, run.id)).toMatchObject({ state: 'retrying', error: { code: 'SLACK_UNAVAILABLE' } });
    await bench.clock.advance(60_000);
    expect(await only(bench, run.id)).toMatchObject({ state: 'delivered', attempts: 3 });
    expect(bench.script.accepted).toMatchObject([{ body: { text: 'Weekly report', index: 0 }, resent: false }]);
    expect(bench.script.probes).toBe(0);
  });

  it('ends at once when the other side refuses for good', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    bench.script.fates.push({ error: refused() });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(90_000_000);
    expect(await only(bench, run.id)).toMatchObject({ state: 'failed', error: { code: 'SLACK_REJECTED' } });
    expect(bench.script.accepted).toEqual([]);
  });

  it('gives up after a day, and says what the last failure was', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    for (let n = 0; n < 500; n++) bench.script.fates.push({ error: notSent() });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(87_000_000);
    const { state, error } = await only(bench, run.id);
    expect(state).toBe('failed');
    expect(error).toMatchObject({ code: 'GAVE_UP' });
    expect(error?.message).toContain('away');
  });

  it('waits as long as it is asked to, in all lanes of the group', async () => {
    const bench = outboxBench();
    await bench.plan([SLACK('C0ONE')]);
    bench.script.fates.push({ error: wait(45_000) });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(100);
    await bench.plan([SLACK('C0TWO')]);
    await bench.clock.advance(44_000);
    expect(bench.script.accepted).toEqual([]);
    await bench.clock.advance(2_000);
    expect(bench.script.accepted).toHaveLength(2);
  });

  it('delivers to other lanes while one is failing', async () => {
    const bench = outboxBench();
    const { ids } = await bench.plan([SLACK('C0ONE'), SLACK('C0TWO')]);
    bench.script.fates.push({ error: notSent() });
    await using outbox = bench.outbox({ concurrency: 1 });
    outbox.start();
    await bench.clock.advance(50);
    expect(bench.script.accepted.map((one) => one.deliveryId)).toEqual([ids[1]]);
  });

  it('keeps the planning order inside a lane', async () => {
    const bench = outboxBench();
    const first = await bench.plan([SLACK('C0ONE')]);
    const second = await bench.plan([SLACK('C0ONE')]);
    const third = await bench.plan([SLACK('C0ONE')]);
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(50);
    expect(bench.script.accepted.map((one) => one.deliveryId)).toEqual([...first.ids, ...second.ids, ...third.ids]);
  });

  it.each([
    ['was surely not sent', notSent],
    ['may have been sent', lost],
  ])('keeps the planning order inside a lane when the first %s and is tried again soon', async (_fact, error) => {
    const bench = outboxBench();
    const first = await bench.plan([SLACK('C0ONE')]);
    const second = await bench.plan([SLACK('C0ONE')]);
    bench.script.fates.push({ error: error() });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(90_000);
    expect(bench.script.accepted.map((one) => one.deliveryId)).toEqual([...first.ids, ...second.ids]);
  });

  it('lets the later ones of a lane go ahead of one that has to wait for minutes', async () => {
    const bench = outboxBench();
    await bench.plan([SLACK('C0ONE')]);
    const second = await bench.plan([SLACK('C0ONE')]);
    const minutes = new DeliveryError('later', { code: 'SLACK_UNAVAILABLE', retryAfterMs: 600_000 });
    bench.script.fates.push({ error: minutes });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(90_000);
    expect(bench.script.accepted.map((one) => one.deliveryId)).toEqual(second.ids);
  });

  it('sends no further part once another sender holds the delivery', async () => {
    const bench = outboxBench();
    bench.script.parts = 2;
    const { transport } = bench.script;
    bench.script.transport = {
      ...transport,
      async send(request, signal) {
        const receipt = await transport.send(request, signal);
        bench.clock.step(600_001);
        await bench.store.sweep();
        await bench.store.claimDeliveries({ limit: 1, workerId: 'other', leaseMs: 3_600_000 });
        return receipt;
      },
    };
    const { run } = await bench.plan([SLACK('C0ONE')]);
    await using outbox = bench.outbox({ held: 1 });
    outbox.start();
    await bench.clock.advance(100);
    expect(bench.script.accepted.map((one) => one.n)).toEqual([1]);
    expect(await only(bench, run.id)).toMatchObject({ state: 'sending', claimedBy: 'other' });
  });

  it('keeps the pace of a place, and begins no part that was waiting for it when it stops', async () => {
    const bench = outboxBench();
    bench.script.parts = 3;
    const pace = () => ({ key: 'one', perSecond: 1, burst: 1 });
    bench.script.transport = { ...bench.script.transport, pace };
    const { run } = await bench.plan([SLACK('C0ONE')]);
    const outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(900);
    expect(bench.script.accepted.map((one) => one.n)).toEqual([1]);
    await bench.clock.advance(900);
    expect(bench.script.accepted.map((one) => one.n)).toEqual([1, 2]);
    await outbox.stop();
    expect(bench.script.accepted.map((one) => one.n)).toEqual([1, 2]);
    const { state, parts } = await only(bench, run.id);
    expect([state, ...parts.map((part) => part.state)]).toEqual(['retrying', 'sent', 'sent', 'pending']);
  });

  it('looks at the store again when its feed broke', async () => {
    const bench = outboxBench();
    let watched = 0;
    const { watch } = bench.store;
    bench.store.watch = (since, signal) => {
      if (watched++ === 0) throw new Error('the feed broke');
      return watch(since, signal);
    };
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(2_000);
    await bench.plan([SLACK('C0ONE')]);
    await bench.clock.advance(100);
    expect(bench.script.accepted).toHaveLength(1);
  });

  it('tries a lane that failed five times at most once a minute', async () => {
    const bench = outboxBench();
    for (let n = 0; n < 12; n++) await bench.plan([SLACK('C0ONE')]);
    for (let n = 0; n < 500; n++) bench.script.fates.push({ error: notSent() });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(31_000);
    const used = 500 - bench.script.fates.length;
    expect(used).toBe(5);
    await bench.clock.advance(180_000);
    expect(500 - bench.script.fates.length - used).toBeLessThanOrEqual(3);
    expect(500 - bench.script.fates.length).toBeGreaterThan(used);
  });

  it('says which setting is missing when a way of sending is off', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([{ kind: 'email', to: 'ana@example.com' }]);
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(50);
    const { state, error } = await only(bench, run.id);
    expect(state).toBe('failed');
    expect(error).toMatchObject({ code: 'TRANSPORT_OFF', hint: 'Set SMTP_URL and BELLHOP_MAIL_FROM.' });
  });

  it('is idle only when nothing is in hand and nothing is due', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    await using outbox = bench.outbox();
    outbox.start();
    await outbox.idle();
    expect((await only(bench, run.id)).state).toBe('delivered');
  });

  it('begins nothing new when it stops, and leaves what it abandoned to be looked for', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    const second = await bench.plan([SLACK('C0ONE')]);
    bench.script.fates.push({ hang: true });
    const outbox = bench.outbox({ graceMs: 1_000 });
    outbox.start();
    await bench.clock.advance(50);
    const stopped = outbox.stop();
    await bench.clock.advance(2_000);
    await stopped;
    const delivery = await only(bench, run.id);
    expect(delivery.state).toBe('retrying');
    expect(delivery.parts[0]?.state).toBe('sending');
    expect(await only(bench, second.run.id)).toMatchObject({ state: 'retrying', parts: [] });
    expect(bench.script.accepted).toEqual([]);
  });
});

describe('a part that may have arrived', () => {
  it('is found by looking and not sent again when the answer was lost', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    bench.script.fates.push({ error: lost(), accepted: true });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(40_000);
    const { state, parts } = await only(bench, run.id);
    expect(state).toBe('delivered');
    expect(parts[0]?.receipt).toMatchObject({ found: true });
    expect(bench.script.accepted).toHaveLength(1);
  });

  it('is sent again, marked, only when it is absent long enough after it was begun', async () => {
    const bench = outboxBench();
    await bench.plan([SLACK('C0ONE')]);
    bench.script.fates.push({ error: lost() });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(29_000);
    expect(bench.script.accepted).toEqual([]);
    await bench.clock.advance(2_000);
    expect(bench.script.accepted).toMatchObject([{ resent: true, body: { text: 'Weekly report', index: 0 } }]);
  });

  it('is treated so as well when a transport throws what it should not', async () => {
    const bench = outboxBench();
    await bench.plan([SLACK('C0ONE')]);
    bench.script.fates.push({ error: new TypeError('bug'), accepted: true });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(40_000);
    expect(bench.script.accepted).toHaveLength(1);
  });

  it('is sent once more, marked, when it cannot be looked for, and then left unknown', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    bench.script.probeAnswer = 'unknowable';
    bench.script.fates.push({ error: lost(), accepted: true }, { error: lost(), accepted: true });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(3_600_000);
    expect(bench.script.accepted.map((one) => one.resent)).toEqual([false, true]);
    expect(await only(bench, run.id)).toMatchObject({ state: 'unknown', error: { code: 'SLACK_AMBIGUOUS' } });
  });

  it('is still marked when Slack asked to wait before the copy went out', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    bench.script.probeAnswer = 'unknowable';
    bench.script.fates.push({ error: lost(), accepted: true }, { error: wait(5_000) });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(300_000);
    expect(bench.script.accepted.map((one) => one.resent)).toEqual([false, true]);
    expect((await only(bench, run.id)).state).toBe('delivered');
  });

  it('is unknown, not failed, when the copy is refused for good', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    bench.script.probeAnswer = 'unknowable';
    bench.script.fates.push({ error: lost(), accepted: true }, { error: refused() });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(300_000);
    expect(await only(bench, run.id)).toMatchObject({ state: 'unknown', error: { code: 'SLACK_REJECTED' } });
  });

  it('is unknown, not failed, when the time for it is over, and was looked for less and less often', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    bench.script.probeAnswer = 'absent';
    for (let n = 0; n < 500; n++) bench.script.fates.push({ error: lost() });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(88_000_000);
    expect(await only(bench, run.id)).toMatchObject({ state: 'unknown', error: { code: 'GAVE_UP' } });
    expect(bench.script.probes).toBeLessThan(200);
  });

  it('is held as unknown when it cannot be looked for and the policy is to hold', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    bench.script.probeAnswer = 'unknowable';
    bench.script.fates.push({ error: lost(), accepted: true });
    await using outbox = bench.outbox({ unprobed: 'hold' });
    outbox.start();
    await bench.clock.advance(3_600_000);
    expect(bench.script.accepted).toHaveLength(1);
    expect((await only(bench, run.id)).state).toBe('unknown');
  });

  it('is sent once more after the pause and then left unknown when its kind cannot be looked for', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    const { probe: _probe, ...rest } = bench.script.transport;
    bench.script.transport = { ...rest, ambiguity: { policy: 'once', afterMs: 600_000 } };
    bench.script.fates.push({ error: lost(), accepted: true }, { error: lost(), accepted: true });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(599_000);
    expect(bench.script.accepted).toHaveLength(1);
    await bench.clock.advance(3_600_000);
    expect(bench.script.accepted).toHaveLength(2);
    expect((await only(bench, run.id)).state).toBe('unknown');
  });
});

describe('after a kill', () => {
  it('a delivery that was claimed and not begun is sent (P0)', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    await killed(bench, 'claimed');
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(100);
    expect((await only(bench, run.id)).state).toBe('delivered');
    expect(bench.script.accepted.map((one) => one.resent)).toEqual([false]);
  });

  it('a part that was begun and never accepted is sent again, marked (P1)', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    await killed(bench, 'begun');
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(20_000);
    expect(bench.script.probes).toBeGreaterThan(0);
    expect(bench.script.accepted).toEqual([]);
    await bench.clock.advance(40_000);
    expect((await only(bench, run.id)).state).toBe('delivered');
    expect(bench.script.accepted.map((one) => one.resent)).toEqual([true]);
  });

  it('a part that was accepted and whose receipt was not stored is found and not sent again (P2, P3)', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    await killed(bench, 'accepted');
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(60_000);
    expect(bench.script.accepted).toHaveLength(1);
    expect(await only(bench, run.id)).toMatchObject({ state: 'delivered', parts: [{ receipt: { found: true } }] });
  });

  it('a report with some receipts goes on with the next part (P4)', async () => {
    const bench = outboxBench();
    bench.script.parts = 3;
    const { run } = await bench.plan([SLACK('C0ONE')]);
    bench.script.fates.push({}, { error: notSent() });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(60_000);
    expect((await only(bench, run.id)).state).toBe('delivered');
    expect(bench.script.accepted.map((one) => one.n)).toEqual([1, 2, 3]);
  });

  it('a delivery whose holders died three times in a row is given up as poison', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    for (let n = 0; n < 3; n++) await killed(bench, 'begun');
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(60_000);
    expect(await only(bench, run.id)).toMatchObject({ state: 'failed', error: { code: 'POISON' } });
    expect(bench.script.accepted).toEqual([]);
  });

  it('a removed run is not posted about', async () => {
    const bench = outboxBench();
    const { run } = await bench.plan([SLACK('C0ONE')]);
    await bench.store.remove(run.id, { kind: 'operator', id: 'op' });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(1_000);
    expect(bench.script.accepted).toEqual([]);
  });
});
