import { z } from 'zod';
import { iso } from '../clock.ts';
import type { Core } from './core.ts';
import {
  changePart,
  claimDelivery,
  dueAt,
  holdsDelivery,
  interruptDelivery,
  settleDelivery,
} from './delivery-transitions.ts';
import { checked, frozen, graft } from './json.ts';
import { Delivery } from './records.ts';
import { every } from './run-verbs.ts';
import type { ClaimedDelivery, DeliveryLease, Fenced, Store } from './store.ts';
import { cardVersion } from './transitions.ts';

const WorkerId = z.string().min(1).max(200);
const MAX_CLAIMS = 1000;

type Claim = Parameters<Store['claimDeliveries']>[0];
type DeliveryVerbs = Pick<Store, 'claimDeliveries' | 'recordPart' | 'settleDelivery'> & {
  /** Ends claims that were not settled in time; at most `limit` runs a call. */
  expireLeases(limit: number): Promise<number>;
  /** When the next delivery falls due. */
  nextDeliveryAt(): string | undefined;
};

/** Makes the verbs of the outbox. A run's deliveries are one record, written under the lock of the run. */
export function createDeliveryVerbs(core: Core): DeliveryVerbs {
  /** Deliveries whose claim is being written. */
  const claiming = new Set<string>();

  async function save(runId: string, next: readonly Delivery[]): Promise<void> {
    const summary = core.briefOf(runId);
    const deliveries = frozen(next);
    await core.commit({
      changes: [{ kind: 'deliveries', runId, deliveries }],
      facts: summary === undefined ? [] : core.factsOfDeliveries(summary, deliveries),
      show: () => {
        if (summary !== undefined) core.showDeliveries(summary, deliveries);
      },
    });
  }

  /** Changes one delivery under its current claim; a claim that is not current changes nothing. */
  function fenced(lease: DeliveryLease, change: (delivery: Delivery) => Promise<Delivery>): Promise<Fenced> {
    return core.locks.run(lease.runId, async () => {
      const list = core.deliveries.get(lease.runId) ?? [];
      const before = list.find((delivery) => delivery.id === lease.deliveryId);
      if (before === undefined || !holdsDelivery(before, lease)) return { outcome: 'stale' };
      const after = await change(before);
      const delivery = graft(checked(Delivery, after, `The delivery ${before.id}`), after);
      await save(
        lease.runId,
        list.map((other) => (other === before ? delivery : other)),
      );
      return { outcome: 'recorded', delivery };
    });
  }

  async function claimOfRun(runId: string, wanted: ReadonlySet<string>, request: Claim): Promise<ClaimedDelivery[]> {
    const run = await core.getRun(runId);
    const list = core.deliveries.get(runId);
    if (run === undefined || list === undefined) {
      core.deliveries.delete(runId);
      return [];
    }
    const now = core.clock.now();
    const version = cardVersion(run, list);
    const terms = { now, workerId: request.workerId, leaseMs: request.leaseMs };
    const claimed: Delivery[] = [];
    const next = list.map((delivery) => {
      if (!wanted.has(delivery.id) || !isDue(dueAt(delivery, version), iso(now))) return delivery;
      const mine = frozen(claimDelivery(delivery, terms));
      claimed.push(mine);
      return mine;
    });
    if (claimed.length > 0) await save(runId, next);
    return claimed.map((delivery) => ({
      delivery,
      run,
      lease: { deliveryId: delivery.id, runId, fence: delivery.fence, workerId: request.workerId },
    }));
  }

  /** The due deliveries, oldest first, those of one run in planning order. */
  function pickDue(limit: number): { runId: string; delivery: Delivery }[] {
    const nowIso = iso(core.clock.now());
    const due: { runId: string; delivery: Delivery; place: number }[] = [];
    for (const [runId, list] of core.deliveries) {
      const version = versionOf(runId, list);
      list.forEach((delivery, place) => {
        if (isDue(dueAt(delivery, version), nowIso) && !claiming.has(delivery.id)) due.push({ runId, delivery, place });
      });
    }
    due.sort((a, b) => {
      if (a.delivery.createdAt !== b.delivery.createdAt) return a.delivery.createdAt < b.delivery.createdAt ? -1 : 1;
      if (a.runId !== b.runId) return a.runId < b.runId ? -1 : 1;
      return a.place - b.place;
    });
    return due.slice(0, Math.max(0, Math.min(limit, MAX_CLAIMS)));
  }

  function versionOf(runId: string, list: readonly Delivery[]): number {
    return cardVersion({ rev: core.briefOf(runId)?.rev ?? 0 }, list);
  }

  async function expireOfRun(runId: string): Promise<number> {
    const now = core.clock.now();
    const list = core.deliveries.get(runId) ?? [];
    const expired = list.filter((delivery) => isExpired(delivery, iso(now)));
    if (expired.length === 0) return 0;
    await save(
      runId,
      list.map((one) => (expired.includes(one) ? interruptDelivery(one, now) : one)),
    );
    return expired.length;
  }

  return {
    async claimDeliveries(request) {
      checked(WorkerId, request.workerId, 'The worker id');
      const picked = pickDue(request.limit);
      const ids = new Set(picked.map((one) => one.delivery.id));
      for (const id of ids) claiming.add(id);
      try {
        const runIds = [...new Set(picked.map((one) => one.runId))];
        const work = runIds.map((runId) => core.locks.run(runId, () => claimOfRun(runId, ids, request)));
        const claimed = (await every(work)).flat();
        const place = new Map(picked.map((one, at) => [one.delivery.id, at]));
        return claimed.sort((a, b) => (place.get(a.delivery.id) ?? 0) - (place.get(b.delivery.id) ?? 0));
      } finally {
        for (const id of ids) claiming.delete(id);
      }
    },
    recordPart: (change) => fenced(change.lease, async (delivery) => changePart(delivery, change, core.clock.now())),
    settleDelivery: (settlement) =>
      fenced(settlement.lease, async (delivery) => {
        const siblings = core.deliveries.get(delivery.runId) ?? [];
        const { state, rev } = core.briefOf(delivery.runId) ?? { state: 'failed', rev: 0 };
        return settleDelivery(delivery, settlement, { run: { state, rev }, siblings, now: core.clock.now() });
      }),
    async expireLeases(limit) {
      const nowIso = iso(core.clock.now());
      const runIds = [...core.deliveries]
        .filter(([, list]) => list.some((delivery) => isExpired(delivery, nowIso)))
        .slice(0, limit)
        .map(([runId]) => runId);
      const counts = await every(runIds.map((runId) => core.locks.run(runId, () => expireOfRun(runId))));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    nextDeliveryAt() {
      let next: string | undefined;
      for (const [runId, list] of core.deliveries) {
        const version = versionOf(runId, list);
        for (const delivery of list) {
          const due = dueAt(delivery, version);
          if (due !== undefined && (next === undefined || due < next)) next = due;
        }
      }
      return next;
    },
  };
}

function isDue(due: string | undefined, nowIso: string): boolean {
  return due !== undefined && due <= nowIso;
}

function isExpired(delivery: Delivery, nowIso: string): boolean {
  return delivery.state === 'sending' && (delivery.leaseExpiresAt ?? '') <= nowIso;
}
