import { UsageError } from '../errors.ts';
import { countAdvice, describeAnswer, describeGrounds } from '../render/advice.ts';
import { cutColumns, oneLine } from '../render/format.ts';
import { ANSWERS } from '../runner/memory.ts';
import type { AdviceView, Answered } from '../runner/memory.ts';
import { didYouMean } from '../suggest.ts';
import { EXIT, type Terminal } from './terminal.ts';
import type { Gateway } from './gateway.ts';

/** All that this command needs of the gateway. */
type Desk = Pick<Gateway, 'memory'>;

export interface MemoryAsk {
  args: readonly string[];
  json: boolean;
}

/** `bellhop memory JOB`, `bellhop memory JOB done|later|never|open KEY`: what a job recommended, and the answer to one of it. */
export async function memoryCommand(terminal: Terminal, gateway: Desk, ask: MemoryAsk): Promise<number> {
  const [job, as, key, extra] = ask.args;
  if (job === undefined || extra !== undefined) throw usage('Whose memory?', HINT);
  if (as === undefined) return listCommand(terminal, gateway, { job, json: ask.json });
  const answer = ANSWERS.find((one) => one === as);
  if (answer === undefined) {
    const near = didYouMean(as, ANSWERS);
    throw usage(
      `“${oneLine(as)}” is no answer`,
      near === undefined ? HINT : `Answers are ${ANSWERS.join(', ')}; ${near}`,
    );
  }
  if (key === undefined) throw usage('Which advice?', `bellhop memory ${oneLine(job)} lists the keys.`);
  return answerCommand(terminal, gateway, { job, as: answer, key, json: ask.json });
}

async function listCommand(terminal: Terminal, gateway: Desk, ask: { job: string; json: boolean }): Promise<number> {
  const result = await gateway.memory.list(ask.job);
  if ('text' in result) return problem(terminal, result.text);
  const { job, advice, more } = result;
  if (ask.json) terminal.out(JSON.stringify({ job, advice, more }, null, 2));
  else if (advice.length === 0) terminal.out(`${job} has recommended nothing yet.`);
  else {
    const open = advice.filter(({ status }) => status === 'open');
    const rest = advice.filter(({ status }) => status !== 'open');
    const lines = [`${job}: ${countAdvice(advice)}`, ...[...open, ...rest].flatMap(linesOf)];
    terminal.out(lines.map((line) => cutColumns(line, Math.max(terminal.width, 60))).join('\n'));
    if (more) terminal.err(`These are the newest ${advice.length}; there are older ones.`);
  }
  return EXIT.ok;
}

async function answerCommand(
  terminal: Terminal,
  gateway: Desk,
  ask: { job: string; as: Answered; key: string; json: boolean },
): Promise<number> {
  const result = await gateway.memory.answer(ask);
  if ('text' in result) return problem(terminal, result.text);
  const { row, outcome } = result;
  if (ask.json) terminal.out(JSON.stringify({ outcome, row }, null, 2));
  else terminal.err(`${oneLine(row.title)}: ${outcome === 'unchanged' ? 'already ' : ''}${describeAnswer(row)}`);
  return EXIT.ok;
}

function linesOf(row: AdviceView): string[] {
  const said = row.statusAt === undefined ? '' : `, ${row.statusAt.slice(0, 10)}`;
  const state = row.status === 'open' ? `open since ${row.at.slice(0, 10)}` : `${describeAnswer(row)}${said}`;
  const grounds = describeGrounds(row);
  return [
    `${row.key}  ${oneLine(row.title)}`,
    `              ${oneLine(state)}`,
    ...(grounds === undefined || row.status !== 'open' ? [] : [`              rested on ${oneLine(grounds)}`]),
    ...(row.note === undefined ? [] : [`              ${oneLine(row.note)}`]),
  ];
}

function problem(terminal: Terminal, text: string): number {
  terminal.err(text);
  return EXIT.usage;
}

const HINT = 'bellhop memory JOB, or bellhop memory JOB done | later | never | open KEY';

function usage(message: string, hint: string): UsageError {
  return new UsageError(message, { code: 'USAGE', hint });
}
