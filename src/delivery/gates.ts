/** What holds lanes back: a wait that the other side asked for (a group of lanes), and a circuit after failures (one lane). */
import type { Clock } from '../clock.ts';
import { DeliveryError } from '../errors.ts';

export interface Gates {
  /** The other side asked for a wait that covers a group. */
  pause(group: string, ms: number): void;
  failed(lane: string): void;
  worked(lane: string): void;
  /** Milliseconds until the lane may try, 0 when it may now. */
  waitOf(lane: string, group: string): number;
  /** Why the lane waits, as an error for the record. */
  reasonOf(lane: string): DeliveryError;
}

const OPEN_AFTER = 5;
const PROBE_EVERY_MS = 60_000;
const MAX_LANES = 1_000;

/** After 5 failures in a row a lane is tried at most once a minute; a success closes the circuit. */
export function createGates(clock: Pick<Clock, 'monotonic'>): Gates {
  const paused = new Map<string, number>();
  const circuits = new Map<string, { failures: number; openUntil: number }>();

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
      const oldest = circuits.keys().next();
      if (circuits.size > MAX_LANES && !oldest.done) circuits.delete(oldest.value);
    },
    worked(lane) {
      circuits.delete(lane);
    },
    waitOf: (lane, group) => Math.max(left(paused.get(group)), left(circuits.get(lane)?.openUntil)),
    reasonOf(lane) {
      const failures = circuits.get(lane)?.failures ?? 0;
      if (failures < OPEN_AFTER) {
        return new DeliveryError('Slack asked to wait before the next message.', { code: 'SLACK_RATE_LIMITED' });
      }
      const code = lane.startsWith('email') ? 'MAIL_UNAVAILABLE' : 'SLACK_UNAVAILABLE';
      return new DeliveryError(`This destination failed ${failures} times in a row and is tried once a minute.`, {
        code,
      });
    },
  };
}
