import type { Figure, Report, Section } from '../store/report.ts';
import { describeDelta, formatInstant, oneLine, plainText } from './format.ts';
import { subjectLine } from './subject.ts';
import type { Subject } from './subject.ts';

/** The report as a markdown file; markdown sections stand in it as they were written. */
export function renderMarkdown(report: Report, about: Subject): string {
  const parts = [
    `# ${inline(report.title)}`,
    ...(report.status === 'ok' ? [] : [`**${report.status === 'failed' ? 'Failed' : 'Incomplete'}**`]),
    inline(report.summary),
    ...report.warnings.map((warning) => `> ⚠️ ${inline(warning)}`),
    ...report.sections.flatMap((section) => sectionParts(section, report.locale)),
    ...(report.url === undefined ? [] : [`[Open the full report](<${report.url}>)`]),
    ...sourceParts(report),
    `---`,
    inline(subjectLine(about, report)),
  ];
  return `${parts.join('\n\n')}\n`;
}

function sectionParts(section: Section, locale: string): string[] {
  const title = section.title === undefined ? [] : [`## ${inline(section.title)}`];
  switch (section.kind) {
    case 'markdown':
      return [...title, plainText(section.markdown).trim()];
    case 'figures':
      return [...title, figureTable(section.figures, locale)];
    default:
      return section satisfies never;
  }
}

function figureTable(figures: readonly Figure[], locale: string): string {
  const rows = figures.map((figure) => {
    const delta = figure.delta === undefined ? '' : describeDelta(figure.delta, locale).text;
    return `| ${cell(figure.label)} | ${cell(figure.display)} | ${cell(delta)} |`;
  });
  return ['| | Value | Change |', '|---|---:|---|', ...rows].join('\n');
}

function sourceParts(report: Report): string[] {
  if (report.sources.length === 0) return [];
  const items = report.sources.map((source) => {
    const asOf = source.asOf === undefined ? '' : ` (as of ${formatInstant(source.asOf, report)})`;
    return source.url === undefined
      ? `- ${inline(source.title)}${asOf}`
      : `- [${inline(source.title)}](<${source.url}>)${asOf}`;
  });
  return ['## Sources', items.join('\n')];
}

/** One line in which nothing is taken for markup. */
function inline(text: string): string {
  return oneLine(text).replace(/[\\`*_[\]<>#]/g, '\\$&');
}

function cell(text: string): string {
  return inline(text).replace(/\|/g, '\\|');
}
