import { UsageError } from '../errors.ts';
import { cutColumns, oneLine } from '../render/format.ts';
import type { Suppression } from '../runner/subscriptions.ts';
import { didYouMean } from '../suggest.ts';
import { EXIT, type Terminal } from './terminal.ts';
import type { Gateway } from './gateway.ts';

/** All that these commands need of the gateway. */
type Desk = Pick<Gateway, 'mail'>;

export interface MailAsk {
  args: readonly string[];
  json: boolean;
}

const MAX_LISTED = 2_000;
const VERBS = { list: listCommand, allow: allowCommand, suppress: suppressCommand } as const;
const ALL = Object.keys(VERBS);

/** `bellhop mail list | allow ADDRESS | suppress ADDRESS`: who gets no mail, and why. */
export async function mailCommand(terminal: Terminal, gateway: Desk, ask: MailAsk): Promise<number> {
  const [verb = '', ...args] = ask.args;
  if (isVerb(verb)) return VERBS[verb](terminal, gateway, { ...ask, args });
  const near = didYouMean(verb, ALL);
  const problem = verb === '' ? 'What about mail?' : `There is no “mail ${oneLine(verb)}”`;
  throw usage(problem, near === undefined ? `bellhop mail ${ALL.join(' | ')}` : `It can ${ALL.join(', ')}; ${near}`);
}

function isVerb(text: string): text is keyof typeof VERBS {
  return ALL.includes(text);
}

async function listCommand(terminal: Terminal, gateway: Desk, ask: MailAsk): Promise<number> {
  if (ask.args.length > 0) throw usage('mail list takes nothing more', 'bellhop mail list');
  const { items, isWhole } = await everyPage(gateway);
  const sorted = items.toSorted((a, b) => (a.address < b.address ? -1 : 1));
  if (ask.json) terminal.out(JSON.stringify({ suppressions: sorted }, null, 2));
  else if (sorted.length === 0) terminal.out('Every address gets its mails.');
  else terminal.out(sorted.flatMap((one) => linesOf(one, Math.max(terminal.width, 60))).join('\n'));
  if (!isWhole) terminal.err(`There are more than these ${sorted.length}; /v1/mail/suppressions has them by pages.`);
  return EXIT.ok;
}

async function everyPage(gateway: Desk): Promise<{ items: Suppression[]; isWhole: boolean }> {
  const items: Suppression[] = [];
  let after: string | undefined;
  do {
    const page = await gateway.mail.list(after === undefined ? {} : { after });
    items.push(...page.items);
    after = page.next;
  } while (after !== undefined && items.length < MAX_LISTED);
  return { items, isWhole: after === undefined };
}

async function allowCommand(terminal: Terminal, gateway: Desk, ask: MailAsk): Promise<number> {
  const result = await gateway.mail.allow(only(ask, 'bellhop mail allow ana@example.com'));
  return said(terminal, ask, { result, text: 'gets mails again' });
}

async function suppressCommand(terminal: Terminal, gateway: Desk, ask: MailAsk): Promise<number> {
  const result = await gateway.mail.suppress(only(ask, 'bellhop mail suppress ana@example.com'));
  return said(terminal, ask, { result, text: 'gets no mails from now on' });
}

type Result = Awaited<ReturnType<Gateway['mail']['allow']>>;

function said(terminal: Terminal, ask: MailAsk, { result, text }: { result: Result; text: string }): number {
  if ('text' in result) {
    terminal.err(result.text);
    return EXIT.usage;
  }
  const { suppression } = result;
  if (ask.json) terminal.out(JSON.stringify({ suppression }, null, 2));
  else terminal.err(`${suppression.address} ${text}: ${suppression.reasons.map(wordsOf).join('; ')}`);
  return EXIT.ok;
}

function linesOf({ address, reasons }: Suppression, width: number): string[] {
  return [address, ...reasons.map((reason) => `  ${wordsOf(reason)}`)].map((line) => cutColumns(plain(line), width));
}

/** An indent stays; what a mail server wrote is one line. */
function plain(line: string): string {
  const indent = /^ */.exec(line)?.[0] ?? '';
  return indent + oneLine(line);
}

function wordsOf(reason: Suppression['reasons'][number]): string {
  const day = reason.at.slice(0, 10);
  switch (reason.why) {
    case 'unsubscribed':
      return `unsubscribed from ${reason.list === '*' ? 'everything' : reason.list} on ${day}`;
    case 'rejected':
      return `rejected on ${day}: ${oneLine(reason.answer)}`;
    case 'operator':
      return `put here by an operator on ${day}`;
    default:
      return reason satisfies never;
  }
}

function only({ args }: MailAsk, hint: string): string {
  const [address, extra] = args;
  if (address === undefined || address.trim() === '' || extra !== undefined) throw usage('Which address?', hint);
  return address;
}

function usage(message: string, hint: string): UsageError {
  return new UsageError(message, { code: 'USAGE', hint });
}
