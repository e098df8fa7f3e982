/** One claim of one delivery, from the first look at it to its settlement: a report part by part, or the next picture of a card. */
import type { Clock } from '../clock.ts';
import { iso } from '../clock.ts';
import { DeliveryError, messageOf } from '../errors.ts';
import { scrubAround } from '../scrub.ts';
import type { Destination, Receipt } from '../store/destinations.ts';
import type { Delivery, Part } from '../store/records.ts';
import type { ClaimedDelivery, Json, PartChange, Store } from '../store/store.ts';
import { cardVersion } from '../store/transitions.ts';
import { idOf } from './about.ts';
import type { Gates } from './gates.ts';
import type { Ledger, Work } from './ledger.ts';
import type { OutboxDeps, OutboxOptions } from './outbox.ts';
import type { Pacer } from './pace.ts';
import type { Parts } from './parts.ts';
import type { Transport } from './transport.ts';

interface Deps {
  store: Store;
  transports: OutboxDeps['transports'];
  scrub: OutboxDeps['scrub'];
  clock: Clock;
  ledger: Ledger;
  parts: Parts;
  gates: Gates;
  pacer: Pacer;
  stopping: AbortSignal;
  abandoned: AbortSignal;
}

const OFF_HINTS: Record<Destination['kind'], string> = {
  slack: 'Set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET.',
  email: 'Set SMTP_URL and BELLHOP_MAIL_FROM.',
  file: 'Set BELLHOP_DATA_DIR.',
  webhook: 'Set BELLHOP_WEBHOOK_SECRET and BELLHOP_WEBHOOK_HOSTS.',
};

/** What stands in the way of a delivery by a way that nobody configured. */
export function transportOff(kind: Destination['kind']): { code: 'TRANSPORT_OFF'; message: string; hint: string } {
  return { code: 'TRANSPORT_OFF', message: `Delivery by ${kind} is not configured.`, hint: OFF_HINTS[kind] };
}

/**
 * Fields of bodies in which no word of a job stands: kinds, hashes, and places that the destination names in clear. The value of a plugin's
 * key is a secret whatever it is; where it is the folder of the reports, a masked path would be another one.
 */
const FOR_PROGRAMS: ReadonlySet<string> = new Set([
  'type',
  'is',
  'format',
  'path',
  'sha256',
  'cid',
  'mediaType',
  'contentType',
  'unsubscribeUrl',
]);

/** More cards than this are not waiting at once; one that is forgotten takes a new turn. */
const MAX_TURNS = 1_000;

