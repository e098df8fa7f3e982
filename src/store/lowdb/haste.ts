/**
 * When the journal writes. What somebody waits for is written at once. What nobody sits in front of is too, as long as the disk has little to
 * do; while many wait it joins their next write, for a few milliseconds at most: then every second write is saved, and who waits for one
 * seldom finds another under way.
 */
import type { Clock } from '../../clock.ts';
import type { Haste } from '../backing.ts';

export interface HasteGate {
  /** Something was put in the line. */
  came(haste: Haste): void;
  isOpen(): boolean;
  /** Everything in the line was taken. */
  shut(): void;
  /** Opens for what waits, whatever its haste. */
  open(): void;
}

const PATIENCE_MS = 8;
/** So many within this time: about a hundred a second. */
const MANY = 4;
const WITHIN_MS = 40;

/** Makes the gate; `go` is called when something is to be written, and may be called when nothing is. */
export function createHasteGate(clock: Pick<Clock, 'monotonic' | 'sleep'>, go: () => void): HasteGate {
  /** When the last few came that somebody waits for, oldest first. */
  const hasty: number[] = [];
  let isOpen = false;
  let waiting = false;

  function open(): void {
    isOpen = true;
    go();
  }
  function note(): void {
    hasty.push(clock.monotonic());
    if (hasty.length > MANY) hasty.shift();
  }
  function isBusy(): boolean {
    return hasty.length === MANY && clock.monotonic() - (hasty[0] ?? 0) <= WITHIN_MS;
  }
  /** Keeps the process alive meanwhile, as the write itself would. */
  async function wait(): Promise<void> {
    waiting = true;
    await clock.sleep(PATIENCE_MS);
    waiting = false;
    open();
  }

  return {
    came(haste) {
      if (haste === 'now') note();
      if (haste === 'now' || isOpen || !isBusy()) open();
      else if (!waiting) void wait();
    },
    isOpen: () => isOpen,
    shut() {
      isOpen = false;
    },
    open,
  };
}
