/**
 * The terms under which the store is tortured. Timers are real; the wall clock is not: each life begins hours after the one before, so
 * that leases end, keys are forgotten, blobs are collected and runs come to the end of their keeping within minutes.
 */
import { createHash } from 'node:crypto';
import { systemClock } from '../src/clock.ts';
import type { Clock } from '../src/clock.ts';
import { createIds } from '../src/ids.ts';
import type { Ids } from '../src/ids.ts';
import { silentLog } from '../src/log.ts';
import type { OpenDeps } from '../src/store/open.ts';

const HOUR_MS = 3_600_000;
/** From the begin of one life to that of the next. The writers use up to three hours of it, the auditor the rest. */
const LIFE_MS = 6 * HOUR_MS;
const FIRST_LIFE = Date.UTC(2026, 0, 5);
export const WRITERS_MAY_USE_MS = 3 * HOUR_MS;
const AUDIT_BEGINS_MS = 3.5 * HOUR_MS;

/** Shorter than in a server, and longer than two lives: an unanswered key is asked for again before its run may be gone. */
export const TERMS = {
  retainMs: 24 * HOUR_MS,
  retainFailedMs: 48 * HOUR_MS,
  blobGraceMs: 120_000,
  reserveBytes: 1024 * 1024,
} as const;
/** Within this time nothing is forgotten by itself. */
export const KEPT_SURELY_MS = 18 * HOUR_MS;
/** One step of the store's slow walk over the blobs. */
export const WALK_STEP_MS = 31_000;
/** The slow walk begins at `00`: blobs below are met within one life. */
const BLOB_PARTS = ['00', '01', '02', '03'];

export interface SteppingClock extends Clock {
  /** Lets the wall clock step on. */
  step(ms: number): void;
}

export function beginOfLife(life: number): number {
  return FIRST_LIFE + life * LIFE_MS;
}

export function clockOfLife(life: number, who: 'writers' | 'auditor'): SteppingClock {
  const begin = beginOfLife(life) + (who === 'auditor' ? AUDIT_BEGINS_MS : 0);
  const begun = systemClock.monotonic();
  let stepped = 0;
  return {
    ...systemClock,
    now: () => Math.floor(begin + stepped + systemClock.monotonic() - begun),
    step(ms) {
      stepped += ms;
    },
  };
}

/** What a store of this life is opened with. */
export function depsOf(clock: Clock): OpenDeps & { ids: Ids } {
  return { clock, ids: createIds(clock), log: silentLog, version: '0.0.0-torture' };
}

/** Contents whose hashes lie where the slow walk begins; other ones in each of some lives, so that old ones are left without a name. */
export function chartsOf(life: number, count: number): Buffer[] {
  const charts: Buffer[] = [];
  for (let n = 0; charts.length < count; n++) {
    const bytes = Buffer.from(`chart ${life % 5} ${n} `.repeat(40));
    if (BLOB_PARTS.includes(hashOf(bytes).slice(0, 2))) charts.push(bytes);
  }
  return charts;
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
