import { z } from 'zod';
import { iso } from '../clock.ts';
import { isId } from '../ids.ts';
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
import type { About } from './notice-records.ts';
import type { Notices } from './notices.ts';
import { Delivery } from './records.ts';
import { every } from './run-verbs.ts';
import type { ClaimedDelivery, DeliveryLease, Fenced, Store } from './store.ts';
import { cardVersion } from './transitions.ts';

const WorkerId = z.string().min(1).max(200);
const MAX_CLAIMS = 1000;

type Claim = Parameters<Store['claimDeliveries']>[0];
type DeliveryVerbs = Pick<Store, 'claimDeliveries' | 'recordPart' | 'settleDelivery'> & {
  /** Ends claims that were not settled in time; of at most `limit` runs and notices a call. */
  expireLeases(limit: number): Promise<number>;
  /** When the next delivery falls due. */
  nextDeliveryAt(): string | undefined;
  /** How many deliveries could be claimed now. */
  countDue(): number;
};

/**
 * Makes the verbs of the outbox. The deliveries of a run are one record, written under the lock of the run; those of a notice are written
 * with it, under its own. Below, an owner is the id of either.
 */
export function createDeliveryVerbs(core: Core, notices: Notices): DeliveryVerbs {
  /** Deliveries whose claim is being written. */
  const claiming = new Set<string>();
  const isClaiming = (delivery: Delivery): boolean => claiming.has(delivery.id);

  function locked<T>(owner: string, work: () => Promise<T>): Promise<T> {
    return isId(owner, 'ntc') ? notices.locked(owner, work) : core.locks.run(owner, work);
  }
  async function aboutOf(owner: string): Promise<About | undefined> {
    if (isId(owner, 'ntc')) {
      const held = notices.get(owner);
      return held === undefined ? undefined : { kind: 'notice', notice: held.notice };
    }
    const run = await core.getRun(owner);
    return run === undefined ? undefined : { kind: 'run', run };
  }

  async function save(owner: string, next: readonly Delivery[]): Promise<void> {
    if (isId(owner, 'ntc')) return notices.save(owner, next);
    return saveOfRun(owner, next);
  }
  async function saveOfRun(runId: string, next: readonly Delivery[]): Promise<void> {
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
    const owner = ownerOf(lease);
    return locked(owner, async () => {
      const list = core.deliveries.get(owner) ?? [];
      const before = list.find((delivery) => delivery.id === lease.deliveryId);
      if (before === undefined || !holdsDelivery(before, lease)) return { outcome: 'stale' };
      const after = await change(before);
      const delivery = graft(checked(Delivery, after, `The delivery ${before.id}`), after);
      await save(
        owner,
        list.map((other) => (other === before ? delivery : other)),
      );
      return { outcome: 'recorded', delivery };
    });
  }

  async function claimOf(owner: string, wanted: ReadonlySet<string>, request: Claim): Promise<ClaimedDelivery[]> {
    const about = await aboutOf(owner);
    const list = core.deliveries.get(owner);
    if (about === undefined || list === undefined) {
      core.deliveries.delete(owner);
      return [];
    }
    const now = core.clock.now();
    const version = about.kind === 'run' ? cardVersion(about.run, list) : 0;
    const terms = { now, workerId: request.workerId, leaseMs: request.leaseMs };
    const claimed: Delivery[] = [];
    const next = list.map((delivery) => {
      if (!wanted.has(delivery.id) || !isDue(dueAt(delivery, version), iso(now))) return delivery;
      const mine = frozen(claimDelivery(delivery, terms));
      claimed.push(mine);
      return mine;
    });
    if (claimed.length > 0) await save(owner, next);
    return claimed.map((delivery) => {
      const lease = { deliveryId: delivery.id, fence: delivery.fence, workerId: request.workerId };
      const whose = about.kind === 'run' ? { runId: owner } : { noticeId: owner };
      return { delivery, about, lease: { ...lease, ...whose } };
    });
  }

  async function expireOf(owner: string): Promise<number> {
    const now = core.clock.now();
    const list = core.deliveries.get(owner) ?? [];
    const expired = list.filter((delivery) => isExpired(delivery, iso(now)));
    if (expired.length === 0) return 0;
    await save(
      owner,
      list.map((one) => (expired.includes(one) ? interruptDelivery(one, now) : one)),
    );
    return expired.length;
  }

  return {
    async claimDeliveries(request) {
      checked(WorkerId, request.workerId, 'The worker id');
      const limit = Math.max(0, Math.min(request.limit, MAX_CLAIMS));
      const picked = core.deliveries.due(iso(core.clock.now()), limit, isClaiming);
      const ids = new Set(picked.map((one) => one.delivery.id));
      for (const id of ids) claiming.add(id);
      try {
        const owners = [...new Set(picked.map((one) => one.owner))];
        const work = owners.map((owner) => locked(owner, () => claimOf(owner, ids, request)));
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
        const owner = ownerOf(settlement.lease);
        const siblings = core.deliveries.get(owner) ?? [];
        // Asked for a card alone.
        const { state, rev } = core.briefOf(owner) ?? { state: 'failed', rev: 0 };
        return settleDelivery(delivery, settlement, { run: { state, rev }, siblings, now: core.clock.now() });
      }),
    async expireLeases(limit) {
      const nowIso = iso(core.clock.now());
      const owners = core.deliveries
        .sending()
        .filter((owner) => core.deliveries.get(owner)?.some((delivery) => isExpired(delivery, nowIso)))
        .slice(0, limit);
      const counts = await every(owners.map((owner) => locked(owner, () => expireOf(owner))));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    nextDeliveryAt: () => core.deliveries.next(),
    countDue: () => core.deliveries.countDue(iso(core.clock.now()), isClaiming),
  };
}

function ownerOf(lease: DeliveryLease): string {
  return lease.runId ?? lease.noticeId;
}

function isDue(due: string | undefined, nowIso: string): boolean {
  return due !== undefined && due <= nowIso;
}

function isExpired(delivery: Delivery, nowIso: string): boolean {
  return delivery.state === 'sending' && (delivery.leaseExpiresAt ?? '') <= nowIso;
}
