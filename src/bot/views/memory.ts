import type { KnownBlock } from '@slack/types';
import { countAdvice, describeAnswer, describeGrounds } from '../../render/advice.ts';
import { slackDate } from '../../render/card.ts';
import { oneLine } from '../../render/format.ts';
import { describeActor } from '../../render/run.ts';
import { adviceButton, adviceButtons, type Advised } from '../../render/slack/advice.ts';
import type { AdviceView, AdviseOutcome, Answered } from '../../runner/memory.ts';
import { noteView, problemView } from './answers.ts';
import { context, cutMrkdwn, header, paged, safe, section, type Answer } from './blocks.ts';

/** Two blocks each: what a message takes, with room for the rest. */
const OPEN_SHOWN = 10;
const CLOSED_SHOWN = 10;
/** Marks the buttons of the list, so that a click shows the list again. */
export const FROM_LIST = 'list';

/** What the job recommended: open rows with their buttons, then what became of the others. `more`: there are older ones. */
export function memoryView(job: string, known: { rows: readonly AdviceView[]; more: boolean; note?: Answer }): Answer {
  const { rows, more, note } = known;
  const open = rows.filter(({ status }) => status === 'open');
  const closed = rows.filter(({ status }) => status !== 'open');
  const head = `${job}: ${countAdvice(rows)}`;
  const blocks: KnownBlock[] = [...(note?.blocks ?? []), header(`What ${job} recommended`)];
  if (open.length === 0) blocks.push(section('Nothing is open.'));
  open.slice(0, OPEN_SHOWN).forEach((row, index) => blocks.push(...openBlocks(row, index)));
  if (open.length > OPEN_SHOWN)
    blocks.push(context(`… and ${open.length - OPEN_SHOWN} more are open: \`bellhop memory ${job}\` in a terminal.`));
  if (closed.length > 0)
    blocks.push(...paged([`*${countAdvice(closed)}*`, ...closed.slice(0, CLOSED_SHOWN).map(closedLine)]));
  if (closed.length > CLOSED_SHOWN) blocks.push(context(`… and ${closed.length - CLOSED_SHOWN} more.`));
  if (more) blocks.push(context(`These are the newest ${rows.length}; there are older ones.`));
  return { text: note === undefined ? safe(head) : `${note.text} ${safe(head)}`, blocks };
}

export function emptyMemoryView(job: string, isAgent: boolean): Answer {
  if (isAgent) return noteView(`\`${job}\` has recommended nothing yet.`);
  return problemView(
    `${job} is no agent: it recommends nothing.`,
    'Jobs of kind agent do; `/jobs list` shows all jobs.',
  );
}

/** What a click did, with the way back. */
export function advisedView(result: AdviseOutcome, as: Answered): Answer {
  if (result.outcome === 'not_found')
    return problemView(
      'That report was deleted, and what it recommended with it.',
      '`/jobs memory JOB` shows what is left.',
    );
  const { row } = result;
  const title = safe(oneLine(row.title));
  if (result.outcome === 'unchanged') return noteView(`${title} was already ${saidBefore(row)}.`);
  const text = `${title} ${NOTED[as](row)}`;
  if (as === 'open') return noteView(text);
  const undo = adviceButton(row, { as: 'open', label: 'Undo' });
  return { text, blocks: [section(text), { type: 'actions', block_id: 'advice.undo', elements: [undo] }] };
}

const NOTED: Readonly<Record<Answered, (row: AdviceView) => string>> = {
  done: () => 'is noted as done. The next report says what became of it.',
  later: (row) => `is put off${row.until === undefined ? '' : ` until ${slackDate(row.until)}`}.`,
  never: () => 'is not recommended again.',
  open: () => 'is open again.',
};

function saidBefore(row: AdviceView): string {
  const when = row.statusAt === undefined ? '' : `, ${slackDate(row.statusAt)}`;
  return `${safe(describeAnswer(row))}${when}`;
}

function openBlocks(row: AdviceView, index: number): KnownBlock[] {
  const grounds = describeGrounds(row);
  const facts = [
    `since ${slackDate(row.at)}`,
    ...(grounds === undefined ? [] : [`rested on ${safe(grounds)}`]),
    ...(row.note === undefined ? [] : [safe(oneLine(row.note))]),
    ...(row.by === undefined ? [] : [`taken back by ${safe(describeActor(row.by))}`]),
  ];
  const title = oneLine(row.title);
  // mrkdwn has no escape for its own marks: a title that holds one is shown without bold rather than wrongly.
  const shown = /[*_~`]/.test(title) ? safe(title) : `*${safe(title)}*`;
  const text = cutMrkdwn(`${shown}\n${facts.join(' · ')}`, 900);
  return [section(text), listed(row, index)];
}

/** The buttons of a report, whose clicks come back to the list. */
function listed(of: Advised, index: number): KnownBlock {
  const row = adviceButtons(of, `memory.${index}`);
  return {
    ...row,
    elements: row.elements.map((button) =>
      button.type === 'button' ? { ...button, value: `${button.value ?? ''}|${FROM_LIST}` } : button,
    ),
  };
}

function closedLine(row: AdviceView): string {
  // “until 21 Dec, 23 Nov” would be read as two ends.
  const when =
    row.statusAt === undefined
      ? ''
      : row.until === undefined
        ? `, ${slackDate(row.statusAt)}`
        : ` (said ${slackDate(row.statusAt)})`;
  return cutMrkdwn(`• ${safe(oneLine(row.title))} – ${safe(describeAnswer(row))}${when}`, 300);
}
