import { messageOf } from '../../errors.ts';
import { problemView } from '../views/answers.ts';
import type { Answer } from '../views/blocks.ts';
import { parseCommand, type Command, type Verb } from '../command.ts';
import { decideRun } from './approve.ts';
import { cancelRun } from './cancel.ts';
import { slackActor, type Asked, type CommandDeps } from './context.ts';
import { confirmDelete } from './delete.ts';
import { failedAnswer } from './failed.ts';
import { help } from './help.ts';
import { list } from './list.ts';
import { memory } from './memory.ts';
import { pause, resume, skip, snooze, unschedule } from './pause.ts';
import { retryRun } from './retry.ts';
import { runJob } from './run.ts';
import { schedule } from './schedule.ts';
import { next, schedules } from './schedules.ts';
import { show } from './show.ts';

export interface TypedCommand {
  userId: string;
  userName: string | undefined;
  channelId: string;
  text: string;
  key: string;
}

type Answerer = (deps: CommandDeps, asked: Asked, command: Command) => Promise<Answer>;

const ANSWERERS: Record<Verb, Answerer> = {
  help,
  list,
  run: runJob,
  show,
  cancel: cancelRun,
  retry: retryRun,
  delete: confirmDelete,
  schedule,
  schedules,
  next,
  pause,
  resume,
  snooze,
  skip,
  unschedule,
  memory,
  approve: decideRun('approve'),
  deny: decideRun('deny'),
};

/** Answers a typed command; what it changes is durable before the answer exists. Never throws. */
export async function answerCommand(deps: CommandDeps, typed: TypedCommand): Promise<Answer> {
  const parsed = parseCommand(typed.text);
  if (parsed.outcome === 'problem') return problemView(parsed.problem, parsed.hint);
  try {
    return await ANSWERERS[parsed.command.verb](deps, askedBy(typed), parsed.command);
  } catch (error) {
    deps.log.error('a command failed', { verb: parsed.command.verb, error: messageOf(error) });
    return failedAnswer(error);
  }
}

function askedBy(typed: TypedCommand): Asked {
  const actor = slackActor(typed);
  return { actor, origin: { kind: 'slack', channel: typed.channelId }, key: typed.key };
}
