import { textBar } from '../../render/bar.ts';
import { slackDate } from '../../render/card.ts';
import type { SpendView } from '../../runner/spending.ts';
import { formatUsd } from '../../usd.ts';
import { context, paged, safe, section, type Answer } from './blocks.ts';

type Standing = SpendView['standing'][number];

const JOBS_SHOWN = 10;

/** `/jobs spend`: the caps with a bar each, and the jobs that spent most. */
export function spendView(view: SpendView): Answer {
  const lines = workspaceLines(view);
  const jobs = jobLines(view);
  return {
    text: plainOf(view),
    blocks: [
      section(`*Money*\n${lines.join('\n')}`),
      ...(jobs.length === 0 ? [section('No job is an agent, so nothing costs money.')] : paged(jobs)),
      context(`Days and months of ${safe(view.timeZone)} · prices as of ${safe(view.pricesAsOf)}`),
    ],
  };
}

/** What was spent today and this month, for notifications and screen readers. */
function plainOf({ standing }: SpendView): string {
  const said = standing.filter(({ scope }) => scope !== 'job').map((one) => `${nameOf(one)} ${amountOf(one)}`);
  return `Spent: ${said.join(', ')}`;
}

/** The workspace's day and month, a line each. */
export function workspaceLines({ standing }: SpendView): string[] {
  return standing.filter(({ scope }) => scope !== 'job').map(capLine);
}

/** The jobs, those first that spent most; what was left out is said. */
export function jobLines({ standing }: SpendView, most = JOBS_SHOWN): string[] {
  const jobs = standing
    .filter(({ scope }) => scope === 'job')
    .toSorted((a, b) => (b.monthUsed ?? 0) - (a.monthUsed ?? 0) || b.used - a.used);
  const lines = jobs.slice(0, most).map((one) => `${capLine(one)} · month ${formatUsd(one.monthUsed ?? 0)}`);
  return jobs.length > most ? [...lines, `… and ${jobs.length - most} more: \`bellhop spend\``] : lines;
}

/** `*Today* ▰▰▰▱▱▱▱▱▱▱ 31% · $1.55 of $5.00 · $0.25 held · anew Tue`. */
function capLine(one: Standing): string {
  const { used, held, cap } = one;
  const bar = cap === null || cap === 0 ? '' : ` ${textBar(used / cap)} ·`;
  const set = held === 0 ? '' : ` · ${formatUsd(held)} held`;
  const anew = one.scope === 'job' || cap === null ? '' : ` · anew ${slackDate(one.until)}`;
  return `*${nameOf(one)}*${bar} ${amountOf(one)}${set}${anew}`;
}

function amountOf({ used, cap }: Standing): string {
  return cap === null ? `${formatUsd(used)}, no cap` : `${formatUsd(used)} of ${formatUsd(cap)}`;
}

function nameOf({ scope, job }: Standing): string {
  if (scope === 'job') return `${safe(job ?? '')} today`;
  return scope === 'day' ? 'Today' : 'This month';
}
