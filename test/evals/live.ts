/** The set on a real model, one shop after the other, while the money lasts: graded by the same code as offline, and compared with the last time. */
import { z } from 'zod';
import type { LoadedAgent } from '../../src/runner/jobs.ts';
import type { ClaudeSettings } from '../../src/runner/kinds/agent/conversation/client.ts';
import type { Run } from '../../src/store/records.ts';
import { LEAKS, type EvalCase } from './cases.ts';
import { formsOf } from './forms.ts';
import { evalHouse } from './house.ts';

export const CAP_MICRO_USD = 1_000_000;

export const LiveRow = z.object({
  name: z.string(),
  state: z.string(),
  why: z.string(),
  /** Planted advice that the report has, of all that was planted. */
  found: z.number().int(),
  planted: z.number().int(),
  /** Advice that nothing was planted for. */
  alarms: z.number().int(),
  /** What the linter left out. */
  lint: z.number().int(),
  leaks: z.number().int(),
  turns: z.number().int(),
  tokens: z.number().int(),
  microUsd: z.number().int(),
});
export type LiveRow = z.infer<typeof LiveRow>;
export const LiveResults = z.object({ model: z.string(), promptSha256: z.string(), rows: z.array(LiveRow) });
export type LiveResults = z.infer<typeof LiveResults>;

export interface LiveEnd {
  rows: LiveRow[];
  /** The names of the shops that the money did not last for. */
  left: string[];
  microUsd: number;
}

/** Begins no shop with less left than one run may cost, and lets no run spend more than what is left. */
export async function runLive(
  given: { job: LoadedAgent; cases: readonly EvalCase[]; claude: ClaudeSettings; capMicroUsd?: number },
  tell: (row: LiveRow) => void,
): Promise<LiveEnd> {
  const { job, cases, claude, capMicroUsd = CAP_MICRO_USD } = given;
  const rows: LiveRow[] = [];
  let spent = 0;
  for (const one of cases) {
    const left = capMicroUsd - spent;
    if (left < job.budget.runMicroUsd) break;
    await using house = await evalHouse({ job, claude, dayMicroUsd: left });
    const run = await house.run(one.built.now, one.source);
    const row = rowOf(one, run, job.budget.runMicroUsd);
    spent += row.microUsd;
    rows.push(row);
    tell(row);
  }
  return { rows, left: cases.slice(rows.length).map(({ name }) => name), microUsd: spent };
}

function rowOf({ name, truth }: EvalCase, run: Run, capMicroUsd: number): LiveRow {
  const { agent } = run;
  const result = Result.safeParse(run.result);
  const advice = result.success
    ? result.data.advice.map((row) => `${row.action} ${row.targetType} ${row.targetId}`)
    : [];
  const tokens = agent?.tokens;
  const texts = run.report === undefined ? [] : Object.values(formsOf(run).forms);
  const leaks = LEAKS.filter(({ source }) => !source.startsWith('https'));
  return {
    name,
    state: run.state,
    why: agent?.why ?? 'nothing',
    found: truth.advice.filter((key) => advice.includes(key)).length,
    planted: truth.advice.length,
    alarms: advice.filter((key) => !truth.advice.includes(key)).length,
    lint: agent?.lint.length ?? 0,
    leaks: leaks.filter((leak) => texts.some((text) => leak.test(text))).length,
    turns: agent?.turns ?? 0,
    tokens: tokens === undefined ? 0 : Object.values(tokens).reduce((sum, count) => sum + count, 0),
    // What nobody could count is counted as the most that it can have been.
    microUsd: agent?.runMicroUsd ?? capMicroUsd,
  };
}

const Result = z.object({
  advice: z.array(z.object({ action: z.string(), targetType: z.string(), targetId: z.string() })),
});

const HEAD = ['shop', 'end', 'found', 'alarms', 'left out', 'leaks', 'turns', 'tokens', 'cost'];
/** The columns of the table: where the last time said something else, `then -> now`. */
export function liveTable(rows: readonly LiveRow[], before: readonly LiveRow[]): { head: string[]; rows: string[][] } {
  const cells = (row: LiveRow): string[] => [
    row.name,
    `${row.state} ${row.why}`,
    `${row.found}/${row.planted}`,
    String(row.alarms),
    String(row.lint),
    String(row.leaks),
    String(row.turns),
    String(row.tokens),
    dollars(row.microUsd),
  ];
  const old = new Map(before.map((row) => [row.name, cells(row)]));
  const both = (row: LiveRow): string[] =>
    cells(row).map((cell, at) => {
      const then = old.get(row.name)?.[at];
      return then === undefined || then === cell ? cell : `${then} -> ${cell}`;
    });
  return { head: [...HEAD], rows: rows.map(both) };
}

export const dollars = (microUsd: number): string => `$${(microUsd / 1e6).toFixed(6)}`;
