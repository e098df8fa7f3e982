/** A report as one mail: HTML of a size that mail programs show whole, a text part that says all of it, and the files of the rest. */
import type { Report } from '../../store/report.ts';
import type { FilePlan } from '../file-plan.ts';
import { attachmentPlans } from '../files.ts';
import { cutText, displayWidth, escapeHtml, oneLine, safeUrl, splitColumns } from '../format.ts';
import { describeSubject, subjectFacts } from '../subject.ts';
import type { Subject } from '../subject.ts';
import { renderText } from '../text.ts';
import { banner, button, note } from './body.ts';
import { isTableCut, sectionChapter } from './chapters.ts';
import type { Frame } from './chapters.ts';
import { bytes, fitChapters } from './fit.ts';
import type { Fitted } from './fit.ts';
import { drawDocument, headline, sourceChapter, warningChapter } from './page.ts';
import { subjectOf } from './subject-line.ts';

export interface EmailOptions {
  /** `text`: no HTML. */
  format?: 'html' | 'text';
  attach?: readonly ('csv' | 'html' | 'md' | 'json')[];
  /** `series`: every mail of a series has the same subject, for Gmail threads by it. */
  thread?: 'series' | 'none';
  unsubscribeUrl?: string;
}

export interface RenderedEmail {
  /** One line, no control characters. */
  subject: string;
  /** Absent where only text is wanted. */
  html?: string;
  /** The whole report, whatever the size of the HTML; of a table its first rows, and the others as a file. */
  text: string;
  /** Pictures of the HTML (with a `cid`) and attachments. */
  files: FilePlan[];
}

/** Gmail clips near 102 kB; the whole HTML stays below 90 kB. */
const HTML_BYTES = 90_000;
/** Of that, for the words that say what is left out and what is attached. */
const NOTE_BYTES = 4_000;
const COLUMNS = 78;
const NAMED = 8;
/** Of a table in the text part; more is no text that anybody reads. */
const TEXT_ROWS = 500;
const MORE = note('… It goes on in the attached report.');

export function renderEmail(report: Report, about: Subject, options: EmailOptions = {}): RenderedEmail {
  const unsubscribeUrl = options.unsubscribeUrl === undefined ? undefined : safeUrl(options.unsubscribeUrl);
  const subject = subjectOf(report, about, options.thread ?? 'none');
  const stem = fileStem(report, about);
  const asked = attachmentPlans(report, options.attach ?? [], stem);
  const possible = attachmentPlans(report, ['csv', 'html'], stem);
  const long = longTables(report, possible);
  const wanted = [...asked, ...long.filter(({ name }) => !asked.some((plan) => plan.name === name))];
  const text = renderTextPart(report, { about, unsubscribeUrl, long });
  if (options.format === 'text') return { subject, text, files: wanted };
  const { html, files } = drawMail(report, {
    about,
    title: subject,
    wanted,
    possible,
    ...(unsubscribeUrl === undefined ? {} : { unsubscribeUrl }),
  });
  return { subject, html, text, files };
}

interface Mail {
  about: Subject;
  title: string;
  unsubscribeUrl?: string;
  /** Files that were asked for, and those that what does not fit goes to. */
  wanted: readonly FilePlan[];
  possible: readonly FilePlan[];
}

function drawMail(report: Report, mail: Mail): { html: string; files: FilePlan[] } {
  const { about } = mail;
  const id = describeSubject(about).id;
  const csv = (section: number): FilePlan | undefined =>
    mail.possible.find(({ source }) => source.is === 'table' && source.section === section);
  const page = mail.possible.find(({ source }) => source.is === 'report' && source.format === 'html');
  const frame: Frame = {
    is: 'mail',
    cid: (section, theme) => chartCid(id, { section, theme }),
    csv: (section) => csv(section)?.name ?? 'CSV file',
  };
  const draw = (body: readonly string[]): string =>
    drawDocument(report, { ...mail, frame: 'mail', body: body.join('\n') });
  const top = headline(report, about);
  const open = report.url === undefined ? '' : button(report.url, 'Open the full report');
  const chapters = [
    warningChapter(report),
    ...report.sections.map((section, at) => sectionChapter(section, { report, frame, at })),
    sourceChapter(report),
  ];
  const fitted = fitChapters(chapters, HTML_BYTES - NOTE_BYTES - bytes(draw([top, open])), MORE);
  const [warnings, sections, sources] = [fitted[0]?.html ?? '', fitted.slice(1, -1), fitted.at(-1)?.html ?? ''];
  const left = chapters.filter((_, at) => fitted[at]?.whole === false).map(({ name }) => name);
  const rest = left.length === 0 || page === undefined ? [] : [page];
  const tables = cutTables(report, sections).flatMap((at) => csv(at) ?? []);
  const files = [
    ...mail.wanted,
    ...[...tables, ...rest].filter((plan) => !mail.wanted.some(({ name }) => name === plan.name)),
  ];
  const goesOn =
    left.length === 0 ? '' : goesOnBanner(left, { command: describeSubject(about).command, file: page?.name });
  const body = [top, warnings, ...sections.map(({ html }) => html), goesOn, open, attachedNote(files), sources];
  return { html: draw(body.filter((part) => part !== '')), files: [...chartPlans(report, { sections, id }), ...files] };
}

