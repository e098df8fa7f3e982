/** The files that go with a report to Slack: what was asked for, and what a message cannot hold. */
import { shortId } from '../../ids.ts';
import type { Report } from '../../store/report.ts';
import type { FilePlan, FileSource } from '../file-plan.ts';
import { attachmentPlans } from '../files.ts';
import { cutText, oneLine } from '../format.ts';
import type { SubjectWords } from '../subject.ts';

export type AttachFormat = Parameters<typeof attachmentPlans>[1][number];

/** Each adds the file unless it is there, and answers its name. */
export interface FilePlans {
  table(section: number): string;
  chart(section: number): string;
  whole(): string;
  list(): FilePlan[];
}

export function createFilePlans(
  report: Report,
  asked: { words: SubjectWords; attach: readonly AttachFormat[] },
): FilePlans {
  const { words, attach } = asked;
  const stem = `${words.name}-${shortId(words.id)}`.replace(/[^\w.-]+/g, '-');
  // Titles are shown: what comes from the report is made fit for it.
  const planned = (formats: readonly AttachFormat[]): FilePlan[] =>
    attachmentPlans(report, formats, stem).map((plan) => ({ ...plan, title: shown(plan.title) }));
  const plans = planned(attach);
  const keyOf = (source: FileSource): string => JSON.stringify(source);
  const named = new Map(plans.map((plan) => [keyOf(plan.source), plan.name]));

  function add(plan: FilePlan): string {
    const known = named.get(keyOf(plan.source));
    if (known !== undefined) return known;
    named.set(keyOf(plan.source), plan.name);
    plans.push(plan);
    return plan.name;
  }

  return {
    table(section) {
      const own = planned(['csv']).find(({ source }) => source.is === 'table' && source.section === section);
      const name = `${stem}-table-${section + 1}.csv`;
      const title = titleOf(report, section);
      return add(own ?? { name, mediaType: 'text/csv', title, source: { is: 'table', section } });
    },
    chart(section) {
      const drawn = report.sections[section];
      const name = `${stem}-${drawn?.id ?? `chart-${section + 1}`}.png`;
      const alt = drawn?.kind === 'chart' ? oneLine(drawn.alt) : '';
      const title = titleOf(report, section);
      return add({ name, mediaType: 'image/png', title, alt: alt || title, source: { is: 'chart', section } });
    },
    whole() {
      const title = shown(report.title);
      return add({ name: `${stem}.html`, mediaType: 'text/html', title, source: { is: 'report', format: 'html' } });
    },
    list: () => plans,
  };
}

function titleOf(report: Report, index: number): string {
  const section = report.sections[index];
  const text = section?.title ?? (section?.kind === 'table' ? section.caption : report.title);
  return shown(text);
}

function shown(title: string): string {
  return cutText(oneLine(title) || 'Report', 200);
}
