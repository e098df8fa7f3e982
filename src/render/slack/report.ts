import type { KnownBlock, MrkdwnElement, PlainTextElement, RichTextBlock } from '@slack/types';
import type { Figure, Section } from '../../store/report-sections.ts';
import type { Report } from '../../store/report.ts';
import { cutText, describeDelta, escapeMrkdwn, formatInstant, oneLine, plainText } from '../format.ts';
import { sectionBlocks } from '../markdown.ts';
import { plainBlocks } from '../sections.ts';
import { textSection, titlePieces, toPieces } from './blocks.ts';
import type { Piece } from './blocks.ts';
import { countChars } from './check.ts';
import { SLACK_LIMITS } from './limits.ts';
import type { SlackMessage, SlackPart } from './message.ts';
import { describeSubject } from '../subject.ts';
import type { Subject, SubjectWords } from '../subject.ts';

/** A report is at most this many messages; what does not fit is named, with the way to it. */
const MAX_MESSAGES = 8;
/** The first summary sections stay in the channel up to this; more is a wall of text there. */
const HEADLINE_CHARS = 3_000;
const HEADLINE_BLOCKS = 25;
/** Room in each message for its "part n" line, its footer and the notice of what is missing. */
const RESERVED_CHARS = 1_000;
const RESERVED_BLOCKS = 6;
/** A rich text block is closed at this size, so that one bad block costs little. */
const RICH_CHARS = 4_000;
const RICH_ELEMENTS = 100;

export interface SlackReportOptions {
  format?: 'native' | 'text';
  thread?: 'detail' | 'all' | 'none';
  attach?: readonly ('csv' | 'html' | 'md' | 'json')[];
}

/** The messages of a report: the first is posted to the channel, the others to its thread, in order; at most 8. */
export function renderSlackReport(report: Report, about: Subject, options: SlackReportOptions = {}): SlackPart[] {
  const files = (options.attach ?? []).flatMap((format) =>
    format === 'csv'
      ? []
      : [
          {
            name: `report.${format}`,
            mediaType: 'text/plain',
            title: report.title,
            source: { is: 'report' as const, format },
          },
        ],
  );
  const messages = renderMessages(report, about);
  return files.length === 0 ? messages : [...messages, { text: fallback(`Files: ${report.title}`), files }];
}

function renderMessages(report: Report, about: Subject): SlackMessage[] {
  const words = describeSubject(about);
  const lead = headline(report, 'run' in about ? 'The run failed.' : words.failure);
  const { inChannel, inThread } = divide(report, lead);
  const pages = paginate([...inThread, ...(inThread.length > 0 ? sourcePieces(report) : [])]);
  const shown = pages.slice(0, MAX_MESSAGES - 1);
  const hidden = pages.slice(MAX_MESSAGES - 1);
  const first: KnownBlock[] = [...lead, ...toBlocks(inChannel)];
  if (inThread.length === 0) first.push(...toBlocks(sourcePieces(report)));
  first.push(footer(report, { words, threads: shown.length }));
  const messages: SlackMessage[] = [{ text: fallback(`${report.title}: ${report.summary}`), blocks: first }];
  shown.forEach((page, index) => {
    const part = shown.length > 1 ? `Part ${index + 1} of ${shown.length} · ` : '';
    const blocks: KnownBlock[] = shown.length > 1 ? [contextLine(`${part}${report.title}`), ...page] : [...page];
    if (index === shown.length - 1 && hidden.length > 0) blocks.push(textSection(hiddenNotice(hidden, words)));
    messages.push({ text: fallback(`${part}${report.title}`), blocks });
  });
  return messages;
}

/** What must be in the channel whatever the length: title, state, summary and the first figures. */
function headline(report: Report, failure: string): KnownBlock[] {
  const title = cutText(oneLine(report.title), SLACK_LIMITS.header);
  const blocks: KnownBlock[] = [{ type: 'header', text: { type: 'plain_text', text: title || 'Report' } }];
  if (report.status === 'failed') blocks.push(textSection('❌ ', { text: failure, bold: true }));
  if (report.status === 'partial') blocks.push(textSection('⚠️ ', { text: 'This report is incomplete.', bold: true }));
  blocks.push(textSection(plainText(report.summary)));
  const warnings = report.warnings.map((warning) => `⚠️ ${oneLine(warning)}`).join('\n');
  if (warnings !== '') blocks.push(...toBlocks(toPieces([{ kind: 'paragraph', inlines: [{ text: warnings }] }])));
  return blocks;
}

/** Summary sections stay in the channel while they fit, in order; the first that does not fit takes the rest along. */
function divide(report: Report, lead: readonly KnownBlock[]): { inChannel: Piece[]; inThread: Piece[] } {
  const inChannel: Piece[] = [];
  const inThread: Piece[] = [];
  let chars = countChars(lead);
  let open = true;
  for (const section of report.sections) {
    const pieces = sectionPieces(section, report);
    const size = pieces.reduce((sum, piece) => sum + piece.chars, 0);
    const short = chars + size <= HEADLINE_CHARS && inChannel.length + pieces.length <= HEADLINE_BLOCKS;
    open &&= section.priority === 'detail' || short;
    if (open && section.priority === 'summary') {
      inChannel.push(...pieces);
      chars += size;
    } else inThread.push(...pieces);
  }
  return { inChannel, inThread };
}

function sectionPieces(section: Section, report: Report): Piece[] {
  const title = section.title === undefined ? [] : titlePieces(oneLine(section.title) || 'Section');
  switch (section.kind) {
    case 'markdown':
      return [...title, ...toPieces(sectionBlocks(section))];
    case 'figures':
      return [...title, ...figurePieces(section.figures, report.locale)];
    case 'table':
    case 'chart':
    case 'actions':
      return [...title, ...toPieces(plainBlocks(section, report))];
    default:
      return section satisfies never;
  }
}

