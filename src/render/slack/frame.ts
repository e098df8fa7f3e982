/** What stands around the sections: the headline above them, sources and footer below. */
import type { KnownBlock } from '@slack/types';
import type { Report } from '../../store/report.ts';
import { describeCost } from '../facts.ts';
import { cutText, escapeMrkdwn, formatInstant, oneLine, plainText } from '../format.ts';
import { periodBeside } from '../subject.ts';
import type { SubjectWords } from '../subject.ts';
import { textSection, toPieces } from './blocks.ts';
import { SLACK_LIMITS } from './limits.ts';
import { toBlocks } from './pages.ts';
import type { Piece } from './pages.ts';
import type { Setting } from './section-pieces.ts';
import type { SlackBlock } from './types.ts';

/** More warnings than this go to the thread: in the channel they would bury the report. */
const WARNING_CHARS = 2_000;

export interface Headline {
  blocks: SlackBlock[];
  /** The warnings that did not fit. */
  rest: Piece[];
}

/** What must be in the channel whatever the length: title, state, summary and the first warnings. */
export function headline({ report, format }: Setting, failure: string): Headline {
  const title = cutText(oneLine(report.title), SLACK_LIMITS.header) || 'Report';
  const blocks: SlackBlock[] = [
    format === 'native'
      ? { type: 'header', text: { type: 'plain_text', text: title } }
      : textSection({ text: title, bold: true }),
  ];
  if (report.status === 'failed') blocks.push(textSection('❌ ', { text: failure, bold: true }));
  if (report.status === 'partial') blocks.push(textSection('⚠️ ', { text: 'This report is incomplete.', bold: true }));
  blocks.push(textSection(plainText(report.summary).trim() || '–'));
  const first: string[] = [];
  const rest: string[] = [];
  let chars = 0;
  for (const warning of report.warnings.map((text) => `⚠️ ${oneLine(text)}`)) {
    chars += warning.length + 1;
    (chars <= WARNING_CHARS ? first : rest).push(warning);
  }
  if (rest.length > 0) first.push(`⚠️ ${rest.length} more warnings below`);
  blocks.push(...toBlocks(linePieces(first)));
  return { blocks, rest: linePieces(rest) };
}

function linePieces(lines: readonly string[]): Piece[] {
  return lines.length === 0 ? [] : toPieces([{ kind: 'paragraph', inlines: [{ text: lines.join('\n') }] }]);
}

export function sourcePieces(report: Report): Piece[] {
  if (report.sources.length === 0) return [];
  const items = report.sources.map((source) => {
    const asOf = source.asOf === undefined ? '' : ` (as of ${formatInstant(source.asOf, report)})`;
    const name = { text: oneLine(source.title) || '–', ...(source.url === undefined ? {} : { href: source.url }) };
    return { blocks: [{ kind: 'paragraph' as const, inlines: [name, { text: asOf }] }] };
  });
  const heading = { kind: 'paragraph' as const, inlines: [{ text: 'Sources', bold: true as const }] };
  return toPieces([heading, { kind: 'list', ordered: false, start: 1, items }]);
}

/** Who made the report, of which period, when and at what cost, and the way to all of it. */
export function footer({ report, format }: Setting, facts: { words: SubjectWords; threads: number }): KnownBlock {
  const { name, schedule, reference } = facts.words;
  const parts = [name, ...(schedule === undefined ? [] : [`schedule ${schedule}`]), reference];
  parts.push(periodBeside(report));
  if (report.generatedAt !== undefined) parts.push(formatInstant(report.generatedAt, report));
  parts.push(facts.words.spend ?? describeCost(report) ?? '');
  if (facts.threads > 0)
    parts.push(facts.threads === 1 ? 'more in the thread' : `${facts.threads} more parts in the thread`);
  const text = parts.filter((part) => part !== '').join(' · ');
  if (report.url === undefined) return format === 'native' ? contextMrkdwn(escapeMrkdwn(text)) : textSection(text);
  const open = 'Open the full report';
  const linked = `${escapeMrkdwn(text)} · <${escapeMrkdwn(report.url).replace(/\|/g, '%7C')}|${open}>`;
  if (format === 'native' && linked.length <= SLACK_LIMITS.section) return contextMrkdwn(linked);
  return textSection(`${text} · `, { text: open, href: report.url });
}

function contextMrkdwn(text: string): KnownBlock {
  return { type: 'context', elements: [{ type: 'mrkdwn', text }] };
}

/** What notifications and screen readers get. */
export function fallback(text: string): string {
  return escapeMrkdwn(cutText(oneLine(text), SLACK_LIMITS.fallbackText / 2));
}
