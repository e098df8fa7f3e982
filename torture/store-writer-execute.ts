/** The part of a turn that executes: claim, reserve, beat, put a blob, settle with all that rides in it, and deliver. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { iso } from '../src/clock.ts';
import type { BlobRef, PlannedDelivery } from '../src/store/records.ts';
import type { ClaimedDelivery, ClaimedRun, PartChange, Settlement } from '../src/store/store.ts';
import { hashOf, TERMS } from './store-terms.ts';
import { look, nextValue } from './store-writing.ts';
import type { Writer, Writing } from './store-writing.ts';

const LEASE_MS = 120_000;
const Input = z.object({ counter: z.string(), amount: z.number(), cap: z.number() });
type Spend = { counter: string; amount: number };

/** Takes up to three runs of the writer's queues, by weight, and ends them in one way or another. */
export async function execute(to: Writing, writer: Writer, name: string): Promise<void> {
  const { queue, side } = writer;
  const queues = [
    { name: queue, limit: 2, weight: 3 },
    { name: side, limit: 1, weight: 1 },
  ];
  const request = {
    queues,
    kinds: ['function'] as const,
    limit: 3,
    workerId: `${to.life}-${queue}`,
    leaseMs: LEASE_MS,
  };
  const claimed = await to.store.claim(request);
  for (const { run, lease } of claimed) to.note({ note: 'claimed', id: run.id, fence: lease.fence });
  for (const one of claimed) await finish(to, writer, { one, name });
  if (Math.random() < 0.5) await deliver(to, request.workerId);
}

async function finish(to: Writing, writer: Writer, what: { one: ClaimedRun; name: string }): Promise<void> {
  const { run, lease, exhausted } = what.one;
  const lot = Math.random();
  if (!exhausted && lot < 0.05) return to.store.release([lease]);
  if (!exhausted && lot < 0.1) {
    await to.store.settle([{ lease, end: 'failed', retryAt: iso(to.clock.now()) }]);
    return;
  }
  if (lot < 0.2) {
    const progress = { steps: [], note: what.name };
    await to.store.heartbeat([{ lease, leaseMs: LEASE_MS, progress }]);
  }
  const spend = await reserve(to, what.one);
  const blob = lot < 0.5 ? await putBlob(to) : undefined;
  const failed = exhausted || lot > 0.95;
  const token = `${what.name}-${lease.fence}`;
  const settled = await settle(to, writer, { lease, token, failed, spend, blob });
  if (settled && run.trigger !== 'schedule') writer.finished.push(run.id);
}

async function reserve(to: Writing, { run }: ClaimedRun): Promise<Spend | undefined> {
  const input = Input.safeParse(run.input);
  if (!input.success) return undefined;
  const { counter, amount, cap } = input.data;
  to.note({ note: 'wish-reserve', id: run.id, counter, amount, cap });
  const outcome = await to.store.reserve({ runId: run.id, counters: [{ key: counter, amount, cap }] });
  if (outcome.outcome !== 'reserved') return undefined;
  to.note({ note: 'reserved', id: run.id, counter });
  const [at] = outcome.counters;
  const total = (at?.used ?? 0) + (at?.held ?? 0);
  look(to, 'counters', { holds: total <= cap, what: `${counter} stands at ${total} of ${cap}` });
  // Sometimes less is spent than was set aside.
  return { counter, amount: Math.ceil(amount * Math.random()) };
}

async function putBlob(to: Writing): Promise<{ ref: BlobRef; bytes: Buffer; until: number } | undefined> {
  const bytes = to.charts[Math.floor(Math.random() * to.charts.length)];
  if (bytes === undefined) return undefined;
  const until = to.clock.now() + TERMS.blobGraceMs;
  const put = await to.store.blobs.put(inPieces(bytes));
  const sha256 = hashOf(bytes);
  const holds = put.outcome === 'stored' && put.sha256 === sha256 && put.bytes === bytes.length;
  look(to, 'blobs', { holds, what: `${sha256}: ${JSON.stringify(put)}` });
  // One in five is never named: it is to be collected.
  if (Math.random() < 0.2) return undefined;
  return { ref: { sha256, bytes: bytes.length, name: 'chart.svg' }, bytes, until };
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
}

