/** When the places of a schedule's report are looked at; pure. */
import { verdictOf } from '../store/preflight-records.ts';
import type { PreflightRecord } from '../store/preflight-records.ts';
import type { Destination } from '../store/destinations.ts';
import type { Schedule } from '../store/schedule-records.ts';

const HOUR_MS = 3_600_000;
/** A schedule that comes more often than that is not looked at for every one of its times. */
const SELDOM_MS = 12 * HOUR_MS;

/** The next due time that will become a run as things stand: undefined when it is paused, snoozed, left out or past. */
export function liveSlot(schedule: Schedule, now: number): string | undefined {
  const { nextSlot, paused, gone, snoozed, skipNext } = schedule;
  if (nextSlot === undefined || nextSlot === null || paused !== undefined || gone === true) return undefined;
  const at = Date.parse(nextSlot);
  const leftOut = skipNext?.slot === nextSlot || (snoozed !== undefined && at <= Date.parse(snoozed.until));
  return at <= now || leftOut ? undefined : nextSlot;
}

/**
 * `first`: nobody looked at this due time or at these places. `again`: an hour before it, when something stood in the way or could not be
 * seen. Otherwise a look is enough, after any restart; and of frequent times one look in twelve hours is.
 */
export function whatToDo(
  record: PreflightRecord | undefined,
  at: { slot: string; now: number; aheadMs: number; places: readonly Destination[] },
): 'nothing' | 'first' | 'again' {
  const { slot, now, aheadMs } = at;
  const due = Date.parse(slot);
  if (due - now > aheadMs) return 'nothing';
  if (record === undefined || !isSame(record, at.places)) return 'first';
  const checkedAt = Date.parse(record.checkedAt);
  if (record.slot !== slot) {
    // A due time that was looked at and is still to come was moved by somebody; one that is past made room for the next.
    const moved = Date.parse(record.slot) > now;
    return moved || now - checkedAt >= Math.min(aheadMs, SELDOM_MS) ? 'first' : 'nothing';
  }
  const verdict = verdictOf(record.checked.flatMap(({ problems }) => problems));
  const isWell = verdict === 'ok' || verdict === 'degrades';
  return !isWell && due - now <= HOUR_MS && due - checkedAt > HOUR_MS ? 'again' : 'nothing';
}

function isSame({ checked }: PreflightRecord, places: readonly Destination[]): boolean {
  return JSON.stringify(checked.map(({ destination }) => destination)) === JSON.stringify(places);
}
