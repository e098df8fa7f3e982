/** A run at its end, as a terminal shows it. */
import { oneLine } from '../render/format.ts';
import { describeDeliveries, describeDestination, describeRun } from '../render/run.ts';
import { describeSpend } from '../render/spend.ts';
import { renderText } from '../render/text.ts';
import type { Receipt } from '../store/destinations.ts';
import type { RunView } from './gateway.ts';
import { EXIT } from './terminal.ts';
import type { Terminal } from './terminal.ts';

export function exitCode({ run, deliveries }: RunView): number {
  if (run.state !== 'completed') return EXIT.runFailed;
  const reports = deliveries.filter((delivery) => delivery.mode === 'report');
  return reports.every((delivery) => delivery.state === 'delivered') ? EXIT.ok : EXIT.notDelivered;
}

/** The report on standard output; what the run and its deliveries are beside it, each on lines of its own. */
export function showView(terminal: Terminal, { run, deliveries }: RunView): void {
  const { width, color, links } = terminal;
  if (run.report !== undefined)
    terminal.out(renderText(run.report, { width, color, links, rows: 'preview', about: { run } }));
  const why = run.error === undefined ? '' : `: ${run.error.message}${run.error.hint ? ` (${run.error.hint})` : ''}`;
  terminal.err(`run       ${run.state}${why}`);
  const { actor, trigger } = describeRun(run, deliveries);
  terminal.err(`asked     by ${actor}, ${trigger}`);
  if (run.agent !== undefined) terminal.err(`spent     ${describeSpend(run.agent)}`);
  terminal.err(`delivery  ${describeDeliveries(deliveries) ?? 'nothing was to be delivered'}`);
  for (const delivery of deliveries) {
    if (delivery.error?.hint !== undefined) terminal.err(`          ${delivery.error.hint}`);
    if (delivery.mode === 'live') continue;
    for (const { receipt } of delivery.parts) if (receipt !== undefined) receiptLines(receipt).forEach(terminal.err);
  }
  for (const { destination, reason } of run.withheld ?? [])
    terminal.err(`withheld  ${describeDestination(destination)}: ${reason}`);
}

/** The proof, the files that went with it, and what is there in another form than it was meant. */
function receiptLines(receipt: Receipt): string[] {
  const files = receipt.kind === 'slack' ? (receipt.files ?? []) : [];
  const degraded = 'degraded' in receipt ? (receipt.degraded ?? []) : [];
  return [
    `receipt   ${proofOf(receipt)}`,
    ...files.map(({ id, name }) => `          with ${name} (${id})`),
    ...degraded.map((what) => `degraded  ${oneLine(what)}`),
  ];
}

function proofOf(receipt: Receipt): string {
  switch (receipt.kind) {
    case 'slack':
      return `slack ${receipt.channel} ${receipt.ts} ${receipt.permalink ?? ''}`.trimEnd();
    case 'email':
      return `mail ${receipt.messageId} ${receipt.response}`;
    case 'file':
      return `file ${receipt.path} ${receipt.bytes} bytes`;
    case 'webhook':
      return `webhook ${receipt.url} HTTP ${receipt.status} ${receipt.bytes} bytes`;
    default:
      return receipt satisfies never;
  }
}
