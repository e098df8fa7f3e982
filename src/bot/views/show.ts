import type { KnownBlock } from '@slack/types';
import { shortId } from '../../ids.ts';
import { drawCard, slackDate } from '../../render/card.ts';
import { describeDeliveries, stateMark } from '../../render/run.ts';
import { cutText } from '../../render/format.ts';
import { isFinal, type Delivery, type Run, type RunSummary } from '../../store/records.ts';
import { context, safe, section, type Answer } from './blocks.ts';
import { runLine } from './lines.ts';

export const DELETE_ACTIONS = { confirm: 'bellhop_delete', keep: 'bellhop_keep' } as const;

/** The card of the run, with its input and its receipts. */
export function showView(run: Run, deliveries: readonly Delivery[]): Answer {
  const card = drawCard({ run, deliveries });
  const input = JSON.stringify(run.input);
  const shown = input.length > 600 ? `${cutText(input, 600)} (${input.length} characters)` : input;
  const facts = [`input ${safe(shown)}`, ...receiptLines(deliveries)];
  if (run.report !== undefined) facts.unshift(`report “${safe(run.report.title)}”`);
  const more = facts.length > 8 ? [`… and ${facts.length - 8} more receipts: \`bellhop runs show ${run.id}\``] : [];
  return { text: card.text, blocks: [...card.blocks, ...[...facts.slice(0, 8), ...more].map(context)] };
}

function receiptLines(deliveries: readonly Delivery[]): string[] {
  return deliveries
    .filter((delivery) => delivery.mode === 'report')
    .flatMap((delivery) => delivery.parts.flatMap((part) => part.receipt ?? []))
    .map((receipt) => {
      if (receipt.kind === 'slack') {
        const link = receipt.permalink === undefined ? receipt.ts : `<${receipt.permalink}|${receipt.ts}>`;
        return `receipt: posted ${slackDate(receipt.at)}, ${link}`;
      }
      if (receipt.kind === 'email') return `receipt: mail accepted ${slackDate(receipt.at)}, ${safe(receipt.response)}`;
      if (receipt.kind === 'webhook') return `receipt: webhook answered HTTP ${receipt.status}, ${receipt.bytes} bytes`;
      return `receipt: file written ${slackDate(receipt.at)}, ${receipt.bytes} bytes`;
    });
}

/** Shows what would be lost: job, time, state, what was delivered. */
export function confirmDeleteView(run: Run, deliveries: readonly Delivery[]): Answer {
  const state = isFinal(run.state) ? stateMark(run.state) : `${stateMark(run.state)} – it is cancelled first`;
  const delivered = describeDeliveries(deliveries, 'plain', run.withheld) ?? 'Nothing was to be delivered.';
  const text = `Delete this run and its report for good?\n*${run.job}* \`${run.id}\`\n${slackDate(run.createdAt)} · ${state}\n${safe(delivered)}`;
  const buttons: KnownBlock = {
    type: 'actions',
    elements: [
      {
        type: 'button',
        action_id: DELETE_ACTIONS.confirm,
        style: 'danger',
        text: { type: 'plain_text', text: 'Delete for good' },
        value: `${run.id}|${run.state}`,
      },
      { type: 'button', action_id: DELETE_ACTIONS.keep, text: { type: 'plain_text', text: 'Keep it' }, value: run.id },
    ],
  };
  const note = context(
    'Messages already in Slack or in inboxes stay there; the record, the report and the receipts go.',
  );
  return { text: `Delete ${run.job} ${shortId(run.id)} for good?`, blocks: [section(text), note, buttons] };
}

/** `/jobs delete JOB`: a job is a file, so its runs are shown instead. */
export function jobRunsView(job: string, runs: readonly RunSummary[]): Answer {
  const head = `\`${job}\` is a job, not a run; jobs are files and are deleted there.`;
  if (runs.length === 0) return { text: head, blocks: [section(`${head}\nIt has no runs.`)] };
  const text = `${head}\nIts newest runs:\n${runs.map((run) => `• ${runLine(run)}`).join('\n')}`;
  return { text: head, blocks: [section(text), context('`/jobs delete` takes the characters in the second box.')] };
}
