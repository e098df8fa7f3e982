import { describe, expect, it } from 'vitest';
import { DeliveryError } from '../../src/errors.ts';
import { makeReport } from '../support/delivery-report.ts';
import { finishRun, outboxBench, SLACK } from '../support/delivery-outbox.ts';
import type { Bench } from '../support/delivery-outbox.ts';

async function progress(bench: Bench, runId: string, notes: string[]): Promise<void> {
  const [claim] = await bench.store.claim({
    queues: [{ name: 'weekly-report', limit: 1 }],
    kinds: ['function'],
    limit: 1,
    workerId: 'runner',
    leaseMs: 600_000,
  });
  if (claim?.run.id !== runId) throw new Error('not claimed');
  for (const note of notes) {
    await bench.clock.advance(500);
    await bench.store.heartbeat([{ lease: claim.lease, leaseMs: 600_000, progress: { steps: [], note } }]);
  }
}

describe('the live card', () => {
  it('keeps no report waiting while many cards wait for their turn to be edited', async () => {
    const bench = outboxBench();
    const pace = (action: 'send' | 'edit') =>
      action === 'edit' ? { key: 'edits', perSecond: 1, burst: 1 } : { key: 'posts', perSecond: 1_000, burst: 1_000 };
    bench.script.transport = { ...bench.script.transport, pace };
    for (let n = 0; n < 12; n++) await bench.card(`C0CARD${n}`);
    await using outbox = bench.outbox({ concurrency: 4, editEveryMs: 10 });
    outbox.start();
    await bench.clock.advance(1_000);
    const terms = { queues: [{ name: 'weekly-report', limit: 12 }], kinds: ['function'], limit: 12 } as const;
    const claims = await bench.store.claim({ ...terms, workerId: 'runner', leaseMs: 600_000 });
    expect(claims).toHaveLength(12);
    await bench.clock.advance(1_500);
    const plan = { id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d', mode: 'report' as const, destination: SLACK('C0REPORT') };
    const [first] = claims;
    if (first === undefined) throw new Error('not claimed');
    await bench.store.settle([{ lease: first.lease, end: 'completed', report: makeReport(), deliveries: [plan] }]);
    await bench.clock.advance(50);
    expect(bench.script.accepted.at(-1)?.lane).toBe('slack:C0REPORT');
    await bench.clock.advance(30_000);
    expect(new Set(bench.script.edits.map((edit) => JSON.stringify(edit.receipt))).size).toBe(12);
    const times = bench.script.edits.map((edit) => edit.at);
    for (const [n, at] of times.entries()) if (n > 1) expect(at - (times[n - 2] ?? 0)).toBeGreaterThanOrEqual(1_000);
  });

  it('is posted once and then edited, at most once in three seconds', async () => {
    const bench = outboxBench();
    const { run } = await bench.card('C0ONE');
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(100);
    await progress(
      bench,
      run.id,
      Array.from({ length: 40 }, (_, n) => `step ${n}`),
    );
    await bench.clock.advance(10_000);
    expect(bench.script.accepted).toHaveLength(1);
    const times = bench.script.edits.map((edit) => edit.at);
    expect(times.length).toBeGreaterThan(4);
    for (const [index, at] of times.entries()) expect(at - (times[index - 1] ?? -3_000)).toBeGreaterThanOrEqual(3_000);
  });

  it('shows the final state, is final itself, and is never posted anew', async () => {
    const bench = outboxBench();
    const { run, id } = await bench.card('C0ONE');
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(4_000);
    await finishRun(bench.store, run.id, { report: makeReport(), deliveries: [] });
    await bench.clock.advance(10_000);
    expect(bench.script.edits.at(-1)?.body).toMatchObject({ card: 'completed' });
    const [card] = await bench.deliveries(run.id);
    expect(card).toMatchObject({ id, state: 'delivered' });
    expect(bench.script.accepted).toHaveLength(1);
  });

  it('stops at a card that was deleted, and the report is delivered all the same', async () => {
    const bench = outboxBench();
    const { run } = await bench.card('C0ONE');
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(4_000);
    const gone = new DeliveryError('gone', { code: 'SLACK_REJECTED', permanent: true });
    bench.script.editFates.push({ error: gone });
    const report = {
      id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d',
      mode: 'report' as const,
      destination: { kind: 'slack' as const, channel: 'C0ONE' },
    };
    await finishRun(bench.store, run.id, { report: makeReport(), deliveries: [report] });
    await bench.clock.advance(30_000);
    const [card, sent] = await bench.deliveries(run.id);
    expect(card).toMatchObject({ state: 'failed', error: { code: 'SLACK_REJECTED' } });
    expect(sent?.state).toBe('delivered');
  });

  it('is looked for and not posted twice when the answer to its post was lost, and then brought up to date', async () => {
    const bench = outboxBench();
    const { run } = await bench.card('C0ONE');
    const lost = new DeliveryError('lost', { code: 'SLACK_AMBIGUOUS', ambiguous: true });
    bench.script.fates.push({ error: lost, accepted: true });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(1_000);
    await finishRun(bench.store, run.id, { report: makeReport(), deliveries: [] });
    await bench.clock.advance(60_000);
    expect(bench.script.accepted).toMatchObject([{ body: { card: 'queued' } }]);
    expect(bench.script.edits.at(-1)?.body).toMatchObject({ card: 'completed' });
    expect((await bench.deliveries(run.id))[0]?.state).toBe('delivered');
  });

  it('shows the present state when its first post had to wait', async () => {
    const bench = outboxBench();
    const { run } = await bench.card('C0ONE');
    bench.script.fates.push({ error: new DeliveryError('away', { code: 'SLACK_UNAVAILABLE' }) });
    await using outbox = bench.outbox();
    outbox.start();
    await bench.clock.advance(100);
    await finishRun(bench.store, run.id, { report: makeReport(), deliveries: [] });
    await bench.clock.advance(30_000);
    expect(bench.script.accepted).toMatchObject([{ body: { card: 'completed' } }]);
    expect((await bench.deliveries(run.id))[0]?.state).toBe('delivered');
  });
});
