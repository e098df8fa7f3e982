/** What a report recommends, each with the buttons by which people answer it. */
import type { ActionsBlock, Button } from '@slack/types';
import type { Action, Section } from '../../store/report-sections.ts';
import type { Report } from '../../store/report.ts';
import { cutText, oneLine } from '../format.ts';
import { plainBlocks } from '../sections.ts';
import { toPieces } from './blocks.ts';
import { countChars } from './chars.ts';
import { SLACK_LIMITS } from './limits.ts';
import { toBlocks } from './pages.ts';
import type { Piece } from './pages.ts';

/** The action ids of the answers; the value of each button is `<run id>|<key of the advice>`. */
export const ADVICE_ACTIONS = {
  done: 'advice:done',
  later: 'advice:later',
  never: 'advice:never',
  open: 'advice:open',
} as const;

/** Whose buttons they are, and what screen readers add to their words. */
export interface Advised {
  runId: string;
  key: string;
  title: string;
}

type Actions = Extract<Section, { kind: 'actions' }>;

/** The row of buttons of one recommendation; `blockId` must be unique in its message. */
export function adviceButtons(of: Advised, blockId: string): ActionsBlock {
  return {
    type: 'actions',
    block_id: blockId,
    elements: [
      adviceButton(of, { as: 'done', label: 'Done' }),
      adviceButton(of, { as: 'later', label: 'Not now' }),
      {
        ...adviceButton(of, { as: 'never', label: 'Never' }),
        confirm: {
          title: { type: 'plain_text', text: 'Never recommend this again?' },
          text: { type: 'plain_text', text: 'Later reports leave it out.' },
          confirm: { type: 'plain_text', text: 'Never again' },
          deny: { type: 'plain_text', text: 'Keep it' },
        },
      },
    ],
  };
}

/** One answer as a button. */
export function adviceButton(
  { runId, key, title }: Advised,
  { as, label }: { as: keyof typeof ADVICE_ACTIONS; label: string },
): Button {
  return {
    type: 'button',
    action_id: ADVICE_ACTIONS[as],
    text: { type: 'plain_text', text: label },
    value: `${runId}|${key}`,
    // Three rows of the same words are told apart by those who hear them.
    accessibility_label: cutText(`${label}: ${oneLine(title)}`, SLACK_LIMITS.accessibilityLabel),
  };
}

/**
 * The items in their order, those of this run's memory with buttons; undefined when there are none of them. A report that names a row of
 * another run's memory gets no buttons for it: they would answer for a report that is not the one being read.
 */
export function advicePieces(
  section: Actions,
  { report, runId, index }: { report: Report; runId: string | undefined; index: number },
): Piece[] | undefined {
  const isOwn = ({ advice }: Action): boolean => advice !== undefined && advice.runId === runId;
  if (!section.items.some(isOwn)) return undefined;
  return section.items.map((item, n): Piece => {
    const list = plainBlocks({ ...section, items: [item] }, report).map((block) =>
      block.kind === 'list' ? { ...block, start: n + 1 } : block,
    );
    const { advice, title } = item;
    const buttons = advice === undefined || !isOwn(item) ? [] : [adviceButtons({ ...advice, title }, idOf(index, n))];
    const blocks = [...toBlocks(toPieces(list)), ...buttons];
    return { kind: 'blocks', blocks, chars: countChars(blocks) };
  });
}

function idOf(section: number, item: number): string {
  return `advice.${section}.${item}`;
}