/** Makes the function that works on one claim; it throws only when the store cannot be read or written. */
export function createAttempt(
  deps: Deps,
  options: OutboxOptions,
): (claim: ClaimedDelivery, lane: string) => Promise<void> {
  const { store, clock, ledger, parts, gates } = deps;
  /** When a card that waits for its turn may be edited, on the monotonic clock. */
  const turns = new Map<string, number>();

  /** Bodies rendered now, to be frozen with the first intent. */
  function render(
    work: Work,
    deliveries: readonly Delivery[],
  ): { parts: Part[]; freeze: NonNullable<PartChange['freeze']> } {
    const { delivery, about, transport } = work;
    let bodies: Json[];
    try {
      bodies = transport
        .prepare({ delivery, about, deliveries })
        .map((body) => scrubAround(body, deps.scrub, FOR_PROGRAMS));
    } catch (error) {
      if (error instanceof DeliveryError) throw error;
      const message = `${idOf(about)} could not be rendered for ${transport.kind}: ${messageOf(error)}`;
      throw new DeliveryError(message, { code: 'RENDER_FAILED', permanent: true, cause: error });
    }
    const fresh = bodies.map((body, index): Part => ({ n: index + 1, state: 'pending', body }));
    return { parts: fresh, freeze: bodies.map((body, index) => ({ n: index + 1, body })) };
  }

  async function sendReport(work: Work): Promise<void> {
    const frozen = work.delivery.parts.length > 0;
    const fresh = frozen ? undefined : render(work, await store.deliveries(idOf(work.about)));
    const count = fresh?.parts.length ?? work.delivery.parts.length;
    for (let n = 1; n <= count; n++) {
      const known: readonly Part[] = work.delivery.parts.length > 0 ? work.delivery.parts : (fresh?.parts ?? []);
      const part = known.find((one) => one.n === n);
      if (part === undefined)
        throw new DeliveryError(`Part ${n} of ${work.delivery.id} is missing.`, { code: 'RENDER_FAILED' });
      const outcome = await parts.bring(work, part, work.delivery.parts.length > 0 ? undefined : fresh?.freeze);
      if (outcome.is === 'ended') return;
    }
    await ledger.settle(work, { outcome: 'delivered' });
  }

  /** Posts the card once, then edits that post; the version it shows was read before it was drawn, so a later change is due again. */
  async function showCard(work: Work): Promise<void> {
    const run = await store.get(idOf(work.about));
    // Removed meanwhile: there is nothing to show, and no record to settle.
    if (run === undefined) return;
    work.about = { kind: 'run', run };
    const deliveries = await store.deliveries(run.id);
    const version = { shownVersion: cardVersion(run, deliveries) };
    const [posted] = work.delivery.parts;
    if (posted?.state === 'sent' && posted.receipt !== undefined) {
      if (await editCard(work, posted.receipt, deliveries)) await shown(work, version);
      return;
    }
    if (posted?.state === 'sending') {
      // What was frozen is an older picture, so no version is noted and the edit that brings it up to date follows.
      const outcome = await parts.bring(work, posted, undefined);
      if (outcome.is === 'sent') await shown(work, {});
      return;
    }
    const fresh = render(work, deliveries);
    const [part] = fresh.parts;
    if (part === undefined) return;
    const outcome = await parts.bring(work, part, fresh.freeze);
    if (outcome.is === 'sent') await shown(work, version);
  }

  function shown(work: Work, version: { shownVersion?: number }): Promise<void> {
    return ledger.settle(work, { outcome: 'shown', nextAt: iso(clock.now() + options.editEveryMs), ...version });
  }

  /** Milliseconds until this card may be edited; its turn is taken once, and no hand is held meanwhile, for reports need it. */
  function waitForTurn({ delivery, transport }: Work): number {
    const now = clock.monotonic();
    const at = turns.get(delivery.id) ?? now + deps.pacer.take(transport.pace('edit', delivery.destination));
    turns.delete(delivery.id);
    if (at <= now) return 0;
    turns.set(delivery.id, at);
    const oldest = turns.keys().next();
    if (turns.size > MAX_TURNS && !oldest.done) turns.delete(oldest.value);
    return Math.ceil(at - now);
  }

  async function editCard(work: Work, receipt: Receipt, deliveries: readonly Delivery[]): Promise<boolean> {
    const { transport, delivery } = work;
    const [body] = render(work, deliveries).parts;
    if (transport.edit === undefined || body?.body === undefined) return true;
    const turn = waitForTurn(work);
    if (turn > 0) {
      await ledger.postpone(work, clock.now() + turn);
      return false;
    }
    try {
      await transport.edit({ delivery, receipt, body: body.body }, deps.abandoned);
    } catch (error) {
      await ledger.notDone(work, error, 'edit');
      return false;
    }
    gates.worked(work.lane);
    return true;
  }

  /** True when the delivery was settled without trying. */
  async function isRefused(work: Work): Promise<boolean> {
    const { delivery, lane, transport } = work;
    const deaths = delivery.deaths ?? 0;
    if (deaths >= options.maxDeaths) {
      const message = `The process died ${deaths} times in a row while it worked on this delivery.`;
      const hint = 'It may have arrived. Look at the log for what killed the process.';
      await ledger.settle(work, { outcome: 'failed', error: { code: 'POISON', message, hint } });
      return true;
    }
    const wait = gates.waitOf(lane, transport.group(isEdit(delivery) ? 'edit' : 'send', delivery.destination));
    const held = delivery.mode === 'report' ? gates.heldFor(lane, delivery.id) : 0;
    if (!deps.stopping.aborted && wait === 0 && held === 0) return false;
    await ledger.postpone(work, clock.now() + Math.max(wait, held), wait > 0 ? gates.reasonOf(lane) : undefined);
    return true;
  }

  return async (claim, lane) => {
    const { delivery, about } = claim;
    const { kind } = delivery.destination;
    const transport: Transport | undefined = deps.transports[kind];
    if (transport === undefined) {
      return ledger.settle({ claim }, { outcome: 'failed', error: transportOff(kind) });
    }
    const work: Work = { claim, delivery, about, transport, lane };
    if (await isRefused(work)) return;
    try {
      await (delivery.mode === 'live' ? showCard(work) : sendReport(work));
    } catch (error) {
      // Rendering failed: the same report would fail again. What the store throws goes on to the caller.
      if (!(error instanceof DeliveryError)) throw error;
      await ledger.settle(work, { outcome: 'failed', error: ledger.failure(error) });
    }
  };
}

function isEdit(delivery: Delivery): boolean {
  return delivery.mode === 'live' && delivery.parts[0]?.state === 'sent';
}
