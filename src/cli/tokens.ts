import { UsageError } from '../errors.ts';
import { cutColumns, oneLine, plainText } from '../render/format.ts';
import { minute } from '../runner/token-words.ts';
import type { TokenView } from '../runner/tokens.ts';
import { didYouMean } from '../suggest.ts';
import { EXIT, type Terminal } from './terminal.ts';
import type { Gateway, TokenProblem } from './gateway.ts';

/** All that these commands need of the gateway. */
type Desk = Pick<Gateway, 'tokens' | 'jobs'>;

export interface TokenAsk {
  args: readonly string[];
  json: boolean;
  /** Nothing but the token. */
  quiet: boolean;
  scope?: string | undefined;
  /** Separated by commas. */
  jobs?: string | undefined;
  expires?: string | undefined;
  overlap?: string | undefined;
  /** Names of the options that were typed. */
  given: readonly string[];
}

const VERBS = {
  create: { act: createCommand, takes: ['json', 'quiet', 'scope', 'jobs', 'expires'] },
  list: { act: listCommand, takes: ['json'] },
  rotate: { act: rotateCommand, takes: ['json', 'quiet', 'overlap'] },
  revoke: { act: revokeCommand, takes: ['json', 'quiet'] },
} as const satisfies Record<
  string,
  { act: (terminal: Terminal, gateway: Desk, ask: TokenAsk) => Promise<number>; takes: readonly string[] }
>;
const ALL = Object.keys(VERBS);

/** `bellhop token create | list | rotate | revoke`: a token stands alone on standard output, what is said about it beside it. */
export async function tokenCommand(terminal: Terminal, gateway: Desk, ask: TokenAsk): Promise<number> {
  const [verb = '', ...args] = ask.args;
  if (!isVerb(verb)) {
    const near = didYouMean(verb, ALL);
    const problem = verb === '' ? 'What about tokens?' : `There is no “token ${oneLine(verb)}”`;
    throw usage(problem, near === undefined ? `bellhop token ${ALL.join(' | ')}` : `It can ${ALL.join(', ')}; ${near}`);
  }
  const { act, takes } = VERBS[verb];
  const stray = ask.given.find((name) => name !== 'help' && !takes.some((known) => known === name));
  if (stray !== undefined)
    throw usage(`bellhop token ${verb} takes no --${stray}`, 'bellhop help shows what it takes.');
  return act(terminal, gateway, { ...ask, args });
}

function isVerb(text: string): text is keyof typeof VERBS {
  return ALL.includes(text);
}

async function createCommand(terminal: Terminal, gateway: Desk, ask: TokenAsk): Promise<number> {
  const name = only(ask, 'Which name?', 'bellhop token create NAME --scope run, like ci');
  const { scope, expires } = ask;
  const jobs = ask.jobs?.split(',').map((job) => job.trim());
  const made = await gateway.tokens.create({
    name,
    ...(scope === undefined ? {} : { scope }),
    ...(jobs === undefined ? {} : { jobs }),
    ...(expires === undefined ? {} : { expires }),
  });
  if (!('secret' in made)) return refused(terminal, made);
  handOver(terminal, ask, { ...made, said: `${titleOf(made.view)}: ${reachOf(made.view)}, ${endOf(made.view)}.` });
  await warnOfUnknown(terminal, gateway, jobs ?? []);
  return EXIT.ok;
}

async function rotateCommand(terminal: Terminal, gateway: Desk, ask: TokenAsk): Promise<number> {
  const ref = only(ask, 'Which token?', 'bellhop token rotate NAME [--overlap 24h]');
  const made = await gateway.tokens.rotate(ref, ask.overlap);
  if (!('secret' in made)) return refused(terminal, made);
  const { view, until } = made;
  const isOver = view.secrets.length < 2;
  const before = isOver ? 'The secret before has ended.' : `The secret before works until ${minute(until)}.`;
  handOver(terminal, ask, { ...made, said: `${titleOf(view)} has a new secret. ${before}` });
  return EXIT.ok;
}

/** The token is the answer; what a person should know stands around it, on the other stream. */
function handOver(
  terminal: Terminal,
  ask: TokenAsk,
  { said, secret, ...made }: { said: string; secret: string; view: TokenView; until?: string },
): void {
  if (ask.json) {
    const { view, until } = made;
    const answer = { token: view, secret, ...(until === undefined ? {} : { until }) };
    return terminal.out(JSON.stringify(answer, null, 2));
  }
  if (!ask.quiet) terminal.err(`${said}\nHere it is, this once; Bellhop keeps its digest only:`);
  terminal.out(secret);
  if (!ask.quiet) terminal.err('Send it as “Authorization: Bearer …”, never in an address.');
}

