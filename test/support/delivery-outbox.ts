/** A memory store, an outbox on the manual clock, and a scripted transport whose far side keeps what it accepted. */
import { createIds } from '../../src/ids.ts';
import { silentLog } from '../../src/log.ts';
import { createOutbox } from '../../src/delivery/outbox.ts';
import type { Outbox, OutboxOptions } from '../../src/delivery/outbox.ts';
import type { Found, SendRequest, Transport } from '../../src/delivery/transport.ts';
import { createScrub } from '../../src/scrub.ts';
import type { Destination, Receipt } from '../../src/store/destinations.ts';
import type { Delivery, PlannedDelivery, Run } from '../../src/store/records.ts';
import type { Report } from '../../src/store/report.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { manualClock } from './clock.ts';
import type { ManualClock } from './clock.ts';
import { makeReport } from './delivery-report.ts';

export interface Accepted {
  deliveryId: string;
  n: number;
  body: unknown;
  resent: boolean;
  at: number;
  lane: string;
}

type Act = 'send' | 'edit';
/** What happens to one call: `throw` before or after the far side accepted, or hang until aborted. */
export type Fate = { error?: Error; accepted?: boolean; hang?: boolean };

export interface Script {
  transport: Transport;
  accepted: Accepted[];
  edits: { receipt: Receipt; body: unknown; at: number }[];
  probes: number;
  /** The fates of the next calls, first come first served; none left: success. */
  fates: Fate[];
  editFates: Fate[];
  /** Replaces the answer of the probe, which by default looks at what was accepted. */
  probeAnswer: Found | undefined;
  parts: number;
}

/** A transport whose far side is an array; slack-like: it can be probed. */
export function scriptedTransport(clock: ManualClock, over: Partial<Transport> = {}): Script {
  const laneOf = (destination: Destination): string =>
    destination.kind === 'slack' ? `slack:${destination.channel}` : `${destination.kind}:x`;
  const receiptOf = (request: Pick<SendRequest, 'delivery' | 'n'>): Receipt => ({
    kind: 'slack',
    at: new Date(clock.now()).toISOString(),
    channel: request.delivery.destination.kind === 'slack' ? request.delivery.destination.channel : 'X',
    ts: `${request.delivery.id}.${request.n}`,
  });
  async function play(fates: Fate[], act: Act, accept: () => void, signal: AbortSignal): Promise<void> {
    const fate = fates.shift();
    if (fate?.hang) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw new Error(`${act} abandoned`);
    }
    if (fate?.error === undefined || fate.accepted) accept();
    if (fate?.error !== undefined) throw fate.error;
  }
  const script: Script = {
    accepted: [],
    edits: [],
    probes: 0,
    fates: [],
    editFates: [],
    probeAnswer: undefined,
    parts: 1,
    transport: {
      kind: 'slack',
      ambiguity: { policy: 'probe', afterMs: 30_000 },
      lane: laneOf,
      group: (action) => `group:${action}`,
      pace: (action, destination) => ({ key: `${action}:${laneOf(destination)}`, perSecond: 1_000, burst: 1_000 }),
      prepare({ about, delivery }) {
        const { run } = about.kind === 'run' ? about : { run: undefined };
        if (delivery.mode === 'live') return [{ card: run?.state ?? '', rev: run?.rev ?? 0 }];
        const text = (about.kind === 'run' ? about.run.report : about.notice.report)?.title ?? '';
        return Array.from({ length: script.parts }, (_, index) => ({ text, index }));
      },
      async send(request, signal) {
        await play(
          script.fates,
          'send',
          () => {
            const { delivery, n, body, resent } = request;
            const lane = laneOf(delivery.destination);
            script.accepted.push({ deliveryId: delivery.id, n, body, resent, at: clock.monotonic(), lane });
          },
          signal,
        );
        return receiptOf(request);
      },
      async probe(request) {
        script.probes++;
        if (script.probeAnswer !== undefined) return script.probeAnswer;
        const hit = script.accepted.some((one) => one.deliveryId === request.delivery.id && one.n === request.n);
        return hit ? ({ ...receiptOf(request), found: true } as Receipt) : 'absent';
      },
      async edit({ receipt, body }, signal) {
        await play(script.editFates, 'edit', () => script.edits.push({ receipt, body, at: clock.monotonic() }), signal);
      },
      ...over,
    },
  };
  return script;
}

