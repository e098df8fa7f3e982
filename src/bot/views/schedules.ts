import type { KnownBlock } from '@slack/types';
import { slackDate } from '../../render/card.ts';
import { cutText, oneLine } from '../../render/format.ts';
import { describeDestination, describeOptions, stateMark } from '../../render/run.ts';
import { describeNext, describeSkip, describeState } from '../../runner/schedule-words.ts';
import type { NextTime, ScheduleView } from '../../runner/schedule-views.ts';
import type { Destination } from '../../store/destinations.ts';
import { shortId } from '../../ids.ts';
import { context, cutMrkdwn, header, paged, safe, section, type Answer } from './blocks.ts';

export const SCHEDULE_ACTIONS = {
  create: 'bellhop_schedule',
  remove: 'bellhop_unschedule',
  pauseAll: 'bellhop_pause_all',
  resumeAll: 'bellhop_resume_all',
  keep: 'bellhop_schedule_keep',
} as const;

/** Whose zone it is, for the one who may have meant another. */
export type ZoneSource = 'said' | 'profile' | 'default';

const SOURCES: Record<ZoneSource, string> = {
  said: '',
  profile: ' (your zone in Slack; name another behind the time, like `America/New_York`)',
  default: ' (name another behind the time, like `Europe/Berlin`)',
};

/** What would be stored, before it is. `value` is what the button carries. */
export function previewView(
  view: ScheduleView,
  asked: { source: ZoneSource; value: string; changes: ScheduleView | undefined },
): Answer {
  const { changes, source, value } = asked;
  const head = `Run \`${view.job}\` ${safe(view.words)}?`;
  const facts = [
    `Time zone: ${safe(view.zone)}${SOURCES[source]}`,
    `Name: \`${view.name}\``,
    inputLine(view),
    placesLine(view),
  ];
  const blocks = [section(`*${head}*`), section(timesText(view.next, view.zone)), section(facts.join('\n'))];
  if (view.places.some(({ kind }) => kind === 'slack')) {
    blocks.push(context('Bellhop must be in the channel when the report comes: `/invite @Bellhop` there.'));
  }
  if (changes !== undefined) blocks.push(section(changesText(changes)));
  blocks.push(
    actions([
      {
        id: SCHEDULE_ACTIONS.create,
        text: changes === undefined ? 'Schedule it' : 'Change it',
        value,
        style: 'primary',
      },
      { id: SCHEDULE_ACTIONS.keep, text: "Don't", value: 'keep' },
    ]),
  );
  return { text: head, blocks };
}

function changesText(present: ScheduleView): string {
  const was = `${safe(present.words)} (${safe(present.zone)})`;
  return `:warning: \`${present.name}\` is there already: ${was}, ${inputLine(present).toLowerCase().startsWith('input: none') ? 'no input' : inputLine(present)}. This changes it; give yours another name to have both: \`name=${present.job}.second\`.`;
}

/** It is stored. */
export function scheduledView(view: ScheduleView, how: 'created' | 'changed' | 'already'): Answer {
  const verb = { created: 'Scheduled', changed: 'Changed', already: 'It is scheduled already:' }[how];
  const [first] = view.next;
  const next = first === undefined ? '' : ` First: ${timeLine(first, view.zone)}.`;
  const text = `${verb} \`${view.name}\`: \`${view.job}\` ${safe(view.words)} (${safe(view.zone)}).${next}`;
  const ways = `\`/jobs pause ${view.name}\` · \`/jobs skip ${view.name}\` · \`/jobs unschedule ${view.name}\``;
  return { text, blocks: [section(text), context(ways)] };
}

const SHOWN = 20;

/** All schedules, or those of a job. */
export function schedulesView(views: readonly ScheduleView[], job: string | undefined): Answer {
  if (views.length === 0) return emptyView(job);
  const shown = views.slice(0, SHOWN);
  const count = `${views.length} schedule${views.length === 1 ? '' : 's'}`;
  const blocks = [header(job === undefined ? 'Schedules' : `Schedules of ${job}`), ...paged(shown.map(scheduleText))];
  const more = views.length - shown.length;
  if (more > 0) {
    blocks.push(
      context(`… and ${more} more: \`/jobs schedules JOB\` shows those of a job, \`bellhop schedules\` all.`),
    );
  }
  return { text: count, blocks };
}

function emptyView(job: string | undefined): Answer {
  const none = job === undefined ? 'Nothing is scheduled yet.' : `\`${safe(job)}\` has no schedule yet.`;
  const example = `Try \`/jobs schedule ${job === undefined ? 'JOB' : safe(job)} every monday 09:00\`: you see the next times before anything is stored.`;
  return { text: none, blocks: [section(`${none}\n${example}`)] };
}

/** Five lines at most, so that twenty of them fit into a message. */
function scheduleText(view: ScheduleView): string {
  const { next, last, skips } = view;
  const [first] = next;
  const [skip] = skips;
  const mark = STATE_MARKS[view.state];
  const state = describeState(view);
  const ran =
    last === undefined
      ? undefined
      : `last ${last.state === undefined ? 'run was deleted' : stateMark(last.state)} ${slackDate(last.slot)} \`${shortId(last.runId)}\``;
  const lines = [
    `${mark} *${view.name}* – \`${view.job}\` ${safe(view.words)} (${safe(view.zone)})`,
    first === undefined ? undefined : `next ${timeLine(first, view.zone)}`,
    state === undefined ? undefined : cutMrkdwn(safe(oneLine(state)), 240),
    ran,
    skip === undefined ? undefined : cutMrkdwn(safe(oneLine(describeSkip(skip, view.zone))), 200),
  ];
  return lines.filter((line) => line !== undefined).join('\n      ');
}

