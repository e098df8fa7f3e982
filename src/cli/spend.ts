import { UsageError } from '../errors.ts';
import { cutColumns, oneLine, padColumns } from '../render/format.ts';
import type { SpendView } from '../runner/spending.ts';
import { didYouMean } from '../suggest.ts';
import { formatUsd } from '../usd.ts';
import { dayAndTime } from '../when.ts';
import { EXIT, type Terminal } from './terminal.ts';
import type { Gateway } from './gateway.ts';

/** All that this command needs of the gateway. */
type Desk = Pick<Gateway, 'spend'>;

export interface SpendAsk {
  args: readonly string[];
  json: boolean;
}

const HEAD = ['SCOPE', 'USED', 'HELD', 'CAP', 'SHARE', 'MONTH', 'STARTS ANEW'];
const RIGHT = new Set([1, 2, 3, 4, 5]);

/** `bellhop spend` and `bellhop spend allow JOB`: where the caps on money stand, and letting one run pass them. */
export async function spendCommand(terminal: Terminal, gateway: Desk, ask: SpendAsk): Promise<number> {
  const [verb, job, extra] = ask.args;
  if (verb === undefined) {
    const view = await gateway.spend.view();
    terminal.out(ask.json ? JSON.stringify(view, null, 2) : tableOf(view, Math.max(terminal.width, 60)));
    return EXIT.ok;
  }
  if (verb !== 'allow') {
    const near = didYouMean(verb, ['allow']);
    throw usage(`There is no “spend ${oneLine(verb)}”`, near ?? 'bellhop spend, or bellhop spend allow JOB');
  }
  if (job === undefined || extra !== undefined) throw usage('Which job?', 'bellhop spend allow JOB');
  const result = await gateway.spend.allow(job);
  if ('text' in result) {
    terminal.err(result.text);
    return EXIT.usage;
  }
  const already = result.outcome === 'already_allowed' ? ' already' : '';
  if (ask.json) terminal.out(JSON.stringify(result, null, 2));
  else terminal.err(`The next run of ${result.job} may${already} pass its caps, once, until ${result.until}.`);
  return EXIT.ok;
}

/** One line a cap; what has neither a cap nor spent anything is left out, but for the workspace. */
function tableOf({ standing, timeZone, pricesAsOf }: SpendView, width: number): string {
  const shown = standing.filter((one) => one.scope !== 'job' || one.cap !== null || one.used > 0);
  const rows = shown.map(({ scope, job, used, held, cap, monthUsed, until }) => [
    scope === 'job' ? oneLine(job ?? '') : `workspace ${scope}`,
    formatUsd(used),
    formatUsd(held),
    cap === null ? '–' : formatUsd(cap),
    cap === null ? '–' : shareOf(used, cap),
    monthUsed === undefined ? '' : formatUsd(monthUsed),
    dayAndTime(until, timeZone).replace(/ \([^)]*\)$/, ''),
  ]);
  const wide = HEAD.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cutColumns(
      cells
        .map((cell, column) => padColumns(cell, wide[column] ?? 0, RIGHT.has(column) ? 'right' : 'left'))
        .join('  ')
        .trimEnd(),
      width,
    );
  const foot = [
    `US dollars, days and months of ${timeZone}; prices as of ${pricesAsOf}.`,
    'docs/money.md says what each cap is and how to raise it.',
  ];
  return [line(HEAD), ...rows.map(line), ...foot].join('\n');
}

/** `31%`; of a cap of nothing all is used. */
function shareOf(used: number, cap: number): string {
  return cap === 0 ? '100%' : `${Math.floor((used / cap) * 100)}%`;
}

function usage(message: string, hint: string): UsageError {
  return new UsageError(message, { code: 'USAGE', hint });
}
