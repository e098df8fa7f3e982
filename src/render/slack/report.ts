/** A report as Slack messages: the headline, figures, actions, two charts and a table in the channel, the rest in the thread. */
import type { Report } from '../../store/report.ts';
import type { AttachFormat } from '../files.ts';
import { oneLine } from '../format.ts';
import { describeSubject } from '../subject.ts';
import type { Subject, SubjectWords } from '../subject.ts';
import { contextLine, textSection } from './blocks.ts';
import { countChars } from './chars.ts';
import { fallback, footer, headline, sourcePieces } from './frame.ts';
import type { SlackFiles, SlackMessage, SlackPart } from './message.ts';
import { createPage, paginate } from './pages.ts';
import type { Page, Piece } from './pages.ts';
import { createFilePlans } from './plans.ts';
import type { FilePlans } from './plans.ts';
import { sectionPieces } from './section-pieces.ts';
import type { Setting } from './section-pieces.ts';
import type { SlackBlock } from './types.ts';

export interface SlackReportOptions {
  /** `text`: plain rich text alone, no charts, tables and fields. */
  format?: 'native' | 'text';
  /** What goes to the thread: `detail` (default) the sections of that priority and what does not fit, `all` but the headline, or `none`. */
  thread?: 'detail' | 'all' | 'none';
  attach?: readonly AttachFormat[];
}

/** A report is at most this many messages, those with its files among them. */
const MAX_MESSAGES = 8;
/** A report that is longer than that is this many messages in the thread, and all of it as a file. */
const THREAD_MESSAGES = 5;
/** Summary sections stay in the channel up to this much text; more is a wall there. Charts and tables are not counted. */
const HEADLINE_CHARS = 3_000;
/** Room in the first message for the line that says what is missing, and for one of the delivery above it. */
const NOTICE = { blocks: 3, chars: 600 };
/** O: files that are shared at once. */
const FILES_AT_ONCE = 10;

/** The messages and files of a report: the first is posted to the channel, the others to its thread, in order. */
export function renderSlackReport(report: Report, about: Subject, options: SlackReportOptions = {}): SlackPart[] {
  const { format = 'native', thread = 'detail', attach = [] } = options;
  const words = describeSubject(about);
  const files = createFilePlans(report, { words, attach });
  const setting: Setting = { report, format, files, ...('run' in about && { runId: about.run.id }) };
  const lead = headline(setting, 'run' in about ? 'The run failed.' : words.failure);
  const frame = [...lead.blocks, footer(setting, { words, threads: MAX_MESSAGES })];
  const page = createPage({ blocks: frame.length + NOTICE.blocks, chars: countChars(frame) + NOTICE.chars });
  const below = divide(setting, { page, thread, rest: lead.rest });
  const { shown, hidden } = cutPages(paginate(below), thread === 'none' ? 0 : roomFor(setting.files));
  const notice = hidden.length === 0 ? [] : [textSection(hiddenNotice(hidden, { words, files: setting.files }))];
  const first = [...lead.blocks, ...page.blocks, ...(shown.length === 0 ? notice : [])];
  const messages: SlackMessage[] = [
    {
      text: fallback(`${report.title}: ${report.summary}`),
      blocks: [...first, footer(setting, { words, threads: shown.length })],
    },
  ];
  shown.forEach((blocks, index) => {
    const part = shown.length > 1 ? `Part ${index + 1} of ${shown.length} · ${oneLine(report.title)}` : report.title;
    const label = shown.length > 1 ? [contextLine(part)] : [];
    const end = index === shown.length - 1 ? notice : [];
    messages.push({ text: fallback(part) || 'Report', blocks: [...label, ...blocks, ...end] });
  });
  return [...messages, ...fileParts(setting.files)];
}

/** Fills the first message with what belongs there; what it does not take is answered, in order. */
function divide(setting: Setting, terms: { page: Page; thread: string; rest: readonly Piece[] }): Piece[] {
  const { page, thread } = terms;
  const { sections } = setting.report;
  if (thread !== 'detail') {
    const all = [...terms.rest, ...sections.flatMap((_, index) => sectionPieces(index, setting))];
    const pieces = [...all, ...sourcePieces(setting.report)];
    if (thread === 'all') return pieces;
    const end = pieces.findIndex((piece) => {
      const fits = page.fits([piece]);
      if (fits) page.add(piece);
      return !fits;
    });
    return end < 0 ? [] : pieces.slice(end);
  }
  const below = [...terms.rest];
  let room = HEADLINE_CHARS;
  let open = true;
  sections.forEach((section, index) => {
    const pieces = sectionPieces(index, setting);
    const size = textOf(pieces);
    const isText = section.kind === 'markdown';
    const stays = section.priority === 'summary' && size <= room && page.fits(pieces) && (open || !isText);
    // Text is read in order: what follows a text that went to the thread goes there as well.
    if (isText && section.priority === 'summary') open &&= stays;
    if (!stays) below.push(...pieces);
    else {
      for (const piece of pieces) page.add(piece);
      room -= size;
    }
  });
  const sources = sourcePieces(setting.report);
  if (below.length > 0 || !page.fits(sources)) return [...below, ...sources];
  for (const piece of sources) page.add(piece);
  return [];
}

function textOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, piece) => sum + ('holds' in piece ? 0 : piece.chars), 0);
}

/** How many messages the thread may have, when the whole report may come as a file as well. */
function roomFor(files: FilePlans): number {
  return Math.max(1, MAX_MESSAGES - 1 - Math.ceil((files.list().length + 1) / FILES_AT_ONCE));
}

function cutPages(pages: SlackBlock[][], room: number): { shown: SlackBlock[][]; hidden: SlackBlock[][] } {
  const count = pages.length <= room ? room : Math.min(room, THREAD_MESSAGES);
  return { shown: pages.slice(0, count), hidden: pages.slice(count) };
}

function hiddenNotice(hidden: readonly SlackBlock[][], known: { words: SubjectWords; files: FilePlans }): string {
  const count = hidden.length === 1 ? '1 more part is' : `${hidden.length} more parts are`;
  const size = countChars(hidden);
  return `✂️ ${count} not shown here (${size} characters). The whole report is in ${known.files.whole()}, or: ${known.words.command}`;
}

function fileParts(plans: FilePlans): SlackFiles[] {
  const files = plans.list();
  const parts: SlackFiles[] = [];
  for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
    const some = files.slice(at, at + FILES_AT_ONCE);
    parts.push({ text: fallback(`📎 ${some.map(({ title }) => title).join(' · ')}`), files: some });
  }
  return parts;
}
