/**
 * What holds lanes back: a wait that the other side asked for (a group of lanes), a circuit after failures (one lane), and a report
 * that is to be tried again soon (the later ones of its lane).
 */
import type { Clock } from '../clock.ts';
import { DeliveryError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

export interface Gates {
  /** The other side asked for a wait that covers a group. */
  pause(group: string, ms: number): void;
  failed(lane: string): void;
  worked(lane: string): void;
  /** The report is tried again in `ms`; when that is soon, later ones of the lane wait for it, so that they stay in order. */
  hold(lane: string, deliveryId: string, ms: number): void;
  /** Milliseconds until a report may go that was planned after one that is to be tried again, 0 when none is. */
  heldFor(lane: string, deliveryId: string): number;
  /** Milliseconds until the lane may try, 0 when it may now. */
  waitOf(lane: string, group: string): number;
  /** Why the lane waits, as an error for the record. */
  reasonOf(lane: string): DeliveryError;
}

const OPEN_AFTER = 5;
const PROBE_EVERY_MS = 60_000;
const MAX_LANES = 1_000;
/** A report that fails for longer than this must not keep a channel silent: the later ones go ahead of it. */
const HOLD_MS = 60_000;

/** After 5 failures in a row a lane is tried at most once a minute; a success closes the circuit. */
export function createGates(clock: Pick<Clock, 'monotonic'>): Gates {
  const paused = new Map<string, number>();
  const circuits = new Map<string, { failures: number; openUntil: number }>();
  const holds = new Map<string, { deliveryId: string; until: number }>();

  const left = (until: number | undefined): number => Math.max(0, Math.ceil((until ?? 0) - clock.monotonic()));
  return {
    pause(group, ms) {
      paused.set(group, Math.max(paused.get(group) ?? 0, clock.monotonic() + ms));
    },
    failed(lane) {
      const failures = (circuits.get(lane)?.failures ?? 0) + 1;
      const openUntil = failures >= OPEN_AFTER ? clock.monotonic() + PROBE_EVERY_MS : 0;
      circuits.delete(lane);
      circuits.set(lane, { failures, openUntil });
      forgetOldest(circuits);
    },
    worked(lane) {
      circuits.delete(lane);
    },
    hold(lane, deliveryId, ms) {
      const first = holds.get(lane);
      // Of several the first planned one leads; ids sort by the time they were minted.
      if (first !== undefined && first.deliveryId < deliveryId && left(first.until) > 0) return;
      holds.delete(lane);
      if (ms <= HOLD_MS) holds.set(lane, { deliveryId, until: clock.monotonic() + ms });
      forgetOldest(holds);
    },
    heldFor(lane, deliveryId) {
      const first = holds.get(lane);
      return first === undefined || deliveryId <= first.deliveryId ? 0 : left(first.until);
    },
    waitOf: (lane, group) => Math.max(left(paused.get(group)), left(circuits.get(lane)?.openUntil)),
    reasonOf(lane) {
      const failures = circuits.get(lane)?.failures ?? 0;
      if (failures < OPEN_AFTER) {
        return new DeliveryError('Slack asked to wait before the next message.', { code: 'SLACK_RATE_LIMITED' });
      }
      const message = `This destination failed ${failures} times in a row and is tried once a minute.`;
      return new DeliveryError(message, { code: codeOfLane(lane) });
    },
  };
}

/** A lane begins with the way it goes by. */
function codeOfLane(lane: string): ErrorCode {
  if (lane.startsWith('email:')) return 'MAIL_UNAVAILABLE';
  if (lane.startsWith('webhook:')) return 'WEBHOOK_UNAVAILABLE';
  return lane.startsWith('file:') ? 'FILE_FAILED' : 'SLACK_UNAVAILABLE';
}

function forgetOldest(lanes: Map<string, unknown>): void {
  const oldest = lanes.keys().next();
  if (lanes.size > MAX_LANES && !oldest.done) lanes.delete(oldest.value);
}
