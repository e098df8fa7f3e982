import { messageOf } from '../../errors.ts';
import { isId } from '../../ids.ts';
import { CARD_ACTIONS } from '../../render/card.ts';
import { problemView } from '../views/answers.ts';
import type { Answer } from '../views/blocks.ts';
import { DELETE_ACTIONS } from '../views/show.ts';
import { clickDecision } from './approve.ts';
import { cancelAnswer } from './cancel.ts';
import { SEEN_BEFORE, slackActor, type Asked, type CommandDeps } from './context.ts';
import { deleteShown } from './delete.ts';
import { failedAnswer } from './failed.ts';
import { clickAdvice } from './memory.ts';
import { clickSchedule } from './pause.ts';
import { retry, retryAnswer } from './retry.ts';

export interface ClickedButton {
  userId: string;
  userName: string | undefined;
  channelId: string | undefined;
  actionId: string;
  value: string;
  /** Whether the button stood in a message that only this person sees; then the answer takes its place. */
  ephemeral: boolean;
  key: string;
}

export type ButtonAnswer = Answer & { replace_original: boolean };

/** Answers a click. Two clicks on one button have one effect: the acts are idempotent, and a retry is keyed by the run it repeats. */
export async function answerButton(deps: CommandDeps, clicked: ClickedButton): Promise<ButtonAnswer> {
  const actor = slackActor(clicked);
  const origin = clicked.channelId === undefined ? undefined : ({ kind: 'slack', channel: clicked.channelId } as const);
  try {
    const answer = await act(deps, { actor, origin, key: clicked.key }, clicked);
    return { ...answer, replace_original: clicked.ephemeral };
  } catch (error) {
    deps.log.error('a button failed', { action: clicked.actionId, error: messageOf(error) });
    return { ...failedAnswer(error), replace_original: false };
  }
}

async function act(deps: CommandDeps, asked: Asked, clicked: ClickedButton): Promise<Answer> {
  const ofSchedule = clickSchedule(deps, asked, clicked);
  if (ofSchedule !== undefined) return ofSchedule;
  const ofAdvice = clickAdvice(deps, asked, clicked);
  if (ofAdvice !== undefined) return ofAdvice;
  const [runId = ''] = clicked.value.split('|');
  if (!isId(runId, 'run')) return problemView('This button is from another time.', 'Try `/jobs list`.');
  switch (clicked.actionId) {
    case CARD_ACTIONS.cancel:
      if (!(await deps.remember(asked.key))) return SEEN_BEFORE;
      return cancelAnswer(await deps.runner.cancel(runId, asked.actor));
    case CARD_ACTIONS.approve:
      return clickDecision(deps, asked, { runId, decision: 'approve' });
    case CARD_ACTIONS.deny:
      return clickDecision(deps, asked, { runId, decision: 'deny' });
    case CARD_ACTIONS.retry:
      return retryAnswer(await retry(deps, { ...asked, key: `retry-button-${runId}` }, runId));
    case DELETE_ACTIONS.confirm:
      return deleteShown(deps, asked, clicked.value);
    case DELETE_ACTIONS.keep:
      return problemView('Nothing was deleted.', `The run ${runId} stays.`);
    default:
      return problemView('This button does nothing in this version.', 'Try `/jobs help`.');
  }
}