async function revokeCommand(terminal: Terminal, gateway: Desk, ask: TokenAsk): Promise<number> {
  const ref = only(ask, 'Which token?', 'bellhop token revoke NAME');
  const result = await gateway.tokens.revoke(ref);
  if (!('view' in result)) return refused(terminal, result);
  if (ask.json) terminal.out(JSON.stringify({ token: result.view }, null, 2));
  else if (!ask.quiet) terminal.err(`${titleOf(result.view)}: revoked; it opens nothing from now on.`);
  return EXIT.ok;
}

async function listCommand(terminal: Terminal, gateway: Desk, ask: TokenAsk): Promise<number> {
  if (ask.args.length > 0) throw usage('token list takes nothing more', 'bellhop token list');
  const { tokens, bootstrap } = await gateway.tokens.list();
  if (ask.json) {
    terminal.out(JSON.stringify({ tokens, bootstrap }, null, 2));
    return EXIT.ok;
  }
  const lines = tokens.flatMap((view) => linesOf(view, Math.max(terminal.width, 60)));
  terminal.out(lines.length === 0 ? 'There are no tokens. Try: bellhop token create ci --scope run' : lines.join('\n'));
  if (bootstrap === 'set') terminal.err('BELLHOP_API_TOKEN is set beside them: scope admin, for every job.');
  else if (!tokens.some(({ state }) => state === 'live'))
    terminal.err('The HTTP API lets nobody in: there is no live token, and BELLHOP_API_TOKEN is not set.');
  return EXIT.ok;
}

/** A head, and a line for each fact, none wider than the terminal. */
function linesOf(view: TokenView, width: number): string[] {
  const { createdAt, createdBy, lastUsedAt, revokedAt, secrets } = view;
  const [newest, before] = secrets;
  const rotated =
    newest === undefined || newest.createdAt === createdAt ? [] : [`rotated  ${minute(newest.createdAt)}`];
  const overlap =
    before?.notAfter === undefined ? [] : [`overlap  the secret before works until ${minute(before.notAfter)}`];
  const facts = [
    `made     ${minute(createdAt)} by ${createdBy.name ?? createdBy.id}`,
    `used     ${lastUsedAt === undefined ? 'never' : minute(lastUsedAt)}`,
    ...rotated,
    ...overlap,
    revokedAt === undefined
      ? `ends     ${view.expiresAt === undefined ? 'never' : minute(view.expiresAt)}`
      : `revoked  ${minute(revokedAt)}`,
  ];
  const head = `${view.name}  ${view.id}  ${view.state}  ${reachOf(view)}`;
  return [head, ...facts.map((fact) => `  ${fact}`)].map((line) => cutColumns(oneIndented(line), width));
}

function oneIndented(line: string): string {
  return plainText(line).replace(/[\r\n]+/g, ' ');
}

function titleOf({ name, id }: TokenView): string {
  return `${name} (${id})`;
}

function reachOf({ scope, jobs }: TokenView): string {
  return `${scope}, ${jobs === undefined ? 'every job' : `only ${jobs.join(', ')}`}`;
}

function endOf({ expiresAt }: TokenView): string {
  return expiresAt === undefined ? 'never expires' : `expires ${minute(expiresAt)}`;
}

/** A job may come later; a slip of the finger should be seen now. */
async function warnOfUnknown(terminal: Terminal, gateway: Desk, wanted: readonly string[]): Promise<void> {
  if (wanted.length === 0) return;
  const known = (await gateway.jobs()).jobs.map(({ name }) => name);
  for (const job of wanted.filter((one) => !known.includes(one))) {
    const near = didYouMean(job, known);
    terminal.err(`There is no job ${job} yet${near === undefined ? '.' : `; ${near}`}`);
  }
}

function only({ args }: TokenAsk, problem: string, hint: string): string {
  const [ref, extra] = args;
  if (ref === undefined || ref.trim() === '' || extra !== undefined) throw usage(problem, hint);
  // Whoever found a whole token somewhere wants it gone: its id is in it, and the rest goes no further.
  return /^bh_([0-9a-z]{8})_/.exec(ref.trim())?.[1] ?? ref;
}

function refused(terminal: Terminal, { text }: TokenProblem): number {
  terminal.err(text);
  return EXIT.usage;
}

function usage(message: string, hint: string): UsageError {
  return new UsageError(message, { code: 'USAGE', hint });
}
