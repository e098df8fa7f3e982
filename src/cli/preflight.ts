import { UsageError } from '../errors.ts';
import { displayWidth, oneLine, padColumns, plainText } from '../render/format.ts';
import { describeDestination } from '../render/run.ts';
import type { PreflightPlace } from '../runner/preflights.ts';
import { EXIT, type Terminal } from './terminal.ts';
import type { Gateway } from './gateway.ts';

/** `bellhop preflight JOB`: whether its reports could arrive, place by place; posts nothing. Exit code 1: at least one would not. */
export async function preflightCommand(
  terminal: Terminal,
  gateway: Gateway,
  ask: { args: readonly string[]; json: boolean },
): Promise<number> {
  const [job, extra] = ask.args;
  if (job === undefined || extra !== undefined)
    throw new UsageError('Which job?', { code: 'USAGE', hint: 'bellhop preflight JOB; bellhop jobs lists them.' });
  const result = await gateway.preflight(job);
  if (result.outcome === 'problem') {
    terminal.err(result.text);
    return EXIT.usage;
  }
  const { outcome: _outcome, ...answer } = result;
  const { places, leftOut, verdict } = answer;
  if (ask.json) terminal.out(JSON.stringify(answer, null, 2));
  else if (places.length === 0) terminal.out(`Reports of ${job} go nowhere that is known before a run.`);
  else terminal.out(plainText(linesOf(places).join('\n')));
  if (leftOut > 0 && !ask.json) terminal.err(`${leftOut} more places were not looked at.`);
  return verdict === 'fails' ? EXIT.runFailed : EXIT.ok;
}

const HEADS = ['place', 'verdict', 'whose', 'what stands in the way, and what to do'] as const;

function linesOf(places: readonly PreflightPlace[]): string[] {
  const rows = places.flatMap((place) => {
    const [first = '', ...more] = place.problems.map(({ message, hint }) =>
      oneLine(`${message.replace(/\.$/, '')}. ${hint}`),
    );
    const head = [oneLine(describeDestination(place.destination)), place.verdict, whose(place.of), first];
    return [head, ...more.map((text) => ['', '', '', text])];
  });
  const table = [[...HEADS], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => displayWidth(row[column] ?? ''))));
  return table.map((row) =>
    row
      .map((cell, n) => padColumns(cell, widths[n] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function whose(of: readonly string[]): string {
  return of.length > 3 ? `${of.slice(0, 2).join(', ')} and ${of.length - 2} more` : of.join(', ');
}
