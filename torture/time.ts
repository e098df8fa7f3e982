/** Time itself as the enemy: kills around the commit of a plan, rivals for a folder, a clock that is stepped under the real server. */
import { printTable, round } from '../bench/result.ts';
import type { TortureResult } from './result.ts';
import type { TimeFindings, Verdict } from './time-judge.ts';
import { tortureKills } from './time-kills.ts';
import type { KillFigures } from './time-kills.ts';
import { tortureSteps } from './time-steps.ts';
import type { StepFigures } from './time-steps.ts';

/** Kills at each of four points, and takeovers. */
const TRIALS = { quick: { each: 2, takeovers: 2 }, full: { each: 50, takeovers: 20 } } as const;

export async function tortureTime({ quick }: { quick: boolean }): Promise<TortureResult> {
  // The stepped server sleeps most of its time.
  const [kills, steps] = await Promise.all([tortureKills(quick ? TRIALS.quick : TRIALS.full), tortureSteps({ quick })]);
  printKills(kills);
  if (steps === undefined)
    console.log('not shown here: steps of the clock (the Debian package faketime is not installed)');
  else printSteps(steps);
  return resultOf(kills, steps);
}

function printKills(kills: KillFigures): void {
  printTable([
    ['kill -9', 'lives'],
    ...Object.entries(kills.kills).map(([point, lives]) => [POINTS[point] ?? point, String(lives)]),
  ]);
  console.log(
    `${kills.takeovers} takeovers among rivals for one folder; ${kills.fakedHours.toFixed(1)} h of faked time`,
  );
  console.log(sentence(kills));
}

const POINTS: Readonly<Record<string, string>> = {
  before: 'between planning and commit',
  during: 'in the commit',
  after: 'right after the commit',
  anywhere: 'at any moment',
};

function printSteps(steps: StepFigures): void {
  printTable([
    ['clock of the real server', 'noticed ms', 'runs', 'slowest answer ms'],
    ...steps.steps.map(({ name, noticedMs, runs, slowestMs }) => [
      name,
      noticedMs.toFixed(0),
      String(runs),
      Number.isNaN(slowestMs) ? '-' : slowestMs.toFixed(0),
    ]),
  ]);
  console.log(sentence(steps));
}

function sentence({ slots, runs, skipped, findings }: Verdict): string {
  const { lost, twice, invented, fell } = findings;
  return (
    `${slots} slots: ${runs} runs, ${skipped} skipped; ${lost.length} lost, ${twice.length} twice, ` +
    `${invented.length} never due, ${fell.length} watermarks fell`
  );
}

function resultOf(kills: KillFigures, steps: StepFigures | undefined): TortureResult {
  const verdicts: Verdict[] = [kills, ...(steps === undefined ? [] : [steps])];
  const all = (kind: keyof TimeFindings): string[] => verdicts.flatMap(({ findings }) => findings[kind]);
  const found: Record<string, string[]> = {
    lost: all('lost'),
    twice: all('twice'),
    invented: all('invented'),
    fell: all('fell'),
    rivals: kills.rivals,
    wrong: steps?.wrong ?? [],
  };
  for (const [kind, ones] of Object.entries(found)) for (const one of ones.slice(0, 5)) console.log(`${kind}: ${one}`);
  const short = Object.keys(found).filter((kind) => found[kind]?.length !== 0);
  if (kills.runs === 0 || kills.skipped === 0) short.push('nothing was due');
  return {
    torture: 'time',
    trials: Object.values(kills.kills).reduce((sum, lives) => sum + lives, 0),
    counts: Object.fromEntries(Object.entries(found).map(([kind, ones]) => [kind, ones.length])),
    checks: {
      lost: sumOf(verdicts, ({ slots }) => slots),
      twice: sumOf(verdicts, ({ runs, skipped }) => runs + skipped),
      invented: sumOf(verdicts, ({ runs, skipped }) => runs + skipped),
      rivals: kills.takeovers,
    },
    short,
    figures: {
      slots: sumOf(verdicts, ({ slots }) => slots),
      runs: sumOf(verdicts, ({ runs }) => runs),
      skipped: sumOf(verdicts, ({ skipped }) => skipped),
      takeovers: kills.takeovers,
      // 0: not shown here.
      clockSteps: steps?.steps.length ?? 0,
      slowestAnswerMs: round(Math.max(0, ...(steps?.steps ?? []).map(({ slowestMs }) => slowestMs || 0))),
    },
  };
}

function sumOf(verdicts: readonly Verdict[], figure: (verdict: Verdict) => number): number {
  return verdicts.reduce((sum, verdict) => sum + figure(verdict), 0);
}
