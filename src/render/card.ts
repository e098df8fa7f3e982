import type { Button, KnownBlock, RichTextBlock, TaskCardBlock } from '@slack/types';
import { isFinal } from '../store/records.ts';
import type { Withheld } from '../store/destinations.ts';
import type { Delivery, Run, Step } from '../store/records.ts';
import { textBar } from './bar.ts';
import { cutText, escapeMrkdwn, formatDuration, oneLine } from './format.ts';
import { describeActor, describeDelivery, describeDestination, describeRun, describeWithheld } from './run.ts';
import type { RunDescription } from './run.ts';
import { textSection } from './slack/blocks.ts';
import { SLACK_LIMITS } from './slack/limits.ts';
import { describeSpend } from './spend.ts';

/** The action ids of the card's buttons; the value of each is the run's id. */
export const CARD_ACTIONS = {
  cancel: 'bellhop_cancel',
  retry: 'bellhop_retry',
  approve: 'bellhop_approve',
  deny: 'bellhop_deny',
} as const;

const SHOWN_STEPS = 20;
/** Title and note of 20 steps together stay far below what Slack takes in a message. */
const STEP_CHARS = 140;
const ERROR_CHARS = 1_500;
const CONTEXT_CHARS = 2_800;

/** Draws the live card of a run: what it is, how far it is, and, as a line of its own, where its report is. */
export function drawCard(card: { run: Run; deliveries: readonly Delivery[] }): { text: string; blocks: KnownBlock[] } {
  const { run, deliveries } = card;
  const words = describeRun(run, deliveries, 'masked');
  const blocks: KnownBlock[] = [
    {
      type: 'section',
      text: { type: 'mrkdwn', text: `${words.emoji} *${run.job}* ${headlineRest(words.headline, run.job)}` },
    },
    { type: 'context', elements: [{ type: 'mrkdwn', text: contextText(run, words) }] },
    ...progressBlocks(run),
    ...errorBlocks(run),
    ...spendBlocks(run),
    ...deliveryBlocks(deliveries, run.withheld),
    {
      type: 'actions',
      block_id: `card.${run.rev}`,
      elements: buttonsOf(run),
    },
  ];
  return {
    text: escapeMrkdwn(`${words.headline}${words.delivery === undefined ? '' : ` · ${words.delivery}`}`),
    blocks,
  };
}

function headlineRest(headline: string, job: string): string {
  return escapeMrkdwn(headline.slice(job.length + 1));
}

function contextText(run: Run, words: RunDescription): string {
  const parts = [
    `asked by ${mentionOrName(run)}, ${escapeMrkdwn(words.trigger)}`,
    slackDate(run.createdAt),
    ...(run.approvedBy === undefined ? [] : [`approved by ${escapeMrkdwn(describeActor(run.approvedBy))}`]),
    ...(words.attempt === undefined ? [] : [words.attempt]),
    `run \`${words.shortId}\``,
  ];
  return parts.join(' · ');
}

/** A name is preferred; a Slack user without one is mentioned, which the edits of a card do not notify. */
function mentionOrName(run: Run): string {
  const { kind, id, name } = run.actor;
  return kind === 'slack' && name === undefined && /^[UW][A-Z0-9]+$/.test(id)
    ? `<@${id}>`
    : escapeMrkdwn(describeActor(run.actor));
}

/** An instant that Slack shows in the reader's own zone; the fallback says it in UTC. */
export function slackDate(instant: string): string {
  const utc = `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`;
  return `<!date^${Math.floor(Date.parse(instant) / 1_000)}^{date_short_pretty} {time}|${utc}>`;
}

function progressBlocks(run: Run): KnownBlock[] {
  const blocks: KnownBlock[] = [];
  const steps = run.progress?.steps ?? [];
  if (steps.length > 0) blocks.push({ type: 'plan', title: planTitle(steps), tasks: tasks(run, steps) });
  const { share, note } = run.progress ?? {};
  if (isFinal(run.state) || (share === undefined && note === undefined)) return blocks;
  const bar = share === undefined ? '' : textBar(share);
  const text = [bar, note === undefined ? '' : oneLine(note)].filter((part) => part !== '').join('  ');
  if (text !== '') blocks.push({ type: 'context', elements: [{ type: 'plain_text', text }] });
  return blocks;
}

function planTitle(steps: readonly Step[]): string {
  const done = steps.filter((step) => step.state === 'completed').length;
  return `Steps: ${done} of ${steps.length} done`;
}

function tasks(run: Run, steps: readonly Step[]): TaskCardBlock[] {
  const shown = steps.slice(-SHOWN_STEPS);
  const hidden = steps.length - shown.length;
  const earlier: TaskCardBlock[] =
    hidden === 0
      ? []
      : [{ type: 'task_card', task_id: 'earlier', title: `${hidden} earlier steps`, status: 'complete' }];
  return [...earlier, ...shown.map((step, index) => task(run, { step, number: hidden + index + 1 }))];
}

function task(run: Run, entry: { step: Step; number: number }): TaskCardBlock {
  const { step, number } = entry;
  const spent =
    step.endedAt === undefined ? '' : ` (${formatDuration(Date.parse(step.endedAt) - Date.parse(step.startedAt))})`;
  return {
    type: 'task_card',
    task_id: `step-${number}`,
    title: `${cutText(oneLine(step.title) || `Step ${number}`, STEP_CHARS)}${spent}`,
    status: taskStatus(run, step),
    ...(step.note === undefined || oneLine(step.note) === ''
      ? {}
      : { details: noteBlock(cutText(oneLine(step.note), STEP_CHARS)) }),
  };
}