export interface Bench {
  clock: ManualClock;
  store: Store;
  script: Script;
  /** Plans a finished run with a report and these destinations; answers its delivery ids. */
  plan(
    destinations: Destination[],
    over?: { report?: Report; fallbackUser?: string },
  ): Promise<{ run: Run; ids: string[] }>;
  /** Submits a run with a live card and leaves it queued. */
  card(channel: string): Promise<{ run: Run; id: string }>;
  /** Over this store, or over what is given in its place. */
  outbox(options?: Partial<OutboxOptions>, instead?: Store): Outbox;
  deliveries(runId: string): Promise<Delivery[]>;
}

/** Everything a test of the outbox needs, on one manual clock. */
export function outboxBench(make?: (clock: ManualClock) => Partial<Record<Destination['kind'], Transport>>): Bench {
  const clock = manualClock();
  const transports = make?.(clock);
  const ids = createIds(clock);
  const store = createMemoryStore({ clock, ids, log: silentLog });
  const script = scriptedTransport(clock);
  async function submit(deliveries: PlannedDelivery[]): Promise<Run> {
    const [outcome] = await store.submit([
      {
        job: 'weekly-report',
        kind: 'function',
        queue: 'weekly-report',
        trigger: 'slack',
        actor: { kind: 'slack', id: 'U0ANA', name: 'ana' },
        input: {},
        policy: { maxAttempts: 3, timeoutMs: 60_000, backoff: { baseMs: 1_000, maxMs: 1_000 } },
        deliveries,
      },
    ]);
    if (outcome?.outcome !== 'accepted') throw new Error('the run was not accepted');
    return outcome.run;
  }
  const planned = (destination: Destination, mode: 'live' | 'report', fallbackUser?: string): PlannedDelivery => ({
    id: ids.next('dlv'),
    mode,
    destination,
    ...(fallbackUser === undefined ? {} : { fallbackUser }),
  });
  return {
    clock,
    store,
    script,
    async plan(destinations, over = {}) {
      const { id } = await submit([]);
      const deliveries = destinations.map((one) => planned(one, 'report', over.fallbackUser));
      const run = await finishRun(store, id, { report: over.report ?? makeReport(), deliveries });
      return { run, ids: deliveries.map((one) => one.id) };
    },
    async card(channel) {
      const live = planned({ kind: 'slack', channel }, 'live');
      return { run: await submit([live]), id: live.id };
    },
    outbox(options = {}, instead = store) {
      return createOutbox(
        {
          store: instead,
          clock,
          log: silentLog,
          scrub: createScrub([]),
          transports: transports ?? { slack: script.transport },
          random: () => 1,
        },
        { workerId: 'test', ...options },
      );
    },
    deliveries: (runId) => store.deliveries(runId),
  };
}

/** Claims the run (which must be the only one due) and settles it as completed with a report and a delivery plan. */
export async function finishRun(
  store: Store,
  runId: string,
  end: { report: Report; deliveries: PlannedDelivery[] },
): Promise<Run> {
  const [claim] = await store.claim({
    queues: [{ name: 'weekly-report', limit: 1 }],
    kinds: ['function'],
    limit: 1,
    workerId: 'runner',
    leaseMs: 60_000,
  });
  if (claim?.run.id !== runId) throw new Error('another run was claimed');
  const [outcome] = await store.settle([{ lease: claim.lease, end: 'completed', ...end }]);
  if (outcome?.outcome !== 'settled') throw new Error('the run was not settled');
  return outcome.run;
}

export const SLACK = (channel: string): Destination => ({ kind: 'slack', channel });
