import { UsageError } from '../errors.ts';
import { cutColumns, oneLine, plainText } from '../render/format.ts';
import { describeDelivery } from '../render/run.ts';
import type { NoticeView } from '../store/notice-records.ts';
import { EXIT, type Terminal } from './terminal.ts';
import type { Gateway } from './gateway.ts';

const SHOWN = 50;

/** `bellhop notices`: what was told without a run, newest first, and where each went. */
export async function noticesCommand(
  terminal: Terminal,
  gateway: Gateway,
  ask: { args: readonly string[]; json: boolean },
): Promise<number> {
  if (ask.args.length > 0)
    throw new UsageError('notices takes nothing more', { code: 'USAGE', hint: 'bellhop notices' });
  const page = await gateway.notices({ limit: SHOWN });
  if (ask.json) terminal.out(JSON.stringify(page, null, 2));
  else if (page.items.length === 0)
    terminal.out('There are no notices: nothing was missed, and nothing failed in a row.');
  else terminal.out(plainText(page.items.flatMap((view) => linesOf(view, terminal.width)).join('\n')));
  if (page.next !== undefined && !ask.json) terminal.err(`These are the newest ${SHOWN}; there are more.`);
  return EXIT.ok;
}

function linesOf({ notice, deliveries }: NoticeView, width: number): string[] {
  const when = notice.createdAt.slice(0, 16).replace('T', ' ');
  const title = cutColumns(oneLine(notice.report.title), Math.max(20, width - 48));
  const where = deliveries.length === 0 ? ['nobody is to be told'] : deliveries.map((one) => describeDelivery(one));
  return [`${notice.id}  ${notice.kind.padEnd(8)}  ${when} UTC  ${title}`, ...where.map((line) => `    ${line}`)];
}