/** A step that was under way when its run ended did not complete, unless the run did. */
function taskStatus(run: Run, step: Step): TaskCardBlock['status'] {
  if (step.state === 'completed') return 'complete';
  if (step.state === 'failed') return 'error';
  if (run.state === 'running') return 'in_progress';
  return run.state === 'completed' ? 'complete' : 'error';
}

function noteBlock(text: string): RichTextBlock {
  return {
    type: 'rich_text',
    elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text }] }],
  };
}

function errorBlocks(run: Run): KnownBlock[] {
  if (run.error === undefined || run.state === 'completed') return [];
  const message = cutText(run.error.message.trim() || run.error.code, ERROR_CHARS);
  const hint = run.error.hint === undefined ? [] : [`\n${cutText(run.error.hint, ERROR_CHARS)}`];
  return [textSection({ text: `${run.error.code} `, code: true }, ` ${message}`, ...hint)];
}

/** What the newest attempt of an agent took. */
function spendBlocks({ agent }: Run): KnownBlock[] {
  if (agent === undefined) return [];
  const text = escapeMrkdwn(cutText(describeSpend(agent), CONTEXT_CHARS));
  return [{ type: 'context', elements: [{ type: 'mrkdwn', text }] }];
}

function deliveryBlocks(deliveries: readonly Delivery[], withheld: Run['withheld'] = []): KnownBlock[] {
  const reports = deliveries.filter((delivery) => delivery.mode === 'report').map(deliveryText);
  const places = [...reports, ...withheld.map(withheldText)];
  if (places.length === 0) return [];
  const lines = ['📬 *Report*'];
  for (const [index, line] of places.entries()) {
    if (lines.join(' · ').length + line.length > CONTEXT_CHARS) {
      lines.push(`${places.length - index} more`);
      break;
    }
    lines.push(line);
  }
  return [{ type: 'context', elements: [{ type: 'mrkdwn', text: lines.join(' · ') }] }];
}

function withheldText(one: Withheld): string {
  return escapeMrkdwn(cutText(describeWithheld(one, 'masked'), 250));
}

/** The place becomes a link to the post where there is one, or the channel's own link (which mentions nobody). */
function deliveryText(delivery: Delivery): string {
  const text = escapeMrkdwn(cutText(describeDelivery(delivery, 'masked'), 250));
  const place = escapeMrkdwn(describeDestination(delivery.destination, 'masked'));
  if (delivery.destination.kind !== 'slack') return text;
  const permalink = delivery.parts.find((part) => part.receipt?.kind === 'slack')?.receipt;
  const { channel } = delivery.destination;
  const name = /^C[A-Z0-9]+$/.test(channel) ? `<#${channel}>` : place;
  const linked = text.replace(place, name);
  if (permalink?.kind !== 'slack' || permalink.permalink === undefined) return linked;
  return linked.replace(': delivered', `: <${escapeMrkdwn(permalink.permalink)}|delivered>`);
}

function buttonsOf(run: Run): Button[] {
  if (run.state === 'waiting') return [approveButton(run), denyButton(run)];
  return [isFinal(run.state) ? retryButton(run) : cancelButton(run)];
}

/** The dialog names what begins: job and input, as much of it as fits. */
function approveButton(run: Run): Button {
  const input = oneLine(JSON.stringify(run.input));
  const text = input === '{}' ? `${run.job} starts, without input.` : `${run.job} starts with ${input}`;
  return askingButton(run, {
    action: CARD_ACTIONS.approve,
    style: 'primary',
    label: 'Approve',
    title: 'Let this run start?',
    text: cutText(text, SLACK_LIMITS.confirmText),
    confirm: 'Approve',
    deny: 'Not yet',
  });
}

function denyButton(run: Run): Button {
  return askingButton(run, {
    action: CARD_ACTIONS.deny,
    style: 'danger',
    label: 'Deny',
    title: 'Deny this run?',
    text: `${run.job} does not start.`,
    confirm: 'Deny the run',
    deny: 'Keep waiting',
  });
}

function cancelButton(run: Run): Button {
  return askingButton(run, {
    action: CARD_ACTIONS.cancel,
    style: 'danger',
    label: 'Cancel',
    title: 'Cancel this run?',
    text: `${run.job} is stopped, and no report is sent.`,
    confirm: 'Cancel the run',
    deny: 'Keep running',
  });
}

/** A button that asks first. */
function askingButton(
  run: Run,
  words: Record<'action' | 'label' | 'title' | 'text' | 'confirm' | 'deny', string> & { style: 'primary' | 'danger' },
): Button {
  return {
    type: 'button',
    action_id: words.action,
    style: words.style,
    text: { type: 'plain_text', text: words.label },
    value: run.id,
    confirm: {
      title: { type: 'plain_text', text: words.title },
      text: { type: 'plain_text', text: words.text },
      confirm: { type: 'plain_text', text: words.confirm },
      deny: { type: 'plain_text', text: words.deny },
    },
  };
}

function retryButton(run: Run): Button {
  return {
    type: 'button',
    action_id: CARD_ACTIONS.retry,
    text: { type: 'plain_text', text: 'Retry' },
    value: run.id,
  };
}
