import { z } from 'zod';
import { iso } from '../clock.ts';
import { UsageError } from '../errors.ts';
import type { Change } from './backing.ts';
import type { Core } from './core.ts';
import type { DocTable } from './doc-table.ts';
import { checked } from './json.ts';
import { MAX_SKIPS_KEPT, ScheduleState, Skip } from './schedule-records.ts';
import type { Advance, AdvanceOutcome, Json, NewSkip, Store } from './store.ts';
import { isRefused } from './submit.ts';
import type { createSubmit } from './submit.ts';

const KIND = 'schedule';
const MAX_SET = 20;
/** What people asked for, and what only this verb may write. */
const NEVER_SET: readonly string[] = ['spec', 'watermark', 'nextSlot', 'skips'];
const Instant = z.iso.datetime({ offset: true });
const Terms = z.object({
  expectedWatermark: Instant.nullable(),
  watermark: Instant,
  nextSlot: Instant.nullable().exactOptional(),
  skips: z.array(Skip.extend({ joins: z.boolean().exactOptional() })).max(MAX_SKIPS_KEPT),
  set: z.record(z.string(), z.json()),
});

/** Makes the verb that moves a schedule on, together with the runs that it starts. */
export function createAdvance(
  core: Core,
  parts: { docs: DocTable; submit: ReturnType<typeof createSubmit> },
): Store['advance'] {
  const { docs, submit } = parts;

  function stateOf(schedule: string): ScheduleState {
    const doc = docs.present({ kind: KIND, key: schedule });
    if (doc === undefined) return {};
    return checked(ScheduleState, doc.value, `The document of the schedule ${schedule}`);
  }

  async function advanceLocked(step: Advance): Promise<AdvanceOutcome> {
    const { expectedWatermark, watermark, nextSlot, skips, set } = termsOf(step);
    const state = stateOf(step.schedule);
    const present = state.watermark ?? null;
    if (!sameInstant(present, expectedWatermark)) return { outcome: 'stale', watermark: present };
    checkForward(step, present);
    const doc = docs.stage({
      kind: KIND,
      key: step.schedule,
      value: {
        ...withFields(state, set),
        watermark: utc(watermark),
        ...(nextSlot === undefined ? {} : { nextSlot: nextSlot === null ? null : utc(nextSlot) }),
        skips: joined(state.skips ?? [], skips),
      },
    });
    const audit = step.audit === undefined ? [] : [{ kind: 'audit', entry: core.auditEntry(step.audit) } as const];
    const changes: Change[] = [{ kind: 'doc', doc }, ...audit];
    const runs = await submit(step.runs, { changes, show: () => docs.keep(doc) });
    return runs.find(isRefused) ?? { outcome: 'advanced', doc, runs };
  }

  return async (step) => docs.locked([{ kind: KIND, key: step.schedule }], () => advanceLocked(step));
}

function termsOf(step: Advance): z.infer<typeof Terms> {
  const { schedule, expectedWatermark, watermark, nextSlot, skips, set = {} } = step;
  const terms = { expectedWatermark, watermark, skips, set, ...(nextSlot === undefined ? {} : { nextSlot }) };
  const names = Object.keys(set);
  const refused = names.find((name) => NEVER_SET.includes(name));
  if (refused !== undefined || names.length > MAX_SET) {
    const what = refused === undefined ? `${names.length} fields` : `the field ${refused}`;
    throw new UsageError(`A step of the schedule ${schedule} cannot set ${what}.`, { code: 'INPUT_INVALID' });
  }
  return checked(Terms, terms, `The step of ${schedule}`);
}

function withFields(state: ScheduleState, set: Readonly<Record<string, Json>>): ScheduleState {
  const gone = Object.keys(set).filter((name) => set[name] === null);
  return Object.fromEntries(Object.entries({ ...state, ...set }).filter(([name]) => !gone.includes(name)));
}

/** The newest skips that are kept: one that goes on where the one before it ended makes that longer. */
function joined(kept: readonly Skip[], fresh: readonly NewSkip[]): Skip[] {
  const all = [...kept];
  for (const { joins = false, ...skip } of fresh) {
    const before = all.at(-1);
    const goesOn = joins && before?.reason === skip.reason && Date.parse(before.to) < Date.parse(skip.from);
    if (before === undefined || !goesOn) all.push(skip);
    else all[all.length - 1] = { ...before, to: skip.to, count: before.count + skip.count };
  }
  return all.slice(-MAX_SKIPS_KEPT);
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