function figurePieces(figures: readonly Figure[], locale: string): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < figures.length; at += SLACK_LIMITS.fields) {
    const fields = figures.slice(at, at + SLACK_LIMITS.fields).map((figure) => figureField(figure, locale));
    const block: KnownBlock = { type: 'section', fields };
    pieces.push({ kind: 'block', block, chars: countChars(block) });
  }
  return pieces;
}

const TONES = { good: '🟢', bad: '🔴', neutral: '⚪' } as const;

function figureField(figure: Figure, locale: string): MrkdwnElement | PlainTextElement {
  const label = oneLine(figure.label) || '–';
  const value = oneLine(figure.display) || '–';
  const delta = figure.delta === undefined ? undefined : describeDelta(figure.delta, locale);
  const change = delta === undefined ? '' : `\n${TONES[delta.tone]} ${oneLine(delta.text)}`;
  // mrkdwn has no escape for its own marks, so a text that holds one is shown without bold rather than wrongly.
  if (/[*_~`]/.test(label + value + change)) return { type: 'plain_text', text: `${label}\n${value}${change}` };
  return { type: 'mrkdwn', text: escapeMrkdwn(`${label}\n*${value}*${change}`) };
}

function sourcePieces(report: Report): Piece[] {
  if (report.sources.length === 0) return [];
  const items = report.sources.map((source) => {
    const asOf = source.asOf === undefined ? '' : ` (as of ${formatInstant(source.asOf, report)})`;
    const name = { text: oneLine(source.title), ...(source.url === undefined ? {} : { href: source.url }) };
    return { blocks: [{ kind: 'paragraph' as const, inlines: [name, { text: asOf }] }] };
  });
  const heading = { kind: 'paragraph' as const, inlines: [{ text: 'Sources', bold: true as const }] };
  return toPieces([heading, { kind: 'list', ordered: false, start: 1, items }]);
}

function footer(report: Report, facts: { words: SubjectWords; threads: number }): KnownBlock {
  const { name, schedule, reference } = facts.words;
  const parts = [name, ...(schedule === undefined ? [] : [`schedule ${schedule}`]), reference];
  if (report.generatedAt !== undefined) parts.push(formatInstant(report.generatedAt, report));
  if (facts.threads > 0)
    parts.push(facts.threads === 1 ? 'more in the thread' : `${facts.threads} more parts in the thread`);
  const text = escapeMrkdwn(parts.join(' · '));
  const link =
    report.url === undefined ? '' : ` · <${escapeMrkdwn(report.url).replace(/\|/g, '%7C')}|Open the full report>`;
  return { type: 'context', elements: [{ type: 'mrkdwn', text: `${text}${link}` }] };
}

function contextLine(text: string): KnownBlock {
  return { type: 'context', elements: [{ type: 'plain_text', text: oneLine(text) }] };
}

function hiddenNotice(hidden: readonly KnownBlock[][], words: SubjectWords): string {
  const count = hidden.length === 1 ? '1 more part is' : `${hidden.length} more parts are`;
  return `✂️ ${count} not shown here (${countChars(hidden)} characters). The whole report: ${words.command}`;
}

function fallback(text: string): string {
  return escapeMrkdwn(cutText(oneLine(text), SLACK_LIMITS.fallbackText / 2));
}

/** Fills messages with pieces, in order; a title never stays behind alone at the end of one. */
function paginate(pieces: readonly Piece[]): KnownBlock[][] {
  const pages: KnownBlock[][] = [];
  let page = createPage();
  let title: Piece | undefined;
  for (const piece of pieces) {
    if (page.isFullFor(piece)) {
      const carried = title;
      if (carried !== undefined) page.dropLast();
      if (page.blocks.length > 0) pages.push(page.blocks);
      page = createPage();
      if (carried !== undefined) page.add(carried);
    }
    page.add(piece);
    title = piece.kind === 'block' && piece.title ? piece : undefined;
  }
  if (page.blocks.length > 0) pages.push(page.blocks);
  return pages;
}

interface Page {
  blocks: KnownBlock[];
  add(piece: Piece): void;
  dropLast(): void;
  isFullFor(piece: Piece): boolean;
}

/** Blocks that grow piece by piece: neighbouring rich text shares one block. */
function createPage(): Page {
  const blocks: KnownBlock[] = [];
  let chars = 0;
  let open: { block: RichTextBlock; chars: number } | undefined;
  const joins = (piece: Piece): boolean =>
    piece.kind === 'rich' &&
    open !== undefined &&
    open.chars + piece.chars <= RICH_CHARS &&
    open.block.elements.length < RICH_ELEMENTS;
  return {
    blocks,
    add(piece) {
      chars += piece.chars;
      if (piece.kind === 'block') {
        blocks.push(piece.block);
        open = undefined;
        return;
      }
      if (open === undefined || !joins(piece)) {
        open = { block: { type: 'rich_text', elements: [] }, chars: 0 };
        blocks.push(open.block);
      }
      open.block.elements.push(piece.element);
      open.chars += piece.chars;
    },
    dropLast() {
      blocks.pop();
    },
    isFullFor(piece) {
      if (blocks.length === 0) return false;
      if (chars + piece.chars > SLACK_LIMITS.messageChars - RESERVED_CHARS) return true;
      return !joins(piece) && blocks.length >= SLACK_LIMITS.blocks - RESERVED_BLOCKS;
    },
  };
}

function toBlocks(pieces: readonly Piece[]): KnownBlock[] {
  const page = createPage();
  for (const piece of pieces) page.add(piece);
  return page.blocks;
}
