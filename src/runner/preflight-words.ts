/** What people are told of a report that will not arrive. */
import type { Destination } from '../store/destinations.ts';
import { verdictOf } from '../store/preflight-records.ts';
import type { Checked } from '../store/preflight-records.ts';
import { dayAndTime } from '../when.ts';
import type { noticeReport } from './notice-report.ts';

type Words = Parameters<typeof noticeReport>[0];
interface Due {
  name: string;
  job: string;
  slot: string;
  zone: string;
}

/** Where it goes, as people write it. */
function placeName(destination: Destination): string {
  switch (destination.kind) {
    case 'slack':
      return destination.channel;
    case 'email':
      return destination.to;
    case 'file':
      return destination.path;
    case 'webhook':
      return new URL(destination.url).host;
    default:
      return destination satisfies never;
  }
}

/** “Monday's report will fail: I was removed from #sales”. */
export function failureWords({ name, job, slot, zone }: Due, checked: readonly Checked[]): Words {
  const bad = checked.filter(({ problems }) => verdictOf(problems) === 'fails');
  const reasons = bad.flatMap(({ destination, problems }) =>
    problems
      .filter(({ severity }) => severity === 'fails')
      .map(({ message, hint }) => ({ place: placeName(destination), message: bare(message), hint })),
  );
  const [first] = reasons;
  const what = bad.length === checked.length ? 'will fail' : `will not reach ${first?.place ?? 'a place'}`;
  const some = `It will not reach ${bad.length} of ${checked.length} places.`;
  return {
    title: `${weekday(slot, zone)}'s report ${what}: ${first?.message ?? ''}`,
    summary: `${name} is due ${dayAndTime(slot, zone)}. ${bad.length === checked.length ? 'Its report will reach nobody.' : some}`,
    status: 'failed',
    lines: [
      ...reasons.map(({ place, message, hint }) => `- \`${place.replaceAll('`', '')}\`: ${message}. ${hint}`),
      `\`bellhop preflight ${job}\` looks again. By itself it is looked at once more in the hour before.`,
    ],
  };
}

/** Told once, to whom the failure was told. */
export function recoveryWords({ name, slot, zone }: Due): Words {
  return {
    title: `${weekday(slot, zone)}'s report can arrive after all`,
    summary: `${name} is due ${dayAndTime(slot, zone)}, and nothing is seen to stand in its way any more.`,
    status: 'ok',
    lines: [],
  };
}

function weekday(slot: string, timeZone: string): string {
  return new Intl.DateTimeFormat('en-US', { weekday: 'long', timeZone }).format(new Date(slot));
}

function bare(message: string): string {
  return message.replace(/\.$/, '');
}
