/** Whether a report is sent to a place that wants it only sometimes. Pure; in doubt it is sent. */
import { createHash } from 'node:crypto';
import { shortId } from '../ids.ts';
import type { Destination } from '../store/destinations.ts';
import type { Run } from '../store/records.ts';
import type { Section } from '../store/report-sections.ts';
import type { Report } from '../store/report.ts';
import { lateSentence } from './late.ts';

/** What became of a run, as far as it matters to who is told. */
export interface Outcome {
  run: Run;
  /** As it will be stored. */
  report: Report;
  failed: boolean;
  /** The job handed over text: that is something, also where it stands in the summary alone. */
  spoken: boolean;
}

/** The run whose report was the one before at a place, and what it said. */
export interface Before {
  runId: string;
  hash: string;
}

/**
 * Why the report is not sent there; undefined: it is. A failure is always told: of a run that failed, and of a report that says `failed`.
 * `before` is what it is compared with where only changes are wanted; undefined: nothing is known that it could repeat.
 */
export function reasonToWithhold(place: Destination, outcome: Outcome, before: Before | undefined): string | undefined {
  const { run, report } = outcome;
  if (isFailure(outcome)) return undefined;
  if (place.onlyIf === 'failed' && report.status === 'ok') {
    return 'the run completed and its report is ok; only failures are wanted here';
  }
  if (place.skipIfEmpty === true && !outcome.spoken && saysNothing(report, run)) return 'the report is empty';
  if (place.onlyIf !== 'changed' || before === undefined || before.hash !== contentHash(report, run)) return undefined;
  return `nothing has changed since run ${shortId(before.runId)}`;
}

export function isFailure({ failed, report }: Pick<Outcome, 'failed' | 'report'>): boolean {
  return failed || report.status === 'failed';
}

/**
 * What a report says, as a hash: not when it was made, how late, what it cost, or how old its sources are. Files count by their bytes.
 */
export function contentHash(report: Report, run: Pick<Run, 'schedule' | 'startedAt' | 'createdAt'>): string {
  const { title, summary, status, sections, attachments = [] } = report;
  const files = attachments.map(({ name, sha256 }) => [name, sha256]);
  const content = { title, summary, status, sections, files, warnings: ownWarnings(report, run) };
  return createHash('sha256').update(JSON.stringify(content, sorted)).digest('hex');
}

/** No warning, no file, and no section with anything in it. */
function saysNothing(report: Report, run: Run): boolean {
  const { status, sections, attachments = [] } = report;
  return (
    status === 'ok' &&
    attachments.length === 0 &&
    ownWarnings(report, run).length === 0 &&
    sections.every((section) => isEmpty(section))
  );
}

function isEmpty(section: Section): boolean {
  switch (section.kind) {
    case 'markdown':
      return section.markdown.trim() === '';
    case 'table':
      return section.rows.length === 0;
    case 'chart':
      return (
        section.chart.type !== 'pie' &&
        section.chart.series.every(({ values }) => values.every((value) => value === null))
      );
    case 'figures':
    case 'actions':
      return false;
    default:
      return section satisfies never;
  }
}

/** Without the sentence about a late start, which is about the run. */
function ownWarnings({ warnings }: Report, run: Pick<Run, 'schedule' | 'startedAt' | 'createdAt'>): string[] {
  const late = lateSentence(run);
  return warnings.filter((warning) => warning !== late);
}

/** Members by name: the order in which a job wrote them, or a store gave them back, says nothing. */
function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
