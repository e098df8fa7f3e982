/** What a report says of a run that came after its time. */
import { timeBeside, dayAndTime } from '../when.ts';
import type { Run } from '../store/records.ts';

const UTC = 'UTC';

/** `Due Mon 23 Nov 09:00 (Europe/Berlin), ran 22:45: Bellhop was down 22:39-22:45 UTC.`; undefined for a run in time. */
export function lateSentence(run: Pick<Run, 'schedule' | 'startedAt' | 'createdAt'>): string | undefined {
  const { slot, zone = UTC, late } = run.schedule ?? {};
  if (slot === undefined || late === undefined) return undefined;
  const ran = timeBeside(run.startedAt ?? run.createdAt, slot, zone);
  const reason = late.reason.trim().replace(/\.$/, '');
  return `Due ${dayAndTime(slot, zone)}, ran ${ran}: ${reason}.`.slice(0, 500);
}