/** Tables of which the mail shows a part: those that are not shown at all are in the attached report. */
function cutTables(report: Report, sections: readonly Fitted[]): number[] {
  return report.sections.flatMap((section, at) => {
    const rows = sections[at]?.shown[0] ?? 0;
    return section.kind === 'table' && rows > 0 && isTableCut(section, rows, report) ? [at] : [];
  });
}

/** The pictures that the HTML shows, each for light and for dark. */
function chartPlans(report: Report, drawn: { sections: readonly Fitted[]; id: string }): FilePlan[] {
  return report.sections.flatMap((section, at): FilePlan[] => {
    if (section.kind !== 'chart' || drawn.sections[at]?.shown[0] !== 1) return [];
    const name = section.id ?? `chart-${at + 1}`;
    const title = cutText(oneLine(section.title ?? section.alt), 200);
    const picture = { mediaType: 'image/png', title, alt: section.alt };
    const source = { is: 'chart', section: at } as const;
    const cid = (theme: 'light' | 'dark'): string => chartCid(drawn.id, { section: at, theme });
    return [
      { name: `${name}.png`, ...picture, cid: cid('light'), source },
      { name: `${name}-dark.png`, ...picture, cid: cid('dark'), source: { ...source, theme: 'dark' } },
    ];
  });
}

function chartCid(id: string, chart: { section: number; theme: 'light' | 'dark' }): string {
  return `chart-${chart.section + 1}-${chart.theme}.${id}@bellhop`;
}

function goesOnBanner(names: readonly string[], where: { command: string; file: string | undefined }): string {
  const named = listNames(names.filter((name) => name !== ''));
  const what = named === '' ? 'What is not shown here' : `What is not shown here (${named})`;
  const file = where.file === undefined ? '' : `the attached ${where.file}, `;
  const words = banner(
    'warn',
    `<strong>The report goes on.</strong> ${escapeHtml(`${what} stands in ${file}in the text part of this mail`)} and in <code>${escapeHtml(where.command)}</code>.`,
  );
  return `<div style="margin:30px 0 0">${words}</div>`;
}

function attachedNote(files: readonly FilePlan[]): string {
  if (files.length === 0) return '';
  return note(`Attached: ${escapeHtml(listNames(files.map(({ name }) => name)))}`);
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).map((name) => cutText(oneLine(name), 60));
  const more = names.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** `weekly-merchandising-2026-11-22`: what the files of the report are called. */
function fileStem(report: Report, about: Subject): string {
  const { name, at } = describeSubject(about);
  const day = report.period?.to ?? (report.generatedAt ?? at).slice(0, 10);
  return `${(report.series ?? name).replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 60)}-${day}`;
}

/** The files of the tables that the text part does not show whole. */
function longTables(report: Report, possible: readonly FilePlan[]): FilePlan[] {
  return possible.filter(({ source }) => {
    const section = source.is === 'table' ? report.sections[source.section] : undefined;
    return section?.kind === 'table' && section.rows.length > TEXT_ROWS;
  });
}

function renderTextPart(
  report: Report,
  { about, unsubscribeUrl, long }: { about: Subject; unsubscribeUrl: string | undefined; long: readonly FilePlan[] },
): string {
  const cut = (section: number): { rows: number; file: string } | undefined => {
    const plan = long.find(({ source }) => source.is === 'table' && source.section === section);
    return plan === undefined ? undefined : { rows: TEXT_ROWS, file: `the attached ${plan.name}` };
  };
  const foot = subjectFacts(about, report).flatMap((line) => wrapFact(oneLine(line)));
  const leave = unsubscribeUrl === undefined ? [] : [`Unsubscribe: ${unsubscribeUrl}`];
  return `${renderText(report, { width: COLUMNS, color: 'none', cut, about })}\n-- \n${[...foot, ...leave].join('\n')}\n`;
}

/** Facts are joined by a dot: a long line breaks there, and elsewhere only when it must. */
function wrapFact(line: string): string[] {
  const lines: string[] = [];
  for (const fact of line.split(' · ')) {
    const last = lines.at(-1);
    const joined = last === undefined ? fact : `${last} · ${fact}`;
    if (last === undefined || displayWidth(joined) > COLUMNS) lines.push(fact);
    else lines[lines.length - 1] = joined;
  }
  return lines.flatMap((one) => splitColumns(one, COLUMNS));
}
