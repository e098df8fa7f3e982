import type { Button, KnownBlock } from '@slack/types';
import { shortId } from '../../ids.ts';
import { slackDate } from '../../render/card.ts';
import { oneLine } from '../../render/format.ts';
import { describeDeliveries, stateMark } from '../../render/run.ts';
import { costWords } from '../../render/spend.ts';
import type { JobProblem } from '../../runner/registry.ts';
import type { ScheduleView } from '../../runner/schedule-views.ts';
import type { SpendView } from '../../runner/spending.ts';
import type { Health } from '../../store/reader.ts';
import type { Delivery, RunSummary } from '../../store/records.ts';
import { context, cutMrkdwn, header, paged, safe, section, type Answer } from './blocks.ts';
import { jobLines, workspaceLines } from './spend.ts';

export const HOME_ACTIONS = {
  refresh: 'bellhop_home_refresh',
  list: 'bellhop_home_list',
  show: 'bellhop_show',
} as const;

export interface HomeFacts {
  /** When it was read. */
  at: string;
  jobs: number;
  /** Runs that are not over, newest first; `moreOpen`: there are others. */
  open: readonly RunSummary[];
  moreOpen: boolean;
  /** Runs that are over, newest first, with their deliveries. */
  last: readonly { run: RunSummary; deliveries: readonly Delivery[] }[];
  next: readonly ScheduleView[];
  spend: SpendView;
  problems: readonly JobProblem[];
  health: Health;
}

export interface HomeView {
  type: 'home';
  blocks: KnownBlock[];
}
export interface ModalView {
  type: 'modal';
  title: { type: 'plain_text'; text: string };
  close: { type: 'plain_text'; text: string };
  blocks: KnownBlock[];
}

// SLACK.md 2: what a view takes.
const MAX_BLOCKS = 100;
const MAX_PROBLEMS = 5;
const PLACES_CHARS = 300;

/** The Home tab: what runs, what ran, what comes, what it costs, what is wrong. */
export function homeView(facts: HomeFacts): HomeView {
  const blocks: KnownBlock[] = [
    header('Bellhop'),
    {
      type: 'actions',
      elements: [
        button('Refresh', { id: HOME_ACTIONS.refresh, value: 'home' }),
        button('Jobs and runs', { id: HOME_ACTIONS.list, value: 'list' }),
      ],
    },
    ...problemBlocks(facts),
    header('Running now'),
    ...openBlocks(facts),
    header('Last runs'),
    ...lastBlocks(facts),
    header('Next'),
    ...nextBlocks(facts),
    header('Money'),
    ...moneyBlocks(facts),
    context(`As of ${slackDate(facts.at)} · \`/jobs help\` says what can be asked`),
  ];
  return { type: 'home', blocks: blocks.slice(0, MAX_BLOCKS) };
}

function problemBlocks({ problems, health }: HomeFacts): KnownBlock[] {
  const lines = [
    ...(health.state === 'ready'
      ? []
      : [`The store is ${health.state}: ${safe(oneLine(health.reason ?? 'no reason is known'))}`]),
    ...(health.quarantined === 0
      ? []
      : [`${health.quarantined} records could not be read and were set aside: \`bellhop store doctor\``]),
    ...problems
      .slice(0, MAX_PROBLEMS)
      .map(({ file, reason }) => `\`${safe(file)}\` is no job: ${cutMrkdwn(safe(reason), 300)}`),
    ...(problems.length > MAX_PROBLEMS ? [`… and ${problems.length - MAX_PROBLEMS} more files that are no job`] : []),
  ];
  return lines.length === 0 ? [] : [header('Problems'), ...paged(lines.map((line) => `⚠️ ${line}`))];
}

function openBlocks({ open, moreOpen, jobs }: HomeFacts): KnownBlock[] {
  if (jobs === 0) return [section('There are no jobs yet. Put a file into the jobs folder; it appears here.')];
  if (open.length === 0) return [section('Nothing runs.')];
  const more = moreOpen ? [context('There are more: `/jobs list running`, `/jobs list queued`.')] : [];
  return [...open.map((run) => runBlock(run, '')), ...more];
}

function lastBlocks({ last }: HomeFacts): KnownBlock[] {
  if (last.length === 0) return [section('Nothing ran yet. Try `/jobs run` with the name of a job.')];
  return last.map(({ run, deliveries }) => {
    const places = describeDeliveries(deliveries, 'masked');
    return runBlock(run, places === undefined ? '' : `\n${withChannels(cutMrkdwn(safe(places), PLACES_CHARS))}`);
  });
}

/** Slack writes the name of a channel for its id, and links it. */
function withChannels(places: string): string {
  return places.replace(/\bSlack (C[A-Z0-9]{6,})\b/g, '<#$1>');
}

function runBlock(run: RunSummary, more: string): KnownBlock {
  const by = safe(oneLine(run.actor.name ?? run.actor.id));
  const why = run.errorCode === undefined ? '' : ` · ${run.errorCode}`;
  const text = `*${run.job}* ${stateMark(run.state)}${why}\n${slackDate(run.createdAt)} · by ${by}${costWords(run.microUsd)} · \`${shortId(run.id)}\`${more}`;
  return {
    type: 'section',
    text: { type: 'mrkdwn', text: cutMrkdwn(text, 3_000) },
    accessory: button('Show', { id: HOME_ACTIONS.show, value: run.id }),
  };
}

function nextBlocks({ next }: HomeFacts): KnownBlock[] {
  const lines = next.flatMap(({ name, job, next: times, words }) => {
    const [first] = times;
    if (first === undefined) return [];
    const of = name === job ? '' : ` (\`${safe(job)}\`)`;
    return [`${slackDate(first.at)} \`${safe(name)}\`${of} – ${cutMrkdwn(safe(words), 120)}`];
  });
  if (lines.length === 0) return [section('Nothing is scheduled. Try `/jobs schedule JOB every monday 09:00`.')];
  return paged(lines);
}

function moneyBlocks({ spend }: HomeFacts): KnownBlock[] {
  const jobs = jobLines(spend, 5);
  return [...paged(workspaceLines(spend)), ...(jobs.length === 0 ? [] : paged(jobs))];
}

/** An answer in a window of its own: what a click in a view is answered with, for no message is there to answer below. */
export function modalView(answer: Answer): ModalView {
  return {
    type: 'modal',
    title: { type: 'plain_text', text: 'Bellhop' },
    close: { type: 'plain_text', text: 'Close' },
    blocks: answer.blocks.flatMap(inView).slice(0, MAX_BLOCKS),
  };
}

/** Plans and tables are blocks of messages alone: in a view their words stay. */
function inView(block: KnownBlock): KnownBlock[] {
  if (block.type !== 'plan') return [block];
  const words = (value: unknown): string => safe(typeof value === 'string' ? value : '');
  const tasks = (block.tasks ?? []).map((task) => `• ${words(task.title)} – ${words(task.status)}`);
  return paged([`*${safe(block.title)}*`, ...tasks]);
}

function button(text: string, on: { id: string; value: string }): Button {
  return { type: 'button', action_id: on.id, text: { type: 'plain_text', text }, value: on.value };
}
