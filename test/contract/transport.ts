/** What the outbox relies on, for every transport: run it with describeTransport in a test of the transport. */
import { describe, expect, it } from 'vitest';
import type { SendRequest, Transport } from '../../src/delivery/transport.ts';
import { DeliveryError } from '../../src/errors.ts';
import type { About } from '../../src/store/notice-records.ts';
import type { Destination, Receipt } from '../../src/store/destinations.ts';
import type { Delivery } from '../../src/store/records.ts';
import type { Json } from '../../src/store/store.ts';
import { sampleNotice, sampleReport, sampleRun } from '../support/delivery-report.ts';

export interface TransportHarness extends AsyncDisposable {
  transport: Transport;
  destination: Destination;
  /** What arrived at the far side, each message as one string without what names the try (a "sent again" line). */
  arrived(): Promise<string[]>;
  /** The far side refuses the next send for good. */
  refuse(): Promise<void>;
  /** The far side refuses the next send for now; absent where that cannot be brought about. */
  refuseForNow?(): Promise<void>;
  /** The next send arrives and its answer is lost; absent where that cannot be brought about. */
  loseAnswer?(): Promise<void>;
  /** Whether the receipt names the place and the message there. */
  names(receipt: Receipt): boolean;
}

export function describeTransport(name: string, open: () => Promise<TransportHarness>): void {
  const run = sampleRun({ report: sampleReport() });
  const about: About = { kind: 'run', run };
  const plan = (destination: Destination): Delivery => ({
    id: 'dlv_01k9zzzzzzzzzzzzzzzzzzzz8d',
    mode: 'report',
    destination,
    runId: run.id,
    rev: 0,
    state: 'sending',
    createdAt: run.createdAt,
    updatedAt: run.createdAt,
    fence: 1,
    attempts: 1,
    parts: [],
  });
  const bodiesOf = (harness: TransportHarness): Json[] =>
    harness.transport.prepare({ delivery: plan(harness.destination), about, deliveries: [] });
  async function send(harness: TransportHarness, over: Partial<SendRequest> = {}): Promise<Receipt> {
    const [body = null] = bodiesOf(harness);
    const request = { delivery: plan(harness.destination), about, n: 1, body, previous: [], resent: false, ...over };
    return harness.transport.send(request, new AbortController().signal);
  }
  async function failure(work: Promise<unknown>): Promise<DeliveryError> {
    const error = await work.then(
      () => new Error('it was sent'),
      (reason: unknown) => reason,
    );
    if (error instanceof DeliveryError) return error;
    throw error;
  }

  describe(`a transport: ${name}`, () => {
    it('renders one part or more, the same each time, that survive being stored', async () => {
      await using harness = await open();
      const bodies = bodiesOf(harness);
      expect(bodies.length).toBeGreaterThan(0);
      expect(bodiesOf(harness)).toEqual(bodies);
      expect(JSON.parse(JSON.stringify(bodies))).toEqual(bodies);
    });

    it('answers a receipt that names where the message is', async () => {
      await using harness = await open();
      expect(harness.names(await send(harness))).toBe(true);
      expect(await harness.arrived()).toHaveLength(1);
    });

    it('sends the same again when it is asked to', async () => {
      await using harness = await open();
      await send(harness);
      const [first] = await harness.arrived();
      await send(harness, { resent: true });
      expect((await harness.arrived()).at(-1)).toBe(first);
    });

    it('says that a refusal is for good', async () => {
      await using harness = await open();
      await harness.refuse();
      const error = await failure(send(harness));
      expect(error).toMatchObject({ permanent: true, ambiguous: false });
      expect(error.message.length).toBeGreaterThan(10);
      expect(await harness.arrived()).toEqual([]);
    });

    it('says that a refusal is for now, and sends when it is over', async () => {
      await using harness = await open();
      if (harness.refuseForNow === undefined) return;
      await harness.refuseForNow();
      expect(await failure(send(harness))).toMatchObject({ permanent: false, ambiguous: false });
      await send(harness);
      expect(await harness.arrived()).toHaveLength(1);
    });

    it('sends every part of a report in its order, each with a receipt of its own', async () => {
      await using harness = await open();
      const delivery = plan(harness.destination);
      const previous: Receipt[] = [];
      for (const [index, body] of bodiesOf(harness).entries())
        previous.push(await send(harness, { delivery, n: index + 1, body, previous: [...previous] }));
      expect(previous.map(({ kind }) => kind)).toEqual(bodiesOf(harness).map(() => harness.transport.kind));
      expect(new Set(previous.map((receipt) => JSON.stringify(receipt))).size).toBe(previous.length);
    });

    it('says of a lost answer that the part may have arrived, and finds it where it can look', async () => {
      await using harness = await open();
      if (harness.loseAnswer === undefined) return;
      await harness.loseAnswer();
      expect(await failure(send(harness))).toMatchObject({ permanent: false, ambiguous: true });
      expect(await harness.arrived()).toHaveLength(1);
      const { transport } = harness;
      if (transport.probe === undefined) return;
      const asked = { delivery: plan(harness.destination), about, n: 1, previous: [], since: run.createdAt };
      const found = await transport.probe(asked, new AbortController().signal);
      if (typeof found === 'string') throw new Error(`the probe says ${found}`);
      expect(harness.names(found)).toBe(true);
      await send(harness, { resent: true });
      expect(await harness.arrived(), 'what can be looked for is not sent blindly').toHaveLength(1);
    });

    it('refuses a run without a report, and a body that it did not make', async () => {
      await using harness = await open();
      const bare: About = { kind: 'run', run: sampleRun() };
      const prepare = (): unknown =>
        harness.transport.prepare({ delivery: plan(harness.destination), about: bare, deliveries: [] });
      expect(prepare).toThrow(DeliveryError);
      expect(await failure(send(harness, { body: { nonsense: true } }))).toMatchObject({ permanent: true });
      expect(await harness.arrived()).toEqual([]);
    });

    it('draws a notice and sends it like a report, naming the notice', async () => {
      await using harness = await open();
      const notice = sampleNotice();
      const { runId: _runId, ...rest } = plan(harness.destination);
      const delivery: Delivery = { ...rest, noticeId: notice.id };
      const request = { delivery, about: { kind: 'notice', notice } as const };
      const bodies = harness.transport.prepare({ ...request, deliveries: [] });
      expect(JSON.stringify(bodies)).toContain(notice.report.title);
      expect(JSON.stringify(bodies)).toContain(notice.id.slice(-6));
      const [body = null] = bodies;
      const sending = { ...request, n: 1, body, previous: [], resent: false };
      expect(harness.names(await harness.transport.send(sending, new AbortController().signal))).toBe(true);
    });

    it('has one lane for one destination', async () => {
      await using harness = await open();
      const { transport, destination } = harness;
      expect(transport.lane(destination)).toBe(transport.lane({ ...destination }));
      expect(transport.kind).toBe(destination.kind);
    });
  });
}
