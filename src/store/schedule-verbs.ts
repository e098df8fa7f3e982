import { z } from 'zod';
import { iso } from '../clock.ts';
import { UsageError } from '../errors.ts';
import type { DocTable } from './doc-table.ts';
import { checked } from './json.ts';
import { MAX_SKIPS_KEPT, ScheduleState, Skip } from './schedule-records.ts';
import type { Advance, AdvanceOutcome, Store } from './store.ts';
import { isRefused } from './submit.ts';
import type { createSubmit } from './submit.ts';

const KIND = 'schedule';
const Instant = z.iso.datetime({ offset: true });
const Terms = z.object({
  expectedWatermark: Instant.nullable(),
  watermark: Instant,
  nextSlot: Instant.nullable().exactOptional(),
  skips: z.array(Skip).max(MAX_SKIPS_KEPT),
});

/** Makes the verb that moves a schedule on, together with the runs that it starts. */
export function createAdvance(parts: { docs: DocTable; submit: ReturnType<typeof createSubmit> }): Store['advance'] {
  const { docs, submit } = parts;

  function stateOf(schedule: string): ScheduleState {
    const doc = docs.present({ kind: KIND, key: schedule });
    if (doc === undefined) return {};
    return checked(ScheduleState, doc.value, `The document of the schedule ${schedule}`);
  }

  async function advanceLocked(step: Advance): Promise<AdvanceOutcome> {
    const { expectedWatermark, watermark, nextSlot, skips } = checked(
      Terms,
      {
        expectedWatermark: step.expectedWatermark,
        watermark: step.watermark,
        skips: step.skips,
        ...(step.nextSlot === undefined ? {} : { nextSlot: step.nextSlot }),
      },
      `The step of ${step.schedule}`,
    );
    const state = stateOf(step.schedule);
    const present = state.watermark ?? null;
    if (!sameInstant(present, expectedWatermark)) return { outcome: 'stale', watermark: present };
    checkForward(step, present);
    const doc = docs.stage({
      kind: KIND,
      key: step.schedule,
      value: {
        ...state,
        watermark: utc(watermark),
        ...(nextSlot === undefined ? {} : { nextSlot: nextSlot === null ? null : utc(nextSlot) }),
        skips: [...(state.skips ?? []), ...skips].slice(-MAX_SKIPS_KEPT),
      },
    });
    const runs = await submit(step.runs, { changes: [{ kind: 'doc', doc }], show: () => docs.keep(doc) });
    return runs.find(isRefused) ?? { outcome: 'advanced', doc, runs };
  }

  return async (step) => docs.locked([{ kind: KIND, key: step.schedule }], () => advanceLocked(step));
}

/** A step that stands still could be taken twice, and what it starts with it. */
function checkForward(step: Advance, present: string | null): void {
  const ms = Date.parse(step.watermark) - (present === null ? -Infinity : Date.parse(present));
  if (ms > 0 || (ms === 0 && step.runs.length === 0 && step.skips.length === 0)) return;
  throw new UsageError(`The schedule ${step.schedule} stands at ${present} and cannot move to ${step.watermark}.`, {
    code: 'INPUT_INVALID',
    hint: 'A watermark only grows.',
  });
}

function sameInstant(a: string | null, b: string | null): boolean {
  return a === null || b === null ? a === b : Date.parse(a) === Date.parse(b);
}

function utc(instant: string): string {
  return iso(Date.parse(instant));
}