const STATE_MARKS: Record<ScheduleView['state'], string> = {
  active: '🔔',
  paused: '⏸️',
  snoozed: '💤',
  gone: '🚫',
  job_missing: '⚠️',
};

/** The next due times of each. */
export function nextView(views: readonly { view: ScheduleView; next: readonly NextTime[] }[]): Answer {
  const shown = views.slice(0, SHOWN);
  const texts = shown.map(({ view, next }) => {
    const state = describeState(view);
    const why = state === undefined ? '' : `\n${cutMrkdwn(safe(oneLine(state)), 300)}`;
    return `*${view.name}* – ${safe(view.words)} (${safe(view.zone)})${why}\n${timesText(next, view.zone)}`;
  });
  return { text: `Next times of ${shown.map(({ view }) => view.name).join(', ')}`.slice(0, 300), blocks: paged(texts) };
}

/** Something was done to one schedule; what comes next stands below. */
export function changedView(text: string, view: ScheduleView): Answer {
  const [first] = view.next;
  const next = first === undefined ? 'Nothing is due.' : `Next: ${timeLine(first, view.zone)}.`;
  return { text: `${text} ${next}`, blocks: [section(`${text}\n${next}`)] };
}

/** `resume` is of all schedules that are paused. */
export function confirmAllView(verb: 'pause' | 'resume', names: readonly string[], reason: string): Answer {
  const what = verb === 'pause' ? 'Pause' : 'Resume';
  const many = names.length === 1 ? 'the one schedule' : `all ${names.length} schedules`;
  const listed = names
    .slice(0, 30)
    .map((name) => `\`${name}\``)
    .join(', ');
  const more = names.length > 30 ? ` and ${names.length - 30} more` : '';
  const why = reason === '' ? '' : `\nReason: ${safe(oneLine(reason))}`;
  const effect =
    verb === 'pause'
      ? 'Nothing runs by itself until somebody resumes it; what comes due in between is not made up for.'
      : 'Each goes on with its next due time.';
  const id = verb === 'pause' ? SCHEDULE_ACTIONS.pauseAll : SCHEDULE_ACTIONS.resumeAll;
  const text = `${what} ${many}${verb === 'resume' ? ' that are paused' : ''}?`;
  const buttons = actions([
    // A button's value takes 2,000 characters, and a reason 500.
    {
      id,
      text: `${what} all ${names.length}`,
      value: cutText(reason, 500) || '-',
      style: verb === 'pause' ? 'danger' : 'primary',
    },
    { id: SCHEDULE_ACTIONS.keep, text: "Don't", value: 'keep' },
  ]);
  return { text, blocks: [section(`*${text}*\n${listed}${more}${why}`), context(effect), buttons] };
}

/** Shows what would be lost. */
export function confirmRemoveView(view: ScheduleView, value: string): Answer {
  const text = `Remove the schedule ${view.name}?`;
  const buttons = actions([
    { id: SCHEDULE_ACTIONS.remove, text: 'Remove it', value, style: 'danger' },
    { id: SCHEDULE_ACTIONS.keep, text: 'Keep it', value: 'keep' },
  ]);
  const note = context('Its runs and their reports stay. `/jobs pause` stops it for a while instead.');
  return { text, blocks: [section(`*${text}*\n${scheduleText(view)}\n${inputLine(view)}`), note, buttons] };
}

function timesText(next: readonly NextTime[], zone: string): string {
  if (next.length === 0) return 'Nothing is due.';
  return `Next times, in your own time zone and its own:\n${next.map((time) => `• ${timeLine(time, zone)}`).join('\n')}`;
}

/** In the reader's own zone, which Slack fills in, beside that of the schedule. */
function timeLine(time: NextTime, zone: string): string {
  return `${slackDate(time.at)} = ${safe(describeNext(time, zone))}`;
}

function placesLine({ places, state }: ScheduleView): string {
  if (places.length === 0) return state === 'job_missing' ? '' : 'Report to: nobody – it is kept with its run';
  const shown = places.slice(0, 5).map(placeText);
  const more = places.length > 5 ? ` and ${places.length - 5} more` : '';
  return `Report to: ${shown.join(', ')}${more}`;
}

function placeText(place: Destination): string {
  const options = describeOptions(place);
  const wanted = options === '' ? '' : ` (\`${safe(options)}\`)`;
  if (place.kind !== 'slack' || place.channel.startsWith('#')) return `${safe(describeDestination(place))}${wanted}`;
  const name = /^[UW]/.test(place.channel) ? `<@${place.channel}>` : `<#${place.channel}>`;
  return `${place.threadTs === undefined ? '' : 'thread in '}${name}${wanted}`;
}

function inputLine({ input }: ScheduleView): string {
  const text = JSON.stringify(input);
  return text === '{}' || text === 'null' ? 'Input: none' : `Input: ${cutMrkdwn(safe(oneLine(text)), 400)}`;
}

interface Button {
  id: string;
  text: string;
  value: string;
  style?: 'primary' | 'danger';
}

function actions(buttons: readonly Button[]): KnownBlock {
  return {
    type: 'actions',
    elements: buttons.map(({ id, text, value, style }) => ({
      type: 'button' as const,
      action_id: id,
      text: { type: 'plain_text' as const, text },
      value,
      ...(style === undefined ? {} : { style }),
    })),
  };
}
