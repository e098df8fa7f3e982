/** Figures as the fields of a section: label, value, and the change in words that do not need colour. */
import type { KnownBlock, MrkdwnElement, PlainTextElement } from '@slack/types';
import type { Figure } from '../../store/report-sections.ts';
import { describeDelta, escapeMrkdwn, oneLine } from '../format.ts';
import { blocksOf, rangeOf } from '../text/spark.ts';
import { countChars } from './chars.ts';
import { SLACK_LIMITS } from './limits.ts';
import type { Piece } from './pages.ts';

const TONES = { good: '🟢', bad: '🔴', neutral: '⚪' } as const;
/** More would wrap in a field. */
const SPARK_POINTS = 16;

export function figurePieces(figures: readonly Figure[], locale: string): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < figures.length; at += SLACK_LIMITS.fields) {
    const fields = figures.slice(at, at + SLACK_LIMITS.fields).map((figure) => toField(figure, locale));
    const block: KnownBlock = { type: 'section', fields };
    pieces.push({ kind: 'blocks', blocks: [block], chars: countChars(block) });
  }
  return pieces;
}

function toField(figure: Figure, locale: string): MrkdwnElement | PlainTextElement {
  const label = oneLine(figure.label) || '–';
  const value = oneLine(figure.display) || '–';
  const delta = figure.delta === undefined ? undefined : describeDelta(figure.delta, locale);
  const change = delta === undefined ? '' : `\n${TONES[delta.tone]} ${oneLine(delta.text)}`;
  const spark = figure.spark === undefined ? '' : `\n${sparkText(figure.spark)}`;
  // mrkdwn has no escape for its own marks, so a text that holds one is shown without bold rather than wrongly.
  if (/[*_~`]/.test(label + value + change)) return { type: 'plain_text', text: `${label}\n${value}${change}${spark}` };
  return { type: 'mrkdwn', text: escapeMrkdwn(`${label}\n*${value}*${change}${spark}`) };
}

/** The last values as a line of blocks, as a terminal shows them. */
function sparkText(values: readonly number[]): string {
  const shown = values.slice(-SPARK_POINTS);
  return blocksOf(shown, rangeOf(shown));
}