interface Ending {
  lease: ClaimedRun['lease'];
  token: string;
  failed: boolean;
  spend: Spend | undefined;
  blob: Awaited<ReturnType<typeof putBlob>>;
}

async function settle(to: Writing, writer: Writer, ending: Ending): Promise<boolean> {
  const { lease, token, failed, spend, blob } = ending;
  const end = failed ? 'failed' : 'completed';
  const register = `doc status/last-${writer.queue}`;
  const settlement: Settlement = {
    lease,
    end,
    ...(failed ? { error: { code: 'JOB_FAILED', message: token } } : { result: token }),
    deliveries: failed ? [] : [plan(to)],
    docs: [{ kind: 'status', key: `last-${writer.queue}`, value: token }],
    ...(spend === undefined ? {} : { spend: [{ key: spend.counter, amount: spend.amount }] }),
    ...(blob === undefined ? {} : { blobs: [blob.ref] }),
  };
  nextValue(to, register);
  to.note({ note: 'wish-set', register, value: token });
  to.note({ note: 'wish-settle', id: lease.runId, end, token, at: to.clock.now(), ...spend });
  const [outcome] = await to.store.settle([settlement]);
  if (blob !== undefined) lookAtBlob(to, { blob, missing: outcome?.outcome === 'blob_missing' });
  if (outcome?.outcome !== 'settled') {
    to.note({ note: 'not-set', register, value: token });
    return false;
  }
  to.note({ note: 'settled', id: lease.runId, token });
  to.note({ note: 'set', register, value: token });
  const read = await to.store.get(lease.runId);
  look(to, 'reads', {
    holds: read === undefined || read.state === end,
    what: `${lease.runId} is ${read?.state}, settled as ${end}`,
  });
  return true;
}

/** Nobody may have collected it yet; later the store may say so, and then nothing was settled. */
function lookAtBlob(to: Writing, { blob, missing }: { blob: { ref: BlobRef; until: number }; missing: boolean }): void {
  look(to, 'blobs', {
    holds: !missing || to.clock.now() >= blob.until,
    what: `${blob.ref.sha256} was gone within its grace`,
  });
}

function plan(to: Writing): PlannedDelivery {
  return { id: to.ids.next('dlv'), mode: 'report', destination: { kind: 'slack', channel: 'C0SALES' } };
}

/** Freezes a part, says that it is being sent, that it was, and that all is delivered; now and then it stops half-way. */
async function deliver(to: Writing, workerId: string): Promise<void> {
  for (const one of await to.store.claimDeliveries({ limit: 4, workerId, leaseMs: LEASE_MS }))
    await deliverOne(to, one);
}

async function deliverOne(to: Writing, { delivery, lease }: ClaimedDelivery): Promise<void> {
  const { deliveryId, runId: id } = lease;
  // The writers add no notices.
  if (id === undefined) return;
  const body = createHash('sha256').update(deliveryId).digest('hex');
  const at = iso(to.clock.now());
  const receipt = { kind: 'slack', at, channel: 'C0SALES', ts: deliveryId } as const;
  const steps: [state: 'frozen' | 'sending' | 'sent', change: PartChange][] = [
    ['frozen', { lease, freeze: [{ n: 1, body }] }],
    ['sending', { lease, part: { n: 1, state: 'sending', at } }],
    ['sent', { lease, part: { n: 1, state: 'sent', at, receipt } }],
  ];
  const [part] = delivery.parts;
  const done = part === undefined ? 0 : { pending: 1, sending: 2, sent: 3 }[part.state];
  for (const [state, change] of steps.slice(done)) {
    if (Math.random() < 0.03) return;
    const { outcome } = await to.store.recordPart(change);
    if (outcome !== 'recorded') return;
    to.note({ note: 'part', id, delivery: deliveryId, state, body });
  }
  const { outcome } = await to.store.settleDelivery({ lease, outcome: 'delivered' });
  if (outcome === 'recorded') to.note({ note: 'delivered', id, delivery: deliveryId });
}
