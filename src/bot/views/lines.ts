import { shortId } from '../../ids.ts';
import { slackDate } from '../../render/card.ts';
import { oneLine } from '../../render/format.ts';
import { stateMark } from '../../render/run.ts';
import { describeMoney } from '../../render/spend.ts';
import { needOf, type Field } from '../../runner/fields.ts';
import type { RunSummary } from '../../store/records.ts';
import { cutMrkdwn, safe } from './blocks.ts';

/** One run in a list: state, job, short id, when, by whom. */
export function runLine(run: RunSummary): string {
  const by = safe(oneLine(run.actor.name ?? run.actor.id));
  const why = run.errorCode === undefined ? '' : ` · ${run.errorCode}`;
  const cost = run.microUsd === undefined ? '' : ` · ${describeMoney(run.microUsd)}`;
  return `${stateMark(run.state)} \`${run.job}\` \`${shortId(run.id)}\` · ${slackDate(run.createdAt)} · by ${by}${cost}${why}`;
}

/** One input of a job: name, type, whether it must be given, and what it means. */
export function fieldLine(field: Field): string {
  const values = field.values === undefined ? field.type : field.values.slice(0, 12).join(' | ');
  const meaning = field.description === undefined ? '' : ` – ${field.description}`;
  return cutMrkdwn(`\`${field.name}\` (${safe(values)}; ${safe(needOf(field))})${safe(meaning)}`, 400);
}
