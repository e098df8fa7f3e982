import { describe, expect, it } from 'vitest';
import { DeliveryError } from '../../src/errors.ts';
import { outboxBench, SLACK } from '../support/delivery-outbox.ts';
import type { Bench } from '../support/delivery-outbox.ts';
import { newNotice } from '../support/store-notices.ts';

const BODY = { text: 'weekly-report failed', index: 0 };
const lost = (): Error => new DeliveryError('lost', { code: 'SLACK_AMBIGUOUS', ambiguous: true });

async function added(bench: Bench, ...channels: string[]): Promise<string> {
  return (await bench.store.addNotice(newNotice({ destinations: channels.map(SLACK) }))).notice.id;
}

/** What a kill after the intent leaves; `accepted`: the far side had taken the message. */
async function killed(bench: Bench, upTo: 'begun' | 'accepted'): Promise<void> {
  const [claim] = await bench.store.claimDeliveries({ limit: 1, workerId: 'dead', leaseMs: 5_000 });
  if (claim === undefined) throw new Error('nothing to claim');
  const at = new Date(bench.clock.now()).toISOString();
  const freeze = [{ n: 1, body: BODY }];
  await bench.store.recordPart({ lease: claim.lease, freeze, part: { n: 1, state: 'sending', at } });
  const sent = { deliveryId: claim.delivery.id, n: 1, body: BODY, resent: false, at: 0, lane: 'x' };
  if (upTo === 'accepted') bench.script.accepted.push(sent);
  bench.clock.step(5_001);
  await bench.store.sweep();
}

describe('the outbox with a notice', () => {
  it('delivers it to each place, with receipts, as soon as it is added', async () => {
    const bench = outboxBench();
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(100);
    const id = await added(bench, 'C0ONE', 'C0TWO');
    await bench.clock.advance(100);
    const deliveries = await bench.deliveries(id);
    expect(deliveries.map((one) => one.state)).toEqual(['delivered', 'delivered']);
    expect(deliveries.map((one) => one.parts[0]?.receipt?.kind)).toEqual(['slack', 'slack']);
    expect(bench.script.accepted.map((one) => one.body)).toEqual([BODY, BODY]);
  });

  it('stores the intent and the frozen body before it is sent', async () => {
    const bench = outboxBench();
    const id = await added(bench, 'C0ONE');
    bench.script.fates.push({ hang: true });
    const outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(10);
    expect(await bench.deliveries(id)).toMatchObject([{ parts: [{ state: 'sending', body: BODY }] }]);
    const stopped = outbox.stop();
    await bench.clock.advance(20_000);
    await stopped;
  });

  it('looks for one that a dead process had begun, and takes what it finds for the receipt', async () => {
    const bench = outboxBench();
    const id = await added(bench, 'C0ONE');
    await killed(bench, 'accepted');
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(60_000);
    expect(await bench.deliveries(id)).toMatchObject([{ state: 'delivered', parts: [{ receipt: { found: true } }] }]);
    expect(bench.script.accepted).toHaveLength(1);
  });

  it('sends one again, marked as such, that is not there', async () => {
    const bench = outboxBench();
    const id = await added(bench, 'C0ONE');
    await killed(bench, 'begun');
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(120_000);
    expect(await bench.deliveries(id)).toMatchObject([{ state: 'delivered' }]);
    expect(bench.script.accepted).toMatchObject([{ resent: true, body: BODY }]);
  });

  it('ends as unknown when nobody can tell whether it arrived', async () => {
    const bench = outboxBench();
    bench.script.probeAnswer = 'unknowable';
    bench.script.fates.push({ error: lost() }, { error: lost() });
    const id = await added(bench, 'C0ONE');
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(3_600_000);
    expect(await bench.deliveries(id)).toMatchObject([{ state: 'unknown', error: { code: 'SLACK_AMBIGUOUS' } }]);
  });

  it('gives one up that killed the process three times', async () => {
    const bench = outboxBench();
    const id = await added(bench, 'C0ONE');
    for (let n = 0; n < 3; n++) await killed(bench, 'begun');
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(60_000);
    expect(await bench.deliveries(id)).toMatchObject([{ state: 'failed', error: { code: 'POISON' } }]);
    expect(bench.script.accepted).toEqual([]);
  });
});
