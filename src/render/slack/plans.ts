/** The files that go with a report to Slack: what was asked for, and what a message cannot hold. */
import { shortId } from '../../ids.ts';
import type { Report } from '../../store/report.ts';
import { createNamer } from '../file-plan.ts';
import type { FilePlan, FileSource } from '../file-plan.ts';
import { attachmentPlans } from '../files.ts';
import type { AttachFormat } from '../files.ts';
import { cutText, oneLine } from '../format.ts';
import type { SubjectWords } from '../subject.ts';

/** Each adds the file unless it is there, and answers its name. */
export interface FilePlans {
  /** The table, or the values of the chart, of the section at this index. */
  values(section: number): string;
  /** The chart of the section at this index. */
  picture(section: number): string;
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
  const once = createNamer();
  for (const { name } of plans) once(name);

  function add(wanted: FilePlan): string {
    const same = plans.find(({ source }) => isSame(source, wanted.source));
    if (same !== undefined) return same.name;
    const name = once(wanted.name);
    plans.push({ ...wanted, name });
    return name;
  }

  /** As it would be named had it been asked for. */
  function asAsked(format: AttachFormat, otherwise: FilePlan): FilePlan {
    return planned([format]).find(({ source }) => isSame(source, otherwise.source)) ?? otherwise;
  }

  const nameOf = (section: number): string => `${stem}-${report.sections[section]?.id ?? `section-${section + 1}`}`;
  return {
    values(section) {
      const source = { is: 'table', section } as const;
      const name = `${nameOf(section)}.csv`;
      return add(asAsked('csv', { name, mediaType: 'text/csv', title: titleOf(report, section), source }));
    },
    picture(section) {
      const drawn = report.sections[section];
      const title = titleOf(report, section);
      const alt = (drawn?.kind === 'chart' ? oneLine(drawn.alt) : '') || title;
      const source = { is: 'chart', section } as const;
      return add({ name: `${nameOf(section)}.png`, mediaType: 'image/png', title, alt, source });
    },
    whole() {
      const source = { is: 'report', format: 'html' } as const;
      return add(asAsked('html', { name: `${stem}.html`, mediaType: 'text/html', title: shown(report.title), source }));
    },
    list: () => plans,
  };
}

function isSame(a: FileSource, b: FileSource): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function titleOf(report: Report, index: number): string {
  const section = report.sections[index];
  return shown(section?.title ?? (section?.kind === 'table' ? section.caption : report.title));
}

function shown(title: string): string {
  return cutText(oneLine(title) || 'Report', 200);
}
